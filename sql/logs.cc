#include "sql/logs.h"
