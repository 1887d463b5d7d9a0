// --json FILE: what becomes of the file that is there already.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "demo.hpp"

namespace rtlane::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

std::vector<std::string> files_in(const std::string& folder)
{
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder))
    names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

TEST(Report, AFileKeepsItsContentUntilTheDocumentIsWhole)
{
  Watchdog watchdog(60);
  TempNamespace space;
  const Scratch scratch;
  const std::string file = scratch.write("old.json", "old");

  // refused before the start
  EXPECT_EQ(run_tool({"demo", "--capacity", "0", "--json", file}).status, 2);
  EXPECT_EQ(read_file(file), "old");
  {
    RunningDemo demo({"--duration", "0"});
    ASSERT_TRUE(demo.wait_received(20));
    EXPECT_EQ(run_tool({"demo", "--name", "test", "--json", file}).status, 1);
    EXPECT_EQ(read_file(file), "old");
    demo.tool().signal(SIGTERM);
    EXPECT_EQ(demo.tool().wait().status, 0);
  }
  // killed in the middle
  RunningDemo demo({"--duration", "0", "--json", file});
  ASSERT_TRUE(demo.wait_received(20));
  EXPECT_EQ(read_file(file), "old");
  demo.tool().signal(SIGKILL);
  EXPECT_EQ(demo.tool().wait().status, -SIGKILL);
  demo.wait_for_children();
  EXPECT_EQ(read_file(file), "old");
  EXPECT_THAT(files_in(scratch.path()), testing::ElementsAre("old.json"));
}

TEST(Report, TheNewFileHasTheModeOfTheOldOneAndNothingElseIsLeft)
{
  Watchdog watchdog(60);
  TempNamespace space;
  const Scratch scratch;
  const std::string file = scratch.write("ls.json", std::string(100'000, 'x'));
  fs::permissions(file, fs::perms(0604));
  fs::create_symlink("ls.json", scratch.file("link"));
  EXPECT_EQ(run_tool({"ls", "--json", scratch.file("link")}).status, 0);
  EXPECT_EQ(json::parse(read_file(file))["schema"], "rtlane.ls/1");
  EXPECT_EQ(fs::status(file).permissions(), fs::perms(0604));
  EXPECT_TRUE(fs::is_symlink(scratch.file("link")));
  EXPECT_THAT(files_in(scratch.path()), testing::ElementsAre("link", "ls.json"));
}

TEST(Report, ANewFileFollowsTheUmask)
{
  Watchdog watchdog(60);
  TempNamespace space;
  const Scratch scratch;
  EXPECT_EQ(run_tool({"ls", "--json", scratch.file("new.json")},
                     [] {
                       umask(027);
                       return true;
                     })
                .status,
            0);
  EXPECT_EQ(fs::status(scratch.file("new.json")).permissions(), fs::perms(0640));
}

TEST(Report, ADeviceAndAPipeAreWrittenTo)
{
  Watchdog watchdog(60);
  TempNamespace space;
  EXPECT_EQ(run_tool({"ls", "--json", "/dev/null"}).status, 0);
  const Scratch scratch;
  ASSERT_EQ(mkfifo(scratch.file("fifo").c_str(), 0600), 0);
  const int reader = open(scratch.file("fifo").c_str(), O_RDWR | O_CLOEXEC);
  EXPECT_EQ(run_tool({"ls", "--json", scratch.file("fifo")}).status, 0);
  std::string document(4096, '\0');
  document.resize(static_cast<std::size_t>(read(reader, document.data(), document.size())));
  close(reader);
  EXPECT_EQ(json::parse(document)["schema"], "rtlane.ls/1");
  const Outcome full = run_tool({"ls", "--json", "/dev/full"});
  EXPECT_EQ(full.status, 1);
  EXPECT_THAT(full.err, HasSubstr("could not be written to /dev/full: No space left on device"));
}

TEST(Report, AFileThatIsStandardOutputMeansStandardOutput)
{
  Watchdog watchdog(60);
  TempNamespace space;
  EXPECT_EQ(run_tool({"ls", "--json", "/dev/stdout"}).json()["schema"], "rtlane.ls/1");
}

TEST(Report, InAFolderThatMayNotBeWrittenTheFileItselfIs)
{
  if (geteuid() != 0)
    GTEST_SKIP() << "only root can become another user here";
  Watchdog watchdog(60);
  TempNamespace space;
  ASSERT_EQ(chown(space.path().c_str(), kOtherUid, kOtherUid), 0);
  const Scratch scratch;
  fs::permissions(scratch.path(), fs::perms(0755));
  const std::string file = scratch.write("theirs.json", std::string(100'000, 'x'));
  ASSERT_EQ(chown(file.c_str(), kOtherUid, kOtherUid), 0);
  EXPECT_EQ(run_tool_as(kOtherUid, {"ls", "--json", file}).status, 0);
  EXPECT_EQ(json::parse(read_file(file))["schema"], "rtlane.ls/1");
  const Outcome refused = run_tool_as(kOtherUid, {"ls", "--json", scratch.file("new.json")});
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.err, HasSubstr("new.json: cannot be written: Permission denied"));
}

TEST(Report, TheRecordingIsNotOverwritten)
{
  Watchdog watchdog(60);
  TempNamespace space;
  const Scratch scratch;
  const std::string recording = scratch.write("rec.csv", rolling_recording(10));
  fs::create_hard_link(recording, scratch.file("same.csv"));
  for (const std::string& name : {recording, scratch.file("same.csv")}) {
    const Outcome outcome = run_tool({"demo", "--imu", recording, "--json", name});
    EXPECT_EQ(outcome.status, 2);
    EXPECT_THAT(outcome.err, HasSubstr("that is the recording"));
    EXPECT_EQ(read_file(recording), rolling_recording(10));
  }
}

}  // namespace
}  // namespace rtlane::test
