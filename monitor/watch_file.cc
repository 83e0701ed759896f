#include "monitor/watch_file.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <unordered_map>

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

// A text with what it stands in, for errors about it.
struct Text {
  const toml::node* node = nullptr;
  std::string value;
};

Result<Text> read_text(const std::string& path, const toml::node& node,
                       std::string_view wanted) {
  auto value = node.value_exact<std::string>();
  if (!value) return at(path, node, wanted);
  if (value->find('\0') != std::string::npos) {
    return at(path, node, "a text cannot hold a NUL");
  }
  return Text{&node, std::move(*value)};
}

Result<std::vector<Text>> texts(const std::string& path,
                                const toml::table& table,
                                std::string_view key) {
  std::vector<Text> out;
  const toml::node* node = table.get(key);
  if (node == nullptr) return out;
  const toml::array* array = node->as_array();
  if (array == nullptr) {
    return at(path, *node, fmt::format("{} wants a list of texts", key));
  }
  for (const auto& item : *array) {
    auto text = read_text(path, item, fmt::format("{} wants texts", key));
    if (!text) return tl::unexpected(text.error());
    out.push_back(std::move(*text));
  }
  return out;
}

// Empty, in the table itself, if it is not there.
Result<Text> text(const std::string& path, const toml::table& table,
                  std::string_view key) {
  const toml::node* node = table.get(key);
  if (node == nullptr) return Text{&table, ""};
  return read_text(path, *node, fmt::format("{} wants a text", key));
}

// Adds to `out` what `parse` makes of each text of the list `key`.
template <class T, class Parse>
Result<void> read_list(const std::string& path, const toml::table& table,
                       std::string_view key, std::vector<T>& out, Parse parse) {
  const auto list = texts(path, table, key);
  if (!list) return tl::unexpected(list.error());
  for (const Text& text : *list) {
    Result<T> parsed = parse(text.value);
    if (!parsed) return at(path, *text.node, parsed.error().what);
    out.push_back(std::move(*parsed));
  }
  return {};
}

Result<bool> read_flag(const std::string& path, const toml::table& table,
                       std::string_view key) {
  const toml::node* node = table.get(key);
  if (node == nullptr) return false;
  const auto value = node->value_exact<bool>();
  if (!value) {
    return at(path, *node, fmt::format("{} wants true or false", key));
  }
  return *value;
}

Result<void> check_keys(const std::string& path, const toml::table& table) {
  for (const auto& [key, node] : table) {
    if (std::ranges::find(kKeys, key.str()) == kKeys.end()) {
      return at(path, node,
                fmt::format("unknown key '{}'; known are {}", key.str(),
                            fmt::join(kKeys, ", ")));
    }
  }
  return {};
}

// What of a watch is said beside its pattern.
Result<void> read_details(const std::string& path, const toml::table& table,
                          alerts::Watch& watch) {
  const auto plain = [](const std::string& s) {
    return Result<std::string>(s);
  };
  if (auto r = read_list(path, table, "allow_issuers", watch.allowed_issuers,
                         parse_allowed_issuer);
      !r) {
    return r;
  }
  if (auto r = read_list(path, table, "allow_spkis", watch.allowed_spkis,
                         parse_spki_hash);
      !r) {
    return r;
  }
  if (auto r = read_list(path, table, "tags", watch.tags, plain); !r) return r;
  const auto grace = text(path, table, "grace");
  if (!grace) return tl::unexpected(grace.error());
  if (!grace->value.empty()) {
    const auto duration = parse_duration(grace->value);
    if (!duration) {
      return at(path, *grace->node, "grace wants a time such as \"10m\"");
    }
    watch.grace = *duration;
  }
  auto note = text(path, table, "note");
  if (!note) return tl::unexpected(note.error());
  watch.note = std::move(note->value);
  return {};
}

Result<alerts::Watch> read_watch(const std::string& path,
                                 const toml::table& table) {
  if (auto r = check_keys(path, table); !r) return tl::unexpected(r.error());
  const auto pattern = text(path, table, "pattern");
  if (!pattern) return tl::unexpected(pattern.error());
  if (pattern->value.empty()) {
    return at(path, *pattern->node, "a watch needs a pattern");
  }
  const auto force = read_flag(path, table, "force");
  if (!force) return tl::unexpected(force.error());
  auto watch = parse_watch(pattern->value, *force);
  if (!watch) return at(path, *pattern->node, watch.error().what);
  if (auto r = read_details(path, table, *watch); !r) {
    return tl::unexpected(r.error());
  }
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
  std::unordered_map<std::string, std::uint32_t> lines;  // by watch id
  for (const auto& item : *array) {
    const toml::table* table = item.as_table();
    if (table == nullptr) return at(path, item, "not a [[watch]] table");
    auto watch = read_watch(path, *table);
    if (!watch) return tl::unexpected(watch.error());
    const auto [first, is_new] =
        lines.emplace(watch->id, item.source().begin.line);
    if (!is_new) {
      return at(path, item,
                fmt::format("{} is watched already in line {}", watch->pattern,
                            first->second));
    }
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
