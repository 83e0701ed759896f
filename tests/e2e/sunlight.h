// Sunlight: a Static CT log that somebody else wrote, running on loopback.
//
// tests/sunlight/build.sh builds its two servers: `sunlight` takes in
// certificates, `skylight` serves the tiles.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/http.h"
#include "ctlog/checkpoint.h"
#include "monitor/demo/local_log.h"
#include "tests/e2e/harness.h"

namespace ct::test {

// Throws whatever goes wrong.
class Sunlight {
 public:
  // A new and empty log that accepts what leads to the CA's root.
  explicit Sunlight(const monitor::demo::LocalCa& ca);

  struct Logged {
    ctlog::LeafIndex index = 0;
    Bytes sct;         // serialized; its signature holds
    Hash leaf_hash{};  // of the leaf that it promises
  };
  // Hands them in all at once. They are in the published tree, in an order of
  // the log's, when this returns.
  std::vector<Logged> submit(
      const std::vector<monitor::demo::Submission>& submissions);

  // What it publishes now, unverified.
  [[nodiscard]] ctlog::Checkpoint checkpoint();
  // As the log list describes it.
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::string list_path() const { return dir_ / "logs.json"; }
  [[nodiscard]] std::string ca_path() const { return dir_ / "root.pem"; }

 private:
  void start_sunlight();
  void start_skylight();
  void write_log_list();
  // Starts bin/`program` on a port of its own, sets the log's `url` there, and
  // waits until it answers.
  std::unique_ptr<Program> start(const std::string& program, Json config,
                                 std::string& url);
  std::string get(const std::string& url);
  Logged accepted(const monitor::demo::Submission& submission,
                  const Json& reply) const;

  TempDir dir_;
  const std::string name_ = "localhost/e2e";
  std::string submission_url_, monitoring_url_;  // end in '/'
  HttpClient http_;
  std::unique_ptr<Program> sunlight_, skylight_;
  std::optional<ctlog::LogKey> key_;
};

}  // namespace ct::test
