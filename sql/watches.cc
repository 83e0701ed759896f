#include "sql/watches.h"
