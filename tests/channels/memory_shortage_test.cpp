// A ring in private memory that does not fit: refused with the numbers in the sentence, never killed.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <fstream>
#include <memory>
#include <string>

#include "ring_support.hpp"
#include "support/child.hpp"
#include "support/undo.hpp"
#include "support/watchdog.hpp"

namespace {

using namespace rtlane::test;
using Ring = rtlane::SpscRing<Message>;

constexpr std::uint64_t slots_per_mib = (1 << 20) / 64;

bool contains(const std::string& text, const char* part)
{
  return text.find(part) != std::string::npos;
}

// A memory cgroup of 64 MiB, v1 or v2; its path, or "" when none can be made.
std::string small_cgroup()
{
  for (const char* hierarchy : {"/sys/fs/cgroup/memory", "/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
    std::string path = hierarchy + std::string("/rtlane-test-") + std::to_string(getpid());
    if (mkdir(path.c_str(), 0755) != 0)
      continue;
    for (const char* file : {"/memory.limit_in_bytes", "/memory.max"}) {
      if (access((path + file).c_str(), W_OK) == 0) {
        std::ofstream(path + file) << (64 << 20);
        return path;
      }
    }
    rmdir(path.c_str());
  }
  return "";
}

TEST(PrivateMemoryShortage, UnderACgroupLimit)
{
  const Watchdog watchdog(60);
  const std::string group = small_cgroup();
  if (group.empty())
    GTEST_SKIP() << "no memory cgroup can be made here";
  const Undo undo("for i in 1 2 3 4 5 6 7 8 9; do rmdir '" + group + "' && break; sleep 0.2; done");
  Child child = Child::start([&] {
    std::ofstream(group + "/cgroup.procs") << getpid() << std::flush;
    const auto large = Ring::in_memory(256 * slots_per_mib);
    ASSERT_FALSE(large);
    EXPECT_EQ(large.error().code, ENOMEM);
    EXPECT_TRUE(contains(large.error().message, "64 MiB") && contains(large.error().message, "cgroup"))
        << large.error().message;
    const auto small = Ring::in_memory(4 * slots_per_mib);
    EXPECT_TRUE(small) << small.error().message;
  });
  EXPECT_EQ(child.wait(), 0) << "-9 = killed for lack of memory instead of refused";
}

TEST(PrivateMemoryShortage, MoreThanTheMachineHas)
{
  const auto ring = Ring::in_memory((std::uint64_t{1} << 26) * slots_per_mib);  // 64 TiB
  ASSERT_FALSE(ring);
  EXPECT_EQ(ring.error().code, ENOMEM);
  EXPECT_TRUE(contains(ring.error().message, "64 TiB") && contains(ring.error().message, "available"))
      << ring.error().message;
}

}  // namespace
