#include <gmock/gmock.h>

#include <algorithm>

#include "checks.hpp"
#include "command.hpp"
#include "real_tree.hpp"

namespace hygiene {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const SourceFile& version_map()
{
  return *std::find_if(real_tree().begin(), real_tree().end(),
                       [](const SourceFile& file) { return file.path == "core/packaging/rtlane.map"; });
}

TEST(Exports, DeclarationsAreReadFromPublicHeaders)
{
  const Tree tree = {SourceFile("core/include/rtlane/core/a.h",
                                "#define RTLANE_API __attribute__((visibility(\"default\")))\n"
                                "/* RTLANE_API int not_this(void); */\n"
                                "RTLANE_API const char* rtlane_a(void) RTLANE_NOEXCEPT;\n"
                                "RTLANE_API HANDLE\nRtB(int (*callback)(int),\n    int x);\n"
                                "inline int not_that(void) { return 0; }\n"),
                     SourceFile("core/src/b.hpp", "RTLANE_API int not_public(void);\n")};
  EXPECT_THAT(declared_functions(tree), ElementsAre("RtB", "rtlane_a"));
}

TEST(Exports, TheListIsReadFromTheVersionMap)
{
  EXPECT_THAT(
      listed_functions(SourceFile("x.map", "RTLANE_0 {\n  global:\n    # no;\n    a;\n    b;\n  local:\n    *;\n};\n")),
      ElementsAre("a", "b"));
}

TEST(Exports, SymbolsAreReadFromNm)
{
  EXPECT_THAT(exported_symbols("0000000000000000 A RTLANE_0\n0000000000001234 T a@@RTLANE_0\n0000000000001240 W b\n"),
              ElementsAre("a", "b"));
}

TEST(Exports, ADifferenceIsToldBothWays)
{
  EXPECT_EQ(difference({"a", "b"}, "the list", {"b", "c"}, "the library"),
            "a is in the list but not in the library\nc is in the library but not in the list\n");
  EXPECT_EQ(difference({"a"}, "the list", {"a"}, "the library"), "");
}

TEST(Exports, EveryDeclaredFunctionIsInTheVersionMapAndNothingElse)
{
  const auto declared = declared_functions(real_tree());
  EXPECT_GT(declared.size(), 10u);
  EXPECT_EQ(difference(declared, "the public headers", listed_functions(version_map()), version_map().path), "");
}

TEST(Exports, TheLibraryExportsExactlyTheVersionMap)
{
  const CommandResult nm = run_command("nm -D --defined-only " RTLANE_SHARED_LIBRARY);
  ASSERT_EQ(nm.status, 0) << nm.output;
  EXPECT_EQ(difference(listed_functions(version_map()), version_map().path, exported_symbols(nm.output), "the library"),
            "");
}

TEST(Exports, TheLibraryCarriesTheSonameOfItsMajorVersion)
{
  const CommandResult readelf = run_command("readelf -d " RTLANE_SHARED_LIBRARY);
  ASSERT_EQ(readelf.status, 0) << readelf.output;
  EXPECT_THAT(readelf.output, HasSubstr("Library soname: [librtlane.so.0]"));
}

}  // namespace
}  // namespace hygiene
