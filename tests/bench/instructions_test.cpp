// Instruction counts of the hot operations against the committed table, and the counter itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <sstream>

#include "../../bench/micro/instruction_counter.hpp"
#include "rt/tool.hpp"
#include "support/sanitizer.hpp"
#include "support/shm.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

using bench::micro::count_function;
using bench::micro::no_answer;
using bench::micro::StepCounts;
using nlohmann::json;
using testing::HasSubstr;

#define RTLANE_NEED_STEPPING                               \
  if (const char* step_reason = bench::step_unavailable()) \
  GTEST_SKIP() << step_reason

// ---- the counter

struct Scene {
  unsigned char from[256];
  unsigned char to[256];
  volatile int number;
};

bool any(Scene&, int)
{
  return true;
}

void unprepared(Scene&) {}

std::uint64_t own(int (*function)(Scene&))
{
  return count_function<Scene, int>("a function", &unprepared, function, &any).own;
}

TEST(InstructionCounter, AnEmptyFunctionTakesNone)
{
  RTLANE_NEED_STEPPING;
  const Watchdog watchdog(60);
  EXPECT_EQ(own([](Scene&) { return no_answer(); }), 0u);
}

#if defined(__x86_64__)

TEST(InstructionCounter, CountsEachInstructionOnce)
{
  RTLANE_NEED_STEPPING;
  if (built_with_sanitizer)
    GTEST_SKIP() << "instrumentation adds instructions";
  const Watchdog watchdog(60);
  const std::uint64_t three = own([](Scene&) {
    asm volatile("nop; nop; nop");
    return no_answer();
  });
  const std::uint64_t ten = own([](Scene&) {
    asm volatile("nop; nop; nop; nop; nop; nop; nop; nop; nop; nop");
    return no_answer();
  });
  EXPECT_EQ(ten - three, 7u);
}

TEST(InstructionCounter, ARepeatedStringInstructionIsOne)
{
  RTLANE_NEED_STEPPING;
  const Watchdog watchdog(60);
  const auto copy = [](std::size_t count) {
    static std::size_t bytes;
    bytes = count;
    return own([](Scene& scene) {
      std::size_t left = bytes;
      unsigned char* to = scene.to;
      const unsigned char* from = scene.from;
      asm volatile("rep movsb" : "+c"(left), "+D"(to), "+S"(from) : : "memory");
      return no_answer();
    });
  };
  EXPECT_EQ(copy(200), copy(2));
}

#endif

TEST(InstructionCounter, WhatOtherLibrariesDoIsCountedApart)
{
  RTLANE_NEED_STEPPING;
  const Watchdog watchdog(60);
  const StepCounts none = count_function<Scene, int>(
      "a function", &unprepared, [](Scene& scene) { return int{scene.number}; }, &any);
  const StepCounts two = count_function<Scene, int>(
      "a function", &unprepared,
      [](Scene& scene) {
        // Through pointers that the compiler cannot see through.
        pid_t (*volatile call)() = &getppid;
        call();
        call();
        return int{scene.number};
      },
      &any);
  EXPECT_EQ(none.calls, 0u);
  EXPECT_EQ(none.elsewhere, 0u);
  EXPECT_EQ(two.calls, 2u);
  EXPECT_GE(two.elsewhere, 2u);
}

TEST(InstructionCounter, RefusesAFunctionThatAnswersWrongly)
{
  RTLANE_NEED_STEPPING;
  const Watchdog watchdog(60);
  const auto seven = +[](Scene&) { return 7; };
  const auto is_eight = +[](Scene&, int answer) { return answer == 8; };
  EXPECT_THROW((count_function<Scene, int>("seven", &unprepared, seven, is_eight)), std::runtime_error);
}

TEST(InstructionCounter, RefusesAFunctionThatDoesNotTakeTheSameTwice)
{
  RTLANE_NEED_STEPPING;
  const Watchdog watchdog(60);
  const auto moody = +[](Scene& scene) {
    static int rounds = 0;
    for (int i = 0; i < rounds; ++i)
      scene.number = i;
    ++rounds;
    return 0;
  };
  EXPECT_THROW((count_function<Scene, int>("moody", &unprepared, moody, &any)), std::runtime_error);
}

// ---- the table

struct Row {
  std::string instructions;
  std::string calls;
};

std::string to_text(const Row& row)
{
  return row.instructions + " instructions" + (row.calls == "0" ? "" : " and calls of other libraries: " + row.calls);
}

struct Table {
  std::string built_by;
  std::map<std::string, Row> rows;  // by operation and bytes
};

Table read_table(const std::string& text)
{
  static const std::string mark = "# built by: ";
  Table table;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(mark))
      table.built_by = line.substr(mark.size());
    if (line.starts_with("#"))
      continue;
    std::istringstream words(line);
    std::string operation;
    std::string bytes;
    Row row;
    words >> operation >> bytes >> row.instructions >> row.calls;
    table.rows[operation + " of " + bytes + " bytes"] = row;
  }
  return table;
}

const std::string table_file = RTLANE_SOURCE_DIR "/bench/micro/instructions.txt";

const std::string how_to_renew =
    "If that is meant, write the table anew, look at the difference and commit it:\n"
    "  build/release/bin/rtlane-micro --instructions bench/micro/instructions.txt\n";

TEST(Instructions, AreThoseOfTheTable)
{
  RTLANE_NEED_STEPPING;
  const Watchdog watchdog(110);
  const TempNamespace space;
  const Outcome outcome = run_tool({"--instructions"});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const Table table = read_table(read_file(table_file));
  const Table now = read_table(outcome.out);
  ASSERT_FALSE(table.rows.empty());
  ASSERT_NE(table.built_by, "");
  if (now.built_by != table.built_by)
    GTEST_SKIP() << "the table is for " << table.built_by << ", this is " << now.built_by;

  std::string differences;
  for (const auto& [operation, row] : now.rows) {
    const auto found = table.rows.find(operation);
    if (found == table.rows.end())
      differences += operation + ": found " + to_text(row) + ", not in the table\n";
    else if (to_text(row) != to_text(found->second))
      differences += operation + ": expected " + to_text(found->second) + ", found " + to_text(row) + "\n";
  }
  for (const auto& [operation, row] : table.rows) {
    if (now.rows.count(operation) == 0)
      differences += operation + ": expected " + to_text(row) + ", not measured any more\n";
  }
  EXPECT_EQ(differences, "") << how_to_renew;
}

TEST(Instructions, AreWrittenToAFileAndAsADocument)
{
  RTLANE_NEED_STEPPING;
  const Watchdog watchdog(110);
  const TempNamespace space;
  const Scratch scratch;
  const std::string file = scratch.file("instructions.txt");
  const Outcome outcome = run_tool({"--instructions", file, "--json"});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const Table table = read_table(read_file(file));
  const json document = outcome.json();
  EXPECT_EQ(document["schema"], "rtlane.instructions/1");
  EXPECT_EQ(document["built_by"], table.built_by);
  EXPECT_EQ(document["operations"].size(), table.rows.size());
  for (const json& operation : document["operations"]) {
    const auto bytes = operation.contains("bytes") ? operation["bytes"].dump() : "-";
    const auto found = table.rows.find(operation["operation"].get<std::string>() + " of " + bytes + " bytes");
    ASSERT_NE(found, table.rows.end()) << operation;
    EXPECT_EQ(operation["instructions"].dump(), found->second.instructions);
  }
}

TEST(Instructions, SayWhyTheyCannotBeWritten)
{
  RTLANE_NEED_STEPPING;
  const Watchdog watchdog(110);
  const TempNamespace space;
  const Outcome outcome = run_tool({"--instructions", "/nowhere/instructions.txt"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err, HasSubstr("/nowhere/instructions.txt cannot be written: No such file"));
}

}  // namespace
}  // namespace rtlane::test
