// History beside the way that crt.sh keeps it, on the same certificates and
// the same Postgres: a text search vector of all names and all that is above
// each, under GIN; log entries in a table of their own.
//
//   build/suffix_bench [ENTRIES [DATABASE-URL]]
//
// 0 entries: asks what an earlier run with that URL has left.
//
// In its favour: certificates are numbered and told apart here, in memory; the
// DER is left out; of its indexes there are only those that do what ours do.
#include <fmt/format.h>

#include <map>
#include <mutex>
#include <thread>

#include "sql/history_search.h"
#include "tests/bench/history_server.h"

namespace ct::bench {
namespace {

constexpr std::size_t kBatch = 16'384, kDomains = 10'000;
constexpr unsigned kClients = 8;
// A tenth of all made certificates.
constexpr const char* kLargest = "co.uk";

constexpr const char* kTables =
    "CREATE TABLE ca (id integer PRIMARY KEY, name text NOT NULL);"
    "CREATE TABLE certificate (id bigint NOT NULL, ca integer NOT NULL,"
    " not_before timestamptz NOT NULL, not_after timestamptz NOT NULL,"
    " names text[] NOT NULL, organization text NOT NULL,"
    " serial bytea NOT NULL, spki bytea NOT NULL, sha256 bytea NOT NULL)"
    " PARTITION BY RANGE (not_after);"
    "CREATE TABLE ct_log_entry (certificate bigint NOT NULL,"
    " entry bigint NOT NULL, logged_at timestamptz NOT NULL,"
    " log integer NOT NULL) PARTITION BY RANGE (logged_at);"
    "CREATE FUNCTION identities(names text[]) RETURNS tsvector"
    " LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$"
    "  SELECT array_to_tsvector(array_agg(DISTINCT above)) FROM"
    "   unnest(names) AS n (name),"
    "   string_to_array(name, '.') AS labels,"
    "   generate_series(1, cardinality(labels)) AS i,"
    "   array_to_string(labels[i:], '.') AS above $$;";

constexpr const char* kIndexes =
    "CREATE INDEX ON certificate (id);"
    "CREATE INDEX ON certificate (sha256);"
    "CREATE INDEX ON certificate (serial);"
    "CREATE INDEX ON certificate (spki);"
    "CREATE INDEX ON certificate (ca, not_before);"
    "CREATE INDEX ON certificate USING gin (identities(names));"
    "CREATE INDEX ON ct_log_entry (certificate);"
    "CREATE INDEX ON ct_log_entry (log, entry DESC);";

constexpr const char* kBytes =
    "SELECT sum(pg_total_relation_size(oid))::bigint AS n FROM pg_class "
    "WHERE relname ~ '^(history|certificate|ct_log_entry|ca$)' AND "
    "relkind = 'r'";

constexpr std::string_view kQuery =
    "SELECT c.id, a.name, c.names, c.organization, c.not_before, c.not_after,"
    " c.serial, c.sha256, (SELECT min(logged_at) FROM ct_log_entry e"
    " WHERE e.certificate = c.id) AS logged_at"
    " FROM certificate c JOIN ca a ON a.id = c.ca"
    " WHERE identities(c.names) @@ $1::tsquery";

// The other one's tables.
class Suffixes {
 public:
  explicit Suffixes(sql::Database& db) : db_(db) {
    transact(db, [](sql::Tx& tx) {
      tx.run_script(kTables);
      for (int year = 2024; year < 2028; ++year) {
        for (const char* table : {"certificate", "ct_log_entry"}) {
          tx.run_script(fmt::format(
              "CREATE TABLE {0}_{1} PARTITION OF {0} FOR VALUES FROM "
              "('{1}-01-01') TO ('{2}-01-01')",
              table, year, year + 1));
        }
      }
    });
  }

  void create_indexes() {
    transact(db_, [](sql::Tx& tx) {
      tx.run_script(
          "SET LOCAL statement_timeout = 0;"
          "SET LOCAL maintenance_work_mem = '256MB'");
      tx.run_script(kIndexes);
    });
  }
  void finish() {
    must(db_.transact([](sql::Tx& tx) -> Result<void> {
      tx.run_script("SET LOCAL statement_timeout = 0");
      tx.run_script("ANALYZE certificate, ct_log_entry, ca");
      return {};
    }));
  }

  // Two rows for a precertificate and its certificate, as there.
  void add(const std::vector<sql::HistoryEntry>& entries) {
    sql::CopyRows certificates(9), sightings(4), issuers(2);
    for (const auto& e : entries) {
      const auto [id, is_new] = ids_.try_emplace(e.sha256, ids_.size());
      const auto [ca, new_ca] = cas_.try_emplace(e.issuer, cas_.size());
      if (new_ca) {
        issuers.integer(static_cast<std::int64_t>(ca->second));
        issuers.text(e.issuer);
      }
      if (is_new) put(certificates, e, id->second, ca->second);
      sightings.integer(static_cast<std::int64_t>(id->second));
      sightings.integer(static_cast<std::int64_t>(e.leaf_index));
      sightings.time(e.timestamp / 1000);
      sightings.integer(e.log_id[0]);
    }
    transact(db_, [&](sql::Tx& tx) {
      tx.copy("ca", "id, name", issuers);
      tx.copy("certificate",
              "id, ca, not_before, not_after, names, organization, serial, "
              "spki, sha256",
              certificates);
      tx.copy("ct_log_entry", "certificate, entry, logged_at, log", sightings);
    });
  }
  [[nodiscard]] std::size_t certificates() const { return ids_.size(); }

 private:
  static void put(sql::CopyRows& rows, const sql::HistoryEntry& e,
                  std::uint64_t id, std::uint64_t ca) {
    rows.integer(static_cast<std::int64_t>(id));
    rows.integer(static_cast<std::int64_t>(ca));
    rows.time(e.not_before);
    rows.time(e.not_after);
    rows.text(sql::Param(e.names).value());
    rows.text(e.organization);
    rows.bytes(from_hex(e.serial).value_or(Bytes()));
    rows.bytes(e.spki_sha256);
    rows.bytes(e.sha256);
  }

  sql::Database& db_;
  std::map<Hash, std::uint64_t> ids_;
  std::map<std::string, std::uint64_t> cas_;
};

struct Answer {
  double first = 0, all = 0;  // ms
  std::uint64_t certificates = 0;
};

using Ask = std::function<Answer(sql::Database&, const std::string& domain)>;

double ms_since(Clock::time_point start) { return seconds_since(start) * 1000; }

Answer ask_ours(sql::Database& db, const std::string& domain) {
  Answer answer;
  sql::HistoryTerm term;
  term.text = domain;
  sql::HistoryQuery query;
  query.terms = {&term, 1};
  const auto start = Clock::now();
  must(sql::search_history(db, query,
                           [&](std::size_t, const sql::HistoryCertificate&) {
                             if (answer.certificates++ == 0)
                               answer.first = ms_since(start);
                             return true;
                           }));
  answer.all = ms_since(start);
  return answer;
}

Answer ask_theirs(sql::Database& db, const std::string& domain,
                  const std::string& order) {
  Answer answer;
  const auto start = Clock::now();
  transact(db, [&](sql::Tx& tx) {
    tx.exec("DECLARE c NO SCROLL CURSOR FOR " + std::string(kQuery) + order,
            {"'" + domain + "'"});
    for (;;) {
      const sql::Rows rows = tx.exec_once("FETCH 1000 FROM c");
      if (answer.certificates == 0) answer.first = ms_since(start);
      if (rows.empty()) break;
      answer.certificates += rows.size();
    }
  });
  answer.all = ms_since(start);
  return answer;
}

void print_answers(const char* what, Server& server, const std::string& name,
                   const std::vector<std::string>& domains, const Ask& ask) {
  std::vector<double> times;
  std::mutex mutex;
  const auto start = Clock::now();
  {
    std::vector<std::jthread> threads;
    for (unsigned client = 0; client < kClients; ++client) {
      threads.emplace_back([&, client] {
        const auto db = server.connect(name);
        (void)ask(*db, domains[0]);  // plans
        for (std::size_t i = client; i < domains.size(); i += kClients) {
          const double ms = ask(*db, domains[i]).all;
          const std::lock_guard lock(mutex);
          times.push_back(ms);
        }
      });
    }
  }
  const double rate = static_cast<double>(times.size()) / seconds_since(start);
  std::sort(times.begin(), times.end());
  fmt::print("{:<38} median {:.2f} ms, p99 {:.2f} ms, {:.0f} answers/s\n", what,
             times[times.size() / 2], times[times.size() * 99 / 100], rate);
}

void print_largest(const char* what, sql::Database& db,
                   const std::string& domain, const Ask& ask) {
  (void)ask(db, domain);
  const Answer a = ask(db, domain);
  fmt::print("{:<38} {} certificates: first after {:.1f} ms, all {:.0f} ms\n",
             what, a.certificates, a.first, a.all);
}

void print_size(const char* what, sql::Database& db, double certificates) {
  fmt::print("{:<38} {:.0f} bytes a certificate\n", what,
             static_cast<double>(bench::ask(db, kBytes)) / certificates);
}

void print_rate(const char* what, std::uint64_t entries, double seconds) {
  fmt::print("{:<38} {:.0f} entries/s\n", what,
             static_cast<double>(entries) / seconds);
}

void load(Server& server, std::uint64_t size) {
  MadeHistory made(size * 2 / 5);
  const Batches batches = made.batches(size, kBatch);
  std::uint64_t entries = 0;
  for (const auto& b : batches) entries += b.size();
  {
    auto db = server.create("ours");
    print_rate("ours, in bulk", entries,
               bulk(server.url("ours"), batches).second);
  }
  {
    auto db = server.create("theirs");
    Suffixes theirs(*db);
    const auto start = Clock::now();
    for (const auto& batch : batches) theirs.add(batch);
    theirs.create_indexes();
    print_rate("suffixes, indexed at the end", entries, seconds_since(start));
    theirs.finish();
    fmt::print("{:<38} {}\n", "certificates and precertificates",
               theirs.certificates());
  }
  // Enough to see the rate.
  const std::size_t some = batches.size() / 4;
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < some; ++i) count += batches[i].size();
  {
    auto db = server.create("ours_batches");
    const auto start = Clock::now();
    for (std::size_t i = 0; i < some; ++i) {
      (void)must(sql::store_history(*db, batches[i]));
    }
    print_rate("ours, batch by batch", count, seconds_since(start));
  }
  {
    auto db = server.create("theirs_batches");
    Suffixes theirs(*db);
    theirs.create_indexes();
    const auto start = Clock::now();
    for (std::size_t i = 0; i < some; ++i) theirs.add(batches[i]);
    print_rate("suffixes, batch by batch", count, seconds_since(start));
  }
}

std::vector<std::string> domains_of(sql::Database& db, const std::string& sql) {
  std::vector<std::string> out;
  transact(db, [&](sql::Tx& tx) {
    tx.run_script("SET LOCAL statement_timeout = 0");
    for (const sql::Row row : tx.exec(sql)) out.push_back(row.text("domain"));
  });
  return out;
}

void run(std::uint64_t entries, const char* url) {
  Server server(url);
  if (entries > 0) load(server, entries);
  auto ours = server.connect("ours"), theirs = server.connect("theirs");
  const auto certificates = static_cast<double>(
      bench::ask(*ours, "SELECT count(*) AS n FROM history"));
  print_size("ours", *ours, certificates);
  print_size("suffixes", *theirs, certificates);
  const auto domains = domains_of(
      *ours, fmt::format("SELECT history_name(domain) AS domain FROM history "
                         "GROUP BY history.domain HAVING count(*) <= 1000 "
                         "ORDER BY md5(history.domain) LIMIT {}",
                         kDomains));
  const Ask sorted = [](sql::Database& db, const std::string& domain) {
    return ask_theirs(db, domain, " ORDER BY c.not_after DESC, c.id DESC");
  };
  const Ask unsorted = [](sql::Database& db, const std::string& domain) {
    return ask_theirs(db, domain, "");
  };
  for (int turn = 0; turn < 2; ++turn) {
    print_answers("ours", server, "ours", domains, ask_ours);
    print_answers("suffixes", server, "theirs", domains, sorted);
  }
  print_largest("ours", *ours, kLargest, ask_ours);
  print_largest("suffixes, in order", *theirs, kLargest, sorted);
  print_largest("suffixes, in any order", *theirs, kLargest, unsorted);
}

}  // namespace
}  // namespace ct::bench

int main(int argc, char** argv) {
  return ct::bench::run_main(argc, argv, ct::bench::run);
}
