#include "alerts/payload.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "alerts/text.h"
#include "base/base64.h"
#include "base/hex.h"
#include "x509/certificate.h"

namespace ct::alerts {
namespace {

using Json = nlohmann::ordered_json;

// Standard Webhooks asks for bodies below 20 kB.
constexpr std::size_t kMaxMessage = 20'000;

// How much of an alert to write. What is left out is counted.
struct Detail {
  bool full = false;             // with PEM, proofs and evidence
  std::size_t items = kNoLimit;  // of each list
  std::size_t text = kNoLimit;   // bytes of each string
};

// ASCII only: nothing in it can move a terminal's cursor, and a string cut
// out of the middle of a character cannot throw.
std::string dump(const Json& json) {
  return json.dump(-1, ' ', true, Json::error_handler_t::replace);
}

Json or_null(const std::optional<Hash>& hash) {
  return hash ? Json(to_hex(*hash)) : Json(nullptr);
}

Json time_or_null(Millis t) {
  return t == 0 ? Json(nullptr) : Json(format_time(t));
}

std::string_view entry_type_name(ctlog::EntryType type) {
  return type == ctlog::EntryType::kPrecert ? "precert_entry" : "x509_entry";
}

Json pem(const Bytes& der) {
  return der.empty() ? Json(nullptr) : Json(x509::to_pem("CERTIFICATE", der));
}

// The evidence is JSON, parts of which others sent: embedded as such unless
// it is broken or nested so deeply that writing it would exhaust the stack.
Json evidence(const std::string& text) {
  constexpr int kMaxDepth = 64;
  if (text.empty()) return nullptr;
  bool deep = false;
  const auto look = [&](int depth, Json::parse_event_t, Json&) {
    deep = deep || depth > kMaxDepth;
    return !deep;
  };
  Json parsed = Json::parse(text, look, /*allow_exceptions=*/false);
  if (deep || parsed.is_discarded()) return text;
  return parsed;
}

class AlertWriter {
 public:
  AlertWriter(const Alert& alert, Detail detail)
      : alert_(alert), detail_(detail) {}

  Json write() {
    text("id", alert_.id);
    json_["state"] = to_string(alert_.state);
    json_["severity"] = to_string(alert_.severity);
    text("kind", alert_.kind);
    text("title", alert_.title);
    text("reason", alert_.reason);
    json_["created"] = time_or_null(alert_.created);
    json_["updated"] = time_or_null(alert_.updated);
    text("note", alert_.note);
    text_or_null("watch_id", alert_.watch_id);
    text_or_null("watch", alert_.watch);
    list("tags", alert_.tags);
    list("names", alert_.names);
    certificate();
    list("sightings", alert_.sightings,
         [&](const Sighting& s) { return sighting(s); });
    json_["log_id"] =
        alert_.log_id ? Json(to_base64(*alert_.log_id)) : Json(nullptr);
    text_or_null("log", alert_.log);
    if (detail_.full) json_["evidence"] = evidence(alert_.evidence);
    json_["omitted"] = std::move(omitted_);
    return std::move(json_);
  }

 private:
  std::string cut(std::string_view s) const { return clip(s, detail_.text); }

  void text(const char* key, std::string_view value) {
    json_[key] = cut(value);
  }
  void text_or_null(const char* key, std::string_view value) {
    json_[key] = value.empty() ? Json(nullptr) : Json(cut(value));
  }

  template <class T, class F>
  void list(const char* key, const std::vector<T>& items, F&& one) {
    const std::size_t n = std::min(items.size(), detail_.items);
    Json& array = json_[key] = Json::array();
    for (std::size_t i = 0; i < n; ++i) array.push_back(one(items[i]));
    if (n < items.size()) omitted_[key] = items.size() - n;
  }
  void list(const char* key, const std::vector<std::string>& items) {
    list(key, items, [&](const std::string& s) { return cut(s); });
  }

  // The same keys whether there is a certificate or not.
  void certificate() {
    static const CertificateFacts kNone;
    const bool known = alert_.certificate.has_value();
    const CertificateFacts& c = known ? *alert_.certificate : kNone;
    const auto time = [&](Seconds t) {
      return known ? Json(format_seconds(t)) : Json(nullptr);
    };
    const auto hash = [&](const Hash& h) {
      return known ? Json(to_hex(h)) : Json(nullptr);
    };

    json_["certificate_sha256"] = or_null(c.sha256);
    json_["tbs_sha256"] = hash(c.tbs_sha256);
    text_or_null("issuer", c.issuer);
    text_or_null("issuer_name", c.issuer_name);
    json_["issuer_spki_sha256"] = or_null(c.issuer_spki_sha256);
    text_or_null("subject", c.subject);
    text_or_null("serial", c.serial);
    json_["not_before"] = time(c.not_before);
    json_["not_after"] = time(c.not_after);
    json_["spki_sha256"] = hash(c.spki_sha256);
    text_or_null("key", c.key);
    list("all_names", c.all_names);
    list("scts", c.scts, [&](const SctCheck& sct) {
      return Json{{"log_id", to_base64(sct.log_id)},
                  {"log", cut(sct.log)},
                  {"timestamp", format_time(sct.timestamp)},
                  {"result", cut(sct.result)}};
    });
    list("notes", c.notes);
    if (detail_.full) {
      json_["pem"] = pem(c.der);
      json_["tbs"] = c.tbs.empty() ? Json(nullptr) : Json(to_base64(c.tbs));
    }
  }

  Json sighting(const Sighting& s) const {
    Json json{{"log_id", to_base64(s.log_id)},
              {"log", cut(s.log)},
              {"leaf_index", s.leaf_index},
              {"timestamp", format_time(s.timestamp)},
              {"entry_type", entry_type_name(s.entry_type)}};
    if (detail_.full) {
      json["leaf_hash"] = to_hex(s.leaf_hash);
      json["tree_size"] = s.tree_size;
      json["root_hash"] = to_hex(s.root);
      Json& proof = json["inclusion_proof"] = Json::array();
      for (const Hash& h : s.inclusion_proof) proof.push_back(to_hex(h));
    }
    return json;
  }

  const Alert& alert_;
  const Detail detail_;
  Json json_ = Json::object();
  Json omitted_ = Json::object();
};

}  // namespace

std::string alert_json(const Alert& alert, bool full) {
  return dump(AlertWriter(alert, {.full = full}).write());
}

std::string message_json(const Message& message, Millis now) {
  // Halved until it fits. At its narrowest some twenty strings are left, each
  // of 64 bytes, which escapes make six times as long.
  Detail detail{.full = false, .items = 128, .text = 4096};
  for (;;) {
    Json json{{"version", kPayloadVersion},
              {"type", message.type},
              {"id", clip(message.id, detail.text)},
              {"timestamp", format_time(now)},
              {"attempt", message.attempt},
              {"data", AlertWriter(message.alert, detail).write()}};
    std::string out = dump(json);
    if (out.size() < kMaxMessage || detail.text <= 64) return out;
    detail.items /= 2;
    detail.text = std::max<std::size_t>(detail.text / 2, 64);
  }
}

}  // namespace ct::alerts
