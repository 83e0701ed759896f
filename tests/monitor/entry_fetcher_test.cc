// Logs on loopback that have been archived, and are asked again: honestly, and
// not.
#include "monitor/entry_fetcher.h"

#include <fmt/format.h>

#include "base/base64.h"
#include "base/sha256.h"
#include "monitor/history_alerts.h"
#include "sql/watches.h"
#include "tests/monitor/archived_logs.h"
#include "tests/support/wait.h"

namespace ct::monitor {
namespace {

namespace fault = test::fault;

struct Archived : test::ArchivedLogs {
  std::unique_ptr<EntryFetcher> fetcher(test::TestDatabase& db) const {
    auto out = std::make_unique<EntryFetcher>(archiving, db.connect(), nullptr);
    REQUIRE(out->read_logs());
    return out;
  }
  sql::HistoryCertificate archive(const std::vector<std::size_t>& precerts,
                                  const std::vector<std::size_t>& finals) {
    return ArchivedLogs::archive(database, precerts, finals);
  }
  FetchedEntry fetch(const sql::HistoryCertificate& c, bool any = false) {
    return fetcher(database)->fetch(entry_request(c, any)).get();
  }
  // Of a fetch that must fail.
  Error failure(const sql::HistoryCertificate& c, bool any = false) {
    const auto got = fetch(c, any);
    REQUIRE_FALSE(got.entry);
    UNSCOPED_INFO(got.entry.error().what);
    return got.entry.error();
  }
  void check_proof(const ProvenEntry& e, std::size_t i) {
    const auto& w = e.where;
    CHECK(w.log_id == logs.log(i).log_id());
    CHECK(w.root == logs.log(i).root(w.tree_size));
    CHECK(w.leaf_hash == ctlog::leaf_hash(e.entry.leaf));
    CHECK(w.leaf_hash == logs.log(i).leaf_hash(w.leaf_index));
    CHECK(ctlog::verify_inclusion(w.leaf_hash, w.leaf_index, w.tree_size,
                                  w.inclusion_proof, w.root));
  }

  test::TestDatabase database;
};

}  // namespace

TEST_CASE_METHOD(Archived,
                 "a certificate is fetched again, proven by the head on record",
                 "[.db][monitor][entry_fetcher]") {
  const std::size_t i = GENERATE(0, 1);
  const bool is_final = GENERATE(false, true);
  const auto c =
      archive({i}, is_final ? std::vector{i} : std::vector<std::size_t>{});
  const auto heads = [&] {
    return logs.requests(i, "ct/v1/get-sth") + logs.requests(i, "checkpoint");
  };
  const auto before = heads();
  const auto got = fetch(c);
  INFO((got.entry ? "" : got.entry.error().what));
  REQUIRE(got.entry);
  CHECK(got.lies.empty());
  CHECK(got.entry->certificate == (is_final ? final : precertificate));
  CHECK(sha256(got.entry->certificate) == c.sha256);
  CHECK(got.entry->where.log == logs.info(i).description);
  check_proof(*got.entry, i);
  CHECK(heads() == before);
}

TEST_CASE_METHOD(Archived, "what is fetched counts with what else is asked",
                 "[.db][monitor][entry_fetcher]") {
  const auto c = archive({}, {0});
  const auto budgets = std::make_shared<RequestBudgets>(archiving);
  EntryFetcher fetcher(archiving, database.connect(), nullptr, budgets);
  REQUIRE(fetcher.read_logs());
  // As a follower does whose request was one too many.
  constexpr std::chrono::milliseconds kPause{500};
  const auto before = std::chrono::steady_clock::now();
  budgets->of(logs.info(0).operator_name).pause(kPause);
  CHECK(fetcher.fetch(entry_request(c, false)).get().entry);
  CHECK(std::chrono::steady_clock::now() - before >= kPause);
}

TEST_CASE_METHOD(Archived, "if one log is away the next one is asked",
                 "[.db][monitor][entry_fetcher]") {
  const std::size_t away = GENERATE(0, 1);
  const auto c = archive({0}, {0, 1});
  logs.add_fault(away, fault::status(404));
  const auto got = fetch(c);
  REQUIRE(got.entry);
  CHECK(got.lies.empty());
  check_proof(*got.entry, 1 - away);

  logs.add_fault(1 - away, fault::status(404));
  const auto what = failure(c).what;
  CHECK_THAT(what, ContainsSubstring("entry 301 of old: ") &&
                       ContainsSubstring("entry 300 of new: ") &&
                       ContainsSubstring("does not give it any more"));
}

TEST_CASE_METHOD(Archived, "what a lying log gives is not believed",
                 "[.db][monitor][entry_fetcher]") {
  const std::size_t i = GENERATE(0, 1);
  // Another entry, or a proof that does not hold.
  const bool entry = GENERATE(false, true);
  const auto c = archive({}, {i});
  logs.add_fault(i, entry ? fault::flip_entry(300) : fault::wrong_proofs());
  const auto got = fetch(c);
  REQUIRE_FALSE(got.entry);
  INFO(got.entry.error().what);
  CHECK(got.entry.error().code == Errc::kUntrusted);
  REQUIRE(got.lies.size() == 1);
  CHECK_THAT(got.lies[0], ContainsSubstring(fmt::format(
                              "entry 300 of {}: ", logs.info(i).description)));
}

TEST_CASE_METHOD(Archived, "a lie is told even if another log is honest",
                 "[.db][monitor][entry_fetcher]") {
  const std::size_t liar = GENERATE(0, 1);
  const auto c = archive({}, {0, 1});
  // The one logged first is asked first.
  REQUIRE(c.sightings.size() == 2);
  logs.add_fault(liar, fault::flip_entry(300));
  const auto got = fetch(c);
  REQUIRE(got.entry);
  check_proof(*got.entry, 1 - liar);
  CHECK(got.lies.size() ==
        (c.sightings[0].log_id == logs.log(liar).log_id() ? 1 : 0));
}

TEST_CASE_METHOD(Archived, "another certificate at that index is none",
                 "[.db][monitor][entry_fetcher]") {
  const auto c = archive({}, {0});
  SECTION("given for it") {
    logs.add_fault(
        0,
        [](const auto& request, const auto&) {
          auto moved = request.http;
          moved.query["start"] = moved.query["end"] = "299";
          return demo::answer_for_log(request.log, {}, request.path, moved);
        },
        "ct/v1/get-entries");
    CHECK(failure(c).code == Errc::kUntrusted);
  }
  SECTION("proven, but history holds another") {
    auto other = c;
    other.sightings[0].leaf_index = 299;
    const auto error = failure(other);
    CHECK(error.code == Errc::kUntrusted);
    CHECK_THAT(error.what, ContainsSubstring("proven, but not the one"));
  }
}

TEST_CASE_METHOD(Archived, "no tree covers a precertificate: its hash does",
                 "[.db][monitor][entry_fetcher]") {
  const auto c = archive({0}, {});
  const Bytes another = logs.ca().precertify({}).precertificate;
  logs.add_fault(
      0,
      [&](const auto&, const auto& honest) {
        auto r = honest();
        const std::string_view mark = "\"extra_data\":\"";
        const auto at = r.body.find(mark) + mark.size();
        const ctlog::ExtraData extra{another, {}};
        r.body.replace(at, r.body.find('"', at) - at,
                       to_base64(ctlog::encode_extra_data(
                           ctlog::EntryType::kPrecert, extra)));
        return r;
      },
      "ct/v1/get-entries");
  CHECK(failure(c).code == Errc::kGone);
  INFO("the TBS is proven all the same, and will do for an alert");
  CHECK(fetch(c, /*any=*/true).entry);
}

TEST_CASE_METHOD(Archived, "an older head than the log can prove to",
                 "[.db][monitor][entry_fetcher]") {
  const auto c = archive({}, {0});
  const std::string old_size = std::to_string(logs.log(0).size());
  logs.fill(0, 50);
  logs.add_fault(
      0,
      [old_size](const auto& request, const auto& honest) {
        return request.http.query.at("tree_size") == old_size
                   ? fault::status(404)(request, honest)
                   : honest();
      },
      "ct/v1/get-proof-by-hash");
  SECTION("is followed to a newer one") {
    const auto got = fetch(c);
    INFO((got.entry ? "" : got.entry.error().what));
    REQUIRE(got.entry);
    CHECK(got.entry->where.tree_size == logs.log(0).size());
    check_proof(*got.entry, 0);
  }
  SECTION("but not to another tree") {
    logs.add_fault(0, fault::wrong_root());
    CHECK(failure(c).code == Errc::kUntrusted);
  }
  SECTION("nor to one that does not extend what was verified") {
    database.run(
        "UPDATE log_head SET root = decode(repeat('ab', 32), 'hex') "
        "WHERE tree_size = " +
        old_size);
    const auto error = failure(c);
    CHECK(error.code == Errc::kUntrusted);
    CHECK_THAT(error.what, ContainsSubstring("are not consistent"));
  }
  SECTION("nor to one that nobody signed") {
    logs.add_fault(0, fault::bad_signature());
    CHECK(failure(c).code == Errc::kUntrusted);
  }
}

TEST_CASE_METHOD(Archived, "without a head on record the log is asked for one",
                 "[.db][monitor][entry_fetcher]") {
  const std::size_t i = GENERATE(0, 1);
  const auto c = archive({i}, {});
  database.run("DELETE FROM log_head");
  SECTION("and proves by it") {
    const auto got = fetch(c);
    REQUIRE(got.entry);
    check_proof(*got.entry, i);
    CHECK(database.run("SELECT count(*) FROM log_head") == "1");
  }
  SECTION("but that covers less") {
    logs.add_fault(i, fault::backwards(100));
    const auto error = failure(c);
    CHECK(error.code == Errc::kTransient);
    CHECK_THAT(error.what, ContainsSubstring("covers 221 entries only") &&
                               ContainsSubstring("try again later"));
  }
}

TEST_CASE_METHOD(Archived, "a log that is not known is named",
                 "[.db][monitor][entry_fetcher]") {
  const auto c = archive({0}, {});
  database.run("DELETE FROM log");
  const auto error = failure(c);
  CHECK(error.code == Errc::kUsage);
  CHECK_THAT(error.what, ContainsSubstring(to_base64(logs.log(0).log_id())) &&
                             ContainsSubstring("--log-list"));
}

TEST_CASE_METHOD(Archived, "stopping ends what is under way",
                 "[.db][monitor][entry_fetcher]") {
  const std::size_t i = GENERATE(0, 1);
  const auto c = archive({i}, {});
  logs.add_fault(i, fault::hang());
  const auto before = logs.requests(i);
  const auto fetching = fetcher(database);
  auto future = fetching->fetch(entry_request(c, false));
  REQUIRE(test::eventually([&] { return logs.requests(i) > before; }));
  fetching->stop();
  const auto got = future.get();
  REQUIRE_FALSE(got.entry);
  CHECK(got.entry.error().code == Errc::kStopping);
}

TEST_CASE_METHOD(Archived, "many are fetched side by side",
                 "[.db][monitor][entry_fetcher]") {
  const auto c = archive({0, 1}, {0, 1});
  const auto fetching = fetcher(database);
  std::vector<Future<FetchedEntry>> futures;
  for (int n = 0; n < 50; ++n) {
    auto request = entry_request(c, false);
    if (n % 2 == 0) std::swap(request.sightings[0], request.sightings[1]);
    futures.push_back(fetching->fetch(std::move(request)));
  }
  std::size_t good = 0;
  for (auto& f : futures) good += f.get().entry.has_value();
  CHECK(good == futures.size());
}

namespace {

alerts::Watch watch_of(test::TestDatabase& db) {
  alerts::Watch watch;
  watch.id = "w";
  watch.kind = alerts::WatchKind::kSubtree;
  watch.value = watch.pattern = "ours.example";
  watch.allowed_issuers = {"Nobody Trust"};
  const auto id = sql::put_watch(db.db(), watch);
  REQUIRE(id);
  watch.id = *id;
  return watch;
}

struct Alerting : Archived {
  HistoryAlertCounts alert(const alerts::Watch& watch,
                           const sql::HistoryCertificate& c) {
    const auto expectations = sql::load_expectations(database.db());
    REQUIRE(expectations);
    const auto fetching = fetcher(database);
    HistoryAlerts history(
        *fetching, watch, *expectations,
        [&](const std::string& what) { problems.push_back(what); });
    CHECK(history.add(c));
    history.finish();
    return history.counts();
  }
  std::vector<alerts::Alert> stored(test::TestDatabase& db) {
    sql::AlertFilter all;
    all.states = {alerts::AlertState::kOpen, alerts::AlertState::kExpected};
    const auto list = sql::list_alerts(db.db(), all);
    REQUIRE(list);
    return *list;
  }

  std::vector<std::string> problems;
};

}  // namespace

TEST_CASE_METHOD(Alerting, "history alerts as following would have",
                 "[.db][monitor][history_alerts]") {
  const std::size_t i = GENERATE(0, 1);
  const bool is_final = GENERATE(false, true);
  const auto c = is_final ? archive({}, {i}) : archive({i}, {});
  const auto watch = watch_of(database);
  const auto counts = alert(watch, c);
  CHECK(counts.raised == 1);
  CHECK(problems.empty());

  test::TestDatabase following;
  REQUIRE(watch_of(following).id == watch.id);
  read(following, config_of(ReadMode::kWatch));
  const auto ours = stored(database);
  const auto theirs = stored(following);
  REQUIRE(ours.size() == 1);
  REQUIRE(theirs.size() == 1);
  const auto &a = ours[0], &b = theirs[0];
  CHECK(a.id == b.id);
  CHECK(a.state == alerts::AlertState::kOpen);
  CHECK(b.state == a.state);
  CHECK(a.severity == b.severity);
  CHECK(a.kind == b.kind);
  CHECK(a.title == b.title);
  CHECK(a.reason == b.reason);
  CHECK(a.names == b.names);
  REQUIRE(a.certificate);
  REQUIRE(b.certificate);
  CHECK(a.certificate->der == b.certificate->der);
  CHECK(a.certificate->tbs == b.certificate->tbs);
  CHECK(a.certificate->issuer_spki_sha256 == b.certificate->issuer_spki_sha256);
  CHECK(a.certificate->notes == b.certificate->notes);
  CHECK(a.certificate->scts.size() == b.certificate->scts.size());
  REQUIRE(a.sightings.size() == 1);
  REQUIRE(b.sightings.size() == 1);
  CHECK(a.sightings[0].leaf_hash == b.sightings[0].leaf_hash);
  CHECK(a.sightings[0].leaf_index == b.sightings[0].leaf_index);
  CHECK(a.sightings[0].timestamp == b.sightings[0].timestamp);
  CHECK(a.sightings[0].entry_type == b.sightings[0].entry_type);
}

TEST_CASE_METHOD(Alerting, "history tells nobody twice",
                 "[.db][monitor][history_alerts]") {
  const auto c = archive({0}, {1});
  const auto watch = watch_of(database);
  REQUIRE(database.run("INSERT INTO channel (id, name, type, target, "
                       "min_severity) VALUES ('c', 'c', 'stdout', 'json', "
                       "'info') RETURNING id") == "c");
  CHECK(alert(watch, c).raised == 1);
  const auto again = alert(watch, c);
  CHECK(again.raised == 0);
  CHECK(again.known == 1);
  INFO("nor does following, which meets both of its entries");
  read(database, config_of(ReadMode::kWatch));
  CHECK(stored(database).size() == 1);
  CHECK(database.run("SELECT count(*) FROM delivery") == "1");
  CHECK(database.run("SELECT count(*) FROM alert_sighting") == "2");
}

TEST_CASE_METHOD(Alerting, "history that was not seen to its end is an error",
                 "[.db][monitor][history_alerts]") {
  (void)archive({0}, {1});
  const auto watch = watch_of(database);
  const auto fetching = fetcher(database);
  std::uint64_t seen = 0;
  const auto alert_all = [&](bool go_on) {
    return alert_on_history(
        *fetching, database.db(), watch, {},
        [&](const std::string& what) { problems.push_back(what); },
        [&](const HistoryAlertCounts& counts) {
          seen = counts.certificates;
          return go_on;
        });
  };
  const auto broken_off = alert_all(false);
  REQUIRE_FALSE(broken_off);
  CHECK(broken_off.error().code == Errc::kStopping);
  CHECK(seen == 1);
  const auto whole = alert_all(true);
  REQUIRE(whole);
  CHECK(whole->raised + whole->known == 1);
  CHECK(problems.empty());
}

TEST_CASE_METHOD(Alerting, "what was registered meanwhile is expected",
                 "[.db][monitor][history_alerts]") {
  const auto c = archive({0}, {});
  const auto watch = watch_of(database);
  const Bytes bytes = logs.log(0).entry(300).leaf;
  const auto leaf = ctlog::parse_leaf(bytes);
  REQUIRE(leaf);
  alerts::Expectation e;
  e.kind = alerts::Expectation::Kind::kTbs;
  e.value = sha256(leaf->certificate);
  REQUIRE(sql::put_expectation(database.db(), e));
  const auto counts = alert(watch, c);
  CHECK(counts.raised == 0);
  CHECK(counts.expected == 1);
  REQUIRE(stored(database).size() == 1);
  CHECK(stored(database)[0].state == alerts::AlertState::kExpected);
}

TEST_CASE_METHOD(Alerting, "of what cannot be fetched nobody is told a word",
                 "[.db][monitor][history_alerts]") {
  const auto c = archive({0}, {});
  const auto watch = watch_of(database);
  const bool lies = GENERATE(false, true);
  logs.add_fault(0, lies ? fault::wrong_proofs() : fault::status(404));
  const auto counts = alert(watch, c);
  CHECK(counts.not_fetched == 1);
  CHECK(counts.lies == (lies ? 1 : 0));
  CHECK(counts.raised == 0);
  REQUIRE(problems.size() == 1);
  CHECK_THAT(problems[0], ContainsSubstring("www.ours.example (") &&
                              ContainsSubstring("entry 300 of old: "));
  CHECK(stored(database).empty());
}

}  // namespace ct::monitor
