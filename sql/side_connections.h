// Work that several connections share. For this room only.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "sql/database.h"

namespace ct::sql {

// Connections beside that of a Database, made when they are first needed and
// kept. They belong to its thread as it does.
class SideConnections {
 public:
  // `options`: of the connection that they are beside.
  explicit SideConnections(std::string options)
      : options_(std::move(options)) {}

  // Parts of work from 0, each given to one connection at a time.
  using Work = std::function<Result<void>(Database&, std::size_t part)>;

  // Calls `work` for each of `parts`, in order, on `main` and on as many others
  // as there are processors, a few at most; returns when all have returned.
  // What fails on another connection, or lacks one, is done again on `main`;
  // what fails there ends it all, parts that are under way excepted.
  [[nodiscard]] Result<void> share(Database& main, std::size_t parts,
                                   const Work& work);

 private:
  Database* connection(std::size_t i);  // nullptr: it cannot be had now

  const std::string options_;
  std::vector<std::unique_ptr<Database>> connections_;
  Millis failed_at_ = 0;  // when one could not be made; 0: never
};

}  // namespace ct::sql
