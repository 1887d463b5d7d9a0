// rtlane-bench all, as its users meet it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <string>

#include "bench/bench_runs.hpp"
#include "rt/tool.hpp"
#include "support/shm.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const std::vector<std::string> short_all = {"all",     "--rounds", "1",       "--launches", "2",
                                            "--bytes", "16",       "--peers", "none",       "--noise-seconds",
                                            "0.05",    "--tries",  "2"};

// Minutes of measuring are not lost with a file.
TEST(All, PrintsWhatItMeasuredAndWritesTheOthersWhenAFileCannotBeWrittenInTheEnd)
{
  RTLANE_NEED_TWO_CPUS;
  Watchdog watchdog(110);
  TempNamespace space;
  const Scratch scratch;
  std::filesystem::create_symlink("/dev/full", scratch.file("rtlane-bench.json"));
  const Outcome outcome = run_tool(with(short_all, {"--channel", "spsc", "--out", scratch.path()}));
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err, HasSubstr("rtlane-bench.json: cannot be written: No space left on device"));
  EXPECT_THAT(outcome.out, HasSubstr("ratio to floor"));
  EXPECT_THAT(outcome.out, HasSubstr(read_file(scratch.file("rtlane-bench.txt"))));
  EXPECT_THAT(read_file(scratch.file("rtlane-bench.html")), HasSubstr("rtlane/spsc"));
}

TEST(All, WritesTheDocumentThePageAndTheText)
{
  RTLANE_NEED_TWO_CPUS;
  Watchdog watchdog(110);
  TempNamespace space;
  const Scratch scratch;
  const std::string folder = scratch.file("new/folder");
  const Outcome outcome = run_tool(with(short_all, {"--out", folder}));
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const json document = json::parse(read_file(folder + "/rtlane-bench.json"));
  EXPECT_EQ(document["schema"], "rtlane.bench/1");
  EXPECT_EQ(document["command"], "all");
  EXPECT_EQ(document["seed"], 1);
  EXPECT_EQ(document["noise"].size(), 2u);
  EXPECT_GT(document["floor"]["rtt_ns"]["p50"], 0.0);
  std::set<std::string> modes;
  for (const json& result : document["results"]) {
    modes.insert(result["mode"]);
    if (result["mode"] == "closed" || result["mode"] == "saturated") {
      EXPECT_EQ(result["launches"].size(), 2u) << result["mode"];
    }
  }
  EXPECT_THAT(modes, testing::IsSupersetOf({"closed", "open", "saturated", "stop", "kill"}));
  EXPECT_THAT(read_file(folder + "/rtlane-bench.html"), HasSubstr("rtlane/spsc"));
  const std::string text = read_file(folder + "/rtlane-bench.txt");
  EXPECT_THAT(text, HasSubstr("ratio to floor"));
  EXPECT_THAT(text, HasSubstr("per floor"));
  EXPECT_THAT(outcome.out, HasSubstr(text));
  EXPECT_TRUE(object_files(space.path()).empty());
}

// What was written can be read by the others.
TEST(All, ItsDocumentCanBeComparedExportedAndShown)
{
  RTLANE_NEED_TWO_CPUS;
  Watchdog watchdog(110);
  TempNamespace space;
  const Scratch scratch;
  const Outcome outcome = run_tool(with(short_all, {"--out", scratch.path()}));
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const std::string document = scratch.file("rtlane-bench.json");
  json another = json::parse(read_file(document));
  another["started"] = "2026-01-01T00:00:00Z";
  const Outcome compared = run_tool({"compare", document, scratch.write("another.json", another.dump())});
  EXPECT_EQ(compared.status, 0) << compared.err;
  EXPECT_THAT(compared.out, HasSubstr("not enough data"));
  const Outcome exported =
      run_tool({"export", document, "--csv", scratch.file("run.csv"), "--hlog", scratch.file("run.hlog")});
  EXPECT_EQ(exported.status, 0) << exported.err;
  EXPECT_THAT(read_file(scratch.file("run.csv")), HasSubstr("rtlane/spsc"));
  const Outcome shown = run_tool({"report", document, "-o", "-"});
  EXPECT_EQ(shown.status, 0) << shown.err;
  EXPECT_EQ(shown.out, read_file(scratch.file("rtlane-bench.html")));
}

TEST(All, SaysBeforeTheWorkThatItCannotWrite)
{
  Watchdog watchdog(60);
  const Scratch scratch;
  const Outcome outcome = run_tool(with(short_all, {"--out", "/proc/nothing"}));
  EXPECT_EQ(outcome.status, 2);
  EXPECT_THAT(outcome.err, HasSubstr("/proc/nothing: the folder cannot be made"));
  std::filesystem::create_directories(scratch.file("rtlane-bench.html"));
  const Outcome folder = run_tool(with(short_all, {"--out", scratch.path()}));
  EXPECT_EQ(folder.status, 2);
  EXPECT_THAT(folder.err, HasSubstr("rtlane-bench.html: cannot be written"));
}

}  // namespace
}  // namespace rtlane::test
