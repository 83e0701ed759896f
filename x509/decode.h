// Decoders of single parts of a certificate, shared within this room.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "x509/certificate.h"
#include "x509/tbs.h"

namespace ct::x509 {

// What is against the rules, each phrase once, and no more than a reader can
// take in: hostile certificates could break rules by the million.
class Oddities {
 public:
  explicit Oddities(std::vector<std::string>& out) : out_(out) {}
  void add(std::string_view phrase);

 private:
  std::vector<std::string>& out_;
};

class NameCollector final : public NameSink {
 public:
  explicit NameCollector(std::vector<Name>& out) : out_(out) {}
  void name(const Name& name) override { out_.push_back(name); }

 private:
  std::vector<Name>& out_;
};

// Both give all names they can, and say false if there might be more: an
// element that does not parse, an unknown kind of name, trailing bytes.
//
// `name` is the contents of Name ::= SEQUENCE OF SET OF
// SEQUENCE { type OID, value ANY }.
[[nodiscard]] bool walk_distinguished_name(ByteView name, NameSink& sink);
// `value` is the extnValue of a subjectAltName: SEQUENCE OF GeneralName.
[[nodiscard]] bool walk_alt_names(ByteView value, NameSink& sink);

// Notes what is odd about the names themselves.
void judge_names(const std::vector<Name>& names, Oddities& oddities);

struct DecodedTime {
  Seconds t = 0;
  bool odd = false;  // not in the form of RFC 5280, or clamped
};
// UTCTime or GeneralizedTime; nullopt if it holds no date.
[[nodiscard]] std::optional<DecodedTime> decode_time(const Element& time);

// Never fails: what cannot be read is kOther with 0 bits, and odd.
[[nodiscard]] PublicKeyInfo decode_spki(const Element& spki,
                                        Oddities& oddities);

// Fills in what extension `x` says. False: it does not parse.
[[nodiscard]] bool decode_extension(const ExtensionOutline& x, Certificate& c);

}  // namespace ct::x509
