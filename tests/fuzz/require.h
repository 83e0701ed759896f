// The law a fuzz target asserts.
#pragma once

#include <cstdlib>

namespace ct::fuzz {

inline void require(bool law) {
  if (!law) std::abort();
}

}  // namespace ct::fuzz
