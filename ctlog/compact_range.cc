#include "ctlog/compact_range.h"
