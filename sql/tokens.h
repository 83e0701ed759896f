// Bearer tokens of the HTTP API: 256 random bits each, of which the database
// holds a hash alone.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "sql/database.h"

namespace ct::sql {

// Each may do what those before it may.
enum class TokenScope : std::uint8_t { kRead, kWrite, kAdmin };
[[nodiscard]] std::string_view to_string(TokenScope scope);
[[nodiscard]] std::optional<TokenScope> parse_token_scope(
    std::string_view text);

struct Token {
  std::string name;
  TokenScope scope = TokenScope::kRead;
  Millis created = 0;
};

// Returns the token itself, which cannot be had again. kUsage: the name is
// taken, or is none.
[[nodiscard]] Result<std::string> add_token(Database& db, std::string_view name,
                                            TokenScope scope);
[[nodiscard]] Result<std::vector<Token>> list_tokens(Database& db);
[[nodiscard]] Result<bool> remove_token(Database& db, std::string_view name);
// Whose token this is; nullopt: nobody's. Takes as long whatever it is.
[[nodiscard]] Result<std::optional<Token>> find_token(Database& db,
                                                      std::string_view token);

}  // namespace ct::sql
