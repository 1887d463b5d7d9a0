// Directories that cannot be trusted, objects that may not be touched, and other users.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <atomic>
#include <fstream>
#include <string>

#include "support/child.hpp"
#include "support/sanitizer.hpp"
#include "support/seccomp.hpp"
#include "support/shared_page.hpp"
#include "support/shm.hpp"
#include "support/users.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kName[] = "access";
constexpr size_t kBytes = 4096;

class BadInputAccess : public ::testing::Test {
protected:
  // Below the namespace of the test there is room for directories of every kind.
  std::string sub(const char* name) const { return place_.path() + "/" + name; }

  void expect_directory_refused(const std::string& path, int code, const std::string& reason)
  {
    SCOPED_TRACE(path);
    Child child = Child::start([&] {
      setenv("RTLANE_DIR", path.c_str(), 1);
      EXPECT_EQ(Shm::create(kName, kBytes).result, code) << rtlane_error_message();
      EXPECT_THAT(rtlane_error_message(), HasSubstr(reason));
      EXPECT_THAT(rtlane_error_message(), HasSubstr(path.substr(0, 100)));
      const int opened = Shm::open(kName).result;
      EXPECT_TRUE(opened == code || opened == -ENOENT) << opened << " " << rtlane_error_message();
    });
    EXPECT_EQ(child.wait(), 0);
  }

  Watchdog watchdog_{60};
  TempNamespace place_;
};

TEST_F(BadInputAccess, ADirectoryThatIsASymbolicLink)
{
  ASSERT_EQ(mkdir(sub("real").c_str(), 0700), 0);
  ASSERT_EQ(symlink(sub("real").c_str(), sub("link").c_str()), 0);
  expect_directory_refused(sub("link"), -EACCES, "symbolic link");
  EXPECT_THAT(object_files(sub("real")), IsEmpty());
  ASSERT_EQ(symlink("/nowhere/at/all", sub("dangling").c_str()), 0);
  expect_directory_refused(sub("dangling"), -EACCES, "symbolic link");
}

TEST_F(BadInputAccess, AFileInThePlaceOfTheDirectory)
{
  std::ofstream(sub("file")) << "text";
  expect_directory_refused(sub("file"), -EACCES, "not a directory");
  ASSERT_EQ(mkfifo(sub("fifo").c_str(), 0600), 0);
  expect_directory_refused(sub("fifo"), -EACCES, "not a directory");
}

TEST_F(BadInputAccess, ADirectoryThatCannotBeMade)
{
  expect_directory_refused(sub("missing/below"), -EACCES, "cannot make");
  std::ofstream(sub("file")) << "text";
  expect_directory_refused(sub("file/below"), -EACCES, "cannot make");
}

// A disk's file system writes pages back, and each of them faults again.
TEST_F(BadInputAccess, ADirectoryThatIsNotOnATmpfs)
{
  const std::string disk = make_directory("/var/tmp");
  const Undo undo("rm -rf -- '" + disk + "'");
  struct statfs file_system = {};
  ASSERT_EQ(statfs(disk.c_str(), &file_system), 0);
  if (file_system.f_type == TMPFS_MAGIC)
    GTEST_SKIP() << "/var/tmp is a tmpfs here";
  expect_directory_refused(disk, -EINVAL, "tmpfs");
  expect_directory_refused(disk + "/made", -EINVAL, "tmpfs");
  EXPECT_NE(access((disk + "/made").c_str(), F_OK), 0) << "a refused create left something";
}

TEST_F(BadInputAccess, WithoutAFreeDescriptorThatIsWhatIsSaid)
{
  if (built_with_sanitizer)
    GTEST_SKIP() << "the sanitizer needs descriptors of its own";
  for (const uint32_t wish : {RTLANE_NEVER, RTLANE_PREFERRED}) {
    int refused = 0;
    for (rlim_t descriptors = 3; descriptors < 16; ++descriptors) {
      SCOPED_TRACE(descriptors);
      Child child = Child::start([&] {
        for (int fd = 3; fd < 64; ++fd)
          close(fd);
        const rlimit limit = {descriptors, descriptors};
        setrlimit(RLIMIT_NOFILE, &limit);
        rtlane_shm_options options = shm_options();
        options.huge = wish;
        const Shm object = Shm::create(kName, 2 << 20, &options);
        if (object.result != 0) {
          EXPECT_EQ(object.result, -EMFILE) << rtlane_error_message();
          EXPECT_THAT(rtlane_error_message(), HasSubstr("Too many open files"));
        }
        return object.result == 0 ? 0 : 7;
      });
      const int status = child.wait();
      EXPECT_TRUE(status == 0 || status == 7) << status;
      refused += status == 7 ? 1 : 0;
      EXPECT_THAT(object_files(place_.path()), IsEmpty());
    }
    EXPECT_GT(refused, 0);
    EXPECT_LT(refused, 13);
  }
}

TEST_F(BadInputAccess, TheUmaskDoesNotMatter)
{
  ASSERT_EQ(mkdir(sub("home").c_str(), 0700), 0);
  if (geteuid() == 0) {
    ASSERT_EQ(chown(sub("home").c_str(), kOtherUid, kOtherUid), 0);
    ASSERT_EQ(chmod(place_.path().c_str(), 0711), 0);
  }
  Child child = Child::start([&] {
    ASSERT_TRUE(geteuid() != 0 || become(kOtherUid));
    setenv("RTLANE_DIR", sub("home/objects").c_str(), 1);
    umask(0777);
    const Shm object = Shm::create(kName, kBytes);
    EXPECT_EQ(object.result, 0) << rtlane_error_message();
    EXPECT_EQ(object.certificate().mode, 0600u);
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(BadInputAccess, APathThatMakesNoSense)
{
  expect_directory_refused("relative/path", -EINVAL, "absolute");
  expect_directory_refused("/" + std::string(5000, 'x'), -EINVAL, "RTLANE_DIR");
}

TEST_F(BadInputAccess, ADirectoryThatEverybodyMayWrite)
{
  ASSERT_EQ(mkdir(sub("open").c_str(), 0700), 0);
  for (const mode_t mode : {0777, 01777, 0703, 0707}) {
    ASSERT_EQ(chmod(sub("open").c_str(), mode), 0);
    expect_directory_refused(sub("open"), -EACCES, "everybody");
  }
}

TEST_F(BadInputAccess, ASharedDirectoryThatIsSticky)
{
  ASSERT_EQ(mkdir(sub("sticky").c_str(), 0700), 0);
  ASSERT_EQ(chmod(sub("sticky").c_str(), 03770), 0);
  expect_directory_refused(sub("sticky"), -EACCES, "sticky");
  ASSERT_EQ(chmod(sub("sticky").c_str(), 02770), 0);
  Child child = Child::start([&] {
    setenv("RTLANE_DIR", sub("sticky").c_str(), 1);
    EXPECT_EQ(Shm::create(kName, kBytes).result, 0) << rtlane_error_message();
  });
  EXPECT_EQ(child.wait(), 0);
}

// Else an object would get its maker's own group, and the others of the group could not open it.
TEST_F(BadInputAccess, ASharedDirectoryThatIsNotSetgid)
{
  ASSERT_EQ(mkdir(sub("plain").c_str(), 0700), 0);
  for (const mode_t mode : {0770, 0775, 01770}) {
    ASSERT_EQ(chmod(sub("plain").c_str(), mode), 0);
    expect_directory_refused(sub("plain"), -EACCES, "g+s");
  }
}

// Names come from links of /proc/self/fd.
TEST_F(BadInputAccess, WithoutProcACreateSaysSoAndLeavesNothing)
{
  if (geteuid() != 0)
    GTEST_SKIP() << "only root may unmount /proc";
  Child child = Child::start([&] {
    if (unshare(CLONE_NEWNS) != 0 || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        umount2("/proc", MNT_DETACH) != 0)
      return 77;
    const rtlane_shm_options options = small_pages();
    EXPECT_EQ(Shm::create(kName, kBytes, &options).result, -ENOSYS);
    EXPECT_THAT(rtlane_error_message(), HasSubstr("/proc"));
    return 0;
  });
  const int status = child.wait();
  if (status == 77)
    GTEST_SKIP() << "/proc cannot be unmounted here";
  EXPECT_EQ(status, 0);
  EXPECT_THAT(object_files(place_.path()), IsEmpty());
  // The namespace's lock file is there already: the object itself is what fails now.
  EXPECT_EQ(Child::start([] { EXPECT_EQ(Shm::create("first", kBytes).result, 0); }).wait(), 0);
  Child again = Child::start([&] {
    EXPECT_EQ(unshare(CLONE_NEWNS), 0);
    EXPECT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    EXPECT_EQ(umount2("/proc", MNT_DETACH), 0);
    const rtlane_shm_options options = small_pages();
    EXPECT_EQ(Shm::create(kName, kBytes, &options).result, -ENOSYS);
    EXPECT_THAT(rtlane_error_message(), HasSubstr("/proc"));
  });
  EXPECT_EQ(again.wait(), 0);
  EXPECT_THAT(object_files(place_.path()), IsEmpty());
}

class BadInputUsers : public BadInputAccess {
protected:
  void SetUp() override
  {
    if (geteuid() != 0)
      GTEST_SKIP() << "only root can be several users";
  }

  // A namespace of root's with the mode and group.
  void share(mode_t mode, gid_t gid)
  {
    ASSERT_EQ(chown(place_.path().c_str(), 0, gid), 0);
    ASSERT_EQ(chmod(place_.path().c_str(), mode), 0);
  }
};

TEST_F(BadInputUsers, ADirectoryOfAnotherUser)
{
  ASSERT_EQ(chown(place_.path().c_str(), kOtherUid, kOtherUid), 0);
  Child root = Child::start([&] {
    EXPECT_EQ(Shm::create(kName, kBytes).result, -EACCES);
    EXPECT_THAT(rtlane_error_message(), AllOf(HasSubstr(place_.path()), HasSubstr(std::to_string(kOtherUid))));
  });
  EXPECT_EQ(root.wait(), 0);
  Child owner = Child::start([&] {
    ASSERT_TRUE(become(kOtherUid));
    EXPECT_EQ(Shm::create(kName, kBytes).result, 0) << rtlane_error_message();
  });
  EXPECT_EQ(owner.wait(), 0);
}

TEST_F(BadInputUsers, ADirectoryThatMayNotBeEntered)
{
  Child child = Child::start([&] {
    ASSERT_TRUE(become(kOtherUid));
    EXPECT_EQ(Shm::create(kName, kBytes).result, -EACCES);
    EXPECT_THAT(rtlane_error_message(), HasSubstr(place_.path()));
    EXPECT_EQ(Shm::open(kName).result, -EACCES);
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(BadInputUsers, AnObjectOfAnotherUserMayBeReadWrittenOrNeitherAsItsModeSays)
{
  share(0755, 0);
  SharedPage<std::atomic<int>> step;
  Child holder = Child::start([&] {
    rtlane_shm_options options = small_pages();
    const Shm closed = Shm::create("closed", kBytes, &options);
    options.mode = 0644;
    const Shm readable = Shm::create("readable", kBytes, &options);
    options.mode = 0666;
    const Shm writable = Shm::create("writable", kBytes, &options);
    ASSERT_TRUE(closed.result == 0 && readable.result == 0 && writable.result == 0) << rtlane_error_message();
    readable.memory[0] = 5;
    *step = 1;
    EXPECT_TRUE(eventually([&] { return *step == 2; }));
    EXPECT_EQ(readable.certificate().unlinked, 0u);
  });
  ASSERT_TRUE(eventually([&] { return *step == 1; }));
  Child child = Child::start([&] {
    ASSERT_TRUE(become(kOtherUid));
    const rtlane_shm_options reading = read_only();
    EXPECT_EQ(Shm::open("closed").result, -EACCES);
    EXPECT_THAT(rtlane_error_message(), HasSubstr("closed"));
    EXPECT_EQ(Shm::open("closed", &reading).result, -EACCES);
    EXPECT_EQ(Shm::open("readable").result, -EACCES);
    EXPECT_THAT(rtlane_error_message(), AllOf(HasSubstr("readable"), HasSubstr("0644")));
    {
      const Shm shown = Shm::open("readable", &reading);
      ASSERT_EQ(shown.result, 0) << rtlane_error_message();
      EXPECT_EQ(shown.memory[0], 5);
      EXPECT_EQ(shown.certificate().read_only, 1u);
      EXPECT_EQ(shown.certificate().mode, 0644u);
    }
    EXPECT_EQ(Shm::open("writable").result, 0) << rtlane_error_message();
    EXPECT_EQ(Shm::create("mine", kBytes).result, -EACCES) << "the directory is not writable";
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(Child::start([] { EXPECT_EQ(Shm::open("readable").result, 0); }).wait(), 0);
  *step = 2;
  EXPECT_EQ(holder.wait(), 0);
}

TEST_F(BadInputUsers, AReaderWhoMayNotWriteKeepsTheObjectAlive)
{
  share(0755, 0);
  SharedPage<std::atomic<int>> step;
  rtlane_shm_options options = small_pages();
  options.mode = 0644;
  Shm object = Shm::create(kName, kBytes, &options);
  ASSERT_EQ(object.result, 0) << rtlane_error_message();
  object.memory[0] = 6;
  Child reader = Child::start([&] {
    object.close();
    ASSERT_TRUE(become(kOtherUid));
    const rtlane_shm_options reading = read_only();
    Shm shown = Shm::open(kName, &reading);
    ASSERT_EQ(shown.result, 0) << rtlane_error_message();
    *step = 1;
    EXPECT_TRUE(eventually([&] { return *step == 2; }));
    EXPECT_EQ(shown.memory[0], 6);
    EXPECT_EQ(shown.certificate().unlinked, 0u);
    // It may not remove the file: that is left to the next one who may.
    EXPECT_EQ(shown.close(), 0) << rtlane_error_message();
  });
  ASSERT_TRUE(eventually([&] { return *step == 1; }));
  EXPECT_EQ(object.close(), 0);
  Child other = Child::start([] { EXPECT_EQ(Shm::open(kName).result, 0) << rtlane_error_message(); });
  EXPECT_EQ(other.wait(), 0);
  *step = 2;
  EXPECT_EQ(reader.wait(), 0);
  Child last = Child::start([] { EXPECT_EQ(Shm::open(kName).result, -ENOENT); });
  EXPECT_EQ(last.wait(), 0);
  EXPECT_THAT(object_files(place_.path()), IsEmpty());
}

TEST_F(BadInputUsers, AnOrphanThatMayNotBeRemovedIsSaidWithItsOwner)
{
  share(0755, 0);
  Child killed = Child::start([] {
    rtlane_shm_options options = small_pages();
    options.mode = 0644;
    Shm object = Shm::create(kName, kBytes, &options);
    EXPECT_EQ(object.result, 0) << rtlane_error_message();
    object.leak();
    raise(SIGKILL);
  });
  ASSERT_EQ(killed.wait(), -SIGKILL);
  Child child = Child::start([&] {
    ASSERT_TRUE(become(kOtherUid));
    const rtlane_shm_options reading = read_only();
    EXPECT_EQ(Shm::open(kName, &reading).result, -ENOENT);
    EXPECT_EQ(Shm::open(kName).result, -ENOENT);
    EXPECT_EQ(Shm::create(kName, kBytes).result, -EACCES);
    EXPECT_GE(rtlane_gc(nullptr, nullptr), 0);
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(object_files(place_.path()).size(), 1u);
  EXPECT_EQ(Child::start([] { EXPECT_EQ(rtlane_gc(nullptr, nullptr), 1); }).wait(), 0);
}

// Group members share a 2770 directory: each may be the last to close, whoever made the object.
TEST_F(BadInputUsers, MembersOfAGroupShareADirectoryAndAnyOfThemRemovesTheObject)
{
  share(02770, kSharedGid);
  constexpr uid_t kThirdUid = kOtherUid - 7;
  SharedPage<std::atomic<int>> step;
  Child maker = Child::start([&] {
    ASSERT_TRUE(become(kOtherUid, kSharedGid));
    rtlane_shm_options options = small_pages();
    options.mode = 0660;
    Shm object = Shm::create(kName, kBytes, &options);
    ASSERT_EQ(object.result, 0) << rtlane_error_message();
    EXPECT_EQ(object.certificate().gid, kSharedGid);
    object.memory[0] = 7;
    *step = 1;
    EXPECT_TRUE(eventually([&] { return *step == 2; }));
    EXPECT_EQ(object.close(), 0);
    *step = 3;
  });
  ASSERT_TRUE(eventually([&] { return *step == 1; }));
  Child user = Child::start([&] {
    ASSERT_TRUE(become(kThirdUid, kSharedGid));
    Shm object = Shm::open(kName);
    ASSERT_EQ(object.result, 0) << rtlane_error_message();
    EXPECT_EQ(object.memory[0], 7);
    *step = 2;
    EXPECT_TRUE(eventually([&] { return *step == 3; }));
    EXPECT_EQ(object.close(), 0);
    EXPECT_THAT(object_files(place_.path()), IsEmpty()) << "another member's object, removed by its last user";
    // And an orphan of the other one is no obstacle.
  });
  EXPECT_EQ(user.wait(), 0);
  EXPECT_EQ(maker.wait(), 0);
  Child stranger = Child::start([&] {
    ASSERT_TRUE(become(kThirdUid));
    EXPECT_EQ(Shm::create(kName, kBytes).result, -EACCES);
  });
  EXPECT_EQ(stranger.wait(), 0);
}

TEST_F(BadInputUsers, AnOrphanOfAnotherMemberIsReplaced)
{
  share(02770, kSharedGid);
  Child killed = Child::start([] {
    ASSERT_TRUE(become(kOtherUid, kSharedGid));
    rtlane_shm_options options = small_pages();
    options.mode = 0660;
    Shm object = Shm::create(kName, kBytes, &options);
    EXPECT_EQ(object.result, 0) << rtlane_error_message();
    object.memory[0] = 8;
    object.leak();
    raise(SIGKILL);
  });
  ASSERT_EQ(killed.wait(), -SIGKILL);
  Child next = Child::start([&] {
    ASSERT_TRUE(become(kOtherUid - 7, kSharedGid));
    const Shm object = Shm::create(kName, kBytes);
    EXPECT_EQ(object.result, 0) << rtlane_error_message();
    EXPECT_TRUE(all_zero(object.memory, kBytes));
  });
  EXPECT_EQ(next.wait(), 0);
  EXPECT_THAT(object_files(place_.path()), IsEmpty());
}

// The group may not even open a 0600 orphan, but the directory is theirs to remove it from.
TEST_F(BadInputUsers, AClosedOrphanOfAnotherMemberIsSaid)
{
  share(02770, kSharedGid);
  Child killed = Child::start([] {
    ASSERT_TRUE(become(kOtherUid, kSharedGid));
    const rtlane_shm_options options = small_pages();
    Shm object = Shm::create(kName, kBytes, &options);
    EXPECT_EQ(object.result, 0) << rtlane_error_message();
    object.leak();
    raise(SIGKILL);
  });
  ASSERT_EQ(killed.wait(), -SIGKILL);
  Child next = Child::start([&] {
    ASSERT_TRUE(become(kOtherUid - 7, kSharedGid));
    const int result = Shm::create(kName, kBytes).result;
    EXPECT_EQ(result, -EACCES) << rtlane_error_message();
    EXPECT_THAT(rtlane_error_message(), HasSubstr(place_.path()));
  });
  EXPECT_EQ(next.wait(), 0);
}

// Whether such an object lives cannot be known; that its memory is in use can.
TEST_F(BadInputUsers, WhatMayNotBeOpenedIsListedAsUnreadableAndCountsInThePool)
{
  share(02770, kSharedGid);
  SharedPage<std::atomic<int>> step;
  Child holder = Child::start([&] {
    ASSERT_TRUE(become(kOtherUid, kSharedGid));
    const rtlane_shm_options options = small_pages();  // mode 0600
    const Shm object = Shm::create("private", 3 << 20, &options);
    EXPECT_EQ(object.result, 0) << rtlane_error_message();
    *step = 1;
    EXPECT_TRUE(eventually([&] { return *step == 2; }));
  });
  ASSERT_TRUE(eventually([&] { return *step == 1; }));
  Child other = Child::start([&] {
    ASSERT_TRUE(become(kOtherUid - 7, kSharedGid));
    rtlane_namespace_entry seen = {};
    EXPECT_EQ(rtlane_namespace_list(
                  [](const rtlane_namespace_entry* entry, void* context) {
                    *static_cast<rtlane_namespace_entry*>(context) = *entry;
                    return 0;
                  },
                  &seen),
              1);
    EXPECT_EQ(seen.state, uint32_t{RTLANE_ENTRY_UNREADABLE});
    EXPECT_GE(seen.mapped_bytes, uint64_t{3 << 20});
    EXPECT_STRNE(seen.problem, "");
    EXPECT_EQ(seen.uid, kOtherUid);
    setenv("RTLANE_POOL_BYTES", "4194304", 1);
    const rtlane_shm_options options = small_pages();
    EXPECT_EQ(Shm::create("too much", 1 << 20, &options).result, -EDQUOT);
    EXPECT_THAT(rtlane_error_message(), HasSubstr("4 MiB"));
    EXPECT_EQ(Shm::create("enough", 512 << 10, &options).result, 0) << rtlane_error_message();
  });
  EXPECT_EQ(other.wait(), 0);
  *step = 2;
  EXPECT_EQ(holder.wait(), 0);
}

TEST_F(BadInputAccess, WithoutUnnamedTemporaryFilesEverythingWorksAndNothingIsLeft)
{
  if (const std::string problem = seccomp_problem(); !problem.empty())
    GTEST_SKIP() << problem;
  Child child = Child::start([&] {
    ASSERT_TRUE(refuse_tmpfile());
    rtlane_shm_options options = small_pages();
    options.mode = 0640;
    Shm object = Shm::create(kName, kBytes, &options);
    ASSERT_EQ(object.result, 0) << rtlane_error_message();
    EXPECT_EQ(object.certificate().mode, 0640u);
    EXPECT_EQ(object_files(place_.path()).size(), 1u) << "the temporary name is gone";
    EXPECT_EQ(Shm::create(kName, kBytes).result, 1);
    Child other = Child::start([&] {
      object.close();
      EXPECT_EQ(Shm::open(kName).result, 0) << rtlane_error_message();
    });
    EXPECT_EQ(other.wait(), 0);
    EXPECT_EQ(object.close(), 0);
    EXPECT_THAT(object_files(place_.path()), IsEmpty());
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(BadInputAccess, AReadOnlyFileSystemIsSaid)
{
  Child child = Child::start([&] {
    EXPECT_EQ(Shm::create(kName, kBytes).result, 0);  // makes the lock file
  });
  EXPECT_EQ(child.wait(), 0);
  if (geteuid() != 0)
    GTEST_SKIP() << "only root may mount read-only";
  Child reader = Child::start([&] {
    if (unshare(CLONE_NEWNS) != 0 || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount(place_.path().c_str(), place_.path().c_str(), nullptr, MS_BIND, nullptr) != 0 ||
        mount(nullptr, place_.path().c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr) != 0)
      return 77;
    EXPECT_LT(Shm::create(kName, kBytes).result, 0);
    EXPECT_THAT(rtlane_error_message(), AllOf(HasSubstr(place_.path()), HasSubstr("ead-only")));
    EXPECT_EQ(Shm::open(kName).result, -ENOENT);
    return 0;
  });
  const int status = reader.wait();
  if (status == 77)
    GTEST_SKIP() << "mounts are refused here";
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace rtlane::test
