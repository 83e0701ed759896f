#include "ctlog/log_key.h"
