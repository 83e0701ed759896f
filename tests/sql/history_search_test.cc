#include "sql/history_search.h"

#include <random>

#include "base/sha256.h"
#include "sql/history_few.h"
#include "sql/history_statement.h"
#include "sql/history_store.h"
#include "sql/history_substring.h"
#include "sql/tx.h"
#include "tests/sql/history_rows.h"
#include "tests/sql/history_samples.h"
#include "tests/support/catch.h"

namespace ct::sql {
namespace {

using Kind = HistoryTerm::Kind;
using Ids = std::vector<std::int64_t>;
using Rows = std::vector<HistoryCertificate>;
using Texts = std::vector<std::string>;

constexpr Seconds kNow = 1'790'000'000;  // 2026-09-21
constexpr Seconds kDay = 86'400;

// Realistic in its shape: few names with many certificates, many with few,
// certificates for several domains, wildcards, addresses, mail.
class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  std::size_t below(std::size_t n) { return random_() % n; }
  bool one_in(std::size_t n) { return below(n) == 0; }
  const std::string& pick(const Texts& texts) {
    return texts[below(texts.size())];
  }

  std::string domain() {
    static const Texts kDomains = {
        "example.com", "example.org",   "badexample.com",  "ample.com",
        "a.co.uk",     "b.co.uk",       "com.example",     "x-y.example",
        "x_y.example", "xn--p1ai.test", "dev.example.com", "co.uk"};
    // The square of a uniform number: the first ones often.
    const std::size_t n = below(kDomains.size()) * below(kDomains.size());
    return kDomains[n / kDomains.size()];
  }
  std::string host() {
    static const Texts kLabels = {"www", "api", "dev", "a", "b", "mail", "eu"};
    std::string out = domain();
    while (one_in(2)) out = pick(kLabels) + '.' + out;
    return one_in(4) ? "*." + out : out;
  }
  std::string ip() {
    if (one_in(4)) return "2001:db8::" + std::to_string(below(10));
    return "192.0." + std::to_string(below(3)) + '.' +
           std::to_string(below(256));
  }
  std::string mail() {
    static const Texts kPeople = {"me", "you", "a.b", "www"};
    std::string at = host();
    if (at.starts_with("*.")) at.erase(0, 2);
    return pick(kPeople) + '@' + at;
  }
  std::string name() {
    if (one_in(15)) return ip();
    if (one_in(15)) return mail();
    if (one_in(40)) return one_in(2) ? "com" : "*.com";
    return host();
  }

  HistoryCertificate certificate() {
    static const Texts kIssuers = {"C=US, O=Let's Encrypt, CN=R11",
                                   "C=US, O=Let's Encrypt, CN=E5",
                                   "O=Evil Trust", "CN=x_%y"};
    HistoryCertificate c;
    c.id = static_cast<std::int64_t>(random_());
    c.final = one_in(2);
    c.sha256 = hash();
    c.spki_sha256.assign(16, static_cast<std::uint8_t>(below(50)));
    const std::size_t issuer = below(kIssuers.size());
    c.issuer = kIssuers[issuer];
    if (issuer != 2) c.issuer_spki_sha256 = test::log_of(100 + issuer);
    c.serial = one_in(20) ? "00ff0" + std::to_string(below(10))
                          : to_hex(ByteView(hash()).first(9));
    if (one_in(5)) c.organization = pick({"Example Ltd", "EXAMPLE LTD", "O"});
    c.not_after = kNow + static_cast<Seconds>(below(900)) * kDay - 500 * kDay;
    if (one_in(50)) c.not_after = one_in(2) ? 0 : 4'000'000'000;
    c.not_before = c.not_after - static_cast<Seconds>(below(400)) * kDay;
    const std::size_t names = one_in(10) ? 20 : below(4);
    for (std::size_t i = 0; i < names; ++i) c.names.push_back(name());
    for (std::size_t i = below(3) + 1; i > 0; --i) {
      c.sightings.push_back(
          {std::max<Millis>(c.not_before, 0) * 1000 +
               500 * static_cast<Millis>(below(2)),
           test::log_of(static_cast<int>(below(4)) + 1), below(1000),
           one_in(2) ? ctlog::EntryType::kX509 : ctlog::EntryType::kPrecert});
    }
    return c;
  }

  Hash hash() {
    Hash h{};
    for (auto& b : h) b = static_cast<std::uint8_t>(random_());
    return h;
  }

 private:
  std::mt19937_64 random_;
};

// What is asked, once more and as plainly as can be.
namespace naive {

bool below(const std::string& name, const std::string& top) {
  std::string host = name;
  if (host.rfind("*.", 0) == 0) host = host.substr(2);
  return host.find('@') == std::string::npos &&
         ("." + host).size() >= top.size() + 1 &&
         ("." + host).substr(host.size() - top.size()) == "." + top;
}

bool fits(const std::string& pattern, const std::string& name) {
  if (pattern.empty()) return name.empty();
  if (pattern[0] == '*' || pattern[0] == '%') {
    return fits(pattern.substr(1), name) ||
           (!name.empty() && fits(pattern, name.substr(1)));
  }
  return !name.empty() && pattern[0] == name[0] &&
         fits(pattern.substr(1), name.substr(1));
}

bool in_network(const HistoryTerm& t, const std::string& name) {
  const auto ip = x509::parse_ip(name);
  if (!ip || ip->size != t.network.size) return false;
  std::string a, b;
  for (int bit = 0; bit < ip->size * 8; ++bit) {
    a += ((ip->octets[bit / 8] >> (7 - bit % 8)) & 1) != 0 ? '1' : '0';
    b += ((t.network.octets[bit / 8] >> (7 - bit % 8)) & 1) != 0 ? '1' : '0';
  }
  return a.substr(0, t.prefix) == b.substr(0, t.prefix);
}

bool contains_any_case(std::string text, std::string part) {
  for (auto* s : {&text, &part}) {
    for (char& c : *s) c = static_cast<char>(std::tolower(c));
  }
  return text.find(part) != std::string::npos;
}
bool same_any_case(const std::string& a, const std::string& b) {
  return a.size() == b.size() && contains_any_case(a, b);
}

bool name_fits(const HistoryTerm& t, const std::string& name) {
  const bool mail = name.find('@') != std::string::npos;
  switch (t.kind) {
    case Kind::kBelow:
      return below(name, t.text);
    case Kind::kPattern:
      return !mail && fits(t.text, name);
    case Kind::kPart:
      return name.find(t.text) != std::string::npos;
    case Kind::kNetwork:
      return in_network(t, name);
    case Kind::kMailDomain:
      return mail &&
             ("." + name.substr(name.rfind('@') + 1)).ends_with("." + t.text);
    default:
      return name == t.text;
  }
}

bool term_fits(const HistoryTerm& t, const HistoryCertificate& c) {
  const auto serial = [](std::string hex) {
    hex.erase(0, std::min(hex.find_first_not_of('0'), hex.size()));
    return hex;
  };
  switch (t.kind) {
    case Kind::kSha256:
      return c.sha256 == t.hash;
    case Kind::kSpki:
      return std::equal(c.spki_sha256.begin(), c.spki_sha256.end(),
                        t.hash.begin());
    case Kind::kSerial:
      return serial(c.serial) == serial(t.text);
    case Kind::kOrganization:
      return same_any_case(c.organization, t.text);
    case Kind::kIssuer:
      return contains_any_case(c.issuer, t.text);
    case Kind::kIssuerKey:
      return c.issuer_spki_sha256 == t.hash;
    default:
      return std::any_of(c.names.begin(), c.names.end(),
                         [&](const auto& name) { return name_fits(t, name); });
  }
}

bool narrowing_fits(const HistoryNarrowing& n, const HistoryCertificate& c) {
  const auto within = [](auto t, const auto& from, const auto& before) {
    return (!from || t >= *from) && (!before || t < *before);
  };
  if (n.issuer && !contains_any_case(c.issuer, *n.issuer)) return false;
  if (n.issuer_spki_sha256 && c.issuer_spki_sha256 != n.issuer_spki_sha256) {
    return false;
  }
  if (n.organization && !same_any_case(c.organization, *n.organization)) {
    return false;
  }
  if (!within(c.not_after, n.not_after_from, n.not_after_before) ||
      !within(c.not_before, n.not_before_from, n.not_before_before)) {
    return false;
  }
  return std::any_of(
      c.sightings.begin(), c.sightings.end(), [&](const auto& s) {
        return (n.log_ids.empty() ||
                std::count(n.log_ids.begin(), n.log_ids.end(), s.log_id) > 0) &&
               (!n.type || s.type == *n.type) &&
               within(s.timestamp, n.logged_from, n.logged_before);
      });
}

Ids search(const Rows& rows, const HistoryTerm& t, const HistoryNarrowing& n) {
  std::vector<std::pair<Seconds, std::int64_t>> found;
  for (const auto& c : rows) {
    if (term_fits(t, c) && narrowing_fits(n, c)) {
      found.emplace_back(c.not_after, c.id);
    }
  }
  std::sort(found.rbegin(), found.rend());
  Ids ids;
  for (const auto& [not_after, id] : found) ids.push_back(id);
  return ids;
}

}  // namespace naive

HistoryTerm term(Kind kind, std::string text) {
  HistoryTerm t;
  t.kind = kind;
  t.text = std::move(text);
  return t;
}

HistoryTerm hash_term(Kind kind, const Hash& hash) {
  HistoryTerm t = term(kind, {});
  t.hash = hash;
  return t;
}

HistoryTerm random_term(Generator& g, const Rows& rows) {
  const HistoryCertificate& some = rows[g.below(rows.size())];
  const auto stripped = [](std::string host) {
    return host.starts_with("*.") ? host.substr(2) : host;
  };
  switch (static_cast<Kind>(g.below(13))) {
    case Kind::kBelow:
      return term(Kind::kBelow, g.one_in(9) ? "com" : stripped(g.host()));
    case Kind::kExact:
      return term(Kind::kExact, g.host());
    case Kind::kPattern: {
      static const Texts kPatterns = {"%.dev.example.com",
                                      "api.*.example.com",
                                      "%.co.uk",
                                      "*.com",
                                      "w%.%.com",
                                      "%ample%",
                                      "a*.%",
                                      "*x_y*",
                                      "%dev.example.com",
                                      "c%"};
      return term(Kind::kPattern, g.pick(kPatterns));
    }
    case Kind::kPart: {
      static const Texts kParts = {
          "ample", "www.",  "e.co", "x_y",
          "@a.b",  "192.0", "b8::", "mail.example.org"};
      return term(Kind::kPart, g.pick(kParts));
    }
    case Kind::kNetwork: {
      HistoryTerm t = term(Kind::kNetwork, {});
      t.network = *x509::parse_ip(g.ip());
      t.prefix = static_cast<unsigned>(g.below(t.network.size * 8u + 1));
      return t;
    }
    case Kind::kMail:
      return term(Kind::kMail, g.mail());
    case Kind::kMailDomain:
      return term(Kind::kMailDomain, stripped(g.host()));
    case Kind::kSha256:
      return hash_term(Kind::kSha256, g.one_in(5) ? g.hash() : some.sha256);
    case Kind::kSpki: {
      Hash h{};
      h.fill(static_cast<std::uint8_t>(g.below(60)));
      return hash_term(Kind::kSpki, h);
    }
    case Kind::kSerial:
      return term(Kind::kSerial,
                  g.pick({some.serial, "00" + some.serial, "00ff01", "ff02"}));
    case Kind::kOrganization:
      return term(Kind::kOrganization, g.pick({"example ltd", "o", "none"}));
    case Kind::kIssuer:
      return term(Kind::kIssuer, g.pick({"let's", "R11", "x_%", "none"}));
    default:
      return hash_term(Kind::kIssuerKey,
                       test::log_of(100 + static_cast<int>(g.below(5))));
  }
}

HistoryNarrowing random_narrowing(Generator& g) {
  HistoryNarrowing n;
  const auto time = [&] {
    return kNow + static_cast<Seconds>(g.below(1000)) * kDay - 700 * kDay;
  };
  if (g.one_in(6)) n.issuer = g.pick({"encrypt", "EVIL", "_%"});
  if (g.one_in(9)) n.issuer_spki_sha256 = test::log_of(101);
  if (g.one_in(9)) n.organization = "EXAMPLE ltd";
  if (g.one_in(4)) n.not_after_from = time();
  if (g.one_in(4)) n.not_after_before = time();
  if (g.one_in(6)) n.not_before_from = time();
  if (g.one_in(6)) n.not_before_before = time();
  if (g.one_in(6)) n.log_ids = {test::log_of(1), test::log_of(3)};
  if (g.one_in(6)) n.type = ctlog::EntryType::kPrecert;
  if (g.one_in(9)) n.logged_from = time() * 1000 + 500;
  if (g.one_in(9)) n.logged_before = time() * 1000 + 500;
  return n;
}

std::vector<Ids> found(Database& db, const HistoryQuery& query) {
  std::vector<Ids> out(query.terms.size());
  const auto done = search_history(
      db, query, [&](std::size_t t, const HistoryCertificate& c) {
        out[t].push_back(c.id);
        return true;
      });
  INFO((done ? "" : done.error().what));
  REQUIRE(done);
  return out;
}

std::string describe(const HistoryTerm& t) {
  return std::to_string(static_cast<int>(t.kind)) + " \"" + t.text + "\" " +
         to_hex(ByteView(t.hash).first(4)) + " /" + std::to_string(t.prefix);
}

struct Store {
  explicit Store(std::size_t size, unsigned seed = 1) : generator(seed) {
    for (std::size_t i = 0; i < size; ++i) {
      rows.push_back(generator.certificate());
    }
    test::put_history(database, rows);
  }

  test::TestDatabase database;
  Generator generator;
  Rows rows;
};

std::unique_ptr<Database> connection_to_search(
    const test::TestDatabase& database,
    std::chrono::milliseconds patience = std::chrono::seconds(30)) {
  auto db = connect_to_search(database.url(), patience);
  REQUIRE(db);
  return *std::move(db);
}

void index_parts(test::TestDatabase& database) {
  const auto done = create_substring_index(database.db(), database.url(),
                                           [](double, const std::string&) {});
  INFO((done ? "" : done.error().what));
  REQUIRE(done);
}

TEST_CASE("a search finds what a look at every row finds",
          "[.db][sql][history_search]") {
  Store s(4'000);
  if (GENERATE(false, true)) index_parts(s.database);
  const auto to_search = connection_to_search(s.database);
  std::size_t some = 0;
  for (int i = 0; i < 600; ++i) {
    const HistoryTerm t = random_term(s.generator, s.rows);
    const HistoryNarrowing n =
        i % 3 == 0 ? HistoryNarrowing() : random_narrowing(s.generator);
    HistoryQuery query;
    query.terms = {&t, 1};
    query.narrowing = n;
    CAPTURE(i, describe(t));
    Ids expected = naive::search(s.rows, t, n);
    REQUIRE(found(s.database.db(), query)[0] == expected);
    query.limit = s.generator.below(2) * s.generator.below(150);
    if (query.limit > 0 && expected.size() > query.limit) {
      expected.resize(query.limit);
    }
    REQUIRE(found(*to_search, query)[0] == expected);
    some += expected.empty() ? 0 : 1;
  }
  CHECK(some > 200);
}

TEST_CASE("many terms are answered in turn, each as by itself",
          "[.db][sql][history_search]") {
  Store s(3'000, 2);
  std::vector<HistoryTerm> terms;
  for (int i = 0; i < 1'200; ++i) {
    terms.push_back(i % 100 < 90 ? term(Kind::kBelow, s.generator.domain())
                                 : random_term(s.generator, s.rows));
  }
  HistoryQuery query;
  query.terms = terms;
  query.narrowing.not_after_from = kNow;
  for (const std::size_t limit : {0, 3}) {
    query.limit = limit;
    std::size_t last = 0;
    std::vector<Ids> answers(terms.size());
    REQUIRE(search_history(s.database.db(), query,
                           [&](std::size_t t, const HistoryCertificate& c) {
                             CHECK(t >= last);
                             last = t;
                             answers[t].push_back(c.id);
                             return true;
                           }));
    for (std::size_t i = 0; i < terms.size(); ++i) {
      Ids expected = naive::search(s.rows, terms[i], query.narrowing);
      if (query.limit > 0 && expected.size() > query.limit) {
        expected.resize(query.limit);
      }
      CAPTURE(i, describe(terms[i]));
      REQUIRE(answers[i] == expected);
    }
  }
}

// How many candidates a statement gives, those that turn out to be none too.
std::size_t candidates(Database& db, const HistoryTerm& t) {
  std::size_t count = 0, few_count = 0;
  const auto done = db.transact([&](Tx& tx) -> Result<void> {
    const HistoryStatement statement(tx, {&t, 1}, 0, 1, {}, std::nullopt);
    count = tx.exec(statement.sql(),
                    statement.params(split_window(window_of({}), kNow), {}, 0))
                .size();
    const auto few = history_few(t, {}, std::nullopt, 1'000);
    REQUIRE(few);
    few_count = tx.exec(few->sql, few->params).size();
    return {};
  });
  INFO((done ? "" : done.error().what));
  REQUIRE(done);
  CHECK(few_count == count);
  return count;
}

TEST_CASE("of a popular domain only what may name a host is looked at",
          "[.db][sql][history_search]") {
  test::TestDatabase database;
  Generator generator(8);
  Rows rows;
  for (int i = 0; i < 200; ++i) {
    HistoryCertificate c = generator.certificate();
    const std::string host = "host" + std::to_string(100 + i);
    // As its first root, and as another one; written in part and in full.
    c.names = {"popular.example", host + ".popular.example"};
    if (i % 2 == 1) c.names.insert(c.names.begin(), "other.example");
    rows.push_back(std::move(c));
  }
  test::put_history(database, rows);
  for (const char* host : {"host118.popular.example", "host119.popular.example",
                           "*.host118.popular.example"}) {
    CAPTURE(host);
    const auto t = term(host[0] == '*' ? Kind::kExact : Kind::kBelow, host);
    CHECK(candidates(database.db(), t) == 1);
  }
  CHECK(candidates(database.db(), term(Kind::kBelow, "popular.example")) ==
        200);
}

TEST_CASE("an answer goes on behind any place, without a gap or a double",
          "[.db][sql][history_search]") {
  Store s(3'000, 3);
  for (const HistoryTerm& t :
       {term(Kind::kBelow, "com"), term(Kind::kIssuer, "encrypt"),
        term(Kind::kPart, "ample")}) {
    CAPTURE(describe(t));
    const Ids expected = naive::search(s.rows, t, {});
    REQUIRE(expected.size() > 1'000);
    HistoryQuery query;
    query.terms = {&t, 1};
    query.limit = 400;
    Ids all;
    for (bool more = true; more;) {
      std::string place;
      more = false;
      REQUIRE(search_history(s.database.db(), query,
                             [&](std::size_t, const HistoryCertificate& c) {
                               all.push_back(c.id);
                               place = history_place(c);
                               more = true;
                               return true;
                             }));
      query.after = place;
    }
    CHECK(all == expected);
  }
}

TEST_CASE("an answer holds all that is kept of a certificate",
          "[.db][sql][history_search]") {
  Store s(50, 4);
  for (const HistoryCertificate& row : s.rows) {
    const HistoryTerm t = hash_term(Kind::kSha256, row.sha256);
    HistoryQuery query;
    query.terms = {&t, 1};
    std::size_t count = 0;
    REQUIRE(search_history(
        s.database.db(), query, [&](std::size_t, const HistoryCertificate& c) {
          ++count;
          CHECK(c.id == row.id);
          CHECK(c.final == row.final);
          CHECK(c.sha256 == row.sha256);
          CHECK(c.spki_sha256 == row.spki_sha256);
          CHECK(c.issuer == row.issuer);
          CHECK(c.issuer_spki_sha256 == row.issuer_spki_sha256);
          CHECK(c.serial == row.serial);
          CHECK(c.organization == row.organization);
          CHECK(c.not_before == row.not_before);
          CHECK(c.not_after == row.not_after);
          Texts names = row.names;
          std::sort(names.begin(), names.end());
          names.erase(std::unique(names.begin(), names.end()), names.end());
          Texts got = c.names;
          std::sort(got.begin(), got.end());
          CHECK(got == names);
          CHECK(c.sightings.size() <= row.sightings.size());
          for (const auto& x : c.sightings) {
            CHECK(std::any_of(
                row.sightings.begin(), row.sightings.end(), [&](const auto& y) {
                  return x.timestamp == y.timestamp && x.log_id == y.log_id &&
                         x.leaf_index == y.leaf_index && x.type == y.type;
                }));
          }
          return true;
        }));
    CHECK(count == 1);
  }
}

TEST_CASE("a connection that has searched learns of new issuers and logs",
          "[.db][sql][history_search]") {
  test::TestDatabase database;
  const HistoryTerm t = term(Kind::kBelow, "example");
  HistoryQuery query;
  query.terms = {&t, 1};
  for (std::uint8_t log = 1; log < 4; ++log) {
    auto entry = test::final_entry(log, log, log);
    entry.issuer = "CN=CA " + std::to_string(log);
    REQUIRE(store_history(database.db(), {entry}));
    int count = 0;
    REQUIRE(search_history(
        database.db(), query, [&](std::size_t, const HistoryCertificate& c) {
          ++count;
          REQUIRE(c.sightings.size() == 1);
          const auto at = c.sightings[0].leaf_index;
          CHECK(c.sightings[0].log_id ==
                test::hash_of(static_cast<std::uint8_t>(at)));
          CHECK(c.issuer == "CN=CA " + std::to_string(at));
          return true;
        }));
    CHECK(count == log);
  }
}

TEST_CASE("whoever asks may stop a search at any answer",
          "[.db][sql][history_search]") {
  Store s(3'000, 5);
  const HistoryTerm t = term(Kind::kBelow, "com");
  HistoryQuery query;
  query.terms = {&t, 1};
  const Ids expected = naive::search(s.rows, t, {});
  REQUIRE(expected.size() > 1'300);
  for (const std::ptrdiff_t stop : {1, 999, 1'000, 1'001, 1'300}) {
    CAPTURE(stop);
    Ids got;
    REQUIRE(search_history(s.database.db(), query,
                           [&](std::size_t, const HistoryCertificate& c) {
                             got.push_back(c.id);
                             return std::ssize(got) < stop;
                           }));
    CHECK(got == Ids(expected.begin(), expected.begin() + stop));
  }
  CHECK(found(s.database.db(), query)[0] == expected);
}

// Of this connection.
std::int64_t searches_planned(Database& db) {
  std::int64_t out = 0;
  REQUIRE(db.transact([&](Tx& tx) -> Result<void> {
    out = tx.exec(
                "SELECT count(*) AS n FROM pg_prepared_statements "
                "WHERE statement LIKE '%AS c_not_after%'")[0]
              .integer("n");
    return {};
  }));
  // This one, too.
  return out - 1;
}

TEST_CASE("what was prepared is not planned again",
          "[.db][sql][history_search]") {
  Store s(400, 11);
  const auto to_search = connection_to_search(s.database);
  for (Database* db : {&s.database.db(), to_search.get()}) {
    const int kinds = db == to_search.get() ? 3 : 1;
    CHECK(searches_planned(*db) == 0);
    REQUIRE(prepare_search(*db, std::chrono::seconds(10)));
    CHECK(searches_planned(*db) == kinds);
    // Learnt ahead: there is nothing to ask for any more.
    if (db == to_search.get()) {
      s.database.run("ALTER TABLE history_issuer RENAME TO elsewhere");
    }
    for (const char* name : {"badexample.com", "b.co.uk", "com"}) {
      const HistoryTerm t = term(Kind::kBelow, name);
      HistoryQuery query;
      query.terms = {&t, 1};
      CHECK_FALSE(found(*db, query)[0].empty());
    }
    CHECK(searches_planned(*db) == kinds);
  }
}

TEST_CASE("few answers take one statement, more than a hundred another",
          "[.db][sql][history_search]") {
  test::TestDatabase database;
  Generator generator(9);
  Rows rows;
  for (std::size_t i = 0; i < 201; ++i) {
    HistoryCertificate c = generator.certificate();
    c.names = {i < 100 ? "few.example" : "many.example"};
    if (i % 3 == 0) c.names.insert(c.names.begin(), "also.example");
    rows.push_back(std::move(c));
  }
  test::put_history(database, rows);
  const auto db = connection_to_search(database);
  const auto ask = [&](const char* name, std::uint64_t limit) {
    const HistoryTerm t = term(Kind::kBelow, name);
    HistoryQuery query;
    query.terms = {&t, 1};
    query.limit = limit;
    Ids expected = naive::search(rows, t, {});
    if (limit > 0) expected.resize(limit);
    CHECK(found(*db, query)[0] == expected);
    return expected.size();
  };
  CHECK(ask("few.example", 0) == 100);
  CHECK(ask("few.example", 7) == 7);
  CHECK(searches_planned(*db) == 1);
  CHECK(ask("many.example", 0) == 101);
  CHECK(searches_planned(*db) == 2);
  CHECK(ask("many.example", 7) == 7);

  // What does not pass counts, so that the search for what does ends.
  HistoryQuery query;
  query.narrowing.organization = "nobody";
  const HistoryTerm many = term(Kind::kBelow, "many.example");
  const HistoryTerm t = term(Kind::kBelow, "few.example");
  query.terms = {&t, 1};
  CHECK(found(*db, query)[0].empty());
  CHECK(searches_planned(*db) == 3);
  query.terms = {&many, 1};
  CHECK(found(*db, query)[0].empty());
  CHECK(searches_planned(*db) == 4);

  query = {};
  query.terms = {&t, 1};
  std::size_t calls = 0;
  CHECK(search_history(*db, query,
                       [&](std::size_t, const auto&) { return ++calls < 5; }));
  CHECK(calls == 5);
}

TEST_CASE("by pages a search finds the same, and holds up no transaction",
          "[.db][sql][history_search]") {
  Store s(400, 6);
  Generator g(6);
  const auto idle = [&] {
    return s.database.run(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = "
        "current_database() AND state = 'idle in transaction'");
  };
  for (int round = 0; round < 40; ++round) {
    std::vector<HistoryTerm> terms;
    for (std::size_t n = 1 + g.below(3); n > 0; --n) {
      terms.push_back(random_term(g, s.rows));
    }
    HistoryQuery query;
    query.terms = terms;
    query.limit = g.below(2) * g.below(30);
    std::vector<Ids> got(terms.size());
    REQUIRE(search_history_by_pages(
        s.database.db(), query, 1 + g.below(9),
        [&](std::size_t term, const HistoryCertificate& c) {
          got[term].push_back(c.id);
          return true;
        }));
    CHECK(got == found(s.database.db(), query));
  }
  const HistoryTerm t = term(Kind::kBelow, "com");
  HistoryQuery query;
  query.terms = {&t, 1};
  std::size_t calls = 0;
  auto other = s.database.connect();
  REQUIRE(search_history_by_pages(*other, query, 7,
                                  [&](std::size_t, const HistoryCertificate&) {
                                    CHECK(idle() == "0");
                                    return ++calls < 10;
                                  }));
  CHECK(calls == 10);
  const std::vector<HistoryTerm> two(2, t);
  query.terms = two;
  query.after = "1790000000:5";
  CHECK_FALSE(search_history_by_pages(
      *other, query, 7,
      [](std::size_t, const HistoryCertificate&) { return true; }));
}

TEST_CASE("a search that cannot be is refused", "[.db][sql][history_search]") {
  test::TestDatabase database;
  const auto search = [&](std::size_t terms, std::string after) {
    const std::vector<HistoryTerm> list(terms,
                                        term(Kind::kBelow, "example.com"));
    HistoryQuery query;
    query.terms = list;
    query.after = std::move(after);
    return search_history(
        database.db(), query,
        [](std::size_t, const HistoryCertificate&) { return true; });
  };
  CHECK(search(1, ""));
  CHECK(search(0, ""));
  CHECK(search(1, "1790000000:-5"));
  for (const char* bad :
       {"x", "1", "1:", ":1", "1:2x", "1:2:3", "99999999999999999999:1"}) {
    CAPTURE(bad);
    const auto r = search(1, bad);
    REQUIRE_FALSE(r);
    CHECK(r.error().code == Errc::kUsage);
  }
  const auto r = search(2, "1790000000:5");
  REQUIRE_FALSE(r);
  CHECK(r.error().code == Errc::kUsage);
}

TEST_CASE("a search that takes too long is stopped, and says what to do",
          "[.db][sql][history_search]") {
  Store s(200, 6);
  // Whoever reads history now waits.
  const auto blocker = s.database.connect();
  const HistoryTerm t = term(Kind::kBelow, "com");
  HistoryQuery query;
  query.terms = {&t, 1};
  query.patience = std::chrono::milliseconds(50);
  const auto blocked = blocker->transact([&](Tx& tx) -> Result<void> {
    tx.run_script("LOCK TABLE history");
    const auto r = search_history(
        s.database.db(), query,
        [](std::size_t, const HistoryCertificate&) { return true; });
    REQUIRE_FALSE(r);
    CHECK(r.error().code == Errc::kTransient);
    CHECK_THAT(r.error().what, ContainsSubstring("narrow it"));
    return {};
  });
  CHECK(blocked);
  // On a connection to search it is that of each statement.
  const auto db = connection_to_search(s.database, query.patience);
  CHECK_FALSE(found(*db, query)[0].empty());
  CHECK(blocker->transact([&](Tx& tx) -> Result<void> {
    tx.run_script("LOCK TABLE history");
    query.patience = std::chrono::seconds(60);
    const auto r = search_history(
        *db, query, [](std::size_t, const auto&) { return true; });
    REQUIRE_FALSE(r);
    CHECK_THAT(r.error().what, ContainsSubstring("narrow it"));
    return {};
  }));
  query.patience = std::chrono::milliseconds(0);
  CHECK_FALSE(found(s.database.db(), query)[0].empty());
}

// As a literal of SQL.
std::string quoted(const Param& p) {
  if (p.is_null()) return "NULL";
  std::string out = "'";
  for (const char c : p.value()) {
    if (c == '\'') out += '\'';
    out += c;
  }
  return out + '\'';
}

// As it is prepared, and as a cursor for these values.
Texts explained(Tx& tx, const std::string& sql,
                const std::vector<Param>& params) {
  Texts out;
  std::string values;
  for (const auto& p : params) {
    values += (values.empty() ? "" : ", ") + quoted(p);
  }
  tx.run_script("PREPARE q AS " + sql);
  for (const char* mode : {"force_generic_plan", "force_custom_plan"}) {
    tx.run_script(std::string("SET LOCAL plan_cache_mode = ") + mode);
    std::string plan;
    for (const Row row : tx.exec_once("EXPLAIN EXECUTE q (" + values + ")")) {
      plan += row.text("\"QUERY PLAN\"") + '\n';
    }
    out.push_back(std::move(plan));
  }
  tx.run_script("DEALLOCATE q");
  return out;
}

Texts plans(Database& db, const HistoryTerm& t, const HistoryNarrowing& n) {
  Texts out;
  const auto done = db.transact([&](Tx& tx) -> Result<void> {
    const auto issuers = issuer_numbers(tx, n);
    const HistoryStatement statement(tx, {&t, 1}, 0, 1, n, issuers);
    REQUIRE_FALSE(statement.finds_nothing());
    const HistoryWindow window = {n.not_after_from.value_or(0),
                                  n.not_after_before.value_or(2 * kNow)};
    tx.run_script(planner_settings(statement.driver()));
    out = explained(tx, statement.sql(),
                    statement.params(split_window(window, kNow), {}, 100));
    if (const auto few = history_few(t, n, issuers, 100)) {
      auto more = explained(tx, few->sql, few->params);
      // No join before the keys are known.
      for (const auto& plan : more) {
        CAPTURE(plan);
        CHECK_THAT(plan, !ContainsSubstring("Materialize"));
        CHECK_THAT(plan, !ContainsSubstring("Hash"));
      }
      std::ranges::move(more, std::back_inserter(out));
    }
    return {};
  });
  INFO((done ? "" : done.error().what));
  REQUIRE(done);
  return out;
}

// A partition with so many rows that no search should look at all of them.
bool reads_partition(const std::string& plan) {
  for (const char* name : {"2025q3", "2025q4", "2026q1", "2026q2", "2026q3",
                           "2026q4", "2027q1", "2027q2", "2027q3"}) {
    if (plan.find(std::string("Seq Scan on history_") + name) !=
        std::string::npos) {
      return true;
    }
  }
  return false;
}

void check_plans(Database& db, const HistoryTerm& t,
                 const HistoryNarrowing& n) {
  for (const auto& plan : plans(db, t, n)) {
    CAPTURE(describe(t), plan);
    CHECK_THAT(plan, ContainsSubstring("Index"));
    CHECK_FALSE(reads_partition(plan));
  }
}

bool uses_index(Database& db, const HistoryTerm& t) {
  const auto all = plans(db, t, {});
  return std::none_of(all.begin(), all.end(), reads_partition);
}

TEST_CASE("no search reads a whole partition", "[.db][sql][history_search]") {
  Store s(12'000, 7);
  // The planner is left to itself.
  REQUIRE(s.database.run(
              "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class "
              "WHERE relname ~ '^history_20..q.$' AND reltuples > 1000") ==
          "history_2025q3 history_2025q4 history_2026q1 history_2026q2 "
          "history_2026q3 history_2026q4 history_2027q1 history_2027q2 "
          "history_2027q3");
  const HistoryCertificate& some = s.rows[17];
  Hash spki{};
  HistoryTerm network = term(Kind::kNetwork, {});
  network.network = *x509::parse_ip("192.0.2.0");
  network.prefix = 24;
  const std::vector<HistoryTerm> terms = {
      term(Kind::kBelow, "example.com"),
      term(Kind::kExact, "www.example.com"),
      term(Kind::kPattern, "api.%.example.com"),
      network,
      term(Kind::kMail, "me@example.com"),
      term(Kind::kMailDomain, "example.com"),
      hash_term(Kind::kSha256, some.sha256),
      hash_term(Kind::kSpki, spki),
      term(Kind::kSerial, some.serial),
      term(Kind::kOrganization, "Example Ltd"),
      term(Kind::kIssuer, "evil"),
      hash_term(Kind::kIssuerKey, test::log_of(100)),
  };
  const std::vector<HistoryTerm> parts = {term(Kind::kPart, "ample"),
                                          term(Kind::kPattern, "%ample%")};
  std::vector<HistoryNarrowing> narrowings(4);
  narrowings[1].not_after_from = kNow;
  narrowings[2].issuer = "encrypt";
  narrowings[2].organization = "example ltd";
  narrowings[3].not_before_from = kNow - 300 * kDay;
  narrowings[3].not_after_before = kNow;
  for (const auto& t : terms) {
    for (const auto& n : narrowings) check_plans(s.database.db(), t, n);
  }
  for (const auto& t : parts) CHECK_FALSE(uses_index(s.database.db(), t));
  index_parts(s.database);
  for (const auto& t : parts) {
    for (const auto& n : narrowings) check_plans(s.database.db(), t, n);
  }
  // Left to itself the planner would look at all, which is not far from it.
  s.database.run("UPDATE history SET issuer = 1");
  s.database.run("VACUUM FULL history");
  s.database.run("ANALYZE history");
  check_plans(s.database.db(), terms.back(), {});
  check_plans(s.database.db(), terms[0], {});
  // Too short for it.
  CHECK_FALSE(uses_index(s.database.db(), term(Kind::kPart, "-ab.cd-")));
}

TEST_CASE("a DER is not looked for in all alerts",
          "[.db][sql][history_search]") {
  test::TestDatabase database;
  database.run(
      "INSERT INTO alert (id, state, severity, kind, title, reason, "
      "cert_sha256, der) SELECT n, 'open', 'low', 'k', 't', 'r', "
      "sha256(n::text::bytea), '\\x3000' FROM generate_series(1, 5000) AS n");
  database.run("ANALYZE alert");
  HistoryCertificate c;
  c.sha256 = ct::sha256(as_bytes("77"));
  CHECK(find_der(database.db(), c)->has_value());
  CHECK_THAT(database.run("EXPLAIN (FORMAT JSON) SELECT der FROM alert WHERE "
                          "cert_sha256 = '\\x77' AND der IS NOT NULL LIMIT 1"),
             ContainsSubstring("alert_certificate"));
}

}  // namespace
}  // namespace ct::sql
