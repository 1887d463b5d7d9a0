// As object_kill_test.cpp, at every entry and every exit, whatever the call.
#include <gtest/gtest.h>

#include "crash/object_kill.hpp"

namespace rtlane::test {
namespace {

class ObjectKillSoak : public ObjectKill {};

TEST_P(ObjectKillSoak, AtEachEntryAndExitOfASystemCall)
{
  sweep(true);
}

INSTANTIATE_TEST_SUITE_P(Tiers, ObjectKillSoak,
                         ::testing::Values(Tier::small, Tier::small_without_tmpfile, Tier::transparent_huge,
                                           Tier::hugetlb),
                         [](const auto& tier) { return name_of(tier.param); });

}  // namespace
}  // namespace rtlane::test
