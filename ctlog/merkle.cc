#include "ctlog/merkle.h"
