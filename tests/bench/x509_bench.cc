// Certificates: the bulk scan, which sees every entry of every log, and what
// only matches pay for.
#include <benchmark/benchmark.h>

#include "tests/support/made_certificate.h"
#include "x509/certificate.h"
#include "x509/names.h"
#include "x509/precert.h"

namespace {

using namespace ct;

class Counter final : public x509::NameSink {
 public:
  void name(const x509::Name& n) override {
    bytes += n.value.size();
    ++names;
  }
  std::size_t names = 0, bytes = 0;
};

// As logs hold them: a TBS of about 1 kB with three DNS names.
void count(benchmark::State& state) {
  state.SetItemsProcessed(state.iterations());
}

void scan_names_of_a_tbs(benchmark::State& state) {
  const Bytes tbs = test::realistic_certificate().tbs();
  Counter sink;
  for (auto _ : state) {
    benchmark::DoNotOptimize(x509::scan_names(tbs, true, sink));
  }
  state.counters["names"] =
      static_cast<double>(sink.names) / static_cast<double>(state.iterations());
  count(state);
}
BENCHMARK(scan_names_of_a_tbs)->Name("x509/scan_names_of_a_tbs");

void scan_names_of_100(benchmark::State& state) {
  test::MadeCertificate made;
  std::vector<Bytes> names;
  for (int i = 0; i < 100; ++i) {
    names.push_back(test::dns("host" + std::to_string(i) + ".example.com"));
  }
  made.extensions = {test::san(names)};
  const Bytes tbs = made.tbs();
  Counter sink;
  for (auto _ : state) {
    benchmark::DoNotOptimize(x509::scan_names(tbs, true, sink));
  }
  count(state);
}
BENCHMARK(scan_names_of_100)->Name("x509/scan_names_of_100");

void parse_certificate(benchmark::State& state) {
  const Bytes der = test::realistic_certificate().certificate();
  for (auto _ : state) {
    benchmark::DoNotOptimize(x509::parse_certificate(der));
  }
  count(state);
}
BENCHMARK(parse_certificate)->Name("x509/parse_certificate");

void tbs_sha256(benchmark::State& state) {
  const Bytes der = test::realistic_certificate().certificate();
  const auto c = x509::parse_certificate(der);
  for (auto _ : state) benchmark::DoNotOptimize(x509::tbs_sha256(*c));
  count(state);
}
BENCHMARK(tbs_sha256)->Name("x509/tbs_sha256");

void canonical_test(benchmark::State& state) {
  const std::string_view host = "www.some-host.example.com";
  for (auto _ : state) {
    benchmark::DoNotOptimize(x509::is_canonical_host(host));
  }
  count(state);
}
BENCHMARK(canonical_test)->Name("x509/canonical_test");

void registrable_domain(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(x509::registrable_domain("a.b.example.co.uk"));
  }
  count(state);
}
BENCHMARK(registrable_domain)->Name("x509/registrable_domain");

}  // namespace
