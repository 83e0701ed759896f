// Answers of a search on their way into a reply. For this folder only.
#pragma once

#include <cstdio>
#include <string>

#include "monitor/api/route.h"
#include "monitor/search_output.h"
#include "sql/history_search.h"

namespace ct::monitor::api {

// A stream of the C library that ends in a reply, for those who write to one.
class AnswerStream {
 public:
  // `reply` must outlive it.
  explicit AnswerStream(Reply& reply);
  ~AnswerStream();
  AnswerStream(const AnswerStream&) = delete;
  AnswerStream& operator=(const AnswerStream&) = delete;

  [[nodiscard]] std::FILE* file() { return file_; }
  // Ends the reply if `done` went well; gives `done` back.
  [[nodiscard]] Result<void> end(const Result<void>& done);

 private:
  Reply& reply_;
  std::FILE* file_;
};

// search_history within the time that queries have. What takes longer is
// answered here already, with 504.
[[nodiscard]] Result<void> stream_search(Call& call, sql::HistoryQuery query,
                                         const sql::HistoryVisitor& visit);

}  // namespace ct::monitor::api
