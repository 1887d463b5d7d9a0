// Leases: one holder, known to be alive by the kernel alone.
#include <gtest/gtest.h>
#include <rtlane/core/lease.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>
#include <thread>

#include "support/child.hpp"
#include "support/shm.hpp"
#include "support/temp_namespace.hpp"

namespace rtlane::test {
namespace {

class Lease : public testing::Test {
protected:
  TempNamespace directory;
  Shm object = Shm::create("robot", 64);
};

TEST_F(Lease, IsHeldByOneAtATimeAlsoWithinAProcess)
{
  rtlane_lease first = {};
  rtlane_lease second = {};
  ASSERT_EQ(rtlane_lease_acquire(object.handle, 7, &first), 0);
  EXPECT_EQ(rtlane_lease_acquire(object.handle, 7, &second), -EBUSY);
  EXPECT_EQ(second.owner_, 0U) << "an output parameter was touched";
  EXPECT_EQ(rtlane_lease_acquire(object.handle, 8, &second), 0) << "another number is another lease";
  rtlane_lease_release(&first);
  rtlane_lease_release(&second);
  EXPECT_EQ(rtlane_lease_held(object.handle, 7), 0);
}

TEST_F(Lease, IsSeenFromOtherProcesses)
{
  rtlane_lease lease = {};
  ASSERT_EQ(rtlane_lease_acquire(object.handle, 0, &lease), 0);
  Child other = Child::start([&] {
    const Shm mine = Shm::open("robot");
    rtlane_lease wanted = {};
    EXPECT_EQ(rtlane_lease_held(mine.handle, 0), 1);
    EXPECT_EQ(rtlane_lease_acquire(mine.handle, 0, &wanted), -EBUSY);
    EXPECT_EQ(rtlane_lease_held(mine.handle, 1), 0);
  });
  EXPECT_EQ(other.wait(), 0);
  rtlane_lease_release(&lease);
}

TEST_F(Lease, EndsWithAKilledHolder)
{
  Child holder = Child::start([&] {
    rtlane_lease lease = {};
    EXPECT_EQ(rtlane_lease_acquire(object.handle, 0, &lease), 0);
    raise(SIGSTOP);
  });
  ASSERT_TRUE(holder.wait_stopped());
  EXPECT_EQ(rtlane_lease_held(object.handle, 0), 1) << "a stopped holder is alive";
  rtlane_lease lease = {};
  EXPECT_EQ(rtlane_lease_acquire(object.handle, 0, &lease), -EBUSY);
  holder.kill_now();
  EXPECT_EQ(rtlane_lease_held(object.handle, 0), 0);
  EXPECT_EQ(rtlane_lease_acquire(object.handle, 0, &lease), 0);
  rtlane_lease_release(&lease);
}

TEST_F(Lease, IsNotInheritedByAForkChild)
{
  rtlane_lease lease = {};
  ASSERT_EQ(rtlane_lease_acquire(object.handle, 0, &lease), 0);
  Child heir = Child::start([&] {
    raise(SIGSTOP);
    // The child's copy stands for nothing: giving it back must not unmap what lies there now.
    rtlane_lease_release(&lease);
    EXPECT_EQ(lease.owner_, 0U);
  });
  ASSERT_TRUE(heir.wait_stopped());
  rtlane_lease_release(&lease);
  EXPECT_EQ(rtlane_lease_held(object.handle, 0), 0) << "the fork child kept its parent's lease";
  heir.signal(SIGCONT);
  EXPECT_EQ(heir.wait(), 0);
}

TEST_F(Lease, SurvivesTheDaemonHabitOfClosingEveryDescriptor)
{
  Child daemon = Child::start([&] {
    const Shm mine = Shm::open("robot");
    rtlane_lease lease = {};
    EXPECT_EQ(rtlane_lease_acquire(mine.handle, 3, &lease), 0);
    for (int fd = 3; fd < 256; ++fd)
      close(fd);
    EXPECT_EQ(rtlane_lease_held(mine.handle, 3), 1);
    rtlane_lease_release(&lease);
    EXPECT_EQ(rtlane_lease_held(mine.handle, 3), 0);
  });
  EXPECT_EQ(daemon.wait(), 0);
}

TEST_F(Lease, MayBeGivenBackByAnotherThread)
{
  rtlane_lease lease = {};
  std::thread([&] { ASSERT_EQ(rtlane_lease_acquire(object.handle, 0, &lease), 0); }).join();
  EXPECT_EQ(rtlane_lease_held(object.handle, 0), 1) << "the thread that took it is gone, the process is not";
  rtlane_lease_release(&lease);
  EXPECT_EQ(rtlane_lease_held(object.handle, 0), 0);
}

TEST_F(Lease, RefusesWhatMakesNoSense)
{
  rtlane_lease lease = {};
  EXPECT_EQ(rtlane_lease_acquire(object.handle, RTLANE_LEASE_MAX, &lease), -EINVAL);
  EXPECT_EQ(rtlane_lease_acquire(object.handle, 0, nullptr), -EINVAL);
  EXPECT_EQ(rtlane_lease_acquire(0, 0, &lease), -EBADF);
  EXPECT_EQ(rtlane_lease_held(0x12340, 0), -EBADF);
  const Shm unnamed = Shm::create(nullptr, 64);
  EXPECT_EQ(rtlane_lease_acquire(unnamed.handle, 0, &lease), -EINVAL);
  EXPECT_EQ(rtlane_lease_acquire(object.handle, RTLANE_LEASE_MAX - 1, &lease), 0) << rtlane_error_message();
  rtlane_lease_release(&lease);
  rtlane_lease_release(&lease);
  rtlane_lease_release(nullptr);
}

TEST_F(Lease, SaysWhenAStrangerRemovedTheFile)
{
  ASSERT_EQ(object_files(directory.path()).size(), 1U);
  ASSERT_EQ(unlink((directory.path() + "/" + object_files(directory.path())[0]).c_str()), 0);
  rtlane_lease lease = {};
  EXPECT_EQ(rtlane_lease_acquire(object.handle, 0, &lease), -ESTALE);
  EXPECT_EQ(rtlane_lease_held(object.handle, 0), -ESTALE);
  EXPECT_EQ(object.certificate().unlinked, 1U);
}

}  // namespace
}  // namespace rtlane::test
