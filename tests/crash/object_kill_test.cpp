// Objects: a process is killed at each system call of create, open, close, gc and exit; on small pages, and on every
// tier when built with RTLANE_TEST_EVERY_TIER.
//
// While it is stopped there an observer opens the name: it must find a whole object or none, and must not be lost when
// the other one is killed. Afterwards: an object that somebody holds lives on; else the name is free and nothing is
// left after the next create, the first call of a process, or gc.
//
// Why system calls are enough: between two of them nothing that others can see changes. That is checked as well
// (BetweenSystemCallsNothingChangesForOthers), and once more by single steps (object_step_test.cpp).
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <functional>
#include <string>

#include "crash/object_kill.hpp"
#include "crash/step.hpp"
#include "crash/syscall_stepper.hpp"
#include "support/child.hpp"
#include "support/shared_page.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

using ::testing::IsEmpty;

TEST_P(ObjectKill, AtEachSystemCallThatChangesSomething)
{
  const Watchdog watchdog(280);
  sweep(false);
}

// Everything that another process can see of the namespace: names, attributes, bytes, locks.
struct Visible {
  uint64_t hash = 0;
  std::string text;
};

void add_file(Visible& visible, const std::string& path)
{
  struct stat status = {};
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0 || fstat(fd, &status) != 0)
    return;
  static unsigned char bytes[4 << 20];
  const ssize_t got = read(fd, bytes, sizeof(bytes));
  visible.hash = hash_bytes(bytes, got > 0 ? static_cast<size_t>(got) : 0, visible.hash);
  visible.text += path + " inode " + std::to_string(status.st_ino) + " mode " + std::to_string(status.st_mode) +
                  " links " + std::to_string(status.st_nlink) + " size " + std::to_string(status.st_size) + " locks";
  for (const off_t byte : {0, 1, 64}) {
    struct flock lock = {};
    lock.l_type = F_WRLCK;
    lock.l_start = byte;
    lock.l_len = 1;
    fcntl(fd, F_OFD_GETLK, &lock);
    visible.text += " " + std::to_string(lock.l_type);
  }
  close(fd);
  visible.text += " bytes " + std::to_string(visible.hash) + "\n";
}

std::string visible_state(const TierPlace& place)
{
  Visible visible;
  for (const std::string& root : {place.path(), place.payload_path()}) {
    std::error_code error;
    if (root.empty())
      continue;
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root, error))
      files.push_back(entry.path().string());
    std::sort(files.begin(), files.end());
    for (const std::string& file : files)
      add_file(visible, file);
  }
  return visible.text;
}

TEST_P(ObjectKill, BetweenSystemCallsNothingChangesForOthers)
{
  const Watchdog watchdog(110);
  unsigned changes = 0;
  for (const Scenario& scenario : kScenarios) {
    SCOPED_TRACE(scenario.name);
    SharedPage<Signals> holder_signals;
    Child holder;
    if (scenario.orphan)
      make_orphan(place_);
    if (scenario.held) {
      holder = start_holder(place_, *holder_signals);
      ASSERT_TRUE(eventually([&] { return holder_signals->ready == 1; }));
    }
    {
      SyscallStepper stepper(
          [&] {
            place_.enter();
            scenario.prepare(place_);
          },
          [&] { scenario.operation(place_); });
      std::string at_exit = visible_state(place_);
      for (bool more = true; more;) {
        more = stepper.next();
        if (!more || !stepper.at_exit()) {
          if (stepper.pid() > 0) {
            ASSERT_EQ(visible_state(place_), at_exit) << "before call " << stepper.call();
          }
        } else if (!only_asks(stepper.call())) {
          std::string now = visible_state(place_);
          changes += now != at_exit ? 1 : 0;
          at_exit = std::move(now);
        }
      }
      EXPECT_EQ(stepper.problem(), "");
    }
    holder_signals->release = 1;
    if (scenario.held) {
      EXPECT_EQ(holder.wait(), 0);
    }
    clean_up_somehow(place_, 0);
    ASSERT_THAT(place_.left(), IsEmpty());
  }
  EXPECT_GT(changes, std::size(kScenarios)) << "the eye is blind";
}

TEST_P(ObjectKill, InTheMiddleOfALongAllocation)
{
  const Watchdog watchdog(110);
  // Kills inside one call, where the stepper cannot stop.
  for (int round = 0; round < 20; ++round) {
    SharedPage<Signals> signals;
    Child child = Child::start([&] {
      place_.enter();
      rtlane_shm_options options = place_.options();
      signals->ready = 1;
      kept = Shm::create(kName, 24 << 20, &options);
      signals->result = kept.result;
      kept.leak();
      raise(SIGKILL);
    });
    ASSERT_TRUE(eventually([&] { return signals->ready == 1; }));
    sleep_us(round * 400);
    child.kill_now();
    EXPECT_EQ(run_in_child([] { EXPECT_EQ(Shm::open(kName).result, -ENOENT); }), 0);
    clean_up_somehow(place_, static_cast<unsigned>(round));
    ASSERT_THAT(place_.left(), IsEmpty());
  }
}

INSTANTIATE_TEST_SUITE_P(Tiers, ObjectKill, ::testing::ValuesIn(kTiersSwept),
                         [](const auto& tier) { return name_of(tier.param); });

}  // namespace
}  // namespace rtlane::test
