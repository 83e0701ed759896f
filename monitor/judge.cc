#include "monitor/judge.h"
