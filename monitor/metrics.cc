#include "monitor/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include "base/base64.h"
#include "monitor/version.h"

namespace ct::monitor {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

using Labels = std::vector<ClientMetric::Label>;

// One family, filled sample by sample.
class Family {
 public:
  Family(std::string name, std::string help, MetricType type) {
    family_.name = std::move(name);
    family_.help = std::move(help);
    family_.type = type;
  }
  void add(const Labels& labels, double value) {
    ClientMetric m;
    m.label = labels;
    if (family_.type == MetricType::Counter) {
      m.counter.value = value;
    } else {
      m.gauge.value = value;
    }
    family_.metric.push_back(std::move(m));
  }
  [[nodiscard]] MetricFamily take() { return std::move(family_); }

 private:
  MetricFamily family_;
};

double seconds(Millis t) { return static_cast<double>(t) / 1000; }

void add_log_families(Engine& engine, std::vector<MetricFamily>& out) {
  Family position("ctvigil_log_position", "Next entry to read",
                  MetricType::Gauge);
  Family head("ctvigil_log_head_entries", "Size of the largest verified head",
              MetricType::Gauge);
  Family lag_entries("ctvigil_log_lag_entries", "Entries not read yet",
                     MetricType::Gauge);
  Family lag_seconds("ctvigil_log_lag_seconds",
                     "Age of the newest entry read, while entries are unread",
                     MetricType::Gauge);
  Family head_age("ctvigil_log_head_age_seconds", "Age of the newest tree head",
                  MetricType::Gauge);
  Family entries("ctvigil_log_entries_total", "Entries read and verified",
                 MetricType::Counter);
  Family bytes("ctvigil_log_bytes_total", "Bytes of entries received",
               MetricType::Counter);
  Family malformed("ctvigil_log_malformed_entries_total",
                   "Entries that did not parse", MetricType::Counter);
  Family matches("ctvigil_log_matches_total", "Entries that name a watch",
                 MetricType::Counter);
  Family unverified("ctvigil_log_verification_failures_total",
                    "Heads, proofs or entries that did not verify",
                    MetricType::Counter);
  Family errors("ctvigil_log_fetch_errors_total",
                "Rounds that ended in an error, by kind", MetricType::Counter);
  Family following("ctvigil_log_following", "1 while the log is followed",
                   MetricType::Gauge);
  const Millis now = now_millis();
  for (const auto& log : engine.logs()) {
    const Labels labels = {{"log", log.info.description},
                           {"log_id", to_base64(log.info.log_id)},
                           {"operator", log.info.operator_name}};
    const auto unread = log.head > log.position ? log.head - log.position : 0;
    position.add(labels, static_cast<double>(log.position));
    head.add(labels, static_cast<double>(log.head));
    lag_entries.add(labels, static_cast<double>(unread));
    const bool lags = unread > 0 && log.newest_entry > 0;
    lag_seconds.add(labels, lags ? seconds(now - log.newest_entry) : 0);
    if (log.head_time > 0) head_age.add(labels, seconds(now - log.head_time));
    entries.add(labels, static_cast<double>(log.entries));
    bytes.add(labels, static_cast<double>(log.bytes));
    malformed.add(labels, static_cast<double>(log.malformed));
    matches.add(labels, static_cast<double>(log.matches));
    unverified.add(labels, static_cast<double>(log.verification_failures));
    for (std::size_t i = 0; i < log.errors.size(); ++i) {
      Labels with_kind = labels;
      with_kind.push_back(
          {"kind", std::string(to_string(static_cast<Errc>(i)))});
      errors.add(with_kind, static_cast<double>(log.errors[i]));
    }
    following.add(labels, log.state == "following" ? 1 : 0);
  }
  for (Family* f :
       {&position, &head, &lag_entries, &lag_seconds, &head_age, &entries,
        &bytes, &malformed, &matches, &unverified, &errors, &following}) {
    out.push_back(f->take());
  }
}

// One sample for each log and result that occurred. What names no known log
// has no log's labels: made-up ones would grow without end.
void add_sct_family(Engine& engine, std::vector<MetricFamily>& out) {
  Family scts("ctvigil_scts_total",
              "SCTs in final certificates, by the log they name",
              MetricType::Counter);
  for (const SctView& view : engine.scts()) {
    for (std::size_t i = 0; i < view.tally.size(); ++i) {
      if (view.tally[i] == 0) continue;
      Labels labels;
      if (view.log) {
        labels = {{"log", view.log->description},
                  {"log_id", to_base64(view.log->log_id)},
                  {"operator", view.log->operator_name}};
      }
      labels.push_back(
          {"result", std::string(to_string(static_cast<SctResult>(i)))});
      scts.add(labels, static_cast<double>(view.tally[i]));
    }
  }
  out.push_back(scts.take());
}

}  // namespace

std::string metrics_text(Engine& engine) {
  std::vector<MetricFamily> families;
  Family build("ctvigil_build_info", "The running version", MetricType::Gauge);
  build.add({{"version", std::string(kVersion)}}, 1);
  families.push_back(build.take());
  Family watches("ctvigil_watches", "Watches in force", MetricType::Gauge);
  watches.add({}, static_cast<double>(engine.watch_count()));
  families.push_back(watches.take());
  Family queue("ctvigil_store_queue_length", "Database jobs waiting",
               MetricType::Gauge);
  queue.add({}, static_cast<double>(engine.store_queue()));
  families.push_back(queue.take());
  if (const auto t = engine.list_time()) {
    Family list("ctvigil_log_list_timestamp_seconds",
                "Date of the log list in use", MetricType::Gauge);
    list.add({}, seconds(*t));
    families.push_back(list.take());
  }
  Family pending("ctvigil_deliveries_pending", "Messages waiting",
                 MetricType::Gauge);
  Family delivered("ctvigil_deliveries_total",
                   "Messages by what became of them", MetricType::Counter);
  for (const auto& channel : engine.outbox()) {
    const Labels labels = {{"channel", channel.channel}};
    pending.add(labels, static_cast<double>(channel.pending));
    delivered.add({labels[0], {"result", "delivered"}},
                  static_cast<double>(channel.delivered));
    delivered.add({labels[0], {"result", "dead"}},
                  static_cast<double>(channel.dead));
  }
  families.push_back(pending.take());
  families.push_back(delivered.take());
  add_log_families(engine, families);
  add_sct_family(engine, families);
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace ct::monitor
