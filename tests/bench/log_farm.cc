// Serves logs for measurements: log_farm LOGS ENTRIES [static] [plain]
//
// LOGS logs of ENTRIES entries each, with entries as large as in production
// logs, 1,000 in a get-entries reply, one of them for a name below
// watched.example. Prints the log list's path and the CA file's, then serves
// until standard input ends.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

#include "tests/support/fake_log.h"
#include "x509/der_writer.h"

namespace {

using ct::Bytes;
using namespace ct::monitor::demo;

// Makes an entry 5.5 kB of JSON with its chain of two, its leaf 1.5 kB.
constexpr std::size_t kFiller = 1000;
constexpr std::string_view kMarker = "h00000000";

// Keys and signatures do not compress either.
Bytes noise(unsigned seed) {
  std::mt19937 random(seed);
  Bytes out(kFiller);
  for (auto& b : out) b = static_cast<std::uint8_t>(random());
  return out;
}

void replace_all(Bytes& in, ct::ByteView what, ct::ByteView with) {
  for (auto at = in.begin();; at += static_cast<long>(what.size())) {
    at = std::search(at, in.end(), what.begin(), what.end());
    if (at == in.end()) return;
    std::copy(with.begin(), with.end(), at);
  }
}

// Precertificates that differ in names and noise only. Signing each would take
// minutes, and nobody checks the signature of what is nobody's.
class Strangers {
 public:
  explicit Strangers(const LocalCa& ca) {
    CertificateSpec spec;
    spec.names = dns_names({std::string(kMarker) + ".nobody.example",
                            "www." + std::string(kMarker) + ".nobody.example"});
    spec.extensions =
        ct::x509::der::extension("1.3.6.1.4.1.99999.1", false, template_noise_);
    template_ = precert_submission(ca.precertify(spec));
  }

  [[nodiscard]] Submission number(int n) const {
    Submission s = template_;
    const std::string name = fmt::format("h{:08}", n);
    const Bytes own_noise = noise(static_cast<unsigned>(n));
    for (Bytes* bytes : {&s.certificate, &s.precertificate}) {
      replace_all(*bytes, ct::as_bytes(kMarker), ct::as_bytes(name));
      replace_all(*bytes, template_noise_, own_noise);
    }
    return s;
  }

 private:
  const Bytes template_noise_ = noise(0);
  Submission template_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    fmt::print(stderr, "usage: log_farm LOGS ENTRIES [static] [plain]\n");
    return 64;
  }
  const int logs = std::atoi(argv[1]);
  const int entries = std::atoi(argv[2]);
  bool tiled = false;
  bool tls = true;
  for (int i = 3; i < argc; ++i) {
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
  EndpointOptions endpoints;
  endpoints.get_entries_cap = 1000;
  ct::test::FakeLogs farm(options, endpoints, tls);
  const Strangers strangers(farm.ca());
  for (int i = 0; i < logs; ++i) {
    const auto at = static_cast<std::size_t>(i);
    for (int n = 0; n < entries; ++n) {
      if (n % 1000 == 999) {
        farm.add_precert(at, fmt::format("n{}.watched.example", n));
      } else {
        farm.log(at).add(strangers.number(n));
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
