// The operator's view: listing disturbs nobody, gc removes what nobody holds and nothing else.
#include <gtest/gtest.h>
#include <rtlane/core/namespace.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "support/child.hpp"
#include "support/shm.hpp"
#include "support/temp_namespace.hpp"

namespace rtlane::test {
namespace {

using Entries = std::map<std::string, rtlane_namespace_entry>;

int collect(const rtlane_namespace_entry* entry, void* context)
{
  (*static_cast<Entries*>(context))[entry->name[0] != '\0' ? entry->name : entry->path] = *entry;
  return 0;
}

Entries list()
{
  Entries entries;
  EXPECT_GE(rtlane_namespace_list(collect, &entries), 0) << rtlane_error_message();
  return entries;
}

// A process that creates the object and is killed while holding it.
void leave_orphan(const char* name)
{
  Child owner = Child::start([&] {
    Shm object = Shm::create(name, 100);
    EXPECT_EQ(object.result, 0) << rtlane_error_message();
    object.leak();
    raise(SIGKILL);
  });
  ASSERT_EQ(owner.wait(), -SIGKILL);
}

TEST(Namespace, IsEmptyBeforeItsFirstObject)
{
  const TempNamespace directory;
  ASSERT_EQ(rmdir(directory.path().c_str()), 0);
  EXPECT_EQ(rtlane_namespace_list(collect, nullptr), 0);
  EXPECT_EQ(rtlane_gc(nullptr, nullptr), 0);
  EXPECT_NE(access(directory.path().c_str(), F_OK), 0) << "looking made the directory";
}

TEST(Namespace, ListsWhatTheCreatorWrote)
{
  const TempNamespace directory;
  const Shm object = Shm::create("robot/\xc3\xa4rm", 5000);
  const Entries entries = list();
  ASSERT_EQ(entries.count("robot/\xc3\xa4rm"), 1U);
  const rtlane_namespace_entry& entry = entries.at("robot/\xc3\xa4rm");
  EXPECT_EQ(entry.state, static_cast<uint32_t>(RTLANE_ENTRY_LIVE));
  EXPECT_EQ(entry.kind, static_cast<uint32_t>(RTLANE_KIND_SHARED_MEMORY));
  EXPECT_EQ(entry.size_bytes, 5000U);
  EXPECT_EQ(entry.mapped_bytes, 8192U);
  EXPECT_EQ(entry.page_bytes, 4096U);
  EXPECT_EQ(entry.generation, object.certificate().generation);
  EXPECT_EQ(entry.creator_pid, getpid());
  EXPECT_EQ(entry.mode, 0600U);
}

TEST(Namespace, TellsOrphansAndForeignFilesFromLiveObjects)
{
  const TempNamespace directory;
  const Shm alive = Shm::create("alive", 100);
  leave_orphan("dead");
  std::ofstream(directory.path() + "/notes.txt") << "not an object";
  const Entries entries = list();
  EXPECT_EQ(entries.at("alive").state, static_cast<uint32_t>(RTLANE_ENTRY_LIVE));
  EXPECT_EQ(entries.at("dead").state, static_cast<uint32_t>(RTLANE_ENTRY_ORPHAN));
  const rtlane_namespace_entry& foreign = entries.at(directory.path() + "/notes.txt");
  EXPECT_EQ(foreign.state, static_cast<uint32_t>(RTLANE_ENTRY_FOREIGN));
  EXPECT_NE(foreign.problem[0], '\0');
}

TEST(Namespace, GcRemovesTheOrphanAndSaysWhich)
{
  const TempNamespace directory;
  const Shm alive = Shm::create("alive", 100);
  std::ofstream(directory.path() + "/notes.txt") << "not an object";
  leave_orphan("dead");
  Entries removed;
  EXPECT_EQ(rtlane_gc(collect, &removed), 1);
  ASSERT_EQ(removed.size(), 1U);
  EXPECT_EQ(removed.count("dead"), 1U);
  EXPECT_EQ(object_files(directory.path()).size(), 2U) << "the live object and the foreign file stay";
  EXPECT_EQ(rtlane_gc(nullptr, nullptr), 0);
}

TEST(Namespace, TheFirstCallInEachNamespaceRemovesItsOrphans)
{
  const TempNamespace first;
  leave_orphan("dead");
  Child child = Child::start([&] {
    EXPECT_EQ(Shm::open("anything").result, -ENOENT);
    EXPECT_TRUE(object_files(first.path()).empty()) << "the first call of a process";
    const TempNamespace second;
    leave_orphan("dead");
    EXPECT_EQ(object_files(second.path()).size(), 1U);
    EXPECT_EQ(Shm::open("anything").result, -ENOENT);
    EXPECT_TRUE(object_files(second.path()).empty()) << "its first call in another namespace";
  });
  EXPECT_EQ(child.wait(), 0);
}

// Listed as what gc makes of it.
TEST(Namespace, ADamagedObjectThatNobodyHoldsIsAnOrphan)
{
  const TempNamespace directory;
  leave_orphan("dead");
  const std::string path = directory.path() + "/" + object_files(directory.path())[0];
  ASSERT_EQ(truncate(path.c_str(), 4096), 0) << "the payload is cut off";
  const Entries entries = list();
  ASSERT_EQ(entries.count(path), 1U);
  EXPECT_EQ(entries.at(path).state, static_cast<uint32_t>(RTLANE_ENTRY_ORPHAN));
  EXPECT_STRNE(entries.at(path).problem, "");
  EXPECT_EQ(rtlane_gc(nullptr, nullptr), 1);
  EXPECT_TRUE(object_files(directory.path()).empty());
}

TEST(Namespace, WhoOnlyReadsLeavesOrphansAlone)
{
  const TempNamespace directory;
  leave_orphan("dead");
  // A process that has not called before, and so would sweep.
  Child child = Child::start([&] {
    const rtlane_shm_options reading = read_only();
    EXPECT_EQ(Shm::open("nothing", &reading).result, -ENOENT);
    EXPECT_EQ(Shm::open("dead", &reading).result, -ENOENT);
    EXPECT_EQ(object_files(directory.path()).size(), 1U);
    EXPECT_EQ(Shm::open("nothing").result, -ENOENT);
    EXPECT_TRUE(object_files(directory.path()).empty()) << "who may write sweeps";
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST(Namespace, ACopyOfAnObjectsFileIsForeign)
{
  const TempNamespace directory;
  const Shm alive = Shm::create("alive", 100);
  const std::string original = directory.path() + "/" + object_files(directory.path())[0];
  const std::string copy = directory.path() + "/backup";
  const std::string alike = directory.path() + "/alike~0123456789abcdef0123456789abcdef";
  std::filesystem::copy_file(original, copy);
  std::filesystem::copy_file(original, alike);
  Child child = Child::start([] { EXPECT_EQ(rtlane_gc(nullptr, nullptr), 0); });
  EXPECT_EQ(child.wait(), 0);
  const Entries entries = list();
  EXPECT_EQ(entries.at("alive").state, static_cast<uint32_t>(RTLANE_ENTRY_LIVE));
  for (const std::string& path : {copy, alike}) {
    ASSERT_EQ(entries.count(path), 1U) << path;
    EXPECT_EQ(entries.at(path).state, static_cast<uint32_t>(RTLANE_ENTRY_FOREIGN));
    EXPECT_NE(std::string(entries.at(path).problem).find("copy"), std::string::npos);
  }
}

TEST(Namespace, AVisitorMayCallTheLibraryAndEndTheWalk)
{
  const TempNamespace directory;
  const Shm first = Shm::create("a", 1);
  const Shm second = Shm::create("b", 1);
  int visited = 0;
  EXPECT_EQ(rtlane_namespace_list(
                [](const rtlane_namespace_entry* entry, void* context) {
                  EXPECT_EQ(Shm::open(entry->name).result, 0);
                  return ++*static_cast<int*>(context);
                },
                &visited),
            2);
  EXPECT_EQ(visited, 1);
}

TEST(Namespace, PathIsTheConfiguredOne)
{
  const TempNamespace directory;
  char path[512];
  ASSERT_EQ(rtlane_namespace_path(path, sizeof path), 0);
  EXPECT_EQ(directory.path(), path);
  EXPECT_EQ(rtlane_namespace_path(path, 3), -ENAMETOOLONG);
}

}  // namespace
}  // namespace rtlane::test
