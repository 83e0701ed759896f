#include "sql/watches.h"

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/hex.h"
#include "base/sha256.h"
#include "sql/tx.h"
#include "sql/watch_rows.h"

namespace ct::sql {
namespace {

using alerts::Watch;
using alerts::WatchKind;

constexpr std::array<std::pair<WatchKind, std::string_view>, 5> kKinds = {
    {{WatchKind::kSubtree, "subtree"},
     {WatchKind::kExact, "exact"},
     {WatchKind::kIp, "ip"},
     {WatchKind::kEmail, "email"},
     {WatchKind::kOrganization, "organization"}}};

// An index entry of Postgres is limited to 2.7 kB.
constexpr std::size_t kMaxValue = 1000;
constexpr std::size_t kWatchesAtOnce = 1000;

std::string_view name_of(WatchKind kind) {
  for (const auto& [k, name] : kKinds) {
    if (k == kind) return name;
  }
  return "";
}

WatchKind kind_of(const std::string& text) {
  for (const auto& [kind, name] : kKinds) {
    if (name == text) return kind;
  }
  throw SqlError{{Errc::kInternal, "unknown kind of watch: " + text}, ""};
}

// Derived, so that a watch that was removed and comes back recognises its old
// alerts.
std::string new_id(const Watch& watch) {
  return to_hex(sha256(as_bytes("watch/" + std::string(name_of(watch.kind)) +
                                "/" + watch.value)))
      .substr(0, 32);
}

std::vector<Watch> read_watches(Tx& tx, const std::string& condition) {
  std::vector<Watch> out;
  for (const Row row :
       tx.exec("SELECT id, kind, value, pattern, tags, allowed_issuers, "
               "allowed_spkis, grace_ms, note, source, generation, " CT_MILLIS(
                   "created_at") " AS created_ms FROM watch " +
               condition)) {
    Watch w;
    w.id = row.text("id");
    w.kind = kind_of(row.text("kind"));
    w.value = row.text("value");
    w.pattern = row.text("pattern");
    w.tags = row.texts("tags");
    w.allowed_issuers = row.texts("allowed_issuers");
    for (const auto& hex : row.texts("allowed_spkis")) {
      if (const auto hash = hash_from_hex(hex))
        w.allowed_spkis.push_back(*hash);
    }
    w.grace = std::chrono::milliseconds(row.integer("grace_ms"));
    w.note = row.text("note");
    w.source = row.text("source");
    w.created = row.integer("created_ms");
    w.generation = row.integer("generation");
    out.push_back(std::move(w));
  }
  return out;
}

Result<void> check(const Watch& watch) {
  if (watch.value.empty() || watch.value.size() > kMaxValue) {
    return fail(Errc::kUsage, "a watch must have between 1 and " +
                                  std::to_string(kMaxValue) + " characters");
  }
  return {};
}

nlohmann::json texts_json(const std::vector<std::string>& texts) {
  auto out = nlohmann::json::array();
  for (const auto& t : texts) out.push_back(storable_text(t));
  return out;
}

nlohmann::json watch_json(const Watch& w) {
  std::vector<std::string> spkis;
  for (const Hash& h : w.allowed_spkis) spkis.push_back(to_hex(h));
  return {{"id", w.id.empty() ? new_id(w) : storable_text(w.id)},
          {"kind", name_of(w.kind)},
          {"value", storable_text(w.value)},
          {"pattern", storable_text(w.pattern)},
          {"tags", texts_json(w.tags)},
          {"allowed_issuers", texts_json(w.allowed_issuers)},
          {"allowed_spkis", texts_json(spkis)},
          {"grace_ms", w.grace.count()},
          {"note", storable_text(w.note)},
          {"source", storable_text(w.source)}};
}

// Inserts or updates by kind and value; returns the ids. Call it after
// bump_generation: a new watch is in force from that generation on.
std::vector<std::string> put_watches(Tx& tx,
                                     const std::vector<const Watch*>& watches) {
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < watches.size(); i += kWatchesAtOnce) {
    auto chunk = nlohmann::json::array();
    for (std::size_t j = i; j < std::min(i + kWatchesAtOnce, watches.size());
         ++j) {
      chunk.push_back(watch_json(*watches[j]));
    }
    for (const Row row :
         tx.exec("INSERT INTO watch (id, kind, value, pattern, tags, "
                 "allowed_issuers, allowed_spkis, grace_ms, note, source, "
                 "generation) "
                 "SELECT id, kind, value, pattern, tags, allowed_issuers, "
                 "allowed_spkis, grace_ms, note, source, (SELECT generation "
                 "FROM watch_generation) FROM "
                 "jsonb_to_recordset($1::jsonb) AS x (id text, kind text, "
                 "value text, pattern text, tags text[], allowed_issuers "
                 "text[], allowed_spkis text[], grace_ms bigint, note text, "
                 "source text) ON CONFLICT (kind, value) DO UPDATE SET "
                 "pattern = excluded.pattern, tags = excluded.tags, "
                 "allowed_issuers = excluded.allowed_issuers, "
                 "allowed_spkis = excluded.allowed_spkis, "
                 "grace_ms = excluded.grace_ms, note = excluded.note, "
                 "source = excluded.source, updated_at = now() RETURNING id",
                 {chunk.dump()})) {
      ids.push_back(row.text("id"));
    }
  }
  return ids;
}

bool same(const Watch& a, const Watch& b) {
  return a.pattern == b.pattern && a.tags == b.tags &&
         a.allowed_issuers == b.allowed_issuers &&
         a.allowed_spkis == b.allowed_spkis && a.grace == b.grace &&
         a.note == b.note && a.source == b.source;
}

// What there can be only one watch of.
using Key = std::pair<WatchKind, std::string>;
Key key_of(const Watch& w) { return {w.kind, w.value}; }

}  // namespace

void bump_generation(Tx& tx) {
  tx.exec("UPDATE watch_generation SET generation = generation + 1");
}

Result<std::int64_t> watch_generation(Database& db) {
  std::int64_t generation = 0;
  auto done = db.transact([&](Tx& tx) -> Result<void> {
    generation = tx.exec("SELECT generation FROM watch_generation")[0].integer(
        "generation");
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  return generation;
}

Result<std::vector<Watch>> load_watches(Database& db) {
  std::vector<Watch> out;
  auto done = db.transact([&](Tx& tx) -> Result<void> {
    out = read_watches(tx, "ORDER BY kind, value");
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  return out;
}

Result<std::string> put_watch(Database& db, const Watch& watch) {
  auto checked = check(watch);
  if (!checked) return tl::unexpected(checked.error());
  std::string id;
  auto done = db.transact([&](Tx& tx) -> Result<void> {
    bump_generation(tx);
    id = put_watches(tx, {&watch}).at(0);
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  return id;
}

Result<bool> remove_watch(Database& db, std::string_view pattern) {
  bool removed = false;
  auto done = db.transact([&](Tx& tx) -> Result<void> {
    removed =
        tx.exec("DELETE FROM watch WHERE pattern = $1 OR id = $1", {pattern})
            .affected() > 0;
    if (removed) bump_generation(tx);
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  return removed;
}

Result<ApplyResult> apply_watches(Database& db, std::string_view source,
                                  std::vector<Watch> watches, bool dry_run) {
  std::map<Key, Watch*> wanted;
  for (Watch& w : watches) {
    if (auto checked = check(w); !checked) {
      return tl::unexpected(checked.error());
    }
    w.source = source;
    if (!wanted.emplace(key_of(w), &w).second) {
      return fail(Errc::kUsage, w.pattern + " is given twice");
    }
  }
  std::map<Key, Watch> before;  // those that change or go
  std::set<Key> kept;
  auto done = db.transact([&](Tx& tx) -> Result<void> {
    before.clear();
    kept.clear();
    tx.exec("SELECT generation FROM watch_generation FOR UPDATE");
    std::vector<std::string> to_remove;
    for (Watch& old : read_watches(tx, "")) {
      const auto found = wanted.find(key_of(old));
      if (found != wanted.end() && same(old, *found->second)) {
        kept.insert(found->first);
        continue;
      }
      if (found == wanted.end()) {
        if (old.source != source) continue;
        to_remove.push_back(old.id);
      }
      before.emplace(key_of(old), std::move(old));
    }
    std::vector<const Watch*> to_put;
    for (const auto& [key, watch] : wanted) {
      if (!kept.contains(key)) to_put.push_back(watch);
    }
    if (dry_run || (to_put.empty() && to_remove.empty())) return {};
    tx.exec("DELETE FROM watch WHERE id = ANY ($1)", {to_remove});
    bump_generation(tx);
    put_watches(tx, to_put);
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  std::map<Key, WatchChange> changes;
  for (auto& [key, watch] : before) changes[key].before = std::move(watch);
  for (const auto& [key, watch] : wanted) {
    if (!kept.contains(key)) changes[key].after = std::move(*watch);
  }
  ApplyResult result;
  result.unchanged = kept.size();
  for (auto& [key, change] : changes) {
    ++(!change.before  ? result.added
       : !change.after ? result.removed
                       : result.changed);
    result.changes.push_back(std::move(change));
  }
  return result;
}

}  // namespace ct::sql
