// Telling systemd how we are, where it started us.
#pragma once

namespace ct::monitor {

// `state` as of sd_notify(3): "READY=1", "STOPPING=1". Does nothing where no
// service manager listens.
void notify_service_manager(const char* state);

}  // namespace ct::monitor
