// The one list of configuration keys: parsing, checking, the example file and
// the report all follow it.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "monitor/config.h"

namespace ct::monitor {

// How a value is written, in TOML and in the environment.
enum class ConfigShape {
  kText,      // "…"
  kBool,      // true, false
  kNumber,    // 4, 0.5
  kDuration,  // "15m"; a bare number is seconds
  kList,      // ["…", "…"]; environment: separated by commas
  kTable,     // {"name" = 4}; environment: name=4,name=2
};

// A value, as text, wherever it came from.
struct ConfigValue {
  std::vector<std::string> items;  // one, unless it is a list
  std::vector<std::pair<std::string, std::string>> pairs;  // of a table
};

struct ConfigKey {
  std::string_view name;
  ConfigShape shape;
  std::string_view standard;  // the default, as TOML
  std::string_view doc;
  // Sets the field, or says what would be allowed: "a date, …".
  std::function<std::optional<std::string>(Config&, const ConfigValue&)> set;
  // The field for people; secrets are not shown.
  std::function<std::string(const Config&)> show;
};

[[nodiscard]] std::span<const ConfigKey> config_keys();
[[nodiscard]] const ConfigKey* find_config_key(std::string_view name);
// The known key that `name` is probably meant to be; "" if none is near.
[[nodiscard]] std::string_view nearest_config_key(std::string_view name);

// "true or false, without quotes", for error texts.
[[nodiscard]] std::string_view describe(ConfigShape shape);

}  // namespace ct::monitor
