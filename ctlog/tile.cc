#include "ctlog/tile.h"
