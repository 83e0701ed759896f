#include "ctlog/tree_head.h"
