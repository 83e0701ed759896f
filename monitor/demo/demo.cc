#include "monitor/demo/demo.h"

#include <fmt/format.h>
#include <signal.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <thread>

#include "alerts/channel.h"
#include "base/hex.h"
#include "ctlog/merkle.h"
#include "monitor/demo/stage.h"
#include "monitor/demo/story.h"
#include "monitor/engine.h"
#include "monitor/watchlist.h"
#include "sql/alerts.h"
#include "sql/private_postgres.h"
#include "sql/watches.h"

namespace ct::monitor::demo {
namespace {

using std::chrono::duration;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Ample: reading both logs and delivering takes a second or two.
constexpr std::chrono::seconds kPatience{20};

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

// The monitor, running on a thread of its own.
class RunningEngine {
 public:
  RunningEngine(const Config& config, std::unique_ptr<sql::Database> db,
                sql::PrivatePostgres& postgres)
      : engine_(config, std::move(db), postgres.url(), &postgres, {}),
        thread_([this] { engine_.run(); }) {}
  ~RunningEngine() {
    engine_.stop();
    thread_.join();
  }

 private:
  Engine engine_;
  std::thread thread_;
};

class Demo {
 public:
  Demo(const DemoOptions& options, const TemporaryFolder& folder)
      : options_(options), folder_(folder), story_(options.out) {}

  Result<bool> play();

 private:
  void tell_the_idea();
  Result<void> open_database();
  Result<void> set_stage();
  Result<void> set_watch_and_channel();
  Result<void> start_monitor();
  Result<void> issue_certificates();
  Result<void> await_alert();
  Result<void> check_webhook();
  Result<void> check_database();
  void say_goodbye();

  // Whether the database has all of both logs, proven.
  Result<bool> all_verified();
  // kTransient: not within kPatience. kStopping: a signal.
  Result<void> wait_until(const char* what,
                          const std::function<Result<bool>()>& done);
  void expect(bool held, const std::string& ok, const std::string& wrong);

  const DemoOptions& options_;
  const TemporaryFolder& folder_;
  const std::string secret_ = alerts::new_webhook_secret();
  Story story_;
  bool all_right_ = true;
  Hash good_tbs_{}, evil_tbs_{};
  steady_clock::time_point issued_;

  // In the order in which they come to life; they end the other way round.
  Config config_;
  std::unique_ptr<sql::PrivatePostgres> postgres_;
  std::unique_ptr<sql::Database> db_;
  std::unique_ptr<Stage> stage_;
  std::unique_ptr<RunningEngine> engine_;
};

Result<bool> Demo::play() {
  const auto begun = steady_clock::now();
  tell_the_idea();
  for (const auto step :
       {&Demo::open_database, &Demo::set_stage, &Demo::set_watch_and_channel,
        &Demo::start_monitor, &Demo::issue_certificates, &Demo::await_alert,
        &Demo::check_webhook, &Demo::check_database}) {
    if (const auto done = (this->*step)(); !done) {
      return tl::unexpected(done.error());
    }
  }
  engine_.reset();
  const duration<double> took = steady_clock::now() - begun;
  story_.blank();
  if (!all_right_) {
    story_.say("Not what should have happened: see WRONG above.", Colour::kRed);
    return false;
  }
  story_.say(
      fmt::format("All as it should be, in {:.1f} seconds.", took.count()),
      Colour::kGreen);
  say_goodbye();
  return true;
}

void Demo::tell_the_idea() {
  story_.title("ctvigil demo: a certificate nobody ordered, caught");
  story_.say(
      "A certificate lets a server call itself demo.example. Some hundred "
      "certification authorities (CAs) can issue one for any name, yours "
      "included: by mistake, by fraud, by force. Browsers therefore accept "
      "only certificates that are published in Certificate Transparency "
      "logs: lists that anybody can read, and nobody can rewrite unnoticed. "
      "ctvigil reads them all, checks that they do not lie, and tells you "
      "when a certificate for your domain was not expected.");
  story_.blank();
  story_.say(
      "Here the CAs, the logs and the receiver are made up; the monitor is "
      "the real one. Nothing leaves this machine.");
}

// First of all: it must start before any thread does.
Result<void> Demo::open_database() {
  story_.step("A database");
  story_.say(
      "ctvigil remembers everything in Postgres. Where nobody names one it "
      "starts one of its own, this time in a temporary folder.");
  sql::PrivatePostgres::Options options;
  options.state_dir = folder_.path() + "/state";
  options.bin_dir = options_.postgres_bin;
  options.user = options_.postgres_user;
  auto postgres = sql::PrivatePostgres::open(options);
  if (!postgres) return tl::unexpected(postgres.error());
  postgres_ = std::move(*postgres);
  auto db = sql::Database::connect(postgres_->url());
  if (!db) return tl::unexpected(db.error());
  db_ = std::move(*db);
  if (const auto done = sql::migrate(*db_); !done) {
    return tl::unexpected(done.error());
  }
  story_.ok("it is up");
  return {};
}

Result<void> Demo::set_stage() {
  story_.step("Two CAs and two logs");
  story_.say(fmt::format(
      "\"{}\" is the CA that {} buys from. \"{}\" is one that browsers "
      "believe just as much: nothing but its word keeps it from issuing for "
      "{} too. CAs hand in to logs what they issue. Of our two logs one "
      "speaks RFC 6962, the older protocol, and one Static CT, the newer.",
      kGoodCa, kDomain, kEvilCa, kDomain));
  auto stage = Stage::set(folder_, secret_);
  if (!stage) return tl::unexpected(stage.error());
  stage_ = std::move(*stage);
  story_.ok("both are served over TLS, with 400 certificates of strangers:");
  story_.show(stage_->url(stage_->classic()));
  story_.show(stage_->url(stage_->tiles()));
  return {};
}

Result<void> Demo::set_watch_and_channel() {
  story_.step("A watch and a webhook");
  story_.say(
      "You tell ctvigil which domain is yours, who may issue for it, and "
      "whom to call. On the command line that would be:");
  alerts::Channel channel;
  channel.name = "security-team";
  channel.secret = secret_;
  channel.target = stage_->receiver().url();
  channel.ca_file = stage_->ca_file();
  channel.allowed_private_hosts = {"127.0.0.1"};
  if (const auto id = sql::add_channel(*db_, channel); !id) {
    return tl::unexpected(id.error());
  }
  auto watch = parse_watch(kDomain, false);
  if (!watch) return tl::unexpected(watch.error());
  watch->allowed_issuers = {kGoodCa};
  watch->source = "demo";
  if (const auto id = sql::put_watch(*db_, *watch); !id) {
    return tl::unexpected(id.error());
  }
  story_.show(fmt::format("ctvigil watch add {} --allow-issuer \"{}\"", kDomain,
                          kGoodCa),
              Colour::kBold);
  story_.show(fmt::format("ctvigil channel add webhook security-team {}",
                          channel.target),
              Colour::kBold);
  story_.ok("the receiver listens there, with a shared secret");
  return {};
}

Result<void> Demo::wait_until(const char* what,
                              const std::function<Result<bool>()>& done) {
  const sigset_t signals = stop_signals();
  const timespec moment{0, 20'000'000};
  const auto deadline = steady_clock::now() + kPatience;
  for (;;) {
    const auto r = done();
    if (!r) return tl::unexpected(r.error());
    if (*r) return {};
    if (steady_clock::now() > deadline) {
      return fail(Errc::kTransient, fmt::format("{}: not within {} seconds",
                                                what, kPatience.count()));
    }
    if (sigtimedwait(&signals, nullptr, &moment) > 0) {
      return fail(Errc::kStopping, "stopped by a signal");
    }
  }
}

Result<bool> Demo::all_verified() {
  const auto rows = sql::load_logs(*db_);
  if (!rows) return tl::unexpected(rows.error());
  for (const sql::LogRow& row : *rows) {
    if (row.state == sql::FollowState::kStopped) {
      return fail(Errc::kUntrusted,
                  row.info.description + " was stopped: " + row.state_reason);
    }
    if (!row.position || row.position->range.size() !=
                             stage_->log(row.info.log_id).head().size) {
      return false;
    }
  }
  return rows->size() == 2;
}

Result<void> Demo::start_monitor() {
  story_.step("The monitor starts");
  story_.say(
      "It fetches each log's head, 32 bytes that stand for all entries, "
      "checks the log's signature under it, and goes on from there.");
  config_.state_dir = folder_.path() + "/state";
  config_.log_lists = {stage_->log_list()};
  config_.allow_unsigned_log_list = true;
  config_.ca_file = stage_->ca_file();
  config_.http_listen = "";
  // Real logs are asked less often; these are ours.
  config_.poll_interval = milliseconds(250);
  config_.partial_tile_wait = milliseconds(0);
  config_.requests_per_second = 200;

  auto own = sql::Database::connect(postgres_->url());
  if (!own) return tl::unexpected(own.error());
  engine_ =
      std::make_unique<RunningEngine>(config_, std::move(*own), *postgres_);
  auto started =
      wait_until("reading the logs' heads", [&] { return all_verified(); });
  if (started) story_.ok("both heads are signed by their logs");
  return started;
}

Result<void> Demo::issue_certificates() {
  story_.step("Two certificates are issued");
  story_.say(
      "Both logs get them, among forty more of strangers: twice as a "
      "precertificate, the CA's announcement, and once as the certificate.");
  stage_->add_strangers(20);
  good_tbs_ = stage_->issue_good(kGoodName);
  evil_tbs_ = stage_->issue_evil(kEvilName);
  stage_->add_strangers(20);
  issued_ = steady_clock::now();
  stage_->publish();
  story_.show(fmt::format("{:<20} from {}, as always", kGoodName, kGoodCa));
  story_.show(
      fmt::format("{:<20} from {}: nobody ordered it", kEvilName, kEvilCa),
      Colour::kYellow);
  return {};
}

void Demo::expect(bool held, const std::string& ok, const std::string& wrong) {
  if (held) {
    story_.ok(ok);
  } else {
    story_.wrong(wrong);
    all_right_ = false;
  }
}

Result<void> Demo::await_alert() {
  story_.step("The alert");
  auto arrived = wait_until("the webhook", [&]() -> Result<bool> {
    return !stage_->receiver().received().empty();
  });
  if (!arrived) return arrived;
  const duration<double> after = steady_clock::now() - issued_;
  story_.ok(fmt::format("a webhook came {:.1f} seconds after the entries did",
                        after.count()));

  // Nothing may follow it: let everything be read and delivered.
  return wait_until("reading both logs to their ends", [&]() -> Result<bool> {
    auto all = all_verified();
    if (!all || !*all) return all;
    const auto outbox = sql::outbox_status(*db_);
    if (!outbox) return tl::unexpected(outbox.error());
    for (const sql::OutboxStatus& s : *outbox) {
      if (s.pending > 0) return false;
    }
    return true;
  });
}

Result<void> Demo::check_webhook() {
  const auto received = stage_->receiver().received();
  expect(received.size() == 1,
         "just one, although the logs show the certificate three times",
         fmt::format("{} webhooks came, not one", received.size()));
  expect(received[0].signature_holds,
         "its signature was made with the secret that only ctvigil and the "
         "receiver know",
         "its signature does not hold");

  using Json = nlohmann::json;
  const Json body = Json::parse(received[0].body, nullptr, false);
  const Json data =
      body.is_object() && body.contains("data") ? body["data"] : Json();
  const auto text = [&](const char* key) {
    return data.is_object() && data.contains(key) && data[key].is_string()
               ? printable(data[key].get<std::string>())
               : std::string();
  };
  story_.blank();
  story_.say(text("title"), Colour::kRed);
  story_.say(text("reason"));
  story_.show("issuer    " + text("issuer"));
  story_.show("serial    " + text("serial"));
  story_.show("validity  " + text("not_before") + " to " + text("not_after"));
  story_.show("alert     " + text("id") + ", severity " + text("severity"));
  story_.blank();
  expect(text("kind") == alerts::kind::kUnexpectedCertificate &&
             text("tbs_sha256") == to_hex(evil_tbs_) &&
             data.contains("names") && data["names"] == Json{kEvilName},
         fmt::format("it is about {}, and the very certificate from {}",
                     kEvilName, kEvilCa),
         "it is about something else");
  return {};
}

// The proof that the certificate is in the log, held against the tree that
// the log itself keeps.
bool proven(const alerts::Sighting& s, const LocalLog& log) {
  return s.tree_size <= log.size() && s.root == log.root(s.tree_size) &&
         ctlog::verify_inclusion(s.leaf_hash, s.leaf_index, s.tree_size,
                                 s.inclusion_proof, s.root)
             .has_value();
}

Result<void> Demo::check_database() {
  sql::AlertFilter filter;
  filter.states = {alerts::AlertState::kOpen, alerts::AlertState::kExpected};
  const auto all = sql::list_alerts(*db_, filter);
  if (!all) return tl::unexpected(all.error());
  const alerts::Alert* open = nullptr;
  const alerts::Alert* expected = nullptr;
  for (const alerts::Alert& a : *all) {
    (a.state == alerts::AlertState::kOpen ? open : expected) = &a;
  }

  std::size_t sightings = 0, proofs = 0;
  if (open != nullptr) {
    sightings = open->sightings.size();
    for (const alerts::Sighting& s : open->sightings) {
      proofs += proven(s, stage_->log(s.log_id)) ? 1 : 0;
    }
  }
  expect(all->size() == 2 && sightings == 3 && proofs == 3,
         "each of its three sightings has a proof that leads to a head the "
         "log signed: it cannot be denied",
         fmt::format("{} alerts; of {} sightings {} are proven", all->size(),
                     sightings, proofs));
  expect(expected != nullptr && expected->certificate &&
             expected->certificate->tbs_sha256 == good_tbs_,
         fmt::format("{} alarmed nobody: {} may issue for {}. It is on "
                     "record as expected",
                     kGoodName, kGoodCa, kDomain),
         fmt::format("{} is not on record as expected", kGoodName));
  return {};
}

void Demo::say_goodbye() {
  story_.blank();
  story_.say("Now your own domain, against the logs of the world:");
  story_.show("ctvigil watch add YOUR-DOMAIN --allow-issuer \"Let's Encrypt\"",
              Colour::kBold);
  story_.show("ctvigil run", Colour::kBold);
}

}  // namespace

Result<bool> run_demo(const DemoOptions& options) {
  const sigset_t signals = stop_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const auto folder = TemporaryFolder::make();
  if (!folder) return tl::unexpected(folder.error());
  try {
    return Demo(options, **folder).play();
  } catch (const std::exception& e) {  // libcrypto, threads, memory
    return fail(Errc::kInternal, std::string("demo: ") + e.what());
  }
}

}  // namespace ct::monitor::demo
