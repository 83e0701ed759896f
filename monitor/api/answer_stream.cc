#include "monitor/api/answer_stream.h"

#include <new>

namespace ct::monitor::api {
namespace {

constexpr std::size_t kBuffer = 32u << 10;

ssize_t write_reply(void* reply, const char* text, std::size_t size) {
  return static_cast<Reply*>(reply)->write({text, size})
             ? static_cast<ssize_t>(size)
             : 0;
}

}  // namespace

AnswerStream::AnswerStream(Reply& reply)
    : reply_(reply),
      file_(::fopencookie(&reply, "w",
                          {nullptr, write_reply, nullptr, nullptr})) {
  if (file_ == nullptr) throw std::bad_alloc();
  std::setvbuf(file_, nullptr, _IOFBF, kBuffer);
}

AnswerStream::~AnswerStream() {
  if (file_ != nullptr) std::fclose(file_);
}

Result<void> AnswerStream::end(const Result<void>& done) {
  if (file_ != nullptr) std::fclose(file_);
  file_ = nullptr;
  if (done) reply_.end();
  return done;
}

Result<void> stream_search(Call& call, sql::HistoryQuery query,
                           const sql::HistoryVisitor& visit) {
  query.patience = call.context.patience;
  const auto begin = std::chrono::steady_clock::now();
  auto done = sql::search_history(call.db, query, visit);
  const bool late =
      std::chrono::steady_clock::now() - begin >= call.context.patience;
  if (!done && done.error().code == Errc::kTransient && late) {
    call.reply.fail(504, done.error().what);
  }
  return done;
}

}  // namespace ct::monitor::api
