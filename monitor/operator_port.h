// OperatorPort: /healthz, /readyz and /metrics for those who run the program.
//
//   /healthz  200 while the process lives and its database answers
//   /readyz   200 once the log list is loaded and logs are followed
//   /metrics  Prometheus text format
//
// Numbers only: no names, no secrets. Meant for a loopback address.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "monitor/engine.h"

namespace ct::monitor {

class OperatorPort {
 public:
  // `address` is "host:port"; port 0 lets the system choose. kUsage: not of
  // that form, or nothing can listen there. `engine` must outlive this.
  [[nodiscard]] static Result<std::unique_ptr<OperatorPort>> open(
      const std::string& address, Engine& engine);
  ~OperatorPort();

  [[nodiscard]] int port() const;

 private:
  class Impl;
  explicit OperatorPort(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ct::monitor
