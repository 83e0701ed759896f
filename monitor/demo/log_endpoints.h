// What a log answers: RFC 6962, section 4, or the Static CT API.
#pragma once

#include <string>

#include "monitor/demo/http_server.h"
#include "monitor/demo/local_log.h"

namespace ct::monitor::demo {

struct EndpointOptions {
  // Entries in one get-entries reply, and whether longer requests are cut so
  // that the next starts at a multiple of it, as CTFE does.
  std::uint64_t get_entries_cap = 256;
  bool align_get_entries = true;
  // Partial tiles go away once the full tile exists, as Static CT allows.
  bool keep_partial_tiles = true;
};

// `path` is what follows the log's prefix: "ct/v1/get-sth", "checkpoint".
[[nodiscard]] ServerResponse answer_for_log(const LocalLog& log,
                                            const EndpointOptions& options,
                                            const std::string& path,
                                            const ServerRequest& request);

}  // namespace ct::monitor::demo
