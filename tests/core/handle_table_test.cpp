// Handles: values, reuse, limits.
#include "../../core/src/handle_table.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "../../core/src/process.hpp"
#include "support/child.hpp"

namespace rtlane::detail {
namespace {

class Target final : public HandleTarget {
public:
  explicit Target(std::atomic<int>& ended) : ended_(ended) {}
  ~Target() override { ++ended_; }
  [[nodiscard]] rtlane_kind kind() const noexcept override { return RTLANE_KIND_SHARED_MEMORY; }

private:
  std::atomic<int>& ended_;
};

class HandleTableTest : public testing::Test {
protected:
  rtlane_handle add() { return table.add(std::make_shared<Target>(ended), false); }
  bool is_open(rtlane_handle handle) { return static_cast<bool>(table.pin(handle)); }
  int close(rtlane_handle handle)
  {
    std::shared_ptr<HandleTarget> last;
    return table.remove(handle, last);
  }

  std::atomic<int> ended = 0;
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
    EXPECT_FALSE(is_open(handle | bit));
}

TEST_F(HandleTableTest, EndsTheTargetWithItsLastPointer)
{
  const rtlane_handle first = add();
  EXPECT_EQ(close(first), 0);
  EXPECT_EQ(ended, 1);
  EXPECT_EQ(close(first), -EBADF);
}

TEST_F(HandleTableTest, RefusesAClosedValueForAsLongAsPromised)
{
  const rtlane_handle old = add();
  close(old);
  std::set<rtlane_handle> of_its_slot;
  // Only when the slot was used 65535 times more may the value come back.
  while (true) {
    const rtlane_handle next = add();
    if ((next & 0xffff) == (old & 0xffff)) {
      if (next == old)
        break;
      EXPECT_TRUE(of_its_slot.insert(next).second);
    }
    ASSERT_FALSE(is_open(old));
    close(next);
  }
  EXPECT_EQ(of_its_slot.size(), 65534U);
}

TEST_F(HandleTableTest, CountsAgainstTheLimitOnlyWhatIsOpen)
{
  const rtlane_handle first = add();
  add();
  EXPECT_EQ(table.check_room(2), -EMFILE);
  close(first);
  EXPECT_EQ(table.check_room(2), 0);
}

TEST_F(HandleTableTest, HoldsAsManyAsItSays)
{
  for (std::uint32_t i = 0; i < handles_max; ++i)
    add();
  EXPECT_EQ(table.check_room(handles_max), -EMFILE);
}

TEST_F(HandleTableTest, RefusesWhatIsClosedWhilePinnedAndEndsItWithTheLastPin)
{
  const rtlane_handle handle = add();
  auto first = std::make_unique<HandleTable::Pin>(table.pin(handle));
  auto second = std::make_unique<HandleTable::Pin>(table.pin(handle));
  ASSERT_TRUE(*first && *second);
  EXPECT_EQ(close(handle), 0);
  EXPECT_FALSE(is_open(handle));
  EXPECT_EQ(close(handle), -EBADF);
  EXPECT_EQ(first->target()->kind(), RTLANE_KIND_SHARED_MEMORY);
  first.reset();
  EXPECT_EQ(ended, 0);
  second.reset();
  EXPECT_EQ(ended, 1);
}

TEST_F(HandleTableTest, ASlotThatIsStillPinnedIsNotUsedAgain)
{
  const rtlane_handle handle = add();
  auto pin = std::make_unique<HandleTable::Pin>(table.pin(handle));
  close(handle);
  EXPECT_EQ(table.check_room(1), 0) << "a closed handle is none";
  for (int i = 0; i < 1000; ++i) {
    const rtlane_handle next = add();
    ASSERT_NE(next & 0xffff, handle & 0xffff);
    close(next);
  }
  const int before = ended;
  pin.reset();
  EXPECT_EQ(ended, before + 1);
}

// Threads ask about handles that others close and make again; what they have pinned stays what it was.
TEST_F(HandleTableTest, ThreadsMayAskWhileHandlesAreClosedAndMade)
{
  std::atomic<rtlane_handle> shown{0};
  std::atomic<bool> end{false};
  std::atomic<std::uint64_t> found{0};
  std::vector<std::thread> asking;
  asking.reserve(3);
  for (int i = 0; i < 3; ++i) {
    asking.emplace_back([&] {
      while (!end) {
        const HandleTable::Pin pin = table.pin(shown);
        if (pin) {
          ASSERT_EQ(pin.target()->kind(), RTLANE_KIND_SHARED_MEMORY);
          ++found;
        }
      }
    });
  }
  int made = 0;
  while (made < 20000 || found < 1000) {
    const auto alone = Process::instance().enter();
    const rtlane_handle handle = add();
    ++made;
    shown = handle;
    if (made % 16 == 0)
      std::this_thread::yield();
    EXPECT_EQ(close(handle), 0);
  }
  end = true;
  for (std::thread& thread : asking)
    thread.join();
  EXPECT_EQ(ended, made) << "each ends once, and none is left";
}

// A thread that had something pinned is not in a fork child, and must not keep a handle there.
TEST_F(HandleTableTest, PinsOfTheParentsThreadsDoNotCountInAForkChild)
{
  const rtlane_handle handle = add();
  const HandleTable::Pin pin = table.pin(handle);
  test::Child child = test::Child::start([&] {
    table.forget_pins_in_fork_child();
    EXPECT_EQ(close(handle), 0);
    EXPECT_EQ(ended, 1);
  });
  EXPECT_EQ(child.wait(), 0);
}

}  // namespace
}  // namespace rtlane::detail
