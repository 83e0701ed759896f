#include "monitor/commands.h"

namespace ct::monitor {
void add_run_commands(CLI::App&, Session&) {}
}  // namespace ct::monitor
