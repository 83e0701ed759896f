// Runs one command of the program within the test, as main does.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "monitor/commands.h"

namespace ct::test {

struct CommandOutput {
  int code = 0;
  std::string out, err;  // what it printed
};

// `add` declares the commands; `args` are given as on a command line, without
// the program's name. `in` is its standard input.
[[nodiscard]] CommandOutput run_command(
    const std::function<void(CLI::App&, monitor::Session&)>& add,
    std::vector<std::string> args, const std::string& in = "");

// What a command printed with --json. The test fails unless it went well.
[[nodiscard]] nlohmann::json json_of(const CommandOutput& output);

}  // namespace ct::test
