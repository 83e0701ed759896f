#include "x509/der_writer.h"

#include <charconv>
#include <chrono>
#include <cstdio>
#include <string>

#include "x509/der.h"

namespace ct::x509::der {
namespace {

void put_header(Bytes& out, std::uint8_t tag, std::size_t length) {
  out.push_back(tag);
  if (length < 0x80) {
    out.push_back(static_cast<std::uint8_t>(length));
    return;
  }
  std::size_t width = 1;
  while (width < sizeof length && length >> (8 * width) != 0) ++width;
  out.push_back(static_cast<std::uint8_t>(0x80 | width));
  put_uint(out, length, width);
}

Bytes joined(std::uint8_t tag, std::initializer_list<ByteView> parts) {
  std::size_t length = 0;
  for (const ByteView p : parts) length += p.size();
  Bytes out;
  out.reserve(length + 6);
  put_header(out, tag, length);
  for (const ByteView p : parts) put_bytes(out, p);
  return out;
}

// Base 128, most significant group first (X.690, section 8.19.2).
void put_arc(Bytes& out, std::uint64_t arc) {
  int shift = 63;
  while (shift > 0 && arc >> shift == 0) shift -= 7;
  for (; shift > 0; shift -= 7) {
    out.push_back(static_cast<std::uint8_t>(0x80 | (arc >> shift & 0x7f)));
  }
  out.push_back(static_cast<std::uint8_t>(arc & 0x7f));
}

// "YYYYMMDDHHMMSSZ", years clamped to 0000-9999.
std::string digits_of(Seconds t) {
  using namespace std::chrono;
  const sys_seconds lowest = sys_days{year{0} / 1 / 1};
  const sys_seconds highest = sys_days{year{10000} / 1 / 1} - seconds{1};
  const sys_seconds when = std::clamp(sys_seconds{seconds{t}}, lowest, highest);
  const sys_days day = floor<days>(when);
  const year_month_day date{day};
  const hh_mm_ss clock{when - day};
  char text[64];
  std::snprintf(text, sizeof text, "%04d%02u%02u%02d%02d%02dZ",
                static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()),
                static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text;
}

constexpr Seconds kYear1950 = -631152000;
constexpr Seconds kYear2050 = 2524608000;

}  // namespace

Bytes element(std::uint8_t tag, ByteView body) { return joined(tag, {body}); }

Bytes concat(std::initializer_list<ByteView> parts) {
  Bytes out;
  for (const ByteView p : parts) put_bytes(out, p);
  return out;
}

Bytes sequence(std::initializer_list<ByteView> parts) {
  return joined(tag::kSequence, parts);
}

Bytes set(std::initializer_list<ByteView> parts) {
  return joined(tag::kSet, parts);
}

Bytes context(unsigned n, ByteView body) {
  return element(tag::context(n), body);
}

Bytes context_constructed(unsigned n, ByteView body) {
  return element(tag::context_constructed(n), body);
}

Bytes oid(std::string_view dotted) {
  Bytes body;
  std::uint64_t first = 0;
  std::size_t count = 0;
  while (!dotted.empty()) {
    std::uint64_t arc = 0;
    const char* const end = dotted.data() + dotted.size();
    const char* const stop = std::from_chars(dotted.data(), end, arc).ptr;
    if (count == 0) {
      first = arc;
    } else {
      put_arc(body, count == 1 ? first * 40 + arc : arc);
    }
    ++count;
    dotted.remove_prefix(std::min(
        dotted.size(), static_cast<std::size_t>(stop - dotted.data()) + 1));
  }
  return element(tag::kOid, body);
}

Bytes boolean(bool value) {
  const std::uint8_t octet = value ? 0xff : 0x00;
  return element(tag::kBoolean, {&octet, 1});
}

Bytes null() { return element(tag::kNull, {}); }

Bytes integer(std::int64_t value) {
  Bytes body;
  put_uint(body, static_cast<std::uint64_t>(value), 8);
  // Nine equal leading bits say nothing (X.690, section 8.3.2).
  std::size_t skip = 0;
  while (skip < 7 && ((body[skip] == 0x00 && body[skip + 1] < 0x80) ||
                      (body[skip] == 0xff && body[skip + 1] >= 0x80))) {
    ++skip;
  }
  return element(tag::kInteger, ByteView(body).subspan(skip));
}

Bytes unsigned_integer(ByteView magnitude) {
  while (magnitude.size() > 1 && magnitude[0] == 0) {
    magnitude = magnitude.subspan(1);
  }
  static constexpr std::uint8_t kZero = 0;
  const bool pad = magnitude.empty() || magnitude[0] >= 0x80;
  return joined(tag::kInteger, {ByteView(&kZero, pad ? 1 : 0), magnitude});
}

Bytes bit_string(ByteView bits, unsigned unused) {
  const auto octet = static_cast<std::uint8_t>(unused);
  return joined(tag::kBitString, {ByteView(&octet, 1), bits});
}

Bytes octet_string(ByteView octets) {
  return element(tag::kOctetString, octets);
}

Bytes utf8_string(std::string_view text) {
  return element(tag::kUtf8String, as_bytes(text));
}

Bytes printable_string(std::string_view text) {
  return element(tag::kPrintableString, as_bytes(text));
}

Bytes ia5_string(std::string_view text) {
  return element(tag::kIa5String, as_bytes(text));
}

Bytes utc_time(Seconds t) {
  return element(tag::kUtcTime, as_bytes(digits_of(t).substr(2)));
}

Bytes generalized_time(Seconds t) {
  return element(tag::kGeneralizedTime, as_bytes(digits_of(t)));
}

Bytes time(Seconds t) {
  return t >= kYear1950 && t < kYear2050 ? utc_time(t) : generalized_time(t);
}

Bytes rdn(std::string_view type, ByteView value) {
  return set({sequence({oid(type), value})});
}

Bytes extension(std::string_view id, bool critical, ByteView value) {
  return sequence(
      {oid(id), critical ? boolean(true) : Bytes{}, octet_string(value)});
}

}  // namespace ct::x509::der
