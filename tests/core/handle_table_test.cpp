// Handles: values, reuse, limits.
#include "../../core/src/handle_table.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>

namespace rtlane::detail {
namespace {

class Target final : public HandleTarget {
public:
  explicit Target(int& ended) : ended_(ended) {}
  ~Target() override { ++ended_; }
  [[nodiscard]] rtlane_kind kind() const noexcept override { return RTLANE_KIND_SHARED_MEMORY; }

private:
  int& ended_;
};

bool is_open(HandleTable& table, rtlane_handle handle)
{
  return table.with(handle, [](const HandleTable::Entry&) { return 0; }) == 0;
}

class HandleTableTest : public testing::Test {
protected:
  rtlane_handle add() { return table.add(std::make_shared<Target>(ended), false); }

  int ended = 0;
  HandleTable table;
};

TEST_F(HandleTableTest, GivesValuesFrom0x10000InStepsOfFour)
{
  std::set<rtlane_handle> seen;
  for (int i = 0; i < 1000; ++i) {
    const rtlane_handle handle = add();
    EXPECT_GE(handle, 0x10000U);
    EXPECT_EQ(handle % 4, 0U);
    EXPECT_TRUE(seen.insert(handle).second);
  }
}

TEST_F(HandleTableTest, RefusesValuesWithALowBitSet)
{
  const rtlane_handle handle = add();
  add();
  for (const rtlane_handle bit : {1U, 2U, 3U})
    EXPECT_FALSE(is_open(table, handle | bit));
}

TEST_F(HandleTableTest, EndsTheTargetWithItsLastPointer)
{
  const rtlane_handle first = add();
  EXPECT_NE(table.remove(first), nullptr);
  EXPECT_EQ(ended, 1);
  EXPECT_EQ(table.remove(first), nullptr);
}

TEST_F(HandleTableTest, RefusesAClosedValueForAsLongAsPromised)
{
  const rtlane_handle old = add();
  table.remove(old);
  std::set<rtlane_handle> of_its_slot;
  // Only when the slot was used 65535 times more may the value come back.
  while (true) {
    const rtlane_handle next = add();
    if ((next & 0xffff) == (old & 0xffff)) {
      if (next == old)
        break;
      EXPECT_TRUE(of_its_slot.insert(next).second);
    }
    ASSERT_FALSE(is_open(table, old));
    table.remove(next);
  }
  EXPECT_EQ(of_its_slot.size(), 65534U);
}

TEST_F(HandleTableTest, CountsAgainstTheLimitOnlyWhatIsOpen)
{
  const rtlane_handle first = add();
  add();
  EXPECT_EQ(table.check_room(2), -EMFILE);
  table.remove(first);
  EXPECT_EQ(table.check_room(2), 0);
}

TEST_F(HandleTableTest, HoldsAsManyAsItSays)
{
  for (std::uint32_t i = 0; i < handles_max; ++i)
    add();
  EXPECT_EQ(table.check_room(handles_max), -EMFILE);
}

}  // namespace
}  // namespace rtlane::detail
