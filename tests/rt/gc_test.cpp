#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "support/shm.hpp"
#include "support/watchdog.hpp"
#include "tool.hpp"

namespace rtlane::test {
namespace {

using testing::HasSubstr;

// Several orphans at once: each create sweeps the namespace, so one process makes them all.
void leave_orphans(const std::vector<std::string>& names)
{
  Child child = Child::start([&] {
    for (const std::string& name : names) {
      Shm object = Shm::create(name.c_str(), 4096);
      if (object.result != 0)
        _exit(1);
      object.leak();
    }
    kill(getpid(), SIGKILL);
  });
  ASSERT_EQ(child.wait(), -SIGKILL);
}

TEST(Gc, WithNothingToDoItSaysSo)
{
  Watchdog watchdog(60);
  TempNamespace space;
  const Outcome outcome = run_tool({"gc"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "nothing to remove in " + space.path() + "\n");
}

TEST(Gc, RemovesOrphansSaysWhichAndLeavesLiveAndForeignAlone)
{
  Watchdog watchdog(60);
  TempNamespace space;
  const Shm live = Shm::create("live", 4096);
  ASSERT_EQ(live.result, 0);
  live.memory[0] = 42;
  ASSERT_NO_FATAL_FAILURE(leave_orphans({"orphan-a", "orphan-b"}));
  std::ofstream(space.path() + "/notes.txt") << "not an object";

  const Outcome outcome = run_tool({"gc"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("removed orphan-a (4 KiB)\n"));
  EXPECT_THAT(outcome.out, HasSubstr("removed orphan-b (4 KiB)\n"));
  EXPECT_EQ(outcome.out.find("live"), std::string::npos);
  EXPECT_EQ(object_files(space.path()).size(), 2u);
  EXPECT_EQ(read_file(space.path() + "/notes.txt"), "not an object");
  const Shm again = Shm::open("live");
  ASSERT_EQ(again.result, 0);
  EXPECT_EQ(again.memory[0], 42);
}

TEST(Gc, DryRunListsAndRemovesNothingAndIsAFinding)
{
  Watchdog watchdog(60);
  TempNamespace space;
  ASSERT_NO_FATAL_FAILURE(leave_orphans({"orphan"}));
  for (int round = 0; round < 2; ++round) {
    const Outcome outcome = run_tool({"gc", "--dry-run"});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_EQ(outcome.out, "would remove orphan (4 KiB)\n");
  }
  EXPECT_EQ(object_files(space.path()).size(), 1u);
  EXPECT_EQ(run_tool({"gc"}).status, 0);
  EXPECT_TRUE(object_files(space.path()).empty());
  EXPECT_EQ(run_tool({"gc", "-n"}).status, 0);
}

TEST(Gc, TheJsonDocumentHoldsTheSame)
{
  Watchdog watchdog(60);
  TempNamespace space;
  ASSERT_NO_FATAL_FAILURE(leave_orphans({"orphan"}));
  const auto planned = run_tool({"gc", "-n", "--json"}).json();
  EXPECT_EQ(planned["schema"], "rtlane.gc/1");
  EXPECT_EQ(planned["dry_run"], true);
  ASSERT_EQ(planned["removed"].size(), 1u);
  const Outcome outcome = run_tool({"gc", "--json"});
  EXPECT_EQ(outcome.status, 0);
  const auto document = outcome.json();
  EXPECT_EQ(document["dry_run"], false);
  EXPECT_EQ(document["namespace"], space.path());
  ASSERT_EQ(document["removed"].size(), 1u);
  EXPECT_EQ(document["removed"][0]["name"], "orphan");
  EXPECT_EQ(document["removed"][0]["size_bytes"], 4096);
  EXPECT_TRUE(document["kept"].empty());
}

TEST(Gc, AStoppedHolderKeepsItsObject)
{
  Watchdog watchdog(60);
  TempNamespace space;
  Child holder = Child::start([] {
    Shm object = Shm::create("held", 4096);
    raise(SIGSTOP);
  });
  ASSERT_TRUE(holder.wait_stopped());
  EXPECT_EQ(run_tool({"gc"}).out, "nothing to remove in " + space.path() + "\n");
  EXPECT_EQ(object_files(space.path()).size(), 1u);
  holder.signal(SIGCONT);
  EXPECT_EQ(holder.wait(), 0);
}

TEST(Gc, AnOrphanThatMayNotBeRemovedIsAFindingWithTheReason)
{
  if (geteuid() != 0)
    GTEST_SKIP() << "only root may hand a directory to another user";
  Watchdog watchdog(60);
  TempNamespace space;
  ASSERT_NO_FATAL_FAILURE(leave_orphans({"orphan"}));
  // root's directory, which others may enter and read but not write
  ASSERT_EQ(chmod(space.path().c_str(), 0755), 0);
  for (const std::string& file : object_files(space.path()))
    ASSERT_EQ(chmod((space.path() + "/" + file).c_str(), 0666), 0);
  const Outcome outcome = run_tool_as(kOtherUid, {"gc", "--json"});
  EXPECT_EQ(outcome.status, 1);
  const auto document = outcome.json();
  EXPECT_TRUE(document["removed"].empty());
  ASSERT_EQ(document["kept"].size(), 1u);
  EXPECT_EQ(document["kept"][0]["name"], "orphan");
  EXPECT_THAT(document["kept"][0]["problem"].get<std::string>(),
              testing::AllOf(HasSubstr("belongs to user 0"), HasSubstr("Permission denied")));
  EXPECT_THAT(run_tool_as(kOtherUid, {"gc"}).out, HasSubstr("could not remove orphan: it belongs to user 0"));
  EXPECT_EQ(object_files(space.path()).size(), 1u);
}

}  // namespace
}  // namespace rtlane::test
