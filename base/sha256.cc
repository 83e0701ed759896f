#include "base/sha256.h"
