// /v1/tokens
#include "sql/tokens.h"

#include <nlohmann/json.hpp>

#include "monitor/api/route.h"

namespace ct::monitor::api {
namespace {

using Json = nlohmann::ordered_json;

Result<void> list(Call& call) {
  const auto tokens = sql::list_tokens(call.db);
  if (!tokens) return tl::unexpected(tokens.error());
  Json out = Json::array();
  for (const auto& t : *tokens) {
    out.push_back({{"name", t.name},
                   {"scope", to_string(t.scope)},
                   {"created", format_time(t.created)}});
  }
  call.reply.give(200, kJson, out.dump(2) + '\n');
  return {};
}

Result<void> add(Call& call) {
  const Json body = Json::parse(call.request.body, nullptr, false);
  const auto text = [&](const char* key) {
    return body.is_object() && body.contains(key) && body[key].is_string()
               ? body[key].get<std::string>()
               : std::string();
  };
  const auto scope = sql::parse_token_scope(text("scope"));
  if (!scope) {
    return fail(Errc::kUsage,
                "the body is such as {\"name\": \"grafana\", \"scope\": "
                "\"read\"}; scopes are read, write and admin");
  }
  const auto token = sql::add_token(call.db, text("name"), *scope);
  if (!token) return tl::unexpected(token.error());
  const Json out = {
      {"name", text("name")}, {"scope", to_string(*scope)}, {"token", *token}};
  call.reply.give(200, kJson, out.dump() + '\n');
  return {};
}

Result<void> remove(Call& call) {
  const auto removed = sql::remove_token(call.db, call.named);
  if (!removed) return tl::unexpected(removed.error());
  if (!*removed) return fail(Errc::kGone, "there is no token of this name");
  call.reply.give(200, kJson, "{\"removed\": true}\n");
  return {};
}

}  // namespace

void add_token_routes(std::vector<Route>& routes) {
  routes.push_back({.method = "GET",
                    .path = "/v1/tokens",
                    .summary = "Whose tokens are known",
                    .scope = sql::TokenScope::kAdmin,
                    .handler = list});
  routes.push_back({.method = "POST",
                    .path = "/v1/tokens",
                    .summary = "Make a token, which is shown this once",
                    .scope = sql::TokenScope::kAdmin,
                    .handler = add,
                    .body_example = R"({"name": "grafana", "scope": "read"})"});
  routes.push_back({.method = "DELETE",
                    .path = "/v1/tokens/{name}",
                    .summary = "Remove a token: it opens nothing any more",
                    .scope = sql::TokenScope::kAdmin,
                    .handler = remove,
                    .named_example = "grafana"});
}

}  // namespace ct::monitor::api
