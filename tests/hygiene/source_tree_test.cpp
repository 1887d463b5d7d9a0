#include "source_tree.hpp"

#include <gmock/gmock.h>

#include "real_tree.hpp"

namespace hygiene {
namespace {

using testing::ElementsAre;

TEST(SourceTree, CommentsAreKeptApartFromCode)
{
  const SourceFile file("core/src/a.cpp", "int a;  // one\n/* two\n   lines */ int b;\n");
  EXPECT_THAT(file.code, ElementsAre("int a;        ", "      ", "            int b;"));
  EXPECT_THAT(file.comments, ElementsAre("        // one", "/* two", "   lines */       "));
}

TEST(SourceTree, WhatStandsInLiteralsIsNeitherCodeNorComment)
{
  const SourceFile file("core/src/a.cpp",
                        "auto s = \"// \\\" no\"; char c = '\"'; int n = 1'000;\nauto r = R\"(/* no */)\"; int x;\n");
  EXPECT_EQ(file.code[0], "auto s = \"        \"; char c = ' '; int n = 1'000;");
  EXPECT_EQ(file.code[1].substr(file.code[1].size() - 7), " int x;");
  EXPECT_EQ(file.comments[0].find_first_not_of(' '), std::string::npos);
  EXPECT_EQ(file.comments[1].find_first_not_of(' '), std::string::npos);
}

TEST(SourceTree, HoldsTheFilesOfEveryComponentAndNoBuildOutput)
{
  const auto count_in = [](const std::string& folder) {
    return std::count_if(real_tree().begin(), real_tree().end(), [&](const auto& file) { return file.is_in(folder); });
  };
  EXPECT_GT(count_in("core/include/rtlane/core"), 0);
  EXPECT_GT(count_in("channels/include/rtlane/channels"), 0);
  EXPECT_GT(count_in("tests/hygiene"), 0);
  EXPECT_EQ(count_in("build"), 0);
}

}  // namespace
}  // namespace hygiene
