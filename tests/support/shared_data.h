// The recorded data of the folder CT_SHARED_DATA, which a clone may lack.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/support/catch.h"

namespace ct::test {

// Whether the folder is there; says that the test is skipped if it is not.
inline bool have_shared_data() {
  if (std::filesystem::is_directory(CT_SHARED_DATA)) return true;
  WARN("skipped: no recorded data at " CT_SHARED_DATA);
  // ctest counts a test without assertions as failed.
  SUCCEED();
  return false;
}

inline std::filesystem::path shared_path(const std::string& name) {
  return std::filesystem::path(CT_SHARED_DATA) / name;
}

// The whole file; a missing one fails the test.
inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  INFO("reading " << path.string());
  REQUIRE(in.good());
  return {std::istreambuf_iterator<char>(in), {}};
}

inline std::string shared_file(const std::string& name) {
  return read_file(shared_path(name));
}

}  // namespace ct::test
