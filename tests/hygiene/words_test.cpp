#include <gmock/gmock.h>

#include "checks.hpp"
#include "real_tree.hpp"

namespace hygiene {
namespace {

using testing::HasSubstr;

std::string check(const std::string& line, const std::string& root = "/farm/box/rtlane")
{
  return to_text(check_words({SourceFile("core/src/a.cpp", line + "\n")}, root));
}

TEST(Words, FindsAPathOfThisMachine)
{
  EXPECT_THAT(check("open(\"/farm/box/rtlane/x\");"), HasSubstr("a path of this machine"));
  EXPECT_THAT(check("// see /farm/box/other"), HasSubstr("a path of this machine"));
  EXPECT_EQ(check("#include \"core/farm/box.hpp\""), "");
  EXPECT_EQ(check("open(\"/tmp/x\");", "/tmp/rtlane"), "");
}

TEST(Words, FindsSomebodysHome)
{
  EXPECT_THAT(check("open(\"/" + std::string("home/") + "eve/x\");"), HasSubstr("home folder"));
}

TEST(Words, FindsAHostThatOnlySomeNetworksKnow)
{
  EXPECT_THAT(check("// http:" + std::string("//10.0.0.7/deb")), HasSubstr("a host that only some networks know"));
  EXPECT_THAT(check("// http:" + std::string("//box:8080/")), HasSubstr("a host that only some networks know"));
  EXPECT_EQ(check("// https://www.kernel.org/doc"), "");
}

TEST(Words, FindsANoteToSelf)
{
  EXPECT_THAT(check("// TO" + std::string("DO: later")), HasSubstr("a note to self"));
  EXPECT_EQ(check("char name[] = \"/tmp/x-XXXXXX\";"), "");
}

TEST(Words, FindsAConflictMarker)
{
  EXPECT_THAT(check("<<<<" + std::string("<<< ours")), HasSubstr("a conflict marker"));
}

TEST(Words, FindsTheInterferenceSizeInCodeButNotInAComment)
{
  const std::string word = "hardware_destructive_interference_size";
  EXPECT_THAT(check("alignas(std::" + word + ") int a;"), HasSubstr("cache_line_bytes"));
  EXPECT_EQ(check("// never std::" + word), "");
}

TEST(Words, FindsALineThatEndsInCarriageReturn)
{
  EXPECT_THAT(check("int a;\r"), HasSubstr("CR LF"));
}

TEST(Words, OfTheProjectAreFitToPublish)
{
  EXPECT_EQ(to_text(check_words(real_tree(), RTLANE_SOURCE_DIR)), "");
}

}  // namespace
}  // namespace hygiene
