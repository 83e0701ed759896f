#include "ctlog/log_source.h"
