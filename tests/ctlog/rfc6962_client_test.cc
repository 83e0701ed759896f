#include "ctlog/rfc6962_client.h"

#include <ctime>
#include <map>

#include "base/base64.h"
#include "base/sha256.h"
#include "tests/support/catch.h"
#include "tests/support/reference_tree.h"
#include "tests/support/scripted_log.h"

namespace ct::ctlog {
namespace {

using test::LogReader;
using test::ScriptedLog;
using Proof = std::vector<Hash>;

const test::TestKey& key() {
  static const test::TestKey k = test::TestKey::p256();
  return k;
}

std::string leaf_text(LeafIndex i) { return "leaf " + std::to_string(i); }

std::string entries_json(LeafIndex begin, LeafIndex end) {
  std::string json = R"({"entries":[)";
  for (LeafIndex i = begin; i < end; ++i) {
    if (i != begin) json += ',';
    json += R"({"leaf_input":")" + to_base64(as_bytes(leaf_text(i))) +
            R"(","extra_data":""})";
  }
  return json + "]}";
}

void reply(httplib::Response& response, const std::string& body) {
  response.set_content(body, "application/json");
}

std::uint64_t number(const httplib::Request& request, const char* name) {
  return std::stoull(request.get_param_value(name));
}

// An honest log of `size` entries that gives at most `cap` at once.
ScriptedLog::Script honest(TreeSize size, std::uint64_t cap, bool aligns) {
  return [=](const std::string& path, const httplib::Request& request,
             httplib::Response& response) {
    if (path != "ct/v1/get-entries") {
      response.status = 404;
      return;
    }
    const LeafIndex begin = number(request, "start");
    LeafIndex end = number(request, "end") + 1;
    if (begin >= end || end > size) {
      response.status = 400;
      return;
    }
    end = std::min(end, aligns ? (begin / cap + 1) * cap : begin + cap);
    reply(response, entries_json(begin, end));
  };
}

// Answers the first requests as told, later ones like `then`.
ScriptedLog::Script first(
    std::vector<std::function<void(httplib::Response&)>> answers,
    ScriptedLog::Script then) {
  return [answers = std::move(answers), then = std::move(then), n = 0u](
             const std::string& path, const httplib::Request& q,
             httplib::Response& r) mutable {
    if (n < answers.size()) {
      answers[n++](r);
    } else {
      then(path, q, r);
    }
  };
}

std::function<void(httplib::Response&)> status(int code) {
  return [code](httplib::Response& r) { r.status = code; };
}
std::function<void(httplib::Response&)> body(std::string text) {
  return [text = std::move(text)](httplib::Response& r) { reply(r, text); };
}

// The same answer for ever.
ScriptedLog::Script always(std::function<void(httplib::Response&)> answer) {
  return
      [answer = std::move(answer)](const std::string&, const httplib::Request&,
                                   httplib::Response& r) { answer(r); };
}

TEST_CASE("a log is read to its head, each entry once, whatever its cap",
          "[ctlog][rfc6962_client]") {
  const auto [cap, aligns] = GENERATE(table<std::uint64_t, bool>(
      {{32, true}, {32, false}, {100, true}, {5000, false}}));
  CAPTURE(cap, aligns);
  constexpr TreeSize kSize = 1500;
  ScriptedLog log(honest(kSize, cap, aligns));
  LogReader reader(LogKind::kRfc6962, log.url(), key());
  LeafIndex at = 5;
  while (at < kSize) {
    const auto page =
        reader.run(reader->entries(at, reader->page_end(at, kSize), kSize));
    REQUIRE(page);
    CHECK(page->first == at);
    REQUIRE_FALSE(page->entries.empty());
    for (std::size_t i = 0; i < page->entries.size(); ++i) {
      CHECK(as_text(page->entries[i].leaf) == leaf_text(at + i));
      CHECK(page->leaf_hashes[i] == leaf_hash(as_bytes(leaf_text(at + i))));
    }
    at += page->entries.size();
  }
  CHECK(at == kSize);
  CHECK(log.targets().size() <= 1500 / cap + 5);
  // The cap was learnt from the first answers.
  if (cap < PageSize::kMax) {
    const LeafIndex whole = 1000 * cap;
    const std::uint64_t length = reader->page_end(whole, 2 * whole) - whole;
    CHECK((length == cap || length == 2 * cap));
  }
}

TEST_CASE("nothing is asked for beyond the head", "[ctlog][rfc6962_client]") {
  ScriptedLog log(honest(10, 100, false));
  LogReader reader(LogKind::kRfc6962, log.url(), key());
  const auto page = reader.run(reader->entries(8, 5000, 10));
  REQUIRE(page);
  CHECK(page->entries.size() == 2);
  CHECK(log.targets() ==
        std::vector<std::string>{"ct/v1/get-entries?start=8&end=9"});
  CHECK(reader.run(reader->entries(10, 20, 10)).error().code ==
        Errc::kInternal);
  CHECK(log.targets().size() == 1);
}

TEST_CASE("passing troubles are passed over", "[ctlog][rfc6962_client]") {
  const std::string whole = entries_json(0, 10);
  const auto trouble =
      GENERATE_COPY(as<std::function<void(httplib::Response&)>>{}, status(500),
                    status(502), status(504), status(408), status(400),
                    status(404), body("<html>oops</html>"), body(""),
                    body(whole.substr(0, whole.size() / 2)),
                    body(R"({"entries":[]})"), body(R"({"entries":null})"),
                    body(entries_json(0, 11)), body(R"({"entries":[7]})"));
  ScriptedLog log(first({trouble, trouble}, honest(10, 100, false)));
  LogReader reader(LogKind::kRfc6962, log.url(), key());
  const auto page = reader.run(reader->entries(0, 10, 10));
  REQUIRE(page);
  CHECK(page->entries.size() == 10);
  CHECK(log.targets().size() == 3);
}

TEST_CASE("lasting troubles end with what they are",
          "[ctlog][rfc6962_client]") {
  const std::string whole = entries_json(0, 10);
  using Answer = std::function<void(httplib::Response&)>;
  const auto [answer, code] = GENERATE_COPY(table<Answer, Errc>({
      {status(500), Errc::kTransient},
      {status(400), Errc::kTransient},
      {status(404), Errc::kGone},
      {body("<html>oops</html>"), Errc::kTransient},
      {body(whole.substr(0, whole.size() / 2)), Errc::kTransient},
      {body(R"({"entries":[]})"), Errc::kTransient},
      {body(entries_json(0, 11)), Errc::kMalformed},
      {body(R"({"entries":[7]})"), Errc::kMalformed},
      {body(std::string((1u << 20) + 1, ' ')), Errc::kMalformed},
      {[](httplib::Response& r) { r.set_redirect("/elsewhere"); },
       Errc::kTransient},
  }));
  ScriptedLog log(always(answer));
  LogReader reader(LogKind::kRfc6962, log.url(), key());
  const auto page = reader.run(reader->entries(0, 10, 10));
  REQUIRE_FALSE(page);
  CHECK(page.error().code == code);
  CHECK_THAT(page.error().what, ContainsSubstring("/ct/v1/get-entries?start="));
  CHECK(log.targets().size() == 4);  // one try and three retries
}

TEST_CASE("a log that cannot give so much is asked for half",
          "[ctlog][rfc6962_client]") {
  const int code = GENERATE(403, 413, 500, 0);  // 0: more than we take
  CAPTURE(code);
  auto log_itself = honest(1'000'000, 1'000'000, false);
  ScriptedLog log([=](const std::string& path, const httplib::Request& q,
                      httplib::Response& r) {
    if (number(q, "end") - number(q, "start") + 1 <= 200) {
      log_itself(path, q, r);
    } else if (code != 0) {
      r.status = code;
    } else {
      reply(r, std::string((1u << 20) + 1, ' '));
    }
  });
  LogReader reader(LogKind::kRfc6962, log.url(), key());
  const auto page = reader.run(reader->entries(0, 100'000, 1'000'000));
  REQUIRE(page);
  CHECK(page->entries.size() == 128);
  CHECK(log.targets().size() == 4);
  CHECK(reader->page_end(128, 100'000) == 256);
}

TEST_CASE("too many requests: nobody asks again before the time named",
          "[ctlog][rfc6962_client]") {
  const int code = GENERATE(429, 503);
  const bool as_date = GENERATE(false, true);
  CAPTURE(code, as_date);
  const auto wait = [=](httplib::Response& r) {
    r.status = code;
    std::string value = "1";
    if (as_date) {
      const std::time_t then = std::time(nullptr) + 2;  // in 1 to 2 seconds
      char text[64];
      std::tm utc;
      std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT",
                    gmtime_r(&then, &utc));
      value = text;
    }
    r.set_header("Retry-After", value);
  };
  ScriptedLog log(first({wait}, honest(10, 100, false)));
  LogReader reader(LogKind::kRfc6962, log.url(), key());
  CHECK(reader.run(reader->entries(0, 10, 10)));
  REQUIRE(log.targets().size() == 2);
  CHECK(log.between(0, 1) >= std::chrono::milliseconds(900));
}

TEST_CASE("a stop ends the longest pause", "[ctlog][rfc6962_client]") {
  ScriptedLog log(always([](httplib::Response& r) {
    r.status = 503;
    r.set_header("Retry-After", "86400");
  }));
  LogReader reader(LogKind::kRfc6962, log.url(), key());
  auto page = reader.start(reader->entries(0, 10, 10));
  while (log.targets().empty()) std::this_thread::yield();
  reader.stop();
  const auto r = page.get();
  REQUIRE_FALSE(r);
  CHECK(r.error().code == Errc::kStopping);
}

TEST_CASE("the head is what get-sth says", "[ctlog][rfc6962_client]") {
  const Hash root = sha256(as_bytes("root"));
  const std::string sth = test::sth_json(key(), 7, 1234, root);
  ScriptedLog log(
      first({body("<html>"), body(sth.substr(0, 40))}, always(body(sth))));
  LogReader reader(LogKind::kRfc6962, log.url(), key());
  const auto head = reader.run(reader->head());
  REQUIRE(head);
  CHECK(head->size == 7);
  CHECK(head->root == root);
  CHECK(head->wire == sth);
  CHECK(verify_tree_head(*LogKey::from_spki(key().spki()), *head));
  CHECK(log.targets() == std::vector<std::string>(3, "ct/v1/get-sth"));
}

TEST_CASE("a head that is not there is gone", "[ctlog][rfc6962_client]") {
  const auto [answer, code, tries] = GENERATE(
      table<std::function<void(httplib::Response&)>, Errc, std::size_t>({
          {status(404), Errc::kGone, 1},
          {status(410), Errc::kGone, 1},
          {status(500), Errc::kTransient, 4},
          {body("<html>"), Errc::kTransient, 4},
          {body(R"({"tree_size":"x"})"), Errc::kMalformed, 4},
      }));
  ScriptedLog log(always(answer));
  LogReader reader(LogKind::kRfc6962, log.url(), key());
  const auto head = reader.run(reader->head());
  REQUIRE_FALSE(head);
  CHECK(head.error().code == code);
  CHECK(log.targets().size() == tries);
}

TEST_CASE("a server that is not there is transient",
          "[ctlog][rfc6962_client]") {
  // Nothing listens on the port of a server that has gone.
  std::string url;
  {
    ScriptedLog log(always(status(404)));
    url = log.url();
  }
  LogReader reader(LogKind::kRfc6962, url, key());
  CHECK(reader.run(reader->head()).error().code == Errc::kTransient);
}

std::string hashes_json(const Proof& proof) {
  std::string json = "[";
  for (const Hash& hash : proof) {
    json += (json.size() > 1 ? ",\"" : "\"") + to_base64(hash) + "\"";
  }
  return json + "]";
}

TEST_CASE("proofs are asked for by hash, percent-encoded",
          "[ctlog][rfc6962_client]") {
  const test::ReferenceTree tree(9);
  // In base64: all ones are slashes, 0xfb… plus signs; all end in "=".
  Hash leaf;
  leaf.fill(0xff);
  leaf[0] = 0xfb;
  leaf[1] = 0xef;
  leaf[2] = 0xbe;
  ScriptedLog log([&](const std::string& path, const httplib::Request& q,
                      httplib::Response& r) {
    REQUIRE(path == "ct/v1/get-proof-by-hash");
    CHECK(q.get_param_value("hash") == to_base64(leaf));
    CHECK(number(q, "tree_size") == 9);
    reply(r, R"({"leaf_index":4,"audit_path":)" +
                 hashes_json(tree.inclusion_proof(4)) + "}");
  });
  LogReader reader(LogKind::kRfc6962, log.url(), key());
  const auto proof = reader.run(reader->inclusion_proof(4, leaf, 9));
  REQUIRE(proof);
  CHECK(*proof == tree.inclusion_proof(4));
  REQUIRE(log.targets().size() == 1);
  CHECK(log.targets()[0].find_first_of("+") == std::string::npos);
  CHECK_THAT(log.targets()[0], ContainsSubstring("hash=%2B%2B%2B%2B%2F"));
  // A tree of one leaf has nothing to prove.
  CHECK(reader.run(reader->inclusion_proof(0, leaf, 1))->empty());
  CHECK(log.targets().size() == 1);
}

TEST_CASE("a duplicate leaf is asked for by index", "[ctlog][rfc6962_client]") {
  const bool by_index = GENERATE(true, false);
  const test::ReferenceTree tree(9);
  ScriptedLog log([&](const std::string& path, const httplib::Request& q,
                      httplib::Response& r) {
    if (path == "ct/v1/get-proof-by-hash") {
      reply(r, R"({"leaf_index":2,"audit_path":)" +
                   hashes_json(tree.inclusion_proof(2)) + "}");
    } else if (by_index && path == "ct/v1/get-entry-and-proof") {
      reply(r, R"({"leaf_input":"","extra_data":"","audit_path":)" +
                   hashes_json(tree.inclusion_proof(number(q, "leaf_index"))) +
                   "}");
    } else {
      r.status = 404;
    }
  });
  LogReader reader(LogKind::kRfc6962, log.url(), key());
  const auto proof = reader.run(reader->inclusion_proof(4, tree.leaf(4), 9));
  if (by_index) {
    REQUIRE(proof);
    CHECK(*proof == tree.inclusion_proof(4));
  } else {
    REQUIRE_FALSE(proof);
    CHECK(proof.error().code == Errc::kMalformed);
  }
}

TEST_CASE("consistency of a tree with itself needs no request",
          "[ctlog][rfc6962_client]") {
  const test::ReferenceTree tree(9);
  ScriptedLog log([&](const std::string&, const httplib::Request& q,
                      httplib::Response& r) {
    reply(r, R"({"consistency":)" +
                 hashes_json(tree.consistency_proof(number(q, "first"))) + "}");
  });
  LogReader reader(LogKind::kRfc6962, log.url(), key());
  const auto same = reader.run(reader->consistency_proof(9, 9));
  REQUIRE(same);
  CHECK(same->empty());
  CHECK(log.targets().empty());
  const auto proof = reader.run(reader->consistency_proof(3, 9));
  REQUIRE(proof);
  CHECK(*proof == tree.consistency_proof(3));
  CHECK(log.targets() ==
        std::vector<std::string>{"ct/v1/get-sth-consistency?first=3&second=9"});
  // Size 0 proves nothing, and logs answer 400.
  CHECK_FALSE(reader.run(reader->consistency_proof(0, 9)));
  CHECK_FALSE(reader.run(reader->consistency_proof(10, 9)));
  CHECK(log.targets().size() == 1);
}

TEST_CASE("issuers are not to be had from RFC 6962 logs",
          "[ctlog][rfc6962_client]") {
  LogReader reader(LogKind::kRfc6962, "http://127.0.0.1:1/", key());
  CHECK(reader.run(reader->issuer(Hash{})).error().code == Errc::kGone);
}

TEST_CASE("DigiCert's servers get a connection for each request",
          "[ctlog][rfc6962_client]") {
  const auto [host, connections] = GENERATE(table<std::string, std::size_t>(
      {{"wyvern.ct.digicert.localhost", 5}, {"plain.localhost", 1}}));
  ScriptedLog log(honest(100, 10, false));
  LogReader reader(LogKind::kRfc6962, log.url(host), key());
  for (LeafIndex i = 0; i < 50; i += 10) {
    CHECK(reader.run(reader->entries(i, i + 10, 100)));
  }
  CHECK(log.connections() == connections);
}

TEST_CASE("pages may be read side by side", "[ctlog][rfc6962_client]") {
  constexpr TreeSize kSize = 20'000;
  ScriptedLog log(honest(kSize, 1000, true));
  LogReader reader(LogKind::kRfc6962, log.url(), key());
  std::vector<Future<Result<EntryPage>>> pages;
  for (LeafIndex i = 0; i < kSize; i += 500) {
    pages.push_back(reader.start(reader->entries(i, i + 500, kSize)));
  }
  for (std::size_t i = 0; i < pages.size(); ++i) {
    const auto page = pages[i].get();
    REQUIRE(page);
    CHECK(page->first == 500 * i);
    CHECK(as_text(page->entries.back().leaf) ==
          leaf_text(page->first + page->entries.size() - 1));
  }
}

TEST_CASE("a log is opened only at an address we may use",
          "[ctlog][log_source]") {
  Executor executor(1);
  HttpClient http({.user_agent = "ctvigil-test"});
  RequestBudget budget(1, 1);
  const auto open = [&](const std::string& url, bool allow_plain,
                        const Bytes& spki) {
    LogInfo log;
    log.description = "some log";
    log.monitoring_url = log.submission_url = url;
    log.key = spki;
    SourceOptions options;
    options.allow_plain = allow_plain;
    return open_log_source(log, executor, http, budget, options);
  };
  const Bytes spki = key().spki();
  CHECK(open("https://log.test/", false, spki));
  CHECK(open("http://log.test/", true, spki));
  CHECK(open("http://log.test/", false, spki).error().code == Errc::kUsage);
  CHECK(open("file:///etc/", true, spki).error().code == Errc::kUsage);
  const auto none = open("", true, spki);
  REQUIRE_FALSE(none);
  CHECK(none.error().code == Errc::kUsage);
  CHECK_THAT(none.error().what, ContainsSubstring("some log"));
  CHECK(open("https://log.test/", false, {1, 2}).error().code ==
        Errc::kMalformed);
}

}  // namespace
}  // namespace ct::ctlog
