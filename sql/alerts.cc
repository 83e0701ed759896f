#include "sql/alerts.h"
