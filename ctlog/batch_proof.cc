#include "ctlog/batch_proof.h"
