#include "x509/der_writer.h"
