#include "base/http_transfer.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <new>

#include "base/address.h"

namespace ct {
namespace {

static_assert(CURL_ERROR_SIZE <= 256);

constexpr long kReceiveBuffer = 128 << 10;
// Slower than this, in bytes a second, is a stalled transfer.
constexpr long kStalledSpeed = 100;

struct UrlDeleter {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using Url = std::unique_ptr<CURLU, UrlDeleter>;

std::string part(const Url& url, CURLUPart what) {
  char* text = nullptr;
  if (curl_url_get(url.get(), what, &text, 0) != CURLUE_OK) return {};
  std::string out(text);
  curl_free(text);
  return out;
}

// The bytes of a socket address, empty for another family's.
ByteView address_bytes(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    const auto* in = reinterpret_cast<const sockaddr_in*>(address);
    return {reinterpret_cast<const std::uint8_t*>(&in->sin_addr), 4};
  }
  if (address->sa_family == AF_INET6) {
    const auto* in6 = reinterpret_cast<const sockaddr_in6*>(address);
    return {in6->sin6_addr.s6_addr, 16};
  }
  return {};
}

std::string address_text(const sockaddr* address) {
  char text[INET6_ADDRSTRLEN] = "an address";
  ::inet_ntop(address->sa_family, address_bytes(address).data(), text,
              sizeof text);
  return text;
}

bool is_private_text(const char* address) {
  std::uint8_t bytes[16];
  if (::inet_pton(AF_INET, address, bytes) == 1) {
    return is_private_address(ByteView(bytes, 4));
  }
  if (::inet_pton(AF_INET6, address, bytes) == 1) {
    return is_private_address(ByteView(bytes, 16));
  }
  return true;
}

}  // namespace

class HttpTransfer::Callbacks {
 public:
  // Returning another number than `n` breaks the transfer off.
  static std::size_t write(char* data, std::size_t, std::size_t n,
                           void* self_pointer) {
    auto& self = *static_cast<HttpTransfer*>(self_pointer);
    const std::size_t limit = self.request_.max_body;
    try {
      if (self.body_.size() == 0) reserve(self);
      if (self.too_large_ || n > limit - self.body_.size()) {
        self.too_large_ = true;
        return 0;
      }
      self.body_.append(as_bytes({data, n}));
      if (self.request_.on_body) self.request_.on_body(self.body_.text());
    } catch (const std::bad_alloc&) {
      self.out_of_memory_ = true;
      return 0;
    }
    return n;
  }

  static std::size_t header(char*, std::size_t, std::size_t n,
                            void* self_pointer) {
    auto& self = *static_cast<HttpTransfer*>(self_pointer);
    self.header_bytes_ += n;
    return self.header_bytes_ > kMaxHeaders ? 0 : n;
  }

  static curl_socket_t open_socket(void* self_pointer, curlsocktype,
                                   curl_sockaddr* address) {
    auto& self = *static_cast<HttpTransfer*>(self_pointer);
    if (!self.request_.allow_private &&
        is_private_address(address_bytes(&address->addr))) {
      self.refused_address_ = address_text(&address->addr);
      return CURL_SOCKET_BAD;
    }
    // Not for the programs we start.
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC,
                    address->protocol);
  }

  // A connection kept from a request that was allowed more opens no socket.
  static int before_request(void* self_pointer, char* remote_address, char*,
                            int, int) {
    auto& self = *static_cast<HttpTransfer*>(self_pointer);
    if (self.request_.allow_private || !is_private_text(remote_address)) {
      return CURL_PREREQFUNC_OK;
    }
    self.refused_address_ = remote_address;
    return CURL_PREREQFUNC_ABORT;
  }

 private:
  // Once: the announced length, if it may be believed at all. Compressed
  // bodies outgrow it. What is not announced at least grows without copying.
  static void reserve(HttpTransfer& self) {
    curl_off_t length = -1;
    curl_easy_getinfo(self.easy_, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    if (length <= 0) {
      self.body_.reserve(Buffer::kLarge);
    } else if (static_cast<std::uint64_t>(length) > self.request_.max_body) {
      self.too_large_ = true;
    } else {
      self.body_.reserve(static_cast<std::size_t>(length));
    }
  }
};

HttpTransfer::HttpTransfer(HttpRequest request, HttpClient::Done done)
    : request_(std::move(request)), done_(std::move(done)) {}

HttpTransfer::~HttpTransfer() { curl_slist_free_all(headers_); }

Result<void> HttpTransfer::prepare(void* easy, const std::string& user_agent,
                                   const std::string& no_proxy) {
  easy_ = easy;
  if (auto r = read_url(); !r) return r;
  // An announced "Expect: 100-continue" only costs time.
  if (auto r = add_header("Expect:"); !r) return r;
  if (request_.keep_gzip) {
    if (auto r = add_header("Accept-Encoding: gzip"); !r) return r;
  }
  for (const std::string& line : request_.headers) {
    if (auto r = add_header(line); !r) return r;
  }
  curl_easy_setopt(easy_, CURLOPT_URL, request_.url.c_str());
  curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers_);
  curl_easy_setopt(easy_, CURLOPT_USERAGENT, user_agent.c_str());
  curl_easy_setopt(easy_, CURLOPT_NOPROXY, no_proxy.c_str());
  if (request_.method == "POST") {
    curl_easy_setopt(easy_, CURLOPT_POST, 1L);
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, request_.body.data());
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request_.body.size()));
  } else if (request_.method == "HEAD") {
    curl_easy_setopt(easy_, CURLOPT_NOBODY, 1L);
  } else if (request_.method != "GET") {
    return fail(Errc::kUsage,
                shown_url_ + ": no such method: " + request_.method);
  }
  curl_easy_setopt(easy_, CURLOPT_HTTP_VERSION,
                   static_cast<long>(CURL_HTTP_VERSION_2TLS));
  if (!request_.keep_gzip) {
    curl_easy_setopt(easy_, CURLOPT_ACCEPT_ENCODING, "gzip");
  }
  if (!request_.ca_file.empty()) {
    curl_easy_setopt(easy_, CURLOPT_CAINFO, request_.ca_file.c_str());
  }
  // Besides our file no others count; nor does libcurl keep parsed roots from
  // one connection to the next where there is a folder of them.
  curl_easy_setopt(easy_, CURLOPT_CAPATH, nullptr);
  set_limits();
  set_callbacks();
  return {};
}

Result<void> HttpTransfer::read_url() {
  const Url url(curl_url());
  if (!url) throw std::bad_alloc();
  if (curl_url_set(url.get(), CURLUPART_URL, request_.url.c_str(),
                   CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK) {
    return fail(Errc::kUsage, request_.secret_url
                                  ? "this is no URL (it is a secret)"
                                  : "this is no URL: " + request_.url);
  }
  curl_url_set(url.get(), CURLUPART_USER, nullptr, 0);
  curl_url_set(url.get(), CURLUPART_PASSWORD, nullptr, 0);
  const std::string scheme = part(url, CURLUPART_SCHEME);
  if (request_.secret_url) {
    shown_url_ = scheme + "://" + part(url, CURLUPART_HOST);
  } else {
    shown_url_ = part(url, CURLUPART_URL);
  }
  if (scheme != "https" && !(scheme == "http" && request_.allow_plain)) {
    return fail(Errc::kUsage,
                fmt::format("{}: only {} is allowed here", shown_url_,
                            request_.allow_plain ? "http or https" : "https"));
  }
  return {};
}

Result<void> HttpTransfer::add_header(const std::string& line) {
  if (std::any_of(line.begin(), line.end(),
                  [](char c) { return c == '\r' || c == '\n' || c == '\0'; })) {
    return fail(Errc::kUsage, shown_url_ + ": a header of several lines");
  }
  curl_slist* const longer = curl_slist_append(headers_, line.c_str());
  if (longer == nullptr) throw std::bad_alloc();
  headers_ = longer;
  return {};
}

void HttpTransfer::set_limits() {
  curl_easy_setopt(easy_, CURLOPT_PROTOCOLS_STR,
                   request_.allow_plain ? "http,https" : "https");
  curl_easy_setopt(easy_, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy_, CURLOPT_NOSIGNAL, 1L);
  // A name server that does not answer must not hold up the other transfers:
  // otherwise libcurl waits for the thread that asks it.
  curl_easy_setopt(easy_, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt(easy_, CURLOPT_TIMEOUT_MS,
                   static_cast<long>(request_.timeout.count()));
  curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(request_.connect_timeout.count()));
  curl_easy_setopt(easy_, CURLOPT_LOW_SPEED_LIMIT, kStalledSpeed);
  curl_easy_setopt(easy_, CURLOPT_LOW_SPEED_TIME,
                   static_cast<long>(request_.stall_timeout.count()));
  curl_easy_setopt(easy_, CURLOPT_BUFFERSIZE, kReceiveBuffer);
  if (!request_.keep_alive) {
    curl_easy_setopt(easy_, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy_, CURLOPT_FORBID_REUSE, 1L);
  }
}

void HttpTransfer::set_callbacks() {
  curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, curl_says_.data());
  curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &Callbacks::write);
  curl_easy_setopt(easy_, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(easy_, CURLOPT_HEADERFUNCTION, &Callbacks::header);
  curl_easy_setopt(easy_, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy_, CURLOPT_OPENSOCKETFUNCTION, &Callbacks::open_socket);
  curl_easy_setopt(easy_, CURLOPT_OPENSOCKETDATA, this);
  curl_easy_setopt(easy_, CURLOPT_PREREQFUNCTION, &Callbacks::before_request);
  curl_easy_setopt(easy_, CURLOPT_PREREQDATA, this);
}

void HttpTransfer::finish(int curl_code) {
  if (curl_code == CURLE_OK) {
    done_(response());
  } else {
    done_(tl::unexpected<Error>(error(curl_code)));
  }
}

void HttpTransfer::finish_with(Error error) {
  done_(tl::unexpected<Error>(std::move(error)));
}

HttpResponse HttpTransfer::response() {
  HttpResponse out;
  out.body = std::move(body_);
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &out.status);
  const char* type = nullptr;
  curl_easy_getinfo(easy_, CURLINFO_CONTENT_TYPE, &type);
  if (type != nullptr) out.content_type = type;
  curl_header* encoding = nullptr;
  out.gzipped = request_.keep_gzip &&
                curl_easy_header(easy_, "Content-Encoding", 0, CURLH_HEADER, -1,
                                 &encoding) == CURLHE_OK &&
                curl_strequal(encoding->value, "gzip") != 0;
  curl_header* retry_after = nullptr;
  if (curl_easy_header(easy_, "Retry-After", 0, CURLH_HEADER, -1,
                       &retry_after) == CURLHE_OK) {
    out.retry_after =
        parse_retry_after(retry_after->value, std::chrono::system_clock::now());
  }
  return out;
}

Error HttpTransfer::error(int curl_code) const {
  const auto say = [&](Errc code, std::string_view why) {
    return Error{code, fmt::format("{}: {}", shown_url_, why)};
  };
  if (too_large_) {
    return say(Errc::kMalformed, fmt::format("the body is larger than {} bytes",
                                             request_.max_body));
  }
  if (header_bytes_ > kMaxHeaders) {
    return say(Errc::kMalformed,
               fmt::format("headers of more than {} bytes", kMaxHeaders));
  }
  if (out_of_memory_) return say(Errc::kTransient, "not enough memory");
  const auto code = static_cast<CURLcode>(curl_code);
  if (!refused_address_.empty() &&
      (code == CURLE_COULDNT_CONNECT || code == CURLE_ABORTED_BY_CALLBACK)) {
    return say(Errc::kUsage, refused_address_ +
                                 " is not a public address, and others are "
                                 "not allowed here");
  }
  // libcurl's own words may quote what is a secret.
  std::string why = curl_says_.front() == '\0' || request_.secret_url
                        ? curl_easy_strerror(code)
                        : curl_says_.data();
  std::replace_if(
      why.begin(), why.end(), [](unsigned char c) { return c < 0x20; }, ' ');
  return say(code == CURLE_URL_MALFORMAT ? Errc::kUsage : Errc::kTransient,
             why);
}

}  // namespace ct
