#include "monitor/http_listener.h"

#include <fmt/format.h>
#include <httplib.h>

#include <charconv>

namespace ct::monitor {

bool HttpListener::listen(const std::string& host, int port) {
  port_ = port;
  if (port == 0) {
    port_ = server_.bind_to_any_port(host.c_str());
    if (port_ <= 0) return false;
  } else if (!server_.bind_to_port(host.c_str(), port)) {
    return false;
  }
  thread_ = std::thread([this] {
    server_.listen_after_bind();
    done_ = true;
  });
  return true;
}

void HttpListener::stop() {
  if (!thread_.joinable()) return;
  // It does not hear stop() before it runs.
  while (!done_ && !server_.is_running()) std::this_thread::yield();
  server_.stop();
  thread_.join();
}

Result<std::pair<std::string, int>> parse_listen(const std::string& address,
                                                 const char* option,
                                                 const char* standard) {
  const auto colon = address.rfind(':');
  std::string host = address.substr(0, colon == std::string::npos ? 0 : colon);
  int port = -1;
  if (colon != std::string::npos) {
    const char* const end = address.data() + address.size();
    const auto [at, error] =
        std::from_chars(address.data() + colon + 1, end, port);
    if (error != std::errc() || at != end) port = -1;
  }
  const bool brackets = host.starts_with('[') && host.ends_with(']');
  if (brackets) host = host.substr(1, host.size() - 2);
  if (port < 0 || port > 65535 || host.empty() ||
      (!brackets && host.find(':') != std::string::npos)) {
    return fail(Errc::kUsage,
                fmt::format("{} wants ADDRESS:PORT, for example {}; an IPv6 "
                            "address in brackets; got {}",
                            option, standard, address));
  }
  return std::pair(host, port);
}

}  // namespace ct::monitor
