#include "tests/e2e/harness.h"
#include "tests/support/catch.h"

namespace ct::test {

TEST_CASE("the demo plays to its end", "[e2e][demo]") {
  Monitor monitor;
  const Outcome demo = monitor.run({"demo"});
  INFO(demo.out << demo.err);
  CHECK(demo.code == 0);
  CHECK_THAT(demo.out, ContainsSubstring("All as it should be"));
}

}  // namespace ct::test
