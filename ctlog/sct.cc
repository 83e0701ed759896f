#include "ctlog/sct.h"

namespace ct::ctlog {
namespace {

constexpr std::size_t kMaxCertificate = (1u << 24) - 1;
constexpr std::size_t kMaxExtensions = (1u << 16) - 1;

tl::unexpected<Error> malformed(const char* what) {
  return fail(Errc::kMalformed, std::string("SCT: ") + what);
}

}  // namespace

// struct {
//   Version sct_version;        // v1(0)
//   LogID id;                   // opaque key_id[32]
//   uint64 timestamp;
//   CtExtensions extensions;    // opaque<0..2^16-1>
//   digitally-signed struct { … };
// } SignedCertificateTimestamp;
Result<SignedCertificateTimestamp> parse_sct(ByteView sct) {
  ByteReader in(sct);
  const auto version = in.uint(1);
  if (!version) return malformed("empty");
  if (*version != 0) return malformed("unknown version");
  const auto log_id = in.hash();
  const auto timestamp = in.uint(8);
  const auto extensions = in.vector(2);
  if (!log_id || !timestamp || !extensions) return malformed("truncated");

  SignedCertificateTimestamp out;
  out.log_id = *log_id;
  out.timestamp = static_cast<Millis>(*timestamp);
  out.extensions = *extensions;
  out.signature = in.rest();
  if (!in.uint(2) || !in.vector(2)) return malformed("signature truncated");
  if (!in.empty()) return malformed("trailing bytes");
  return out;
}

Bytes encode_sct(const SignedCertificateTimestamp& sct) {
  Bytes out;
  put_uint(out, 0, 1);
  put_bytes(out, sct.log_id);
  put_uint(out, static_cast<std::uint64_t>(sct.timestamp), 8);
  put_uint(out, sct.extensions.size(), 2);
  put_bytes(out, sct.extensions);
  put_bytes(out, sct.signature);
  return out;
}

// opaque SerializedSCT<1..2^16-1>;
// struct { SerializedSCT sct_list<1..2^16-1>; } SignedCertificateTimestampList;
Result<SctList> parse_sct_list(ByteView list) {
  ByteReader in(list);
  const auto all = in.vector(2);
  if (!all) return malformed("list truncated");
  if (!in.empty()) return malformed("trailing bytes behind the list");
  SctList out;
  ByteReader members(*all);
  while (!members.empty()) {
    const auto member = members.vector(2);
    if (!member) {
      // It runs over the end, so nothing can follow it.
      ++out.unreadable;
      break;
    }
    if (const auto sct = parse_sct(*member)) {
      out.scts.push_back(*sct);
    } else {
      ++out.unreadable;
    }
  }
  return out;
}

// What an SCT signs (section 3.2) and a MerkleTreeLeaf (section 3.4) are the
// same bytes: version, a type that is 0 in both, timestamp, entry, extensions.
Result<void> verify_sct(const LogKey& key,
                        const SignedCertificateTimestamp& sct, Leaf entry) {
  if (key.log_id() != sct.log_id) return malformed("by another log");
  if (entry.certificate.size() > kMaxCertificate ||
      sct.extensions.size() > kMaxExtensions) {
    return malformed("over more bytes than a leaf can hold");
  }
  entry.timestamp = sct.timestamp;
  entry.extensions = sct.extensions;
  const auto ok = key.verify(encode_leaf(entry), sct.signature);
  if (!ok) return fail_in("SCT", ok.error());
  return {};
}

}  // namespace ct::ctlog
