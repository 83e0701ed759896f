#include "x509/names.h"
