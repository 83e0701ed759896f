#include "sql/tokens.h"

#include <sys/random.h>

#include <algorithm>
#include <array>

#include "base/hex.h"
#include "base/sha256.h"
#include "sql/tx.h"

namespace ct::sql {
namespace {

// So that a token found somewhere tells what it opens.
constexpr std::string_view kPrefix = "ctvigil_";
constexpr std::size_t kMaxName = 100;
constexpr std::size_t kMaxTokens = 1000;  // all are read for each request
constexpr std::array<std::string_view, 3> kScopes = {"read", "write", "admin"};

Result<std::string> new_token() {
  Bytes random(32);
  if (getrandom(random.data(), random.size(), 0) !=
      static_cast<ssize_t>(random.size())) {
    return fail(Errc::kInternal, "the system gives no random bytes");
  }
  return std::string(kPrefix) + to_hex(random);
}

// Without telling by its time where they differ.
bool same(const Hash& a, const Hash& b) {
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference |= static_cast<unsigned>(a[i] ^ b[i]);
  }
  return difference == 0;
}

Token token_of(const Row& row) {
  Token token;
  token.name = row.text("name");
  const auto scope = parse_token_scope(row.text("scope"));
  if (!scope) throw SqlError{{Errc::kInternal, "unknown scope of a token"}, ""};
  token.scope = *scope;
  token.created = row.integer("created_ms");
  return token;
}

constexpr const char* kSelect =
    "SELECT name, scope, sha256, " CT_MILLIS("created_at") " AS created_ms "
    "FROM api_token ORDER BY name";

}  // namespace

std::string_view to_string(TokenScope scope) {
  return kScopes[static_cast<std::size_t>(scope)];
}

std::optional<TokenScope> parse_token_scope(std::string_view text) {
  const auto at = std::ranges::find(kScopes, text);
  if (at == kScopes.end()) return std::nullopt;
  return static_cast<TokenScope>(at - kScopes.begin());
}

Result<std::string> add_token(Database& db, std::string_view name,
                              TokenScope scope) {
  if (name.empty() || name.size() > kMaxName ||
      std::ranges::any_of(name, [](char c) { return c <= ' ' || c > '~'; })) {
    return fail(Errc::kUsage,
                "a token's name is up to 100 ASCII characters without spaces");
  }
  auto token = new_token();
  if (!token) return token;
  const auto done = db.transact([&](Tx& tx) -> Result<void> {
    const auto count = tx.exec("SELECT count(*) AS n FROM api_token");
    if (count[0].count("n") >= kMaxTokens) {
      return fail(Errc::kUsage, "there are 1000 tokens: remove some first");
    }
    const auto added = tx.exec(
        "INSERT INTO api_token (name, scope, sha256) VALUES ($1, $2, $3) "
        "ON CONFLICT (name) DO NOTHING",
        {name, to_string(scope), sha256(as_bytes(*token))});
    if (added.affected() == 1) return {};
    return fail(Errc::kUsage, "there is a token " + std::string(name) +
                                  " already: choose another name, or remove "
                                  "it first");
  });
  if (!done) return tl::unexpected(done.error());
  return token;
}

Result<std::vector<Token>> list_tokens(Database& db) {
  std::vector<Token> out;
  const auto done = db.transact([&](Tx& tx) -> Result<void> {
    for (const Row row : tx.exec(kSelect)) out.push_back(token_of(row));
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  return out;
}

Result<bool> remove_token(Database& db, std::string_view name) {
  bool removed = false;
  const auto done = db.transact([&](Tx& tx) -> Result<void> {
    removed =
        tx.exec("DELETE FROM api_token WHERE name = $1", {name}).affected() > 0;
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  return removed;
}

Result<std::optional<Token>> find_token(Database& db, std::string_view token) {
  const Hash hash = sha256(as_bytes(token));
  std::optional<Token> found;
  const auto done = db.transact([&](Tx& tx) -> Result<void> {
    for (const Row row : tx.exec(kSelect)) {
      if (same(row.hash("sha256"), hash)) found = token_of(row);
    }
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  return found;
}

}  // namespace ct::sql
