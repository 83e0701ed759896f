// Logs that lie, stall and stumble: faults on top of the honest local logs.
//
//   FakeLogs logs({{.name = "honest"}, {.name = "liar"}});
//   logs.add_fault(1, fault::flip_entry(7));
//
// The logs are served over TLS; list_path() and ca_path() are what a monitor
// is given.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "monitor/demo/local_log_server.h"

namespace ct::test {

// Decides over one request: what `honest()` gives, changed or not, or an
// answer of its own.
using Fault = monitor::demo::LocalLogServer::Hook;

inline constexpr unsigned kForever = ~0u;

class FakeLogs {
 public:
  using LogOptions = monitor::demo::LocalLog::Options;

  // `tls` false: plain http.
  explicit FakeLogs(const std::vector<LogOptions>& logs,
                    const monitor::demo::EndpointOptions& endpoints = {},
                    bool tls = true);
  ~FakeLogs();
  FakeLogs(const FakeLogs&) = delete;
  FakeLogs& operator=(const FakeLogs&) = delete;

  [[nodiscard]] monitor::demo::LocalCa& ca() { return ca_; }
  [[nodiscard]] monitor::demo::LocalLog& log(std::size_t i) {
    return *logs_.at(i);
  }
  [[nodiscard]] ctlog::LogInfo info(std::size_t i) const {
    return server_->info(*logs_.at(i));
  }
  [[nodiscard]] std::string list_path() const { return dir_ + "/logs.json"; }
  [[nodiscard]] std::string ca_path() const { return dir_ + "/ca.pem"; }

  // Adds `count` certificates for names of nobody's, final ones and precerts
  // in turn, and publishes the head.
  void fill(std::size_t i, std::size_t count);
  // Adds a certificate for `name`, as precertificate, and publishes.
  // Returns its issuance.
  monitor::demo::Issuance add_precert(std::size_t i, std::string_view name);

  // The fault meets the next `times` requests to log `i` whose path below the
  // log's prefix starts with `path`. Of several that fit, the oldest.
  void add_fault(std::size_t i, Fault fault, std::string path = "",
                 unsigned times = kForever);
  void clear_faults(std::size_t i);
  // Requests to log `i` whose path starts with `path`, faulty or not.
  [[nodiscard]] std::size_t requests(std::size_t i,
                                     std::string_view path = "") const;

  // The server goes down, and comes back on the same port.
  void stop();
  void restart();

 private:
  struct Rule {
    const monitor::demo::LocalLog* log;
    std::string path;
    Fault fault;
    unsigned left;
  };
  struct Seen {
    const monitor::demo::LocalLog* log;
    std::string path;
  };
  void start(int port);
  monitor::demo::ServerResponse answer(
      const monitor::demo::LocalLogServer::LogRequest& request,
      const std::function<monitor::demo::ServerResponse()>& honest);

  std::string dir_;
  monitor::demo::LocalCa ca_;
  monitor::demo::LocalLogServer::Options options_;
  std::vector<std::unique_ptr<monitor::demo::LocalLog>> logs_;
  mutable std::mutex mutex_;  // guards the next two
  std::vector<Rule> rules_;
  std::vector<Seen> seen_;
  int port_ = 0;
  std::unique_ptr<monitor::demo::LocalLogServer> server_;  // stops first
};

// Faults for both kinds of log, unless said otherwise.
namespace fault {

// Answers that are no answers.
[[nodiscard]] Fault status(int code, std::string retry_after = "");
[[nodiscard]] Fault html();       // 200, an error page
[[nodiscard]] Fault truncated();  // half the body, as if that were all
[[nodiscard]] Fault cut_off();    // half the body, then the connection ends
[[nodiscard]] Fault hang();
[[nodiscard]] Fault endless();  // a body that does not end
[[nodiscard]] Fault delayed(std::chrono::milliseconds by);

// Heads.
[[nodiscard]] Fault wrong_root();  // signed, but not of these entries
[[nodiscard]] Fault fork();        // signed, in turn the true one and another
[[nodiscard]] Fault backwards(ctlog::TreeSize by);  // true, of an older tree
[[nodiscard]] Fault frozen(const monitor::demo::LocalLog& log);  // as of now
[[nodiscard]] Fault bad_signature();

// Entries and proofs.
[[nodiscard]] Fault flip_entry(ctlog::LeafIndex index);    // in that entry only
[[nodiscard]] Fault short_entries(std::uint64_t at_most);  // RFC 6962
[[nodiscard]] Fault no_entries();                          // RFC 6962
[[nodiscard]] Fault wrong_proofs();      // Static CT: wrong hash tiles
[[nodiscard]] Fault no_partial_tiles();  // Static CT: 404

}  // namespace fault

}  // namespace ct::test
