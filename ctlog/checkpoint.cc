#include "ctlog/checkpoint.h"
