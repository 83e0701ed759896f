#include "monitor/watch_request.h"

#include <nlohmann/json.hpp>

#include "base/hex.h"
#include "monitor/watch_file.h"
#include "monitor/watchlist.h"

namespace ct::monitor {
namespace {

using alerts::Watch;
using Json = nlohmann::ordered_json;

std::string dump(const Json& json) {
  return json.dump(-1, ' ', true, Json::error_handler_t::replace);
}

std::vector<std::string> hex_of(const std::vector<Hash>& hashes) {
  std::vector<std::string> out;
  for (const auto& h : hashes) out.push_back(to_hex(h));
  return out;
}

// What its owner says of a watch.
Json declared(const Watch& w) {
  Json grace = w.grace.count() / 1000;
  if (w.grace.count() % 1000 != 0) {
    grace = static_cast<double>(w.grace.count()) / 1000;
  }
  return {{"pattern", w.pattern},
          {"tags", w.tags},
          {"allowed_issuers", w.allowed_issuers},
          {"allowed_spkis", hex_of(w.allowed_spkis)},
          {"grace_seconds", std::move(grace)},
          {"note", w.note},
          {"source", w.source}};
}

}  // namespace

Result<std::vector<Watch>> watches_from(const WatchRequest& options,
                                        std::string_view source) {
  std::vector<Watch> out;
  for (const auto& pattern : options.patterns) {
    auto watch = parse_watch(pattern, options.force);
    if (!watch) return tl::unexpected(watch.error());
    for (const auto& issuer : options.issuers) {
      auto parsed = parse_allowed_issuer(issuer);
      if (!parsed) return tl::unexpected(parsed.error());
      watch->allowed_issuers.push_back(std::move(*parsed));
    }
    for (const auto& spki : options.spkis) {
      const auto parsed = parse_spki_hash(spki);
      if (!parsed) return tl::unexpected(parsed.error());
      watch->allowed_spkis.push_back(*parsed);
    }
    if (!options.grace.empty()) {
      const auto grace = parse_duration(options.grace);
      if (!grace) {
        return fail(Errc::kUsage,
                    "the grace time is such as 10m, not " + options.grace);
      }
      watch->grace = *grace;
    }
    watch->tags = options.tags;
    watch->note = options.note;
    watch->source = source;
    out.push_back(std::move(*watch));
  }
  return out;
}

std::string watch_json(const Watch& watch) {
  Json out = {{"id", watch.id}};
  out.update(declared(watch));
  out["created"] = format_time(watch.created);
  return dump(out);
}

std::string declared_watch_json(const Watch& watch) {
  return dump(declared(watch));
}

std::string retro_json(const RetroAnswer& answer, const Watch& watch,
                       const LogNames& logs) {
  Json newest = Json::array();
  for (const auto& match : answer.newest) {
    Json certificate =
        Json::parse(history_json(match.certificate, watch.pattern, logs));
    certificate["expected"] =
        match.explanation.empty() ? Json(nullptr) : Json(match.explanation);
    newest.push_back(std::move(certificate));
  }
  const Json out = {{"certificates", answer.certificates},
                    {"unexpected", answer.unexpected},
                    {"whole", answer.whole},
                    {"newest", std::move(newest)}};
  return dump(out);
}

std::string history_alerts_json(const HistoryAlertCounts& counts) {
  return dump({{"raised", counts.raised},
               {"known", counts.known},
               {"expected", counts.expected},
               {"not_fetched", counts.not_fetched}});
}

}  // namespace ct::monitor
