#include "monitor/config.h"
