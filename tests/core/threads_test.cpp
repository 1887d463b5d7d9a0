// Several threads of one process: cancellation, and questions that wait for no set-up call of another thread.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <rtlane/core/lease.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "support/child.hpp"
#include "support/sanitizer.hpp"
#include "support/shared_page.hpp"
#include "support/shm.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

class Threads : public ::testing::Test {
protected:
  Watchdog watchdog_{60};
  TempNamespace place_;
};

// A set-up call has cancellation points inside; unwinding through it would end the whole process.
TEST_F(Threads, ACancelledThreadFinishesItsCallFirst)
{
  if (built_with_sanitizer)
    GTEST_SKIP() << "AddressSanitizer does not survive the end of a cancelled thread";
  struct Seen {
    int created = -1000;
    int opened = -1000;
    int closed = -1000;
    bool went_on = false;
  } seen;
  pthread_t thread;
  ASSERT_EQ(pthread_create(
                &thread, nullptr,
                [](void* argument) -> void* {
                  Seen& mine = *static_cast<Seen*>(argument);
                  pthread_cancel(pthread_self());  // pending from here on
                  rtlane_handle first = 0;
                  rtlane_handle second = 0;
                  mine.created = rtlane_shm_create("cancelled", 64, nullptr, &first, nullptr);
                  mine.opened = rtlane_shm_open("cancelled", nullptr, &second, nullptr);
                  mine.closed = rtlane_close(first) + rtlane_close(second);
                  pthread_testcancel();
                  mine.went_on = true;
                  return nullptr;
                },
                &seen),
            0);
  void* result = nullptr;
  ASSERT_EQ(pthread_join(thread, &result), 0);
  EXPECT_EQ(seen.created, 0);
  EXPECT_EQ(seen.opened, 0);
  EXPECT_EQ(seen.closed, 0);
  EXPECT_EQ(result, PTHREAD_CANCELED) << "the request was lost";
  EXPECT_FALSE(seen.went_on);
  EXPECT_TRUE(object_files(place_.path()).empty());
}

// Somebody waits for a lock on the file: "-> " lines of /proc/locks.
bool somebody_waits_for(ino_t inode)
{
  std::ifstream locks("/proc/locks");
  const std::string file = ":" + std::to_string(inode) + " ";
  for (std::string line; std::getline(locks, line);) {
    if (line.find("->") != std::string::npos && line.find(file) != std::string::npos)
      return true;
  }
  return false;
}

// Real-time threads ask about peers while another thread of the process may be stuck behind a stopped process.
TEST_F(Threads, AskingForALeaseOrASizeWaitsForNoSetUpCall)
{
  Shm object = Shm::create("robot", 100);
  ASSERT_EQ(object.result, 0) << rtlane_error_message();
  rtlane_lease lease = {};
  ASSERT_EQ(rtlane_lease_acquire(object.handle, 3, &lease), 0);

  // Whoever has the creators' locks delays every create.
  const int lock_file = open((place_.path() + "/.lock").c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(lock_file, 0);
  struct stat status = {};
  ASSERT_EQ(fstat(lock_file, &status), 0);
  struct flock all = {};
  all.l_type = F_WRLCK;
  all.l_whence = SEEK_SET;
  ASSERT_EQ(fcntl(lock_file, F_OFD_SETLK, &all), 0);

  std::atomic<int> created{-1000};
  std::thread stuck([&] {
    Shm other = Shm::create("other", 100);
    created = other.result;
  });
  ASSERT_TRUE(eventually([&] { return somebody_waits_for(status.st_ino); }));
  EXPECT_EQ(rtlane_lease_held(object.handle, 3), 1);
  EXPECT_EQ(rtlane_lease_held(object.handle, 4), 0);
  uint64_t size = 0;
  EXPECT_EQ(rtlane_shm_size(object.handle, &size), 0);
  EXPECT_EQ(size, 100U);
  EXPECT_EQ(created, -1000) << "the other call was to be stuck all the while";

  close(lock_file);
  stuck.join();
  EXPECT_EQ(created, 0);
  rtlane_lease_release(&lease);
}

// What a thread had pinned when another one forked stays pinned in the child, where nobody ends it.
TEST_F(Threads, AForkChildLosesNothingToAThreadThatWasAsking)
{
  Shm object = Shm::create("robot", 100);
  ASSERT_EQ(object.result, 0) << rtlane_error_message();
  // By number: of a file that got its name late the kernel shows none.
  struct stat file = {};
  ASSERT_EQ(stat((place_.path() + "/" + object_files(place_.path()).at(0)).c_str(), &file), 0);
  const std::string inode = " " + std::to_string(file.st_ino) + " ";
  std::atomic<bool> end{false};
  std::thread asking([&] {
    while (!end)
      EXPECT_EQ(rtlane_lease_held(object.handle, 3), 0);
  });
  for (int round = 0; round < 300; ++round) {
    Child child = Child::start([&] {
      uint64_t size = 0;
      EXPECT_EQ(rtlane_shm_size(object.handle, &size), 0);
      EXPECT_EQ(object.close(), 0);
      std::ifstream maps("/proc/self/maps");
      for (std::string line; std::getline(maps, line);)
        EXPECT_EQ(line.find(inode), std::string::npos) << "closed, and still here: " << line;
      for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code error;
        EXPECT_EQ(std::filesystem::read_symlink(entry, error).string().find("robot~"), std::string::npos)
            << "a descriptor of the thread that was asking";
      }
    });
    if (child.wait() != 0) {
      ADD_FAILURE() << "in round " << round;
      break;
    }
  }
  end = true;
  asking.join();
}

// /proc/self is the main thread, which a program may end.
TEST_F(Threads, EverythingWorksAfterTheEndOfTheMainThread)
{
  if (built_with_thread_sanitizer)
    GTEST_SKIP() << "ThreadSanitizer does not survive the end of the main thread";
  Child child = Child::start([&] {
    pthread_t worker;
    pthread_create(
        &worker, nullptr,
        [](void* main_thread) -> void* {
          pthread_join(*static_cast<pthread_t*>(main_thread), nullptr);
          const Shm object = Shm::create("made by a worker", 4 << 20);
          EXPECT_EQ(object.result, 0) << rtlane_error_message();
          EXPECT_GT(object.certificate().page_bytes, 0u);
          EXPECT_EQ(Shm::create(nullptr, 64).result, 0) << rtlane_error_message();
          EXPECT_EQ(Shm::open("made by a worker").result, 0) << rtlane_error_message();
          std::fflush(nullptr);
          _exit(::testing::Test::HasFailure() ? 1 : 0);
        },
        new pthread_t(pthread_self()));
    syscall(SYS_exit, 0);  // of this thread alone; pthread_exit would unwind into GoogleTest
  });
  EXPECT_EQ(child.wait(), 0);
}

// rtlane_shm_info reads smaps, which takes long; nobody may get a wrong answer meanwhile.
TEST_F(Threads, LeasesAreToldTrulyBesideCertificatesAndCloses)
{
  Shm object = Shm::create("robot", 100);
  ASSERT_EQ(object.result, 0) << rtlane_error_message();
  rtlane_lease lease = {};
  ASSERT_EQ(rtlane_lease_acquire(object.handle, 3, &lease), 0);
  std::atomic<bool> end{false};
  std::vector<std::thread> others;
  others.emplace_back([&] {
    while (!end)
      EXPECT_EQ(object.certificate().size_bytes, 100U);
  });
  others.emplace_back([&] {
    while (!end) {
      Shm again = Shm::open("robot");
      EXPECT_EQ(again.result, 0) << rtlane_error_message();
      EXPECT_EQ(rtlane_lease_held(again.handle, 3), 1);
    }
  });
  for (int round = 0; round < 2000; ++round) {
    ASSERT_EQ(rtlane_lease_held(object.handle, 3), 1);
    ASSERT_EQ(rtlane_lease_held(object.handle, 4), 0);
  }
  end = true;
  for (std::thread& other : others)
    other.join();
  rtlane_lease_release(&lease);
}

}  // namespace
}  // namespace rtlane::test
