// No memory: refused with the numbers in the sentence, never killed, nothing left behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "support/child.hpp"
#include "support/mounts.hpp"
#include "support/sanitizer.hpp"
#include "support/seccomp.hpp"
#include "support/shm.hpp"
#include "support/users.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StrNe;

constexpr uint64_t kMiB = 1 << 20;
constexpr char kName[] = "memory shortage";

void write_text(const std::string& path, const std::string& text)
{
  std::ofstream(path) << text;
}

// What a refused create must show, in the process that called it.
void expect_refused(uint64_t bytes, const rtlane_shm_options* options, const std::string& directory)
{
  const size_t before = object_files(directory).size();
  rtlane_handle handle = 4711;
  void* address = &handle;
  EXPECT_EQ(rtlane_shm_create(kName, bytes, options, &handle, &address), -ENOMEM) << rtlane_error_message();
  EXPECT_EQ(handle, 4711u) << "an output parameter was written";
  EXPECT_EQ(address, &handle) << "an output parameter was written";
  EXPECT_EQ(object_files(directory).size(), before) << "something was left";
}

void expect_works(uint64_t bytes)
{
  const Shm object = Shm::create("still works", bytes);
  EXPECT_EQ(object.result, 0) << rtlane_error_message();
}

TEST(MemoryShortage, OnASmallTmpfsInAUserAndMountNamespace)
{
  const Watchdog watchdog(60);
  const std::string directory = make_directory("/tmp");
  const Undo undo("rmdir '" + directory + "'");
  const unsigned uid = geteuid();
  const unsigned gid = getegid();
  Child child = Child::start([&] {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
      return 77;
    write_text("/proc/self/setgroups", "deny");
    write_text("/proc/self/uid_map", "0 " + std::to_string(uid) + " 1");
    write_text("/proc/self/gid_map", "0 " + std::to_string(gid) + " 1");
    if (mount("tmpfs", directory.c_str(), "tmpfs", 0, "size=1m,mode=0700") != 0)
      return 77;
    setenv("RTLANE_DIR", directory.c_str(), 1);
    expect_refused(4 * kMiB, nullptr, directory);
    EXPECT_THAT(rtlane_error_message(), AllOf(HasSubstr("4 MiB"), HasSubstr("1 MiB"), HasSubstr(directory)));
    expect_works(64 * 1024);

    // Until it is full: those that fit keep their content.
    std::vector<Shm> objects;
    for (int i = 0;; ++i) {
      Shm object = Shm::create(("filler " + std::to_string(i)).c_str(), 100 * 1024);
      if (object.result != 0) {
        EXPECT_EQ(object.result, -ENOMEM) << rtlane_error_message();
        break;
      }
      for (size_t byte = 0; byte < 100 * 1024; byte += 512)
        object.memory[byte] = static_cast<unsigned char>(i + 1);
      objects.push_back(std::move(object));
      if (i > 20) {
        ADD_FAILURE() << "2 MiB in a file system of 1 MiB";
        break;
      }
    }
    EXPECT_GE(objects.size(), 7u);
    for (size_t i = 0; i < objects.size(); ++i) {
      for (size_t byte = 0; byte < 100 * 1024; byte += 512)
        EXPECT_EQ(objects[i].memory[byte], i + 1);
    }
    EXPECT_EQ(object_files(directory).size(), objects.size());
    objects.pop_back();
    expect_works(64 * 1024);
    return 0;
  });
  const int status = child.wait();
  if (status == 77)
    GTEST_SKIP() << "user and mount namespaces are refused here";
  EXPECT_EQ(status, 0);
}

TEST(MemoryShortage, OnASmallTmpfsOfRoot)
{
  const Watchdog watchdog(60);
  const PrivateMount tmpfs("tmpfs", "size=3m");
  if (!tmpfs.problem().empty())
    GTEST_SKIP() << tmpfs.problem();
  const TempNamespace place(tmpfs.path());
  expect_refused(16 * kMiB, nullptr, place.path());
  EXPECT_THAT(rtlane_error_message(), HasSubstr("16 MiB"));
  // A huge page would fit, with the room that its alignment needs it does not: smaller pages are the answer.
  const Shm object = Shm::create(kName, 2 * kMiB);
  EXPECT_EQ(object.result, 0) << rtlane_error_message();
}

TEST(MemoryShortage, ATmpfsWithoutInodesLeft)
{
  const Watchdog watchdog(60);
  const PrivateMount tmpfs("tmpfs", "size=3m,nr_inodes=4");
  if (!tmpfs.problem().empty())
    GTEST_SKIP() << tmpfs.problem();
  const TempNamespace place(tmpfs.path());
  std::vector<Shm> objects;
  for (int i = 0; i < 6; ++i) {
    objects.push_back(Shm::create(("inode " + std::to_string(i)).c_str(), 4096));
    if (objects.back().result != 0) {
      EXPECT_EQ(objects.back().result, -ENOMEM) << rtlane_error_message();
      break;
    }
  }
  EXPECT_LT(objects.back().result, 0);
}

// Where the kernel finds no room only when it is asked for the pages (EFAULT instead of a SIGBUS later).
TEST(MemoryShortage, PagesThatCannotBeFaultedInAreSaidInWords)
{
  const Watchdog watchdog(60);
  if (const std::string problem = seccomp_problem(); !problem.empty())
    GTEST_SKIP() << problem;
  const TempNamespace place;
  Child child = Child::start([&] {
    constexpr uint32_t populate_write = 23;  // not in the headers of Debian 12
    ASSERT_TRUE(refuse_call(SYS_madvise, 2, populate_write, EFAULT));
    for (const uint32_t wish : {RTLANE_NEVER, RTLANE_REQUIRED}) {
      rtlane_shm_options options = shm_options();
      options.huge = wish;
      expect_refused(4 * kMiB, &options, place.path());
      EXPECT_THAT(rtlane_error_message(), AllOf(HasSubstr("no memory"), Not(HasSubstr("address"))));
    }
  });
  EXPECT_EQ(child.wait(), 0);
}

// A group with little memory that a child process can enter.
class SmallCgroup {
public:
  explicit SmallCgroup(uint64_t limit_bytes)
  {
    const std::string name = "/rtlane-test-" + std::to_string(getpid());
    for (const char* hierarchy : {"/sys/fs/cgroup/memory", "/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
      const std::string path = hierarchy + name;
      if (mkdir(path.c_str(), 0755) != 0)
        continue;
      for (const char* file : {"/memory.limit_in_bytes", "/memory.max"}) {
        if (access((path + file).c_str(), W_OK) == 0) {
          write_text(path + file, std::to_string(limit_bytes));
          path_ = path;
        }
      }
      if (path_.empty()) {
        rmdir(path.c_str());
        continue;
      }
      undo_ = std::make_unique<Undo>("for i in 1 2 3 4 5 6 7 8 9; do rmdir '" + path_ + "' && break; sleep 0.2; done");
      return;
    }
  }
  std::string problem() const { return path_.empty() ? "no memory cgroup can be made here" : ""; }
  void enter() const { write_text(path_ + "/cgroup.procs", std::to_string(getpid())); }

private:
  std::string path_;
  std::unique_ptr<Undo> undo_;
};

TEST(MemoryShortage, UnderACgroupLimit)
{
  const Watchdog watchdog(60);
  const SmallCgroup group(64 * kMiB);
  if (!group.problem().empty())
    GTEST_SKIP() << group.problem();
  const TempNamespace place;
  for (const uint32_t wish : {RTLANE_NEVER, RTLANE_PREFERRED}) {
    Child child = Child::start([&] {
      group.enter();
      rtlane_shm_options options = shm_options();
      options.huge = wish;
      expect_refused(256 * kMiB, &options, place.path());
      EXPECT_THAT(rtlane_error_message(), AllOf(HasSubstr("256 MiB"), HasSubstr("64 MiB"), HasSubstr("cgroup")));
      // What fits beside the process itself works, and a second helping of the same size does not.
      Shm first = Shm::create("first", 40 * kMiB, &options);
      EXPECT_EQ(first.result, 0) << rtlane_error_message();
      expect_refused(40 * kMiB, &options, place.path());
      EXPECT_EQ(first.close(), 0);
      expect_works(40 * kMiB);
    });
    EXPECT_EQ(child.wait(), 0) << "-9 = killed for lack of memory instead of refused";
    EXPECT_THAT(object_files(place.path()), IsEmpty());
  }
}

// The kernel's own bookkeeping for the pages is charged to the group too: near the limit it must not kill.
TEST(MemoryShortage, JustUnderACgroupLimitItWorksOrIsRefused)
{
  const Watchdog watchdog(100);
  constexpr uint64_t limit = 256 * kMiB;
  const SmallCgroup group(limit);
  if (!group.problem().empty())
    GTEST_SKIP() << group.problem();
  const TempNamespace place;
  int worked = 0;
  for (const uint32_t wish : {RTLANE_NEVER, RTLANE_PREFERRED}) {
    for (uint64_t less = 0; less <= 8 * kMiB; less += kMiB / 2) {
      SCOPED_TRACE(testing::Message() << "limit less " << less / 1024 << " KiB, huge " << wish);
      Child child = Child::start([&] {
        group.enter();
        rtlane_shm_options options = shm_options();
        options.huge = wish;
        const Shm object = Shm::create(kName, limit - less, &options);
        EXPECT_TRUE(object.result == 0 || object.result == -ENOMEM) << rtlane_error_message();
        return object.result == 0 ? 7 : 0;
      });
      const int status = child.wait();
      EXPECT_TRUE(status == 7 || status == 0) << status << ": -9 = killed for lack of memory instead of refused";
      worked += status == 7 ? 1 : 0;
    }
  }
  EXPECT_GT(worked, 0) << "nothing fits that should";
}

TEST(MemoryShortage, MoreThanTheMachineHas)
{
  const Watchdog watchdog(60);
  // Without a limit of its own the file system would take all memory; a group's limit guards the machine in case the
  // question before the allocation is not asked.
  const PrivateMount tmpfs("tmpfs", "size=0");
  if (!tmpfs.problem().empty())
    GTEST_SKIP() << tmpfs.problem();
  const SmallCgroup group(64 * kMiB);
  if (!group.problem().empty())
    GTEST_SKIP() << group.problem();
  const TempNamespace place(tmpfs.path());
  Child child = Child::start([&] {
    group.enter();
    expect_refused(UINT64_C(1) << 45, nullptr, place.path());
    EXPECT_THAT(rtlane_error_message(), AllOf(HasSubstr("32 TiB"), HasSubstr("MemAvailable")));
    for (const uint64_t absurd : {UINT64_C(1) << 62, UINT64_C(1) << 63, ~UINT64_C(0), ~UINT64_C(0) - 4095}) {
      expect_refused(absurd, nullptr, place.path());
      const rtlane_shm_options small = small_pages();
      expect_refused(absurd, &small, place.path());
    }
    expect_works(kMiB);
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST(MemoryShortage, OverTheFileSizeLimitWithoutASignal)
{
  const Watchdog watchdog(60);
  const TempNamespace place;
  Child child = Child::start([&] {
    const rlimit limit = {kMiB, kMiB};
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
    expect_refused(4 * kMiB, nullptr, place.path());
    EXPECT_THAT(rtlane_error_message(), AllOf(HasSubstr("RLIMIT_FSIZE"), HasSubstr("1 MiB")));
    // The control page counts too.
    expect_refused(kMiB, nullptr, place.path());
    expect_works(512 * 1024);
    const rlimit nothing = {100, 100};
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &nothing), 0);
    expect_refused(4096, nullptr, place.path());
  });
  EXPECT_EQ(child.wait(), 0) << "-25 = SIGXFSZ";
}

TEST(MemoryShortage, OverTheAddressSpaceLimit)
{
  if (built_with_sanitizer)
    GTEST_SKIP() << "sanitizers need all of the address space";
  const Watchdog watchdog(60);
  const TempNamespace place;
  Child child = Child::start([&] {
    const rlimit limit = {512 * kMiB, 512 * kMiB};
    ASSERT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
    expect_refused(1024 * kMiB, nullptr, place.path());
    expect_works(kMiB);
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST(MemoryShortage, WithoutThePrivilegeToLockTheReasonIsGivenOrTheCallFails)
{
  const Watchdog watchdog(60);
  if (geteuid() != 0)
    GTEST_SKIP() << "only root can give up the privilege to lock; this user may not have it to begin with";
  const TempNamespace place;
  ASSERT_EQ(chown(place.path().c_str(), kOtherUid, kOtherUid), 0);
  Child child = Child::start([&] {
    const rlimit limit = {64 * 1024, 64 * 1024};
    ASSERT_EQ(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
    ASSERT_TRUE(become(kOtherUid));
    rtlane_shm_options options = shm_options();
    {
      const Shm object = Shm::create("preferred", kMiB, &options);
      ASSERT_EQ(object.result, 0) << rtlane_error_message();
      const rtlane_shm_certificate certificate = object.certificate();
      EXPECT_LT(certificate.locked_bytes, kMiB);
      EXPECT_THAT(certificate.lock_reason, AllOf(HasSubstr("RLIMIT_MEMLOCK"), HasSubstr("64 KiB")));
      EXPECT_THAT(certificate.lock_fix, StrNe(""));
      options.lock = RTLANE_REQUIRED;
      rtlane_shm_options opening = options;
      EXPECT_EQ(Shm::open("preferred", &opening).result, -ENOMEM);
      EXPECT_EQ(object.certificate().unlinked, 0u) << "a refused open takes nothing from the handle that is there";
    }
    expect_refused(kMiB, &options, place.path());
    EXPECT_THAT(rtlane_error_message(), HasSubstr("RLIMIT_MEMLOCK"));
    const Shm little = Shm::create("fits", 32 * 1024, &options);
    EXPECT_EQ(little.result, 0) << rtlane_error_message();
    EXPECT_EQ(little.certificate().locked_bytes, 32u * 1024);
    options.lock = RTLANE_NEVER;
    const Shm unlocked = Shm::create("never", 32 * 1024, &options);
    EXPECT_EQ(unlocked.certificate().locked_bytes, 0u);
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST(MemoryShortage, ThePoolIsExhausted)
{
  const Watchdog watchdog(60);
  const TempNamespace place;
  setenv("RTLANE_POOL_BYTES", "8388608", 1);
  const rtlane_shm_options options = small_pages();
  {
    const Shm first = Shm::create("first", 5 * kMiB, &options);
    ASSERT_EQ(first.result, 0) << rtlane_error_message();
    Shm second = Shm::create("second", 4 * kMiB, &options);
    EXPECT_EQ(second.result, -EDQUOT);
    EXPECT_THAT(rtlane_error_message(), AllOf(HasSubstr("8 MiB"), HasSubstr("5 MiB"), HasSubstr("4 MiB")));
    second = Shm::create("second", 3 * kMiB, &options);
    EXPECT_EQ(second.result, 0) << "exactly full: " << rtlane_error_message();
    EXPECT_EQ(Shm::create("third", 1, &options).result, -EDQUOT);
    EXPECT_EQ(Shm::create("first", 5 * kMiB, &options).result, 1) << "opening costs nothing";
    EXPECT_EQ(object_files(place.path()).size(), 2u);
  }
  // What killed processes left does not count.
  Child killed = Child::start([&] {
    Shm object = Shm::create("orphan", 8 * kMiB, &options);
    EXPECT_EQ(object.result, 0) << rtlane_error_message();
    object.leak();
    raise(SIGKILL);
  });
  EXPECT_EQ(killed.wait(), -SIGKILL);
  const Shm all = Shm::create("all", 8 * kMiB, &options);
  EXPECT_EQ(all.result, 0) << rtlane_error_message();
  setenv("RTLANE_POOL_BYTES", "5000000", 1);
  EXPECT_EQ(Shm::create("senseless", 4096, &options).result, -EINVAL);
  EXPECT_THAT(rtlane_error_message(), HasSubstr("RTLANE_POOL_BYTES"));
  unsetenv("RTLANE_POOL_BYTES");
}

}  // namespace
}  // namespace rtlane::test
