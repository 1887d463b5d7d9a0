// The hugetlbfs directories that payloads lie in: who may use them, and who cleans up behind a vanished namespace.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "support/child.hpp"
#include "support/mounts.hpp"
#include "support/seccomp.hpp"
#include "support/shared_page.hpp"
#include "support/shm.hpp"
#include "support/users.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr uint64_t kHugePage = UINT64_C(2) << 20;
constexpr uid_t kThirdUid = kOtherUid - 7;

rtlane_shm_options on_hugetlb_for_the_group()
{
  rtlane_shm_options options = shm_options();
  options.huge = RTLANE_REQUIRED;
  options.page_bytes = kHugePage;
  options.mode = 0660;
  return options;
}

class Payload : public ::testing::Test {
protected:
  void SetUp() override
  {
    if (!pages_.problem().empty())
      GTEST_SKIP() << pages_.problem();
    // As administrators mount it for everybody.
    ASSERT_EQ(chmod(pages_.path().c_str(), 01777), 0);
    free_before_ = HugePages::free_pages();
  }

  // A namespace of root's that a group shares.
  static void share(const std::string& directory)
  {
    ASSERT_EQ(chown(directory.c_str(), 0, kSharedGid), 0);
    ASSERT_EQ(chmod(directory.c_str(), 02770), 0);
  }

  Watchdog watchdog_{60};
  HugePages pages_{4};
  unsigned free_before_ = 0;
};

TEST_F(Payload, MembersOfAGroupShareItAndTheLastOfThemGivesThePagesBack)
{
  const TempNamespace place;
  share(place.path());
  SharedPage<std::atomic<int>> step;
  Child maker = Child::start([&] {
    ASSERT_TRUE(become(kOtherUid, kSharedGid));
    const rtlane_shm_options options = on_hugetlb_for_the_group();
    Shm object = Shm::create("shared", kHugePage, &options);
    ASSERT_EQ(object.result, 0) << rtlane_error_message();
    object.memory[0] = 7;
    *step = 1;
    EXPECT_TRUE(eventually([&] { return *step == 2; }));
    EXPECT_EQ(object.close(), 0);
    *step = 3;
  });
  ASSERT_TRUE(eventually([&] { return *step == 1; }));
  ASSERT_THAT(pages_.payloads(), SizeIs(1));
  const std::string directory = std::filesystem::path(pages_.payloads()[0]).parent_path();
  struct stat status = {};
  ASSERT_EQ(stat(directory.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 02770U) << "the payload directory is as open as the namespace";
  EXPECT_EQ(status.st_gid, kSharedGid);

  Child user = Child::start([&] {
    ASSERT_TRUE(become(kThirdUid, kSharedGid));
    Shm object = Shm::open("shared");
    ASSERT_EQ(object.result, 0) << rtlane_error_message();
    EXPECT_EQ(object.memory[0], 7);
    EXPECT_EQ(object.certificate().tier, uint32_t{RTLANE_TIER_HUGETLB});
    *step = 2;
    EXPECT_TRUE(eventually([&] { return *step == 3; }));
    EXPECT_EQ(object.close(), 0);
  });
  EXPECT_EQ(user.wait(), 0);
  EXPECT_EQ(maker.wait(), 0);
  EXPECT_THAT(pages_.payloads(), IsEmpty()) << "another member's payload, removed by its last user";
  EXPECT_EQ(HugePages::free_pages(), free_before_);
}

TEST_F(Payload, AnotherMembersOrphanGoesWithTheNextCreate)
{
  const TempNamespace place;
  share(place.path());
  Child killed = Child::start([] {
    ASSERT_TRUE(become(kOtherUid, kSharedGid));
    const rtlane_shm_options options = on_hugetlb_for_the_group();
    Shm object = Shm::create("orphan", 2 * kHugePage, &options);
    EXPECT_EQ(object.result, 0) << rtlane_error_message();
    object.leak();
    raise(SIGKILL);
  });
  ASSERT_EQ(killed.wait(), -SIGKILL);
  EXPECT_EQ(HugePages::free_pages(), free_before_ - 2);
  Child next = Child::start([&] {
    ASSERT_TRUE(become(kThirdUid, kSharedGid));
    EXPECT_EQ(Shm::create("unrelated", 64).result, 0) << rtlane_error_message();
  });
  EXPECT_EQ(next.wait(), 0);
  EXPECT_THAT(pages_.payloads(), IsEmpty());
  EXPECT_EQ(HugePages::free_pages(), free_before_);
}

TEST_F(Payload, APayloadDirectoryOfAStrangerIsNotUsed)
{
  const TempNamespace place;
  EXPECT_EQ(Child::start([] { EXPECT_EQ(Shm::create("first", 64).result, 0); }).wait(), 0);
  uint64_t id = 0;
  std::ifstream(place.path() + "/.lock", std::ios::binary).read(reinterpret_cast<char*>(&id), sizeof id);
  ASSERT_NE(id, 0U);
  // The place where the namespace's payloads belong, taken by somebody else before.
  char name[64];
  std::snprintf(name, sizeof name, "/rtlane-%016lx", static_cast<unsigned long>(id));
  const std::string taken = pages_.path() + name;
  ASSERT_EQ(mkdir(taken.c_str(), 0700), 0);
  ASSERT_EQ(chown(taken.c_str(), kThirdUid, kThirdUid), 0);
  ASSERT_EQ(chown(place.path().c_str(), kOtherUid, kOtherUid), 0);
  ASSERT_EQ(chown((place.path() + "/.lock").c_str(), kOtherUid, kOtherUid), 0);
  for (const mode_t mode : {0700, 0777}) {
    ASSERT_EQ(chmod(taken.c_str(), mode), 0);
    Child victim = Child::start([&] {
      ASSERT_TRUE(become(kOtherUid));
      const Shm object = Shm::create("mine", kHugePage);
      ASSERT_EQ(object.result, 0) << rtlane_error_message();
      const rtlane_shm_certificate certificate = object.certificate();
      EXPECT_NE(certificate.tier, uint32_t{RTLANE_TIER_HUGETLB});
      EXPECT_THAT(certificate.page_reason, HasSubstr(pages_.path()));
      EXPECT_THAT(certificate.page_fix, HasSubstr(pages_.path()));
    });
    EXPECT_EQ(victim.wait(), 0);
    EXPECT_THAT(pages_.payloads(), IsEmpty());
  }
  // Nor by root, who could: it is not root's to say who may remove what is in there.
  ASSERT_EQ(chmod(taken.c_str(), 0700), 0);
  ASSERT_EQ(chown(place.path().c_str(), 0, 0), 0);
  Child root = Child::start([&] {
    const Shm object = Shm::create("mine", kHugePage);
    ASSERT_EQ(object.result, 0) << rtlane_error_message();
    if (object.certificate().tier == RTLANE_TIER_HUGETLB) {
      struct stat owner = {};
      ASSERT_EQ(stat(taken.c_str(), &owner), 0);
      EXPECT_EQ(owner.st_uid, 0u);
    }
  });
  EXPECT_EQ(root.wait(), 0);
}

// Nobody will ever create in a namespace again that was deleted: its pages would be lost.
TEST_F(Payload, PayloadsOfAVanishedNamespaceGoWithTheirOwnersNextCreateAnywhere)
{
  Child killed = Child::start([&] {
    const TempNamespace vanished;
    ASSERT_EQ(chown(vanished.path().c_str(), kOtherUid, kOtherUid), 0);
    Child owner = Child::start([&] {
      ASSERT_TRUE(become(kOtherUid));
      const rtlane_shm_options options = on_hugetlb_for_the_group();
      Shm object = Shm::create("lost", 2 * kHugePage, &options);
      EXPECT_EQ(object.result, 0) << rtlane_error_message();
      object.leak();
      raise(SIGKILL);
    });
    EXPECT_EQ(owner.wait(), -SIGKILL);
    std::filesystem::remove_all(vanished.path());
  });
  ASSERT_EQ(killed.wait(), 0);
  ASSERT_THAT(pages_.payloads(), SizeIs(1));

  const TempNamespace place;
  ASSERT_EQ(chown(place.path().c_str(), kOtherUid, kOtherUid), 0);
  const auto create_as = [&](uid_t uid, const std::string& directory) {
    Child child = Child::start([&] {
      ASSERT_TRUE(become(uid));
      setenv("RTLANE_DIR", directory.c_str(), 1);
      EXPECT_EQ(Shm::create("anything", 64).result, 0) << rtlane_error_message();
    });
    EXPECT_EQ(child.wait(), 0);
  };
  const std::string others = place.path() + "/others";
  ASSERT_EQ(mkdir(others.c_str(), 0700), 0);
  ASSERT_EQ(chown(others.c_str(), kThirdUid, kThirdUid), 0);
  ASSERT_EQ(chmod(place.path().c_str(), 0711), 0);
  create_as(kThirdUid, others);
  EXPECT_THAT(pages_.payloads(), SizeIs(1)) << "somebody else's are not a user's to remove";
  create_as(kOtherUid, place.path());
  EXPECT_THAT(pages_.payloads(), IsEmpty());
  EXPECT_EQ(HugePages::free_pages(), free_before_);
}

// Every create sweeps what nobody holds; what is not rtlane's must survive that, also below a directory named alike.
TEST_F(Payload, FilesOfOthersBesideThePayloadsAreNeverTouched)
{
  const TempNamespace place;
  const std::string id(16, 'a');
  const std::string object = "looks~0123456789abcdef0123456789abcdef";
  const std::vector<std::string> files = {"/rtlane-mydata/dpdk_map_0",    "/rtlane-" + id + "/map",
                                          "/rtlane-" + id + "/" + object, "/rtlane-" + id + "/a.0123456789abcdef",
                                          "/rtlane-" + id + "/.hidden",   "/other/" + object + ".0123456789abcdef"};
  for (const std::string& file : files) {
    const std::string path = pages_.path() + file;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    const int fd = open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    ASSERT_GE(fd, 0) << path;
    close(fd);
  }
  const rtlane_shm_options options = on_hugetlb_for_the_group();
  EXPECT_EQ(Shm::create("object", kHugePage, &options).result, 0) << rtlane_error_message();
  EXPECT_GE(rtlane_gc(nullptr, nullptr), 0);
  for (const std::string& file : files)
    EXPECT_EQ(access((pages_.path() + file).c_str(), F_OK), 0) << file;
}

// The mount table still names the hugetlbfs below; its files are not what is seen there.
TEST_F(Payload, AFileSystemMountedOverTheHugetlbfsIsNotSwept)
{
  const TempNamespace place;
  ASSERT_EQ(mount("tmpfs", pages_.path().c_str(), "tmpfs", 0, "mode=0700"), 0);
  const std::string directory = pages_.path() + "/rtlane-0123456789abcdef";
  const std::string file = directory + "/looks~0123456789abcdef0123456789abcdef.0123456789abcdef";
  ASSERT_EQ(mkdir(directory.c_str(), 0700), 0);
  std::ofstream(file) << "precious";
  EXPECT_EQ(Shm::create("object", kHugePage).result, 0) << rtlane_error_message();
  EXPECT_GE(rtlane_gc(nullptr, nullptr), 0);
  EXPECT_EQ(access(file.c_str(), F_OK), 0);
  umount2(pages_.path().c_str(), MNT_DETACH);
}

TEST_F(Payload, EmptyDirectoriesGoWithTheNextCreate)
{
  const auto directories = [&] {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(pages_.path()))
      names.push_back(entry.path());
    return names;
  };
  {
    const TempNamespace place;
    const rtlane_shm_options options = on_hugetlb_for_the_group();
    const Shm object = Shm::create("object", kHugePage, &options);
    ASSERT_EQ(object.result, 0) << rtlane_error_message();
    ASSERT_EQ(object.certificate().tier, uint32_t{RTLANE_TIER_HUGETLB});
    EXPECT_THAT(directories(), SizeIs(1));
    const Shm other = Shm::create("other", 64);
    EXPECT_THAT(directories(), SizeIs(1)) << "one that is in use was removed";
  }
  const TempNamespace place;
  const Shm object = Shm::create("object", 64);
  EXPECT_EQ(object.result, 0) << rtlane_error_message();
  EXPECT_THAT(directories(), IsEmpty());
}

TEST_F(Payload, AMountThatIsReadOnlyGivesWayToTheNextAndThatToOtherPages)
{
  const TempNamespace place;
  const PrivateMount second("hugetlbfs", "pagesize=2M,mode=0700");
  ASSERT_EQ(second.problem(), "");
  const auto set_read_only = [](const std::string& path, bool read_only) {
    return mount(nullptr, path.c_str(), nullptr, MS_REMOUNT | MS_BIND | (read_only ? MS_RDONLY : 0), nullptr);
  };
  ASSERT_EQ(set_read_only(pages_.path(), true), 0);
  {
    const Shm object = Shm::create("object", kHugePage);
    ASSERT_EQ(object.result, 0) << rtlane_error_message();
    EXPECT_EQ(object.certificate().tier, uint32_t{RTLANE_TIER_HUGETLB}) << "the second mount would do";
  }
  ASSERT_EQ(set_read_only(second.path(), true), 0);
  const Shm object = Shm::create("object", kHugePage);
  ASSERT_EQ(object.result, 0) << rtlane_error_message();
  EXPECT_NE(object.certificate().tier, uint32_t{RTLANE_TIER_HUGETLB});
  EXPECT_THAT(object.certificate().page_reason, HasSubstr("ead-only"));
  ASSERT_EQ(set_read_only(pages_.path(), false), 0);
}

TEST_F(Payload, WithoutTheMountTheObjectIsInUseAndTheReasonIsSaid)
{
  const TempNamespace place;
  const rtlane_shm_options options = on_hugetlb_for_the_group();
  Shm object = Shm::create("object", kHugePage, &options);
  ASSERT_EQ(object.result, 0) << rtlane_error_message();
  Child stranger = Child::start([&] {
    object.close();
    ASSERT_EQ(unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(umount2(pages_.path().c_str(), MNT_DETACH), 0);
    EXPECT_EQ(Shm::open("object").result, -EACCES);
    EXPECT_THAT(rtlane_error_message(), HasSubstr("no hugetlbfs with such pages is mounted here"));
  });
  EXPECT_EQ(stranger.wait(), 0);
}

TEST_F(Payload, NothingIsLeftWhereUnnamedTemporaryFilesAreRefused)
{
  if (const std::string problem = seccomp_problem(); !problem.empty())
    GTEST_SKIP() << problem;
  const TempNamespace place;
  Child child = Child::start([&] {
    ASSERT_TRUE(refuse_tmpfile());
    rtlane_shm_options options = on_hugetlb_for_the_group();
    {
      const Shm object = Shm::create("object", kHugePage, &options);
      ASSERT_EQ(object.result, 0) << rtlane_error_message();
      EXPECT_THAT(pages_.payloads(), SizeIs(1));
    }
    EXPECT_THAT(pages_.payloads(), IsEmpty());
    EXPECT_EQ(Shm::create(nullptr, kHugePage, &options).result, 0) << rtlane_error_message();
    EXPECT_THAT(pages_.payloads(), IsEmpty()) << "the temporary of an unnamed object";
  });
  EXPECT_EQ(child.wait(), 0);
}

// A backup of a namespace names the same payloads; nobody holds its control files.
TEST_F(Payload, GarbageThatIsACopyOfALiveObjectTakesNoPayloadWithIt)
{
  const TempNamespace place;
  const rtlane_shm_options options = on_hugetlb_for_the_group();
  Shm object = Shm::create("alive", kHugePage, &options);
  ASSERT_EQ(object.result, 0) << rtlane_error_message();
  object.memory[5] = 9;
  Child other = Child::start([&] {
    const TempNamespace backup;
    std::filesystem::copy(place.path(), backup.path(), std::filesystem::copy_options::recursive);
    EXPECT_EQ(rtlane_gc(nullptr, nullptr), 1);
    EXPECT_THAT(object_files(backup.path()), IsEmpty());
  });
  EXPECT_EQ(other.wait(), 0);
  EXPECT_THAT(pages_.payloads(), SizeIs(1));
  Child opener = Child::start([&] {
    object.close();
    const Shm again = Shm::open("alive");
    ASSERT_EQ(again.result, 0) << rtlane_error_message();
    EXPECT_EQ(again.memory[5], 9);
  });
  EXPECT_EQ(opener.wait(), 0);
  EXPECT_EQ(object.close(), 0);
  EXPECT_THAT(pages_.payloads(), IsEmpty());
  EXPECT_EQ(HugePages::free_pages(), free_before_);
}

// The same sweep must not take a payload whose holder lives in another namespace.
TEST_F(Payload, LivePayloadsOfAnotherNamespaceAreLeftAlone)
{
  const TempNamespace first;
  const rtlane_shm_options options = on_hugetlb_for_the_group();
  const Shm object = Shm::create("alive", kHugePage, &options);
  ASSERT_EQ(object.result, 0) << rtlane_error_message();
  object.memory[5] = 9;
  Child other = Child::start([&] {
    const TempNamespace second;
    EXPECT_EQ(Shm::create("anything", 64).result, 0) << rtlane_error_message();
    EXPECT_GE(rtlane_gc(nullptr, nullptr), 0);
  });
  EXPECT_EQ(other.wait(), 0);
  EXPECT_THAT(pages_.payloads(), SizeIs(1));
  Child opener = Child::start([&] {
    const Shm again = Shm::open("alive");
    EXPECT_EQ(again.result, 0) << rtlane_error_message();
    EXPECT_EQ(again.memory[5], 9);
  });
  EXPECT_EQ(opener.wait(), 0);
}

}  // namespace
}  // namespace rtlane::test
