#include "monitor/commands.h"

namespace ct::monitor {
void add_log_commands(CLI::App&, Session&) {}
}  // namespace ct::monitor
