#include "sql/history_row.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <map>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "sql/history_der.h"

namespace ct::sql {
namespace {

// The bounds of history_partition() in SQL.
constexpr int kFirstYear = 2010, kLastYear = 2050;
constexpr int kPast = kFirstYear * 4 - 1, kFuture = kLastYear * 4;
constexpr Seconds kFirstSecond = 1'262'304'000, kLastSecond = 2'524'608'000;

HistoryDraft draft_of(const HistoryEntry& e) {
  constexpr std::size_t kSpkiSize = 16;
  HistoryDraft draft;
  draft.not_after = storable_seconds(e.not_after);
  draft.not_before = storable_seconds(e.not_before);
  draft.quarter = history_quarter(draft.not_after);
  draft.tbs_sha256 = e.tbs_sha256;
  draft.names = encode_history_names(e.names);
  draft.organization = history_organization(e.organization);
  draft.serial = history_serial(e.serial);
  draft.spki.assign(e.spki_sha256.begin(), e.spki_sha256.begin() + kSpkiSize);
  draft.sha256 = e.sha256;
  if (e.der.size() <= kMostHistoryDer) draft.der = e.der;
  draft.sighting.timestamp = e.timestamp;
  draft.sighting.precert = e.type == ctlog::EntryType::kPrecert;
  draft.sighting.leaf_index = e.leaf_index;
  return draft;
}

auto place(const HistoryDraft& d) {
  return std::tuple(d.quarter, d.domain(), d.not_after, d.tbs_sha256);
}

// Gives what is told to it numbers from 0.
template <class Map, class Key>
std::size_t place_in(Map& map, Key key) {
  return map.try_emplace(std::move(key), map.size()).first->second;
}

}  // namespace

int history_quarter(Seconds not_after) {
  if (not_after < kFirstSecond) return kPast;
  if (not_after >= kLastSecond) return kFuture;
  const std::chrono::year_month_day date(std::chrono::floor<std::chrono::days>(
      std::chrono::sys_seconds(std::chrono::seconds(not_after))));
  return static_cast<int>(date.year()) * 4 +
         static_cast<int>(static_cast<unsigned>(date.month()) - 1) / 3;
}

Seconds history_quarter_begin(int quarter) {
  if (quarter <= kPast)
    return storable_seconds(std::numeric_limits<Seconds>::min());
  if (quarter >= kFuture) return kLastSecond;
  const std::chrono::sys_days day =
      std::chrono::year(quarter / 4) /
      std::chrono::month(static_cast<unsigned>(quarter % 4) * 3 + 1) / 1;
  return std::chrono::sys_seconds(day).time_since_epoch().count();
}

std::string history_partition_name(int quarter) {
  if (quarter <= kPast) return "past";
  if (quarter >= kFuture) return "future";
  return std::to_string(quarter / 4) + "q" + std::to_string(quarter % 4 + 1);
}

std::optional<int> history_quarter_called(std::string_view name) {
  for (int quarter = kPast; quarter <= kFuture; ++quarter) {
    if (history_partition_name(quarter) == name) return quarter;
  }
  return std::nullopt;
}

std::shared_ptr<const HistoryBatch> prepare_history(
    const std::vector<HistoryEntry>& entries) {
  const auto batch = std::make_shared<HistoryBatch>();
  std::vector<HistoryDraft> drafts;
  drafts.reserve(entries.size());
  std::unordered_map<std::string, std::size_t> issuers;
  std::map<Hash, std::size_t> logs;
  for (const auto& e : entries) {
    HistoryDraft draft = draft_of(e);
    draft.log = place_in(logs, e.log_id);
    if (draft.log == batch->logs.size()) batch->logs.push_back(e.log_id);
    HistoryIssuer issuer{
        history_issuer_name(e.issuer),
        std::string(e.issuer_spki_sha256 ? as_text(*e.issuer_spki_sha256)
                                         : "")};
    draft.issuer = place_in(issuers, issuer.key());
    if (draft.issuer == batch->issuers.size()) {
      batch->issuers.push_back(std::move(issuer));
    }
    drafts.push_back(std::move(draft));
  }
  std::vector<HistoryDraft*> order;
  order.reserve(drafts.size());
  for (auto& draft : drafts) order.push_back(&draft);
  std::ranges::sort(order, [](const HistoryDraft* a, const HistoryDraft* b) {
    return place(*a) < place(*b);
  });
  batch->drafts.reserve(drafts.size());
  for (auto* draft : order) batch->drafts.push_back(std::move(*draft));
  return batch;
}

void merge_history_row(HistoryRow& into, const HistoryRow& row) {
  if (row.final != into.final ? row.final : row.sha256 < into.sha256) {
    into.sha256 = row.sha256;
    into.der = row.der;
    into.der_template = row.der_template;
  }
  into.final |= row.final;
  into.issuer = std::max(into.issuer, row.issuer);
  into.sightings = merge_history_sightings(into.sightings, row.sightings);
}

std::vector<HistoryRow> history_rows(const HistoryBatch& batch,
                                     const HistoryNumbers& numbers) {
  std::vector<std::int32_t> issuers;
  for (const auto& issuer : batch.issuers) {
    issuers.push_back(numbers.issuers.at(issuer.key()));
  }
  std::vector<std::int16_t> logs;
  for (const Hash& log : batch.logs) logs.push_back(numbers.logs.at(log));

  std::vector<HistoryRow> rows;
  rows.reserve(batch.drafts.size());
  for (const auto& draft : batch.drafts) {
    NumberedSighting sighting = draft.sighting;
    if (sighting.leaf_index > std::numeric_limits<std::int64_t>::max()) {
      throw SqlError{
          {Errc::kMalformed, "leaf index too large to store: " +
                                 std::to_string(sighting.leaf_index)},
          ""};
    }
    if (numbers.pruned(draft.not_after)) continue;
    sighting.log = logs[draft.log];
    HistoryRow row{&draft,
                   history_id(numbers.salt, draft.tbs_sha256),
                   issuers[draft.issuer],
                   !sighting.precert,
                   draft.sha256,
                   encode_history_sightings({sighting}),
                   draft.der};
    if (!rows.empty() && place(*rows.back().draft) == place(draft)) {
      merge_history_row(rows.back(), row);
    } else {
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

void put_history_row(CopyRows& out, const HistoryRow& row) {
  const HistoryDraft& draft = *row.draft;
  out.integer(row.id);
  out.time(draft.not_after);
  out.time(draft.not_before);
  out.integer(row.issuer);
  out.boolean(row.final);
  out.text(draft.domain());
  out.text(draft.names.names);
  out.text(draft.organization);
  out.bytes(draft.serial);
  out.bytes(draft.spki);
  out.bytes(row.sha256);
  out.bytes(row.sightings);
}

void put_history_roots(CopyRows& out, const HistoryRow& row) {
  const auto& roots = row.draft->names.roots;
  for (std::size_t i = 1; i < roots.size(); ++i) {
    out.integer(row.id);
    out.time(row.draft->not_after);
    out.text(roots[i]);
    out.text(roots[0]);
  }
}

}  // namespace ct::sql
