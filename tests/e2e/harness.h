// The program itself, as its users meet it: a process with arguments, an
// environment, output and signals, on a state folder of its own.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/fake_log.h"
#include "tests/support/receiver.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait.h"

namespace ct::test {

using Json = nlohmann::json;
using Arguments = std::vector<std::string>;
using Environment = std::map<std::string, std::string>;

// Limits are there to fail a broken test on a slow machine, not to measure.
inline constexpr std::chrono::seconds kPatience{120};

// One process, killed with its object if it still runs.
class Program {
 public:
  // Standard output and error go to `files` + ".out" and ".err". The
  // environment is ours without what would configure ctvigil, and `more`.
  Program(std::string executable, const Arguments& arguments,
          const Environment& more, std::string files);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  void signal(int number);
  // kill -9, and waits for the end.
  void kill();
  // Exit code, or 128 + the signal's number; nullopt: it still runs.
  [[nodiscard]] std::optional<int> ended();
  [[nodiscard]] std::optional<int> wait(std::chrono::seconds limit = kPatience);
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] std::string out() const;
  [[nodiscard]] std::string err() const;

 private:
  std::string files_;
  pid_t pid_ = -1;
  std::optional<int> code_;
};

struct Outcome {
  int code = -1;
  std::string out, err;
};

// An installation: a state folder with its private Postgres, and the
// environment that all commands on it share.
class Monitor {
  TempDir dir_;  // before `environment`, which names it
  unsigned started_ = 0;

 public:
  Monitor();

  Environment environment;  // for every process started from here on

  [[nodiscard]] std::unique_ptr<Program> start(const Arguments& arguments);
  // Runs to the end, which must come.
  Outcome run(const Arguments& arguments);
  // Of a command that must succeed, with --json.
  Json json(Arguments arguments);
  // Of a command that must succeed.
  std::string ok(const Arguments& arguments);

  // All alerts, those of one kind, or in one state.
  Json alerts(const Arguments& filter = {"--all"});
  // The log of that name as `ctvigil logs` has it.
  Json log(const std::string& name);
  [[nodiscard]] std::string file(const std::string& name) const {
    return dir_ / name;
  }
  [[nodiscard]] std::string write(const std::string& name,
                                  std::string_view content) const;
  // Adds a webhook channel to the receiver, which trusts `ca_file`.
  void add_webhook(const std::string& name, const std::string& url,
                   const std::string& ca_file);

  static constexpr const char* kSecret =
      "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
};

// Logs of either kind.
[[nodiscard]] FakeLogs::LogOptions rfc6962_log(
    const std::string& name, const std::string& operator_name = "Operator");
[[nodiscard]] FakeLogs::LogOptions static_log(
    const std::string& name, const std::string& operator_name = "Operator");

// "run" with the logs' list, from the beginning, and `more`.
[[nodiscard]] Arguments run_arguments(const FakeLogs& logs,
                                      const Arguments& more = {});
[[nodiscard]] Arguments run_arguments(const std::string& list,
                                      const std::string& ca,
                                      const Arguments& more);

// A message as the receiver got it. Throws if its signature is not good.
[[nodiscard]] Json checked_message(const Receiver::Request& request);

// The names of alerts, sorted.
[[nodiscard]] std::vector<std::string> names_of(const Json& alerts);

// A port of loopback that was free a moment ago.
[[nodiscard]] int free_port();

}  // namespace ct::test
