// Deliverer: takes messages out of the outbox and tells them.
//
// One thread for each channel, so that a receiver that is down delays neither
// the others nor the reading of logs. Channels come and go while it runs. All
// threads share one database connection: they need it for moments, and spend
// their time waiting for receivers.
//
// A message that fails is tried again with growing pauses, and is given up
// (a dead letter, and an alert for the other channels) once it is older than
// `dead_letter_after`. After a failure the whole channel rests, for as long as
// the receiver's Retry-After asks, so that one that is down is probed and not
// flooded.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "monitor/config.h"

namespace ct::monitor {

// How a deliverer spends its time; tests are in more of a hurry.
struct DeliveryTiming {
  // How often channels and due messages are looked for.
  std::chrono::milliseconds poll{1'000};
  // No other process takes a claimed message for so long; an attempt takes
  // 30 s at most.
  std::chrono::milliseconds claim{90'000};
  // Pauses after the first, second … failure; the last one from then on.
  std::vector<std::chrono::milliseconds> pauses{
      std::chrono::seconds(5),  std::chrono::seconds(30),
      std::chrono::minutes(2),  std::chrono::minutes(5),
      std::chrono::minutes(10), std::chrono::minutes(15),
      std::chrono::minutes(30)};
};

// The pause after failure number `failures` (from 1), a fifth longer or
// shorter by chance (`random` in [0, 1)), so that many do not come at once.
[[nodiscard]] std::chrono::milliseconds retry_pause(
    const DeliveryTiming& timing, unsigned failures, double random);

class Deliverer {
 public:
  // More channels than this are not served; each costs a thread.
  static constexpr std::size_t kMaxChannels = 64;

  // Starts at once. `url` opens its database connection.
  Deliverer(const Config& config, std::string url, DeliveryTiming timing = {});
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
