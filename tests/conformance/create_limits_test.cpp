// Section A of the checklist, continued: no room, pool, tables, and many processes at once.
#include <sys/mman.h>
#include <sys/resource.h>

#include <atomic>
#include <fstream>
#include <string>
#include <vector>

#include "conformance/conformance.hpp"
#include "conformance/peer.hpp"
#include "support/child.hpp"
#include "support/mounts.hpp"
#include "support/shared_page.hpp"

namespace rtlane::conformance {
namespace {

constexpr DWORD mebibyte = 1 << 20;

// Whether a file below the directory is mapped in this process.
bool something_is_mapped_from(const std::string& directory)
{
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find(directory) != std::string::npos)
      return true;
  }
  return false;
}

TEST_F(Conformance, A27_TheLargestSizeOnAFullFileSystemIsRefusedAndLeavesNothing)
{
  const test::PrivateMount small("tmpfs", "size=8m");
  if (!small.problem().empty())
    GTEST_SKIP() << small.problem();
  const Setting elsewhere("RTLANE_DIR", small.path().c_str());
  expect_refused(create("name", 0xffffffff), ERROR_NOT_ENOUGH_MEMORY);
  expect_refused(create(nullptr, 0xffffffff), ERROR_NOT_ENOUGH_MEMORY);
  EXPECT_FALSE(something_is_mapped_from(small.path()));
  EXPECT_EQ(test::object_files(small.path()), std::vector<std::string>());
  expect_refused(open("name"), ERROR_FILE_NOT_FOUND);
  const Memory fits = create("name", 4 * mebibyte);
  expect_made(fits, ERROR_SUCCESS);
  EXPECT_TRUE(something_is_mapped_from(small.path())) << "the test looks in the wrong place";
}

TEST_F(Conformance, A27_TheLargestSizeBeyondTheFileSizeLimitIsRefusedAndLeavesNothing)
{
  auto child = test::Child::start([&] {
    const rlimit limit = {16 * mebibyte, 16 * mebibyte};
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
    const Setting tier("RTLANE_HUGE", "never");
    expect_refused(create("name", 0xffffffff), ERROR_NOT_ENOUGH_MEMORY);
    EXPECT_FALSE(something_is_mapped_from(directory()));
    EXPECT_EQ(files(), std::vector<std::string>());
    expect_refused(open("name"), ERROR_FILE_NOT_FOUND);
    expect_made(create("name", 4 * mebibyte), ERROR_SUCCESS);
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(Conformance, A28_BeyondThePoolIsRefusedAndASmallerRequestSucceeds)
{
  const Setting tier("RTLANE_HUGE", "never");
  const Setting pool("RTLANE_POOL_BYTES", "4194304");
  const Memory most = create("most", 3 * mebibyte);
  ASSERT_MADE(most, ERROR_SUCCESS);
  expect_refused(create("too much", 2 * mebibyte), ERROR_NOT_ENOUGH_MEMORY);
  expect_refused(create(nullptr, 2 * mebibyte), ERROR_NOT_ENOUGH_MEMORY);
  expect_refused(open("too much"), ERROR_FILE_NOT_FOUND);
  const Memory rest = create("rest", mebibyte);
  ASSERT_MADE(rest, ERROR_SUCCESS);
  expect_refused(create("one byte", 1), ERROR_NOT_ENOUGH_MEMORY);
  // An existing object needs no room.
  expect_made(create("most", 4 * mebibyte), ERROR_ALREADY_EXISTS);
}

TEST_F(Conformance, A29_APoolThatIsNoMultipleOf4MiBIsRefused)
{
  for (const char* value : {"5000000", "1", "4194303", "4 MiB", "-4194304", "lots"}) {
    const Setting pool("RTLANE_POOL_BYTES", value);
    SCOPED_TRACE(value);
    expect_refused(create("name", 64), ERROR_INVALID_PARAMETER);
    EXPECT_NE(std::string(rtlane_error_message()).find("RTLANE_POOL_BYTES"), std::string::npos);
  }
  const Setting pool("RTLANE_POOL_BYTES", "8388608");
  expect_made(create("name", 64), ERROR_SUCCESS);
}

TEST_F(Conformance, A30_PoolSpaceIsBackAfterTheLastClose)
{
  const Setting tier("RTLANE_HUGE", "never");
  const Setting pool("RTLANE_POOL_BYTES", "4194304");
  Memory first = create("first", 4 * mebibyte);
  ASSERT_MADE(first, ERROR_SUCCESS);
  Memory again = open("first");
  ASSERT_MADE(again, preset_error);
  expect_refused(create("second", 4 * mebibyte), ERROR_NOT_ENOUGH_MEMORY);
  EXPECT_TRUE(first.close());
  expect_refused(create("second", 4 * mebibyte), ERROR_NOT_ENOUGH_MEMORY);
  EXPECT_TRUE(again.close());
  expect_made(create("second", 4 * mebibyte), ERROR_SUCCESS);
}

TEST_F(Conformance, A30_PoolSpaceIsBackAfterTheLastHolderWasKilled)
{
  const Setting tier("RTLANE_HUGE", "never");
  const Setting pool("RTLANE_POOL_BYTES", "4194304");
  Peer peer;
  ASSERT_NE(peer.create("first", 4 * mebibyte).handle, nullptr);
  expect_refused(create("second", 4 * mebibyte), ERROR_NOT_ENOUGH_MEMORY);
  peer.end(Ending::is_killed);
  expect_made(create("second", 4 * mebibyte), ERROR_SUCCESS);
}

TEST_F(Conformance, A32_OfManyProcessesThatRaceExactlyOneCreates)
{
  constexpr int processes = 12;
  constexpr int rounds = 20;
  struct Board {
    std::atomic<int> ready{0};
    std::atomic<int> go{0};
    std::atomic<int> made{0};
    std::atomic<int> checked{0};
    std::atomic<int> created{0};
    std::atomic<int> existed{0};
    std::atomic<int> wrong{0};
  };
  for (int round = 0; round < rounds; ++round) {
    test::SharedPage<Board> board;
    std::vector<test::Child> children;
    children.reserve(processes);
    for (int number = 0; number < processes; ++number) {
      children.push_back(test::Child::start([&, number] {
        ++board->ready;
        if (!test::eventually([&] { return board->go.load() != 0; }))
          return 1;
        const Memory memory = create("raced", 64);
        if (memory.handle == nullptr)
          ++board->wrong;
        else
          memory.bytes()[number] = 1;
        ++(memory.error == ERROR_SUCCESS          ? board->created
           : memory.error == ERROR_ALREADY_EXISTS ? board->existed
                                                  : board->wrong);
        ++board->made;
        // Nobody closes before all have it, else a second creation would be right.
        if (!test::eventually([&] { return board->made.load() == processes; }))
          return 1;
        if (memory.handle != nullptr) {
          for (int other = 0; other < processes; ++other)
            board->wrong += memory.bytes()[other] != 1 ? 1 : 0;
        }
        ++board->checked;
        return test::eventually([&] { return board->checked.load() == processes; }) ? 0 : 1;
      }));
    }
    ASSERT_TRUE(test::eventually([&] { return board->ready.load() == processes; }));
    board->go = 1;
    for (test::Child& child : children)
      ASSERT_EQ(child.wait(), 0);
    ASSERT_EQ(board->created.load(), 1) << "round " << round;
    ASSERT_EQ(board->existed.load(), processes - 1) << "round " << round;
    ASSERT_EQ(board->wrong.load(), 0) << "round " << round;
  }
}

TEST_F(Conformance, A38_AFullHandleTableIsRefused)
{
  const Setting limit("RTLANE_MAX_HANDLES", "3");
  const Memory first = create("name", 64);
  const Memory second = create("name", 64);
  Memory third = open("name");
  ASSERT_MADE(third, preset_error);
  expect_refused(create("name", 64), ERROR_NO_SYSTEM_RESOURCES);
  expect_refused(create("other", 64), ERROR_NO_SYSTEM_RESOURCES);
  expect_refused(create(nullptr, 64), ERROR_NO_SYSTEM_RESOURCES);
  expect_refused(open("name"), ERROR_NO_SYSTEM_RESOURCES);
  EXPECT_EQ(files().size(), 1u);
  EXPECT_TRUE(third.close());
  expect_made(open("name"), preset_error);
}

TEST_F(Conformance, A39_AFullObjectTableIsRefused)
{
  const Setting limit("RTLANE_MAX_OBJECTS", "2");
  Peer peer;
  ASSERT_NE(peer.create("theirs", 64).handle, nullptr);
  const Memory first = create("first", 64);
  Memory second = create(nullptr, 64);
  ASSERT_MADE(second, ERROR_SUCCESS);
  expect_refused(create("third", 64), ERROR_NO_SYSTEM_RESOURCES);
  expect_refused(create(nullptr, 64), ERROR_NO_SYSTEM_RESOURCES);
  expect_refused(open("theirs"), ERROR_NO_SYSTEM_RESOURCES);
  // More handles to one object cost no object.
  expect_made(create("first", 64), ERROR_ALREADY_EXISTS);
  EXPECT_TRUE(second.close());
  expect_made(open("theirs"), preset_error);
  expect_made(create("third", 64), ERROR_SUCCESS);
}

}  // namespace
}  // namespace rtlane::conformance
