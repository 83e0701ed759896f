#include "monitor/commands.h"

namespace ct::monitor {
void add_watch_commands(CLI::App&, Session&) {}
}  // namespace ct::monitor
