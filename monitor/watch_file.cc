#include "monitor/watch_file.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <array>

#include "base/hex.h"
#include "base/time.h"
#include "monitor/files.h"
#include "monitor/watchlist.h"

namespace ct::monitor {
namespace {

constexpr std::size_t kMaxFile = 64u << 20;
constexpr std::array<std::string_view, 7> kKeys = {
    "pattern", "allow_issuers", "allow_spkis", "tags",
    "grace",   "note",          "force"};

tl::unexpected<Error> at(const std::string& path, const toml::node& node,
                         std::string_view what) {
  return fail(Errc::kUsage,
              fmt::format("{}:{}: {}", path, node.source().begin.line, what));
}

Result<std::vector<std::string>> texts(const std::string& path,
                                       const toml::table& table,
                                       std::string_view key) {
  std::vector<std::string> out;
  const toml::node* node = table.get(key);
  if (node == nullptr) return out;
  const toml::array* array = node->as_array();
  if (array == nullptr) {
    return at(path, *node, fmt::format("{} wants a list of texts", key));
  }
  for (const auto& item : *array) {
    const auto text = item.value_exact<std::string>();
    if (!text) return at(path, item, fmt::format("{} wants texts", key));
    out.push_back(*text);
  }
  return out;
}

Result<std::string> text(const std::string& path, const toml::table& table,
                         std::string_view key) {
  const toml::node* node = table.get(key);
  if (node == nullptr) return std::string();
  auto value = node->value_exact<std::string>();
  if (!value) return at(path, *node, fmt::format("{} wants a text", key));
  return *value;
}

Result<alerts::Watch> read_watch(const std::string& path,
                                 const toml::table& table) {
  for (const auto& [key, node] : table) {
    if (std::ranges::find(kKeys, key.str()) == kKeys.end()) {
      return at(path, node,
                fmt::format("unknown key '{}'; known are {}", key.str(),
                            fmt::join(kKeys, ", ")));
    }
  }
  const auto pattern = text(path, table, "pattern");
  if (!pattern) return tl::unexpected(pattern.error());
  if (pattern->empty()) return at(path, table, "a watch needs a pattern");
  bool force = false;
  if (const toml::node* node = table.get("force")) {
    const auto value = node->value_exact<bool>();
    if (!value) return at(path, *node, "force wants true or false");
    force = *value;
  }
  auto watch = parse_watch(*pattern, force);
  if (!watch) return at(path, table, watch.error().what);

  auto issuers = texts(path, table, "allow_issuers");
  if (!issuers) return tl::unexpected(issuers.error());
  for (const auto& issuer : *issuers) {
    auto parsed = parse_allowed_issuer(issuer);
    if (!parsed) return at(path, table, parsed.error().what);
    watch->allowed_issuers.push_back(std::move(*parsed));
  }
  const auto spkis = texts(path, table, "allow_spkis");
  if (!spkis) return tl::unexpected(spkis.error());
  for (const auto& spki : *spkis) {
    const auto parsed = parse_spki_hash(spki);
    if (!parsed) return at(path, table, parsed.error().what);
    watch->allowed_spkis.push_back(*parsed);
  }
  auto tags = texts(path, table, "tags");
  if (!tags) return tl::unexpected(tags.error());
  watch->tags = std::move(*tags);
  const auto grace = text(path, table, "grace");
  if (!grace) return tl::unexpected(grace.error());
  if (!grace->empty()) {
    const auto duration = parse_duration(*grace);
    if (!duration) return at(path, table, "grace wants a time such as \"10m\"");
    watch->grace = *duration;
  }
  auto note = text(path, table, "note");
  if (!note) return tl::unexpected(note.error());
  watch->note = std::move(*note);
  return watch;
}

}  // namespace

Result<std::vector<alerts::Watch>> read_watch_file(const std::string& path) {
  const auto content = read_file(path, kMaxFile);
  if (!content) return tl::unexpected(content.error());
  toml::table root;
  try {
    root = toml::parse(*content, path);
  } catch (const toml::parse_error& e) {
    return fail(
        Errc::kUsage,
        fmt::format("{}:{}: {}", path, e.source().begin.line, e.description()));
  }
  for (const auto& [key, node] : root) {
    if (key.str() != "watch") {
      return at(path, node,
                fmt::format("unknown key '{}'; watches are [[watch]] tables",
                            key.str()));
    }
  }
  std::vector<alerts::Watch> out;
  const toml::node* node = root.get("watch");
  if (node == nullptr) return out;
  const toml::array* array = node->as_array();
  if (array == nullptr) {
    return at(path, *node, "watches are [[watch]] tables, in double brackets");
  }
  for (const auto& item : *array) {
    const toml::table* table = item.as_table();
    if (table == nullptr) return at(path, item, "not a [[watch]] table");
    auto watch = read_watch(path, *table);
    if (!watch) return tl::unexpected(watch.error());
    out.push_back(std::move(*watch));
  }
  return out;
}

Result<Hash> parse_spki_hash(std::string_view text) {
  if (text.starts_with("spki:")) text.remove_prefix(5);
  const auto hash = hash_from_hex(text);
  if (!hash) {
    return fail(Errc::kUsage,
                fmt::format("'{}' is not the SHA-256 of a key: 64 hex digits "
                            "are wanted, as `ctvigil inspect` prints them",
                            text));
  }
  return *hash;
}

Result<std::string> parse_allowed_issuer(std::string_view text) {
  if (!text.starts_with("spki:")) {
    if (text.find_first_not_of(" \t") == std::string_view::npos) {
      return fail(Errc::kUsage, "an allowed issuer cannot be empty");
    }
    return std::string(text);
  }
  const auto hash = parse_spki_hash(text);
  if (!hash) return tl::unexpected(hash.error());
  return "spki:" + to_hex(*hash);
}

}  // namespace ct::monitor
