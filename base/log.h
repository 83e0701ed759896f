// The program's own log: one line an event on standard error, as
// `time level message key=value …` (logfmt) or as JSON.
//
// Messages and values are escaped, so hostile text cannot forge a line, nor a
// value a field; keys are our own words. Secrets do not belong here: give a
// channel's name, not its URL. All values are strings in JSON.
#pragma once

#include <fmt/format.h>

#include <initializer_list>
#include <string>
#include <string_view>

namespace ct {

enum class LogLevel { kDebug, kInfo, kWarning, kError };
enum class LogFormat { kText, kJson };

struct LogField {
  std::string_view key;
  std::string value;

  template <class T>
  LogField(std::string_view k, const T& v)
      : key(k), value(fmt::format("{}", v)) {}
};

// Called once from main, before any thread is started.
void set_up_log(LogLevel threshold, LogFormat format);

void log(LogLevel level, std::string_view message,
         std::initializer_list<LogField> fields = {});

inline void log_debug(std::string_view m,
                      std::initializer_list<LogField> f = {}) {
  log(LogLevel::kDebug, m, f);
}
inline void log_info(std::string_view m,
                     std::initializer_list<LogField> f = {}) {
  log(LogLevel::kInfo, m, f);
}
inline void log_warning(std::string_view m,
                        std::initializer_list<LogField> f = {}) {
  log(LogLevel::kWarning, m, f);
}
inline void log_error(std::string_view m,
                      std::initializer_list<LogField> f = {}) {
  log(LogLevel::kError, m, f);
}

}  // namespace ct
