#include "ctlog/leaf.h"
