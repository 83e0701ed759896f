// Deliverer: takes messages out of the outbox and tells them.
//
// One thread for each channel, so that a receiver that is down delays neither
// the others nor the reading of logs.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "monitor/config.h"

namespace ct::monitor {

class Deliverer {
 public:
  // Starts at once. `url` opens its database connections.
  Deliverer(const Config& config, std::string url);
  // As stop().
  ~Deliverer();
  Deliverer(const Deliverer&) = delete;
  Deliverer& operator=(const Deliverer&) = delete;

  // Attempts everything that is due now, and waits until that is done, or
  // `patience` is over. What fails stays in the outbox for a later run.
  void drain(std::chrono::milliseconds patience);

  // Aborts what is under way and ends; within 5 seconds.
  void stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ct::monitor
