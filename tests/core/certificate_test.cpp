// The certificate tells what a process really has: locks, pages, faults, the node, the name.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <fstream>
#include <memory>
#include <string>

#include "support/child.hpp"
#include "support/mounts.hpp"
#include "support/sanitizer.hpp"
#include "support/shared_page.hpp"
#include "support/shm.hpp"
#include "support/smaps.hpp"
#include "support/users.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StrNe;

constexpr char kName[] = "certificate";
constexpr uint64_t kBytes = 64 * 1024;

// Sanitizers turn the library's call into nothing.
long lock_all(int flags)
{
  return syscall(SYS_mlockall, flags);
}

class Certificate : public ::testing::Test {
protected:
  static rtlane_shm_options options(uint32_t lock, bool reading = false)
  {
    rtlane_shm_options made = small_pages();
    made.lock = lock;
    made.read_only = reading ? 1 : 0;
    return made;
  }

  // Root may lock whatever it likes; others may be refused, which is then the reason.
  static void expect_locked(const Shm& object)
  {
    const rtlane_shm_certificate certificate = object.certificate();
    if (geteuid() != 0 && certificate.lock_reason[0] != '\0') {
      EXPECT_LT(certificate.locked_bytes, certificate.mapped_bytes);
      return;
    }
    EXPECT_STREQ(certificate.lock_reason, "");
    EXPECT_EQ(certificate.locked_bytes, kBytes);
    EXPECT_EQ(smaps_kb(object.memory, "Rss"), 64);
    EXPECT_GT(smaps_kb(object.memory, "Locked"), 0) << "the kernel shares the figure out among the processes";
  }

  static void expect_unlocked(const Shm& object, const char* reason)
  {
    EXPECT_EQ(object.certificate().locked_bytes, 0u);
    EXPECT_EQ(smaps_kb(object.memory, "Locked"), 0);
    EXPECT_THAT(object.certificate().lock_reason, HasSubstr(reason));
    EXPECT_THAT(object.certificate().lock_fix, StrNe(""));
  }

  Watchdog watchdog_{60};
  TempNamespace place_;
};

TEST_F(Certificate, EveryAttachLocksItsOwnMapping)
{
  rtlane_shm_options creating = shm_options();
  creating.huge = RTLANE_NEVER;
  Shm object = Shm::create(kName, kBytes, &creating);
  ASSERT_EQ(object.result, 0) << rtlane_error_message();
  expect_locked(object);
  for (const bool reading : {false, true}) {
    Child child = Child::start([&] {
      object.close();
      const rtlane_shm_options opening = options(RTLANE_PREFERRED, reading);
      const Shm opened = Shm::open(kName, &opening);
      ASSERT_EQ(opened.result, 0) << rtlane_error_message();
      expect_locked(opened);
    });
    EXPECT_EQ(child.wait(), 0);
  }
}

// The kernel does not pass memory locks on to fork children.
TEST_F(Certificate, AForkChildHasNoLocksUntilItOpensTheObjectAgain)
{
  const rtlane_shm_options creating = options(RTLANE_PREFERRED);
  const Shm object = Shm::create(kName, kBytes, &creating);
  ASSERT_EQ(object.result, 0) << rtlane_error_message();
  if (object.certificate().locked_bytes == 0)
    GTEST_SKIP() << "memory cannot be locked here: " << object.certificate().lock_reason;
  Child child = Child::start([&] {
    expect_unlocked(object, "fork");
    const Shm again = Shm::open(kName);
    ASSERT_EQ(again.result, 0) << rtlane_error_message();
    expect_locked(again);
    EXPECT_EQ(again.memory, object.memory) << "one mapping for a process and an object";
  });
  EXPECT_EQ(child.wait(), 0);
  expect_locked(object);
}

// Nor the page tables of shared mappings.
TEST_F(Certificate, AForkChildThatOpensTheObjectAgainTakesNoFault)
{
  if (built_with_sanitizer)
    GTEST_SKIP() << "the sanitizer's own memory faults";
  for (const uint32_t lock : {RTLANE_NEVER, RTLANE_PREFERRED}) {
    const rtlane_shm_options wanted = options(lock);
    const Shm object = Shm::create(kName, kBytes, &wanted);
    ASSERT_EQ(object.result, 0) << rtlane_error_message();
    Child child = Child::start([&] {
      const Shm again = Shm::open(kName, &wanted);
      ASSERT_EQ(again.result, 0) << rtlane_error_message();
      rusage before;
      getrusage(RUSAGE_SELF, &before);
      for (uint64_t byte = 0; byte < kBytes; byte += 64)
        again.memory[byte] = 1;
      rusage after;
      getrusage(RUSAGE_SELF, &after);
      EXPECT_EQ(after.ru_minflt - before.ru_minflt, 0);
    });
    EXPECT_EQ(child.wait(), 0);
  }
}

TEST_F(Certificate, LocksThatTheProgramTookBackAreSaidAndMadeAgain)
{
  const rtlane_shm_options wanted = options(RTLANE_REQUIRED);
  const Shm object = Shm::create(kName, kBytes, &wanted);
  if (object.result == -ENOMEM)
    GTEST_SKIP() << rtlane_error_message();
  ASSERT_EQ(object.result, 0) << rtlane_error_message();
  ASSERT_EQ(syscall(SYS_munlockall), 0);
  expect_unlocked(object, "munlockall");
  const Shm again = Shm::open(kName, &wanted);
  ASSERT_EQ(again.result, 0) << rtlane_error_message();
  expect_locked(again);
  expect_locked(object);
}

// As daemons do that start as root.
TEST_F(Certificate, WhatIsLockedStaysSoWhenThePrivilegeIsGone)
{
  if (geteuid() != 0)
    GTEST_SKIP() << "only root can give up the privilege to lock; this user may not have it to begin with";
  Child child = Child::start([&] {
    rtlane_shm_options wanted = options(RTLANE_REQUIRED);
    wanted.mode = 0666;
    const Shm object = Shm::create(kName, kBytes, &wanted);
    ASSERT_EQ(object.result, 0) << rtlane_error_message();
    ASSERT_EQ(chmod(place_.path().c_str(), 0755), 0);
    const rlimit limit = {0, 0};
    ASSERT_EQ(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
    ASSERT_TRUE(become(kOtherUid));
    const Shm again = Shm::open(kName, &wanted);
    ASSERT_EQ(again.result, 0) << rtlane_error_message();
    EXPECT_EQ(again.certificate().locked_bytes, kBytes);
    EXPECT_STREQ(again.certificate().lock_reason, "");
  });
  EXPECT_EQ(child.wait(), 0);
}

// A fork child that may not lock: the certificate must not say afterwards that all is locked.
TEST_F(Certificate, ALockThatIsRefusedChangesNothingInTheCertificate)
{
  if (geteuid() != 0)
    GTEST_SKIP() << "only root can give up the privilege to lock; this user may not have it to begin with";
  ASSERT_EQ(chmod(place_.path().c_str(), 0755), 0);
  rtlane_shm_options wanted = options(RTLANE_REQUIRED);
  wanted.mode = 0666;
  const Shm object = Shm::create(kName, kBytes, &wanted);
  ASSERT_EQ(object.result, 0) << rtlane_error_message();
  Child child = Child::start([&] {
    const rlimit limit = {0, 0};
    ASSERT_EQ(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
    ASSERT_TRUE(become(kOtherUid));
    expect_unlocked(object, "fork");
    EXPECT_EQ(Shm::open(kName, &wanted).result, -ENOMEM);
    expect_unlocked(object, "fork");
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(Certificate, ARefusedOpenLeavesNoMappingBehind)
{
  if (geteuid() != 0)
    GTEST_SKIP() << "only root can give up the privilege to lock; this user may not have it to begin with";
  ASSERT_EQ(chown(place_.path().c_str(), kOtherUid, kOtherUid), 0);
  Child child = Child::start([&] {
    const rlimit limit = {kBytes / 2, kBytes / 2};
    ASSERT_EQ(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
    ASSERT_TRUE(become(kOtherUid));
    rtlane_shm_options wanted = options(RTLANE_NEVER);
    const Shm object = Shm::create(kName, kBytes, &wanted);
    ASSERT_EQ(object.result, 0) << rtlane_error_message();
    const auto mappings = [] {
      std::ifstream maps("/proc/self/maps");
      int count = 0;
      for (std::string line; std::getline(maps, line);)
        count += line.find("certificate~") != std::string::npos ? 1 : 0;
      return count;
    };
    const int before = mappings();
    wanted = options(RTLANE_REQUIRED, true);
    EXPECT_EQ(Shm::open(kName, &wanted).result, -ENOMEM);
    EXPECT_EQ(mappings(), before);
    wanted = options(RTLANE_NEVER, true);
    const Shm reading = Shm::open(kName, &wanted);
    ASSERT_EQ(reading.result, 0) << rtlane_error_message();
    EXPECT_EQ(mappings(), before + 1);
    EXPECT_GT(reading.certificate().attach_ns, 0u) << "the refused attach was taken for this one";
    expect_unlocked(reading, "not asked for");
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(Certificate, AnOpenerThatGetsSmallerPagesIsToldWhy)
{
  const PrivateMount tmpfs("tmpfs", "size=64m,huge=advise");
  if (!tmpfs.problem().empty())
    GTEST_SKIP() << tmpfs.problem();
  const TempNamespace place(tmpfs.path());
  Shm object = Shm::create(kName, 4 << 20);
  ASSERT_EQ(object.result, 0) << rtlane_error_message();
  if (object.certificate().tier != RTLANE_TIER_THP)
    GTEST_SKIP() << "no transparent huge pages here: " << object.certificate().page_reason;
  Child child = Child::start([&] {
    object.close();
    ASSERT_EQ(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0), 0);
    const Shm opened = Shm::open(kName);
    ASSERT_EQ(opened.result, 0) << rtlane_error_message();
    if (smaps_kb(opened.memory, "ShmemPmdMapped") >= 4096)
      return;  // a kernel that maps them all the same
    EXPECT_EQ(opened.certificate().page_bytes, 4096u);
    EXPECT_THAT(opened.certificate().page_reason, HasSubstr("this process"));
    EXPECT_THAT(opened.certificate().page_fix, HasSubstr("PR_SET_THP_DISABLE"));
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(Certificate, ANumaNodeThatIsThereIsUsed)
{
  if (access("/sys/devices/system/node/node0", F_OK) != 0)
    GTEST_SKIP() << "the kernel shows no NUMA nodes";
  rtlane_shm_options wanted = small_pages();
  wanted.numa_node = 0;
  const auto expect_bound = [&](const char* name) {
    const Shm object = Shm::create(name, kBytes, &wanted);
    ASSERT_EQ(object.result, 0) << rtlane_error_message();
    EXPECT_EQ(object.certificate().numa_node, 0);
    int mode = -1;
    unsigned long nodes[16] = {};
    ASSERT_EQ(syscall(SYS_get_mempolicy, &mode, nodes, sizeof(nodes) * 8, object.memory, MPOL_F_ADDR), 0);
    EXPECT_EQ(mode, MPOL_BIND);
    EXPECT_EQ(nodes[0], 1u);
  };
  expect_bound("lazily");
  // As real-time programs do: every mapping has its pages at once, before it is bound.
  Child child = Child::start([&] {
    if (lock_all(MCL_FUTURE) == 0)
      expect_bound("at once");
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(Certificate, WhoMayNotLookAnyMoreDoesNotCallTheObjectUnlinked)
{
  if (geteuid() != 0)
    GTEST_SKIP() << "only root can become somebody else";
  Child child = Child::start([&] {
    const Shm object = Shm::create(kName, kBytes);
    ASSERT_EQ(object.result, 0) << rtlane_error_message();
    ASSERT_TRUE(become(kOtherUid));
    EXPECT_EQ(object.certificate().unlinked, 0u);
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(Certificate, ALimitThatMlockallMeetsIsNamed)
{
  if (geteuid() != 0)
    GTEST_SKIP() << "only root can give up the privilege to lock; this user may not have it to begin with";
  ASSERT_EQ(chown(place_.path().c_str(), kOtherUid, kOtherUid), 0);
  Child child = Child::start([&] {
    ASSERT_EQ(lock_all(MCL_FUTURE), 0);
    const rlimit limit = {1 << 20, 1 << 20};
    ASSERT_EQ(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
    ASSERT_TRUE(become(kOtherUid));
    const rtlane_shm_options wanted = options(RTLANE_NEVER);
    EXPECT_EQ(Shm::create(kName, 8 << 20, &wanted).result, -ENOMEM);
    EXPECT_THAT(rtlane_error_message(), HasSubstr("RLIMIT_MEMLOCK"));
    EXPECT_THAT(rtlane_error_message(), Not(HasSubstr("temporarily")));
  });
  EXPECT_EQ(child.wait(), 0);
}

}  // namespace
}  // namespace rtlane::test
