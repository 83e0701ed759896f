#include "tests/e2e/harness.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "alerts/payload.h"
#include "base/time.h"
#include "tests/support/catch.h"

namespace ct::test {
namespace {

std::string read_whole(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::vector<std::string> clean_environment(const Environment& more) {
  std::vector<std::string> out;
  for (char** e = environ; *e != nullptr; ++e) {
    const std::string_view pair = *e;
    if (pair.starts_with("CTVIGIL_") || pair.starts_with("PG")) continue;
    out.emplace_back(pair);
  }
  for (const auto& [name, value] : more) out.push_back(name + "=" + value);
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (auto& s : strings) out.push_back(s.data());
  out.push_back(nullptr);
  return out;
}

void must_be_zero(int error, const char* what) {
  if (error != 0) throw std::runtime_error(fmt::format("{}: {}", what, error));
}

}  // namespace

Program::Program(std::string executable, const Arguments& arguments,
                 const Environment& more, std::string files)
    : files_(std::move(files)) {
  std::vector<std::string> argv{std::move(executable)};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  std::vector<std::string> env = clean_environment(more);
  posix_spawn_file_actions_t actions;
  must_be_zero(posix_spawn_file_actions_init(&actions), "file actions");
  const int flags = O_WRONLY | O_CREAT | O_TRUNC;
  const std::string out = files_ + ".out";
  const std::string err = files_ + ".err";
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, out.c_str(), flags, 0600);
  posix_spawn_file_actions_addopen(&actions, 2, err.c_str(), flags, 0600);
  const int error = posix_spawn(&pid_, argv.front().c_str(), &actions, nullptr,
                                pointers(argv).data(), pointers(env).data());
  posix_spawn_file_actions_destroy(&actions);
  must_be_zero(error, argv.front().c_str());
}

Program::~Program() { kill(); }

void Program::signal(int number) {
  if (!ended()) ::kill(pid_, number);
}

void Program::kill() {
  signal(SIGKILL);
  // SIGKILL cannot be held up for long.
  if (!wait()) std::abort();
}

std::optional<int> Program::ended() {
  if (code_) return code_;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
  code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return code_;
}

std::optional<int> Program::wait(std::chrono::seconds limit) {
  if (!eventually([&] { return ended().has_value(); }, limit)) {
    return std::nullopt;
  }
  return code_;
}

std::string Program::out() const { return read_whole(files_ + ".out"); }
std::string Program::err() const { return read_whole(files_ + ".err"); }

Monitor::Monitor()
    : environment{{"CTVIGIL_STATE_DIR", dir_ / "state"},
                  {"CTVIGIL_CONFIG", dir_ / "ctvigil.toml"},
                  {"CTVIGIL_HTTP_LISTEN", "none"},
                  {"CTVIGIL_REQUESTS_PER_SECOND", "1000"},
                  {"CTVIGIL_POLL_INTERVAL", "200ms"},
                  {"CTVIGIL_PARTIAL_TILE_WAIT", "0s"}} {
  // Whatever the machine has in /etc stays out of it.
  (void)write("ctvigil.toml", "");
}

std::unique_ptr<Program> Monitor::start(const Arguments& arguments) {
  return std::make_unique<Program>(CTVIGIL_PROGRAM, arguments, environment,
                                   file(fmt::format("{}", started_++)));
}

Outcome Monitor::run(const Arguments& arguments) {
  const auto program = start(arguments);
  const auto code = program->wait();
  Outcome out{code.value_or(-1), program->out(), program->err()};
  INFO(fmt::format("ctvigil {}\n{}{}", fmt::join(arguments, " "), out.out,
                   out.err));
  REQUIRE(code);
  return out;
}

std::string Monitor::ok(const Arguments& arguments) {
  const Outcome outcome = run(arguments);
  INFO(fmt::format("ctvigil {}\n{}{}", fmt::join(arguments, " "), outcome.out,
                   outcome.err));
  REQUIRE(outcome.code == 0);
  return outcome.out;
}

Json Monitor::json(Arguments arguments) {
  arguments.emplace_back("--json");
  return Json::parse(ok(arguments));
}

Json Monitor::alerts(const Arguments& filter) {
  Arguments arguments{"alerts", "list"};
  arguments.insert(arguments.end(), filter.begin(), filter.end());
  return json(arguments);
}

Json Monitor::log(const std::string& name) {
  for (const auto& log : json({"logs"})) {
    if (log["log"] == name) return log;
  }
  return nullptr;
}

std::string Monitor::write(const std::string& name,
                           std::string_view content) const {
  std::ofstream out(file(name), std::ios::binary | std::ios::trunc);
  out << content << std::flush;
  if (!out) throw std::runtime_error("cannot write " + file(name));
  return file(name);
}

void Monitor::add_webhook(const std::string& name, const std::string& url,
                          const std::string& ca_file) {
  ok({"channel", "add", "webhook", name, url, "--secret-file",
      write(name + ".secret", kSecret), "--ca-file", ca_file,
      "--allow-private-host", "localhost"});
}

FakeLogs::LogOptions rfc6962_log(const std::string& name,
                                 const std::string& operator_name) {
  FakeLogs::LogOptions out;
  out.name = out.description = name;
  out.operator_name = operator_name;
  return out;
}

FakeLogs::LogOptions static_log(const std::string& name,
                                const std::string& operator_name) {
  auto out = rfc6962_log(name, operator_name);
  out.kind = ctlog::LogKind::kStatic;
  return out;
}

Arguments run_arguments(const std::string& list, const std::string& ca,
                        const Arguments& more) {
  Arguments out{
      "run", "--log-list", list, "--allow-unsigned-log-list", "--ca-file", ca};
  out.insert(out.end(), more.begin(), more.end());
  return out;
}

Arguments run_arguments(const FakeLogs& logs, const Arguments& more) {
  Arguments all{"--start", "beginning"};
  all.insert(all.end(), more.begin(), more.end());
  return run_arguments(logs.list_path(), logs.ca_path(), all);
}

Json checked_message(const Receiver::Request& request) {
  const std::string id = request.headers.at("webhook-id");
  const auto time = std::stoll(request.headers.at("webhook-timestamp"));
  const auto signature =
      alerts::sign_webhook(Monitor::kSecret, id, time, request.body);
  REQUIRE(signature);
  REQUIRE(request.headers.at("webhook-signature") == *signature);
  Json message = Json::parse(request.body);
  REQUIRE(message["id"] == id);
  return message;
}

std::vector<std::string> names_of(const Json& alerts) {
  std::vector<std::string> out;
  for (const auto& alert : alerts) {
    for (const auto& name : alert["names"]) out.push_back(name);
  }
  std::sort(out.begin(), out.end());
  return out;
}

int free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  const bool known = fd >= 0 && bind(fd, generic, length) == 0 &&
                     getsockname(fd, generic, &length) == 0;
  if (fd >= 0) close(fd);
  if (!known) throw std::runtime_error("no free port");
  return ntohs(address.sin_port);
}

}  // namespace ct::test
