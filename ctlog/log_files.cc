#include "ctlog/log_files.h"

#include <zip.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "base/gzip.h"

namespace ct::ctlog {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxCheckpoint = 1u << 20;
constexpr std::size_t kMaxArchives = 10'000;

tl::unexpected<Error> too_large(std::size_t max) {
  return fail(Errc::kMalformed,
              "a file of more than " + std::to_string(max) + " bytes");
}

// A place that holds files.
class Place {
 public:
  virtual ~Place() = default;
  // As LogFiles::read, without inflating.
  [[nodiscard]] virtual Result<Buffer> read(const std::string& name,
                                            std::size_t max) const = 0;
};

class Folder final : public Place {
 public:
  explicit Folder(fs::path root) : root_(std::move(root)) {}

  Result<Buffer> read(const std::string& name, std::size_t max) const override {
    std::error_code error;
    const fs::path path = root_ / name;
    const auto size = fs::file_size(path, error);
    if (error) return fail(Errc::kGone, "no such file");
    if (size > max) return too_large(max);
    std::ifstream in(path, std::ios::binary);
    Buffer out;
    if (in.read(reinterpret_cast<char*>(out.extend(size)),
                static_cast<std::streamsize>(size))) {
      return out;
    }
    return fail(Errc::kTransient, "cannot be read");
  }

 private:
  const fs::path root_;
};

struct Discard {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
struct Close {
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};

class Archive final : public Place {
 public:
  static Result<std::unique_ptr<Place>> open(const fs::path& path) {
    int code = 0;
    std::unique_ptr<zip_t, Discard> archive(
        zip_open(path.c_str(), ZIP_RDONLY, &code));
    if (archive) {
      return std::unique_ptr<Place>(new Archive(std::move(archive)));
    }
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    const std::string why = zip_error_strerror(&error);
    zip_error_fini(&error);
    return fail(Errc::kUsage, path.string() + ": no zip archive: " + why);
  }

  Result<Buffer> read(const std::string& name, std::size_t max) const override {
    const std::lock_guard lock(mutex_);
    zip_stat_t stat;
    if (zip_stat(archive_.get(), name.c_str(), 0, &stat) != 0) {
      return fail(Errc::kGone, "no such file");
    }
    // What it says of its size is as little trusted as the rest.
    if ((stat.valid & ZIP_STAT_SIZE) == 0 || stat.size > max) {
      return too_large(max);
    }
    const std::unique_ptr<zip_file_t, Close> file(
        zip_fopen_index(archive_.get(), stat.index, 0));
    Buffer out;
    if (file && zip_fread(file.get(), out.extend(stat.size), stat.size) ==
                    static_cast<zip_int64_t>(stat.size)) {
      return out;
    }
    return fail(Errc::kTransient, "cannot be read from the archive");
  }

 private:
  explicit Archive(std::unique_ptr<zip_t, Discard> archive)
      : archive_(std::move(archive)) {}

  mutable std::mutex mutex_;  // a zip_t is for one thread at a time
  const std::unique_ptr<zip_t, Discard> archive_;
};

// A data tile begins with a time in milliseconds: zeros until the year 10889.
bool is_gzip(ByteView bytes) {
  return bytes.size() > 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

class Places final : public LogFiles {
 public:
  explicit Places(std::vector<std::unique_ptr<Place>> places)
      : places_(std::move(places)) {}

  Result<Buffer> read(std::string_view name, std::size_t max) const override {
    const std::string file(name);
    for (const auto& place : places_) {
      auto body = place->read(file, max);
      if (!body && body.error().code == Errc::kGone) continue;
      if (body && file.starts_with("tile/data/") && is_gzip(body->view())) {
        return gunzip(body->view(), max);
      }
      return body;
    }
    return fail(Errc::kGone, "no such file");
  }

 private:
  const std::vector<std::unique_ptr<Place>> places_;
};

Result<void> add_archives(const fs::path& folder,
                          std::vector<std::unique_ptr<Place>>& places) {
  std::error_code error;
  std::vector<fs::path> archives;
  for (fs::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    if (it->path().extension() == ".zip") archives.push_back(it->path());
  }
  if (error || archives.size() > kMaxArchives) {
    return fail(Errc::kUsage,
                folder.string() + ": " +
                    (error ? error.message() : "too many archives"));
  }
  std::ranges::sort(archives);
  for (const auto& path : archives) {
    auto archive = Archive::open(path);
    if (!archive) return tl::unexpected(archive.error());
    places.push_back(std::move(*archive));
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<const LogFiles>> LogFiles::open(
    const std::vector<std::string>& paths) {
  std::vector<std::unique_ptr<Place>> places;
  for (const auto& path : paths) {
    std::error_code error;
    if (fs::is_directory(path, error)) {
      places.push_back(std::make_unique<Folder>(path));
      const auto added = add_archives(path, places);
      if (!added) return tl::unexpected(added.error());
      continue;
    }
    auto archive = Archive::open(path);
    if (!archive) return tl::unexpected(archive.error());
    places.push_back(std::move(*archive));
  }
  return std::make_shared<const Places>(std::move(places));
}

Result<std::string> origin_of(const LogFiles& files) {
  const auto checkpoint = files.read("checkpoint", kMaxCheckpoint);
  if (!checkpoint) return fail_in("checkpoint", checkpoint.error());
  const auto text = checkpoint->text();
  const auto end = text.find('\n');
  if (end == text.npos || end == 0) {
    return fail(Errc::kMalformed, "checkpoint: no note");
  }
  return std::string(text.substr(0, end));
}

}  // namespace ct::ctlog
