#include <gmock/gmock.h>

#include "command.hpp"
#include "real_tree.hpp"

namespace hygiene {
namespace {

// Versions of clang-format do not agree with one another; the project is formatted with Debian 12's.
class Format : public testing::Test {
protected:
  void SetUp() override
  {
    if (!has_program("clang-format"))
      GTEST_SKIP() << "there is no clang-format here: apt-get install clang-format";
    if (const auto version = run_command("clang-format --version").output;
        version.find("version 14.") == std::string::npos)
      GTEST_SKIP() << "the project is formatted with clang-format 14; here is " << version;
  }
};

TEST_F(Format, FindsALineThatIsNotFormatted)
{
  const auto result = run_command("cd '" RTLANE_SOURCE_DIR
                                  "' && printf 'int  a ;\\n' | "
                                  "clang-format --dry-run -Werror --assume-filename=core/src/a.cpp");
  EXPECT_NE(result.status, 0);
  EXPECT_THAT(result.output, testing::HasSubstr("should be clang-formatted"));
}

TEST_F(Format, OfTheProjectIsThatOfClangFormat)
{
  std::string files;
  for (const SourceFile& file : real_tree())
    if (file.is_c_family())
      files += " '" + file.path + "'";
  const auto result = run_command("cd '" RTLANE_SOURCE_DIR "' && clang-format --dry-run -Werror" + files);
  EXPECT_EQ(result.status, 0) << "./dev check --fix rewrites these:\n" << result.output;
}

}  // namespace
}  // namespace hygiene
