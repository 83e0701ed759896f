#include "ctlog/rfc6962_json.h"

#include <simdjson.h>

#include <cstring>

#include "base/base64.h"

namespace ct::ctlog {
namespace {

namespace dom = simdjson::dom;
namespace ondemand = simdjson::ondemand;

static_assert(Buffer::kPadding >= simdjson::SIMDJSON_PADDING);

// A proof in a tree of 2^64 leaves has 64 nodes, and one of consistency one
// more.
constexpr std::size_t kMaxProof = 65;
// A parser keeps about six bytes for each byte of the largest body it saw.
constexpr std::size_t kMaxKeptParser = 16u << 20;

tl::unexpected<Error> not_json() {
  return fail(Errc::kTransient,
              "the answer is not a whole JSON object: cut off, or not from "
              "the log");
}

tl::unexpected<Error> bad_entry(LeafIndex first, std::size_t i,
                                std::string_view what) {
  return fail(Errc::kMalformed,
              "entry " + std::to_string(first + i) + ": " + std::string(what));
}

// One of an entry's two strings, still base64: in the body, or, where escapes
// had to be undone, in the parser's memory.
struct Text {
  std::string_view text;
  bool in_parser = false;
};
struct Texts {
  Text leaf, extra;
};

// What stands between the quotes; nullopt unless it is a string.
std::optional<Text> string_text(ondemand::value value) {
  std::string_view token = value.raw_json_token();
  while (!token.empty() && token.back() <= ' ') token.remove_suffix(1);
  if (token.size() < 2 || token.front() != '"' || token.back() != '"') {
    return std::nullopt;
  }
  const std::string_view text = token.substr(1, token.size() - 2);
  if (text.find('\\') == text.npos) return Text{text};
  std::string_view unescaped;
  if (value.get_string().get(unescaped)) return std::nullopt;
  return Text{unescaped, true};
}

std::optional<Texts> read_entry(ondemand::object object) {
  Texts texts;
  bool have_leaf = false;
  bool have_extra = false;
  for (auto member : object) {
    ondemand::field field;
    if (std::move(member).get(field)) return std::nullopt;
    const auto key = field.key();
    const bool is_leaf = key == "leaf_input";
    if (!is_leaf && !(key == "extra_data")) continue;
    const auto text = string_text(field.value());
    if (!text) return std::nullopt;
    if (is_leaf) {
      texts.leaf = *text;
      have_leaf = true;
    } else {
      texts.extra = *text;
      have_extra = true;
    }
  }
  if (!have_leaf || !have_extra) return std::nullopt;
  return texts;
}

// Fills `out`; an error of the JSON, or of ours.
Result<void> read_entries(ondemand::document& document, LeafIndex first,
                          std::size_t max_entries, std::vector<Texts>& out) {
  ondemand::object root;
  if (document.get_object().get(root)) return not_json();
  for (auto member : root) {
    ondemand::field field;
    if (std::move(member).get(field)) return not_json();
    if (!(field.key() == "entries")) continue;
    if (!out.empty()) {
      return fail(Errc::kMalformed, "get-entries: `entries` is there twice");
    }
    ondemand::array entries;
    if (field.value().get_array().get(entries)) {
      bool null = false;
      if (field.value().is_null().get(null) || !null) {
        return fail(Errc::kMalformed, "get-entries: `entries` is no array");
      }
      continue;
    }
    for (auto element : entries) {
      ondemand::object object;
      if (element.error()) return not_json();
      if (out.size() == max_entries) {
        return fail(Errc::kMalformed, "get-entries: more than the " +
                                          std::to_string(max_entries) +
                                          " entries asked for");
      }
      if (element.get_object().get(object)) {
        return bad_entry(first, out.size(), "not an object");
      }
      const auto texts = read_entry(object);
      if (!texts) {
        return bad_entry(first, out.size(),
                         "leaf_input or extra_data is missing or no string");
      }
      out.push_back(*texts);
    }
  }
  const char* rest = nullptr;
  if (document.current_location().get(rest) != simdjson::OUT_OF_BOUNDS) {
    return not_json();  // something follows the object
  }
  return {};
}

// Fills `out`, for as long as the parser is not used again.
Result<void> parse_entries(Buffer& body, LeafIndex first,
                           std::size_t max_entries, ondemand::parser& parser,
                           std::vector<Texts>& out) {
  // Where braces do not match, simdjson takes a look at what stands behind.
  std::memset(const_cast<std::uint8_t*>(body.data()) + body.size(), 0,
              Buffer::kPadding);
  const simdjson::padded_string_view json(
      reinterpret_cast<const char*>(body.data()), body.size(),
      body.allocated());
  ondemand::document document;
  if (parser.iterate(json).get(document)) return not_json();
  const auto done = read_entries(document, first, max_entries, out);
  if (done && out.empty()) {
    return fail(Errc::kTransient, "get-entries: the answer has no entries");
  }
  return done;
}

void plain_entries(const PlainEntries& plain, std::string_view body,
                   std::vector<Texts>& out) {
  for (const auto& e : plain.entries()) {
    out.push_back({{body.substr(e.leaf, e.leaf_size)},
                   {body.substr(e.extra, e.extra_size)}});
  }
}

// Moves texts from the parser, which they would not outlive, to the page's.
void keep_unescaped(std::span<Texts> texts, EntryPage& page) {
  std::size_t room = 0;
  for (const Texts& t : texts) {
    for (const Text& text : {t.leaf, t.extra}) {
      if (text.in_parser) room += text.text.size();
    }
  }
  if (room == 0) return;
  page.arena = std::make_unique_for_overwrite<std::uint8_t[]>(room);
  std::uint8_t* out = page.arena.get();
  for (Texts& t : texts) {
    for (Text* const text : {&t.leaf, &t.extra}) {
      if (!text->in_parser) continue;
      const std::size_t n = text->text.size();
      if (n > 0) std::memcpy(out, text->text.data(), n);
      text->text = as_text({out, n});
      out += n;
    }
  }
}

// The leaves are far apart in the body, which another thread wrote: each is a
// wait for memory, unless it was asked for in time.
void prefetch(std::string_view text) {
  constexpr std::size_t kLine = 64;
  for (std::size_t i = 0; i < text.size(); i += kLine) {
    __builtin_prefetch(text.data() + i);
  }
}

// Decodes each leaf where its text lies, in the body or the arena: memory that
// is at hand, when other memory would have to be fetched.
Result<void> fill_page(std::span<const Texts> texts, EntryPage& page) {
  constexpr std::size_t kAhead = 2;
  page.entries.resize(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (i + kAhead < texts.size()) prefetch(texts[i + kAhead].leaf.text);
    const std::string_view text = texts[i].leaf.text;
    // All of it is the page's.
    auto* const out =
        reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
    const auto n = decode_base64(text, out);
    if (!n) return bad_entry(page.first, i, "leaf_input is not base64");
    page.entries[i].leaf = {out, *n};
    page.entries[i].extra_b64 = texts[i].extra.text;
  }
  return {};
}

std::optional<std::vector<Hash>> read_hashes(dom::object root,
                                             std::string_view key) {
  std::vector<Hash> hashes;
  dom::element value;
  if (root[key].get(value) || value.is_null()) return hashes;
  dom::array array;
  if (value.get(array) || array.size() > kMaxProof) return std::nullopt;
  for (const auto element : array) {
    std::string_view text;
    if (element.get(text)) return std::nullopt;
    const auto bytes = from_base64(text);
    if (!bytes || bytes->size() != 32) return std::nullopt;
    std::copy(bytes->begin(), bytes->end(), hashes.emplace_back().begin());
  }
  return hashes;
}

Result<dom::object> parse_object(dom::parser& parser, const Buffer& body) {
  dom::object root;
  if (!is_whole_object(body.text()) ||
      parser.parse(body.data(), body.size(), false).get(root)) {
    return not_json();
  }
  return root;
}

}  // namespace

Result<EntryPage> decode_entries_page(Buffer body, LeafIndex first,
                                      std::size_t max_entries) {
  return decode_entries_page(std::move(body), first, max_entries,
                             PlainEntries(max_entries));
}

Result<EntryPage> decode_entries_page(Buffer body, LeafIndex first,
                                      std::size_t max_entries,
                                      PlainEntries plain) {
  if (!is_whole_object(body.text())) return not_json();
  thread_local std::unique_ptr<ondemand::parser> parser;
  thread_local std::vector<Texts> texts;
  texts.clear();

  EntryPage page;
  page.first = first;
  page.wire_bytes = body.size();
  page.body = std::move(body);
  Result<void> done;
  plain.read(page.body.text());
  if (plain.complete()) {
    plain_entries(plain, page.body.text(), texts);
  } else {
    if (!parser) parser = std::make_unique<ondemand::parser>();
    done = parse_entries(page.body, first, max_entries, *parser, texts);
    keep_unescaped(texts, page);
    if (parser->capacity() > kMaxKeptParser) parser.reset();
  }
  if (done) done = fill_page(texts, page);
  if (!done) return tl::unexpected<Error>(std::move(done.error()));
  hash_leaves(page);
  return page;
}

Result<std::vector<Hash>> decode_consistency(const Buffer& body) {
  dom::parser parser;
  const auto root = parse_object(parser, body);
  if (!root) return tl::unexpected<Error>(root.error());
  auto hashes = read_hashes(*root, "consistency");
  if (!hashes) {
    return fail(Errc::kMalformed,
                "get-sth-consistency: the proof is no list of hashes");
  }
  return std::move(*hashes);
}

Result<AuditProof> decode_audit_proof(const Buffer& body) {
  dom::parser parser;
  const auto root = parse_object(parser, body);
  if (!root) return tl::unexpected<Error>(root.error());
  AuditProof proof;
  LeafIndex index = 0;
  if (!(*root)["leaf_index"].get(index)) proof.leaf_index = index;
  auto hashes = read_hashes(*root, "audit_path");
  if (!hashes) {
    return fail(Errc::kMalformed, "the inclusion proof is no list of hashes");
  }
  proof.path = std::move(*hashes);
  return proof;
}

bool is_whole_object(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kSpace);
  const std::size_t last = text.find_last_not_of(kSpace);
  return first != text.npos && text[first] == '{' && text[last] == '}' &&
         first < last;
}

}  // namespace ct::ctlog
