// Objects: each system call of create and open fails once.
//
// The kernel says no in ways that a test cannot bring about by other means: no lock, no descriptor, no inode, no page.
// The call that met it must answer an error or work as if nothing had been; nothing may be left either way, and the
// process and the namespace go on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <cstring>
#include <set>
#include <string>

#include "crash/object_scenario.hpp"
#include "crash/syscall_stepper.hpp"
#include "support/sanitizer.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

using ::testing::IsEmpty;

// What each call may say on a bad day; 0 = it is not made to fail: giving something back cannot be refused.
int plausible_error(long call)
{
  switch (call) {
    case SYS_openat:
    case SYS_open:
      return ENFILE;
    case SYS_mmap:
    case SYS_mlock2:
    case SYS_mremap:
    case SYS_madvise:
      return ENOMEM;
    case SYS_fcntl:
      return ENOLCK;
    case SYS_linkat:
    case SYS_pwrite64:
    case SYS_write:
    case SYS_fallocate:
      return ENOSPC;
    case SYS_mkdir:
    case SYS_mkdirat:
    case SYS_fchmod:
    case SYS_fchown:
      return EPERM;
    case SYS_read:
    case SYS_pread64:
    case SYS_ftruncate:
    case SYS_newfstatat:
    case SYS_fstat:
    case SYS_fstatfs:
    case SYS_statfs:
    case SYS_getdents64:
    case SYS_lseek:
      return EIO;
    case SYS_mbind:
    case SYS_get_mempolicy:
    case SYS_getrandom:
      return ENOSYS;
    default:
      return 0;
  }
}

struct Report {
  std::atomic<int> result{-1000};
  char message[600]{};
};

class ObjectFault : public ::testing::TestWithParam<Tier> {
protected:
  void SetUp() override
  {
    if (!place_.problem().empty())
      GTEST_SKIP() << place_.problem();
#if !defined(__x86_64__)
    GTEST_SKIP() << "failing a call needs the registers of x86-64";
#endif
    SyscallStepper probe([] {}, [] {});
    if (!probe.problem().empty())
      GTEST_SKIP() << probe.problem();
    ASSERT_EQ(run_in_child([&] {
                place_.enter();
                const Shm object = place_.create(kName);
                ASSERT_EQ(object.result, 0) << rtlane_error_message();
              }),
              0);
  }

  // Lets call number `index` fail. False when there are fewer.
  bool fail_one(unsigned index, bool opening, std::set<std::string>& answers)
  {
    SharedPage<Report> report;
    SharedPage<Signals> signals;
    Child holder;
    if (opening) {
      holder = start_holder(place_, *signals);
      EXPECT_TRUE(eventually([&] { return signals->ready == 1; }));
    }
    bool more = true;
    {
      SyscallStepper stepper([&] { place_.enter(); },
                             [&] {
                               kept = opening ? Shm::open(kName) : place_.create(kName);
                               // From here the child is free again: kEnd follows, then this process's own end.
                               report->result = kept.result;
                               std::strncpy(report->message, kept.result < 0 ? rtlane_error_message() : "",
                                            sizeof(report->message) - 1);
                               judge(opening);
                             });
      unsigned entries = 0;
      int error = 0;
      while (more) {
        more = stepper.next() && report->result == -1000;
        if (!more || stepper.at_exit())
          continue;
        if (entries++ == index) {
          error = plausible_error(stepper.call());
          if (error != 0) {
            EXPECT_TRUE(stepper.fail_call(error));
          }
          break;
        }
      }
      SCOPED_TRACE("call number " + std::to_string(index) + " is call " + std::to_string(stepper.call()) +
                   " and fails with " + std::to_string(error));
      EXPECT_EQ(stepper.run_to_end(), 0) << report->message;
      if (error != 0 && report->result != -1000) {
        if (report->result < 0) {
          EXPECT_STRNE(report->message, "") << "an error without a sentence";
        }
        answers.insert(std::to_string(report->result) + " " + report->message);
      }
    }
    signals->release = 1;
    if (opening) {
      EXPECT_EQ(holder.wait(), 0);
    }
    // A failed sweep may leave to the next one what it could not look at; the next one may not.
    clean_up_somehow(place_, 0);
    EXPECT_THAT(place_.left(), IsEmpty()) << "call number " << index;
    return more;
  }

  // In the child, after the operation that met the fault.
  void judge(bool opening)
  {
    if (kept.result >= 0) {
      for (uint64_t byte = 64; byte < place_.bytes(); byte += 512)  // the stamp is kept
        kept.memory[byte] = 1;
      EXPECT_EQ(kept.certificate().unlinked, 0u);
    } else if (!opening) {
      EXPECT_THAT(object_files(place_.path()), IsEmpty()) << "left by a failed create: " << rtlane_error_message();
    }
    EXPECT_EQ(kept.close(), 0) << rtlane_error_message();
    // The process has taken no harm.
    Shm again = opening ? Shm::open(kName) : place_.create(kName);
    EXPECT_EQ(again.result, 0) << rtlane_error_message();
    EXPECT_EQ(again.close(), 0) << rtlane_error_message();
  }

  void sweep(bool opening)
  {
    std::set<std::string> answers;
    unsigned index = 0;
    while (fail_one(index, opening, answers) && !HasFailure())
      ASSERT_LT(++index, 2000u);
    std::printf("%u calls failed in turn; answers:\n", index);
    for (const std::string& answer : answers)
      std::printf("  %s\n", answer.c_str());
  }

  TierPlace place_{GetParam()};
};

TEST_P(ObjectFault, EachSystemCallOfCreateFailsOnce)
{
  if (built_with_sanitizer)
    GTEST_SKIP() << "the sanitizer does not survive a system call of its own that fails";
  const Watchdog watchdog(110);
  sweep(false);
}

TEST_P(ObjectFault, EachSystemCallOfOpenFailsOnce)
{
  if (built_with_sanitizer)
    GTEST_SKIP() << "the sanitizer does not survive a system call of its own that fails";
  const Watchdog watchdog(110);
  sweep(true);
}

INSTANTIATE_TEST_SUITE_P(Tiers, ObjectFault, ::testing::ValuesIn(kTiersSwept),
                         [](const auto& tier) { return name_of(tier.param); });

}  // namespace
}  // namespace rtlane::test
