#include "monitor/config.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "monitor/config_keys.h"
#include "tests/support/catch.h"

namespace ct::monitor {
namespace {

// Sets variables for one test.
class Environment {
 public:
  ~Environment() {
    for (const auto& name : names_) ::unsetenv(name.c_str());
  }
  void set(const std::string& name, const std::string& value) {
    ::setenv(name.c_str(), value.c_str(), 1);
    names_.push_back(name);
  }

 private:
  std::vector<std::string> names_;
};

class TemporaryFile {
 public:
  explicit TemporaryFile(std::string_view text) {
    static int count = 0;
    path_ = std::filesystem::temp_directory_path() /
            ("ctvigil-config-test-" + std::to_string(::getpid()) + "-" +
             std::to_string(++count) + ".toml");
    std::ofstream(path_) << text;
  }
  ~TemporaryFile() { std::filesystem::remove(path_); }
  [[nodiscard]] std::string path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// The one problem of a text.
ConfigProblem problem_of(std::string_view toml) {
  const LoadedConfig loaded = parse_config(toml, "test.toml");
  CAPTURE(toml);
  REQUIRE(loaded.problems.size() == 1);
  CHECK(loaded.problems[0].where == "test.toml");
  return loaded.problems[0];
}

}  // namespace

TEST_CASE("a config file sets what it names and leaves the rest",
          "[monitor][config]") {
  const LoadedConfig loaded = parse_config(R"(
# a comment
state_dir = "/srv/ctvigil"
log_lists = ["https://logs.example/list.json", "mine.json"]
allow_unsigned_log_list = true
requests_per_second = 2.5
operator_requests = {"Let's Encrypt" = 8, Google = 0.5}
poll_interval = "5s"
lag_alert = 90
mismatch_retries = ["1s", "2m"]
threads = 3
log_level = "debug"
log_format = "json"
verify_scts = "all"
keep_der = "all"
start = "2026-11-24"
witnesses = ["w.example+1a2b3c4d+AW5jZXJ0"]
)",
                                           "test.toml");
  CHECK(loaded.problems.empty());
  const Config& c = loaded.config;
  CHECK(c.state_dir == "/srv/ctvigil");
  CHECK(c.log_lists == std::vector<std::string>{
                           "https://logs.example/list.json", "mine.json"});
  CHECK(c.allow_unsigned_log_list);
  CHECK(c.requests_per_second == 2.5);
  CHECK(c.operator_requests.at("Let's Encrypt") == 8);
  CHECK(c.operator_requests.at("Google") == 0.5);
  CHECK(c.poll_interval == std::chrono::seconds(5));
  CHECK(c.lag_alert == std::chrono::seconds(90));
  CHECK(c.mismatch_retries ==
        std::vector<std::chrono::milliseconds>{std::chrono::seconds(1),
                                               std::chrono::minutes(2)});
  CHECK(c.threads == 3);
  CHECK(c.log_level == LogLevel::kDebug);
  CHECK(c.log_format == LogFormat::kJson);
  CHECK(c.verify_scts == VerifyScts::kAll);
  CHECK(c.keep_der == KeepDer::kAll);
  CHECK(c.start == "2026-11-24");
  CHECK(c.witnesses.size() == 1);
  CHECK(c.downloads_per_log == Config().downloads_per_log);
  CHECK_FALSE(c.http_listen_given);
}

TEST_CASE("problems name the line, the key and the way out",
          "[monitor][config]") {
  const auto unknown = problem_of("threads = 2\n\nlog_levl = \"info\"\n");
  CHECK(unknown.line == 3);
  CHECK_THAT(unknown.what, ContainsSubstring("\"log_levl\""));
  CHECK_THAT(unknown.what, ContainsSubstring("did you mean \"log_level\""));
  CHECK_THAT(problem_of("[zzz]\nx = 1\n").what,
             ContainsSubstring("config example"));

  const auto broken = problem_of("threads = 2\nstart = \"head\nx = 1\n");
  CHECK(broken.line == 2);
  CHECK_THAT(broken.what, ContainsSubstring("not valid TOML"));

  CHECK_THAT(problem_of("poll_interval = \"5 parsecs\"").what,
             ContainsSubstring("duration from"));
  CHECK_THAT(problem_of("poll_interval = \"0s\"").what,
             ContainsSubstring("duration from"));
  CHECK_THAT(problem_of("lag_alert = -5").what,
             ContainsSubstring("duration from"));
  CHECK_THAT(problem_of("lag_alert = true").what,
             ContainsSubstring("a duration"));
  CHECK_THAT(problem_of("allow_unsigned_log_list = \"yes\"").what,
             ContainsSubstring("without quotes"));
  CHECK_THAT(problem_of("threads = 2.5").what,
             ContainsSubstring("whole number"));
  CHECK_THAT(problem_of("threads = -1").what,
             ContainsSubstring("whole number"));
  CHECK_THAT(problem_of("requests_per_second = 0").what,
             ContainsSubstring("0.01"));
  CHECK_THAT(problem_of("requests_per_second = inf").what,
             ContainsSubstring("0.01"));
  CHECK_THAT(problem_of("log_level = \"loud\"").what,
             ContainsSubstring("\"warning\""));
  CHECK_THAT(problem_of("verify_scts = \"some\"").what,
             ContainsSubstring("\"all\""));
  CHECK_THAT(problem_of("start = \"tomorrow\"").what,
             ContainsSubstring("\"beginning\""));
  CHECK_THAT(problem_of("log_lists = \"x.json\"").what,
             ContainsSubstring("a list"));
  CHECK_THAT(problem_of("log_lists = [\"\"]").what,
             ContainsSubstring("not empty"));
  CHECK_THAT(problem_of("log_lists = [1]").what, ContainsSubstring("a list"));
  CHECK_THAT(problem_of("operator_requests = {Google = \"8\"}").what,
             ContainsSubstring("a table"));
  CHECK_THAT(problem_of("witnesses = [\"key\"]").what,
             ContainsSubstring("verifier keys"));
  CHECK_THAT(problem_of("contact = \"a\\nb\"").what,
             ContainsSubstring("contact"));
  CHECK_THAT(problem_of("state_dir = \"~/ctvigil\"").what,
             ContainsSubstring("~"));
  CHECK_THAT(problem_of("mismatch_retries = [\"1s\", \"soon\"]").what,
             ContainsSubstring("durations"));
  for (const char* listen :
       {"9790", "127.0.0.1", "::1:80", "a:99999", ":80", "a:b", "a:1.5"}) {
    CAPTURE(listen);
    CHECK_THAT(problem_of(std::string("http_listen = \"") + listen + '"').what,
               ContainsSubstring("a port"));
    CHECK_THAT(problem_of(std::string("api_listen = \"") + listen + '"').what,
               ContainsSubstring("a port"));
  }
}

TEST_CASE("the API is configured apart from health and metrics",
          "[monitor][config]") {
  const auto none = parse_config("", "f").config;
  CHECK(none.api_listen.empty());
  const auto loaded = parse_config(
      "api_listen = \"[::1]:9791\"\napi_tls_cert = \"/c\"\n"
      "api_tls_key = \"/k\"\napi_behind_tls_proxy = true\n"
      "api_query_timeout = \"5s\"\n",
      "f");
  CHECK(loaded.problems.empty());
  CHECK(loaded.config.api_listen == "[::1]:9791");
  CHECK(loaded.config.api_tls_cert == "/c");
  CHECK(loaded.config.api_tls_key == "/k");
  CHECK(loaded.config.api_behind_tls_proxy);
  CHECK(loaded.config.api_query_timeout == std::chrono::seconds(5));
  CHECK(loaded.config.http_listen == none.http_listen);
}

TEST_CASE("problems come in the order of the file", "[monitor][config]") {
  const LoadedConfig loaded =
      parse_config("zz = 1\nstart = \"x\"\naa = 1\n", "f");
  REQUIRE(loaded.problems.size() == 3);
  CHECK(loaded.problems[0].line == 1);
  CHECK(loaded.problems[1].line == 2);
  CHECK(loaded.problems[2].line == 3);
  CHECK_THAT(config_report(loaded), ContainsSubstring("f:2: start must be"));
}

TEST_CASE("a password in a config file is never repeated",
          "[monitor][config]") {
  for (const char* toml :
       {"database = \"postgres://u:hunter2@h/\nthreads = 1\n",
        "database = postgres://u:hunter2@h/\n", "database = hunter2\n",
        "database = [\"hunter2\"]\n", "database = \"hunter2\\u0001\"\n",
        "database = \"hunter2\"\ndatabase = \"hunter2\"\n",
        "database.url = \"hunter2\"\n", "databse = \"hunter2\"\n"}) {
    CAPTURE(toml);
    const LoadedConfig loaded = parse_config(toml, "f");
    REQUIRE(loaded.problems.size() == 1);
    CHECK(config_report(loaded).find("hunter2") == std::string::npos);
  }
  const LoadedConfig good = parse_config("database = \"hunter2\"", "f");
  CHECK(good.problems.empty());
  CHECK(good.config.database == "hunter2");
  CHECK(config_report(good).find("hunter2") == std::string::npos);
  CHECK_THAT(config_report(good), ContainsSubstring("set, not shown"));
}

TEST_CASE("the environment wins over the file", "[monitor][config]") {
  const TemporaryFile file("poll_interval = \"5s\"\nthreads = 2\n");
  Environment environment;
  environment.set("CTVIGIL_CONFIG", file.path());
  environment.set("CTVIGIL_THREADS", "7");
  environment.set("CTVIGIL_LOG_LISTS", "a.json, b.json");
  environment.set("CTVIGIL_ALLOW_UNSIGNED_LOG_LIST", "yes");
  environment.set("CTVIGIL_OPERATOR_REQUESTS", "Google=2, Let's Encrypt=3");
  environment.set("CTVIGIL_CONTACT", "");
  environment.set("CTVIGIL_SERVICE_HOST", "10.0.0.1");
  environment.set("CTVIGIL_PORT", "tcp://10.0.0.1:80");
  const LoadedConfig loaded = load_config("");
  CHECK(config_report(loaded).find("must be") == std::string::npos);
  CHECK(loaded.problems.empty());
  CHECK(loaded.config.threads == 7);
  CHECK(loaded.config.poll_interval == std::chrono::seconds(5));
  CHECK(loaded.config.log_lists ==
        std::vector<std::string>{"a.json", "b.json"});
  CHECK(loaded.config.allow_unsigned_log_list);
  CHECK(loaded.config.operator_requests.at("Let's Encrypt") == 3);
  CHECK(loaded.config.contact == Config().contact);
}

TEST_CASE("wrong variables are named", "[monitor][config]") {
  const TemporaryFile file("");
  Environment environment;
  const auto problem = [&](const std::string& name, const std::string& value) {
    environment.set(name, value);
    const LoadedConfig loaded = load_config(file.path());
    ::unsetenv(name.c_str());
    CAPTURE(name);
    REQUIRE(loaded.problems.size() == 1);
    CHECK(loaded.problems[0].where == name);
    return loaded.problems[0].what;
  };
  CHECK_THAT(problem("CTVIGIL_THREADS", "many"),
             ContainsSubstring("whole number"));
  CHECK_THAT(problem("CTVIGIL_THREDS", "2"), ContainsSubstring("\"threads\""));
  CHECK_THAT(problem("CTVIGIL_ALLOW_UNSIGNED_LOG_LIST", "maybe"),
             ContainsSubstring("true or false"));
  CHECK_THAT(problem("CTVIGIL_OPERATOR_REQUESTS", "Google"),
             ContainsSubstring("Google=8"));
}

TEST_CASE("a config file that is named must be there", "[monitor][config]") {
  const LoadedConfig missing = load_config("/nowhere/ctvigil.toml");
  REQUIRE(missing.problems.size() == 1);
  CHECK_THAT(config_report(missing),
             ContainsSubstring("/nowhere/ctvigil.toml: cannot be read"));
  const LoadedConfig folder = load_config("/");
  REQUIRE(folder.problems.size() == 1);
  CHECK_THAT(folder.problems[0].what, ContainsSubstring("cannot be read"));
}

TEST_CASE("the state folder follows the XDG variables", "[monitor][config]") {
  if (::geteuid() == 0) {
    CHECK(parse_config("", "f").config.state_dir == "/var/lib/ctvigil");
    return;
  }
  Environment environment;
  environment.set("XDG_STATE_HOME", "/home/u/state");
  CHECK(parse_config("", "f").config.state_dir == "/home/u/state/ctvigil");
}

TEST_CASE("the example file, uncommented, is the default configuration",
          "[monitor][config]") {
  const std::string example = config_example();
  CHECK(parse_config(example, "example").problems.empty());

  std::istringstream lines(example);
  std::string toml, line;
  std::size_t keys = 0;
  while (std::getline(lines, line)) {
    CHECK(line.size() <= 80);
    if (line.size() > 1 && line[0] == '#' && line[1] != ' ') {
      toml += line.substr(1) + '\n';
      ++keys;
    }
  }
  CHECK(keys == config_keys().size());
  const LoadedConfig loaded = parse_config(toml, "example");
  CHECK(config_report(loaded).find("must be") == std::string::npos);
  CHECK(loaded.problems.empty());
  const Config standard;
  for (const ConfigKey& key : config_keys()) {
    CAPTURE(std::string(key.name));
    if (key.name == "state_dir") continue;  // depends on the user
    CHECK(key.show(loaded.config) == key.show(standard));
  }
}

}  // namespace ct::monitor
