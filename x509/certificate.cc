#include "x509/certificate.h"
