// RequestBudgets: how often this process may ask each operator, whatever for.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "ctlog/budget.h"
#include "monitor/config.h"

namespace ct::monitor {

class RequestBudgets {
 public:
  explicit RequestBudgets(Config config) : config_(std::move(config)) {}

  // From any thread; it lives as long as this.
  [[nodiscard]] ctlog::RequestBudget& of(const std::string& operator_name);

 private:
  const Config config_;
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<ctlog::RequestBudget>> budgets_;
};

}  // namespace ct::monitor
