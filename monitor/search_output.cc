#include "monitor/search_output.h"

#include <fmt/format.h>

#include <chrono>
#include <deque>
#include <optional>
#include <utility>

#include "alerts/text.h"
#include "base/base64.h"
#include "monitor/terminal.h"
#include "x509/certificate.h"

namespace ct::monitor {
namespace {

using sql::HistoryCertificate;

// Answers can be seen as they come, yet are written many at a time.
class Writer {
 public:
  explicit Writer(std::FILE* stream) : stream_(stream) {}

  bool write(std::string_view text) {
    const bool whole =
        std::fwrite(text.data(), 1, text.size(), stream_) == text.size();
    const auto now = std::chrono::steady_clock::now();
    if (now - flushed_ > std::chrono::milliseconds(100)) {
      flushed_ = now;
      if (std::fflush(stream_) != 0) return false;
    }
    return whole;
  }
  [[nodiscard]] std::FILE* stream() const { return stream_; }

 private:
  std::FILE* stream_;
  std::chrono::steady_clock::time_point flushed_;
};

class JsonOutput : public SearchOutput {
 public:
  JsonOutput(std::FILE* stream, const std::vector<std::string>& queries,
             LogNames logs, bool array)
      : writer_(stream),
        queries_(queries),
        logs_(std::move(logs)),
        array_(array) {}

  bool add(std::size_t query, const HistoryCertificate& c) override {
    const std::string object = history_json(c, queries_[query], logs_);
    if (!array_) return writer_.write(object + '\n');
    return writer_.write((std::exchange(any_, true) ? ",\n" : "[\n") + object);
  }
  void end(bool whole) override {
    if (array_ && whole) writer_.write(any_ ? "\n]\n" : "[]\n");
  }

 private:
  Writer writer_;
  const std::vector<std::string>& queries_;
  const LogNames logs_;
  const bool array_;
  bool any_ = false;
};

class CsvOutput : public SearchOutput {
 public:
  CsvOutput(std::FILE* stream, const std::vector<std::string>& queries)
      : writer_(stream), queries_(queries) {
    writer_.write(std::string(history_csv_heading()) + "\r\n");
  }

  bool add(std::size_t query, const HistoryCertificate& c) override {
    return writer_.write(history_csv(c, queries_[query]) + "\r\n");
  }
  void end(bool) override {}

 private:
  Writer writer_;
  const std::vector<std::string>& queries_;
};

// Rows are printed as they come, so the columns cannot wait for the widest.
class TableOutput : public SearchOutput {
 public:
  TableOutput(std::FILE* stream, const std::vector<std::string>& queries)
      : writer_(stream), queries_(queries) {}

  bool add(std::size_t query, const HistoryCertificate& c) override {
    std::string out;
    if (queries_.size() > 1 && query_ != query) {
      out += (query_ ? "\n" : "") +
             coloured(writer_.stream(), Colour::kBold,
                      printable(queries_[query])) +
             '\n';
    }
    if (!query_) {
      out += coloured(writer_.stream(), Colour::kDim,
                      row("ISSUED", "EXPIRES", "ISSUER", "LOGGED AS", "NAMES"));
    }
    query_ = query;
    constexpr std::size_t kCell = 60;
    std::string names =
        c.names.empty() ? "(none)" : alerts::visible(c.names.front(), kCell);
    if (c.names.size() > 1) {
      names += ", " + alerts::visible(c.names[1], kCell);
    }
    if (c.names.size() > 2) names += fmt::format(" +{}", c.names.size() - 2);
    const bool expired = c.not_after * 1000 < now_millis();
    out += coloured(writer_.stream(), expired ? Colour::kDim : Colour::kNone,
                    row(format_seconds(c.not_before).substr(0, 10),
                        format_seconds(c.not_after).substr(0, 10),
                        alerts::visible(short_issuer(c.issuer), kIssuer),
                        fmt::format("{} ×{}", c.final ? "final" : "precert",
                                    c.sightings.size()),
                        names));
    return writer_.write(out);
  }
  void end(bool) override {}

 private:
  static constexpr std::size_t kIssuer = 30;

  static std::string row(std::string_view issued, std::string_view expires,
                         std::string_view issuer, std::string_view kind,
                         std::string_view names) {
    return fmt::format("{:<10}  {:<10}  {:<{}}  {:<11}  {}\n", issued, expires,
                       issuer, kIssuer, kind, names);
  }

  Writer writer_;
  const std::vector<std::string>& queries_;
  std::optional<std::size_t> query_;
};

class PemOutput : public SearchOutput {
 public:
  PemOutput(std::FILE* stream, LogNames logs, DerSource der,
            std::size_t at_once)
      : writer_(stream),
        logs_(std::move(logs)),
        der_(std::move(der)),
        at_once_(at_once) {}
  // What is under way may refer to what goes after us.
  ~PemOutput() override {
    for (const auto& p : pending_) (void)p.der();
  }

  bool add(std::size_t, const HistoryCertificate& c) override {
    std::string about = fmt::format(
        "# {} {} by {}, serial {}\n",
        c.final ? "certificate" : "precertificate",
        c.names.empty() ? "without names" : printable(c.names.front()),
        printable(c.issuer), c.serial);
    pending_.push_back({std::move(about), place(c), der_(c)});
    return pending_.size() < at_once_ || write_first();
  }
  void end(bool) override {
    while (!pending_.empty() && write_first()) continue;
    if (missing_ > 0) {
      fmt::print(stderr,
                 "ctvigil: {} of the certificates {} not kept here; --fetch "
                 "gets what is missing from the logs\n",
                 missing_, missing_ == 1 ? "was" : "were");
    }
  }

 private:
  struct Pending {
    std::string about, place;
    PendingDer der;
  };

  [[nodiscard]] std::string place(const HistoryCertificate& c) const {
    const auto* s = certificate_sighting(c);
    if (s == nullptr) return "";
    const auto log = logs_.find(s->log_id);
    return fmt::format(
        ", but in entry {} of {}", s->leaf_index,
        log == logs_.end() ? to_base64(s->log_id) : printable(log->second));
  }

  bool write_first() {
    const Pending first = std::move(pending_.front());
    pending_.pop_front();
    const auto der = first.der();
    if (!der) {
      fmt::print(stderr, "ctvigil: {}\n", der.error().what);
      return false;
    }
    if (der->bytes) {
      return writer_.write(first.about +
                           x509::to_pem("CERTIFICATE", *der->bytes));
    }
    if (der->why_not.empty()) ++missing_;
    return writer_.write(fmt::format(
        "{}# not available here{}{}{}\n\n", first.about, first.place,
        der->why_not.empty() ? "" : ": ", printable(der->why_not)));
  }

  Writer writer_;
  const LogNames logs_;
  const DerSource der_;
  const std::size_t at_once_;
  std::deque<Pending> pending_;
  std::size_t missing_ = 0;
};

}  // namespace

std::unique_ptr<SearchOutput> make_search_output(
    SearchFormat format, std::FILE* stream,
    const std::vector<std::string>& queries, LogNames logs) {
  switch (format) {
    case SearchFormat::kTable:
      break;
    case SearchFormat::kJson:
    case SearchFormat::kJsonl:
      return std::make_unique<JsonOutput>(stream, queries, std::move(logs),
                                          format == SearchFormat::kJson);
    case SearchFormat::kCsv:
      return std::make_unique<CsvOutput>(stream, queries);
    case SearchFormat::kPem:  // make_pem_output
      break;
  }
  return std::make_unique<TableOutput>(stream, queries);
}

std::unique_ptr<SearchOutput> make_pem_output(std::FILE* stream, LogNames logs,
                                              DerSource der,
                                              std::size_t at_once) {
  return std::make_unique<PemOutput>(stream, std::move(logs), std::move(der),
                                     at_once);
}

}  // namespace ct::monitor
