#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <rtlane/channels/spsc_ring.hpp>

#include <filesystem>

#include <atomic>
#include <fstream>
#include <vector>

#include "support/mounts.hpp"
#include "support/shared_page.hpp"
#include "support/shm.hpp"
#include "support/users.hpp"
#include "support/watchdog.hpp"
#include "tool.hpp"

namespace rtlane::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

// Creates an object in a process of its own, which is then killed: what is left is an orphan.
void leave_orphan(const std::string& name)
{
  Child child = Child::start([&] {
    Shm object = Shm::create(name.c_str(), 4096);
    if (object.result != 0)
      _exit(1);
    kill(getpid(), SIGKILL);
  });
  ASSERT_EQ(child.wait(), -SIGKILL);
}

json entry_of(const Outcome& outcome, const std::string& name)
{
  const json document = outcome.json();
  for (const json& object : document["objects"]) {
    if (object["name"] == name)
      return object;
  }
  return nullptr;
}

TEST(Ls, AnEmptyNamespaceIsGoodAndSaysWhereItLooked)
{
  Watchdog watchdog(60);
  TempNamespace space;
  const Outcome outcome = run_tool({"ls"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "no objects in " + space.path() + "\n");
  EXPECT_EQ(outcome.err, "");
}

TEST(Ls, ANamespaceThatDoesNotExistIsSaidToBeMissing)
{
  Watchdog watchdog(60);
  TempNamespace space;
  const std::string typo = space.path() + "/typo";
  setenv("RTLANE_DIR", typo.c_str(), 1);
  const Outcome outcome = run_tool({"ls"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "no objects in " + typo + ", which does not exist\n");
  EXPECT_EQ(run_tool({"ls", "--json"}).json()["namespace_exists"], false);
  EXPECT_EQ(run_tool({"gc"}).out, "nothing to remove in " + typo + ", which does not exist\n");
  EXPECT_THAT(run_tool({"info", "imu"}).err, HasSubstr(typo + ", which does not exist"));
  EXPECT_TRUE(space.files().empty());
}

TEST(Ls, ALiveObjectIsShownWithWhatItsCreatorObtained)
{
  Watchdog watchdog(60);
  TempNamespace space;
  rtlane_shm_options locked = shm_options();
  locked.huge = RTLANE_NEVER;
  const Shm object = Shm::create("robot/state", 5000, &locked);
  ASSERT_EQ(object.result, 0);
  const rtlane_shm_certificate facts = object.certificate();

  const Outcome outcome = run_tool({"ls", "--json"});
  EXPECT_EQ(outcome.status, 0);
  const json document = outcome.json();
  EXPECT_EQ(document["schema"], "rtlane.ls/1");
  EXPECT_EQ(document["namespace"], space.path());
  ASSERT_EQ(document["objects"].size(), 1u);
  const json& entry = document["objects"][0];
  EXPECT_EQ(entry["name"], "robot/state");
  EXPECT_EQ(entry["state"], "live");
  EXPECT_EQ(entry["kind"], "memory");
  EXPECT_EQ(entry["size_bytes"], 5000);
  EXPECT_EQ(entry["mapped_bytes"], facts.mapped_bytes);
  EXPECT_EQ(entry["page_size"], facts.page_bytes);
  EXPECT_EQ(entry["tier"], "small");
  EXPECT_EQ(entry["locked_bytes"], facts.locked_bytes);
  EXPECT_EQ(entry["generation"], facts.generation);
  EXPECT_EQ(entry["creator_pid"], getpid());
  EXPECT_EQ(entry["mode"], "0600");
  EXPECT_GE(entry["age_s"].get<double>(), 0.0);
  EXPECT_EQ(entry["holders"]["locks"], 1);
  ASSERT_EQ(entry["holders"]["processes"].size(), 1u);
  EXPECT_EQ(entry["holders"]["processes"][0]["pid"], getpid());

  const Outcome text = run_tool({"ls"});
  EXPECT_EQ(text.status, 0);
  for (const char* part : {"NAME", "HOLDERS", "robot/state", "memory", "4.9 KiB", "live"})
    EXPECT_THAT(text.out, HasSubstr(part));
  EXPECT_THAT(text.out, HasSubstr("1 (" + std::to_string(getpid()) + ")"));
}

TEST(Ls, EveryProcessThatOpenedItIsCountedAndNamed)
{
  Watchdog watchdog(60);
  TempNamespace space;
  const Shm object = Shm::create("shared", 4096);
  ASSERT_EQ(object.result, 0);
  SharedPage<std::atomic<int>> opened;
  std::vector<Child> children;
  children.reserve(3);
  for (int i = 0; i < 3; ++i)
    children.push_back(Child::start([&] {
      // an exec'd process would have no handle of the parent; a fork child lets the inherited one go
      Shm mine = Shm::open("shared");
      ++*opened;
      pause();
    }));
  ASSERT_TRUE(eventually([&] { return *opened == 3; }));
  const json entry = entry_of(run_tool({"ls", "--json"}), "shared");
  std::vector<int> pids;
  for (const json& process : entry["holders"]["processes"])
    pids.push_back(process["pid"]);
  // what fork children inherited is the parent's lock, and they open what they have open already
  EXPECT_EQ(entry["holders"]["locks"], 1);
  EXPECT_THAT(pids, testing::UnorderedElementsAre(getpid(), children[0].pid(), children[1].pid(), children[2].pid()));
}

TEST(Ls, HoldersThatOpenedItThemselvesHaveALockEach)
{
  Watchdog watchdog(60);
  TempNamespace space;
  SharedPage<std::atomic<int>> opened;
  std::vector<Child> children;
  children.reserve(3);
  for (int i = 0; i < 3; ++i)
    children.push_back(Child::start([&] {
      Shm mine = Shm::create("apart", 4096);
      ++*opened;
      pause();
    }));
  ASSERT_TRUE(eventually([&] { return *opened == 3; }));
  const json entry = entry_of(run_tool({"ls", "--json"}), "apart");
  EXPECT_EQ(entry["holders"]["locks"], 3);
  EXPECT_EQ(entry["holders"]["processes"].size(), 3u);
}

TEST(Ls, HoldersInAnotherPidNamespaceAreSaidToBeThere)
{
  Watchdog watchdog(60);
  TempNamespace space;
  const Shm object = Shm::create("outside", 4096);
  ASSERT_EQ(object.result, 0);
  const Outcome outcome = run_tool({"ls"}, [] {
    if (!enter_private_mounts().empty() || unshare(CLONE_NEWPID) != 0)
      return false;
    // The namespace is the next child's: that one becomes the tool, this one its shell.
    if (const pid_t tool = fork(); tool != 0) {
      int status = 0;
      waitpid(tool, &status, 0);
      _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
    }
    return mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) == 0;
  });
  if (outcome.status == 77)
    GTEST_SKIP() << "a PID namespace with a /proc of its own is refused here (only root may have one)";
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("\n(some holders are not in this PID namespace: they have no number here)\n"));
}

TEST(Ls, EveryKindOfChannelHasALineAndMemoryHasNone)
{
  Watchdog watchdog(60);
  TempNamespace space;
  const Shm zero = Shm::create("zero", 100'000);  // nobody has written to it: not waited for
  const Shm plain = Shm::create("plain", 100'000);
  plain.memory[0] = 1;
  std::vector<ChannelRef> channels;
  for (std::uint32_t kind = RTLANE_CHANNEL_SPSC_RING; kind <= RTLANE_CHANNEL_FRAME_BROADCAST; ++kind) {
    rtlane_channel_spec spec = RTLANE_CHANNEL_SPEC_INIT;
    const bool frames = kind == RTLANE_CHANNEL_FRAME_RING || kind == RTLANE_CHANNEL_FRAME_BROADCAST;
    spec.kind = kind;
    spec.capacity = kind == RTLANE_CHANNEL_PINNED_SNAPSHOT ? 1 : frames ? 1024 : 8;
    spec.type = frames ? nullptr : &type_of<double>();
    rtlane_channel* made = nullptr;
    ASSERT_EQ(rtlane_channel_create(rtlane_channel_kind_name(kind), &spec, nullptr, &made), 0);
    channels.emplace_back(made);
  }
  auto ring = SpscRing<double>::open("SpscRing");
  auto producer = ring->producer();
  for (int i = 0; i < 3; ++i)
    ASSERT_EQ(producer->try_push(i), Status::ok);

  const Outcome text = run_tool({"ls"});
  EXPECT_EQ(text.status, 0) << text.err;
  std::string table;  // with single blanks
  for (const char c : text.out.substr(text.out.find("CHANNEL ")))
    if (c != ' ' || table.back() != ' ')
      table += c;
  for (const char* line : {"SpscRing SpscRing float64 3/8 3 0 - producer alive, consumer none\n",
                           "MpmcRing MpmcRing float64 0/8 0 0 - participants 0 of 16 alive\n",
                           "Broadcast Broadcast float64 8 0 - - writer none\n",
                           "PinnedSnapshot PinnedSnapshot float64 1 0 - - writer none, readers 0 of 8 alive\n",
                           "FrameRing FrameRing Bytes 0/1024 0 0 - producer none, consumer none\n"})
    EXPECT_THAT(table, HasSubstr(line));
  EXPECT_THAT(table, testing::Not(testing::AnyOf(HasSubstr("zero"), HasSubstr("plain"))));

  const Outcome outcome = run_tool({"ls", "--json"});
  const json channel = entry_of(outcome, "SpscRing")["channel"];
  json info = run_tool({"info", "SpscRing", "--json"}).json()["channel"];
  info.erase("fields");
  EXPECT_EQ(channel, info);
  EXPECT_EQ(channel["depth"], 3);
  EXPECT_FALSE(entry_of(outcome, "zero").contains("channel"));
  EXPECT_FALSE(entry_of(outcome, "plain").contains("channel"));
}

TEST(Ls, AnOrphanIsMarkedAndIsAFindingAndIsLeftThere)
{
  Watchdog watchdog(60);
  TempNamespace space;
  ASSERT_NO_FATAL_FAILURE(leave_orphan("left"));
  for (int round = 0; round < 2; ++round) {
    const Outcome outcome = run_tool({"ls"});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_THAT(outcome.out, HasSubstr("orphan"));
    const json entry = entry_of(run_tool({"ls", "--json"}), "left");
    EXPECT_EQ(entry["state"], "orphan");
    EXPECT_EQ(entry["holders"]["locks"], 0);
    EXPECT_TRUE(entry["holders"]["processes"].empty());
  }
  EXPECT_EQ(object_files(space.path()).size(), 1u);
}

TEST(Ls, AForeignFileIsMarkedWithTheReasonAndLeftAlone)
{
  Watchdog watchdog(60);
  TempNamespace space;
  std::ofstream(space.path() + "/notes.txt") << "not an object";
  const Outcome outcome = run_tool({"ls"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.out, HasSubstr("[notes.txt]"));
  EXPECT_THAT(outcome.out, HasSubstr("foreign"));
  const json objects = run_tool({"ls", "--json", "-"}).json()["objects"];
  ASSERT_EQ(objects.size(), 1u);
  EXPECT_EQ(objects[0]["state"], "foreign");
  EXPECT_FALSE(objects[0]["problem"].get<std::string>().empty());
  EXPECT_EQ(objects[0].count("size_bytes"), 0u);
  EXPECT_EQ(read_file(space.path() + "/notes.txt"), "not an object");
}

TEST(Ls, WithJsonFileTheTextComesToo)
{
  Watchdog watchdog(60);
  TempNamespace space;
  const Scratch scratch;
  const Shm object = Shm::create("both", 4096);
  const Outcome outcome = run_tool({"ls", "--json", scratch.file("ls.json")});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.out, HasSubstr("both"));
  EXPECT_EQ(json::parse(read_file(scratch.file("ls.json")))["objects"][0]["name"], "both");
}

TEST(Ls, NamesThatHoldAnyByteNeitherBreakTheJsonNorDriveTheTerminal)
{
  Watchdog watchdog(60);
  TempNamespace space;
  const Shm escape = Shm::create("bell\x07\x1b[31m\u009b1m\u202e", 4096);
  const Shm bytes = Shm::create("raw\xff\xfe", 4096);
  ASSERT_EQ(escape.result, 0);
  ASSERT_EQ(bytes.result, 0);
  const Outcome text = run_tool({"ls"});
  EXPECT_THAT(text.out, HasSubstr("bell\\x07\\x1b[31m\\u009b1m\\u202e "));
  EXPECT_THAT(text.out, HasSubstr("raw\\xff\\xfe "));
  EXPECT_EQ(run_tool({"ls", "--json"}).json()["objects"].size(), 2u);
}

TEST(Ls, ARefusedDirectoryIsAFailureWithTheReason)
{
  Watchdog watchdog(60);
  const Scratch scratch;
  scratch.write("file", "");
  setenv("RTLANE_DIR", scratch.file("file").c_str(), 1);
  const Outcome outcome = run_tool({"ls"});
  unsetenv("RTLANE_DIR");
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err, HasSubstr("rtlane ls: "));
  EXPECT_THAT(outcome.err, HasSubstr(scratch.file("file")));
}

// Who starts a set-user-ID program must not choose where that keeps its objects.
TEST(Ls, ASetUserIdProgramTakesNothingFromTheEnvironment)
{
  if (geteuid() != 0)
    GTEST_SKIP() << "only root can make a program set-user-ID root";
  Watchdog watchdog(60);
  TempNamespace space;
  const Scratch scratch;
  ASSERT_EQ(chmod(scratch.path().c_str(), 0755), 0);
  const std::string program = scratch.file("rtlane");
  std::filesystem::copy_file(RTLANE_TOOL, program);
  const auto namespace_seen = [&](mode_t mode) {
    EXPECT_EQ(chmod(program.c_str(), mode), 0);
    std::string seen;
    Child child = Child::start([&] {
      EXPECT_TRUE(become(kOtherUid));
      const Outcome outcome = Tool::start({"ls", "--json"}, program).wait();
      const std::string expected = mode == 04755 ? "/dev/shm/rtlane-0" : space.path();
      if (mode == 04755 && outcome.json()["namespace"] != expected)
        return outcome.json()["namespace"] == space.path() ? 1 : 2;
      EXPECT_EQ(outcome.json()["namespace"], expected);
      return 0;
    });
    return child.wait();
  };
  ASSERT_EQ(chmod(space.path().c_str(), 0755), 0);
  EXPECT_EQ(namespace_seen(0755), 0);
  EXPECT_EQ(namespace_seen(04755), 0)
      << "1 = the caller's RTLANE_DIR was taken; a nosuid file system would show so too";
}

}  // namespace
}  // namespace rtlane::test
