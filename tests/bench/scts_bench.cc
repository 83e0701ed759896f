// SCTs of all final certificates, beside the bare signatures in them.
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <deque>

#include "base/base64.h"
#include "base/sha256.h"
#include "monitor/demo/local_ca.h"
#include "monitor/sct_audit.h"

namespace {

using namespace ct;
using namespace ct::monitor;

constexpr unsigned kCertificates = 64;
constexpr unsigned kLogs = 3;  // SCTs of each certificate
constexpr Millis kThen = 1'760'000'000'000;
constexpr const char* kLimit = "limit/p256_verify";

// A page as either kind of log gives it: certificates with SCTs of three logs
// with P-256 keys, and everything around them.
class Scts {
 public:
  Scts() {
    for (unsigned i = 0; i < kLogs; ++i) {
      const auto& key = keys.emplace_back(demo::SigningKey::generate());
      ctlog::LogInfo info;
      info.log_id = key.spki_sha256();
      logs.emplace(info.log_id,
                   KnownLog{info, *ctlog::LogKey::from_spki(key.spki())});
    }
    audit.update(logs);
    // Together with the SCTs that makes 1.3 kB, as in production logs.
    demo::CertificateSpec spec;
    spec.names =
        demo::dns_names({"www.some-host.example", "some-host.example"});
    spec.organization = std::string(600, 'x');
    for (unsigned i = 0; i < kCertificates; ++i) add(ca.precertify(spec));
    if (!audit.issuers().find_or_read(ca.intermediate())) std::abort();
  }

  static Scts& instance() {
    static Scts scts;
    return scts;
  }

  const demo::LocalCa ca{{}};
  std::deque<demo::SigningKey> keys;
  KnownLogs logs;
  SctAudit audit;
  ctlog::EntryPage classic, tiled;
  std::size_t bytes = 0;  // of certificates

  // Of the first certificate and the first log.
  ctlog::Leaf leaf;
  ctlog::SignedCertificateTimestamp sct;
  Bytes message;

 private:
  void add(const demo::Issuance& issuance) {
    ctlog::Leaf promise;
    promise.timestamp = kThen;
    promise.type = ctlog::EntryType::kPrecert;
    promise.issuer_key_hash = issuance.issuer_key_hash;
    promise.certificate = kept_.emplace_back(issuance.tbs);
    const Bytes signed_bytes = ctlog::encode_leaf(promise);
    std::vector<Bytes> scts;
    for (const auto& key : keys) {
      const Bytes signature = key.digitally_sign(signed_bytes);
      scts.push_back(ctlog::encode_sct({.log_id = key.spki_sha256(),
                                        .timestamp = kThen,
                                        .extensions = {},
                                        .signature = signature}));
    }
    const Bytes der = ca.finish(issuance, scts);
    bytes += der.size();
    ctlog::Leaf final_leaf;
    final_leaf.timestamp = kThen;
    final_leaf.certificate = der;
    ctlog::ExtraData extra;
    const auto chain = ca.chain();
    for (const Bytes& c : chain) extra.chain.emplace_back(c);
    ctlog::RawEntry entry;
    entry.leaf = kept_.emplace_back(ctlog::encode_leaf(final_leaf));
    entry.extra_b64 = texts_.emplace_back(
        to_base64(ctlog::encode_extra_data(ctlog::EntryType::kX509, extra)));
    classic.entries.push_back(entry);
    const Hash issuer = sha256(ca.intermediate());
    entry.extra_b64 = {};
    entry.chain_fingerprints =
        kept_.emplace_back(Bytes(issuer.begin(), issuer.end()));
    tiled.entries.push_back(entry);
    if (!message.empty()) return;
    leaf = promise;
    message = signed_bytes;
    sct = *ctlog::parse_sct(kept_.emplace_back(scts[0]));
  }

  std::deque<Bytes> kept_;
  std::deque<std::string> texts_;
};

void bare_verify(benchmark::State& state) {
  Scts& s = Scts::instance();
  const unsigned char* p = s.keys[0].spki().data();
  EVP_PKEY* const key =
      d2i_PUBKEY(nullptr, &p, static_cast<long>(s.keys[0].spki().size()));
  EVP_PKEY_CTX* const ctx = EVP_PKEY_CTX_new(key, nullptr);
  EVP_PKEY_verify_init(ctx);
  const Hash digest = sha256(s.message);
  const ByteView signature = s.sct.signature.subspan(4);
  for (auto _ : state) {
    if (EVP_PKEY_verify(ctx, signature.data(), signature.size(), digest.data(),
                        digest.size()) != 1) {
      state.SkipWithError("does not hold");
      break;
    }
  }
  EVP_PKEY_CTX_free(ctx);
  EVP_PKEY_free(key);
  state.SetItemsProcessed(state.iterations());
}

void one_by_mbedtls(benchmark::State& state) {
  Scts& s = Scts::instance();
  const auto& key = s.logs.at(s.sct.log_id).key;
  for (auto _ : state) {
    if (!ctlog::verify_sct(key, s.sct, s.leaf)) {
      state.SkipWithError("does not hold");
      break;
    }
  }
  state.SetItemsProcessed(state.iterations());
  state.SetLabel(kLimit);
}

void one_by_libcrypto(benchmark::State& state) {
  Scts& s = Scts::instance();
  const auto verifier =
      ctlog::BulkVerifier::from_key(s.logs.at(s.sct.log_id).key);
  ctlog::SignedPrecert entry;
  if (!entry.assign(s.leaf.issuer_key_hash, s.leaf.certificate)) return;
  for (auto _ : state) {
    if (!verifier->verify(s.sct, entry)) {
      state.SkipWithError("does not hold");
      break;
    }
  }
  state.SetItemsProcessed(state.iterations());
  state.SetLabel(kLimit);
}

void all_of_a_page(benchmark::State& state,
                   ctlog::EntryPage Scts::*which_page) {
  Scts& s = Scts::instance();
  const ctlog::EntryPage& page = s.*which_page;
  for (auto _ : state) {
    PageScts out;
    s.audit.check(page, 0, page.entries.size(), out);
    std::uint64_t valid = 0;
    for (const auto& [id, tally] : out.counts) valid += tally[0];
    if (valid != kCertificates * kLogs) {
      state.SkipWithError("not all are valid");
      break;
    }
  }
  const auto pages = static_cast<std::size_t>(state.iterations());
  state.SetItemsProcessed(
      static_cast<std::int64_t>(pages * kCertificates * kLogs));
  state.SetBytesProcessed(static_cast<std::int64_t>(pages * s.bytes));
  state.SetLabel(kLimit);
}

BENCHMARK(bare_verify)->Name(kLimit);
BENCHMARK(one_by_mbedtls)->Name("sct/mbedtls");
BENCHMARK(one_by_libcrypto)->Name("sct/libcrypto");
BENCHMARK_CAPTURE(all_of_a_page, page, &Scts::classic)
    ->Name("scts/get_entries");
BENCHMARK_CAPTURE(all_of_a_page, page, &Scts::tiled)->Name("scts/data_tile");

}  // namespace
