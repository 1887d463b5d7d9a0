// rtlane-bench report: what becomes of a document, good or bad.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <regex>

#include "page.hpp"
#include "read_run.hpp"
#include "rt/tool.hpp"
#include "sample_run.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

namespace fs = std::filesystem;
using cli::Json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// The page, or "error: " and why there is none.
std::string page_of(const Json& document)
{
  const auto run = bench::report::read_run(document.dump());
  return run ? bench::report::page(*run, "run.json") : "error: " + run.error().message;
}

// As XML, which is stricter than HTML. "" or what is wrong; without xmllint nothing is.
std::string xml_problem(const std::string& page)
{
  if (access("/usr/bin/xmllint", X_OK) != 0)
    return {};
  const Scratch scratch;
  const Outcome outcome =
      Tool::start({"--noout", "--huge", scratch.write("page.xml", page)}, "/usr/bin/xmllint").wait();
  return outcome.status == 0 ? "" : outcome.err.substr(0, 500);
}

#define RTLANE_NEED_XMLLINT                  \
  if (access("/usr/bin/xmllint", X_OK) != 0) \
  GTEST_SKIP() << "xmllint is not installed: apt-get install libxml2-utils"

// The same document again and again takes seconds to make.
const Json& full_run()
{
  static const Json document = sample_run(1);
  return document;
}

// One result of each mode, small.
Json made_short_run()
{
  Json document = full_run();
  Json few = Json::array();
  for (const char* mode : {"closed", "open", "saturated", "stop", "kill"}) {
    Json result = *std::find_if(document["results"].begin(), document["results"].end(),
                                [&](const Json& candidate) { return candidate["mode"] == mode; });
    for (const auto& [key, most] : {std::pair{"timeline", 5}, {"worst", 2}, {"launches", 1}}) {
      if (result.contains(key))
        result[key].erase(result[key].begin() + std::min<int>(most, static_cast<int>(result[key].size())),
                          result[key].end());
    }
    for (const char* key : {"histogram", "service_histogram"}) {
      if (result.contains(key))
        result[key] = {{"count", 100}, {"max_ns", 990}, {"buckets", {{99, 80}, {199, 19}, {1023, 1}}}};
    }
    few.push_back(result);
  }
  document["results"] = few;
  document["noise"].erase(1);
  document["noise"][0]["histogram"] = {{"count", 7}, {"max_ns", 990}, {"buckets", {{399, 6}, {1023, 1}}}};
  return document;
}

Json short_run()
{
  static const Json document = made_short_run();
  return document;
}

// Visits each value below, with its place.
void for_each_value(const Json& json, const Json::json_pointer& at,
                    const std::function<void(const Json::json_pointer&, const Json&)>& visit)
{
  if (json.is_object()) {
    for (const auto& [key, value] : json.items()) {
      visit(at / key, value);
      for_each_value(value, at / key, visit);
    }
  } else if (json.is_array()) {
    // Elements of long arrays are alike.
    for (std::size_t i = 0; i < std::min<std::size_t>(json.size(), 5); ++i) {
      visit(at / i, json[i]);
      for_each_value(json[i], at / i, visit);
    }
  }
}

std::vector<std::string> files_in(const std::string& folder)
{
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder))
    names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

TEST(BenchReport, ThePageIsWellFormed)
{
  RTLANE_NEED_XMLLINT;
  Watchdog watchdog(110);
  EXPECT_EQ(xml_problem(page_of(full_run())), "");
  EXPECT_EQ(xml_problem(page_of(sample_run(2))), "");
  ASSERT_NE(xml_problem("<p>open"), "");
}

TEST(BenchReport, EveryResultAndItsFateIsThere)
{
  Watchdog watchdog(60);
  const Json& document = full_run();
  const std::string page = page_of(document);
  for (const Json& result : document["results"]) {
    const auto name = result["name"].get<std::string>();
    EXPECT_THAT(page, HasSubstr(name));
    for (const char* why : {"skipped", "failed"}) {
      if (result.contains(why)) {
        EXPECT_THAT(page, HasSubstr(result[why].get<std::string>()));
      }
    }
    for (const Json& sample : result.value("worst", Json::array()))
      EXPECT_THAT(page, HasSubstr(sample["sentence"].get<std::string>()));
  }
  for (const auto& [key, value] : document["environment"].items()) {
    if (value.is_string()) {
      EXPECT_THAT(page, HasSubstr(value.get<std::string>())) << key;
    }
  }
  EXPECT_THAT(page, HasSubstr("needs 100,000"));
  EXPECT_THAT(page, HasSubstr("397 (3 dropped)"));
  EXPECT_THAT(page, HasSubstr("coordinated omission"));
}

TEST(BenchReport, TheHeadlineSaysTheWorstCaseWhoseItIsAndHowOthersDo)
{
  Json document = short_run();
  Json& ours = document["results"][0];
  ASSERT_EQ(ours["name"], "rtlane/spsc");
  Json peer = ours;
  peer["name"] = "boost/spsc_queue";
  peer["in_process"] = true;
  peer["ratio_to_floor"] = {{"median", 1.5}, {"p10", 1.4}, {"p90", 1.6}};
  ours["ratio_to_floor"] = {{"median", 1.05}, {"p10", 0.9}, {"p90", 1.2}};
  ours["rtt_ns"]["max"] = 3.1e6;
  ours["worst"] = {{{"ns", 3.1e6}, {"class", "inside"}, {"sentence", "told so"}}};
  ours["attributed"]["clean_max_ns"] = 1600;
  ours["attributed"]["channel_max_ns"] = 45'000;
  document["results"].push_back(peer);
  std::string page = page_of(document);
  std::string headline =
      page.substr(page.find("id=\"short\""), page.find("id=\"comparison\"") - page.find("id=\"short\""));
  EXPECT_THAT(headline,
              AllOf(HasSubstr(">1.05×<"), HasSubstr("0.90 to 1.20"), HasSubstr(">3.1 ms<"), HasSubstr(">told so<"),
                    HasSubstr("until proven otherwise"), HasSubstr("At most the channel&#39;s, of any sample: 45 us"),
                    HasSubstr("Without all time in which a side was held up, the largest: 1.6 us")));
  EXPECT_THAT(headline, AllOf(HasSubstr("Place 1 of 2"), HasSubstr("<b>boost/spsc_queue</b> 1.50×"),
                              HasSubstr("in-process"), Not(HasSubstr("overlap"))));
}

TEST(BenchReport, TheObserverIsAClassWithALegend)
{
  Json document = short_run();
  Json& result = document["results"][0];
  result["timeline"] = {{0.5, 4'500, "observer"}, {1.0, 800, "clean"}};
  result["attributed"]["observer_count"] = 12'345;
  const std::string page = page_of(document);
  const std::string timeline = page.substr(page.find("<section id=\"timeline\""));
  EXPECT_THAT(timeline.substr(0, timeline.find("<figure")), HasSubstr("<span>observer</span>"));
  EXPECT_THAT(page, HasSubstr("class=\"mark open cause-observer\""));
  EXPECT_THAT(page, HasSubstr(".mark.open.cause-observer {"));
  EXPECT_THAT(page, HasSubstr("12,345"));
}

// From before the observer was a class and the channel had a maximum.
TEST(BenchReport, AnOlderDocumentIsRead)
{
  Json document = short_run();
  Json& result = document["results"][0];
  for (const char* const key : {"channel_max_ns", "unexplained_ns", "observer_ns", "observer_count", "inside_stalls"})
    result["attributed"].erase(key);
  result["attributed"]["clean_max_ns"] = 1600;
  EXPECT_THAT(page_of(document), HasSubstr("Of the samples that nobody took time from, the largest: 1.6 us"));
}

TEST(BenchReport, NothingInItComesFromElsewhereOrRuns)
{
  const std::string page = page_of(full_run());
  EXPECT_THAT(page, HasSubstr("content=\"default-src &#39;none&#39;; style-src &#39;unsafe-inline&#39;\""));
  EXPECT_FALSE(std::regex_search(page, std::regex(" on[a-z]+=\"")));
  for (const char* word : {"<script", "<link", "<img", "<iframe", " src=", "@import", "url(", "http://", "https://"})
    EXPECT_THAT(page, Not(HasSubstr(word)));
}

TEST(BenchReport, WhatNamesAndSentencesHoldIsTextOnly)
{
  RTLANE_NEED_XMLLINT;
  Watchdog watchdog(110);
  const std::string hostile =
      "</title></style><script>alert(\"1\")</script>'\" onload='x' ]]>\u202e\u0000\u001b[2J\uffff&amp;";
  Json document = short_run();
  std::vector<Json::json_pointer> strings;
  for_each_value(document, Json::json_pointer(), [&](const Json::json_pointer& at, const Json& value) {
    const std::string key = at.back();
    if (value.is_string() && key != "schema" && key != "mode" && key != "class" && key != "verdict" &&
        key != "command" && at.to_string().find("timeline") == std::string::npos)
      strings.push_back(at);
  });
  ASSERT_GT(strings.size(), 20U);
  for (const auto& at : strings)
    document[at] = at.back() == "name" ? "rtlane/" + hostile : hostile;
  document["environment"][hostile] = hostile;
  document["command"] = hostile;
  const std::string page = page_of(document);
  ASSERT_THAT(page, HasSubstr("&lt;script&gt;alert(&quot;1&quot;)"));
  EXPECT_THAT(page, AllOf(Not(HasSubstr("<script")), Not(HasSubstr("\u202e")), Not(HasSubstr("\x1b"))));
  EXPECT_EQ(xml_problem(page), "");
}

// A key that may be missing leaves a page, another one an error that names it.
TEST(BenchReport, AnyKeyMayBeMissingOrNull)
{
  Watchdog watchdog(110);
  const Json document = short_run();
  int pages = 0;
  int errors = 0;
  for_each_value(document, Json::json_pointer(), [&](const Json::json_pointer& at, const Json&) {
    if (document[at.parent_pointer()].is_array())
      return;
    for (const bool null : {false, true}) {
      Json changed = document;
      if (null)
        changed[at] = nullptr;
      else
        changed[at.parent_pointer()].erase(at.back());
      const std::string page = page_of(changed);
      if (page.starts_with("<!DOCTYPE html>")) {
        ++pages;
      } else {
        ++errors;
        EXPECT_THAT(page, HasSubstr(at.back())) << at.to_string();
      }
    }
  });
  EXPECT_GT(pages, 400);
  EXPECT_GT(errors, 10);
}

TEST(BenchReport, ASectionSaysWhatIsMissing)
{
  const std::string page = page_of({{"schema", "rtlane.bench/1"}});
  for (const char* sentence :
       {"no round trips over channels of rtlane", "no latency results", "No result of mode closed has a histogram",
        "No result has a time line", "no results of mode saturated", "does not tell single samples",
        "No result has its samples attributed", "no results of modes stop and kill", "does not tell the noise",
        "does not tell the floor", "does not tell the environment", "No result has percentiles"})
    EXPECT_THAT(page, HasSubstr(sentence));
}

TEST(BenchReport, ADocumentOfNoiseAloneHasItsSectionsOnly)
{
  Json document = full_run();
  document["command"] = "noise";
  document.erase("results");
  document.erase("floor");
  const std::string page = page_of(document);
  EXPECT_THAT(page,
              AllOf(HasSubstr("id=\"noise\""), HasSubstr("id=\"environment\""), Not(HasSubstr("class=\"missing\""))));
}

// Whatever stands in the wrong place, there is an error with the path or a page; never a crash.
TEST(BenchReport, AWrongTypeIsToldByItsPath)
{
  Watchdog watchdog(110);
  const Json document = short_run();
  const Json wrong[] = {Json::object(), Json::array(), "text", -1, true, Json::array({Json::array()})};
  int errors = 0;
  for_each_value(document, Json::json_pointer(), [&](const Json::json_pointer& at, const Json& right) {
    for (const Json& value : wrong) {
      Json changed = document;
      changed[at] = value;
      const std::string page = page_of(changed);
      const bool free = at.to_string().starts_with("/environment") || value.type() == right.type() ||
                        (value.is_number() && right.is_number());
      if (page.starts_with("error: ")) {
        ++errors;
      } else {
        EXPECT_TRUE(free || right.is_null() || value.empty()) << at.to_string() << " as " << value;
        EXPECT_TRUE(page.starts_with("<!DOCTYPE html>"));
      }
    }
  });
  EXPECT_GT(errors, 500);
}

TEST(BenchReport, ErrorsHaveThePathAndWhatIsWrong)
{
  struct Case {
    const char* at;
    Json value;
    const char* said;
  };
  const Case cases[] = {
      {"/schema", "rtlane.bench/2", "schema: 'rtlane.bench/2' is not rtlane.bench/1"},
      {"/results", 5, "results: an array is expected here, not a number"},
      {"/results/0/rtt_ns/p50", "fast", "results[0].rtt_ns.p50: a number is expected here, not a string"},
      {"/results/0/rtt_ns/confidence_95/p50",
       {1},
       "results[0].rtt_ns.confidence_95.p50: 2 elements are expected here, not 1"},
      {"/results/0/mode", "ajar", "results[0].mode: 'ajar' is none of the modes closed, open"},
      {"/results/0/worst/1/class", "ghost", "results[0].worst[1].class: 'ghost' is none of the classes clean, host"},
      {"/results/0/in_process", 1, "results[0].in_process: true or false is expected here"},
      {"/results/0/rounds", -3, "results[0].rounds: -3 is negative"},
      {"/results/0/histogram/count", 7, "results[0].histogram: count is 7, but the buckets hold"},
      {"/results/0/histogram/buckets/1/0", 0, "results[0].histogram.buckets[1]: upper bounds of buckets have to rise"},
      {"/results/3/stall/verdict", "fine", "results[3].stall.verdict: 'fine' is none of unaffected"},
      {"/noise/0/classes/host", {1}, "noise[0].classes.host: an object is expected here, not an array"},
      {"/environment", "none", "environment: an object is expected here, not a string"},
      {"/environment/refused", {1}, "environment.refused[0]: a string is expected here, not a number"},
  };
  for (const Case& bad : cases) {
    Json document = short_run();
    document[Json::json_pointer(bad.at)] = bad.value;
    EXPECT_THAT(page_of(document), HasSubstr(std::string("error: ") + bad.said));
  }
}

// Coordinates stay numbers.
TEST(BenchReport, HugeAndTinyFiguresAreDrawn)
{
  RTLANE_NEED_XMLLINT;
  Watchdog watchdog(110);
  for (const double extreme : {1e300, 1e18, 0.0, 5e-324}) {
    Json document = short_run();
    std::vector<Json::json_pointer> numbers;
    for_each_value(document, Json::json_pointer(), [&](const Json::json_pointer& at, const Json& value) {
      if (value.is_number() && at.to_string().find("histogram") == std::string::npos)
        numbers.push_back(at);
    });
    for (const auto& at : numbers)
      document[at] = extreme;
    for (Json* holder : {&document["results"][0], &document["results"][1], &document["noise"][0]})
      (*holder)["histogram"] = {{"count", extreme}, {"max_ns", extreme}, {"buckets", {{extreme, extreme}}}};
    const std::string page = page_of(document);
    EXPECT_EQ(xml_problem(page), "");
    for (const char* broken : {"\"nan", "Mnan", "Lnan", " nan", "\"inf", "Minf", "Linf", "-inf", "-nan"})
      EXPECT_THAT(page, Not(HasSubstr(broken))) << extreme;
    EXPECT_LT(page.size(), 1'000'000U);
  }
}

TEST(BenchReport, WhatIsNoDocumentIsRefusedAndTheOldPageStays)
{
  Watchdog watchdog(110);
  const Scratch scratch;
  std::string deep;
  for (int i = 0; i < 100'000; ++i)
    deep += "[";
  const std::pair<std::string, const char*> cases[] = {
      {"", "is empty"},
      {"{\"schema\": ", "ends in the middle of the document"},
      {"[]", "this is no document of rtlane-bench"},
      {"{}", "this is no document of rtlane-bench"},
      {"{\"schema\": 1}", "schema: a string is expected here, not a number"},
      {"{\"schema\": \"rtlane.demo/1\"}", "schema: 'rtlane.demo/1' is not rtlane.bench/1"},
      {"{\"schema\": \"rtlane.bench/1\", \"command\": \"\\ud800\"}", "is no JSON: line 1, column "},
      {"{\"schema\": \"rtlane.bench/1\", \"command\": \"\xff\"}", "is no JSON: line 1, column "},
      {"{\"schema\": \"rtlane.bench/1\", \"duration_s\": 1e999}", "holds a number that is too large for a double"},
      {"{\"schema\": \"rtlane.bench/1\", \"results\": [{}]}", "results[0]: the key 'name' is missing"},
      {deep, "nested more than 32 levels deep"},
  };
  const std::string old = scratch.write("run.html", "old");
  for (const auto& [content, said] : cases) {
    const Outcome outcome = run_tool({"report", scratch.write("run.json", content)});
    EXPECT_EQ(outcome.status, 2) << content.substr(0, 80);
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("run.json: "), HasSubstr(said), Not(HasSubstr("json.exception"))));
    EXPECT_EQ(read_file(old), "old");
  }
  EXPECT_THAT(files_in(scratch.path()), ElementsAre("run.html", "run.json"));
}

TEST(BenchReport, ThePageGoesBesideTheDocumentOrWhereItIsTold)
{
  Watchdog watchdog(110);
  const Scratch scratch;
  const std::string document = scratch.write("run.json", short_run().dump());
  const std::string old = scratch.write("run.html", std::string(2'000'000, 'x'));
  fs::permissions(old, fs::perms(0604));
  const Outcome quiet = run_tool({"report", document});
  EXPECT_EQ(quiet.status, 0) << quiet.err;
  EXPECT_EQ(quiet.out + quiet.err, "");
  const std::string page = read_file(old);
  EXPECT_TRUE(page.starts_with("<!DOCTYPE html>"));
  EXPECT_TRUE(page.ends_with("</html>\n"));
  EXPECT_EQ(fs::status(old).permissions(), fs::perms(0604));
  EXPECT_EQ(run_tool({"report", document, "-o", "-"}).out, page);
  EXPECT_EQ(run_tool({"report", document, "-o", scratch.file("other.html")}).status, 0);
  EXPECT_EQ(read_file(scratch.file("other.html")), page);
  fs::rename(document, scratch.file("bare"));
  EXPECT_EQ(run_tool({"report", scratch.file("bare")}).status, 0);
  EXPECT_THAT(files_in(scratch.path()), ElementsAre("bare", "bare.html", "other.html", "run.html"));
}

TEST(BenchReport, StandardInputGoesToStandardOutput)
{
  Watchdog watchdog(110);
  const Scratch scratch;
  const std::string document = scratch.write("run.json", short_run().dump());
  const Outcome outcome = run_tool({"report", "-"}, [&] {
    const int fd = open(document.c_str(), O_RDONLY | O_CLOEXEC);
    return dup2(fd, 0) == 0;
  });
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_TRUE(outcome.out.starts_with("<!DOCTYPE html>"));
  EXPECT_THAT(files_in(scratch.path()), ElementsAre("run.json"));
}

TEST(BenchReport, WrongUsageIsNamed)
{
  Watchdog watchdog(110);
  const Scratch scratch;
  const std::string document = scratch.write("run.json", short_run().dump());
  fs::create_hard_link(document, scratch.file("same.html"));
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{"report"}, "RUN.json"},
      {{"report", scratch.file("none.json")}, "none.json: cannot be read: No such file or directory"},
      {{"report", scratch.path(), "-o", "-"}, "cannot be read: Is a directory"},
      {{"report", "/dev/zero", "-o", "-"}, "/dev/zero: is larger than 64 MiB, or has no end"},
      {{"report", document, "-o", "/nonexistent/page.html"}, "/nonexistent/page.html: cannot be written"},
      {{"report", document, "-o", document}, "that is the document"},
      {{"report", document, "-o", scratch.file("same.html")}, "that is the document"},
      {{"report", document, "extra"}, "extra"},
  };
  for (const auto& [arguments, said] : cases) {
    const Outcome outcome = run_tool(arguments);
    EXPECT_EQ(outcome.status, 2) << said;
    EXPECT_THAT(outcome.err, HasSubstr(said));
    EXPECT_EQ(outcome.out, "");
  }
  EXPECT_EQ(Json::parse(read_file(document)), short_run());
  const Outcome full = run_tool({"report", document, "-o", "/dev/full"});
  EXPECT_EQ(full.status, 1);
  EXPECT_THAT(full.err, HasSubstr("could not be written to /dev/full: No space left on device"));
  const Outcome manual = run_tool({"report", "--help"});
  EXPECT_EQ(manual.status, 0);
  EXPECT_THAT(manual.out, HasSubstr("Exit status: 0 written"));
}

}  // namespace
}  // namespace rtlane::test
