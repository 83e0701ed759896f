#include "monitor/commands.h"

namespace ct::monitor {
void add_config_commands(CLI::App&, Session&) {}
}  // namespace ct::monitor
