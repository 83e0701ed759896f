// Serves logs for measurements: log_farm LOGS ENTRIES [static] [plain] [PAGE]
//
// LOGS logs of ENTRIES entries each, with entries as large as in production
// logs, PAGE (1,000) in a get-entries reply, one of a thousand for a name
// below watched.example. Prints the log list's path and the CA file's, then
// serves until standard input ends.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/bench/strangers.h"
#include "tests/support/fake_log.h"

int main(int argc, char** argv) {
  if (argc < 3) {
    fmt::print(stderr,
               "usage: log_farm LOGS ENTRIES [static] [plain] [PAGE]\n");
    return 64;
  }
  const int logs = std::atoi(argv[1]);
  const int entries = std::atoi(argv[2]);
  bool tiled = false;
  bool tls = true;
  ct::monitor::demo::EndpointOptions endpoints;
  endpoints.get_entries_cap = 1000;
  for (int i = 3; i < argc; ++i) {
    if (const int page = std::atoi(argv[i]); page > 0) {
      endpoints.get_entries_cap = static_cast<std::uint64_t>(page);
    }
    tiled = tiled || std::string(argv[i]) == "static";
    tls = tls && std::string(argv[i]) != "plain";
  }
  std::vector<ct::test::FakeLogs::LogOptions> options;
  for (int i = 0; i < logs; ++i) {
    ct::test::FakeLogs::LogOptions o;
    o.name = fmt::format("farm{}", i);
    // Operators have budgets of their own.
    o.operator_name = fmt::format("Operator {}", i % 10);
    o.kind = tiled ? ct::ctlog::LogKind::kStatic : ct::ctlog::LogKind::kRfc6962;
    options.push_back(std::move(o));
  }
  ct::test::FakeLogs farm(options, endpoints, tls);
  const ct::bench::Strangers strangers(farm.ca());
  for (int i = 0; i < logs; ++i) {
    const auto at = static_cast<std::size_t>(i);
    for (int n = 0; n < entries; ++n) {
      if (n % 1000 == 999) {
        farm.add_precert(at, fmt::format("n{}.watched.example", n));
      } else {
        farm.log(at).add(strangers.number(static_cast<unsigned>(n)));
      }
    }
    farm.log(at).publish();
  }
  fmt::print("{}\n{}\n", farm.list_path(), farm.ca_path());
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  return 0;
}
