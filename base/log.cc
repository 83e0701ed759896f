#include "base/log.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>

namespace ct {
namespace {

struct Log {
  std::shared_ptr<spdlog::logger> logger;
  LogFormat format;
};

Log make_log(LogLevel threshold, LogFormat format);

// Changed by set_up_log only, while there is one thread.
Log& the_log() {
  static Log log = make_log(LogLevel::kInfo, LogFormat::kText);
  return log;
}

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      break;
  }
  return spdlog::level::err;
}

Log make_log(LogLevel threshold, LogFormat format) {
  // The sink colours what is between %^ and %$ if it writes to a terminal.
  const char* const pattern =
      format == LogFormat::kText
          ? "%Y-%m-%dT%H:%M:%S.%eZ %^%l%$ %v"
          : R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})";
  auto logger = std::make_shared<spdlog::logger>(
      "", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  logger->set_formatter(std::make_unique<spdlog::pattern_formatter>(
      pattern, spdlog::pattern_time_type::utc, "\n"));
  logger->set_level(spdlog_level(threshold));
  return {std::move(logger), format};
}

// A character taken off the front of a text: `size` bytes. `code` is empty
// where they are no UTF-8; then `size` is 1.
struct Character {
  std::optional<std::uint32_t> code;
  std::size_t size;
};

Character first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return static_cast<std::uint8_t>(text[i]);
  };
  if (byte(0) < 0x80) return {byte(0), 1};
  const std::size_t size = byte(0) >= 0xf0 ? 4 : byte(0) >= 0xe0 ? 3 : 2;
  if (byte(0) < 0xc2 || byte(0) > 0xf4 || text.size() < size) {
    return {std::nullopt, 1};
  }
  std::uint32_t code = byte(0) & (0x7f >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {std::nullopt, 1};
    code = code << 6 | (byte(i) & 0x3f);
  }
  const bool overlong =
      (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  if (overlong || surrogate || code > 0x10ffff) return {std::nullopt, 1};
  return {code, size};
}

// Characters that move the cursor, end the line or turn the text around.
bool is_unsafe(std::uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0xad ||
         code == 0x61c || (code >= 0x200b && code <= 0x200f) ||
         (code >= 0x2028 && code <= 0x202e) ||
         (code >= 0x2060 && code <= 0x206f) || code == 0xfeff ||
         (code >= 0xfff9 && code <= 0xfffb) || code >= 0xe0000;
}

// As in a JSON string. Bytes that are no UTF-8 become U+FFFD in JSON, where
// there is no other way to say it, and \xNN in text.
void append_escaped(std::string& out, std::string_view text, LogFormat format) {
  while (!text.empty()) {
    const auto [code, size] = first_character(text);
    if (!code) {
      out += format == LogFormat::kJson
                 ? "\\ufffd"
                 : fmt::format("\\x{:02x}",
                               static_cast<std::uint8_t>(text.front()));
    } else if (*code == '"' || *code == '\\') {
      out += '\\';
      out += static_cast<char>(*code);
    } else if (*code == '\n') {
      out += "\\n";
    } else if (*code >= 0xe0000) {
      out += fmt::format("\\u{:04x}\\u{:04x}", 0xd7c0 + (*code >> 10),
                         0xdc00 + (*code & 0x3ff));
    } else if (is_unsafe(*code)) {
      out += fmt::format("\\u{:04x}", *code);
    } else {
      out += text.substr(0, size);
    }
    text.remove_prefix(size);
  }
}

bool needs_quotes(std::string_view value) {
  return value.empty() || !std::all_of(value.begin(), value.end(), [](char c) {
           return c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != '=';
         });
}

std::string text_line(std::string_view message,
                      std::initializer_list<LogField> fields) {
  std::string line;
  append_escaped(line, message, LogFormat::kText);
  for (const LogField& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    if (needs_quotes(field.value)) {
      line += '"';
      append_escaped(line, field.value, LogFormat::kText);
      line += '"';
    } else {
      line += field.value;
    }
  }
  return line;
}

std::string json_members(std::string_view message,
                         std::initializer_list<LogField> fields) {
  std::string line = "\"message\":\"";
  append_escaped(line, message, LogFormat::kJson);
  line += '"';
  for (const LogField& field : fields) {
    line += ",\"";
    line += field.key;
    line += "\":\"";
    append_escaped(line, field.value, LogFormat::kJson);
    line += '"';
  }
  return line;
}

}  // namespace

void set_up_log(LogLevel threshold, LogFormat format) {
  the_log() = make_log(threshold, format);
}

void log(LogLevel level, std::string_view message,
         std::initializer_list<LogField> fields) {
  const Log& log = the_log();
  if (!log.logger->should_log(spdlog_level(level))) return;
  const std::string line = log.format == LogFormat::kText
                               ? text_line(message, fields)
                               : json_members(message, fields);
  log.logger->log(spdlog_level(level), spdlog::string_view_t(line));
}

}  // namespace ct
