#include "tests/support/command_runner.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "tests/support/catch.h"

namespace ct::test {
namespace {

// A standard stream that is a temporary file for a while.
class Redirected {
 public:
  Redirected(std::FILE* stream, const std::string& content)
      : stream_(stream), file_(std::tmpfile()), saved_(dup(fileno(stream))) {
    std::fwrite(content.data(), 1, content.size(), file_);
    std::rewind(file_);
    std::fflush(stream_);
    dup2(fileno(file_), fileno(stream_));
  }
  ~Redirected() { (void)end(); }

  // What was written.
  std::string end() {
    if (saved_ < 0) return "";
    std::fflush(stream_);
    dup2(saved_, fileno(stream_));
    close(saved_);
    saved_ = -1;
    // Standard input was read to its end, as far as stdio knows.
    std::clearerr(stream_);
    std::string out;
    std::rewind(file_);
    for (int c; (c = std::fgetc(file_)) != EOF;) {
      out += static_cast<char>(c);
    }
    std::fclose(file_);
    return out;
  }

 private:
  std::FILE* stream_;
  std::FILE* file_;
  int saved_;
};

}  // namespace

CommandOutput run_command(
    const std::function<void(CLI::App&, monitor::Session&)>& add,
    std::vector<std::string> args, const std::string& in) {
  CLI::App app("ctvigil", "ctvigil");
  monitor::Session session;
  add(app, session);
  std::reverse(args.begin(), args.end());  // as CLI11 wants a vector

  CommandOutput result;
  Redirected input(stdin, in), out(stdout, ""), err(stderr, "");
  try {
    app.parse(args);
    result.code = session.action ? session.action() : monitor::kExitUsage;
  } catch (const CLI::ParseError& e) {
    result.code = app.exit(e) == 0 ? monitor::kExitOk : monitor::kExitUsage;
  }
  std::cout.flush();
  std::cerr.flush();
  result.err = err.end();
  result.out = out.end();
  (void)input.end();
  return result;
}

nlohmann::json json_of(const CommandOutput& output) {
  CAPTURE(output.err);
  REQUIRE(output.code == monitor::kExitOk);
  return nlohmann::json::parse(output.out);
}

}  // namespace ct::test
