#include "monitor/deliverer.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <stop_token>
#include <thread>

#include "alerts/channel.h"
#include "base/http.h"
#include "base/log.h"
#include "monitor/version.h"
#include "sql/alerts.h"

namespace ct::monitor {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

double chance() {
  thread_local std::minstd_rand generator{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(generator);
}

// Tells those who can still be told. One alert a day and channel.
alerts::Alert delivery_failed(const alerts::Channel& channel,
                              const std::string& error, Millis now) {
  alerts::Alert alert;
  const std::string day = format_time(now).substr(0, 10);
  alert.kind = alerts::kind::kDeliveryFailed;
  alert.id = alerts::log_alert_id(alert.kind, Hash{}, channel.id + " " + day);
  alert.severity = alerts::Severity::kHigh;
  alert.title =
      fmt::format("Channel {} did not take its messages", channel.name);
  alert.reason = fmt::format(
      "At least one alert for the channel {} was given up, so whoever listens "
      "there does not know of it. Last error: {}.",
      channel.name, error);
  alert.created = alert.updated = now;
  return alert;
}

}  // namespace

milliseconds retry_pause(const DeliveryTiming& timing, unsigned failures,
                         double random) {
  const auto& pauses = timing.pauses;
  const std::size_t i =
      std::min<std::size_t>(std::max(failures, 1u), pauses.size()) - 1;
  return std::chrono::duration_cast<milliseconds>(pauses[i] *
                                                  (0.8 + 0.4 * random));
}

class Deliverer::Impl {
 public:
  Impl(const Config& config, std::string url, DeliveryTiming timing)
      : url_(std::move(url)),
        timing_(std::move(timing)),
        dead_letter_after_(config.dead_letter_after),
        http_({fmt::format("ctvigil/{} (+{})", kVersion, config.contact), 8,
               128}),
        manager_([this] { manage(); }) {}

  ~Impl() { stop(); }

  void drain(milliseconds patience) {
    std::unique_lock lock(mutex_);
    const std::uint64_t ticket = ++wanted_round_;
    changed_.notify_all();
    changed_.wait_for(lock, patience, [&] {
      const bool workers_done =
          std::all_of(workers_.begin(), workers_.end(), [&](const auto& w) {
            return w.second->ended || w.second->round >= ticket;
          });
      return stop_.stop_requested() || (round_ >= ticket && workers_done);
    });
  }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stop_.request_stop();
      for (auto& [id, worker] : workers_) worker->stop.request_stop();
    }
    changed_.notify_all();
    http_.stop();
    if (manager_.joinable()) manager_.join();
    // No thread adds or removes workers any more.
    for (auto& [id, worker] : workers_) {
      if (worker->thread.joinable()) worker->thread.join();
    }
  }

 private:
  // One for each channel. `channel`, `round` and `ended` guarded by mutex_.
  struct Worker {
    alerts::Channel channel;
    std::uint64_t round = 0;  // the last drain() it has done its part of
    bool ended = false;
    std::stop_source stop;
    std::thread thread;  // touched by the manager, and by stop() after it
  };

  // --- the manager: which channels are there ---

  void manage() {
    bool away = false;
    while (!stop_.stop_requested()) {
      std::uint64_t round = 0;
      {
        const std::lock_guard lock(mutex_);
        round = wanted_round_;
      }
      auto channels = with_database(
          [](sql::Database& db) { return sql::load_channels(db); });
      std::unique_lock lock(mutex_);
      if (channels) {
        adopt(std::move(*channels));
        round_ = round;
        changed_.notify_all();
      } else if (!away) {
        log_warning("channels not loaded", {{"error", channels.error().what}});
      }
      away = !channels.has_value();
      changed_.wait_for(lock, timing_.poll, [&] {
        return stop_.stop_requested() || (!away && wanted_round_ != round);
      });
    }
  }

  // With mutex_ held.
  void adopt(std::vector<alerts::Channel> channels) {
    std::erase_if(channels, [](const auto& c) { return !c.enabled; });
    if (channels.size() > kMaxChannels) {
      if (!told_of_too_many_) {
        log_error("too many channels, the last ones get nothing",
                  {{"served", kMaxChannels}, {"channels", channels.size()}});
      }
      told_of_too_many_ = true;
      channels.resize(kMaxChannels);
    }
    for (auto& [id, worker] : workers_) {
      const bool is_there = std::any_of(
          channels.begin(), channels.end(),
          [&](const auto& c) { return c.id == worker->channel.id; });
      if (!is_there) worker->stop.request_stop();
    }
    changed_.notify_all();
    std::erase_if(workers_, [](auto& entry) {
      if (!entry.second->ended) return false;
      // It has let go of the mutex for good, so this is no wait.
      entry.second->thread.join();
      return true;
    });
    if (stop_.stop_requested()) return;
    for (auto& channel : channels) {
      auto& worker = workers_[channel.id];
      if (worker) {
        worker->channel = std::move(channel);
        continue;
      }
      worker = std::make_unique<Worker>();
      worker->channel = std::move(channel);
      worker->thread = std::thread([this, &w = *worker] { work(w); });
    }
  }

  // --- a worker: one channel's messages, one after the other ---

  void work(Worker& worker) {
    unsigned failures = 0;  // in a row
    Clock::time_point rest_until{};
    const auto stop = worker.stop.get_token();
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
      const std::uint64_t round = wanted_round_;
      if (round == worker.round && Clock::now() < rest_until) {
        changed_.wait_until(lock, rest_until, [&] {
          return stop.stop_requested() || wanted_round_ != round;
        });
        continue;
      }
      const alerts::Channel channel = worker.channel;
      lock.unlock();
      const auto pause = deliver_one(channel, stop, failures);
      lock.lock();
      if (pause == kEnd) break;
      if (pause == kMore) continue;
      if (pause > milliseconds(0)) {
        rest_until = Clock::now() + pause;
        continue;
      }
      if (pause == kNothing) {
        worker.round = round;
        changed_.notify_all();
      }
      changed_.wait_for(lock, timing_.poll, [&] {
        return stop.stop_requested() || wanted_round_ != round;
      });
    }
    worker.ended = true;
    changed_.notify_all();
  }

  // What deliver_one found: there may be more, no message is due, the database
  // is away, the receiver wants no more; else how long the channel should
  // rest.
  static constexpr milliseconds kNothing{0}, kMore{-1}, kAway{-2}, kEnd{-3};

  milliseconds deliver_one(const alerts::Channel& channel,
                           const std::stop_token& stop, unsigned& failures) {
    auto claimed = with_database([&](sql::Database& db) {
      return sql::claim_deliveries(db, channel.id, 1, timing_.claim);
    });
    if (!claimed) {
      // The manager tells of a database that is away, once for all channels.
      log_debug("nothing claimed",
                {{"channel", channel.name}, {"error", claimed.error().what}});
      return kAway;
    }
    if (claimed->empty()) return kNothing;
    const sql::Delivery& delivery = claimed->front();
    const auto result = alerts::deliver(http_, channel, delivery.message, stop);
    if (result) {
      failures = 0;
      record(stop, [&](sql::Database& db) {
        return sql::mark_delivered(db, delivery.id);
      });
      log_info("alert told", {{"channel", channel.name},
                              {"alert", delivery.message.alert.id},
                              {"message", delivery.id}});
      return kMore;
    }
    if (stop.stop_requested()) {
      // No fault of the receiver's: due again at once.
      record(stop, [&](sql::Database& db) {
        return sql::mark_failed(
            db, delivery.id, "the program was stopped meanwhile", now_millis());
      });
      return kMore;
    }
    ++failures;
    return failed(channel, delivery, result.error(), failures, stop);
  }

  // Returns how long the channel should rest.
  milliseconds failed(const alerts::Channel& channel,
                      const sql::Delivery& delivery,
                      const alerts::DeliveryError& error, unsigned failures,
                      const std::stop_token& stop) {
    const Millis now = now_millis();
    const bool dead =
        error.permanent || now - delivery.created >= dead_letter_after_.count();
    const milliseconds asked = error.retry_after.value_or(milliseconds(0));
    const milliseconds again = std::max(
        asked, retry_pause(timing_, delivery.message.attempt, chance()));
    record(stop, [&](sql::Database& db) {
      return sql::mark_failed(
          db, delivery.id, error.what,
          dead ? std::nullopt : std::optional<Millis>(now + again.count()));
    });
    log_warning(dead ? "alert given up" : "alert not told",
                {{"channel", channel.name},
                 {"alert", delivery.message.alert.id},
                 {"attempt", delivery.message.attempt},
                 {"error", error.what},
                 {"again_in", dead ? "never" : format_duration(again)}});
    if (error.disable) {
      record(stop, [&](sql::Database& db) {
        return sql::set_channel_enabled(db, channel.name, false, error.what);
      });
    }
    // Not for such an alert itself, or it would breed.
    if (dead && delivery.message.alert.kind != alerts::kind::kDeliveryFailed) {
      record(stop, [&](sql::Database& db) {
        return sql::raise_alert(db, delivery_failed(channel, error.what, now));
      });
    }
    if (error.disable) return kEnd;
    if (error.permanent) return kMore;  // of that message, not the channel
    return std::max(asked, retry_pause(timing_, failures, chance()));
  }

  // --- the database ---

  template <class F>
  auto with_database(F&& job) -> decltype(job(std::declval<sql::Database&>())) {
    const std::lock_guard lock(database_mutex_);
    if (!database_) {
      auto opened = sql::Database::connect(url_);
      if (!opened) return tl::unexpected(opened.error());
      database_ = std::move(*opened);
    }
    return job(*database_);
  }

  // Writes down what happened, and keeps trying while the database is away:
  // else a message that was told is told again. Once more when stopping.
  template <class F>
  void record(const std::stop_token& stop, const F& job) {
    for (;;) {
      const bool last = stop.stop_requested();
      const auto done = with_database(job);
      if (done) return;
      if (last || done.error().code != Errc::kTransient) {
        log_error("delivery not recorded", {{"error", done.error().what}});
        return;
      }
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, timing_.poll,
                        [&] { return stop.stop_requested(); });
    }
  }

  const std::string url_;  // secret
  const DeliveryTiming timing_;
  const milliseconds dead_letter_after_;
  HttpClient http_;

  std::mutex database_mutex_;
  std::unique_ptr<sql::Database> database_;  // guarded by database_mutex_

  std::mutex mutex_;  // guards what follows; never held while waiting for
                      // the database or a receiver
  std::condition_variable changed_;
  std::map<std::string, std::unique_ptr<Worker>> workers_;  // by channel id
  std::uint64_t wanted_round_ = 0;  // grows with each drain()
  std::uint64_t round_ = 0;         // the last one channels were loaded for
  bool told_of_too_many_ = false;
  std::stop_source stop_;

  std::thread manager_;  // last: it uses all of the above
};

Deliverer::Deliverer(const Config& config, std::string url,
                     DeliveryTiming timing)
    : impl_(std::make_unique<Impl>(config, std::move(url), std::move(timing))) {
}
Deliverer::~Deliverer() = default;

void Deliverer::drain(milliseconds patience) { impl_->drain(patience); }
void Deliverer::stop() { impl_->stop(); }

}  // namespace ct::monitor
