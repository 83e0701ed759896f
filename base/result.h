// Result<T>: a value, or the reason there is none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace ct {

// One enumerator per reaction. Add one only if a caller would act differently.
enum class Errc : std::uint8_t {
  kTransient,  // timeout, HTTP 429 or 5xx, database away: retry with backoff
  kMalformed,  // bytes break their format: record the entry, carry on
  kUntrusted,  // signature, proof or root mismatch: stop this log, alert
  kGone,       // the other side says it is not there (HTTP 404, 410)
  kUsage,      // the user asked for something that cannot be: tell him how
  kStopping,   // the program is being stopped: unwind
  kInternal,   // a broken invariant of our own
};
inline constexpr std::size_t kErrcCount = 7;

// For metrics: "transient".
[[nodiscard]] constexpr std::string_view to_string(Errc code) {
  constexpr std::string_view kNames[kErrcCount] = {
      "transient", "malformed", "untrusted", "gone",
      "usage",     "stopping",  "internal"};
  return kNames[static_cast<std::size_t>(code)];
}

struct Error {
  Errc code;
  std::string what;  // one line for the operator: "leaf 812: SAN truncated"
};

template <class T>
using Result = tl::expected<T, Error>;

[[nodiscard]] inline tl::unexpected<Error> fail(Errc code, std::string what) {
  return tl::unexpected<Error>(Error{code, std::move(what)});
}

// The same error, said from one step further out: "where: what".
[[nodiscard]] inline tl::unexpected<Error> fail_in(std::string where, Error e) {
  return fail(e.code, std::move(where) + ": " + e.what);
}

}  // namespace ct
