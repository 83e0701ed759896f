// What the fake logs do wrong is what they claim to do wrong: the clients and
// checks of ctlog must see exactly that.
#include "tests/support/fake_log.h"

#include "base/executor.h"
#include "ctlog/log_source.h"
#include "tests/support/catch.h"

namespace ct::test {
namespace {

using namespace monitor::demo;

FakeLogs::LogOptions log_of(ctlog::LogKind kind) {
  FakeLogs::LogOptions options;
  options.kind = kind;
  options.unknown_signatures = true;
  return options;
}

// One fake log and the real client on it.
class Reader {
 public:
  explicit Reader(ctlog::LogKind kind, EndpointOptions endpoints = {})
      : logs({log_of(kind)}, endpoints),
        key_(*ctlog::LogKey::from_spki(logs.log(0).key().spki())) {
    ctlog::SourceOptions options;
    options.ca_file = logs.ca_path();
    options.timeout = std::chrono::seconds(20);
    options.max_retries = 0;
    options.max_body = 8 << 20;
    auto source = ctlog::open_log_source(logs.info(0), executor_, http_,
                                         budget_, options);
    REQUIRE(source);
    source_ = std::move(*source);
  }

  Result<ctlog::SignedTreeHead> unverified_head() {
    return executor_.start(source_->head()).get();
  }
  Result<ctlog::TreeHead> head() {
    auto sth = unverified_head();
    if (!sth) return tl::unexpected(sth.error());
    return ctlog::verify_tree_head(key_, *sth);
  }
  // All entries from `begin` on that one request gives.
  Result<ctlog::EntryPage> entries(ctlog::LeafIndex begin,
                                   ctlog::TreeSize size) {
    return executor_.start(source_->entries(begin, size, size)).get();
  }
  Result<std::vector<Hash>> inclusion(ctlog::LeafIndex index, const Hash& leaf,
                                      ctlog::TreeSize size) {
    return executor_.start(source_->inclusion_proof(index, leaf, size)).get();
  }
  Result<std::vector<Hash>> consistency(ctlog::TreeSize old_size,
                                        ctlog::TreeSize new_size) {
    return executor_.start(source_->consistency_proof(old_size, new_size))
        .get();
  }

  FakeLogs logs;

 private:
  ctlog::LogKey key_;
  HttpClient http_{{"ctvigil-test"}};
  Executor executor_{2};
  ctlog::RequestBudget budget_{1e6, 1e6};
  std::unique_ptr<ctlog::LogSource> source_;
};

const auto kBoth = {ctlog::LogKind::kRfc6962, ctlog::LogKind::kStatic};

}  // namespace

TEST_CASE("the real clients read and prove the fake logs",
          "[monitor][fake_log]") {
  Reader reader(GENERATE(values(kBoth)));
  reader.logs.fill(0, 300);
  const LocalLog& log = reader.logs.log(0);
  const auto head = reader.head();
  REQUIRE(head);
  CHECK(head->size() == 300);

  for (ctlog::LeafIndex at = 0; at < 300;) {
    const auto page = reader.entries(at, 300);
    REQUIRE(page);
    REQUIRE(page->first == at);
    REQUIRE_FALSE(page->leaf_hashes.empty());
    for (const Hash& h : page->leaf_hashes) {
      REQUIRE(h == log.leaf_hash(at++));
    }
  }
  const auto inclusion = reader.inclusion(271, log.leaf_hash(271), 300);
  REQUIRE(inclusion);
  CHECK(ctlog::verify_inclusion(log.leaf_hash(271), 271, 300, *inclusion,
                                head->root()));
  const auto consistency = reader.consistency(13, 300);
  REQUIRE(consistency);
  CHECK(ctlog::verify_consistency(13, log.root(13), 300, head->root(),
                                  *consistency));
}

TEST_CASE("lying heads carry good signatures", "[monitor][fake_log]") {
  Reader reader(GENERATE(values(kBoth)));
  reader.logs.fill(0, 20);
  const LocalLog& log = reader.logs.log(0);

  reader.logs.add_fault(0, fault::wrong_root());
  auto head = reader.head();
  REQUIRE(head);
  CHECK(head->size() == 20);
  CHECK(head->root() != log.root(20));
  reader.logs.clear_faults(0);

  reader.logs.add_fault(0, fault::fork());
  const auto first = reader.head(), second = reader.head();
  REQUIRE(first);
  REQUIRE(second);
  CHECK(first->root() == log.root(20));
  CHECK(second->size() == 20);
  CHECK(second->root() != log.root(20));
  reader.logs.clear_faults(0);

  reader.logs.add_fault(0, fault::backwards(5));
  head = reader.head();
  REQUIRE(head);
  CHECK(head->size() == 15);
  CHECK(head->root() == log.root(15));
  reader.logs.clear_faults(0);

  reader.logs.add_fault(0, fault::frozen(log));
  reader.logs.fill(0, 5);
  head = reader.head();
  REQUIRE(head);
  CHECK(head->size() == 20);
}

TEST_CASE("a bad signature is well formed and does not hold",
          "[monitor][fake_log]") {
  Reader reader(GENERATE(values(kBoth)));
  reader.logs.fill(0, 3);
  reader.logs.add_fault(0, fault::bad_signature());
  REQUIRE(reader.unverified_head());
  const auto head = reader.head();
  REQUIRE_FALSE(head);
  CHECK(head.error().code == Errc::kUntrusted);
}

TEST_CASE("a flipped bit changes one leaf and no other",
          "[monitor][fake_log]") {
  Reader reader(GENERATE(values(kBoth)));
  reader.logs.fill(0, 40);
  const LocalLog& log = reader.logs.log(0);
  reader.logs.add_fault(0, fault::flip_entry(17));
  const auto page = reader.entries(0, 40);
  // A source may compare data tiles with hash tiles by itself.
  if (!page) {
    CHECK(log.options().kind == ctlog::LogKind::kStatic);
    return;
  }
  REQUIRE(page->leaf_hashes.size() == 40);
  for (std::size_t i = 0; i < 40; ++i) {
    CAPTURE(i);
    CHECK((page->leaf_hashes[i] == log.leaf_hash(i)) == (i != 17));
  }
}

TEST_CASE("wrong proofs do not lead to the root", "[monitor][fake_log]") {
  Reader reader(GENERATE(values(kBoth)));
  reader.logs.fill(0, 20);
  const LocalLog& log = reader.logs.log(0);
  reader.logs.add_fault(0, fault::wrong_proofs());
  const auto inclusion = reader.inclusion(4, log.leaf_hash(4), 20);
  if (inclusion) {
    CHECK_FALSE(ctlog::verify_inclusion(log.leaf_hash(4), 4, 20, *inclusion,
                                        log.root(20)));
  }
  const auto consistency = reader.consistency(7, 20);
  if (consistency) {
    CHECK_FALSE(ctlog::verify_consistency(7, log.root(7), 20, log.root(20),
                                          *consistency));
  }
}

TEST_CASE("answers that are no answers are errors", "[monitor][fake_log]") {
  Reader reader(GENERATE(values(kBoth)));
  reader.logs.fill(0, 20);
  for (const Fault& fault :
       {fault::status(503), fault::html(), fault::truncated(), fault::cut_off(),
        fault::endless()}) {
    reader.logs.add_fault(0, fault);
    CHECK_FALSE(reader.unverified_head());
    CHECK_FALSE(reader.entries(0, 20));
    reader.logs.clear_faults(0);
  }
  CHECK(reader.head());
}

}  // namespace ct::test
