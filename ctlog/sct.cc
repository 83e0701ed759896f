#include "ctlog/sct.h"
