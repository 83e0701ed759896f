#include "base/hex.h"
#include "x509/decode.h"
#include "x509/unicode.h"

namespace ct::x509 {
namespace {

using namespace std::string_view_literals;

constexpr std::pair<std::string_view, std::string_view> kShortNames[] = {
    {"\x55\x04\x03"sv, "CN"},
    {"\x55\x04\x04"sv, "SN"},
    {"\x55\x04\x05"sv, "serialNumber"},
    {"\x55\x04\x06"sv, "C"},
    {"\x55\x04\x07"sv, "L"},
    {"\x55\x04\x08"sv, "ST"},
    {"\x55\x04\x09"sv, "STREET"},
    {"\x55\x04\x0a"sv, "O"},
    {"\x55\x04\x0b"sv, "OU"},
    {"\x55\x04\x0c"sv, "title"},
    {"\x55\x04\x0f"sv, "businessCategory"},
    {"\x55\x04\x11"sv, "postalCode"},
    {"\x55\x04\x2a"sv, "GN"},
    {"\x55\x04\x61"sv, "organizationIdentifier"},
    {"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01"sv, "emailAddress"},
    {"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19"sv, "DC"},
    {"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01"sv, "UID"},
    {"\x2b\x06\x01\x04\x01\x82\x37\x3c\x02\x01\x01"sv, "jurisdictionL"},
    {"\x2b\x06\x01\x04\x01\x82\x37\x3c\x02\x01\x02"sv, "jurisdictionST"},
    {"\x2b\x06\x01\x04\x01\x82\x37\x3c\x02\x01\x03"sv, "jurisdictionC"},
};

std::string type_name(ByteView type) {
  for (const auto& [id, name] : kShortNames) {
    if (oid::is(type, id)) return std::string(name);
  }
  return format_oid(type);
}

void append_hex_escaped(std::string& out, std::string_view bytes) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  for (const char c : bytes) {
    const auto b = static_cast<std::uint8_t>(c);
    out += '\\';
    out += kDigits[b >> 4];
    out += kDigits[b & 15];
  }
}

// RFC 4514, section 2.4; and whatever could play tricks on the reader.
std::string escaped(std::string_view utf8) {
  std::string out;
  ByteView rest = as_bytes(utf8);
  while (!rest.empty()) {
    const bool first = rest.size() == utf8.size();
    const std::string_view before = as_text(rest);
    const std::uint32_t c = take_utf8(rest).value_or(kReplacement);
    const std::string_view piece =
        before.substr(0, before.size() - rest.size());
    const bool edge_space = c == ' ' && (first || rest.empty());
    if (is_unprintable(c)) {
      append_hex_escaped(out, piece);
    } else {
      if (edge_space || (first && c == '#') ||
          (c < 0x80 && "\"+,;<>\\"sv.find(static_cast<char>(c)) !=
                           std::string_view::npos)) {
        out += '\\';
      }
      out += piece;
    }
  }
  return out;
}

// Calls `each(separator, type, value)` for the attributes that parse; false
// once something does not.
template <class F>
bool for_each_attribute(ByteView distinguished_name, F&& each) {
  const auto name = DerReader(distinguished_name).expect(tag::kSequence);
  if (!name) return false;
  DerReader rdns(name->body);
  while (!rdns.empty()) {
    const auto rdn = rdns.expect(tag::kSet);
    if (!rdn) return false;
    std::string_view separator = ", ";
    DerReader attributes(rdn->body);
    while (!attributes.empty()) {
      const auto attribute = attributes.expect(tag::kSequence);
      if (!attribute) return false;
      DerReader in(attribute->body);
      const auto type = in.expect(tag::kOid);
      const auto value = in.any();
      if (!type || !value) return false;
      each(separator, type->body, *value);
      separator = "+";
    }
  }
  return true;
}

std::string first_attribute(ByteView distinguished_name, std::string_view id) {
  std::optional<std::string> out;
  // What does not parse behind it takes nothing from the first one.
  static_cast<void>(for_each_attribute(
      distinguished_name,
      [&](std::string_view, ByteView type, const Element& value) {
        if (!out && oid::is(type, id)) {
          out = string_to_utf8(value.tag, value.body);
        }
      }));
  return out.value_or("");
}

}  // namespace

std::string format_name(ByteView distinguished_name) {
  std::string out;
  const bool whole = for_each_attribute(
      distinguished_name,
      [&](std::string_view separator, ByteView type, const Element& value) {
        if (!out.empty()) out += separator;
        out += type_name(type) + "=" +
               escaped(string_to_utf8(value.tag, value.body));
      });
  if (!whole) out += out.empty() ? "(unreadable)" : ", (unreadable)";
  return out;
}

std::string common_name(ByteView distinguished_name) {
  return first_attribute(distinguished_name, "\x55\x04\x03"sv);
}

std::string organization(ByteView distinguished_name) {
  return first_attribute(distinguished_name, "\x55\x04\x0a"sv);
}

std::string attribute_of(std::string_view formatted_name,
                         std::string_view type) {
  // An escape is "\\" and the character, or "\\" and two hex digits.
  std::string_view rest = formatted_name;
  std::string attribute;
  const auto value = [&]() -> std::optional<std::string> {
    if (!attribute.starts_with(std::string(type) + '=')) return std::nullopt;
    return attribute.substr(type.size() + 1);
  };
  while (!rest.empty()) {
    const bool comma = rest.starts_with(", ");
    if (comma || rest.front() == '+') {
      if (auto found = value()) return *found;
      attribute.clear();
      rest.remove_prefix(comma ? 2 : 1);
    } else if (rest.front() != '\\' || rest.size() == 1) {
      attribute += rest.front();
      rest.remove_prefix(1);
    } else if (const auto byte = from_hex(rest.substr(1, 2));
               byte && byte->size() == 1) {
      attribute += static_cast<char>(byte->front());
      rest.remove_prefix(3);
    } else {
      attribute += rest[1];
      rest.remove_prefix(2);
    }
  }
  return value().value_or("");
}

}  // namespace ct::x509
