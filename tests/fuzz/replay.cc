// main() of the replay binaries: runs a fuzz target over the files of the
// folders given, and over every beginning of each file.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t n);

namespace {

constexpr std::size_t kMaxBeginnings = 4096;

std::vector<std::uint8_t> read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void replay(const std::vector<std::uint8_t>& input) {
  const std::size_t step = input.size() / kMaxBeginnings + 1;
  for (std::size_t n = 0; n < input.size(); n += step) {
    // A copy of its own, so that a sanitizer sees a read past the end.
    const std::vector<std::uint8_t> beginning(
        input.begin(), input.begin() + static_cast<std::ptrdiff_t>(n));
    LLVMFuzzerTestOneInput(beginning.data(), beginning.size());
  }
  LLVMFuzzerTestOneInput(input.data(), input.size());
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t files = 0;
  for (int i = 1; i < argc; ++i) {
    if (!std::filesystem::is_directory(argv[i])) continue;
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
      std::printf("%s\n", entry.path().c_str());
      std::fflush(stdout);
      replay(read_file(entry.path()));
      ++files;
    }
  }
  std::printf("%zu seeds\n", files);
  return files == 0 ? 1 : 0;
}
