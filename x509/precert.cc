#include "x509/precert.h"
