#include "sql/private_postgres.h"
