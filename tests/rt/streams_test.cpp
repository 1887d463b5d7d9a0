// Standard output and standard error that cannot be written, or are closed: the exit status and the document stay
// right.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/watchdog.hpp"
#include "tool.hpp"

namespace rtlane::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

enum class Stream { full, closed, unread };

const Stream all_streams[] = {Stream::full, Stream::closed, Stream::unread};

const char* name_of(Stream stream)
{
  return stream == Stream::full ? "full" : stream == Stream::closed ? "closed" : "unread";
}

// Makes `fd` of this process a stream that nothing can be written to.
bool spoil(int fd, Stream stream)
{
  if (stream == Stream::closed)
    return close(fd) == 0;
  int ends[2] = {-1, -1};
  if (stream == Stream::full)
    ends[1] = open("/dev/full", O_WRONLY);
  else if (pipe(ends) == 0)
    close(ends[0]);
  return dup2(ends[1], fd) == fd && close(ends[1]) == 0;
}

std::function<bool()> with(int fd, Stream stream)
{
  return [=] { return spoil(fd, stream); };
}

TEST(Streams, AnErrorThatNobodyCanReadKeepsItsExitStatus)
{
  Watchdog watchdog(60);
  TempNamespace space;
  for (const Stream stream : all_streams) {
    SCOPED_TRACE(name_of(stream));
    EXPECT_EQ(run_tool({}, with(2, stream)).status, 2);
    EXPECT_EQ(run_tool({"nonsense"}, with(2, stream)).status, 2);
    EXPECT_EQ(run_tool({"ls", "--bad"}, with(2, stream)).status, 2);
    EXPECT_EQ(run_tool({"info", "nobody"}, with(2, stream)).status, 1);
    EXPECT_EQ(run_tool({"demo", "--imu", "/nonexistent"}, with(2, stream)).status, 2);
  }
}

TEST(Streams, OutputThatCannotBeWrittenIsAFailureThatSaysWhy)
{
  Watchdog watchdog(60);
  TempNamespace space;
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"--help"}, {"--version"}, {"ls"}, {"ls", "--help"}, {"ls", "--json"}, {"gc"}}) {
    SCOPED_TRACE(testing::PrintToString(arguments));
    const Outcome full = run_tool(arguments, with(1, Stream::full));
    EXPECT_EQ(full.status, 1);
    EXPECT_THAT(full.err, HasSubstr("standard output cannot be written: No space left on device"));
    const Outcome closed = run_tool(arguments, with(1, Stream::closed));
    EXPECT_EQ(closed.status, 1);
    EXPECT_THAT(closed.err, HasSubstr("standard output cannot be written: Bad file descriptor"));
    // who reads the beginning only has what was wanted
    const Outcome unread = run_tool(arguments, with(1, Stream::unread));
    EXPECT_EQ(unread.status, 0);
    EXPECT_EQ(unread.err, "");
  }
}

TEST(Streams, ADocumentIsWrittenAlsoWhenTheTextBesideItIsRefused)
{
  Watchdog watchdog(60);
  TempNamespace space;
  for (const Stream stream : all_streams) {
    SCOPED_TRACE(name_of(stream));
    const Scratch scratch;
    run_tool({"ls", "--json", scratch.file("ls.json")}, with(1, stream));
    EXPECT_EQ(json::parse(read_file(scratch.file("ls.json")))["schema"], "rtlane.ls/1");

    // the text of a demo goes to standard error then
    const Outcome outcome = run_tool({"demo", "--duration", "1", "--json"}, with(2, stream));
    EXPECT_EQ(outcome.status, 0);
    EXPECT_EQ(outcome.json()["outcome"], "complete");
  }
}

TEST(Streams, ADemoWhoseOutputIsRefusedEndsSaysWhyAndIsAFailure)
{
  Watchdog watchdog(60);
  for (const Stream stream : {Stream::full, Stream::closed}) {
    SCOPED_TRACE(name_of(stream));
    TempNamespace space;
    const Scratch scratch;
    const Outcome outcome = run_tool({"demo", "--duration", "0", "--json", scratch.file("demo.json")}, with(1, stream));
    EXPECT_EQ(outcome.status, 1);
    EXPECT_THAT(outcome.err, HasSubstr("standard output cannot be written: "));
    const json document = json::parse(read_file(scratch.file("demo.json")));
    EXPECT_THAT(document["outcome"].get<std::string>(), HasSubstr("standard output cannot be written"));
    EXPECT_EQ(document["status"], 1);
    EXPECT_EQ(document["lost"], 0);
  }
}

TEST(Streams, AClosedOneDoesNotBecomeAnotherFile)
{
  Watchdog watchdog(60);
  TempNamespace space;
  const Scratch scratch;
  const Outcome outcome = run_tool({"info", "nobody", "--json", scratch.file("info.json")},
                                   [] { return close(0) == 0 && close(1) == 0 && close(2) == 0; });
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(read_file(scratch.file("info.json")).find("rtlane info:"), std::string::npos);
}

}  // namespace
}  // namespace rtlane::test
