#include <gtest/gtest.h>

#include "checks.hpp"
#include "real_tree.hpp"

namespace hygiene {
namespace {

// The findings for one file with one line.
Findings check(const std::string& path, const std::string& line)
{
  return check_layering({SourceFile(path, line + "\n")});
}

TEST(Layering, FindsAnIncludeThatPointsUpward)
{
  EXPECT_EQ(check("core/src/a.cpp", "#include <rtlane/channels/spsc_ring.hpp>").size(), 1u);
  EXPECT_EQ(check("core/src/a.cpp", "#  include \"../../channels/src/x.hpp\"").size(), 1u);
  EXPECT_EQ(check("channels/include/rtlane/channels/a.hpp", "#include <rtlane/rt/thread.hpp>").size(), 1u);
  EXPECT_EQ(check("rt/cli/a.cpp", "#include \"tests/support/child.hpp\"").size(), 1u);
  EXPECT_EQ(check("bench/a.cpp", "#include \"../tests/support/child.hpp\"").size(), 1u);
  EXPECT_EQ(check("examples/01/a.cpp", "#include \"bench/support/pin.hpp\"").size(), 1u);
}

TEST(Layering, AllowsAnIncludeThatPointsDownward)
{
  EXPECT_EQ(to_text(check("core/src/a.cpp", "#include <rtlane/core/shm.h>")), "");
  EXPECT_EQ(to_text(check("channels/src/a.cpp", "#include <rtlane/core/shm.h>")), "");
  EXPECT_EQ(to_text(check("rt/src/a.cpp", "#include <rtlane/channels/spsc_ring.hpp>")), "");
  EXPECT_EQ(to_text(check("tests/bench/a.cpp", "#include \"bench/support/pin.hpp\"")), "");
  EXPECT_EQ(to_text(check("core/src/a.cpp", "// #include <rtlane/rt/thread.hpp>")), "");
}

TEST(Layering, FindsAThirdPartyHeaderInAPublicHeader)
{
  const std::string header = "rt/include/rtlane/rt/a.hpp";
  EXPECT_EQ(check(header, "#include <boost/lockfree/spsc_queue.hpp>").size(), 1u);
  EXPECT_EQ(check(header, "#include <fmt/format.h>").size(), 1u);
  EXPECT_EQ(to_text(check(header, "#include <sys/mman.h>")), "");
  EXPECT_EQ(to_text(check(header, "#include <vector>")), "");
  EXPECT_EQ(to_text(check(header, "#include <tl/expected.hpp>")), "");
  EXPECT_EQ(to_text(check("rt/src/a.cpp", "#include <fmt/format.h>")), "");
}

TEST(Layering, FindsAPublicHeaderThatIncludesByARelativePath)
{
  EXPECT_EQ(check("core/include/rtlane/core/a.h", "#include \"api.h\"").size(), 1u);
}

TEST(Layering, IncludesOfTheProjectPointDownward)
{
  EXPECT_EQ(to_text(check_layering(real_tree())), "");
}

}  // namespace
}  // namespace hygiene
