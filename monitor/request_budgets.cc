#include "monitor/request_budgets.h"

#include <algorithm>

namespace ct::monitor {

ctlog::RequestBudget& RequestBudgets::of(const std::string& operator_name) {
  constexpr double kBurst = 8;
  const std::lock_guard lock(mutex_);
  auto& slot = budgets_[operator_name];
  if (!slot) {
    const double rate = request_rate(config_, operator_name);
    slot = std::make_unique<ctlog::RequestBudget>(rate, std::max(rate, kBurst));
  }
  return *slot;
}

}  // namespace ct::monitor
