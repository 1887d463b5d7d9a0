#include <gtest/gtest.h>
#include <rtlane/rt/clock.hpp>
#include <rtlane/rt/thread.hpp>

#include <thread>

#include "support/child.hpp"

namespace rtlane::rt {
namespace {

TEST(Thread, IsPinnedNamedAndDeafToSignals)
{
  const int cpu = allowed_cpus().back();
  std::thread([&] {
    ThreadConfig config;
    config.name = "a-name-that-is-too-long-for-the-kernel";
    config.cpu = cpu;
    config.stack_touch_bytes = 64 << 10;
    const ThreadGrant grant = configure_this_thread(config);
    EXPECT_EQ(grant.cpu, cpu);
    EXPECT_EQ(sched_getcpu(), cpu);
    EXPECT_EQ(grant.policy, SCHED_OTHER);
    EXPECT_TRUE(grant.refused.empty());
    char name[16] = {};
    pthread_getname_np(pthread_self(), name, sizeof name);
    EXPECT_STREQ(name, "a-name-that-is-");
    sigset_t blocked;
    pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
    EXPECT_EQ(sigismember(&blocked, SIGTERM), 1);
  }).join();
}

TEST(Thread, ACpuThatIsNotThereIsRefusedWithASentenceAndTheRestIsDone)
{
  std::thread([] {
    ThreadConfig config;
    config.cpu = CPU_SETSIZE - 1;
    const ThreadGrant grant = configure_this_thread(config);
    ASSERT_EQ(grant.refused.size(), 1u);
    EXPECT_NE(grant.refused[0].find("CPU " + std::to_string(CPU_SETSIZE - 1)), std::string::npos);
  }).join();
}

TEST(Thread, FifoIsReadBackOrItsRefusalExplained)
{
  std::thread([] {
    ThreadConfig config;
    config.cpu = allowed_cpus().back();
    config.fifo_priority = 3;
    const ThreadGrant grant = configure_this_thread(config);
    if (grant.refused.empty()) {
      EXPECT_EQ(grant.policy, SCHED_FIFO);
      EXPECT_EQ(grant.priority, 3);
    } else {
      EXPECT_NE(grant.policy, SCHED_FIFO);
      EXPECT_NE(grant.refused[0].find("SCHED_FIFO priority 3 was refused"), std::string::npos);
    }
  }).join();
}

TEST(Thread, WithoutPermissionTheSentenceSaysWhatIsMissingAndWhatToDo)
{
  test::Child child = test::Child::start([] {
    // an ordinary user: no capability, and a limit of 0
    const rlimit none{0, 0};
    if (setrlimit(RLIMIT_RTPRIO, &none) != 0)
      return 77;
    if (geteuid() == 0 && setuid(65534) != 0)
      return 77;
    ThreadConfig config;
    config.fifo_priority = 3;
    const ThreadGrant grant = configure_this_thread(config);
    EXPECT_EQ(grant.policy, SCHED_OTHER);
    EXPECT_EQ(grant.refused.size(), 1u);
    if (grant.refused.size() == 1) {
      EXPECT_NE(grant.refused[0].find("RLIMIT_RTPRIO is 0"), std::string::npos) << grant.refused[0];
      EXPECT_NE(grant.refused[0].find("limits.d"), std::string::npos) << grant.refused[0];
    }
    return 0;
  });
  const int status = child.wait();
  if (status == 77)
    GTEST_SKIP() << "this user may not become another one";
  EXPECT_EQ(status, 0);
}

TEST(Clock, SleepingNeverEndsEarlyAndThePastIsNoSleep)
{
  for (const std::int64_t ahead_ns : {0, 1'000, 1'000'000}) {
    const std::int64_t due_ns = now_ns() + ahead_ns;
    sleep_until_ns(due_ns);
    EXPECT_GE(now_ns(), due_ns);
  }
  sleep_until_ns(0);
  sleep_until_ns(-5);
}

}  // namespace
}  // namespace rtlane::rt
