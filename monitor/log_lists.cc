#include "monitor/log_lists.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

#include "base/hex.h"
#include "base/sha256.h"
#include "monitor/files.h"
#include "x509/certificate.h"

namespace ct::monitor {
namespace {

constexpr std::string_view kGoogleList =
    "https://www.gstatic.com/ct/log_list/v3/all_logs_list.json";
constexpr std::string_view kAppleList =
    "https://valid.apple.com/ct/log_list/current_log_list.json";
constexpr std::size_t kMaxList = 32u << 20;
constexpr std::size_t kMaxSignature = 64u << 10;

struct Source {
  std::string where;  // file or URL
  bool is_signed = true;
};

// A list and its detached signature, as they came.
struct Copy {
  std::string json;
  std::string signature;
};

bool is_url(std::string_view s) {
  return s.starts_with("https://") || s.starts_with("http://");
}

// Google's convention: "log_list.json" is signed by "log_list.sig".
std::string signature_place(std::string where) {
  if (where.ends_with(".json")) where.resize(where.size() - 5);
  return where + ".sig";
}

Result<std::string> get(const Config& config, HttpClient& http,
                        const std::string& url, std::size_t max) {
  HttpRequest request;
  request.url = url;
  request.max_body = max;
  request.timeout = std::chrono::seconds(30);
  request.allow_plain = !config.log_lists.empty();
  if (!config.log_lists.empty()) request.ca_file = config.ca_file;
  auto response = http.get(std::move(request));
  if (!response) return tl::unexpected(response.error());
  if (response->status != 200) {
    return fail(Errc::kTransient,
                fmt::format("{} answered {}", url, response->status));
  }
  return std::string(response->body.text());
}

Result<std::string> fetch_part(const Config& config, HttpClient& http,
                               const std::string& where, std::size_t max) {
  if (is_url(where)) return get(config, http, where, max);
  return read_file(where, max);
}

Result<ctlog::LogList> check(const Source& source, const Copy& copy,
                             ByteView key) {
  if (source.is_signed) {
    const auto verified = ctlog::verify_log_list_signature(
        copy.json, as_bytes(copy.signature), key);
    if (!verified) return fail_in(source.where, verified.error());
  }
  auto list = ctlog::parse_log_list(copy.json);
  if (!list) return fail_in(source.where, list.error());
  return list;
}

Result<Copy> fetch(const Config& config, HttpClient& http,
                   const Source& source) {
  Copy copy;
  auto json = fetch_part(config, http, source.where, kMaxList);
  if (!json) return tl::unexpected(json.error());
  copy.json = std::move(*json);
  if (!source.is_signed) return copy;
  auto signature =
      fetch_part(config, http, signature_place(source.where), kMaxSignature);
  if (!signature) {
    return fail(signature.error().code, signature.error().what +
                                            " (a list without signature needs "
                                            "--allow-unsigned-log-list)");
  }
  copy.signature = std::move(*signature);
  return copy;
}

std::string cache_path(const Config& config, const Source& source) {
  const auto name = to_hex(sha256(as_bytes(source.where))).substr(0, 16);
  return config.state_dir + "/log-lists/" + name + ".json";
}

// Fetched or, failing that, as last cached. Cached copies are checked again:
// the disk is no more to be believed than the network.
Result<ctlog::LogList> load_one(const Config& config, HttpClient& http,
                                const Source& source, ByteView key,
                                std::vector<std::string>& notes) {
  Result<ctlog::LogList> list = fail(Errc::kInternal, "");
  // Two fetches can straddle an update of list and signature: try again.
  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto copy = fetch(config, http, source);
    if (!copy) {
      list = tl::unexpected(copy.error());
      break;
    }
    list = check(source, *copy, key);
    if (list) {
      if (!is_url(source.where)) return list;
      const auto path = cache_path(config, source);
      auto kept = write_file(path, copy->json);
      if (kept) kept = write_file(signature_place(path), copy->signature);
      if (!kept) notes.push_back("not cached: " + kept.error().what);
      return list;
    }
  }
  if (!is_url(source.where) || list.error().code == Errc::kStopping) {
    return list;
  }
  const auto path = cache_path(config, source);
  auto json = read_file(path, kMaxList);
  auto signature = read_file(signature_place(path), kMaxSignature);
  if (!json || !signature) return list;
  auto cached = check(source, {std::move(*json), std::move(*signature)}, key);
  if (!cached) return list;
  notes.push_back(list.error().what + "; the copy fetched last time is used");
  return cached;
}

// The key of --log-list-key, or Google's.
Result<Bytes> list_key(const Config& config) {
  if (config.log_list_key.empty()) {
    const auto key = ctlog::google_log_list_key();
    return Bytes(key.begin(), key.end());
  }
  const auto text = read_file(config.log_list_key, kMaxSignature);
  if (!text) return tl::unexpected(text.error());
  auto blocks = x509::from_pem("PUBLIC KEY", *text);
  if (!blocks || blocks->empty()) {
    return fail(Errc::kUsage, config.log_list_key + ": no PEM public key");
  }
  return std::move(blocks->front());
}

}  // namespace

Result<LoadedLogList> load_log_list(const Config& config, HttpClient& http) {
  LoadedLogList out;
  std::vector<Source> sources;
  for (const auto& where : config.log_lists) {
    sources.push_back({where, !config.allow_unsigned_log_list});
  }
  out.is_private = !sources.empty();
  if (sources.empty()) {
    sources = {{std::string(kGoogleList), true},
               {std::string(kAppleList), false}};
  }
  const auto key = list_key(config);
  if (!key) return tl::unexpected(key.error());

  std::optional<ctlog::LogList> merged;
  std::optional<Error> first_error;
  for (const auto& source : sources) {
    auto list = load_one(config, http, source, *key, out.notes);
    if (!list) {
      // What the user names must be had; of the official two, either serves.
      if (out.is_private || list.error().code == Errc::kStopping) {
        return tl::unexpected(list.error());
      }
      out.notes.push_back(list.error().what);
      if (!first_error) first_error = list.error();
      continue;
    }
    merged = merged ? ctlog::merge_log_lists(std::move(*merged), *list)
                    : std::move(*list);
  }
  if (!merged) return tl::unexpected(*first_error);
  out.list = std::move(*merged);
  return out;
}

}  // namespace ct::monitor
