// The life of an object across fork, exec, vfork, daemonizing, exit and PID namespaces.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <atomic>
#include <cstdlib>
#include <string>
#include <thread>

#include "support/child.hpp"
#include "support/shared_page.hpp"
#include "support/shm.hpp"
#include "support/watchdog.hpp"

extern char** environ;

namespace rtlane::test {
namespace {

using ::testing::IsEmpty;

constexpr char kName[] = "lifetime process";
constexpr size_t kBytes = 4096;

struct Steps {
  std::atomic<int> step{0};
  std::atomic<int> release{0};
  std::atomic<int> pid{0};
};

class LifetimeProcess : public ::testing::Test {
protected:
  bool reached(int step)
  {
    return eventually([&] { return steps_->step >= step; });
  }
  bool released(int release)
  {
    return eventually([&] { return steps_->release >= release; });
  }

  // Asked by a process that has nothing to do with the object.
  int open_elsewhere(uint32_t* content = nullptr)
  {
    SharedPage<std::atomic<uint32_t>> seen;
    Child child = Child::start([&] {
      const Shm object = Shm::open(kName);
      if (object.result == 0)
        *seen = *object.as<uint32_t>();
      return -object.result;
    });
    const int status = child.wait();
    if (content != nullptr)
      *content = *seen;
    return -status;
  }

  Watchdog watchdog_{60};
  TempNamespace place_;
  SharedPage<Steps> steps_;
};

TEST_F(LifetimeProcess, ExitGivesItBackAtOnce)
{
  Child child = Child::start([&] {
    Shm object = Shm::create(kName, kBytes);
    ASSERT_EQ(object.result, 0) << rtlane_error_message();
    Shm second = Shm::create("another", kBytes);
    ASSERT_EQ(second.result, 0) << rtlane_error_message();
    object.leak();
    second.leak();
    std::exit(0);
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_THAT(object_files(place_.path()), IsEmpty()) << "no call was made since";
}

TEST_F(LifetimeProcess, ExitOfOneOfTwoKeepsItForTheOther)
{
  Child keeper = Child::start([&] {
    Shm object = Shm::create(kName, kBytes);
    ASSERT_EQ(object.result, 0) << rtlane_error_message();
    *object.as<uint32_t>() = 77;
    steps_->step = 1;
    EXPECT_TRUE(released(1));
    object.leak();
    std::exit(::testing::Test::HasFailure() ? 1 : 0);
  });
  ASSERT_TRUE(reached(1));
  Child leaver = Child::start([&] {
    Shm object = Shm::open(kName);
    ASSERT_EQ(object.result, 0) << rtlane_error_message();
    object.leak();
    std::exit(0);
  });
  EXPECT_EQ(leaver.wait(), 0);
  uint32_t content = 0;
  EXPECT_EQ(open_elsewhere(&content), 0);
  EXPECT_EQ(content, 77u);
  steps_->release = 1;
  EXPECT_EQ(keeper.wait(), 0);
  EXPECT_THAT(object_files(place_.path()), IsEmpty());
}

TEST_F(LifetimeProcess, UnderscoreExitLeavesItToTheNextCall)
{
  Child child = Child::start([&] {
    Shm object = Shm::create(kName, kBytes);
    ASSERT_EQ(object.result, 0) << rtlane_error_message();
    object.leak();
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(object_files(place_.path()).size(), 1u) << "nobody looked yet";
  EXPECT_EQ(open_elsewhere(), -ENOENT);
  EXPECT_THAT(object_files(place_.path()), IsEmpty());
}

TEST_F(LifetimeProcess, AForkChildKeepsTheObjectAliveWhenItsParentIsKilled)
{
  Child parent = Child::start([&] {
    Shm object = Shm::create(kName, kBytes);
    ASSERT_EQ(object.result, 0) << rtlane_error_message();
    *object.as<uint32_t>() = 78;
    if (fork() == 0) {
      // No PDEATHSIG: it is meant to outlive its parent. eventually() ends it.
      steps_->pid = getpid();
      steps_->step = 1;
      released(1);
      steps_->step = *object.as<uint32_t>() == 78 ? 2 : 99;
      _exit(0);
    }
    pause();
  });
  ASSERT_TRUE(reached(1));
  parent.kill_now();
  uint32_t content = 0;
  EXPECT_EQ(open_elsewhere(&content), 0) << "the fork child holds it";
  EXPECT_EQ(content, 78u);
  Child cleaning = Child::start([] { EXPECT_EQ(rtlane_gc(nullptr, nullptr), 0); });
  EXPECT_EQ(cleaning.wait(), 0);
  EXPECT_EQ(open_elsewhere(), 0);
  steps_->release = 1;
  EXPECT_TRUE(reached(2));
  EXPECT_EQ(steps_->step, 2);
  EXPECT_TRUE(eventually([&] { return kill(steps_->pid, 0) != 0; }));
  EXPECT_EQ(open_elsewhere(), -ENOENT);
  EXPECT_THAT(object_files(place_.path()), IsEmpty());
}

TEST_F(LifetimeProcess, AForkChildThatClosesTakesNothingFromItsParent)
{
  Shm object = Shm::create(kName, kBytes);
  ASSERT_EQ(object.result, 0) << rtlane_error_message();
  *object.as<uint32_t>() = 79;
  for (int round = 0; round < 20; ++round) {
    Child child = Child::start([&] {
      EXPECT_EQ(*object.as<uint32_t>(), 79u);
      EXPECT_EQ(object.close(), 0) << rtlane_error_message();
    });
    ASSERT_EQ(child.wait(), 0);
    uint32_t content = 0;
    ASSERT_EQ(open_elsewhere(&content), 0) << "the parent holds it";
    ASSERT_EQ(content, 79u);
  }
  // Likewise when the child ends by exit, whose handlers close everything.
  Child child = Child::start([&] { std::exit(0); });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(open_elsewhere(), 0);
  EXPECT_EQ(object.certificate().unlinked, 0u);
  EXPECT_EQ(object.close(), 0);
  EXPECT_THAT(object_files(place_.path()), IsEmpty());
}

TEST_F(LifetimeProcess, AParentThatClosesTakesNothingFromItsForkChild)
{
  Shm object = Shm::create(kName, kBytes);
  ASSERT_EQ(object.result, 0) << rtlane_error_message();
  Child child = Child::start([&] {
    steps_->step = 1;
    EXPECT_TRUE(released(1));
    *object.as<uint32_t>() = 80;
    EXPECT_EQ(object.certificate().unlinked, 0u);
    EXPECT_EQ(object.close(), 0) << rtlane_error_message();
    EXPECT_THAT(object_files(place_.path()), IsEmpty()) << "the child was the last one";
  });
  ASSERT_TRUE(reached(1));
  EXPECT_EQ(object.close(), 0);
  EXPECT_EQ(open_elsewhere(), 0) << "the fork child holds it";
  steps_->release = 1;
  EXPECT_EQ(child.wait(), 0);
  EXPECT_THAT(object_files(place_.path()), IsEmpty());
}

TEST_F(LifetimeProcess, AGrandchildOfADoubleForkThatClosesEveryDescriptorKeepsIt)
{
  Child parent = Child::start([&] {
    Shm object = Shm::create(kName, kBytes);
    ASSERT_EQ(object.result, 0) << rtlane_error_message();
    *object.as<uint32_t>() = 81;
    object.leak();
    const pid_t middle = fork();
    if (middle == 0) {
      setsid();
      if (fork() != 0)
        _exit(0);
      syscall(SYS_close_range, 0u, ~0u, 0u);
      steps_->step = 1;
      released(1);
      const bool good = *object.as<uint32_t>() == 81;
      // It can still make calls: nothing of rtlane lived in a descriptor.
      const Shm other = Shm::create("made by the daemon", 4096);
      steps_->step = good && other.result == 0 ? 2 : 99;
      released(2);
      std::_Exit(0);
    }
    waitpid(middle, nullptr, 0);
    _exit(0);
  });
  EXPECT_EQ(parent.wait(), 0);
  ASSERT_TRUE(reached(1));
  uint32_t content = 0;
  EXPECT_EQ(open_elsewhere(&content), 0) << "the daemon holds it";
  EXPECT_EQ(content, 81u);
  steps_->release = 1;
  EXPECT_TRUE(reached(2));
  EXPECT_EQ(steps_->step, 2);
  steps_->release = 2;
  EXPECT_TRUE(eventually([&] { return open_elsewhere() == -ENOENT; })) << "the daemon ended";
}

TEST_F(LifetimeProcess, ClosingEveryDescriptorDoesNotLetGo)
{
  Child child = Child::start([&] {
    Shm object = Shm::create(kName, kBytes);
    ASSERT_EQ(object.result, 0) << rtlane_error_message();
    const int limit = 4096;
    for (int fd = 3; fd < limit; ++fd)
      close(fd);
    steps_->step = 1;
    EXPECT_TRUE(released(1));
    EXPECT_EQ(object.close(), 0) << rtlane_error_message();
  });
  ASSERT_TRUE(reached(1));
  EXPECT_EQ(open_elsewhere(), 0);
  steps_->release = 1;
  EXPECT_EQ(child.wait(), 0);
  EXPECT_THAT(object_files(place_.path()), IsEmpty());
}

TEST_F(LifetimeProcess, ExecDropsTheObjects)
{
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  Child child = Child::start([&] {
    Shm object = Shm::create(kName, kBytes);
    ASSERT_EQ(object.result, 0) << rtlane_error_message();
    steps_->step = 1;
    EXPECT_TRUE(released(1));
    dup2(ends[0], 0);
    close(ends[1]);
    execl("/bin/sh", "sh", "-c", "echo started >&0 2>/dev/null; read -r line", static_cast<char*>(nullptr));
    _exit(127);
  });
  ASSERT_TRUE(reached(1));
  EXPECT_EQ(open_elsewhere(), 0);
  steps_->release = 1;
  EXPECT_TRUE(eventually([&] { return open_elsewhere() == -ENOENT; })) << "a program started by exec holds nothing";
  EXPECT_THAT(object_files(place_.path()), IsEmpty());
  EXPECT_EQ(kill(child.pid(), 0), 0) << "it still runs";
  EXPECT_EQ(write(ends[1], "\n", 1), 1);
  EXPECT_EQ(child.wait(), 0);
  close(ends[0]);
  close(ends[1]);
}

TEST_F(LifetimeProcess, SpawningAProgramIsHarmless)
{
  Shm object = Shm::create(kName, kBytes);
  ASSERT_EQ(object.result, 0) << rtlane_error_message();
  *object.as<uint32_t>() = 82;
  for (int round = 0; round < 10; ++round) {
    pid_t pid = -1;
    char program[] = "/bin/true";
    char* arguments[] = {program, nullptr};
    ASSERT_EQ(posix_spawn(&pid, program, nullptr, nullptr, arguments, environ), 0);
    int status = -1;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    ASSERT_EQ(status, 0);
    ASSERT_EQ(std::system("true"), 0);
    uint32_t content = 0;
    ASSERT_EQ(open_elsewhere(&content), 0);
    ASSERT_EQ(content, 82u);
  }
  EXPECT_EQ(object.close(), 0);
  EXPECT_THAT(object_files(place_.path()), IsEmpty());
}

TEST_F(LifetimeProcess, AVforkChildThatEndsIsHarmless)
{
  Shm object = Shm::create(kName, kBytes);
  ASSERT_EQ(object.result, 0) << rtlane_error_message();
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  const pid_t pid = vfork();  // NOLINT(clang-analyzer-security.insecureAPI.vfork): programs use it
#pragma GCC diagnostic pop
  if (pid == 0)
    _exit(0);
  ASSERT_GT(pid, 0);
  waitpid(pid, nullptr, 0);
  EXPECT_EQ(open_elsewhere(), 0);
  EXPECT_EQ(object.certificate().unlinked, 0u);
  EXPECT_EQ(object.close(), 0);
  EXPECT_THAT(object_files(place_.path()), IsEmpty());
}

// A spawned program that runs on must not keep an object of its parent.
TEST_F(LifetimeProcess, ASpawnedProgramThatRunsOnKeepsNothing)
{
  Shm object = Shm::create(kName, kBytes);
  ASSERT_EQ(object.result, 0) << rtlane_error_message();
  pid_t pid = -1;
  char program[] = "/bin/sleep";
  char argument[] = "1000";
  char* arguments[] = {program, argument, nullptr};
  ASSERT_EQ(posix_spawn(&pid, program, nullptr, nullptr, arguments, environ), 0);
  EXPECT_EQ(object.close(), 0);
  EXPECT_THAT(object_files(place_.path()), IsEmpty());
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
}

TEST_F(LifetimeProcess, AHolderInAnotherPidNamespaceIsSeenAlive)
{
  const auto new_pid_namespace = [] {
    return unshare(CLONE_NEWPID) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWPID) == 0;
  };
  Child probe = Child::start([&] { return new_pid_namespace() ? 0 : 77; });
  if (probe.wait() == 77)
    GTEST_SKIP() << "a PID namespace cannot be made here";
  // The child's first fork child is pid 1 of the new namespace.
  Child outer = Child::start([&] {
    EXPECT_TRUE(new_pid_namespace());
    Child inner = Child::start([&] {
      Shm object = Shm::create(kName, kBytes);
      EXPECT_EQ(object.result, 0) << rtlane_error_message();
      *object.as<uint32_t>() = static_cast<uint32_t>(getpid()) + 82;
      steps_->step = 1;
      EXPECT_TRUE(released(1));
    });
    return inner.wait() == -SIGKILL ? 0 : 2;
  });
  ASSERT_TRUE(reached(1));
  uint32_t content = 0;
  EXPECT_EQ(open_elsewhere(&content), 0) << "pid 1 of another namespace holds it";
  EXPECT_EQ(content, 83u);
  Child cleaning = Child::start([] { EXPECT_EQ(rtlane_gc(nullptr, nullptr), 0); });
  EXPECT_EQ(cleaning.wait(), 0);
  EXPECT_EQ(open_elsewhere(), 0);
  outer.kill_now();  // takes the inner one with it: PDEATHSIG
  EXPECT_TRUE(eventually([&] { return open_elsewhere() == -ENOENT; }));
  EXPECT_THAT(object_files(place_.path()), IsEmpty());
}

TEST_F(LifetimeProcess, ACrashWithACoreDumpReleasesItWhenTheProcessIsGone)
{
  Child child = Child::start([&] {
    Shm object = Shm::create(kName, kBytes);
    ASSERT_EQ(object.result, 0) << rtlane_error_message();
    // The core, where the system writes one to the working directory, goes with the namespace.
    EXPECT_EQ(chdir(place_.path().c_str()), 0);
    const rlimit unlimited = {64 << 20, 64 << 20};
    setrlimit(RLIMIT_CORE, &unlimited);
    std::abort();
  });
  EXPECT_EQ(child.wait(), -SIGABRT);
  EXPECT_EQ(open_elsewhere(), -ENOENT);
  for (const std::string& file : object_files(place_.path()))
    EXPECT_EQ(file.rfind("core", 0), 0u) << file;
}

TEST_F(LifetimeProcess, AThreadThatEndsTakesNothing)
{
  Shm object;
  std::thread([&] { object = Shm::create(kName, kBytes); }).join();
  ASSERT_EQ(object.result, 0) << rtlane_error_message();
  EXPECT_EQ(open_elsewhere(), 0);
  EXPECT_EQ(object.certificate().unlinked, 0u);
}

TEST_F(LifetimeProcess, ManyHandlesOfOneProcessAreOneHolder)
{
  Shm first = Shm::create(kName, kBytes);
  ASSERT_EQ(first.result, 0) << rtlane_error_message();
  *first.as<uint32_t>() = 84;
  {
    std::vector<Shm> more;
    more.reserve(100);
    for (int i = 0; i < 100; ++i)
      more.push_back(i % 2 == 0 ? Shm::open(kName) : Shm::create(kName, kBytes));
    for (const Shm& one : more) {
      EXPECT_GE(one.result, 0) << rtlane_error_message();
      EXPECT_EQ(*one.as<uint32_t>(), 84u);
    }
  }
  EXPECT_EQ(open_elsewhere(), 0);
  EXPECT_EQ(first.close(), 0);
  EXPECT_EQ(open_elsewhere(), -ENOENT);
  EXPECT_THAT(object_files(place_.path()), IsEmpty());
}

TEST_F(LifetimeProcess, AnUnnamedObjectIsReachedByForkChildrenAndNeverHasAFile)
{
  Shm object = Shm::create(nullptr, kBytes);
  ASSERT_EQ(object.result, 0) << rtlane_error_message();
  EXPECT_THAT(object_files(place_.path()), IsEmpty());
  Child child = Child::start([&] { *object.as<uint32_t>() = 85; });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(*object.as<uint32_t>(), 85u);
}

// When somebody removes the file of a live object by hand, the certificate says so and closing is no harm.
TEST_F(LifetimeProcess, AFileRemovedByAStrangerIsSaidAndTheNewObjectIsLeftAlone)
{
  Shm object = Shm::create(kName, kBytes);
  ASSERT_EQ(object.result, 0) << rtlane_error_message();
  ASSERT_EQ(object_files(place_.path()).size(), 1u);
  ASSERT_EQ(unlink((place_.path() + "/" + object_files(place_.path())[0]).c_str()), 0);
  EXPECT_EQ(object.certificate().unlinked, 1u);
  Child other = Child::start([&] {
    const Shm fresh = Shm::create(kName, kBytes);
    EXPECT_EQ(fresh.result, 0) << rtlane_error_message();
    steps_->step = 1;
    EXPECT_TRUE(released(1));
  });
  ASSERT_TRUE(reached(1));
  EXPECT_EQ(object.close(), 0);
  EXPECT_EQ(object_files(place_.path()).size(), 1u) << "the other one's file is not ours to remove";
  EXPECT_EQ(open_elsewhere(), 0);
  steps_->release = 1;
  EXPECT_EQ(other.wait(), 0);
}

}  // namespace
}  // namespace rtlane::test
