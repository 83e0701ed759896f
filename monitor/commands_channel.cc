#include "monitor/commands.h"

namespace ct::monitor {
void add_channel_commands(CLI::App&, Session&) {}
}  // namespace ct::monitor
