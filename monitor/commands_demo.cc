#include "monitor/commands.h"

namespace ct::monitor {
void add_demo_commands(CLI::App&, Session&) {}
}  // namespace ct::monitor
