#include "ctlog/log_list.h"
