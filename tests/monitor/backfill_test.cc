// Logs on loopback, a real Postgres, and what history holds afterwards.
#include "monitor/backfill.h"

#include <fmt/format.h>
#include <zip.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/base64.h"
#include "base/gzip.h"
#include "base/hex.h"
#include "base/sha256.h"
#include "ctlog/leaf.h"
#include "ctlog/tile.h"
#include "monitor/bulk_archive.h"
#include "monitor/files.h"
#include "sql/history_search.h"
#include "sql/tx.h"
#include "sql/watches.h"
#include "tests/monitor/two_logs.h"
#include "tests/support/catch.h"
#include "tests/support/shared_data.h"
#include "tests/support/test_key.h"
#include "tests/support/test_postgres.h"
#include "tests/support/tile_tree.h"
#include "x509/certificate.h"

namespace ct::monitor {
namespace {

using sql::IndexRange;
using test::FakeLogs;
using Ranges = std::vector<IndexRange>;

struct Fixture : test::TwoLogs {
  test::TestDatabase database;
  Config config = config_of(ReadMode::kArchive);
  BulkArchive* bulk = nullptr;

  std::unique_ptr<Backfill> backfill(BackfillRequest request) {
    return std::make_unique<Backfill>(config, database.connect(), nullptr,
                                      std::move(request),
                                      LogReading::Options{true, {}, bulk});
  }
  // True if all was read.
  bool run(BackfillRequest request) {
    const auto job = backfill(std::move(request));
    const auto plans = job->plan();
    REQUIRE(plans);
    return job->run([](const BackfillProgress&) {});
  }
  std::string query(const std::string& sql) { return database.run(sql); }
  Ranges archived(std::size_t i) {
    const auto ranges =
        sql::archived_ranges(database.db(), logs.info(i).log_id);
    REQUIRE(ranges);
    return *ranges;
  }
  // How many certificates in history have their bytes there.
  std::string kept() {
    std::vector<sql::HistoryCertificate> rows;
    REQUIRE(database.db().transact([&](sql::Tx& tx) -> Result<void> {
      for (const sql::Row row :
           tx.exec("SELECT id, extract(epoch FROM not_after)::bigint AS end_s, "
                   "sha256 FROM history")) {
        sql::HistoryCertificate c;
        c.id = row.integer("id");
        c.not_after = row.integer("end_s");
        c.sha256 = row.hash("sha256");
        rows.push_back(c);
      }
      return {};
    }));
    std::size_t whole = 0;
    for (const auto& row : rows) {
      const auto der = sql::find_der(database.db(), row);
      REQUIRE(der);
      if (!*der) continue;
      CHECK(sha256(**der) == row.sha256);
      CHECK(x509::parse_certificate(**der));
      ++whole;
    }
    return fmt::format("{} of {}", whole, rows.size());
  }
  // "index type" of every sighting in that log, in order.
  std::string sightings(std::size_t i) {
    return query(fmt::format(
        "SELECT string_agg(s.leaf_index::text, ',' ORDER BY s.leaf_index) "
        "FROM history, history_sightings(sightings) AS s JOIN history_log AS l "
        "USING (log) WHERE l.log_id = '\\x{}'",
        to_hex(logs.info(i).log_id)));
  }
};

std::string counted(std::uint64_t from, std::uint64_t to) {
  std::string out;
  for (; from < to; ++from) {
    out += (out.empty() ? "" : ",") + std::to_string(from);
  }
  return out;
}

void put_file(const std::filesystem::path& path, std::string_view content) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << content;
}

// All files of log `i`, which is tiled, as its server stores them.
std::map<std::string, std::string> files_of(FakeLogs& logs, std::size_t i,
                                            ctlog::TreeSize size) {
  Executor executor(1);
  HttpClient http({"test", 8, 8});
  std::vector<std::string> paths{"checkpoint"};
  for (unsigned level = 0; ctlog::tile_width(level, 0, size) > 0; ++level) {
    for (std::uint64_t n = 0;; ++n) {
      const auto width = ctlog::tile_width(level, n, size);
      if (width == 0) break;
      paths.push_back(ctlog::tile_path({level, n, width}));
      if (level == 0) paths.push_back(ctlog::data_tile_path(n, width));
    }
  }
  std::map<std::string, std::string> out;
  for (const auto& path : paths) {
    HttpRequest request;
    request.url = logs.info(i).monitoring_url + path;
    request.ca_file = logs.ca_path();
    request.keep_gzip = true;
    const auto reply = http.fetch(executor, request).get();
    REQUIRE(reply);
    REQUIRE(reply->status == 200);
    out[path] = reply->body.text();
  }
  return out;
}

void put_zip(const std::string& path,
             const std::map<std::string, std::string>& files) {
  zip_t* archive = zip_open(path.c_str(), ZIP_CREATE | ZIP_EXCL, nullptr);
  REQUIRE(archive != nullptr);
  for (const auto& [name, content] : files) {
    REQUIRE(zip_file_add(
                archive, name.c_str(),
                zip_source_buffer(archive, content.data(), content.size(), 0),
                0) >= 0);
  }
  REQUIRE(zip_close(archive) == 0);
}

BackfillRequest from_files(const std::vector<std::string>& paths) {
  auto files = ctlog::LogFiles::open(paths);
  REQUIRE(files);
  BackfillRequest request;
  request.files = *files;
  return request;
}

}  // namespace

TEST_CASE("what is wanted less what is covered", "[monitor][backfill]") {
  CHECK(not_covered({{0, 10}}, {}) == Ranges{{0, 10}});
  CHECK(not_covered({{0, 10}}, {{0, 10}}).empty());
  CHECK(not_covered({{2, 10}}, {{0, 3}, {5, 6}, {9, 20}}) ==
        Ranges{{3, 5}, {6, 9}});
  CHECK(not_covered({{0, 4}, {8, 12}}, {{3, 9}}) == Ranges{{0, 3}, {9, 12}});
  CHECK(not_covered({{4, 6}}, {{0, 4}, {6, 9}}) == Ranges{{4, 6}});
}

TEST_CASE_METHOD(Fixture,
                 "both kinds of log are archived whole, each certificate once",
                 "[.db][monitor][backfill]") {
  logs.fill(0, 700);
  logs.fill(1, 300);
  const auto issuance = logs.add_precert(0, "www.ours.example");
  const Bytes der = logs.ca().finish(issuance, {});
  for (const std::size_t i : {0, 1}) {
    logs.log(i).add(demo::final_submission(der, logs.ca().chain()));
    logs.log(i).publish();
  }
  REQUIRE(run({}));

  CHECK(archived(0) == Ranges{{0, 702}});
  CHECK(archived(1) == Ranges{{0, 301}});
  CHECK(sightings(0) == counted(0, 702));
  CHECK(sightings(1) == counted(0, 301));
  CHECK(query("SELECT count(*) FROM history WHERE domain = "
              "'example ours www'") == "1");
  CHECK(query("SELECT encode(sha256, 'hex') || ' ' || final || ' ' || "
              "(SELECT count(*) FROM history_sightings(sightings)) FROM "
              "history WHERE domain = "
              "'example ours www'") == to_hex(sha256(der)) + " true 3");
  // Every issuance of the fillers is for one name of its own.
  CHECK(query("SELECT count(*) FROM history WHERE names <> '.'") == "0");

  const auto again = backfill({});
  const auto plans = again->plan();
  REQUIRE(plans);
  for (const auto& plan : *plans) {
    CAPTURE(plan.log, plan.problem);
    CHECK(plan.entries == 0);
    CHECK(plan.covered == (plan.log == "old" ? 702 : 301));
  }
}

TEST_CASE_METHOD(Fixture, "the precertificate's hash until the final one comes",
                 "[.db][monitor][backfill]") {
  const std::size_t i = GENERATE(0, 1);
  const auto issuance = logs.add_precert(i, "www.ours.example");
  REQUIRE(run({}));
  CHECK(query("SELECT encode(sha256, 'hex') || ' ' || final FROM history") ==
        to_hex(sha256(issuance.precertificate)) + " false");
}

TEST_CASE_METHOD(Fixture, "asked to, it keeps the bytes of all certificates",
                 "[.db][monitor][backfill]") {
  logs.fill(0, 120);
  logs.fill(1, 80);
  const auto issuance = logs.add_precert(0, "www.ours.example");
  REQUIRE(run({}));
  CHECK(kept() == "0 of 201");
  database.run("TRUNCATE history, history_root, history_range");

  config.keep_der = KeepDer::kAll;
  BulkArchive archive(database.url(), dir.path());
  if (GENERATE(false, true)) bulk = &archive;
  REQUIRE(run({}));
  REQUIRE(archive.finish());
  CHECK(kept() == "201 of 201");
  INFO("of the certificate itself, once it comes");
  logs.log(1).add(demo::final_submission(logs.ca().finish(issuance, {}),
                                         logs.ca().chain()));
  logs.log(1).publish();
  REQUIRE(run({}));
  REQUIRE(archive.finish());
  CHECK(kept() == "201 of 201");
  CHECK(query("SELECT count(*) FROM history_der") == "201");
}

TEST_CASE_METHOD(Fixture, "ranges, of one log, of one operator",
                 "[.db][monitor][backfill]") {
  logs.fill(0, 900);
  logs.fill(1, 900);
  BackfillRequest some;
  some.logs = {"NEW"};
  some.ranges = {{100, 300}, {250, 310}, {600, 601}, {5'000, 6'000}};
  REQUIRE(run(some));
  CHECK(archived(0).empty());
  CHECK(archived(1) == Ranges{{100, 310}, {600, 601}});
  CHECK(sightings(1) == counted(100, 310) + ",600");

  BackfillRequest others;
  others.operators = {"Old Operator"};
  others.ranges = {{300, 5'000}};
  REQUIRE(run(others));
  CHECK(archived(0) == Ranges{{300, 900}});

  REQUIRE(run({}));
  CHECK(archived(0) == Ranges{{0, 900}});
  CHECK(archived(1) == Ranges{{0, 900}});
  CHECK(sightings(1) == counted(0, 900));

  BackfillRequest nobody;
  nobody.logs = {"nobody's"};
  const auto plans = backfill(nobody)->plan();
  REQUIRE_FALSE(plans);
  CHECK(plans.error().code == Errc::kUsage);
}

TEST_CASE_METHOD(Fixture, "stopped in the middle, it goes on without a hole",
                 "[.db][monitor][backfill]") {
  logs.fill(0, 20'000);
  {
    BackfillRequest request;
    request.logs = {"old"};
    const auto job = backfill(request);
    REQUIRE(job->plan());
    CHECK_FALSE(job->run([&job](const BackfillProgress& p) {
      if (p.entries > 0) job->stop();
    }));
  }
  const Ranges first = archived(0);
  REQUIRE(first.size() == 1);
  CHECK(first[0].begin == 0);
  CHECK(sightings(0) == counted(0, first[0].end));
  REQUIRE(run({}));
  CHECK(archived(0) == Ranges{{0, 20'000}});
  CHECK(sightings(0) == counted(0, 20'000));
}

TEST_CASE_METHOD(Fixture, "to watch, only matches are kept",
                 "[.db][monitor][backfill]") {
  config.mode = ReadMode::kWatch;
  alerts::Watch watch;
  watch.id = "w";
  watch.kind = alerts::WatchKind::kSubtree;
  watch.value = watch.pattern = "ours.example";
  REQUIRE(sql::put_watch(database.db(), watch));
  logs.fill(0, 300);
  logs.add_precert(0, "www.ours.example");
  REQUIRE(run({}));
  CHECK(query("SELECT count(*) FROM history") == "0");
  CHECK(query("SELECT names[1] FROM alert") == "www.ours.example");
  CHECK(query("SELECT count(*) FROM log_position") == "0");
  const auto ranges = sql::verified_ranges(database.db(), logs.info(0).log_id);
  REQUIRE(ranges);
  REQUIRE(ranges->size() == 1);
  CHECK(ranges->front().end == 301);
}

TEST_CASE_METHOD(Fixture, "of a log that lies nothing is kept",
                 "[.db][monitor][backfill]") {
  const std::size_t i = GENERATE(0, 1);
  logs.fill(i, 400);
  logs.add_fault(i, test::fault::flip_entry(123));
  CHECK_FALSE(run({}));
  CHECK(archived(i).empty());
  CHECK(query("SELECT count(*) FROM history") == "0");
  CHECK(query("SELECT kind FROM alert") == "log_root_mismatch");
}

TEST_CASE_METHOD(Fixture, "a log that is away is named, the other one read",
                 "[.db][monitor][backfill]") {
  logs.fill(0, 30);
  logs.fill(1, 30);
  logs.add_fault(0, test::fault::status(404));
  const auto job = backfill({});
  const auto plans = job->plan();
  REQUIRE(plans);
  for (const auto& plan : *plans) {
    CHECK(plan.problem.empty() == (plan.log == "new"));
  }
  CHECK_FALSE(job->run([](const BackfillProgress&) {}));
  CHECK(archived(0).empty());
  CHECK(archived(1) == Ranges{{0, 30}});
}

TEST_CASE_METHOD(Fixture, "in bulk, ranges count once they are in history",
                 "[.db][monitor][backfill]") {
  logs.fill(0, 9'000);
  logs.fill(1, 700);
  // Two segments of the larger log at a time.
  BulkArchive archive(database.url(), dir.path(), 8'000);
  bulk = &archive;
  REQUIRE(run({}));
  for (const auto& r : archived(0)) {
    CHECK(sightings(0) == counted(r.begin, r.end));
  }
  CHECK((archived(0) != Ranges{{0, 9'000}} || archived(1).empty()));
  REQUIRE(archive.finish());
  CHECK(archived(0) == Ranges{{0, 9'000}});
  CHECK(archived(1) == Ranges{{0, 700}});
  CHECK(sightings(0) == counted(0, 9'000));
  CHECK(sightings(1) == counted(0, 700));
  REQUIRE(archive.finish());
}

TEST_CASE_METHOD(Fixture, "bulk that cannot be built leaves nothing archived",
                 "[.db][monitor][backfill]") {
  logs.fill(0, 300);
  BulkArchive archive(database.url(), dir.path());
  bulk = &archive;
  REQUIRE(run({}));
  database.run("ALTER TABLE history RENAME TO history_away");
  CHECK_FALSE(archive.finish());
  CHECK(archived(0).empty());
  database.run("ALTER TABLE history_away RENAME TO history");
  bulk = nullptr;
  REQUIRE(run({}));
  CHECK(sightings(0) == counted(0, 300));
}

TEST_CASE_METHOD(Fixture, "a tiled log is read from files as from its server",
                 "[.db][monitor][backfill]") {
  constexpr ctlog::TreeSize kSize = 700;
  logs.fill(1, kSize);
  const auto files = files_of(logs, 1, kSize);
  logs.add_fault(1, test::fault::status(500));  // nobody asks the server
  SECTION("a folder") {
    for (const auto& [name, content] : files) {
      put_file(std::filesystem::path(dir / "archive") / name, content);
    }
    REQUIRE(run(from_files({dir / "archive"})));
  }
  SECTION("zip archives, each with a part") {
    std::array<std::map<std::string, std::string>, 2> parts;
    for (const auto& file : files) {
      parts[file.first.starts_with("tile/data") ? 1 : 0].insert(file);
    }
    put_zip(dir / "a.zip", parts[0]);
    put_zip(dir / "b.zip", parts[1]);
    SECTION("by name") {
      REQUIRE(run(from_files({dir / "b.zip", dir / "a.zip"})));
    }
    SECTION("as a folder") { REQUIRE(run(from_files({dir.path()}))); }
  }
  CHECK(archived(1) == Ranges{{0, kSize}});
  CHECK(sightings(1) == counted(0, kSize));
  CHECK(archived(0).empty());
}

TEST_CASE_METHOD(Fixture, "files are believed no more than servers",
                 "[.db][monitor][backfill]") {
  constexpr ctlog::TreeSize kSize = 300;
  logs.fill(1, kSize);
  auto files = files_of(logs, 1, kSize);
  const std::string tile = ctlog::data_tile_path(0, 256);
  SECTION("an entry was changed") {
    auto plain = gunzip(as_bytes(files[tile]), 64u << 20);
    REQUIRE(plain);
    files[tile] = plain->text();
    files[tile][200] = static_cast<char>(files[tile][200] ^ 1);
  }
  SECTION("a tile is missing") { REQUIRE(files.erase(tile) == 1); }
  SECTION("a tile is cut") {
    REQUIRE(files[tile].size() > 100);
    files[tile].resize(files[tile].size() / 2);
  }
  SECTION("the checkpoint is another's") {
    const auto end = files["checkpoint"].find("\n\n");
    REQUIRE(end != std::string::npos);
    char& digit = files["checkpoint"][end - 3];
    digit = digit == 'A' ? 'B' : 'A';
  }
  put_zip(dir / "log.zip", files);
  CHECK_FALSE(run(from_files({dir / "log.zip"})));
  CHECK(archived(1).empty());
  CHECK(query("SELECT count(*) FROM history") == "0");
}

TEST_CASE_METHOD(Fixture, "what is no archive, or of no log that is known",
                 "[.db][monitor][backfill]") {
  put_file(dir / "no.zip", "PK\3\4 not really");
  for (const std::string path : {"no.zip", "nowhere"}) {
    const auto files = ctlog::LogFiles::open({dir / path});
    REQUIRE_FALSE(files);
    CHECK(files.error().code == Errc::kUsage);
    CHECK_THAT(files.error().what, ContainsSubstring(path));
  }
  put_file(dir / "other/checkpoint", "log.example/other\n1\n");
  const auto job = backfill(from_files({dir / "other"}));
  const auto plans = job->plan();
  REQUIRE_FALSE(plans);
  CHECK(plans.error().code == Errc::kUsage);
  CHECK_THAT(plans.error().what, ContainsSubstring("log.example/other"));
}

// Two whole tiles of a real log, under a checkpoint of our own: no checkpoint
// of that log's at this size is at hand.
TEST_CASE_METHOD(Fixture, "recorded tiles are archived and found by name",
                 "[.db][monitor][backfill]") {
  if (!test::have_shared_data()) return;
  const std::string origin = "log.example/recorded";
  std::vector<Hash> hashes;
  for (const char* tile : {"000", "001"}) {
    const auto data = test::shared_file(
        std::string("static/navigli2025h2/tile/data/") + tile);
    put_file(dir / (std::string("log/tile/data/") + tile), data);
    const auto leaves = ctlog::parse_data_tile(as_bytes(data), 256);
    REQUIRE(leaves);
    for (const auto& leaf : *leaves) {
      Bytes whole{0, 0};
      put_bytes(whole, leaf.timestamped_entry);
      hashes.push_back(ctlog::leaf_hash(whole));
    }
  }
  const test::TileTree tree(hashes);
  for (const ctlog::Tile tile :
       {ctlog::Tile{0, 0, 256}, {0, 1, 256}, {1, 0, 2}}) {
    std::string content;
    for (const Hash& h : tree.hash_tile(tile.level, tile.index, tile.width)) {
      content += as_text(h);
    }
    put_file(dir / ("log/" + ctlog::tile_path(tile)), content);
  }
  const auto top = tree.hash_tile(1, 0, 2);
  put_file(dir / "log/checkpoint",
           test::static_checkpoint(test::p256(), origin, 512, now_millis(),
                                   ctlog::node_hash(top[0], top[1])));
  put_file(
      dir / "recorded.json",
      fmt::format(R"({{"operators":[{{"name":"R","logs":[],"tiled_logs":[{{)"
                  R"("description":"Recorded","log_id":"{}","key":"{}",)"
                  R"("submission_url":"https://{}/","monitoring_url":)"
                  R"("https://{}/","mmd":60,"state":{{"usable":{{"timestamp":)"
                  R"("2025-01-01T00:00:00Z"}}}}}}]}}]}})",
                  to_base64(test::p256().log_id()),
                  to_base64(test::p256().spki()), origin, origin));
  config.log_lists = {dir / "recorded.json"};
  config.keep_der = KeepDer::kAll;
  REQUIRE(run(from_files({dir / "log"})));
  const std::string all = query("SELECT count(*) FROM history");
  CHECK(kept() == all + " of " + all);
  INFO("bytes: " << query("SELECT avg(pg_column_size(d.*)) FROM history_der "
                          "d"));
  // Half of the size of most; templates among them.
  CHECK(query("SELECT avg(octet_length(der)) < 450 FROM history_der") == "t");
  CHECK(query("SELECT count(*) FROM certificate_sightings") == "512");
  CHECK(query("SELECT count(*) FROM certificates WHERE names = '{}'") == "0");
  // The first entry's first name, as the log's own list of names has it.
  const auto names = test::shared_file("static/navigli2025h2/tile/names/000");
  const auto json = nlohmann::json::parse(names.substr(0, names.find('\n')));
  const std::string name = json["DNS"][0];
  CHECK(query("SELECT count(*) > 0 FROM certificates_for('" + name + "')") ==
        "t");
}

}  // namespace ct::monitor
