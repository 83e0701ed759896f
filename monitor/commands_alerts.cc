#include "monitor/commands.h"

namespace ct::monitor {
void add_alert_commands(CLI::App&, Session&) {}
}  // namespace ct::monitor
