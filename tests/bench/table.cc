// Prints all benchmarks as one table: each beside what bounds it, measured in
// the same run.
//
// A benchmark names its bound by its label. Of several repetitions the best
// counts, for the bound as well: on a machine that others use too, that is
// the one they disturbed least.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace {

struct Row {
  double bytes = 0, items = 0;  // a second
  std::string limit;
};

class Table final : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }

  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.run_type != Run::RT_Iteration) continue;
      const std::string name = name_of(run);
      const auto [it, is_new] = rows_.try_emplace(name);
      if (is_new) order_.push_back(name);
      Row& row = it->second;
      row.bytes = std::max(row.bytes, rate(run, "bytes_per_second"));
      row.items = std::max(row.items, rate(run, "items_per_second"));
      row.limit = run.report_label;
    }
  }

  void print() const {
    fmt::print("{:34}{:>9}{:>13}{:>7}  {}\n", "", "GB/s", "million/s", "ratio",
               "of");
    for (const auto& name : order_) {
      const Row& row = rows_.at(name);
      fmt::print("{:34}{:>9}{:>13}", name, shown(row.bytes / 1e9),
                 shown(row.items / 1e6));
      if (const auto r = ratio(row); r > 0) {
        fmt::print("{:>7.2f}  {}", r, row.limit);
      }
      fmt::print("\n");
    }
  }

  void print_json() const {
    auto out = nlohmann::ordered_json::array();
    for (const auto& name : order_) {
      const Row& row = rows_.at(name);
      nlohmann::ordered_json j = {{"name", name}};
      if (row.bytes > 0) j["bytes_per_second"] = row.bytes;
      if (row.items > 0) j["items_per_second"] = row.items;
      if (const auto r = ratio(row); r > 0) {
        j["limit"] = row.limit;
        j["ratio"] = r;
      }
      out.push_back(std::move(j));
    }
    fmt::print("{}\n", out.dump(2));
  }

  // Whether every benchmark measured something.
  [[nodiscard]] bool complete() const {
    for (const auto& [name, row] : rows_) {
      if (row.bytes > 0 || row.items > 0) continue;
      fmt::print(stderr, "{}: measured nothing\n", name);
      return false;
    }
    return !rows_.empty();
  }

 private:
  // Without what Google Benchmark adds to it: "/real_time", "/repeats:3".
  static std::string name_of(const Run& run) {
    std::string name = run.run_name.function_name;
    if (!run.run_name.args.empty()) name += "/" + run.run_name.args;
    return name;
  }
  static double rate(const Run& run, const char* counter) {
    const auto it = run.counters.find(counter);
    return it == run.counters.end() ? 0 : it->second.value;
  }
  static std::string shown(double value) {
    return value > 0 ? fmt::format("{:.3g}", value) : "";
  }
  [[nodiscard]] double ratio(const Row& row) const {
    const auto it = rows_.find(row.limit);
    if (it == rows_.end()) return 0;
    const Row& limit = it->second;
    if (row.bytes > 0 && limit.bytes > 0) return row.bytes / limit.bytes;
    return limit.items > 0 ? row.items / limit.items : 0;
  }

  std::map<std::string, Row> rows_;
  std::vector<std::string> order_;
};

}  // namespace

int main(int argc, char** argv) {
  bool json = false;
  std::vector<char*> arguments;
  for (int i = 0; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--json") {
      json = true;
    } else {
      arguments.push_back(argv[i]);
    }
  }
  int count = static_cast<int>(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) {
    return 64;
  }
  Table table;
  benchmark::RunSpecifiedBenchmarks(&table);
  json ? table.print_json() : table.print();
  return table.complete() ? 0 : 1;
}
