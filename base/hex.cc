#include "base/hex.h"
