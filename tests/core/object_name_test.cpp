// From names to file names: limits, look-alikes, and what counts as a character.
#include "../../core/src/object_name.hpp"

#include <gtest/gtest.h>
#include <rtlane/core/shm.h>

#include <cerrno>
#include <set>
#include <string>

namespace rtlane::detail {
namespace {

std::string repeat(const std::string& text, int times)
{
  std::string all;
  while (times-- > 0)
    all += text;
  return all;
}

TEST(ObjectName, MayHave260CharactersOfAnyLength)
{
  EXPECT_EQ(check_name(repeat("x", 260)), 0);
  EXPECT_EQ(check_name(repeat("\xc3\xa4", 260)), 0);          // 2 bytes each
  EXPECT_EQ(check_name(repeat("\xe2\x82\xac", 260)), 0);      // 3
  EXPECT_EQ(check_name(repeat("\xf0\x9f\x9a\x80", 260)), 0);  // 4
  EXPECT_EQ(check_name(repeat("x", 261)), -ENAMETOOLONG);
  EXPECT_EQ(check_name(repeat("\xf0\x9f\x9a\x80", 261)), -ENAMETOOLONG);
}

TEST(ObjectName, CountsEachByteThatIsNotUtf8)
{
  EXPECT_EQ(check_name(repeat("\xff", 260)), 0);
  EXPECT_EQ(check_name(repeat("\xff", 261)), -ENAMETOOLONG);
  EXPECT_EQ(check_name(repeat("\xc3", 261)), -ENAMETOOLONG);  // a sequence that never ends
  EXPECT_EQ(check_name(repeat("\xc0\x80", 130)), 0);          // an overlong form: two bytes, two characters
  EXPECT_EQ(check_name(repeat("\xc0\x80", 131)), -ENAMETOOLONG);
  EXPECT_EQ(check_name(repeat("\xed\xa0\x80", 87)), -ENAMETOOLONG);      // surrogates
  EXPECT_EQ(check_name(repeat("\xf4\x90\x80\x80", 66)), -ENAMETOOLONG);  // beyond U+10FFFF
}

TEST(ObjectName, MayNotHoldABackslash)
{
  EXPECT_EQ(check_name("a\\b"), -EINVAL);
  EXPECT_NE(std::string(rtlane_error_message()).find("byte 1"), std::string::npos) << rtlane_error_message();
}

TEST(ObjectName, GivesEveryLookAlikeAFileOfItsOwn)
{
  const std::string names[] = {"a/b", "a%2fb",   "a%2Fb", "a b", "a_b", "a.b", "A.b", ".a",   "a",        "a\n",
                               "..",  "../../x", "~",     "a~",  "-",   " ",   "%",   "\xff", "\xc3\xa4", "a\xcc\x88"};
  std::set<std::string> files;
  for (const std::string& name : names) {
    const std::string file = file_name_for(name).text;
    EXPECT_TRUE(files.insert(file).second) << name;
    EXPECT_TRUE(is_object_file_name(file)) << file;
    EXPECT_EQ(file.find('/'), std::string::npos);
    EXPECT_NE(file[0], '.');
  }
}

TEST(ObjectName, StaysWithinAFileNameAlsoForLongNames)
{
  const std::string file = file_name_for(repeat("\xf0\x9f\x9a\x80", 260)).text;
  EXPECT_LE(file.size() + 17, 255U);  // ".<generation>" of a payload
  EXPECT_TRUE(is_object_file_name(file));
}

TEST(ObjectName, TellsLongNamesApartThatDifferAtTheEndOnly)
{
  const std::string front = repeat("x", 200);
  EXPECT_NE(file_name_for(front + "1").text, file_name_for(front + "2").text);
}

// The hash is part of the layout: other implementations compute it too. Reference: FNV-1a-128 of "a" and "".
TEST(ObjectName, HashesAsFnv1aWith128Bits)
{
  EXPECT_EQ(file_name_for("").text, "~6c62272e07bb014262b821756295c58d");
  EXPECT_EQ(file_name_for("a").text, "a~d228cb696f1a8caf78912b704e4a8964");
}

TEST(ObjectName, RecognizesOnlyItsOwnForm)
{
  EXPECT_FALSE(is_object_file_name(".lock"));
  EXPECT_FALSE(is_object_file_name(".tmp~0123456789abcdef"));
  EXPECT_FALSE(is_object_file_name("core.1234"));
  EXPECT_FALSE(is_object_file_name("x~d228cb696f1a8caf78912b704e4a896"));
  EXPECT_FALSE(is_object_file_name("x~D228CB696F1A8CAF78912B704E4A8964"));
  EXPECT_FALSE(is_object_file_name(""));
}

}  // namespace
}  // namespace rtlane::detail
