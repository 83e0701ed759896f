#include "monitor/demo/log_endpoints.h"

#include <fmt/format.h>

#include <charconv>

#include "base/base64.h"
#include "base/gzip.h"
#include "base/hex.h"
#include "ctlog/tile.h"

namespace ct::monitor::demo {
namespace {

ServerResponse refuse(int status, std::string why) {
  ServerResponse r;
  r.status = status;
  r.body = std::move(why) + "\n";
  return r;
}

ServerResponse json(std::string body) {
  ServerResponse r;
  r.content_type = "application/json";
  r.body = std::move(body);
  return r;
}

ServerResponse file(std::string content_type, ByteView body) {
  ServerResponse r;
  r.content_type = std::move(content_type);
  r.body = as_text(body);
  r.headers.emplace_back("Cache-Control", "public, max-age=604800, immutable");
  return r;
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t n = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return n;
}

std::optional<std::uint64_t> parameter(const ServerRequest& request,
                                       const std::string& name) {
  const auto it = request.query.find(name);
  return it == request.query.end() ? std::nullopt : number(it->second);
}

std::string base64_array(const std::vector<Hash>& hashes) {
  std::string out = "[";
  for (const Hash& h : hashes) {
    if (out.size() > 1) out += ',';
    out += '"' + to_base64(h) + '"';
  }
  return out + "]";
}

ServerResponse get_entries(const LocalLog& log, const EndpointOptions& options,
                           const ServerRequest& request) {
  const auto start = parameter(request, "start");
  auto end = parameter(request, "end");  // inclusive
  const std::uint64_t size = log.head().size;
  if (!start || !end || *start > *end || *start >= size) {
    return refuse(400, "start and end make no range of this tree");
  }
  const std::uint64_t cap = options.get_entries_cap;
  if (*end - *start >= cap) {
    *end = *start + cap - 1;
    if (options.align_get_entries) *end -= (*end + 1) % cap;
  }
  *end = std::min(*end, size - 1);

  std::string body = "{\"entries\":[";
  for (std::uint64_t i = *start; i <= *end; ++i) {
    const LocalLog::Entry entry = log.entry(i);
    if (i > *start) body += ',';
    body += "{\"leaf_input\":\"" + to_base64(entry.leaf) +
            "\",\"extra_data\":\"" + to_base64(entry.extra_data) + "\"}";
  }
  return json(body + "]}");
}

ServerResponse get_consistency(const LocalLog& log,
                               const ServerRequest& request) {
  const auto first = parameter(request, "first");
  const auto second = parameter(request, "second");
  if (!first || !second || *first > *second || *second > log.head().size) {
    return refuse(400, "first and second are no sizes of this log");
  }
  const auto proof = *first == 0 ? std::vector<Hash>()
                                 : log.consistency_proof(*first, *second);
  return json("{\"consistency\":" + base64_array(proof) + "}");
}

ServerResponse get_proof_by_hash(const LocalLog& log,
                                 const ServerRequest& request) {
  const auto size = parameter(request, "tree_size");
  const auto text = request.query.find("hash");
  if (!size || text == request.query.end()) {
    return refuse(400, "hash and tree_size are needed");
  }
  const auto bytes = from_base64(text->second);
  if (!bytes || bytes->size() != sizeof(Hash) || *size > log.head().size) {
    return refuse(400, "no hash, or no size of this log");
  }
  const Hash hash = *ByteReader(*bytes).hash();
  const auto index = log.find(hash);
  if (!index || *index >= *size) return refuse(404, "no such leaf");
  return json(fmt::format(R"({{"leaf_index":{},"audit_path":{}}})", *index,
                          base64_array(log.inclusion_proof(*index, *size))));
}

ServerResponse get_roots(const LocalLog& log) {
  std::string body = "{\"certificates\":[";
  bool first = true;
  for (const Bytes& root : log.options().roots) {
    if (!first) body += ',';
    first = false;
    body += '"' + to_base64(root) + '"';
  }
  return json(body + "]}");
}

ServerResponse answer_rfc6962(const LocalLog& log,
                              const EndpointOptions& options,
                              const std::string& path,
                              const ServerRequest& request) {
  if (path == "ct/v1/get-sth") return json(log.head().wire);
  if (path == "ct/v1/get-entries") return get_entries(log, options, request);
  if (path == "ct/v1/get-sth-consistency") return get_consistency(log, request);
  if (path == "ct/v1/get-proof-by-hash") return get_proof_by_hash(log, request);
  if (path == "ct/v1/get-roots") return get_roots(log);
  return refuse(404, "no such endpoint");
}

// "<L>/<N>" or "<L>/<N>.p/<W>", L "data" for data tiles: nullopt unless it is
// exactly how Static CT writes it.
struct TileName {
  bool data = false;
  ctlog::Tile tile;
};
std::optional<TileName> parse_tile_name(std::string_view text) {
  TileName out;
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::string_view level = text.substr(0, slash);
  const auto level_number = number(level);
  out.data = level == "data";
  if (!out.data) {
    if (!level_number || *level_number > 7) return std::nullopt;
    out.tile.level = static_cast<unsigned>(*level_number);
  }

  std::string_view rest = text.substr(slash + 1);
  if (const auto p = rest.find(".p/"); p != std::string_view::npos) {
    const auto width = number(rest.substr(p + 3));
    if (!width || *width == 0 || *width >= ctlog::kTileWidth) {
      return std::nullopt;
    }
    out.tile.width = *width;
    rest = rest.substr(0, p);
  }
  std::string digits;
  for (const char c : rest) {
    if (c != 'x' && c != '/') digits += c;
  }
  const auto index = number(digits);
  if (!index) return std::nullopt;
  out.tile.index = *index;

  const std::string canonical =
      out.data ? ctlog::data_tile_path(out.tile.index, out.tile.width)
               : ctlog::tile_path(out.tile);
  if (canonical != fmt::format("tile/{}", text)) return std::nullopt;
  return out;
}

ServerResponse get_tile(const LocalLog& log, const EndpointOptions& options,
                        std::string_view name) {
  const auto parsed = parse_tile_name(name);
  if (!parsed) return refuse(404, "no tile has that name");
  const ctlog::Tile& tile = parsed->tile;
  const std::uint64_t there =
      ctlog::tile_width(tile.level, tile.index, log.head().size);
  const bool dropped = !options.keep_partial_tiles &&
                       there == ctlog::kTileWidth && tile.width < there;
  if (tile.width > there || dropped) return refuse(404, "no such tile");
  if (!parsed->data) {
    return file("application/octet-stream",
                log.hash_tile(tile.level, tile.index, tile.width));
  }
  ServerResponse r = file("application/octet-stream",
                          gzip(log.data_tile(tile.index, tile.width)));
  r.headers.emplace_back("Content-Encoding", "gzip");
  return r;
}

ServerResponse answer_static(const LocalLog& log,
                             const EndpointOptions& options,
                             const std::string& path) {
  if (path == "checkpoint") {
    ServerResponse r;
    r.content_type = "text/plain; charset=utf-8";
    r.body = log.head().wire;
    r.headers.emplace_back("Cache-Control", "no-store");
    return r;
  }
  if (path.starts_with("tile/")) return get_tile(log, options, path.substr(5));
  if (path.starts_with("issuer/")) {
    const auto hash = hash_from_hex(path.substr(7));
    const auto der = hash ? log.issuer(*hash) : std::nullopt;
    if (!der) return refuse(404, "no such issuer");
    return file("application/pkix-cert", *der);
  }
  return refuse(404, "no such file");
}

}  // namespace

ServerResponse answer_for_log(const LocalLog& log,
                              const EndpointOptions& options,
                              const std::string& path,
                              const ServerRequest& request) {
  if (request.method != "GET") return refuse(405, "this log is only read");
  return log.options().kind == ctlog::LogKind::kStatic
             ? answer_static(log, options, path)
             : answer_rfc6962(log, options, path, request);
}

}  // namespace ct::monitor::demo
