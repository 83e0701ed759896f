#include <nlohmann/json.hpp>

#include "base/ascii.h"
#include "monitor/api/route.h"
#include "monitor/version.h"

namespace ct::monitor::api {
namespace {

using Json = nlohmann::ordered_json;

Json schema_of(const Parameter& p) {
  switch (p.kind) {
    case Parameter::Kind::kFlag:
      return {{"type", "boolean"}};
    case Parameter::Kind::kCount:
      return {{"type", "integer"}, {"minimum", 0}};
    case Parameter::Kind::kChoice:
      return {{"type", "string"}, {"enum", p.choices}};
    case Parameter::Kind::kText:
    case Parameter::Kind::kTime:
      break;
  }
  return {{"type", "string"}};
}

Json parameter_json(const Parameter& p) {
  std::string what = p.what;
  if (p.scope != sql::TokenScope::kRead) {
    what += "; takes the scope " + std::string(to_string(p.scope));
  }
  Json out = {{"name", p.name}, {"in", "query"}, {"description", what}};
  out["schema"] = p.repeated ? Json{{"type", "array"}, {"items", schema_of(p)}}
                             : schema_of(p);
  if (!p.example.empty()) {
    out["example"] = p.repeated ? Json::array({p.example}) : Json(p.example);
  }
  return out;
}

Json operation_json(const Route& route) {
  Json out = {{"summary", route.summary}};
  Json params = Json::array();
  if (const auto at = route.path.find('{'); at != std::string::npos) {
    const auto end = route.path.find('}');
    params.push_back({{"name", route.path.substr(at + 1, end - at - 1)},
                      {"in", "path"},
                      {"required", true},
                      {"schema", {{"type", "string"}}},
                      {"example", route.named_example}});
  }
  for (const auto& p : route.params) params.push_back(parameter_json(p));
  if (!params.empty()) out["parameters"] = std::move(params);
  if (!route.body_example.empty()) {
    Json content = {{"application/json",
                     {{"schema", {{"type", "object"}}},
                      {"example", Json::parse(route.body_example)}}}};
    if (route.takes_text) {
      content["text/plain"] = {{"schema", {{"type", "string"}}}};
    }
    out["requestBody"] = {{"content", std::move(content)}};
  }
  Json content;
  for (const auto& type : route.answers) content[type] = Json::object();
  out["responses"]["200"] = {{"description", "What was asked for"},
                             {"content", std::move(content)}};
  out["responses"]["default"] = {
      {"description", "What went wrong, and what to do"},
      {"content",
       {{std::string(kProblem),
         {{"schema", {{"$ref", "#/components/schemas/Problem"}}}}}}}};
  const auto scope = to_string(route.scope);
  out["security"] = Json::array({{{"token", Json::array({scope})}}});
  if (route.scope != sql::TokenScope::kAdmin) {
    out["security"].push_back(Json::object());  // from loopback: none
  }
  return out;
}

}  // namespace

std::string openapi_json(const std::vector<Route>& routes) {
  Json out = {
      {"openapi", "3.1.0"},
      {"info",
       {{"title", "ctvigil"},
        {"version", std::string(kVersion)},
        {"description",
         "Certificates of history, watches and alerts. From the machine "
         "itself no token is needed to read and write; from elsewhere, and "
         "for tokens, one is. Long answers are streamed: one that breaks off "
         "is not whole."}}}};
  for (const auto& route : routes) {
    out["paths"][route.path][ascii_lower(route.method)] = operation_json(route);
  }
  out["paths"]["/openapi.json"]["get"] = {
      {"summary", "This description"},
      {"responses",
       {{"200",
         {{"description", "OpenAPI 3.1"},
          {"content", {{std::string(kJson), Json::object()}}}}}}},
      {"security", Json::array({Json::object()})}};
  out["components"] = {{"schemas",
                        {{"Problem",
                          {{"type", "object"},
                           {"properties",
                            {{"title", {{"type", "string"}}},
                             {"status", {{"type", "integer"}}},
                             {"detail", {{"type", "string"}}}}},
                           {"required", {"title", "status", "detail"}}}}}},
                       {"securitySchemes",
                        {{"token", {{"type", "http"}, {"scheme", "bearer"}}}}}};
  return out.dump(2, ' ', true) + '\n';
}

}  // namespace ct::monitor::api
