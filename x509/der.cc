#include "x509/der.h"
