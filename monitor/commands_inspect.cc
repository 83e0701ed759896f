#include "monitor/commands.h"

namespace ct::monitor {
void add_inspect_commands(CLI::App&, Session&) {}
}  // namespace ct::monitor
