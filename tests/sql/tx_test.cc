#include "sql/tx.h"

#include "tests/support/catch.h"
#include "tests/support/test_postgres.h"

namespace ct::sql {
namespace {

using Texts = std::vector<std::string>;

TEST_CASE("text keeps what is UTF-8 and replaces the rest", "[sql][tx]") {
  const std::string bad = "\xef\xbf\xbd";
  CHECK(storable_text("") == "");
  CHECK(storable_text("ex\xc3\xa4mple \xe2\x82\xac \xf0\x9f\x94\x92") ==
        "ex\xc3\xa4mple \xe2\x82\xac \xf0\x9f\x94\x92");
  CHECK(storable_text(std::string("a\0b", 3)) == "a" + bad + "b");
  CHECK(storable_text("\xff") == bad);
  CHECK(storable_text("\xc3") == bad);                      // cut off
  CHECK(storable_text("\xc0\xaf") == bad + bad);            // overlong
  CHECK(storable_text("\xe0\x80\xaf") == bad + bad + bad);  // overlong
  CHECK(storable_text("\xed\xa0\x80") == bad + bad + bad);  // surrogate
  CHECK(storable_text("\xf4\x90\x80\x80") == bad + bad + bad + bad);
  CHECK(storable_text("\x80z") == bad + "z");
}

TEST_CASE("values come back from the database as they went in",
          "[.db][sql][tx]") {
  test::TestDatabase database;
  const Bytes bytes{0, 1, 0xff, '\\', '\''};
  Hash hash{};
  hash[31] = 7;
  const Texts texts{
      "a",    "",         "with \"quotes\" and \\",        "{x,y}",
      "NULL", "\xc3\xa4", "\xe2\x82\xac,\xf0\x9f\x94\x92", "it's;",
      "\\"};
  const auto done = database.db().transact([&](Tx& tx) -> Result<void> {
    const Rows rows = tx.exec(
        "SELECT $1::bytea AS bytes, $2::bytea AS hash, $3::text[] AS texts, "
        "$4::bigint AS big, $5::boolean AS yes, $6::text AS nothing, "
        "$7::text[] AS none, $8::bytea AS empty, $9::text AS text",
        {bytes, hash, texts, std::int64_t{-1} << 62, true,
         std::optional<std::string>(), Texts{}, Bytes{}, "it's"});
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].bytes("bytes") == bytes);
    CHECK(rows[0].hash("hash") == hash);
    CHECK(rows[0].maybe_hash("hash") == hash);
    CHECK(rows[0].texts("texts") == texts);
    CHECK(rows[0].integer("big") == std::int64_t{-1} << 62);
    CHECK(rows[0].boolean("yes"));
    CHECK(rows[0].is_null("nothing"));
    CHECK(rows[0].text("nothing").empty());
    CHECK_FALSE(rows[0].maybe_hash("nothing"));
    CHECK(rows[0].texts("none").empty());
    CHECK_FALSE(rows[0].is_null("empty"));
    CHECK(rows[0].bytes("empty").empty());
    CHECK(rows[0].text("text") == "it's");
    return {};
  });
  CHECK(done);
}

TEST_CASE("times keep their milliseconds, before 1970 too", "[.db][sql][tx]") {
  test::TestDatabase database;
  const Millis t = GENERATE(0, 1, 1'795'514'782'250, 1'795'514'782'999, -1,
                            -62'167'219'200'000, 253'402'300'799'999);
  const auto done = database.db().transact([&](Tx& tx) -> Result<void> {
    CHECK(tx.exec("SELECT " CT_MILLIS(CT_TIME("$1")) " AS t", {t})[0].integer(
              "t") == t);
    return {};
  });
  CHECK(done);
  CHECK(storable_time(std::numeric_limits<Millis>::max()) ==
        253'402'300'799'999);
}

TEST_CASE("a number above 2^63 is refused, not wrapped", "[.db][sql][tx]") {
  test::TestDatabase database;
  const auto done = database.db().transact([&](Tx& tx) -> Result<void> {
    tx.exec("SELECT $1::bigint", {std::uint64_t{1} << 63});
    return {};
  });
  REQUIRE_FALSE(done);
  CHECK(done.error().code == Errc::kMalformed);
}

TEST_CASE("a column of the wrong type is an error", "[.db][sql][tx]") {
  test::TestDatabase database;
  const auto read = [&](const auto& get) {
    return database.db().transact([&](Tx& tx) -> Result<void> {
      get(tx.exec("SELECT 'abc'::text AS t, -1 AS n")[0]);
      return {};
    });
  };
  CHECK_FALSE(read([](const Row& r) { return r.integer("t"); }));
  CHECK_FALSE(read([](const Row& r) { return r.hash("t"); }));
  CHECK_FALSE(read([](const Row& r) { return r.bytes("t"); }));
  CHECK_FALSE(read([](const Row& r) { return r.texts("t"); }));
  CHECK_FALSE(read([](const Row& r) { return r.boolean("t"); }));
  CHECK_FALSE(read([](const Row& r) { return r.count("n"); }));
  CHECK_FALSE(read([](const Row& r) { return r.text("missing"); }));
  CHECK(read([](const Row& r) { return r.text("t"); }));
}

}  // namespace
}  // namespace ct::sql
