// What `ls` and `info` say of events, mutexes and semaphores.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <rtlane/core/event.hpp>
#include <rtlane/core/mutex.hpp>
#include <rtlane/core/semaphore.hpp>

#include <atomic>
#include <csignal>
#include <string>
#include <thread>

#include "support/shared_page.hpp"
#include "support/shm.hpp"
#include "support/watchdog.hpp"
#include "tool.hpp"

namespace rtlane::test {
namespace {

using nlohmann::json;
using testing::ContainsRegex;
using testing::HasSubstr;

class SyncLsTest : public testing::Test {
protected:
  // The "sync" of the only object, from both commands, which must agree.
  static json sync_of(const std::string& name)
  {
    const json listed = run_tool({"ls", "--json"}).json()["objects"];
    const json info = run_tool({"info", name, "--json"}).json();
    EXPECT_EQ(listed.size(), 1U);
    EXPECT_EQ(listed[0]["sync"], info["sync"]);
    return info["sync"];
  }

  // The text of both commands.
  static std::string texts_of(const std::string& name)
  {
    const Outcome ls = run_tool({"ls"});
    const Outcome info = run_tool({"info", name});
    EXPECT_EQ(ls.status, 0) << ls.out << ls.err;
    EXPECT_EQ(info.status, 0) << info.out << info.err;
    return ls.out + info.out;
  }

  Watchdog watchdog{60};
  TempNamespace space;
};

TEST_F(SyncLsTest, AnEventIsSetOrResetAndWaitedFor)
{
  auto event = Event::create("go", Event::Reset::manual, true);
  ASSERT_TRUE(event) << event.error().message;
  EXPECT_EQ(sync_of("go"), json({{"signaled", true}, {"manual_reset", true}, {"waiters", 0}}));
  std::string text = texts_of("go");
  EXPECT_THAT(text, ContainsRegex("go +event .* set +live\n"));
  EXPECT_THAT(text, HasSubstr("\nevent\n  state    set\n  kind     manual reset: "));
  EXPECT_THAT(text, HasSubstr("\n  waiters  0\n"));

  event->reset();
  Child waiter = Child::start([&] { EXPECT_TRUE(event->wait()); });
  ASSERT_TRUE(eventually([&] { return event->state_estimate().waiters == 1; }));
  EXPECT_EQ(sync_of("go"), json({{"signaled", false}, {"manual_reset", true}, {"waiters", 1}}));
  text = texts_of("go");
  EXPECT_THAT(text, ContainsRegex("go +event .* reset \\(1 waiting\\) +live\n"));
  EXPECT_THAT(text, HasSubstr("\n  state    reset\n"));
  EXPECT_THAT(text, HasSubstr("\n  waiters  1\n"));
  EXPECT_EQ(event->state_estimate().waiters, 1U) << "looking released it";
  event->set();
  EXPECT_EQ(waiter.wait(), 0);
}

TEST_F(SyncLsTest, AnAutomaticEventIsToldFromAManualOne)
{
  auto event = Event::create("go");
  ASSERT_TRUE(event) << event.error().message;
  EXPECT_EQ(sync_of("go")["manual_reset"], false);
  EXPECT_THAT(run_tool({"info", "go"}).out, HasSubstr("automatic reset: "));
}

TEST_F(SyncLsTest, ASemaphoreShowsItsCountAndMaximum)
{
  auto units = Semaphore::create("units", 3, 10);
  ASSERT_TRUE(units) << units.error().message;
  EXPECT_EQ(sync_of("units"), json({{"signaled", true}, {"count", 3}, {"maximum", 10}, {"waiters", 0}}));
  const std::string text = texts_of("units");
  EXPECT_THAT(text, ContainsRegex("units +semaphore .* count 3/10 +live\n"));
  EXPECT_THAT(text, HasSubstr("\nsemaphore\n  count    3 of 10\n  waiters  0\n"));
  EXPECT_EQ(units->state_estimate().count, 3U) << "looking took one";
}

TEST_F(SyncLsTest, AMutexNamesTheThreadAndProcessThatOwnIt)
{
  auto mutex = Mutex::create("guard");
  ASSERT_TRUE(mutex) << mutex.error().message;
  EXPECT_EQ(sync_of("guard"), json({{"signaled", true}, {"owner", nullptr}, {"abandoned", false}, {"waiters", 0}}));
  EXPECT_THAT(texts_of("guard"), ContainsRegex("guard +mutex .* free +live\n"));
  EXPECT_THAT(texts_of("guard"), HasSubstr("\nmutex\n  owner    none\n  waiters  none\n"));

  SharedPage<std::atomic<pid_t>> thread;
  Child owner = Child::start([&] {
    prctl(PR_SET_NAME, "controller");
    std::thread([&] {
      prctl(PR_SET_NAME, "worker");
      mutex->lock();
      *thread = gettid();
      pause();
    }).join();
  });
  ASSERT_TRUE(eventually([&] { return *thread != 0; }));
  Child waiter = Child::start([&] { mutex->lock(); });
  ASSERT_TRUE(eventually([&] { return mutex->state_estimate().waiters == 1; }));
  const json sync = sync_of("guard");
  EXPECT_EQ(sync["signaled"], false);
  EXPECT_EQ(sync["owner"],
            json({{"tid", thread->load()}, {"pid", owner.pid()}, {"command", "controller"}, {"thread", "worker"}}));
  EXPECT_EQ(sync["abandoned"], false);
  EXPECT_EQ(sync["waiters"], 1);
  const std::string text = texts_of("guard");
  const std::string pid = std::to_string(owner.pid());
  EXPECT_THAT(text, ContainsRegex("guard +mutex .* owned by " + pid + " controller \\(waited for\\) +live\n"));
  EXPECT_THAT(text, HasSubstr("  owner    " + pid + " controller, thread " + std::to_string(*thread) + " worker\n"));
  EXPECT_THAT(text, HasSubstr("\n  waiters  at least 1\n"));
}

TEST_F(SyncLsTest, AnAbandonedMutexIsCalledSo)
{
  auto mutex = Mutex::create("guard");
  ASSERT_TRUE(mutex) << mutex.error().message;
  Child owner = Child::start([&] {
    mutex->lock();
    raise(SIGKILL);
  });
  ASSERT_EQ(owner.wait(), -SIGKILL);
  const json sync = sync_of("guard");
  EXPECT_EQ(sync["owner"], nullptr);
  EXPECT_EQ(sync["abandoned"], true);
  EXPECT_THAT(texts_of("guard"), ContainsRegex("guard +mutex .* abandoned +live\n"));
  EXPECT_THAT(texts_of("guard"), HasSubstr("  owner    none: the last one ended without unlocking it\n"));
  EXPECT_EQ(mutex->try_wait().status, WaitStatus::abandoned) << "looking took what it tells";
}

TEST_F(SyncLsTest, AnOwnerThatIsNotSeenToHoldTheObjectIsANumberOnly)
{
  auto mutex = Mutex::create_owned("guard");
  ASSERT_TRUE(mutex) << mutex.error().message;
  if (geteuid() != 0)
    GTEST_SKIP() << "only root can look as another user, who may not read the mappings";
  ASSERT_EQ(chmod(space.path().c_str(), 0755), 0);
  for (const std::string& file : object_files(space.path()))
    ASSERT_EQ(chmod((space.path() + "/" + file).c_str(), 0666), 0);
  const json sync = run_tool_as(kOtherUid, {"info", "guard", "--json"}).json()["sync"];
  EXPECT_EQ(sync["owner"], json({{"tid", getpid()}}));
  EXPECT_THAT(run_tool_as(kOtherUid, {"ls"}).out,
              HasSubstr("owned by thread " + std::to_string(getpid()) + "  live\n"));
  EXPECT_TRUE(mutex->unlock());
}

TEST_F(SyncLsTest, AnOrphanShowsTheStateItWasLeftIn)
{
  Child maker = Child::start([] {
    auto units = Semaphore::create("units", 3, 10);
    EXPECT_TRUE(units);
    raise(SIGKILL);
  });
  ASSERT_EQ(maker.wait(), -SIGKILL);
  const Outcome ls = run_tool({"ls"});
  EXPECT_EQ(ls.status, 1);
  EXPECT_THAT(ls.out, ContainsRegex("units +semaphore .* count 3/10 +orphan\n"));
  EXPECT_EQ(sync_of("units")["count"], 3);
  EXPECT_EQ(object_files(space.path()).size(), 1U) << "looking removed it";
}

TEST_F(SyncLsTest, MemoryHasNone)
{
  const Shm memory = Shm::create("memory", 4096);
  ASSERT_EQ(memory.result, 0);
  EXPECT_EQ(run_tool({"ls", "--json"}).json()["objects"][0].count("sync"), 0U);
  EXPECT_EQ(run_tool({"info", "memory", "--json"}).json().count("sync"), 0U);
  EXPECT_THAT(run_tool({"ls"}).out, ContainsRegex("memory +memory .* - +live\n"));
}

}  // namespace
}  // namespace rtlane::test
