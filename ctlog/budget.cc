#include "ctlog/budget.h"
