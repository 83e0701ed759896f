// The monitor's numbers in Prometheus' text format.
#pragma once

#include <string>

#include "monitor/engine.h"

namespace ct::monitor {

[[nodiscard]] std::string metrics_text(Engine& engine);

}  // namespace ct::monitor
