#include "base/http.h"
