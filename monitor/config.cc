#include "monitor/config.h"

#include <fmt/format.h>
#include <toml++/toml.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "base/ascii.h"
#include "monitor/config_keys.h"

namespace ct::monitor {
namespace {

constexpr std::string_view kStandardPath = "/etc/ctvigil/ctvigil.toml";
constexpr std::string_view kVariablePrefix = "CTVIGIL_";
constexpr std::string_view kPathVariable = "CTVIGIL_CONFIG";
constexpr std::size_t kMaxFile = 1u << 20;

const char* variable(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  return value != nullptr && *value != '\0' ? value : nullptr;
}

std::string standard_state_dir() {
  if (::geteuid() == 0) return "/var/lib/ctvigil";
  if (const char* state = variable("XDG_STATE_HOME")) {
    return std::string(state) + "/ctvigil";
  }
  if (const char* home = variable("HOME")) {
    return std::string(home) + "/.local/state/ctvigil";
  }
  return "/var/lib/ctvigil";
}

LoadedConfig standard_config() {
  LoadedConfig loaded;
  loaded.config.state_dir = standard_state_dir();
  return loaded;
}

// A TOML scalar as text.
std::optional<std::string> scalar_text(const toml::node& node) {
  if (const auto* s = node.as_string()) return s->get();
  if (const auto* b = node.as_boolean()) return b->get() ? "true" : "false";
  if (const auto* i = node.as_integer()) return fmt::format("{}", i->get());
  if (const auto* f = node.as_floating_point()) {
    return fmt::format("{}", f->get());
  }
  return std::nullopt;
}

// nullopt: the value is of another type than the key wants.
std::optional<ConfigValue> value_of(const toml::node& node, ConfigShape shape) {
  ConfigValue value;
  if (shape == ConfigShape::kList) {
    const auto* array = node.as_array();
    if (array == nullptr) return std::nullopt;
    for (const toml::node& item : *array) {
      if (!item.is_string()) return std::nullopt;
      value.items.push_back(*scalar_text(item));
    }
    return value;
  }
  if (shape == ConfigShape::kTable) {
    const auto* table = node.as_table();
    if (table == nullptr) return std::nullopt;
    for (const auto& [name, item] : *table) {
      if (!item.is_number()) return std::nullopt;
      value.pairs.emplace_back(name.str(), *scalar_text(item));
    }
    return value;
  }
  const bool fits = shape == ConfigShape::kText   ? node.is_string()
                    : shape == ConfigShape::kBool ? node.is_boolean()
                    : shape == ConfigShape::kNumber
                        ? node.is_number()
                        : node.is_string() || node.is_integer();
  if (!fits) return std::nullopt;
  value.items.push_back(*scalar_text(node));
  return value;
}

std::string unknown_key(std::string_view name) {
  std::string what = fmt::format("unknown key \"{}\"", name.substr(0, 60));
  const std::string_view near = nearest_config_key(name);
  what += near.empty() ? "; `ctvigil config example` lists all keys"
                       : fmt::format("; did you mean \"{}\"?", near);
  return what;
}

void set_from_table(const toml::table& table, const std::string& file,
                    LoadedConfig& loaded) {
  for (const auto& [key, node] : table) {
    const auto complain = [&](std::string what) {
      loaded.problems.push_back({file,
                                 static_cast<unsigned>(key.source().begin.line),
                                 std::move(what)});
    };
    const ConfigKey* known = find_config_key(key.str());
    if (known == nullptr) {
      complain(unknown_key(key.str()));
      continue;
    }
    const auto value = value_of(node, known->shape);
    if (!value) {
      complain(
          fmt::format("{} must be {}", known->name, describe(known->shape)));
    } else if (const auto allowed = known->set(loaded.config, *value)) {
      complain(fmt::format("{} must be {}", known->name, *allowed));
    }
  }
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const auto end = std::min(text.find(separator), text.size());
    std::string_view item = text.substr(0, end);
    while (item.starts_with(' ')) item.remove_prefix(1);
    while (item.ends_with(' ')) item.remove_suffix(1);
    if (!item.empty()) out.emplace_back(item);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::optional<ConfigValue> value_of(std::string_view text, ConfigShape shape) {
  ConfigValue value;
  switch (shape) {
    case ConfigShape::kBool:
      if (text == "1" || text == "true" || text == "yes") {
        value.items = {"true"};
      } else if (text == "0" || text == "false" || text == "no") {
        value.items = {"false"};
      } else {
        return std::nullopt;
      }
      return value;
    case ConfigShape::kList:
      value.items = split(text, ',');
      return value;
    case ConfigShape::kTable:
      for (const std::string& item : split(text, ',')) {
        const auto equals = item.rfind('=');
        if (equals == std::string::npos) return std::nullopt;
        value.pairs.emplace_back(item.substr(0, equals),
                                 item.substr(equals + 1));
      }
      return value;
    case ConfigShape::kText:
    case ConfigShape::kNumber:
    case ConfigShape::kDuration:
      value.items = {std::string(text)};
      return value;
  }
  return std::nullopt;
}

// Variables of other programs may begin like ours (Kubernetes makes
// CTVIGIL_PORT of a service's name): only near misses are problems.
void set_from_environment(LoadedConfig& loaded) {
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view pair = *entry;
    const auto equals = pair.find('=');
    if (equals == std::string_view::npos || equals + 1 == pair.size()) continue;
    const std::string name(pair.substr(0, equals));
    if (!name.starts_with(kVariablePrefix) || name == kPathVariable) continue;
    const auto complain = [&](std::string what) {
      loaded.problems.push_back({name, 0, std::move(what)});
    };
    const std::string key_name =
        ascii_lower(std::string_view(name).substr(kVariablePrefix.size()));
    const ConfigKey* key = find_config_key(key_name);
    if (key == nullptr) {
      if (!nearest_config_key(key_name).empty()) {
        complain(unknown_key(key_name));
      }
      continue;
    }
    loaded.sources.push_back(name);
    const auto value = value_of(pair.substr(equals + 1), key->shape);
    if (!value) {
      complain(key->shape == ConfigShape::kTable
                   ? "must be names and numbers, as in Google=8,Sectigo=2"
                   : "must be true or false");
    } else if (const auto allowed = key->set(loaded.config, *value)) {
      complain("must be " + *allowed);
    }
  }
}

// What toml++ says may quote the file, so not of a line that holds a secret.
std::string parse_problem(std::string_view toml, const toml::parse_error& e) {
  std::istringstream lines{std::string(toml)};
  std::string line;
  for (unsigned n = 0; n < e.source().begin.line; ++n) {
    if (!std::getline(lines, line)) break;
  }
  if (line.find("database") != std::string::npos) {
    return "not valid TOML; a value is written as database = \"…\"";
  }
  return fmt::format("not valid TOML: {}", e.description());
}

void set_from_text(std::string_view toml, const std::string& name,
                   LoadedConfig& loaded) {
  try {
    set_from_table(toml::parse(toml, name), name, loaded);
  } catch (const toml::parse_error& e) {
    loaded.problems.push_back({name,
                               static_cast<unsigned>(e.source().begin.line),
                               parse_problem(toml, e)});
  }
  std::stable_sort(
      loaded.problems.begin(), loaded.problems.end(),
      [](const auto& a, const auto& b) { return a.line < b.line; });
}

void set_from_file(const std::string& path, LoadedConfig& loaded) {
  const auto complain = [&](std::string what) {
    loaded.problems.push_back({path, 0, std::move(what)});
  };
  std::ifstream file(path, std::ios::binary);
  if (!file)
    return complain(
        "cannot be read: check that it exists and its "
        "permissions");
  std::string text(kMaxFile + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad() || (file.fail() && !file.eof())) {
    return complain("cannot be read: is it a file?");
  }
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kMaxFile) return complain("is larger than 1 MiB");
  loaded.sources.push_back(path);
  set_from_text(text, path, loaded);
}

}  // namespace

double request_rate(const Config& config, const std::string& operator_name) {
  const auto it = config.operator_requests.find(operator_name);
  return it == config.operator_requests.end() ? config.requests_per_second
                                              : it->second;
}

LoadedConfig load_config(const std::string& path) {
  LoadedConfig loaded = standard_config();
  if (!path.empty()) {
    set_from_file(path, loaded);
  } else if (const char* named = variable(kPathVariable)) {
    set_from_file(named, loaded);
  } else if (::access(std::string(kStandardPath).c_str(), F_OK) == 0) {
    set_from_file(std::string(kStandardPath), loaded);
  }
  set_from_environment(loaded);
  return loaded;
}

LoadedConfig parse_config(std::string_view toml, const std::string& name) {
  LoadedConfig loaded = standard_config();
  loaded.sources.push_back(name);
  set_from_text(toml, name, loaded);
  return loaded;
}

std::string config_report(const LoadedConfig& loaded) {
  std::string out;
  for (const ConfigProblem& p : loaded.problems) {
    out += p.where;
    if (p.line != 0) out += fmt::format(":{}", p.line);
    out += fmt::format(": {}\n", p.what);
  }
  if (!loaded.problems.empty()) return out;
  out = loaded.sources.empty() ? "No file and no variables: all defaults.\n"
                               : fmt::format("No problems in {}.\n",
                                             fmt::join(loaded.sources, ", "));
  for (const ConfigKey& key : config_keys()) {
    out += fmt::format("  {:<24} {}\n", key.name, key.show(loaded.config));
  }
  return out;
}

std::string config_example() {
  std::string out =
      "# ctvigil.toml: every key with its default. Flags win over variables\n"
      "# (CTVIGIL_LOG_LEVEL and so on), variables over this file.\n";
  constexpr std::size_t kWidth = 76;
  for (const ConfigKey& key : config_keys()) {
    out += "\n#";
    std::size_t column = 1;
    for (const std::string& word : split(key.doc, ' ')) {
      if (column + 1 + word.size() > kWidth) {
        out += "\n#";
        column = 1;
      }
      out += ' ' + word;
      column += 1 + word.size();
    }
    out += fmt::format("\n#{} = {}\n", key.name, key.standard);
  }
  return out;
}

}  // namespace ct::monitor
