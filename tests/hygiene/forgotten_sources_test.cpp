#include <gmock/gmock.h>

#include "checks.hpp"
#include "real_tree.hpp"

namespace hygiene {
namespace {

TEST(ForgottenSources, AFileThatNoListNamesIsFound)
{
  const Tree tree = {SourceFile("tests/CMakeLists.txt", "add_subdirectory(core)\n"),
                     SourceFile("tests/core/CMakeLists.txt", "rtlane_test(a a_test.cpp)  # b_test.cpp\n"),
                     SourceFile("tests/core/a_test.cpp", ""), SourceFile("tests/core/b_test.cpp", "")};
  EXPECT_THAT(to_text(check_forgotten_sources(tree)), testing::HasSubstr("tests/core/b_test.cpp:0: no CMakeLists.txt"));
  EXPECT_EQ(check_forgotten_sources(tree).size(), 1u);
}

TEST(ForgottenSources, AListMayStandFurtherUpOrNameStems)
{
  const Tree tree = {SourceFile("rt/CMakeLists.txt", "rtlane_component(rt src/a.cpp)\nforeach(name cli/ls cli/gc)\n"),
                     SourceFile("rt/src/a.cpp", ""), SourceFile("rt/cli/ls.cpp", ""), SourceFile("rt/cli/gc.cpp", "")};
  EXPECT_EQ(to_text(check_forgotten_sources(tree)), "");
}

TEST(ForgottenSources, APatternNamesWhatIsListedForIt)
{
  const Tree tree = {
      SourceFile("tests/CMakeLists.txt",
                 "add_test(NAME ${name} COMMAND c++ ${CMAKE_CURRENT_SOURCE_DIR}/bad/${name}.cpp)\ntry(one)\n"),
      SourceFile("tests/bad/one.cpp", ""), SourceFile("tests/bad/two.cpp", "")};
  ASSERT_EQ(check_forgotten_sources(tree).size(), 1u);
  EXPECT_EQ(check_forgotten_sources(tree)[0].path, "tests/bad/two.cpp");
}

TEST(ForgottenSources, TheProjectHasNone)
{
  EXPECT_EQ(to_text(check_forgotten_sources(real_tree())), "");
}

}  // namespace
}  // namespace hygiene
