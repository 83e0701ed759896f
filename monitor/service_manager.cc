#include "monitor/service_manager.h"

#ifdef CT_HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

namespace ct::monitor {

void notify_service_manager([[maybe_unused]] const char* state) {
#ifdef CT_HAVE_SYSTEMD
  sd_notify(0, state);
#endif
}

}  // namespace ct::monitor
