#include "tests/support/fake_log.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <stdexcept>

#include "base/base64.h"
#include "ctlog/tile.h"

namespace ct::test {

using namespace monitor::demo;
using LogRequest = LocalLogServer::LogRequest;
using Honest = std::function<ServerResponse()>;

namespace {

// A test that cannot set up its logs cannot go on.
template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().what);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

std::string make_temporary_folder() {
  std::string name =
      (std::filesystem::temp_directory_path() / "ctvigil-test-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) {
    throw std::runtime_error(name + ": cannot be made");
  }
  return name;
}

bool is_head(const LogRequest& request) {
  return request.path == "ct/v1/get-sth" || request.path == "checkpoint";
}

// A base64 digit that stands for other bits.
void change_digit(std::string& text, std::size_t at) {
  text.at(at) = text.at(at) == 'A' ? 'B' : 'A';
}

ServerResponse with_head(const PublishedHead& head, ServerResponse response) {
  response.body = head.wire;
  return response;
}

Hash another_root(Hash root) {
  root[31] ^= 1;
  return root;
}

// The fault where the head is asked for, the truth elsewhere.
Fault for_heads(
    std::function<PublishedHead(const LocalLog&, const PublishedHead&)> make) {
  return [make](const LogRequest& request, const Honest& honest) {
    if (!is_head(request)) return honest();
    return with_head(make(request.log, request.log.head()), honest());
  };
}

}  // namespace

FakeLogs::FakeLogs(const std::vector<LogOptions>& logs,
                   const EndpointOptions& endpoints, bool tls)
    : dir_(make_temporary_folder()), ca_({"Fake Trust"}) {
  for (LogOptions options : logs) {
    options.roots.push_back(ca_.root());
    logs_.push_back(std::make_unique<LocalLog>(std::move(options)));
  }
  options_.endpoints = endpoints;
  if (tls) options_.http.tls = ca_.tls_identity();
  must(ca_.write_root_pem(ca_path()));
  start(0);
}

FakeLogs::~FakeLogs() {
  server_.reset();
  std::error_code ignored;  // a folder left in /tmp fails no test
  std::filesystem::remove_all(dir_, ignored);
}

void FakeLogs::start(int port) {
  options_.http.port = port;
  std::vector<LocalLog*> logs;
  for (const auto& log : logs_) logs.push_back(log.get());
  server_ = must(LocalLogServer::start(options_, std::move(logs)));
  port_ = server_->port();
  server_->on_request([this](const LogRequest& request, const Honest& honest) {
    return answer(request, honest);
  });
  must(server_->write_log_list(list_path()));
}

void FakeLogs::stop() { server_.reset(); }
void FakeLogs::restart() { start(port_); }

void FakeLogs::fill(std::size_t i, std::size_t count) {
  LocalLog& log = *logs_.at(i);
  for (std::size_t n = 0; n < count; ++n) {
    CertificateSpec spec;
    spec.common_name = fmt::format("host{}.nobody.example", log.size());
    spec.names = dns_names({spec.common_name});
    if (n % 2 == 0) {
      log.add(precert_submission(ca_.precertify(spec)));
    } else {
      log.add(final_submission(ca_.issue(spec), ca_.chain()));
    }
  }
  log.publish();
}

Issuance FakeLogs::add_precert(std::size_t i, std::string_view name) {
  CertificateSpec spec;
  spec.common_name = name;
  spec.names = dns_names({name});
  Issuance issuance = ca_.precertify(spec);
  logs_.at(i)->add(precert_submission(issuance));
  logs_.at(i)->publish();
  return issuance;
}

void FakeLogs::add_fault(std::size_t i, Fault fault, std::string path,
                         unsigned times) {
  const std::lock_guard lock(mutex_);
  rules_.push_back(
      {logs_.at(i).get(), std::move(path), std::move(fault), times});
}

void FakeLogs::clear_faults(std::size_t i) {
  const std::lock_guard lock(mutex_);
  std::erase_if(rules_,
                [&](const Rule& r) { return r.log == logs_.at(i).get(); });
}

std::size_t FakeLogs::requests(std::size_t i, std::string_view path) const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(
      std::count_if(seen_.begin(), seen_.end(), [&](const Seen& s) {
        return s.log == logs_.at(i).get() && s.path.starts_with(path);
      }));
}

ServerResponse FakeLogs::answer(const LogRequest& request,
                                const Honest& honest) {
  Fault fault;
  {
    const std::lock_guard lock(mutex_);
    seen_.push_back({&request.log, request.path});
    for (Rule& rule : rules_) {
      if (rule.log != &request.log || rule.left == 0 ||
          !request.path.starts_with(rule.path)) {
        continue;
      }
      if (rule.left != kForever) --rule.left;
      fault = rule.fault;
      break;
    }
  }
  return fault ? fault(request, honest) : honest();
}

namespace fault {

Fault status(int code, std::string retry_after) {
  return [=](const LogRequest&, const Honest&) {
    ServerResponse r;
    r.status = code;
    r.body = "no\n";
    if (!retry_after.empty()) {
      r.headers.emplace_back("Retry-After", retry_after);
    }
    return r;
  };
}

Fault html() {
  return [](const LogRequest&, const Honest&) {
    ServerResponse r;
    r.content_type = "text/html";
    r.body = "<html><body><h1>We'll be back soon</h1></body></html>\n";
    return r;
  };
}

Fault truncated() {
  return [](const LogRequest&, const Honest& honest) {
    ServerResponse r = honest();
    r.body.resize(r.body.size() / 2);
    return r;
  };
}

Fault cut_off() {
  return [](const LogRequest&, const Honest& honest) {
    ServerResponse r = honest();
    r.ending = ServerResponse::Ending::kCut;
    return r;
  };
}

Fault hang() {
  return [](const LogRequest&, const Honest&) {
    ServerResponse r;
    r.ending = ServerResponse::Ending::kHang;
    return r;
  };
}

Fault endless() {
  return [](const LogRequest&, const Honest&) {
    ServerResponse r;
    r.body.assign(64 << 10, ' ');
    r.ending = ServerResponse::Ending::kEndless;
    return r;
  };
}

Fault delayed(std::chrono::milliseconds by) {
  return [by](const LogRequest&, const Honest& honest) {
    ServerResponse r = honest();
    r.delay = by;
    return r;
  };
}

Fault wrong_root() {
  return for_heads([](const LocalLog& log, const PublishedHead& head) {
    return log.sign_head(head.size, head.timestamp, another_root(head.root));
  });
}

Fault fork() {
  const auto calls = std::make_shared<std::atomic<unsigned>>(0);
  return for_heads([calls](const LocalLog& log, const PublishedHead& head) {
    if ((*calls)++ % 2 == 0) return head;
    return log.sign_head(head.size, head.timestamp, another_root(head.root));
  });
}

Fault backwards(ctlog::TreeSize by) {
  return for_heads([by](const LocalLog& log, const PublishedHead& head) {
    const ctlog::TreeSize size = head.size - std::min(head.size, by);
    return log.sign_head(size, head.timestamp - 1000, log.root(size));
  });
}

Fault frozen(const LocalLog& log) {
  return for_heads([head = log.head()](const LocalLog&, const PublishedHead&) {
    return head;
  });
}

Fault bad_signature() {
  return [](const LogRequest& request, const Honest& honest) {
    ServerResponse r = honest();
    if (!is_head(request)) return r;
    // Into the signature proper: behind the digits of key id and time in a
    // note, and behind the algorithms and the length in either.
    const std::string mark =
        request.path == "checkpoint"
            ? "\u2014 " + request.log.options().origin + " "
            : std::string("\"tree_head_signature\":\"");
    const std::size_t digits = request.path == "checkpoint" ? 48 : 32;
    change_digit(r.body, r.body.rfind(mark) + mark.size() + digits);
    return r;
  };
}

namespace {

// The low bit of the timestamp: the leaf still parses, its hash is another.
constexpr std::size_t kTimestampEnd = 8;

void flip_in_json(std::string& body, std::uint64_t number) {
  constexpr std::string_view kMark = "\"leaf_input\":\"";
  std::size_t at = 0;
  for (std::uint64_t i = 0; i <= number; ++i) {
    at = body.find(kMark, at);
    if (at == std::string::npos) return;
    at += kMark.size();
  }
  const std::size_t end = body.find('"', at);
  Bytes leaf = *from_base64(std::string_view(body).substr(at, end - at));
  leaf[2 + kTimestampEnd - 1] ^= 1;
  body.replace(at, end - at, to_base64(leaf));
}

void flip_in_tile(ServerResponse& r, Bytes tile, std::uint64_t width,
                  std::uint64_t number) {
  const auto leaves = must(ctlog::parse_data_tile(tile, width));
  const std::size_t at = static_cast<std::size_t>(
      leaves.at(number).timestamped_entry.data() - tile.data());
  tile[at + kTimestampEnd - 1] ^= 1;
  r.body = as_text(tile);
  r.headers.clear();  // it is not compressed any more
}

}  // namespace

Fault flip_entry(ctlog::LeafIndex index) {
  return [index](const LogRequest& request, const Honest& honest) {
    ServerResponse r = honest();
    if (r.status != 200) return r;
    if (request.path == "ct/v1/get-entries") {
      const std::uint64_t start = std::stoull(request.http.query.at("start"));
      if (index >= start) flip_in_json(r.body, index - start);
      return r;
    }
    const std::uint64_t tile = index / ctlog::kTileWidth;
    const std::uint64_t number = index % ctlog::kTileWidth;
    for (std::uint64_t w = number + 1; w <= ctlog::kTileWidth; ++w) {
      if (request.path != ctlog::data_tile_path(tile, w)) continue;
      flip_in_tile(r, request.log.data_tile(tile, w), w, number);
    }
    return r;
  };
}

Fault short_entries(std::uint64_t at_most) {
  return [at_most](const LogRequest& request, const Honest& honest) {
    if (request.path != "ct/v1/get-entries") return honest();
    EndpointOptions endpoints;
    endpoints.get_entries_cap = at_most;
    endpoints.align_get_entries = false;
    return answer_for_log(request.log, endpoints, request.path, request.http);
  };
}

Fault no_entries() {
  return [](const LogRequest& request, const Honest& honest) {
    ServerResponse r = honest();
    if (request.path == "ct/v1/get-entries") r.body = "{\"entries\":[]}";
    return r;
  };
}

Fault wrong_proofs() {
  return [](const LogRequest& request, const Honest& honest) {
    ServerResponse r = honest();
    if (r.status != 200) return r;
    if (request.path.starts_with("tile/") &&
        !request.path.starts_with("tile/data/")) {
      r.body.at(0) = static_cast<char>(r.body.at(0) ^ 1);
      return r;
    }
    for (const std::string_view list :
         {"\"audit_path\":[\"", "\"consistency\":[\""}) {
      const std::size_t at = r.body.find(list);
      if (at != std::string::npos) change_digit(r.body, at + list.size());
    }
    return r;
  };
}

Fault no_partial_tiles() {
  return [](const LogRequest& request, const Honest& honest) {
    if (request.path.find(".p/") == std::string::npos) return honest();
    return status(404)(request, honest);
  };
}

}  // namespace fault

}  // namespace ct::test
