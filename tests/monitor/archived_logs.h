// Two logs on loopback that have been archived.
#pragma once

#include <string>
#include <vector>

#include "monitor/backfill.h"
#include "sql/history_search.h"
#include "tests/monitor/two_logs.h"
#include "tests/support/catch.h"
#include "tests/support/test_postgres.h"

namespace ct::test {

struct ArchivedLogs : TwoLogs {
  monitor::Config archiving = config_of(monitor::ReadMode::kArchive);

  void read(TestDatabase& db, const monitor::Config& c) const {
    monitor::Backfill job(c, db.connect(), nullptr, {}, {true, {}, nullptr});
    REQUIRE(job.plan());
    REQUIRE(job.run([](const monitor::BackfillProgress&) {}));
  }

  // www.ours.example: a precertificate in `precerts`, then, if there are any,
  // the certificate itself in `finals`. Its entry is 300 in a log with one.
  sql::HistoryCertificate archive(TestDatabase& db,
                                  const std::vector<std::size_t>& precerts,
                                  const std::vector<std::size_t>& finals) {
    for (const std::size_t i : {0u, 1u}) logs.fill(i, 300);
    monitor::demo::CertificateSpec spec;
    spec.common_name = "www.ours.example";
    spec.names = monitor::demo::dns_names({spec.common_name});
    const auto issuance = logs.ca().precertify(spec);
    precertificate = issuance.precertificate;
    for (const std::size_t i : precerts) {
      logs.log(i).add(monitor::demo::precert_submission(issuance));
      logs.log(i).publish();
    }
    final = logs.ca().finish(issuance, {});
    for (const std::size_t i : finals) {
      logs.log(i).add(
          monitor::demo::final_submission(final, logs.ca().chain()));
      logs.log(i).publish();
    }
    for (const std::size_t i : {0u, 1u}) logs.fill(i, 20);
    read(db, archiving);
    return certificate(db, "www.ours.example");
  }

  static sql::HistoryCertificate certificate(TestDatabase& db,
                                             const std::string& name) {
    sql::HistoryTerm term;
    term.text = name;
    sql::HistoryQuery query;
    query.terms = {&term, 1};
    std::vector<sql::HistoryCertificate> found;
    REQUIRE(
        sql::search_history(db.db(), query, [&](std::size_t, const auto& c) {
          found.push_back(c);
          return true;
        }));
    REQUIRE(found.size() == 1);
    return found.front();
  }

  Bytes precertificate, final;
};

}  // namespace ct::test
