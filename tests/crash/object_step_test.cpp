// Objects, instruction by instruction.
//
// Every instruction of create, open and close is stepped while the bytes of all files that have a name are hashed: they
// change at system calls only. So the kills at system calls (object_kill_test.cpp) are the kills at every instruction.
// A sample of instructions is killed for real all the same (built with RTLANE_TEST_EVERY_TIER).
#include <dirent.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <random>

#include "crash/object_scenario.hpp"
#include "crash/step.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

using ::testing::IsEmpty;

// Maps the files of the namespace as they get their names. Called in a signal handler that may have interrupted malloc:
// system calls only.
class NamedFiles {
public:
  explicit NamedFiles(const std::string& directory)
      : directory_(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC))
  {}
  NamedFiles(const NamedFiles&) = delete;
  NamedFiles& operator=(const NamedFiles&) = delete;
  ~NamedFiles() { close(directory_); }

  // Files found once are hashed on, whether they have a name still or not: somebody may have them open.
  static uint64_t hash(void* self) { return static_cast<NamedFiles*>(self)->hash_all(); }

private:
  struct Mapped {
    ino_t inode;
    const unsigned char* bytes;
  };
  static constexpr size_t kBytes = 3 * 4096;

  uint64_t hash_all()
  {
    if (detail::step_state.call_made)
      look();
    uint64_t hash = count_;
    for (size_t i = 0; i < count_; ++i)
      hash = hash_bytes(files_[i].bytes, kBytes, hash);
    return hash;
  }

  void look()
  {
    alignas(8) char buffer[4096];
    lseek(directory_, 0, SEEK_SET);
    for (long got = 0; (got = syscall(SYS_getdents64, directory_, buffer, sizeof(buffer))) > 0;) {
      for (long at = 0; at < got;) {
        // struct linux_dirent64: inode, offset, record length, type, name
        uint64_t inode = 0;
        unsigned short length = 0;
        std::memcpy(&inode, buffer + at, 8);
        std::memcpy(&length, buffer + at + 16, 2);
        add(inode, buffer + at + 19);
        at += length;
      }
    }
  }

  void add(ino_t inode, const char* name)
  {
    for (size_t i = 0; i < count_; ++i) {
      if (files_[i].inode == inode)
        return;
    }
    const int fd = openat(directory_, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat status = {};
    if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size >= static_cast<off_t>(kBytes) &&
        count_ < std::size(files_)) {
      void* bytes = mmap(nullptr, kBytes, PROT_READ, MAP_SHARED, fd, 0);
      if (bytes != MAP_FAILED)
        files_[count_++] = {status.st_ino, static_cast<const unsigned char*>(bytes)};
    }
    if (fd >= 0)
      close(fd);
  }

  int directory_;
  Mapped files_[16] = {};
  size_t count_ = 0;
};

class ObjectStep : public ::testing::Test {
protected:
  void SetUp() override
  {
    if (const char* reason = step_unavailable())
      GTEST_SKIP() << reason;
    ASSERT_EQ(run_in_child([&] {
                const Shm object = place_.create(kName);
                ASSERT_EQ(object.result, 0) << rtlane_error_message();
              }),
              0);
  }

  // Runs the scenario's operation stepwise in a child; the holder, if it has one, stays until the end.
  template <class Judge>
  void with_scenario(const Scenario& scenario, const StepPlan& plan, StepReport& report, bool watching, Judge&& judge)
  {
    SharedPage<Signals> signals;
    Child holder;
    if (scenario.orphan)
      make_orphan(place_);
    if (scenario.held) {
      holder = start_holder(place_, *signals);
      ASSERT_TRUE(eventually([&] { return signals->ready == 1; }));
    }
    Child child = Child::start([&] {
      scenario.prepare(place_);
      NamedFiles files(place_.path());
      run_stepped(plan, report, watching ? &NamedFiles::hash : nullptr, &files, true,
                  [&] { scenario.operation(place_); });
      kept.leak();
    });
    judge(child.wait());
    if (scenario.held) {
      EXPECT_EQ(run_in_child([] { EXPECT_EQ(Shm::open(kName).result, 0) << rtlane_error_message(); }), 0)
          << "a live object was lost";
    }
    signals->release = 1;
    if (scenario.held) {
      EXPECT_EQ(holder.wait(), 0);
    }
  }

  TierPlace place_{Tier::small};
};

TEST_F(ObjectStep, OnlySystemCallsChangeWhatOthersSee)
{
  const Watchdog watchdog(110);
  uint64_t instructions = 0;
  for (const Scenario& scenario : kScenarios) {
    SCOPED_TRACE(scenario.name);
#ifndef RTLANE_TEST_EVERY_TIER
    if (scenario.name == std::string("create over an orphan"))
      continue;  // as "create", and as long
#endif
    SharedPage<StepReport> report;
    with_scenario(scenario, StepPlan(), *report, true, [](int status) { ASSERT_EQ(status, 0); });
    EXPECT_GT(report->system_calls, 5u);
    EXPECT_EQ(report->quiet_changes, 0u) << "a store changed a file that others may have open";
    std::printf("%-24s %8lu instructions, %4lu system calls, %3lu quiet changes\n", scenario.name,
                uint64_t{report->instructions}, uint64_t{report->system_calls}, uint64_t{report->quiet_changes});
    instructions += report->instructions;
    clean_up_somehow(place_, 0);
    ASSERT_THAT(place_.left(), IsEmpty());
  }
  EXPECT_GT(instructions, 10000u);
}

// The eye that found nothing above can see: stores into a file with a name are noticed.
TEST_F(ObjectStep, AStoreIntoANamedFileIsSeen)
{
  const Watchdog watchdog(60);
  SharedPage<StepReport> report;
  Child child = Child::start([&] {
    NamedFiles files(place_.path());
    run_stepped(StepPlan(), *report, &NamedFiles::hash, &files, true, [&] {
      kept = place_.create(kName);
      kept.memory[100] = 1;
      syscall(SYS_getppid);
      kept.memory[100] = 0;
    });
  });
  ASSERT_EQ(child.wait(), 0);
  EXPECT_EQ(report->quiet_changes, 2u);
}

#ifdef RTLANE_TEST_EVERY_TIER
TEST_F(ObjectStep, KilledAtRandomInstructions)
{
  const Watchdog watchdog(110);
  const char* given = std::getenv("RTLANE_TEST_SEED");
  const uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 0) : std::random_device()();
  std::printf("seed %lu (RTLANE_TEST_SEED)\n", seed);
  std::mt19937_64 random(seed);
  for (const Scenario& scenario : kScenarios) {
    if (scenario.name == std::string("create over an orphan"))
      continue;  // as "create", and as long
    SharedPage<StepReport> all;
    with_scenario(scenario, StepPlan(), *all, false, [](int status) { ASSERT_EQ(status, 0); });
    clean_up_somehow(place_, 0);
    for (unsigned i = 0; i < 2; ++i) {
      const uint64_t instruction = 1 + random() % all->instructions;
      SCOPED_TRACE(std::string(scenario.name) + ", instruction " + std::to_string(instruction) + ", seed " +
                   std::to_string(seed));
      SharedPage<StepReport> report;
      with_scenario(scenario, StepPlan{instruction, 0, SIGKILL}, *report, false,
                    [&](int status) { ASSERT_EQ(status, report->interrupted != 0 ? -SIGKILL : 0); });
      clean_up_somehow(place_, i);
      ASSERT_THAT(place_.left(), IsEmpty());
    }
  }
}
#endif

}  // namespace
}  // namespace rtlane::test
