#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/base64.h"
#include "monitor/search_output.h"
#include "monitor/terminal.h"

namespace ct::monitor {
namespace {

using Json = nlohmann::ordered_json;
using sql::HistoryCertificate;

// Counts of one query are kept, and printed when the next one begins.
class CountOutput : public SearchOutput {
 public:
  CountOutput(SearchGroup by, bool json, std::FILE* stream,
              const std::vector<std::string>& queries, LogNames logs)
      : by_(by),
        json_(json),
        stream_(stream),
        queries_(queries),
        logs_(std::move(logs)) {}

  bool add(std::size_t query, const HistoryCertificate& c) override {
    while (query_ < query) finish_query();
    switch (by_) {
      case SearchGroup::kNone:
        ++counts_[""];
        break;
      case SearchGroup::kIssuer:
        ++counts_[c.issuer];
        break;
      case SearchGroup::kMonth:
        ++counts_[format_seconds(c.not_before).substr(0, 7)];
        break;
      case SearchGroup::kLog:
        for (const auto& log : logs_of(c)) ++counts_[log];
        break;
    }
    return std::ferror(stream_) == 0;
  }

  void end(bool whole) override {
    if (!whole) return;
    while (query_ < queries_.size()) finish_query();
    if (json_) fmt::print(stream_, "{}", any_ ? "\n]\n" : "[]\n");
  }

 private:
  using Counts = std::vector<std::pair<std::string, std::uint64_t>>;

  [[nodiscard]] std::set<std::string> logs_of(
      const HistoryCertificate& c) const {
    std::set<std::string> out;
    for (const auto& s : c.sightings) {
      const auto log = logs_.find(s.log_id);
      out.insert(log == logs_.end() ? to_base64(s.log_id) : log->second);
    }
    return out;
  }

  // Months in their order, others the largest first.
  void finish_query() {
    Counts counts(counts_.begin(), counts_.end());
    if (by_ == SearchGroup::kNone && counts.empty()) counts = {{"", 0}};
    if (by_ != SearchGroup::kMonth) {
      std::ranges::stable_sort(counts, std::greater(),
                               &Counts::value_type::second);
    }
    if (json_) {
      print_json(counts);
    } else {
      print_text(counts);
    }
    counts_.clear();
    ++query_;
  }

  void print_json(const Counts& counts) {
    static constexpr const char* kKeys[] = {"", "issuer", "month", "log"};
    for (const auto& [group, count] : counts) {
      Json object = {{"query", queries_[query_]}};
      if (by_ != SearchGroup::kNone) {
        object[kKeys[static_cast<std::size_t>(by_)]] = group;
      }
      object["certificates"] = count;
      fmt::print(stream_, "{}{}", std::exchange(any_, true) ? ",\n" : "[\n",
                 object.dump(-1, ' ', true, Json::error_handler_t::replace));
    }
  }

  void print_text(const Counts& counts) {
    const bool several = queries_.size() > 1;
    for (const auto& [group, count] : counts) {
      std::string line = std::to_string(count);
      if (by_ != SearchGroup::kNone) {
        line = fmt::format("{:>10}  {}", line, printable(group));
      }
      if (several) line += "  " + printable(queries_[query_]);
      fmt::print(stream_, "{}\n", line);
    }
  }

  const SearchGroup by_;
  const bool json_;
  std::FILE* const stream_;
  const std::vector<std::string>& queries_;
  const LogNames logs_;
  std::size_t query_ = 0;
  std::map<std::string, std::uint64_t> counts_;
  bool any_ = false;
};

}  // namespace

std::unique_ptr<SearchOutput> make_search_count(
    SearchGroup by, bool json, std::FILE* stream,
    const std::vector<std::string>& queries, LogNames logs) {
  return std::make_unique<CountOutput>(by, json, stream, queries,
                                       std::move(logs));
}

}  // namespace ct::monitor
