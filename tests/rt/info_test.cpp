#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <rtlane/channels/spsc_ring.hpp>

#include <atomic>

#include "support/shared_page.hpp"
#include "support/shm.hpp"
#include "support/users.hpp"
#include "support/watchdog.hpp"
#include "tool.hpp"

namespace rtlane::test {

enum class Gear : std::uint8_t { neutral, forward };
RTLANE_ENUM(Gear, neutral, forward);

struct Wheel {
  float speed;
  float torque;
};
RTLANE_TYPE(Wheel, RTLANE_UNIT(speed, "rad/s"), RTLANE_UNIT(torque, "Nm"));

struct Drive {
  std::int64_t t_ns;
  Wheel wheels[2];
  Gear gear;
  char label[7];
};
RTLANE_TYPE(Drive, RTLANE_UNIT(t_ns, "ns"), wheels, gear, label);

namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

TEST(Info, ShowsTheCertificateOfAnObjectOfTheCreatorAndOfThisProcess)
{
  Watchdog watchdog(60);
  TempNamespace space;
  const Shm object = Shm::create("state", 10'000);
  ASSERT_EQ(object.result, 0);
  const Outcome text = run_tool({"info", "state"});
  EXPECT_EQ(text.status, 0) << text.err;
  for (const char* part : {"name       state", "live", "creator (process", "this process", "page size", "did not ask"})
    EXPECT_THAT(text.out, HasSubstr(part));

  const json document = run_tool({"info", "state", "--json"}).json();
  const rtlane_shm_certificate facts = object.certificate();
  EXPECT_EQ(document["schema"], "rtlane.info/1");
  EXPECT_EQ(document["name"], "state");
  EXPECT_EQ(document["creator"]["page_size"], facts.page_bytes);
  EXPECT_EQ(document["creator"]["locked_bytes"], facts.locked_bytes);
  EXPECT_EQ(document["creator"]["page_reason"], facts.page_reason);
  EXPECT_EQ(document["creator"]["page_fix"], facts.page_fix);
  EXPECT_EQ(document["here"]["locked_bytes"], 0);
  EXPECT_EQ(document["here"]["unlinked"], false);
  EXPECT_EQ(document["holders"]["locks"], 1);
  EXPECT_TRUE(document["channel"].is_null());
}

TEST(Info, WhatFellBackIsSaidWithTheCommandThatWouldFixIt)
{
  Watchdog watchdog(60);
  TempNamespace space;
  const Shm object = Shm::create("large", 4 << 20);
  ASSERT_EQ(object.result, 0);
  const rtlane_shm_certificate facts = object.certificate();
  if (facts.page_reason[0] == '\0')
    GTEST_SKIP() << "nothing fell back here: reserved huge pages were free";
  const Outcome text = run_tool({"info", "large"});
  EXPECT_THAT(text.out, HasSubstr(facts.page_reason));
  EXPECT_THAT(text.out, HasSubstr(facts.page_fix));
}

TEST(Info, WhyTheCreatorLockedNothingIsSaidToOthers)
{
  Watchdog watchdog(60);
  if (geteuid() != 0)
    GTEST_SKIP() << "only root can give up the privilege to lock; this user may not have it to begin with";
  TempNamespace space;
  ASSERT_EQ(chown(space.path().c_str(), kOtherUid, kOtherUid), 0);
  // Where the other user may start it.
  const Scratch scratch;
  ASSERT_EQ(chmod(scratch.path().c_str(), 0755), 0);
  const std::string program = scratch.file("rtlane");
  std::filesystem::copy_file(RTLANE_TOOL, program);
  const auto run_copy = [&](const std::vector<std::string>& arguments) {
    return Tool::start(arguments, program).wait();
  };
  Child maker = Child::start([&] {
    const rlimit limit = {64 * 1024, 64 * 1024};
    ASSERT_EQ(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
    ASSERT_TRUE(become(kOtherUid));
    const Shm object = Shm::create("refused", 1 << 20);
    ASSERT_EQ(object.result, 0) << rtlane_error_message();
    rtlane_shm_options options = shm_options();
    options.lock = RTLANE_NEVER;
    const Shm other = Shm::create("unwanted", 4096, &options);
    ASSERT_EQ(other.result, 0) << rtlane_error_message();
    const Outcome text = run_copy({"info", "refused"});
    EXPECT_THAT(text.out, HasSubstr("RLIMIT_MEMLOCK is 64 KiB"));
    EXPECT_THAT(text.out, HasSubstr("ulimit -l"));
    const json creator = run_copy({"info", "refused", "--json"}).json()["creator"];
    EXPECT_EQ(creator["lock_reason"], object.certificate().lock_reason);
    EXPECT_EQ(creator["lock_fix"], object.certificate().lock_fix);
    EXPECT_THAT(run_copy({"info", "unwanted"}).out, HasSubstr("not asked for"));
  });
  EXPECT_EQ(maker.wait(), 0);
}

TEST(Info, DecodesAChannelWithFieldsUnitsAndCounters)
{
  Watchdog watchdog(60);
  TempNamespace space;
  auto ring = SpscRing<Drive>::create("drive", 100);
  ASSERT_TRUE(ring) << ring.error().message;
  auto producer = ring->producer();
  ASSERT_TRUE(producer);
  Drive drive{};
  for (int i = 0; i < 5; ++i)
    ASSERT_EQ(producer->try_push(drive), Status::ok);
  {
    auto consumer = ring->consumer();
    ASSERT_TRUE(consumer);
    ASSERT_EQ(consumer->try_pop(drive), Status::ok);
    ASSERT_EQ(consumer->try_pop(drive), Status::ok);
  }

  const Outcome outcome = run_tool({"info", "drive", "--json"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  const json channel = outcome.json()["channel"];
  EXPECT_EQ(channel["kind"], "SpscRing");
  EXPECT_EQ(channel["type"], "Drive");
  EXPECT_EQ(channel["capacity"], 128);
  EXPECT_EQ(channel["element_bytes"], sizeof(Drive));
  EXPECT_EQ(channel["published"], 5);
  EXPECT_EQ(channel["consumed"], 2);
  EXPECT_EQ(channel["depth"], 3);
  EXPECT_EQ(channel["refused"], 0);
  EXPECT_EQ(channel["producer_alive"], true);
  EXPECT_EQ(channel["consumer_alive"], false);
  EXPECT_EQ(channel["consumer_attaches"], 1);
  EXPECT_EQ(channel["consumer_takeovers"], 0);
  EXPECT_EQ(channel["closed"], false);
  const json& fields = channel["fields"];
  ASSERT_EQ(fields.size(), 4u);
  EXPECT_EQ(fields[0]["name"], "t_ns");
  EXPECT_EQ(fields[0]["type"], "int64");
  EXPECT_EQ(fields[0]["unit"], "ns");
  EXPECT_EQ(fields[1]["offset"], offsetof(Drive, wheels));
  EXPECT_EQ(fields[1]["type"], "Wheel[2]");
  EXPECT_EQ(fields[1]["fields"][1]["name"], "torque");
  EXPECT_EQ(fields[1]["fields"][1]["unit"], "Nm");
  EXPECT_EQ(fields[2]["names"]["forward"], 1);
  EXPECT_EQ(fields[3]["type"], "char[7]");

  const Outcome text = run_tool({"info", "drive"});
  for (const char* part :
       {"SpscRing of Drive, 128 elements", "torque", "Nm", "forward=1", "published    5", "depth        3"})
    EXPECT_THAT(text.out, HasSubstr(part));
}

TEST(Info, TellsAKilledProducerFromALiveAndAStoppedOne)
{
  Watchdog watchdog(60);
  TempNamespace space;
  auto ring = SpscRing<Drive>::create("drive", 16);
  ASSERT_TRUE(ring) << ring.error().message;
  SharedPage<std::atomic<int>> attached;
  Child child = Child::start([&] {
    auto mine = SpscRing<Drive>::open("drive");
    auto producer = mine->producer();
    *attached = producer ? 1 : 2;
    for (;;)
      pause();
  });
  ASSERT_TRUE(eventually([&] { return *attached != 0; }));
  const auto expect = [](bool alive, const char* state) {
    const json channel = run_tool({"info", "drive", "--json"}).json()["channel"];
    EXPECT_EQ(channel["producer_alive"], alive);
    EXPECT_EQ(channel["producer_state"], state);
    EXPECT_EQ(channel["consumer_state"], "none");
  };
  expect(true, "alive");
  child.signal(SIGSTOP);
  ASSERT_TRUE(child.wait_stopped());
  expect(true, "stopped");
  EXPECT_THAT(run_tool({"info", "drive"}).out, HasSubstr("producer     stopped; 1 attached"));
  {
    // With a living role beside it nobody can tell which of the two is stopped.
    auto consumer = ring->consumer();
    EXPECT_EQ(run_tool({"info", "drive", "--json"}).json()["channel"]["producer_state"], "alive");
  }
  child.kill_now();
  expect(false, "killed");
  ASSERT_TRUE(ring->producer());
  expect(false, "none");
  EXPECT_EQ(run_tool({"info", "drive", "--json"}).json()["channel"]["producer_takeovers"], 1);
}

TEST(Info, NamesEveryKindOfChannelAndWhoCanBeInIt)
{
  Watchdog watchdog(60);
  TempNamespace space;
  struct Kind {
    std::uint32_t number;
    const char* name;
    const char* line;    // of the text
    const char* absent;  // from it
    int participants;
  };
  for (const Kind& kind :
       {Kind{RTLANE_CHANNEL_MPMC_RING, "MpmcRing", "participants 1 of 16 alive", "producer ", 16},
        Kind{RTLANE_CHANNEL_SNAPSHOT, "Snapshot", "writer       none", "consumer ", 0},
        Kind{RTLANE_CHANNEL_PINNED_SNAPSHOT, "PinnedSnapshot", "readers      1 of 8 alive", "consumer ", 8},
        Kind{RTLANE_CHANNEL_BROADCAST, "Broadcast", "writer       none", "consumer ", 0},
        Kind{RTLANE_CHANNEL_FRAME_RING, "FrameRing", "consumer     none", "writer ", 0},
        Kind{RTLANE_CHANNEL_FRAME_BROADCAST, "FrameBroadcast", "frames of up to 112 B", "consumer ", 0}}) {
    SCOPED_TRACE(kind.name);
    rtlane_channel_spec spec = RTLANE_CHANNEL_SPEC_INIT;
    const bool frames = kind.number == RTLANE_CHANNEL_FRAME_RING || kind.number == RTLANE_CHANNEL_FRAME_BROADCAST;
    spec.kind = kind.number;
    spec.capacity = kind.number == RTLANE_CHANNEL_PINNED_SNAPSHOT ? 1 : frames ? 1024 : 8;
    spec.type = frames ? nullptr : &rtlane::type_of<Drive>();
    rtlane_channel* made = nullptr;
    ASSERT_EQ(rtlane_channel_create(kind.name, &spec, nullptr, &made), 0) << rtlane_error_message();
    const ChannelRef channel(made);
    Role role;
    if (kind.participants != 0)
      role = std::move(*Role::acquire_any(channel, RTLANE_ROLE_PARTICIPANT, 3));

    const Outcome text = run_tool({"info", kind.name});
    EXPECT_EQ(text.status, 0) << text.err;
    EXPECT_THAT(text.out, HasSubstr(std::string("kind         ") + kind.name + (frames ? " of Bytes" : " of Drive")));
    EXPECT_THAT(text.out, HasSubstr(kind.line));
    EXPECT_THAT(text.out, Not(HasSubstr(std::string("  ") + kind.absent)));
    const json seen = run_tool({"info", kind.name, "--json"}).json()["channel"];
    EXPECT_EQ(seen["kind"], kind.name);
    EXPECT_EQ(seen["participants"], kind.participants);
    EXPECT_EQ(seen["participants_alive"], kind.participants != 0 ? 1 : 0);
    EXPECT_EQ(seen["producer_alive"], false);
    EXPECT_EQ(seen["lost"], 0);
  }
}

TEST(Info, LooksWithoutDisturbing)
{
  Watchdog watchdog(60);
  TempNamespace space;
  auto ring = SpscRing<Drive>::create("drive", 16);
  ASSERT_TRUE(ring) << ring.error().message;
  auto producer = ring->producer();
  auto consumer = ring->consumer();
  ASSERT_TRUE(producer);
  ASSERT_TRUE(consumer);
  for (int round = 0; round < 5; ++round) {
    ASSERT_EQ(producer->try_push(Drive{round, {}, Gear::neutral, {}}), Status::ok);
    EXPECT_EQ(run_tool({"info", "drive"}).status, 0);
    Drive taken{};
    ASSERT_EQ(consumer->try_pop(taken), Status::ok);
    EXPECT_EQ(taken.t_ns, round);
  }
  const auto seen = ring->info();
  EXPECT_EQ(seen.producer_attaches, 1u);
  EXPECT_EQ(seen.consumer_attaches, 1u);
  EXPECT_EQ(object_files(space.path()).size(), 1u);
}

TEST(Info, AnOrphanIsDescribedAndLeftThere)
{
  Watchdog watchdog(60);
  TempNamespace space;
  Child child = Child::start([] {
    Shm object = Shm::create("left", 4096);
    kill(getpid(), SIGKILL);
  });
  ASSERT_EQ(child.wait(), -SIGKILL);
  for (int round = 0; round < 2; ++round) {
    const Outcome outcome = run_tool({"info", "left"});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_THAT(outcome.out, HasSubstr("orphan"));
    EXPECT_THAT(outcome.out, HasSubstr("rtlane gc"));
  }
  EXPECT_EQ(run_tool({"info", "left", "--json"}).json()["state"], "orphan");
  EXPECT_EQ(object_files(space.path()).size(), 1u);
}

TEST(Info, ADamagedChannelIsAFindingThatSaysWhat)
{
  Watchdog watchdog(60);
  TempNamespace space;
  auto ring = SpscRing<Drive>::create("drive", 16);
  ASSERT_TRUE(ring) << ring.error().message;
  const Shm object = Shm::open("drive");
  ASSERT_EQ(object.result, 0);
  object.memory[24] = 0x55;  // the capacity in the channel's header
  const Outcome outcome = run_tool({"info", "drive"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.out, HasSubstr("problem"));
  EXPECT_THAT(outcome.out, HasSubstr("damaged"));
}

TEST(Info, AnUnknownNameIsAFailureThatPointsToLs)
{
  Watchdog watchdog(60);
  TempNamespace space;
  const Outcome outcome = run_tool({"info", "nobody"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err, HasSubstr("there is no object called 'nobody' in " + space.path()));
  EXPECT_THAT(outcome.err, HasSubstr("rtlane ls"));
}

TEST(Info, AnObjectThatThisUserMayNotOpenIsNotCalledMissing)
{
  if (geteuid() != 0)
    GTEST_SKIP() << "only root can become another user here";
  Watchdog watchdog(60);
  TempNamespace space;
  const Shm object = Shm::create("secret", 4096);
  ASSERT_EQ(object.result, 0);
  ASSERT_EQ(chmod(space.path().c_str(), 0755), 0);
  const Outcome closed = run_tool_as(kOtherUid, {"info", "secret"});
  EXPECT_EQ(closed.status, 1);
  EXPECT_THAT(closed.err, testing::AllOf(HasSubstr(space.path() + "/" + object_files(space.path()).front()),
                                         HasSubstr("user 0"), HasSubstr("mode 0600"), HasSubstr("Permission denied")));
  const Outcome missing = run_tool_as(kOtherUid, {"info", "nobody"});
  EXPECT_EQ(missing.status, 1);
  EXPECT_THAT(missing.err, HasSubstr("there is no object called 'nobody'"));
}

TEST(Info, AnObjectWhoseFileWasRemovedCannotBeFound)
{
  Watchdog watchdog(60);
  TempNamespace space;
  const Shm object = Shm::create("gone", 4096);
  ASSERT_EQ(object.result, 0);
  for (const std::string& file : object_files(space.path()))
    std::filesystem::remove(space.path() + "/" + file);
  EXPECT_EQ(run_tool({"info", "gone"}).status, 1);
}

}  // namespace
}  // namespace rtlane::test
