// LogFiles: a Static CT log as files on disk instead of a server: a folder laid
// out as its monitoring prefix, or the zip archives of such a one that projects
// publish of retired logs, each with a part of the tiles.
//
// They are as little trusted as a server: the same checks follow.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "base/result.h"

namespace ct::ctlog {

class LogFiles {
 public:
  // Each of `paths` is a folder, a zip archive, or a folder of zip archives.
  // kUsage: one is none of these, or cannot be read.
  [[nodiscard]] static Result<std::shared_ptr<const LogFiles>> open(
      const std::vector<std::string>& paths);
  virtual ~LogFiles() = default;

  // The file "tile/0/000" and the like, of the first place that has it. Data
  // tiles are inflated if they were stored compressed. From any thread.
  // kGone: there is none; kMalformed: more than `max` bytes; kTransient: it
  // cannot be read
  [[nodiscard]] virtual Result<Buffer> read(std::string_view name,
                                            std::size_t max) const = 0;
};

// The first line of the log's checkpoint: its name.
[[nodiscard]] Result<std::string> origin_of(const LogFiles& files);

}  // namespace ct::ctlog
