#include "alerts/channel.h"
