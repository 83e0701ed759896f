#include "monitor/watchlist.h"
