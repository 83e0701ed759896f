#include "sql/history_key.h"

#include <algorithm>
#include <random>
#include <set>

#include "base/hex.h"
#include "base/sha256.h"
#include "sql/tx.h"
#include "tests/support/catch.h"
#include "tests/support/test_postgres.h"

namespace ct::sql {
namespace {

using Names = std::vector<std::string>;

TEST_CASE("a key is the name from the right", "[sql][history_key]") {
  CHECK(history_key("www.example.com") == "com example www");
  CHECK(history_key("*.Example.COM") == "com example");
  CHECK(history_key("com") == "com");
  CHECK(history_key("me@example.com") == "@com example@me");
  CHECK(history_key("192.0.2.1") == "#4c0000201");
  CHECK(history_key("2001:db8::1") == "#620010db8000000000000000000000001");
  CHECK(history_key("") == "");
  CHECK(history_key(std::string(300, 'a')).size() == kHistoryKeySize);
}

TEST_CASE("a key leads back to the name", "[sql][history_key]") {
  for (const std::string name :
       {"www.example.com", "com", "me@example.com", "192.0.2.1", "2001:db8::1",
        "a..b", ".example.com", "@", "@b", "a@"}) {
    CAPTURE(name);
    CHECK(name_of_history_key(history_key(name)) == name);
  }
  CHECK(name_of_history_key("") == "");
  CHECK(name_of_history_key("#") == "#");
  CHECK(name_of_history_key("#4zz") == "#4zz");
  CHECK(name_of_history_key("@") == "@");
}

TEST_CASE("a name and all below it are one stretch of keys",
          "[sql][history_key]") {
  const std::string q = history_key("example.com");
  const auto inside = [&](std::string_view name) {
    const std::string key = history_key(name);
    CHECK(history_key_within(key, q) == (key >= q && key < q + "!"));
    return history_key_within(key, q);
  };
  CHECK(inside("example.com"));
  CHECK(inside("*.example.com"));
  CHECK(inside("www.example.com"));
  CHECK(inside("\x01\xff.example.com"));
  CHECK(inside(".example.com"));
  CHECK_FALSE(inside("com"));
  CHECK_FALSE(inside("example-a.com"));
  CHECK_FALSE(inside("xexample.com"));
  CHECK_FALSE(inside("example.com.org"));
  CHECK_FALSE(inside("me@example.com"));
  CHECK_FALSE(inside("me@www.example.com"));
  CHECK_FALSE(inside("! example.com"));

  CHECK(history_keys_above("com example www eu") ==
        Names{"com example", "com example www"});
  CHECK(history_keys_above("com example").empty());
  CHECK(history_keys_above("com").empty());
  CHECK(history_keys_above("@com example@me").empty());
}

TEST_CASE("hostile bytes in names are escaped, and only those",
          "[sql][history_key]") {
  CHECK(history_name("www.Example.com") == "www.example.com");
  CHECK(history_name("_a-b.*?.example") == "_a-b.*?.example");
  CHECK(history_name(std::string("a\0b c\n\x7f\xff\\d", 10)) ==
        "a\\x00b\\x20c\\x0a\\x7f\\xff\\x5cd");
  CHECK(history_name("#4c0000201") == "\\x234c0000201");
  CHECK(history_name("a@b@c") == "a\\x40b@c");
  CHECK(history_name("example.com.") == "example.com\\x2e");
  CHECK(history_name(".") == "\\x2e");
  CHECK(history_name("2001:DB8:0::1") == "2001:db8::1");
}

TEST_CASE("roots are the names that no other is above", "[sql][history_key]") {
  const auto roots = [](const Names& names) {
    return encode_history_names(names).roots;
  };
  CHECK(roots({"www.example.com", "example.com", "*.example.com"}) ==
        Names{"com example"});
  CHECK(roots({"b.example.com", "a.example.com"}) ==
        Names{"com example a", "com example b"});
  CHECK(roots({"*.a.org", "x.a.org", "a-b.org", "y.a.org"}) ==
        Names{"org a", "org a-b"});
  CHECK(roots({"x.a.org", "org", "*.a.org", "*.org"}) == Names{"org", "org a"});
  CHECK(roots({"192.0.2.1", "me@example.com", "z.example"}) ==
        Names{"example z", "#4c0000201", "@com example@me"});
  CHECK(roots({}).empty());
  CHECK(roots({""}).empty());
  const std::string deep(300, 'd');
  CHECK(roots({"a." + deep, "b." + deep, "c.example"}) ==
        Names{std::string(kHistoryKeySize, 'd'), "example c"});
}

TEST_CASE("names are written relative to the first root",
          "[sql][history_key]") {
  const auto names = [](const Names& given) {
    return encode_history_names(given).names;
  };
  CHECK(names({"example.com", "www.example.com", "*.example.com"}) ==
        ". www. *.");
  CHECK(names({"*.example.com"}) == "*.");
  CHECK(names({"b.example.org", "a.example.com", "x.b.example.org"}) ==
        "b.example.org . x.b.example.org");
  CHECK(names({"a.example.com", "A.example.com", ""}) == ".");
  CHECK(names({".example.com", "example.com"}) == ".example.com .");
  CHECK(names({"notexample.com", "example.com"}) == "notexample.com .");
  CHECK(names({}) == "");
}

TEST_CASE("too many names are cut, and marked so", "[sql][history_key]") {
  Names many;
  for (std::size_t i = 0; i <= kHistoryNameCount; ++i) {
    many.push_back("n" + std::to_string(i) + ".example");
  }
  auto got = encode_history_names(many);
  CHECK(got.roots.size() == kHistoryNameCount);
  auto names = decode_history_names(got.roots[0], got.names);
  REQUIRE(names.size() == kHistoryNameCount + 1);
  CHECK(names.back() == kHistoryNamesCut);
  CHECK(history_name(kHistoryNamesCut) != kHistoryNamesCut);

  many.pop_back();
  got = encode_history_names(many);
  CHECK(decode_history_names(got.roots[0], got.names) == many);

  got = encode_history_names({"a.example", std::string(1 << 20, 'x'), "b"});
  CHECK(got.roots == Names{"example a"});
  CHECK(got.names == ". \\cut");
}

TEST_CASE("names come back as they went in", "[sql][history_key]") {
  std::mt19937 random(7);
  const auto below = [&](unsigned n) { return random() % n; };
  const Names pieces{"a",  "b",     "*",   "www",         "com", "example",
                     "?",  ".",     "..",  "@",           "#4",  "\xc3\xa4",
                     " ",  "\\",    "!",   "192.0.2.1",   "::1", "\n",
                     "-x", "\\x20", "A.b", "example.com", "",    "6"};
  for (int round = 0; round < 5'000; ++round) {
    Names in, expected;
    std::set<std::string> keys;
    for (unsigned n = below(12); n-- > 0;) {
      std::string name;
      for (unsigned k = below(5); k-- > 0;) {
        name += pieces[below(static_cast<unsigned>(pieces.size()))];
        if (below(2) == 0) name += '.';
      }
      in.push_back(name);
      const std::string shown = history_name(name);
      if (shown.empty() ||
          std::ranges::find(expected, shown) != expected.end()) {
        continue;
      }
      expected.push_back(shown);
      keys.insert(history_key(name));
    }
    CAPTURE(in);
    const auto got = encode_history_names(in);
    CHECK(decode_history_names(got.roots.empty() ? "" : got.roots[0],
                               got.names) == expected);
    // The roots by their definition.
    std::set<std::string> roots;
    for (const auto& key : keys) {
      if (std::ranges::none_of(keys, [&](const auto& other) {
            return other != key && other.find(' ') != other.npos &&
                   history_key_within(key, other);
          })) {
        roots.insert(key);
      }
    }
    CHECK(std::set(got.roots.begin(), got.roots.end()) == roots);
    CHECK(got.roots.size() == roots.size());
    for (const auto& root : got.roots) {
      CHECK(std::ranges::all_of(root,
                                [](char c) { return c >= ' ' && c < '\x7f'; }));
      CHECK(history_key(name_of_history_key(root)).size() <= kHistoryKeySize);
    }
  }
}

TEST_CASE("sightings are a sorted set", "[sql][history_key]") {
  const NumberedSighting a{1'700'000'000'123, 7, true, 12'345'678'901};
  const NumberedSighting b{1'700'000'000'123, 8, false, 5};
  const NumberedSighting c{1'600'000'000'000, 32'767, true, (1ULL << 40) - 1};
  const Bytes encoded = encode_history_sightings({a, b, c, a});
  const std::vector<NumberedSighting> sorted{c, a, b};
  CHECK(decode_history_sightings(encoded) == sorted);
  CHECK(encode_history_sightings({c, b, a}) == encoded);

  const Bytes one = encode_history_sightings({a});
  CHECK(merge_history_sightings(encoded, one) == encoded);
  CHECK(merge_history_sightings(one, encode_history_sightings({c, b})) ==
        encoded);
  CHECK(merge_history_sightings({}, {}).empty());
  CHECK(encode_history_sightings({{1'000, 7, true, 300}}) ==
        Bytes{0xe8, 0x07, 0x0f, 0xac, 0x02});

  for (std::size_t n = 0; n < one.size(); ++n) {
    CHECK(decode_history_sightings(ByteView(one).first(n)).empty());
  }
  CHECK(decode_history_sightings(Bytes(40, 0xff)).empty());
  Bytes endless(43, 0xff);
  for (std::size_t i = 40; i < endless.size(); ++i) endless[i] = 1;
  CHECK(decode_history_sightings(endless).size() == 1);

  const auto clamped = decode_history_sightings(encode_history_sightings(
      {{-1, 1, false, 0}, {std::numeric_limits<Millis>::max(), 1, false, 0}}));
  REQUIRE(clamped.size() == 2);
  CHECK(clamped[0].timestamp == 0);
  CHECK(clamped[1].timestamp == (1LL << 48) - 1);
}

TEST_CASE("the id depends on salt and issuance", "[sql][history_key]") {
  const Hash tbs = sha256(as_bytes("tbs"));
  const Hash whole = sha256(as_bytes("salt"), tbs);
  std::uint64_t expected = 0;
  for (int i = 0; i < 8; ++i) expected = expected << 8 | whole[i];
  CHECK(history_id(as_bytes("salt"), tbs) ==
        static_cast<std::int64_t>(expected));
  CHECK(history_id(as_bytes("salz"), tbs) != history_id(as_bytes("salt"), tbs));
}

TEST_CASE("other text is made to fit its column", "[sql][history_key]") {
  CHECK(history_serial("00Ab") == Bytes{0, 0xab});
  CHECK(history_serial("xyz").empty());
  CHECK(history_serial(std::string(1'000, 'f')).size() == 255);

  CHECK(history_organization(std::string("A\0B", 3)) ==
        "A\xef\xbf\xbd"
        "B");
  std::string umlauts;
  for (int i = 0; i < 300; ++i) umlauts += "\xc3\xa4";
  CHECK(history_organization(umlauts) == umlauts.substr(0, 2 * 255));

  CHECK(history_issuer_name("CN=R3") == "CN=R3");
  const std::string dn(5'000, 'x');
  CHECK(history_issuer_name(dn).size() <= 2'000);
  CHECK(history_issuer_name(dn) != history_issuer_name(dn + "y"));
  CHECK(history_issuer_name(std::string(1'899, 'x') + umlauts) ==
        storable_text(history_issuer_name(std::string(1'899, 'x') + umlauts)));
}

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "''" : std::string(1, c);
  return out + "'";
}

TEST_CASE("the SQL functions say the same", "[.db][sql][history_key]") {
  const test::TestDatabase database;
  for (const std::string name :
       {"www.example.com", "*.example.com", "com", "a..b", "me@example.com",
        "192.0.2.1", "255.255.255.255", "2001:db8::1", "::", "#x", "a\\b"}) {
    CAPTURE(name);
    const std::string key = history_key(name);
    CHECK(database.run("SELECT history_name(" + quoted(key) + ")") ==
          name_of_history_key(key));
    if (key[0] == '@' || key[0] == '#' || key.find('\\') != key.npos) continue;
    CHECK(database.run("SELECT history_key(" + quoted(name) + ")") == key);
    std::string above;
    for (const auto& k : history_keys_above(key)) above += k + "|";
    CHECK(database.run("SELECT coalesce(string_agg(k || '|', ''), '') FROM "
                       "unnest(history_above(" +
                       quoted(name) + ")) AS k") == above);
  }

  const Names names{"example.com",    "*.example.com", "x.example.org",
                    "me@example.com", "192.0.2.1",     "a b"};
  const auto encoded = encode_history_names(names);
  std::string joined;
  for (const auto& n : names) joined += history_name(n) + "|";
  CHECK(database.run("SELECT string_agg(n || '|', '') FROM "
                     "unnest(history_names(" +
                     quoted(encoded.roots[0]) + "," + quoted(encoded.names) +
                     ")) AS n") == joined);
  CHECK(database.run("SELECT history_names('', '')") == "{}");

  const Bytes sightings = encode_history_sightings(
      {{1'700'000'000'123, 7, true, 12'345'678'901},
       {(1LL << 48) - 1, 32'767, false, (1ULL << 40) - 1}});
  CHECK(database.run(
            "SELECT string_agg(concat_ws(',', floor(extract(epoch FROM "
            "logged_at) * 1000)::bigint, log, precert, leaf_index), ' ') FROM "
            "history_sightings('\\x" +
            to_hex(sightings) + "')") ==
        "1700000000123,7,t,12345678901 "
        "281474976710655,32767,f,1099511627775");
  CHECK(database.run("SELECT count(*) FROM history_sightings('')") == "0");
}

TEST_CASE("a partition is there for every date", "[.db][sql][history_key]") {
  const test::TestDatabase database;
  const auto add = [&](const std::string& at) {
    database.run("SELECT history_add_partition('" + at + "')");
    database.run("SELECT history_add_partition('" + at + "')");
    database.run("INSERT INTO history SELECT 1, '" + at + "', '" + at +
                 "', 1, false, '', '', '', '', '', '', ''");
    return database.run(
        "SELECT tableoid::regclass FROM history WHERE "
        "not_after = '" +
        at + "'");
  };
  CHECK(add("2026-12-31 23:59:59Z") == "history_2026q4");
  CHECK(add("2027-01-01 00:00:00Z") == "history_2027q1");
  CHECK(add("2010-01-01 00:00:00Z") == "history_2010q1");
  CHECK(add("2009-12-31 23:59:59Z") == "history_past");
  CHECK(add("4000-01-01 00:00:00Z BC") == "history_past");
  CHECK(add("2049-12-31 23:59:59Z") == "history_2049q4");
  CHECK(add("2050-01-01 00:00:00Z") == "history_future");
  CHECK(add("9999-12-31 23:59:59Z") == "history_future");
  // Both tables, all indexes.
  CHECK(database.run("SELECT count(*) FROM pg_inherits WHERE inhparent = "
                     "'history_root'::regclass") == "6");
  CHECK(database.run("SELECT count(*) FROM pg_index WHERE indrelid = "
                     "'history_2026q4'::regclass") ==
        database.run("SELECT count(*) FROM pg_index WHERE indrelid = "
                     "'history'::regclass"));
}

TEST_CASE("the views show history in plain words", "[.db][sql][history_key]") {
  const test::TestDatabase database;
  database.run(
      "SELECT history_add_partition('2026-11-24');"
      "INSERT INTO history_issuer VALUES (1, 'CN=R3', '\\xaa'), "
      "(-1, 'CN=X', '');"
      "INSERT INTO history_log VALUES (7, '\\x07')");
  const auto add = [&](int id, const Names& names, const char* issuer) {
    const auto encoded = encode_history_names(names);
    database.run("INSERT INTO history VALUES (" + std::to_string(id) +
                 ", '2026-11-24', '2026-08-24', " + issuer + ", true, " +
                 quoted(encoded.roots[0]) + ", " + quoted(encoded.names) +
                 ", 'Org', '\\x0102', '\\x03', '\\x04', '\\x" +
                 to_hex(encode_history_sightings({{1'000, 7, true, 9}})) +
                 "')");
    for (std::size_t i = 1; i < encoded.roots.size(); ++i) {
      database.run("INSERT INTO history_root VALUES (" + std::to_string(id) +
                   ", '2026-11-24', " + quoted(encoded.roots[i]) + ", " +
                   quoted(encoded.roots[0]) + ")");
    }
  };
  add(1, {"example.com", "www.example.com"}, "1");
  add(2, {"a.dev.example.com", "z.example.org"}, "-1");
  add(3, {"zz.org", "b.dev.example.com"}, "1");
  add(4, {"example.net", "dev.example.net", "example.edu"}, "1");
  add(5, {"other.com"}, "1");
  const auto found = [&](const std::string& name) {
    return database.run(
        "SELECT coalesce(string_agg(id::text, ' ' ORDER BY id),"
        " '') FROM certificates_for(" +
        quoted(name) + ")");
  };
  CHECK(found("example.com") == "1 2 3");
  CHECK(found("dev.example.com") == "2 3");
  CHECK(found("www.example.com") == "1");
  CHECK(found("dev.example.net") == "4");
  CHECK(found("com") == "1 2 3 5");
  CHECK(found("ample.com") == "");
  CHECK(found("none.example.com") == "");
  CHECK(database.run("SELECT concat_ws('|', domain, names, issuer, serial, "
                     "sha256, final, organization, spki, issuer_spki_sha256, "
                     "sightings, extract(epoch FROM first_logged_at)::int) "
                     "FROM certificates WHERE id = 1") ==
        "example.com|{example.com,www.example.com}|CN=R3|0102|04|t|Org|03|aa|1|"
        "1");
  CHECK(database.run("SELECT concat_ws('|', log, log_id, leaf_index, precert) "
                     "FROM certificate_sightings WHERE id = 1") == "07|07|9|t");
  // What people see is documented.
  CHECK(database.run(
            "SELECT coalesce(string_agg(c.relname || '.' || a.attname, ' '), "
            "'') FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
            "WHERE (c.relname LIKE 'history%' OR c.relname LIKE 'certificate%')"
            " AND c.relkind IN ('r', 'p', 'v') AND a.attnum > 0 AND "
            "col_description(c.oid, a.attnum) IS NULL") == "");
}

}  // namespace
}  // namespace ct::sql
