#include "tests/bench/strangers.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "x509/der_writer.h"

namespace ct::bench {
namespace {

using namespace monitor::demo;

// An extension that makes a leaf 1.5 kB, and an entry with its chain of two
// 5.5 kB of JSON.
constexpr std::size_t kFiller = 1000;
// As much of it as key, serial and signature are of a real certificate: with
// that, a tile compresses to 0.4 kB an entry, as real ones do.
constexpr std::size_t kNoise = 300;
constexpr std::string_view kMarker = "h00000000";

Bytes noise(unsigned seed, std::size_t n) {
  std::mt19937 random(seed);
  Bytes out(n);
  for (auto& b : out) b = static_cast<std::uint8_t>(random());
  return out;
}

void replace_all(Bytes& in, ByteView what, ByteView with) {
  for (auto at = in.begin();; at += static_cast<long>(what.size())) {
    at = std::search(at, in.end(), what.begin(), what.end());
    if (at == in.end()) return;
    std::copy(with.begin(), with.end(), at);
  }
}

}  // namespace

Strangers::Strangers(const LocalCa& ca) : template_noise_(noise(0, kNoise)) {
  CertificateSpec spec;
  const std::string host = std::string(kMarker) + ".nobody.example";
  spec.names = dns_names({host, "www." + host});
  Bytes filler = template_noise_;
  put_bytes(filler, noise(1, kFiller - kNoise));
  spec.extensions = x509::der::extension("1.3.6.1.4.1.99999.1", false, filler);
  template_ = precert_submission(ca.precertify(spec));
}

Submission Strangers::number(unsigned n) const {
  Submission s = template_;
  const std::string name = fmt::format("h{:08}", n % 100'000'000);
  const Bytes own_noise = noise(n + 1, kNoise);
  for (Bytes* bytes : {&s.certificate, &s.precertificate}) {
    replace_all(*bytes, as_bytes(kMarker), as_bytes(name));
    replace_all(*bytes, template_noise_, own_noise);
  }
  return s;
}

}  // namespace ct::bench
