// The one place that knows which Catch2 this is: 2 on Debian 12, 3 on 13.
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Matchers::ContainsSubstring;
#else
#include <catch2/catch.hpp>
// Version 3's name for it.
inline auto ContainsSubstring(const std::string& s) {
  return Catch::Matchers::Contains(s);
}
#endif
