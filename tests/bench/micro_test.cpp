// rtlane-micro as its users and `rtlane micro` meet it: every benchmark runs, wrong arguments are named. How fast
// anything is, is nothing that a test could say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "rt/tool.hpp"
#include "support/shm.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST(Micro, EveryBenchmarkRunsWithoutAnError)
{
  const Watchdog watchdog(280);
  const TempNamespace space;
  const Outcome outcome = run_tool({"--benchmark_min_time=0.001", "--benchmark_format=json"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  const json document = outcome.json();
  std::set<std::string> names;
  for (const json& benchmark : document["benchmarks"]) {
    const auto name = benchmark["name"].get<std::string>();
    EXPECT_TRUE(names.insert(name).second) << name << " is there twice";
    EXPECT_FALSE(benchmark.value("error_occurred", false)) << name << ": " << benchmark.value("error_message", "");
    EXPECT_GT(benchmark["iterations"].get<std::int64_t>(), 0) << name;
    EXPECT_GT(benchmark["real_time"].get<double>(), 0.0) << name;
  }
  EXPECT_GT(names.size(), 100u);
  EXPECT_THAT(object_files(space.path()), IsEmpty()) << "objects were left behind";
}

// With nowhere to make objects those benchmarks fail that need one, and no other.
TEST(Micro, ABenchmarkThatCannotRunSaysWhyAndGivesStatusOne)
{
  const Watchdog watchdog(110);
  const Scratch scratch;
  const std::string no_folder = scratch.write("file", "");
  const Outcome outcome = run_tool(
      {"--benchmark_min_time=0.001", "--benchmark_format=json", "--benchmark_filter=^(event/set/|histogram/max_ns)"},
      [&] { return setenv("RTLANE_DIR", no_folder.c_str(), 1) == 0; });
  EXPECT_EQ(outcome.status, 1);
  const json benchmarks = outcome.json()["benchmarks"];
  ASSERT_EQ(benchmarks.size(), 2u);
  for (const json& benchmark : benchmarks) {
    const bool needs_object = benchmark["name"].get<std::string>().starts_with("event/");
    EXPECT_EQ(benchmark.value("error_occurred", false), needs_object) << benchmark;
    if (needs_object) {
      EXPECT_THAT(benchmark["error_message"].get<std::string>(), HasSubstr("not a directory"));
    }
  }
}

TEST(Micro, JsonGoesToAFileBesideTheText)
{
  const Watchdog watchdog(110);
  const TempNamespace space;
  const Scratch scratch;
  const std::string file = scratch.file("micro.json");
  const Outcome outcome =
      run_tool({"--benchmark_min_time=0.001", "--benchmark_filter=histogram/max_ns", "--json", file});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("histogram/max_ns/alone"));
  EXPECT_EQ(json::parse(read_file(file))["benchmarks"].size(), 1u);
  const Outcome on_stdout = run_tool({"--benchmark_min_time=0.001", "--benchmark_filter=histogram/max_ns", "--json"});
  EXPECT_EQ(on_stdout.json()["benchmarks"].size(), 1u);
}

TEST(Micro, HelpIsTheManual)
{
  const Watchdog watchdog(60);
  const Outcome help = run_tool({"--help"});
  EXPECT_EQ(help.status, 0);
  EXPECT_EQ(help.err, "");
  EXPECT_THAT(help.out, AllOf(HasSubstr("--instructions"), HasSubstr("--benchmark_filter"), HasSubstr("--json"),
                              HasSubstr("Exit status: 0")));
}

TEST(Micro, WrongArgumentsAreNamedAndGiveStatusTwo)
{
  const Watchdog watchdog(60);
  struct Case {
    std::vector<std::string> arguments;
    const char* said;
  };
  const Case cases[] = {
      {{"--wrong"}, "'--wrong'"},
      {{"nonsense"}, "'nonsense'"},
      {{"--benchmark_filter=no_such"}, "no benchmark has such a name"},
      {{"--instructions", "/dev/null", "more"}, "'more'"},
      {{"--instructions", "--benchmark_filter=event"}, "'--benchmark_filter=event'"},
      {{"--json", "/nowhere/a.json", "--instructions"}, "/nowhere"},
  };
  for (const Case& wrong : cases) {
    const Outcome outcome = run_tool(wrong.arguments);
    EXPECT_EQ(outcome.status, 2) << wrong.said;
    EXPECT_EQ(outcome.out, "") << wrong.said;
    EXPECT_THAT(outcome.err, HasSubstr(wrong.said));
  }
}

}  // namespace
}  // namespace rtlane::test
