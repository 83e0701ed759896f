#include "tests/e2e/sunlight.h"

#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/prctl.h>

#include <algorithm>
#include <fstream>
#include <future>
#include <stdexcept>

#include "base/base64.h"
#include "base/time.h"
#include "ctlog/leaf.h"
#include "ctlog/sct.h"

namespace ct::test {

using monitor::demo::Submission;

namespace {

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().what);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

void write_file(const std::string& path, std::string_view content) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << content << std::flush;
  if (!out) throw std::runtime_error("cannot write " + path);
}

HttpRequest request_for(const std::string& url) {
  HttpRequest request;
  request.url = url;
  request.allow_plain = true;
  return request;
}

std::string ok_body(const std::string& url, Result<HttpResponse> answer) {
  const HttpResponse response = must(std::move(answer));
  const std::string body(response.body.text());
  if (response.status == 200) return body;
  throw std::runtime_error(
      fmt::format("{}: {} {}", url, response.status, body));
}

// The body of add-chain and add-pre-chain: RFC 6962, sections 4.1 and 4.2.
std::string chain_json(const Submission& s) {
  const bool precert = s.type == ctlog::EntryType::kPrecert;
  Json chain =
      Json::array({to_base64(precert ? s.precertificate : s.certificate)});
  for (const Bytes& issuer : s.chain) chain.push_back(to_base64(issuer));
  return Json{{"chain", chain}}.dump();
}

}  // namespace

Sunlight::Sunlight(const monitor::demo::LocalCa& ca)
    : http_({"ctvigil-test/1 (+https://localhost)", 64, 64}) {
  // With this capability, which root has, it would make its files immutable,
  // and nobody would get rid of them. Whoever lacks it cannot drop it either.
  (void)prctl(PR_CAPBSET_DROP, CAP_LINUX_IMMUTABLE, 0, 0, 0);
  must(ca.write_root_pem(ca_path()));
  start_sunlight();
  start_skylight();
  write_log_list();
}

// Prefixes must be https; yet both servers listen for plain http where no ACME
// is configured, and tell logs apart by host name and path, not by port.
void Sunlight::start_sunlight() {
  write_file(dir_ / "seed", std::string(32, 's'));
  Program lockdb(SUNLIGHT_BIN "/lockdb", {dir_ / "lock.db"}, {},
                 dir_ / "lockdb");
  if (lockdb.wait() != 0) throw std::runtime_error(lockdb.err());
  const std::string today = format_time(now_millis()).substr(0, 10);
  const Json log{{"shortname", "e2e"},
                 {"inception", today},  // on no other day is a log made
                 {"period", 100},       // milliseconds
                 {"submissionprefix", "https://" + name_},
                 {"monitoringprefix", "https://" + name_},
                 {"roots", ca_path()},
                 {"secret", dir_ / "seed"},
                 {"cache", dir_ / "cache.db"},
                 {"localdirectory", dir_ / "log"},
                 {"notafterstart", "2020-01-01T00:00:00Z"},
                 {"notafterlimit", "2100-01-01T00:00:00Z"}};
  sunlight_ =
      start("sunlight",
            {{"checkpoints", dir_ / "lock.db"}, {"logs", Json::array({log})}},
            submission_url_);
}

void Sunlight::start_skylight() {
  const Json log{{"shortname", "e2e"},
                 {"monitoringprefix", "https://" + name_},
                 {"localdirectory", dir_ / "log"}};
  skylight_ =
      start("skylight", {{"logs", Json::array({log})}}, monitoring_url_);
}

// The log describes itself, but for where and how it is reached.
void Sunlight::write_log_list() {
  Json log = Json::parse(get(monitoring_url_ + "log.v3.json"));
  const auto spki = from_base64(log["key"].get<std::string>());
  key_ = must(ctlog::LogKey::from_spki(spki.value()));
  log["monitoring_url"] = monitoring_url_;
  log["state"]["usable"]["timestamp"] = "2025-01-01T00:00:00Z";
  const Json somebody{{"name", "Somebody Else"},
                      {"email", Json::array({"logs@localhost"})},
                      {"logs", Json::array()},
                      {"tiled_logs", Json::array({log})}};
  const Json list{{"version", "1.0"},
                  {"log_list_timestamp", format_time(now_millis())},
                  {"operators", Json::array({somebody})}};
  write_file(list_path(), list.dump(1));
}

std::unique_ptr<Program> Sunlight::start(const std::string& program,
                                         Json config, std::string& url) {
  const int port = free_port();
  const std::string server = fmt::format("http://localhost:{}/", port);
  url = server + "e2e/";
  config["listen"] = Json::array({fmt::format("127.0.0.1:{}", port)});
  const std::string file = dir_ / (program + ".yaml");
  write_file(file, config.dump());  // JSON is YAML
  auto out = std::make_unique<Program>(
      SUNLIGHT_BIN "/" + program, Arguments{"-c", file},
      Environment{{"TZ", "UTC"}}, dir_ / program);
  const bool waited = eventually(
      [&] {
        if (out->ended()) return true;
        const auto answer = http_.get(request_for(server + "health"));
        return answer && answer->status == 200;
      },
      kPatience);
  if (!waited || out->ended()) throw std::runtime_error(out->err());
  return out;
}

std::string Sunlight::get(const std::string& url) {
  return ok_body(url, http_.get(request_for(url)));
}

std::vector<Sunlight::Logged> Sunlight::submit(
    const std::vector<Submission>& submissions) {
  std::vector<std::future<Result<HttpResponse>>> answers;
  for (const Submission& s : submissions) {
    const bool precert = s.type == ctlog::EntryType::kPrecert;
    HttpRequest request =
        request_for(submission_url_ +
                    (precert ? "ct/v1/add-pre-chain" : "ct/v1/add-chain"));
    request.method = "POST";
    request.body = chain_json(s);
    const auto promise = std::make_shared<std::promise<Result<HttpResponse>>>();
    answers.push_back(promise->get_future());
    http_.start(std::move(request), [promise](Result<HttpResponse> answer) {
      promise->set_value(std::move(answer));
    });
  }
  std::vector<Logged> out;
  for (std::size_t i = 0; i < submissions.size(); ++i) {
    const std::string body = ok_body(submission_url_, answers[i].get());
    out.push_back(accepted(submissions[i], Json::parse(body)));
  }
  return out;
}

Sunlight::Logged Sunlight::accepted(const Submission& submission,
                                    const Json& reply) const {
  const auto bytes = [&](const char* key) {
    return from_base64(reply.at(key).get<std::string>()).value();
  };
  const Bytes id = bytes("id"), extensions = bytes("extensions"),
              signature = bytes("signature");
  if (id.size() != Hash{}.size()) throw std::runtime_error("log id too short");
  ctlog::SignedCertificateTimestamp sct;
  std::copy(id.begin(), id.end(), sct.log_id.begin());
  sct.timestamp = reply.at("timestamp");
  sct.extensions = extensions;
  sct.signature = signature;

  ctlog::Leaf leaf;
  leaf.timestamp = sct.timestamp;
  leaf.type = submission.type;
  leaf.issuer_key_hash = submission.issuer_key_hash;
  leaf.certificate = submission.certificate;
  leaf.extensions = extensions;
  must(ctlog::verify_sct(*key_, sct, leaf));
  return {must(ctlog::leaf_index_extension(extensions)).value(),
          ctlog::encode_sct(sct), ctlog::leaf_hash(ctlog::encode_leaf(leaf))};
}

ctlog::Checkpoint Sunlight::checkpoint() {
  const auto note =
      must(ctlog::parse_note(get(monitoring_url_ + "checkpoint")));
  return must(ctlog::parse_checkpoint_body(note.text));
}

}  // namespace ct::test
