// rtlane-bench compare as its users meet it: files, tables, documents, exit statuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "bench/made_up_run.hpp"
#include "rt/tool.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class CompareProgram : public testing::Test {
protected:
  std::string run(const std::string& file, double spsc_ratio, std::size_t launches)
  {
    return write(file, made_up_document({made_up_result(noise_, "rtlane/spsc", spsc_ratio, launches),
                                         made_up_result(noise_, "linux/pipe", 40, launches)}));
  }
  std::string write(const std::string& file, const OrderedJson& document)
  {
    return scratch_.write(file, document.dump());
  }
  static Outcome compare(std::vector<std::string> arguments)
  {
    arguments.insert(arguments.begin(), "compare");
    return run_tool(arguments);
  }

  Watchdog watchdog_{110};
  Scratch scratch_;
  LaunchNoise noise_{20251125};
};

// The one figure of one result in the document.
nlohmann::json figure(const nlohmann::json& document, const std::string& name, const std::string& figure)
{
  for (const auto& result : document["results"])
    for (const auto& one : result["figures"])
      if (result["name"] == name && one["figure"] == figure)
        return one;
  ADD_FAILURE() << "no " << figure << " of " << name << " in " << document;
  return {};
}

TEST_F(CompareProgram, TheManualNamesTheRulesAndTheDocument)
{
  const Outcome manual = compare({"--help"});
  EXPECT_EQ(manual.status, 0);
  EXPECT_THAT(manual.out, AllOf(HasSubstr("rtlane.bench.compare/1"), HasSubstr("fewer than 5 launches"),
                                HasSubstr("Exit status: 0"), HasSubstr("--fail-if"), HasSubstr("Holm")));
}

TEST_F(CompareProgram, ASlowerResultIsWorseAndTheOtherTheSame)
{
  const Outcome outcome = compare({run("a", 1, 8), run("b", 1.3, 8)});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("rtlane/spsc 16 B closed"), HasSubstr("95 % of B/A"), HasSubstr("8+8"),
                                 HasSubstr("worse"), HasSubstr("5 worse, 0 better, 5 same, 0 not enough data")));
}

TEST_F(CompareProgram, TheDocumentHoldsWhatTheManualSays)
{
  const std::string a = run("a", 1, 8);
  const std::string b = run("b", 1.3, 8);
  const Outcome outcome = compare({a, b, "--json", "--threshold", "7", "--fail-if", "p99>+10%"});
  EXPECT_EQ(outcome.status, 1);
  const nlohmann::json document = outcome.json();
  EXPECT_EQ(document["schema"], "rtlane.bench.compare/1");
  EXPECT_EQ(document["a"], nlohmann::json::array({a}));
  EXPECT_EQ(document["b"], nlohmann::json::array({b}));
  EXPECT_EQ(document["threshold_percent"], 7);
  EXPECT_GT(document["seed"], 0);
  EXPECT_EQ(document["results"].size(), 2u);
  const nlohmann::json ratio = figure(document, "rtlane/spsc", "ratio");
  EXPECT_EQ(ratio["launches"], nlohmann::json::array({8, 8}));
  EXPECT_NEAR(ratio["median"][0].get<double>(), 1, 0.02);
  EXPECT_NEAR(ratio["median"][1].get<double>(), 1.3, 0.03);
  EXPECT_NEAR(ratio["ratio"].get<double>(), 1.3, 0.04);
  EXPECT_LT(ratio["ratio_95"][0], ratio["ratio"]);
  EXPECT_GT(ratio["ratio_95"][1], ratio["ratio"]);
  EXPECT_NEAR(ratio["p_mann_whitney"].get<double>(), 2.0 / 12870, 1e-9);
  EXPECT_LE(ratio["p_corrected"], 0.05);
  EXPECT_EQ(ratio["verdict"], "worse");
  EXPECT_FALSE(ratio.contains("needs_launches"));
  EXPECT_EQ(figure(document, "linux/pipe", "max")["verdict"], "same");
  EXPECT_EQ(document["fail_if"].dump(),
            R"([{"broken_by":["rtlane/spsc 16 B closed"],"held_against":2,"limit":"p99>+10%","not_held":[]}])");
  EXPECT_THAT(outcome.err, HasSubstr("B/A"));
}

// By the floor that the launch itself saw, however far that is from the one of the whole document.
TEST_F(CompareProgram, TimesAreInFloorRoundTripsOfTheirOwnLaunch)
{
  const auto document_with = [](double floor_ns, double ratio) {
    OrderedJson result = {{"name", "x"}, {"launches", nlohmann::json::array()}};
    for (int i = 0; i < 5; ++i)
      result["launches"].push_back(
          {{"ratio_to_floor", ratio}, {"rtt_ns", {{"p50", ratio * floor_ns}, {"max", 50 * floor_ns}}}});
    return made_up_document({result});
  };
  const Outcome outcome = compare({write("a", document_with(70, 1)), write("b", document_with(530, 1)), "--json"});
  EXPECT_NEAR(figure(outcome.json(), "x", "max")["ratio"].get<double>(), 1, 1e-9);
  EXPECT_NEAR(figure(outcome.json(), "x", "max")["median"][0].get<double>(), 50, 1e-9);
  EXPECT_EQ(outcome.json()["results"][0]["figures"].size(), 2u);  // p50 is the ratio
}

TEST_F(CompareProgram, WithoutARatioTimesAreInFloorRoundTripsOfTheDocument)
{
  const auto document_with = [](double floor_ns) {
    OrderedJson result = {{"name", "x"}, {"mode", "open"}, {"rate_hz", 1000}, {"launches", nlohmann::json::array()}};
    for (int i = 0; i < 5; ++i)
      result["launches"].push_back({{"response_ns", {{"p50", 400}}}});
    OrderedJson document = made_up_document({result});
    document["started"] = floor_ns < 150 ? "2026-11-25T20:00:00Z" : "2026-11-25T20:00:01Z";
    document["floor"]["rtt_ns"]["p50"] = floor_ns;
    return document;
  };
  const Outcome outcome = compare({write("a", document_with(100)), write("b", document_with(200)), "--json"});
  const nlohmann::json p50 = figure(outcome.json(), "x", "p50");
  EXPECT_EQ(p50["median"], nlohmann::json::array({4.0, 2.0}));
  EXPECT_EQ(p50["verdict"], "better");
  EXPECT_EQ(outcome.json()["results"][0]["rate_hz"], 1000);
}

TEST_F(CompareProgram, LaunchesOfSeveralFilesArePooled)
{
  const std::string a = run("a1", 1, 3) + "," + run("a2", 1, 4);
  const Outcome outcome = compare({a, run("b", 1, 5), "--json"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(figure(outcome.json(), "linux/pipe", "ratio")["launches"], nlohmann::json::array({7, 5}));
  EXPECT_EQ(outcome.json()["a"].size(), 2u);
}

TEST_F(CompareProgram, TooFewLaunchesGetToldHowManyItNeeds)
{
  const Outcome outcome = compare({run("a", 1, 4), run("b", 2, 9), "--fail-if", "ratio>+10%"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.out, HasSubstr("not enough data: needs 5 launches a side"));
  EXPECT_THAT(outcome.err, HasSubstr("--fail-if 'ratio>+10%' could not be held: linux/pipe 16 B closed: 4 launches"));
  const Outcome document = compare({run("a", 1, 4), run("b", 2, 9), "--json"});
  EXPECT_EQ(figure(document.json(), "rtlane/spsc", "ratio")["needs_launches"], 5);
  EXPECT_TRUE(figure(document.json(), "rtlane/spsc", "ratio")["p_corrected"].is_null());
}

TEST_F(CompareProgram, ALimitThatIsBrokenGivesStatusOne)
{
  const std::string a = run("a", 1, 8);
  const std::string b = run("b", 1.3, 8);
  const std::pair<std::vector<std::string>, int> cases[] = {
      {{a, b, "--fail-if", "ratio>+10%"}, 1},
      {{a, b, "--fail-if", "p50>+10%"}, 1},
      {{a, b, "--fail-if", "p99.9>+10%"}, 1},
      {{a, b, "--fail-if", "ratio>+60%"}, 0},
      {{a, b, "--fail-if", "ratio>+60%", "--fail-if", "p90>+10%"}, 1},
      {{b, a, "--fail-if", "ratio>+0%"}, 0},
      {{a, run("c", 1, 8), "--fail-if", "ratio>+30%"}, 0},
  };
  for (const auto& [arguments, status] : cases) {
    const Outcome outcome = compare(arguments);
    EXPECT_EQ(outcome.status, status) << testing::PrintToString(arguments) << outcome.out << outcome.err;
    EXPECT_EQ(outcome.out.find("is broken by rtlane/spsc 16 B closed") != std::string::npos, status == 1);
    EXPECT_THAT(outcome.out, Not(HasSubstr("broken by linux/pipe")));
  }
}

// A gate that says "good" because there was nothing to look at is none.
TEST_F(CompareProgram, ALimitThatCouldNotBeHeldAgainstAFailedOrMissingResultGivesStatusOne)
{
  const std::string a = run("a", 1, 5);
  LaunchNoise noise(1);
  const OrderedJson spsc = made_up_result(noise, "rtlane/spsc", 1, 5);
  OrderedJson failed = made_up_result(noise, "linux/pipe", 40, 5);
  failed["failed"] = "killed by signal 11";
  const std::pair<OrderedJson, const char*> cases[] = {
      {made_up_document({spsc, failed}), "linux/pipe 16 B closed: B has not measured it (failed: killed by signal 11)"},
      {made_up_document({spsc}), "linux/pipe 16 B closed: B has not measured it (it is not there)"}};
  for (const auto& [b, said] : cases) {
    const std::string file = write("b", b);
    EXPECT_EQ(compare({a, file}).status, 0);
    const Outcome outcome = compare({a, file, "--fail-if", "ratio>+60%", "--json"});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_THAT(outcome.err, HasSubstr(std::string("--fail-if 'ratio>+60%' could not be held: ") + said));
    EXPECT_EQ(outcome.json()["fail_if"][0]["not_held"], nlohmann::json::array({said}));
    EXPECT_EQ(outcome.json()["fail_if"][0]["held_against"], 1);
  }
  const Outcome no_such = compare({a, run("b", 1, 5), "--fail-if", "throughput>+10%"});
  EXPECT_EQ(no_such.status, 1);
  EXPECT_THAT(no_such.err, HasSubstr("could not be held: no result"));
}

TEST_F(CompareProgram, ALaunchCountsOnce)
{
  const std::string a = run("a", 1, 5);
  const std::string b = run("b", 1, 5);
  const std::string copy = scratch_.write("copy", read_file(a));
  std::filesystem::create_symlink(a, scratch_.file("link"));
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{a, a}, "a: is named twice"},
      {{b + "," + a + "," + a, b}, "a: is named twice"},
      {{b, a + "," + scratch_.file("link")}, "link: is the same file as "},
      {{a, copy}, "copy: holds the launches of rtlane/spsc 16 B closed that are in "},
      {{b, a + "," + copy}, "copy: holds the launches of rtlane/spsc 16 B closed that are in "},
  };
  for (const auto& [arguments, said] : cases) {
    const Outcome outcome = compare(arguments);
    EXPECT_EQ(outcome.status, 2) << testing::PrintToString(arguments) << outcome.out;
    EXPECT_THAT(outcome.err, AllOf(HasSubstr(said), HasSubstr("a launch counts once: leave one of them out")));
    EXPECT_EQ(outcome.out, "");
  }
}

TEST_F(CompareProgram, RunsThatDidNotTakeTurnsAreWarnedOf)
{
  LaunchNoise noise(1);
  OrderedJson later = made_up_document({made_up_result(noise, "rtlane/spsc", 1, 5)});
  later["started"] = "2026-11-25T20:10:00Z";
  const Outcome outcome = compare({run("a", 1, 5), write("b", later), "--json"});
  EXPECT_THAT(outcome.err, HasSubstr("all launches of A were before those of B"));
  EXPECT_THAT(outcome.json()["warnings"][0], HasSubstr("alternate short runs: A, B, A, B"));
}

// A channel through which nothing came, and a time below what the clock can tell.
TEST_F(CompareProgram, AFigureOfZeroIsNotComparable)
{
  const auto document_with = [](double per_floor, double ratio, double p50, const char* started) {
    OrderedJson result = {{"name", "x"}, {"launches", nlohmann::json::array()}};
    for (int i = 0; i < 5; ++i)
      result["launches"].push_back({{"per_floor", per_floor},
                                    {"ratio_to_floor", ratio},
                                    {"rtt_ns", {{"p50", p50}, {"p90", 200}, {"max", 300}}}});
    OrderedJson document = made_up_document({result});
    document["started"] = started;
    return document;
  };
  const std::string a = write("a", document_with(4, 1, 100, "2026-11-25T20:00:00Z"));
  for (const auto& [per_floor, ratio, p50] : {std::tuple(0., 1., 100.), {4., 0., 100.}, {4., 1., 0.}, {0., 0., 0.}}) {
    const std::string b = write("b", document_with(per_floor, ratio, p50, "2026-11-25T20:00:00Z"));
    const Outcome outcome = compare({a, b, "--json"});
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_THAT(outcome.out, AllOf(Not(HasSubstr("inf")), Not(HasSubstr("nan"))));
    const nlohmann::json throughput = figure(outcome.json(), "x", "throughput");
    EXPECT_EQ(throughput["verdict"], per_floor == 0 ? "not comparable" : "same");
    EXPECT_EQ(throughput["ratio"].is_null(), per_floor == 0);
    EXPECT_EQ(figure(outcome.json(), "x", "ratio")["verdict"], ratio == 0 ? "not comparable" : "same");
    EXPECT_TRUE(std::isfinite(figure(outcome.json(), "x", "max")["median"][1].get<double>()));
  }
}

TEST_F(CompareProgram, AnExpressionThatIsNotUnderstoodIsAnsweredWithOneThatIs)
{
  const std::string a = run("a", 1, 5);
  for (const char* wrong : {"p99.9>10%", "p98>+10%", "nonsense", "", "ratio>+x%"}) {
    const Outcome outcome = compare({a, a, "--fail-if", wrong});
    EXPECT_EQ(outcome.status, 2) << wrong;
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("FIGURE>+N%"), HasSubstr("p99.99, max, throughput"))) << wrong;
    EXPECT_EQ(outcome.out, "") << wrong;
  }
}

TEST_F(CompareProgram, OtherMachinesAreWarnedOfInASentence)
{
  LaunchNoise noise(1);
  OrderedJson other = made_up_document({made_up_result(noise, "rtlane/spsc", 1, 5)});
  other["environment"]["kernel"] = "7.0\x1b[31m";
  other["environment"]["topology"] = nullptr;
  const Outcome outcome = compare({run("a", 1, 5), write("b", other)});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("the kernel differs: 6.18.0 in "), HasSubstr("7.0\\x1b[31m in "),
                                 HasSubstr("the topology of the CPUs differs: same L3 in "), HasSubstr("unknown in "),
                                 Not(HasSubstr("CPU model"))));
}

TEST_F(CompareProgram, ResultsOfOneSideAreListed)
{
  LaunchNoise noise(1);
  OrderedJson skipped = {{"name", "linux/pipe"}, {"bytes", 16},     {"mode", "closed"},
                         {"in_process", false},  {"blocks", false}, {"skipped", "no pipes here"}};
  const OrderedJson b = made_up_document(
      {made_up_result(noise, "rtlane/spsc", 1, 5), std::move(skipped), made_up_result(noise, "new/one", 1, 5)});
  const Outcome outcome = compare({run("a", 1, 5), write("b", b)});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.out, HasSubstr("only in A: linux/pipe 16 B closed (skipped: no pipes here)\n"));
  EXPECT_THAT(outcome.out, HasSubstr("only in B: new/one 16 B closed\n"));
}

TEST_F(CompareProgram, BadFilesAreNamedWithWhatIsWrong)
{
  const std::string good = run("good", 1, 5);
  const std::string whole = read_file(good);
  const auto with = [&](const char* pointer, OrderedJson value) {
    OrderedJson document = OrderedJson::parse(whole);
    document[OrderedJson::json_pointer(pointer)] = std::move(value);
    return document.dump();
  };
  std::string infinite = whole;
  infinite.replace(infinite.find("\"ratio_to_floor\":") + 17, 3, "1e999");
  std::string not_a_number = whole;
  not_a_number.replace(not_a_number.find("\"ratio_to_floor\":") + 17, 3, "NaN");
  const std::pair<std::string, const char*> cases[] = {
      {"", "is empty"},
      {" \n", "is empty"},
      {"hello", "is no JSON: line 1, column 1 is not what may stand there; write it anew with --json FILE"},
      {"{\n\"a\": 1,\n  x}", "is no JSON: line 3, column 3 is not"},
      {"\xff\xfe\x01", "is no JSON"},
      {"[1, 2]", "has to be an object"},
      {"null", "has to be an object"},
      {"{}", "names no schema"},
      {R"({"schema": 1})", "schema is 1, but has to be text"},
      {R"({"schema": "rtlane.bench.round-trip/1"})", "is of schema rtlane.bench.round-trip/1"},
      {R"({"schema": "rtlane.bench/1"})", "has no results"},
      {with("/results", OrderedJson::array()), "has no results"},
      {with("/results", "all"), "results is \"all\", but has to be a list"},
      {with("/results/0", 3), "results[0] is 3, but has to be an object"},
      {with("/results/0/name", nullptr), "results[0] has no name"},
      {with("/results/0/name", 7), "results[0].name is 7, but has to be text"},
      {with("/results/0/bytes", "many"), "results[0].bytes is \"many\", but has to be a number"},
      {with("/results/0/in_process", 0), "results[0].in_process is 0, but has to be true or false"},
      {with("/results/1/launches", 5), "results[1].launches is 5, but has to be a list"},
      {with("/results/1/launches/2", "x"), "results[1].launches[2] is \"x\", but has to be an object"},
      {with("/results/1/launches/2/ratio_to_floor", "fast"), "results[1].launches[2].ratio_to_floor is \"fast\""},
      {with("/results/1/launches/2/ratio_to_floor", -1), "ratio_to_floor is -1, but has to be a number from 0"},
      {with("/results/1/launches/2/rtt_ns/p90", -3), "rtt_ns.p90 is -3, but has to be a number from 0"},
      {with("/results/1/launches/2/rtt_ns", OrderedJson::array()), "launches[2].rtt_ns is [], but has to be an object"},
      {with("/floor/rtt_ns/p50", true), "floor.rtt_ns.p50 is true, but has to be a number"},
      {with("/environment/kernel", 6), "environment.kernel is 6, but has to be text"},
      {with("/results/1/name", "rtlane/spsc"), "results[1] is rtlane/spsc 16 B closed once more"},
      {infinite, "holds a number that is too large for a double"},
      {not_a_number, "is no JSON"},
      {std::string(1'000'000, '['), "is nested more than 32 levels deep"},
      {std::string(1'000'000, '[') + std::string(1'000'000, ']'), "is nested more than 32 levels deep"},
      {R"({"schema": "rtlane.bench/1", "results": )" + std::string(1'000'000, '[') + std::string(1'000'000, ']') + "}",
       "is nested more than 32 levels deep"},
      {whole.substr(0, whole.size() - 1), "ends in the middle of the document"},
      {whole.substr(0, whole.size() / 2), "ends in the middle of the document"},
      {whole + "x", "is no JSON"},
  };
  for (const auto& [text, said] : cases) {
    const std::string bad = scratch_.write("bad", text);
    for (const auto& arguments :
         {std::vector{bad, good}, std::vector{good, bad}, std::vector{good + "," + bad, good}}) {
      const Outcome outcome = compare(arguments);
      EXPECT_EQ(outcome.status, 2) << text.substr(0, 200) << outcome.out << outcome.err;
      EXPECT_THAT(outcome.err, AllOf(HasSubstr(bad + ": "), HasSubstr(said), Not(HasSubstr("json.exception")),
                                     Not(HasSubstr("parse error"))))
          << text.substr(0, 200);
      EXPECT_EQ(outcome.out, "");
    }
  }
}

TEST_F(CompareProgram, FilesThatCannotBeReadAreNamed)
{
  const std::string good = run("good", 1, 5);
  const std::pair<std::string, const char*> cases[] = {
      {scratch_.file("missing"), "missing: cannot be read: No such file or directory"},
      {scratch_.path(), "cannot be read: Is a directory"},
      {"/dev/zero", "/dev/zero: is larger than 64 MiB, or has no end: this is no document of rtlane-bench"},
      {"", "cannot be read: No such file or directory"},
      {good + ",", "cannot be read: No such file or directory"},
  };
  for (const auto& [file, said] : cases) {
    const Outcome outcome = compare({good, file});
    EXPECT_EQ(outcome.status, 2) << file;
    EXPECT_THAT(outcome.err, HasSubstr(said)) << file;
  }
  EXPECT_EQ(compare({good}).status, 2);
  EXPECT_EQ(compare({good, good, good}).status, 2);
  EXPECT_EQ(compare({good, good, "--threshold", "-1"}).status, 2);
  EXPECT_EQ(compare({good, good, "--threshold", "nan"}).status, 2);
}

}  // namespace
}  // namespace rtlane::test
