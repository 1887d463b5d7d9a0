#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>

#include "command.hpp"
#include "real_tree.hpp"

namespace hygiene {
namespace {

constexpr const char* warnings = " -fsyntax-only -Wall -Wextra -Wshadow -Wpedantic -Wcast-qual -Wundef -Werror";

// Includes the header twice and nothing else, so that it brings what it needs and guards itself. A component's header
// sees only the components below it.
CommandResult compile_alone(const std::string& compiler, const std::string& language, const std::string& folders,
                            const std::string& header)
{
  const std::string line = "#include <" + header + ">\\n";
  return run_command("printf '" + line + line + "' | " + compiler + " " + language + warnings + folders + " -");
}

std::string folders_seen_by(const SourceFile& header)
{
  std::string folders;
  for (const char* component : {"core", "channels", "rt"}) {
    folders += " -I '" RTLANE_SOURCE_DIR "/" + std::string(component) + "/include'";
    if (header.is_in(component))
      break;
  }
  return folders;
}

// Every public header with one of the extensions, in each of the languages, with one compiler.
std::string compile_all(const std::string& compiler, std::initializer_list<std::string_view> extensions,
                        std::initializer_list<const char*> languages)
{
  std::string errors;
  int count = 0;
  for (const SourceFile& file : real_tree()) {
    const std::size_t include = file.path.find("/include/");
    if (include == std::string::npos || file.is_in("tests") || !file.has_extension(extensions))
      continue;
    for (const char* language : languages) {
      const auto result =
          compile_alone(compiler, language, folders_seen_by(file), file.path.substr(include + sizeof "/include/" - 1));
      if (result.status != 0)
        errors += file.path + " does not compile alone with " + compiler + " " + language + ":\n" + result.output;
      ++count;
    }
  }
  EXPECT_GT(count, 0);
  return errors;
}

class Headers : public testing::TestWithParam<const char*> {
protected:
  void SetUp() override
  {
    if (!has_program(GetParam()))
      GTEST_SKIP() << "there is no " << GetParam() << " here";
  }
};

constexpr auto cpp = "-x c++ -std=c++20";

TEST_P(Headers, ThatNeedAnotherOneFirstAreFound)
{
  char folder[] = "/tmp/rtlane-headers-XXXXXX";
  ASSERT_NE(mkdtemp(folder), nullptr);
  const std::string path = folder;
  std::ofstream(path + "/needy.hpp") << "#pragma once\ninline std::size_t f() { return 0; }\n";
  std::ofstream(path + "/unguarded.hpp") << "inline int f() { return 0; }\n";
  std::ofstream(path + "/good.hpp") << "#pragma once\n#include <cstddef>\ninline std::size_t f() { return 0; }\n";
  EXPECT_NE(compile_alone(GetParam(), cpp, " -I " + path, "needy.hpp").status, 0);
  EXPECT_NE(compile_alone(GetParam(), cpp, " -I " + path, "unguarded.hpp").status, 0);
  EXPECT_EQ(compile_alone(GetParam(), cpp, " -I " + path, "good.hpp").status, 0);
  std::filesystem::remove_all(path);
}

TEST_P(Headers, InCxxCompileAlone)
{
  EXPECT_EQ(compile_all(GetParam(), {".hpp"}, {cpp}), "");
}

TEST_P(Headers, InCCompileAloneAsCAndAsCxx)
{
  EXPECT_EQ(compile_all(GetParam(), {".h"}, {"-x c -std=c99", cpp}), "");
}

#ifdef RTLANE_TEST_EVERY_COMPILER
TEST_P(Headers, InCCompileAloneAsC11)
{
  EXPECT_EQ(compile_all(GetParam(), {".h"}, {"-x c -std=c11"}), "");
}

constexpr const char* compilers[] = {"g++", "clang++"};
#else
constexpr const char* compilers[] = {"g++"};
#endif
INSTANTIATE_TEST_SUITE_P(Public, Headers, testing::ValuesIn(compilers),
                         [](const testing::TestParamInfo<const char*>& compiler) {
                           return std::string(compiler.param) == "g++" ? "Gcc" : "Clang";
                         });

}  // namespace
}  // namespace hygiene
