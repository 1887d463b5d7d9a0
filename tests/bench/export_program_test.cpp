// rtlane-bench export as its users meet it, and its log as another implementation of HdrHistogram reads it.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>

#include <cstdlib>
#include <filesystem>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "bench/made_up_run.hpp"
#include "rt/tool.hpp"
#include "support/percentiles.hpp"
#include "support/users.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

Histogram drawn(std::uint64_t seed, int count)
{
  std::mt19937_64 random(seed);
  std::lognormal_distribution<double> latency(5, 0.5 + static_cast<double>(seed % 5));
  Histogram histogram;
  for (int i = 0; i < count; ++i)
    histogram.record(static_cast<std::uint64_t>(latency(random)) % (std::uint64_t{1} << 45));
  return histogram;
}

OrderedJson with_histogram(const std::string& name, const Histogram& histogram)
{
  return {{"name", name},
          {"kind", "spsc"},
          {"bytes", 16},
          {"mode", "closed"},
          {"rtt_ns", bench::percentiles_json(histogram)},
          {"ratio_to_floor", {{"median", 1.05}, {"p10", 0.9}, {"p90", 1.2}}},
          {"histogram", bench::histogram_json(histogram)}};
}

class Export : public testing::Test {
protected:
  std::string run(const OrderedJson& document) { return scratch_.write("run.json", document.dump()); }
  static Outcome do_export(std::vector<std::string> arguments)
  {
    arguments.insert(arguments.begin(), "export");
    return run_tool(arguments);
  }
  std::set<std::string> files_in(const std::string& folder) const
  {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(scratch_.file(folder)))
      names.insert(entry.path().filename());
    return names;
  }

  Watchdog watchdog_{110};
  Scratch scratch_;
};

TEST_F(Export, WritesAFileForEachHistogramOneLogAndOneTable)
{
  OrderedJson open_loop = with_histogram("linux/pipe", drawn(2, 1000));
  open_loop["mode"] = "open";
  open_loop["rate_hz"] = 1000;
  open_loop["service_histogram"] = bench::histogram_json(drawn(3, 1000));
  OrderedJson document =
      made_up_document({with_histogram("rtlane/spsc", drawn(1, 1000)),
                        open_loop,
                        {{"name", "ck/ring, \"fifo\""}, {"bytes", 16}, {"skipped", "libck-dev is not installed"}}});
  document["noise"] = OrderedJson::array({{{"cpu", 3}, {"histogram", bench::histogram_json(drawn(4, 50))}}});
  const Outcome outcome = do_export(
      {run(document), "--hgrm", scratch_.file("a/b"), "--hlog", scratch_.file("log"), "--csv", scratch_.file("csv")});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.out + outcome.err, "");
  EXPECT_THAT(files_in("a/b"),
              ElementsAre("linux_pipe-16-open-1000-per-s-service.hgrm", "linux_pipe-16-open-1000-per-s.hgrm",
                          "noise-cpu3.hgrm", "rtlane_spsc-16-closed.hgrm"));
  EXPECT_THAT(read_file(scratch_.file("a/b/rtlane_spsc-16-closed.hgrm")),
              AllOf(StartsWith("       Value     Percentile TotalCount 1/(1-Percentile)\n\n"),
                    HasSubstr("Total count    =         1000]")));
  EXPECT_THAT(read_file(scratch_.file("log")),
              AllOf(HasSubstr("#[StartTime: 1795636800.000 (seconds since epoch), 2026-11-25T20:00:00Z]\n"),
                    HasSubstr("\nTag=rtlane_spsc-16-closed,0.000,12.500,"), HasSubstr("\nTag=noise-cpu3,")));
  const std::string table = read_file(scratch_.file("csv"));
  EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), 4);
  EXPECT_THAT(table, AllOf(StartsWith("name,kind,bytes,mode,"),
                           HasSubstr("\nrtlane/spsc,spsc,16,closed,,false,false,,,,1.05,0.9,1.2,1000,"),
                           HasSubstr("\nlinux/pipe,spsc,16,open,1000,"), HasSubstr("\n\"ck/ring, \"\"fifo\"\"\",,16,,"),
                           HasSubstr(",libck-dev is not installed,\n")));
  // every row has as many cells as the heading; the quoted one has one comma more
  const std::string heading = table.substr(0, table.find('\n'));
  const auto commas = std::count(heading.begin(), heading.end(), ',');
  EXPECT_EQ(std::count(table.begin(), table.end(), ','), 4 * commas + 1);
}

TEST_F(Export, NamesThatMeetGetNumbersAndStayInTheFolder)
{
  const Histogram histogram = drawn(1, 10);
  const Outcome outcome =
      do_export({run(made_up_document({with_histogram("a/b", histogram), with_histogram("a_b", histogram),
                                       with_histogram("../../x\n", histogram)})),
                 "--hgrm", scratch_.file("out")});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(files_in("out"), ElementsAre("_.._.._x_-16-closed.hgrm", "a_b-16-closed.hgrm", "a_b-16-closed_2.hgrm"));
}

TEST_F(Export, StandardOutputIsAFileToo)
{
  const Outcome outcome =
      do_export({run(made_up_document({with_histogram("a", drawn(1, 10))})), "--csv", "/dev/stdout"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.out, StartsWith("name,kind,"));
}

TEST_F(Export, BadInputIsNamedAndGivesStatusTwo)
{
  const std::string good = made_up_document({with_histogram("a", drawn(1, 10))}).dump();
  const auto with = [&](const char* pointer, OrderedJson value) {
    OrderedJson document = OrderedJson::parse(good);
    document[OrderedJson::json_pointer(pointer)] = std::move(value);
    return document.dump();
  };
  const std::pair<std::string, const char*> cases[] = {
      {"", "is empty"},
      {"{", "ends in the middle"},
      {R"({"schema": "rtlane.bench/1", "x": )" + std::string(1'000'000, '[') + std::string(1'000'000, ']') + "}",
       "is nested more than 32 levels deep"},
      {R"({"schema": "other/1"})", "is of schema other/1"},
      {with("/results", OrderedJson::array()), "holds no histogram"},
      {with("/results/0/histogram/count", 11), "results[0].histogram has buckets of 10 records, but a count of 11"},
      {with("/results/0/histogram", "x"), "results[0].histogram is no object"},
      {with("/results/0/name", 1), "results[0].name is 1, but has to be text"},
      {with("/results/0/rtt_ns/p50", "x"), "results[0].rtt_ns.p50 is \"x\", but has to be a number"},
      {with("/started", "yesterday"), "started is no time like 2026-11-25T20:00:00Z"},
      {with("/started", nullptr), "has no started"},
      {with("/noise", 3), "noise is 3, but has to be a list"},
  };
  for (const auto& [text, said] : cases) {
    const std::string file = scratch_.write("run.json", text);
    const Outcome outcome =
        do_export({file, "--hgrm", scratch_.file("d"), "--hlog", scratch_.file("l"), "--csv", scratch_.file("c")});
    EXPECT_EQ(outcome.status, 2) << text.substr(0, 100);
    EXPECT_THAT(outcome.err, AllOf(HasSubstr(file + ": "), HasSubstr(said)));
    for (const char* output : {"d", "l", "c"})
      EXPECT_FALSE(std::filesystem::exists(scratch_.file(output)));
  }
  EXPECT_EQ(do_export({scratch_.file("missing"), "--csv", scratch_.file("c")}).status, 2);
  EXPECT_THAT(do_export({"/dev/zero", "--csv", scratch_.file("c")}).err, HasSubstr("has no end"));
  EXPECT_THAT(do_export({scratch_.write("run.json", good)}).err, HasSubstr("nothing to write: give --hgrm DIR"));
}

TEST_F(Export, WhatCannotBeWrittenIsNamedAndWhatWasThereStays)
{
  const std::string document = run(made_up_document({with_histogram("a", drawn(1, 10))}));
  const std::string file = scratch_.write("file", "before");
  const Outcome no_folder = do_export({document, "--hgrm", file});
  EXPECT_EQ(no_folder.status, 1);
  EXPECT_THAT(no_folder.err, HasSubstr(file));
  EXPECT_EQ(read_file(file), "before");
  const Outcome folder = do_export({document, "--csv", scratch_.path()});
  EXPECT_EQ(folder.status, 1);
  EXPECT_THAT(folder.err, HasSubstr(scratch_.path() + ": cannot be written: Is a directory"));
  EXPECT_EQ(do_export({document, "--csv", "/dev/full"}).status, 1);
  EXPECT_EQ(do_export({document, "--hlog", scratch_.file("no/log")}).status, 1);
  EXPECT_EQ(do_export({document, "--csv", file}).status, 0);
  EXPECT_THAT(read_file(file), StartsWith("name,"));
  EXPECT_THAT(files_in("."), ElementsAre("file", "run.json"));
}

// ---- another implementation

// Installs the reader into the folder of the build, once. The answer is why it cannot be had, "" if it can.
std::string install_reader(const std::string& folder)
{
  if (std::system("command -v node >/dev/null && command -v npm >/dev/null") != 0)
    return "node and npm are not both installed";
  std::filesystem::create_directories(folder);
  const int lock = open((folder + "/lock").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);  // given back at the end
  if (lock < 0 || flock(lock, LOCK_EX) != 0)
    return "the folder of the build cannot be written";
  for (const char* file : {"package.json", "package-lock.json", "print.js"})
    std::filesystem::copy_file(RTLANE_HDR_READER + std::string("/") + file, folder + "/" + file,
                               std::filesystem::copy_options::overwrite_existing);
  const std::string install =
      "cd '" + folder +
      "' && cmp -s package-lock.json installed || (timeout 80 npm ci --ignore-scripts --no-audit --no-fund "
      "--fetch-retries=1 --fetch-timeout=20000 >log 2>&1 && cp package-lock.json installed)";
  if (std::system(install.c_str()) == 0)
    return "";
  const std::string log = read_file(folder + "/log");
  EXPECT_EQ(log.find("EINTEGRITY"), std::string::npos) << log;
  return "npm could not fetch hdr-histogram-js: " + log.substr(0, 300);
}

// Many shapes, counts from 1 to so many that percentiles are told with twelve digits to round, and times beyond our
// range.
TEST_F(Export, HdrHistogramJsReadsTheLogAndPrintsTheSamePercentiles)
{
  const std::string folder = RTLANE_HDR_READER_BUILD;
  if (const std::string problem = install_reader(folder); !problem.empty())
    GTEST_SKIP() << problem;
  OrderedJson results = OrderedJson::array();
  int number = 0;
  const auto add = [&](const Histogram& histogram) {
    results.push_back(with_histogram("h" + std::to_string(number++), histogram));
  };
  for (const int count : {1, 2, 3, 10, 99, 1000, 54'321, 300'000})
    for (const std::uint64_t seed : {1, 2, 3, 4, 5})
      add(drawn(seed, count));
  Histogram large;
  const Histogram::Bucket buckets[] = {{0, 1}, {127, 3'000'000'000'000}, {255, 4'000'000'000}, {2047, 7}};
  ASSERT_TRUE(large.restore(buckets, 2040));
  add(large);
  Histogram late = large;
  late.record(std::uint64_t{1} << 46);
  add(late);
  Histogram zero;
  zero.record(0);
  add(zero);

  const std::string log = scratch_.file("log");
  const Outcome outcome = do_export({run(made_up_document(results)), "--hgrm", scratch_.file("ours"), "--hlog", log});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  std::filesystem::create_directory(scratch_.file("theirs"));
  const std::string print = "cd '" + folder + "' && timeout 60 node print.js '" + log + "' '" +
                            scratch_.file("theirs") + "' >'" + scratch_.file("tags") + "'";
  ASSERT_EQ(std::system(print.c_str()), 0);
  EXPECT_EQ(files_in("theirs").size(), results.size());
  for (const std::string& tag : files_in("theirs"))
    EXPECT_EQ(read_file(scratch_.file("theirs/" + tag)), read_file(scratch_.file("ours/" + tag + ".hgrm"))) << tag;
  EXPECT_THAT(read_file(scratch_.file("tags")), StartsWith("h0-16-closed 1795636800000 1795636812500\n"));
}

}  // namespace
}  // namespace rtlane::test
