// What history holds, fetched again and told of, as users ask for it.
#include <httplib.h>

#include "base/hex.h"
#include "base/sha256.h"
#include "tests/e2e/harness.h"
#include "tests/support/catch.h"
#include "tests/support/tls_identity.h"
#include "x509/certificate.h"

namespace ct::test {
namespace {

// Two logs, one of each kind, that have been archived.
struct Archive {
  Archive() {
    for (const std::size_t i : {0u, 1u}) logs.fill(i, 300);
    const auto www = logs.add_precert(0, "www.ours.example");
    expected.push_back(logs.ca().finish(www, {}));
    logs.log(1).add(
        monitor::demo::final_submission(expected.back(), logs.ca().chain()));
    logs.log(1).publish();
    expected.push_back(
        logs.add_precert(0, "login.ours.example").precertificate);
    for (const std::size_t i : {0u, 1u}) logs.fill(i, 10);
    Arguments backfill = with_logs({"backfill"});
    backfill.push_back("--quiet");
    monitor.ok(backfill);
  }

  Arguments with_logs(Arguments arguments) const {
    arguments.insert(arguments.end(), {"--log-list", logs.list_path(),
                                       "--allow-unsigned-log-list", "--ca-file",
                                       logs.ca_path()});
    return arguments;
  }

  FakeLogs logs{{rfc6962_log("old"), static_log("new")}};
  Monitor monitor;
  std::vector<Bytes> expected;  // of ours.example
};

std::vector<Bytes> sorted(std::vector<Bytes> list) {
  std::sort(list.begin(), list.end());
  return list;
}

}  // namespace

TEST_CASE_METHOD(Archive, "certificates are fetched again, with proof",
                 "[e2e][history]") {
  const Outcome without = monitor.run({"search", "ours.example", "--pem"});
  CHECK(without.code == 0);
  CHECK(without.err.find("--fetch") != std::string::npos);
  CHECK(without.out.find("BEGIN") == std::string::npos);

  const auto search = with_logs({"search", "ours.example", "--pem", "--fetch"});
  const Outcome with = monitor.run(search);
  INFO(with.err);
  CHECK(with.code == 0);
  const auto blocks = x509::from_pem("CERTIFICATE", with.out);
  REQUIRE(blocks);
  CHECK(sorted(*blocks) == sorted(expected));

  // Over HTTP as well.
  const int port = free_port();
  const auto serving = monitor.start(
      with_logs({"serve", "--listen", "127.0.0.1:" + std::to_string(port)}));
  httplib::Client client("127.0.0.1", port);
  client.set_read_timeout(60);
  const std::string path =
      "/v1/certificates/" + to_hex(sha256(expected[0])) + "?format=pem&fetch";
  std::string pem;
  CHECK(eventually(
      [&] {
        const auto r = client.Get(path.c_str());
        if (r) pem = r->body;
        return r && r->status == 200;
      },
      kPatience));
  const auto served = x509::from_pem("CERTIFICATE", pem);
  REQUIRE(served);
  CHECK(*served == std::vector<Bytes>{expected[0]});
  serving->signal(15);
  CHECK(serving->wait() == 0);

  // One certificate is in the log that lies now, the other is not.
  logs.add_fault(1, fault::flip_entry(300));
  const Outcome lied = monitor.run(search);
  INFO(lied.err);
  CHECK(lied.code == 2);
  CHECK(lied.err.find("NOT TO BE TRUSTED: www.ours.example") !=
        std::string::npos);
  const auto rest = x509::from_pem("CERTIFICATE", lied.out);
  REQUIRE(rest);
  CHECK(*rest == std::vector<Bytes>{expected[1]});

  // Of many it is said how far it is, and what could not be had.
  const Outcome many = monitor.run(with_logs(
      {"search", "nobody.example", "--pem", "--fetch", "--limit", "25"}));
  CHECK_THAT(many.err, ContainsSubstring("% ") &&
                           ContainsSubstring(" of 25 certificates\n"));
  CHECK(lied.err.find(" certificates\n") == std::string::npos);

  // Interrupted, it ends.
  logs.clear_faults(1);
  logs.add_fault(1, fault::hang());
  const auto running = monitor.start(search);
  const auto before = logs.requests(1);
  REQUIRE(eventually([&] { return logs.requests(1) > before; }, kPatience));
  running->signal(2);
  CHECK(running->wait() == 2);
}

TEST_CASE_METHOD(Archive, "a new watch alerts on what history holds, once",
                 "[e2e][history]") {
  const TlsIdentity tls;
  const Receiver receiver(&tls);
  monitor.add_webhook("soc", receiver.url("/ct"), tls.ca_file());
  const auto watch =
      with_logs({"watch", "add", "ours.example", "--alert-on-history"});
  logs.add_fault(1, fault::status(404));
  logs.add_fault(0, fault::status(404), "ct/v1/get-entries?start=301");
  const Outcome first = monitor.run(watch);
  INFO(first.err);
  // www is in the other log as well, as a precertificate.
  CHECK(first.code == 0);
  CHECK(first.out.find("2 alerts raised about them.") != std::string::npos);
  logs.clear_faults(0);
  logs.clear_faults(1);

  const Json again = monitor.json(watch);
  CHECK(again[0]["history"]["unexpected"] == 2);
  CHECK(again[0]["history"]["alerts"] ==
        Json{{"raised", 0}, {"known", 2}, {"expected", 0}, {"not_fetched", 0}});
  CHECK(names_of(monitor.alerts()) ==
        std::vector<std::string>{"login.ours.example", "www.ours.example"});

  // Delivered by whoever runs; read again, they are no news.
  Arguments run = run_arguments(logs, {"--once"});
  monitor.ok(run);
  REQUIRE(receiver.wait_for(2));
  CHECK(monitor.alerts().size() == 2);
  CHECK(receiver.received().size() == 2);

  logs.add_fault(0, fault::wrong_proofs());
  logs.add_fault(1, fault::status(404));
  const Outcome lied = monitor.run(
      with_logs({"watch", "add", "=login.ours.example", "--alert-on-history"}));
  CHECK(lied.code == 1);
  CHECK(lied.err.find("login.ours.example (") != std::string::npos);
  CHECK(lied.out.find("0 alerts raised about them, 1 could not be fetched.") !=
        std::string::npos);
}

}  // namespace ct::test
