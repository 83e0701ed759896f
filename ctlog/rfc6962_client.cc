#include "ctlog/rfc6962_client.h"

#include <algorithm>

#include "base/base64.h"

namespace ct::ctlog {
namespace {

// Heads and proofs are small; a larger answer is none of the log's.
constexpr std::size_t kMaxSmallBody = 1u << 20;

// Base64 in a query: + / = have meanings of their own there.
std::string in_query(std::string_view base64) {
  std::string out;
  for (const char c : base64) {
    if (c == '+') {
      out += "%2B";
    } else if (c == '/') {
      out += "%2F";
    } else if (c == '=') {
      out += "%3D";
    } else {
      out += c;
    }
  }
  return out;
}

Result<SignedTreeHead> decode_head(Buffer body) {
  if (!is_whole_object(body.text())) {
    return fail(Errc::kTransient,
                "the answer is not a whole JSON object: cut off, or not from "
                "the log");
  }
  return parse_sth(body.text());
}

}  // namespace

Task<Result<SignedTreeHead>> Rfc6962Client::head() {
  LogFetcher::Decode<SignedTreeHead> decode = decode_head;
  co_return co_await fetcher_.get<SignedTreeHead>(
      "ct/v1/get-sth", kMaxSmallBody, std::move(decode), false);
}

Task<Result<EntryPage>> Rfc6962Client::entries(LeafIndex begin, LeafIndex end,
                                               TreeSize head_size) {
  end = std::min(end, head_size);
  if (begin >= end) {
    co_return fail(Errc::kInternal, "entries: an empty range was asked for");
  }
  Backoff pauses = fetcher_.backoff();
  while (true) {
    const LeafIndex page = page_end(begin, end);
    const std::uint64_t asked = page - begin;
    const std::string path =
        "ct/v1/get-entries?start=" + std::to_string(begin) +
        "&end=" + std::to_string(page - 1);
    const auto plain = std::make_shared<PlainEntries>(asked);
    LogFetcher::OnBody read_on = [plain](std::string_view body) {
      plain->read(body);
    };
    LogFetcher::Attempt attempt = co_await fetcher_.attempt(
        path, fetcher_.max_body(), std::move(read_on));
    learn_from(attempt, asked);
    Result<EntryPage> entries =
        std::move(attempt.body).and_then([&](Buffer body) {
          return decode_entries_page(std::move(body), begin, asked,
                                     std::move(*plain));
        });
    if (entries) {
      const std::lock_guard lock(mutex_);
      page_size_.received(begin, asked, entries->entries.size());
    }
    if (entries) co_return entries;
    bool again = worth_retrying(entries.error(), true);
    if (again) again = co_await pauses.wait();
    if (!again) co_return fetcher_.give_up(path, std::move(entries.error()));
  }
}

// Front ends differ in how large an answer they can put together; 429 and 503
// are about how often we ask, not how much for.
void Rfc6962Client::learn_from(const LogFetcher::Attempt& attempt,
                               std::uint64_t asked) {
  const long status = attempt.status;
  const bool too_large = status == 403 || status == 413 ||
                         (status == 0 && !attempt.body &&
                          attempt.body.error().code == Errc::kMalformed);
  const std::lock_guard lock(mutex_);
  if (too_large) {
    page_size_.refused(asked, 1);
  } else if (status >= 500 && status != 503) {
    page_size_.refused(asked, PageSize::kTroubleFloor);
  }
}

LeafIndex Rfc6962Client::page_end(LeafIndex begin, LeafIndex end) const {
  const std::lock_guard lock(mutex_);
  return page_size_.page_end(begin, end);
}

Task<Result<std::vector<Hash>>> Rfc6962Client::inclusion_proof(LeafIndex index,
                                                               Hash leaf,
                                                               TreeSize size) {
  if (index >= size) {
    co_return fail(Errc::kInternal, "inclusion_proof: leaf beyond the tree");
  }
  if (size == 1) co_return std::vector<Hash>();
  const std::string tree_size = std::to_string(size);
  LogFetcher::Decode<AuditProof> decode = [](const Buffer& body) {
    return decode_audit_proof(body);
  };
  Result<AuditProof> proof = co_await fetcher_.get<AuditProof>(
      "ct/v1/get-proof-by-hash?hash=" + in_query(to_base64(leaf)) +
          "&tree_size=" + tree_size,
      kMaxSmallBody, decode, true);
  if (proof && proof->leaf_index != index) {
    // Of duplicate leaves get-proof-by-hash knows the first only. By index
    // there is get-entry-and-proof, which many logs do without.
    proof = co_await fetcher_.get<AuditProof>(
        "ct/v1/get-entry-and-proof?leaf_index=" + std::to_string(index) +
            "&tree_size=" + tree_size,
        kMaxSmallBody, decode, false);
    if (!proof && proof.error().code != Errc::kStopping) {
      co_return fail(Errc::kMalformed,
                     "leaf " + std::to_string(index) +
                         ": get-proof-by-hash answers for another leaf, and " +
                         proof.error().what);
    }
  }
  if (!proof) co_return tl::unexpected<Error>(std::move(proof.error()));
  co_return std::move(proof->path);
}

Task<Result<std::vector<Hash>>> Rfc6962Client::consistency_proof(
    TreeSize old_size, TreeSize new_size) {
  if (old_size == 0 || old_size > new_size) {
    co_return fail(Errc::kInternal, "consistency_proof: sizes out of order");
  }
  if (old_size == new_size) co_return std::vector<Hash>();
  LogFetcher::Decode<std::vector<Hash>> decode = [](const Buffer& body) {
    return decode_consistency(body);
  };
  co_return co_await fetcher_.get<std::vector<Hash>>(
      "ct/v1/get-sth-consistency?first=" + std::to_string(old_size) +
          "&second=" + std::to_string(new_size),
      kMaxSmallBody, std::move(decode), true);
}

Task<Result<Bytes>> Rfc6962Client::issuer(Hash) {
  co_return fail(Errc::kGone,
                 "RFC 6962 logs give issuers with each entry, not by hash");
}

}  // namespace ct::ctlog
