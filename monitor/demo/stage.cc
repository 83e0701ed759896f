#include "monitor/demo/stage.h"

#include <fmt/format.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>

#include "base/log.h"
#include "base/sha256.h"

namespace ct::monitor::demo {
namespace {

LocalLog::Options log_options(ctlog::LogKind kind, const LocalCa& good,
                              const LocalCa& evil) {
  const bool tiled = kind == ctlog::LogKind::kStatic;
  LocalLog::Options options;
  options.kind = kind;
  options.name = tiled ? "tiles" : "classic";
  options.description = tiled ? "Demo log \"Tiles\"" : "Demo log \"Classic\"";
  options.operator_name = tiled ? "Tile Works" : "Classic Logs";
  options.roots = {good.root(), evil.root()};
  options.unknown_signatures = tiled;  // as real checkpoints carry them
  return options;
}

}  // namespace

Result<std::unique_ptr<TemporaryFolder>> TemporaryFolder::make() {
  std::error_code error;
  const auto parent = std::filesystem::temp_directory_path(error);
  if (error) {
    return fail(Errc::kUsage,
                "no folder for temporary files: set TMPDIR to one");
  }
  std::string path = (parent / "ctvigil-demo-XXXXXX").string();
  if (mkdtemp(path.data()) == nullptr ||
      // Postgres, which root runs as another user, must get through.
      chmod(path.c_str(), 0711) != 0) {
    return fail(Errc::kUsage, path +
                                  ": cannot be made; set TMPDIR to a folder "
                                  "that can be written to");
  }
  return std::unique_ptr<TemporaryFolder>(new TemporaryFolder(path));
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code error;
  std::filesystem::remove_all(path_, error);
  if (error) log_error("demo: left a folder behind", {{"path", path_}});
}

Stage::Stage(std::string folder)
    : folder_(std::move(folder)),
      good_({kGoodCa}),
      evil_({kEvilCa}),
      classic_(log_options(ctlog::LogKind::kRfc6962, good_, evil_)),
      tiles_(log_options(ctlog::LogKind::kStatic, good_, evil_)) {}

Result<std::unique_ptr<Stage>> Stage::set(const TemporaryFolder& folder,
                                          const std::string& webhook_secret) {
  std::unique_ptr<Stage> stage(new Stage(folder.path()));
  stage->add_strangers(400);
  stage->publish();

  LocalLogServer::Options options;
  options.http.tls = stage->good_.tls_identity();
  auto server =
      LocalLogServer::start(options, {&stage->classic_, &stage->tiles_});
  if (!server) return tl::unexpected(server.error());
  stage->server_ = std::move(*server);

  options.http.tls = stage->good_.tls_identity();
  auto receiver = WebhookReceiver::start(options.http, webhook_secret);
  if (!receiver) return tl::unexpected(receiver.error());
  stage->receiver_ = std::move(*receiver);

  for (const auto& written :
       {stage->good_.write_root_pem(stage->ca_file()),
        stage->server_->write_log_list(stage->log_list())}) {
    if (!written) return tl::unexpected(written.error());
  }
  return stage;
}

void Stage::add_strangers(std::size_t count) {
  for (LocalLog* const log : {&classic_, &tiles_}) {
    for (std::size_t i = 0; i < count; ++i) {
      CertificateSpec spec;
      spec.common_name = fmt::format("shop{}.stranger.example", log->size());
      spec.names = dns_names({spec.common_name});
      const LocalCa& ca = i % 3 == 0 ? evil_ : good_;
      log->add(precert_submission(ca.precertify(spec)));
    }
  }
}

Hash Stage::issue(const LocalCa& ca, const char* name) {
  CertificateSpec spec;
  spec.common_name = name;
  spec.names = dns_names({name});
  const Issuance issuance = ca.precertify(spec);
  std::vector<Bytes> scts;
  for (LocalLog* const log : {&classic_, &tiles_}) {
    scts.push_back(log->add(precert_submission(issuance)).sct);
  }
  // The final certificate holds the logs' promises, and is logged as well.
  classic_.add(final_submission(ca.finish(issuance, scts), ca.chain()));
  return sha256(issuance.tbs);
}

void Stage::publish() {
  classic_.publish();
  tiles_.publish();
}

}  // namespace ct::monitor::demo
