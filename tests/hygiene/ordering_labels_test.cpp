#include <gmock/gmock.h>

#include "checks.hpp"
#include "real_tree.hpp"

namespace hygiene {
namespace {

using testing::HasSubstr;

std::string check(const std::string& text)
{
  return to_text(check_ordering_labels({SourceFile("channels/include/rtlane/channels/a.hpp", text)}));
}

constexpr const char* table = "// P1 tail, release -> C1 tail, acquire\n\n";
constexpr const char* publish = "tail.store(1, std::memory_order_release);  // P1, pairs with C1\n";
constexpr const char* take = "tail.load(std::memory_order_acquire);  // C1, pairs with P1\n";

TEST(OrderingLabels, AcceptsAPairThatIsLabelledAndInTheTable)
{
  EXPECT_EQ(check(std::string(table) + publish + take), "");
}

TEST(OrderingLabels, AcceptsALabelAtAnyLineOfTheStatementOrAboveIt)
{
  EXPECT_EQ(check(std::string(table) +
                  "// P1, pairs with C1\ntail.store(1,\n           std::memory_order_release);\n"
                  "while (tail.load(std::memory_order_acquire) ==  // C1, pairs with P1\n       seen)\n  pause();\n"),
            "");
}

TEST(OrderingLabels, FindsAnAcquireOrReleaseWithoutALabel)
{
  EXPECT_THAT(check("a.load(std::memory_order_acquire);\n"),
              HasSubstr("a.hpp:1: an acquire or release without a label"));
  EXPECT_EQ(check(std::string(table) +
                  "a.store(1, std::memory_order_release);  // P1 release, pairs with C1: the tail\n" + take),
            "");
  EXPECT_THAT(check("a.store(1, std::memory_order::release);  // for C1\n"), HasSubstr("without a label"));
  EXPECT_THAT(check("std::atomic_thread_fence(std::memory_order_seq_cst);\n"), HasSubstr("without a label"));
  EXPECT_THAT(check("__atomic_load_n(&a, __ATOMIC_ACQUIRE);\n"), HasSubstr("without a label"));
}

TEST(OrderingLabels, FindsAPartnerThatDoesNotExist)
{
  EXPECT_THAT(check(std::string(table) + publish), HasSubstr("P1 pairs with C1, but no statement is labelled C1"));
}

TEST(OrderingLabels, FindsAPartnerThatNamesAnother)
{
  EXPECT_THAT(check(std::string(table) + publish + "tail.load(std::memory_order_acquire);  // C1, pairs with P2\n"),
              HasSubstr("C1 does not say \"pairs with P1\""));
}

TEST(OrderingLabels, FindsAPairOfTwoReleases)
{
  EXPECT_THAT(check(std::string(table) + publish + "tail.store(2, std::memory_order_release);  // C1, pairs with P1\n"),
              HasSubstr("one of a pair releases and the other acquires"));
}

TEST(OrderingLabels, FindsAPairThatTheTableDoesNotHave)
{
  EXPECT_THAT(check(std::string(publish) + take), HasSubstr("no line with P1 -> C1"));
}

TEST(OrderingLabels, FollowsAPartnerIntoAFileThatSharesTheTable)
{
  const SourceFile header("core/src/words.hpp", table);
  const SourceFile one("core/src/one.cpp", std::string("#include \"words.hpp\"\n") + publish);
  const SourceFile two("core/src/two.cpp", std::string("#include \"words.hpp\"\n") + take);
  const SourceFile stranger("core/src/two.cpp", std::string(table) + take);
  EXPECT_EQ(to_text(check_ordering_labels({header, one, two})), "");
  EXPECT_THAT(to_text(check_ordering_labels({header, one, stranger})), HasSubstr("no statement is labelled C1"));
}

TEST(OrderingLabels, FindsARelaxedOperationWithoutAReason)
{
  EXPECT_THAT(check("a.load(std::memory_order_relaxed);\n"), HasSubstr("a relaxed operation without a reason"));
  EXPECT_EQ(check("a.load(std::memory_order_relaxed);  // only this side writes it\n"), "");
  EXPECT_EQ(check("// only this side writes it\na.load(std::memory_order_relaxed);\n"), "");
}

TEST(OrderingLabels, AcceptsOneReasonForTheOperationsOfAParagraph)
{
  EXPECT_EQ(check("// relaxed: only this side writes it\nvoid bump()\n{\n  a.load(std::memory_order_relaxed);\n}\n"),
            "");
  EXPECT_EQ(
      check("// relaxed: figures\na.store(1, std::memory_order_relaxed);\nb.store(1, std::memory_order_relaxed);\n"),
      "");
  EXPECT_NE(check("// relaxed: figures\n\nb();\na.load(std::memory_order_relaxed);\n"), "");
  EXPECT_NE(check("// Adds one.\nvoid bump()\n{\n  a.load(std::memory_order_relaxed);\n}\n"), "");
}

TEST(OrderingLabels, IgnoresOrdersThatStandInComments)
{
  EXPECT_EQ(check("// memory_order_acquire would do too\nint a;\n"), "");
}

TEST(OrderingLabels, OfTheProjectPairUp)
{
  EXPECT_EQ(to_text(check_ordering_labels(real_tree())), "");
}

}  // namespace
}  // namespace hygiene
