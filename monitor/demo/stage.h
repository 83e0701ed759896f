// Stage: what stands around the monitor in the demo. Two CAs, a log of either
// kind, a webhook receiver, and a folder for their files.
#pragma once

#include <memory>
#include <string>

#include "monitor/demo/local_log_server.h"
#include "monitor/demo/webhook_receiver.h"

namespace ct::monitor::demo {

inline constexpr const char* kDomain = "demo.example";
inline constexpr const char* kGoodName = "www.demo.example";
inline constexpr const char* kEvilName = "login.demo.example";
inline constexpr const char* kGoodCa = "Demo Trust";
inline constexpr const char* kEvilCa = "Evil Trust";

// A folder that is gone when the demo is over, however it ends.
class TemporaryFolder {
 public:
  // kUsage: it cannot be made.
  [[nodiscard]] static Result<std::unique_ptr<TemporaryFolder>> make();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
  const std::string path_;
};

class Stage {
 public:
  // Sets everything up; starts threads. `folder` must outlive the stage.
  // `webhook_secret`: what the receiver checks signatures with.
  [[nodiscard]] static Result<std::unique_ptr<Stage>> set(
      const TemporaryFolder& folder, const std::string& webhook_secret);

  [[nodiscard]] LocalLog& classic() { return classic_; }
  [[nodiscard]] LocalLog& tiles() { return tiles_; }
  [[nodiscard]] LocalLog& log(const Hash& log_id) {
    return log_id == classic_.log_id() ? classic_ : tiles_;
  }
  [[nodiscard]] WebhookReceiver& receiver() { return *receiver_; }
  [[nodiscard]] std::string url(const LocalLog& log) const {
    return server_->url(log);
  }
  [[nodiscard]] std::string ca_file() const { return folder_ + "/ca.pem"; }
  [[nodiscard]] std::string log_list() const { return folder_ + "/logs.json"; }

  // `count` certificates for names of nobody's, into each log.
  void add_strangers(std::size_t count);
  // A certificate for `name`: its precertificate into both logs, the final one
  // into the classic log. Returns the SHA-256 of its TBS.
  Hash issue_good(const char* name) { return issue(good_, name); }
  Hash issue_evil(const char* name) { return issue(evil_, name); }
  // Both logs serve what they hold.
  void publish();

 private:
  explicit Stage(std::string folder);
  Hash issue(const LocalCa& ca, const char* name);

  const std::string folder_;
  LocalCa good_, evil_;
  LocalLog classic_, tiles_;
  std::unique_ptr<LocalLogServer> server_;
  std::unique_ptr<WebhookReceiver> receiver_;
};

}  // namespace ct::monitor::demo
