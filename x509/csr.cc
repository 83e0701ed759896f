#include "x509/csr.h"
