#include "base/http.h"

#include <curl/curl.h>
#include <pthread.h>

#include <csignal>
#include <cstdlib>
#include <future>
#include <mutex>
#include <new>
#include <thread>
#include <unordered_map>
#include <utility>

#include "base/http_transfer.h"

namespace ct {
namespace {

// libcurl 7.88 loses HTTP/2 transfers that share a connection.
constexpr unsigned kFirstToMultiplex = 0x080e00;  // 8.14.0

void init_curl_once() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (code != CURLE_OK) throw std::bad_alloc();
}

// The user's exceptions from proxying, and this machine.
std::string proxy_exceptions() {
  std::string out = "localhost,127.0.0.1,::1";
  for (const char* name : {"no_proxy", "NO_PROXY"}) {
    const char* const value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    // Alone it means all hosts, in a list nothing.
    return std::string_view(value) == "*" ? value : out + ',' + value;
  }
  return out;
}

}  // namespace

class HttpClient::Impl {
 public:
  explicit Impl(Options options)
      : options_(std::move(options)), no_proxy_(proxy_exceptions()) {
    init_curl_once();
    multi_ = curl_multi_init();
    if (multi_ == nullptr) throw std::bad_alloc();
    const bool multiplex =
        curl_version_info(CURLVERSION_NOW)->version_num >= kFirstToMultiplex;
    curl_multi_setopt(multi_, CURLMOPT_PIPELINING,
                      multiplex ? CURLPIPE_MULTIPLEX : CURLPIPE_NOTHING);
    curl_multi_setopt(multi_, CURLMOPT_MAX_HOST_CONNECTIONS,
                      options_.max_connections_per_host);
    curl_multi_setopt(multi_, CURLMOPT_MAX_TOTAL_CONNECTIONS,
                      options_.max_connections);
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, options_.max_connections);
    thread_ = std::thread([this] { run(); });
  }

  ~Impl() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = closing_ = true;
    }
    curl_multi_wakeup(multi_);
    thread_.join();
    for (CURL* const easy : idle_) curl_easy_cleanup(easy);
    curl_multi_cleanup(multi_);
  }

  void start(HttpRequest request, Done done) {
    auto transfer =
        std::make_unique<HttpTransfer>(std::move(request), std::move(done));
    {
      const std::lock_guard lock(mutex_);
      waiting_.push_back(std::move(transfer));
    }
    curl_multi_wakeup(multi_);
  }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    curl_multi_wakeup(multi_);
  }

 private:
  using Transfer = std::unique_ptr<HttpTransfer>;

  void run() {
    // Signals are for the thread that handles them; and with libcurl's own
    // handling off, a closed connection would end the program by SIGPIPE.
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);

    while (true) {
      std::vector<Transfer> fresh;
      bool stopping = false;
      bool closing = false;
      {
        const std::lock_guard lock(mutex_);
        fresh.swap(waiting_);
        stopping = stopping_;
        closing = closing_;
      }
      if (stopping) {
        abort_all(std::move(fresh));
        if (closing) return;
      } else {
        for (Transfer& transfer : fresh) begin(std::move(transfer));
        int running = 0;
        curl_multi_perform(multi_, &running);
        finish_done();
      }
      curl_multi_poll(multi_, nullptr, 0, 1000, nullptr);
    }
  }

  void begin(Transfer transfer) {
    CURL* const easy = take_handle();
    if (const auto r = transfer->prepare(easy, options_.user_agent, no_proxy_);
        !r) {
      give_back(easy);
      transfer->finish_with(r.error());
      return;
    }
    HttpTransfer& added = *transfer;
    active_.emplace(easy, std::move(transfer));
    if (const CURLMcode code = curl_multi_add_handle(multi_, easy);
        code != CURLM_OK) {
      added.finish_with({Errc::kInternal, curl_multi_strerror(code)});
      forget(easy);
    }
  }

  void finish_done() {
    int left = 0;
    while (const CURLMsg* const message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      // The message is gone once its handle is removed.
      CURL* const easy = message->easy_handle;
      const CURLcode code = message->data.result;
      curl_multi_remove_handle(multi_, easy);
      const auto found = active_.find(easy);
      found->second->finish(code);
      forget(easy);
    }
  }

  void abort_all(std::vector<Transfer> fresh) {
    const Error stopping{Errc::kStopping, "HTTP is being stopped"};
    for (const Transfer& transfer : fresh) transfer->finish_with(stopping);
    for (const auto& [easy, transfer] : std::exchange(active_, {})) {
      curl_multi_remove_handle(multi_, easy);
      transfer->finish_with(stopping);
      give_back(easy);
    }
  }

  CURL* take_handle() {
    if (idle_.empty()) {
      CURL* const easy = curl_easy_init();
      if (easy == nullptr) throw std::bad_alloc();
      return easy;
    }
    CURL* const easy = idle_.back();
    idle_.pop_back();
    return easy;
  }

  // Before its transfer ends, which owns what the options point to.
  void give_back(CURL* easy) {
    if (std::cmp_greater_equal(idle_.size(), options_.max_connections)) {
      curl_easy_cleanup(easy);
      return;
    }
    curl_easy_reset(easy);
    idle_.push_back(easy);
  }

  void forget(CURL* easy) {
    give_back(easy);
    active_.erase(easy);
  }

  const Options options_;
  const std::string no_proxy_;
  CURLM* multi_ = nullptr;  // the thread's, but for curl_multi_wakeup

  std::mutex mutex_;  // guards the three below
  std::vector<Transfer> waiting_;
  bool stopping_ = false;
  bool closing_ = false;

  // Touched by the thread only, and after it ended.
  std::unordered_map<CURL*, Transfer> active_;
  std::vector<CURL*> idle_;

  std::thread thread_;
};

HttpClient::HttpClient(Options options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}

HttpClient::~HttpClient() = default;

void HttpClient::start(HttpRequest request, Done done) {
  impl_->start(std::move(request), std::move(done));
}

Future<Result<HttpResponse>> HttpClient::fetch(Executor& executor,
                                               HttpRequest request) {
  FutureSetter<Result<HttpResponse>> setter;
  Future<Result<HttpResponse>> future(setter, executor);
  start(std::move(request),
        [setter](Result<HttpResponse> r) mutable { setter.set(std::move(r)); });
  return future;
}

Result<HttpResponse> HttpClient::get(HttpRequest request) {
  auto promise = std::make_shared<std::promise<Result<HttpResponse>>>();
  auto future = promise->get_future();
  start(std::move(request), [promise](Result<HttpResponse> r) {
    promise->set_value(std::move(r));
  });
  return future.get();
}

void HttpClient::stop() { impl_->stop(); }

std::optional<std::chrono::milliseconds> parse_retry_after(
    std::string_view value, std::chrono::system_clock::time_point now) {
  using std::chrono::milliseconds;
  constexpr milliseconds kLongest = std::chrono::hours(24);
  const auto digits = [](std::string_view s) {
    return s.find_first_not_of("0123456789") == std::string_view::npos;
  };
  if (value.empty()) return std::nullopt;
  if (digits(value)) {
    // Seven digits are more than a day.
    if (value.find_first_not_of('0') == std::string_view::npos) {
      return milliseconds(0);
    }
    value.remove_prefix(value.find_first_not_of('0'));
    if (value.size() >= 7) return kLongest;
    long seconds = 0;
    for (const char c : value) seconds = seconds * 10 + (c - '0');
    return std::min<milliseconds>(std::chrono::seconds(seconds), kLongest);
  }
  const time_t date = curl_getdate(std::string(value).c_str(), nullptr);
  if (date == -1) return std::nullopt;
  const auto wait = std::chrono::duration_cast<milliseconds>(
      std::chrono::system_clock::from_time_t(date) - now);
  return std::clamp(wait, milliseconds(0), kLongest);
}

}  // namespace ct
