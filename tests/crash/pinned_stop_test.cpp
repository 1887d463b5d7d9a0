// PinnedSnapshot: SIGSTOP after every instruction. A stopped process is alive: nobody takes its role or clears its
// pins, the others go on with the same bounds, and after SIGCONT it finishes rightly.
#include <gtest/gtest.h>

#include "crash/pinned_scenario.hpp"
#include "support/temp_namespace.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

class PinnedStop : public ::testing::Test {
protected:
  void SetUp() override
  {
    if (const char* reason = step_unavailable())
      GTEST_SKIP() << reason;
  }
  void TearDown() override { pinned_in_use.reset(); }

  Watchdog watchdog_{kSparse == sweep_step ? 3000u : 110u};
  TempNamespace space_;
};

// True when it is stopped, false when the operation is over.
std::optional<bool> stopped(const Child& child, const StepReport& report, const Loaded& result)
{
  const bool settled = eventually([&] {
    int status = 0;
    return report.interrupted != 0 ? waitpid(child.pid(), &status, WNOHANG | WUNTRACED) == child.pid()
                                   : result.returned != 0;
  });
  if (!settled)
    return std::nullopt;
  return report.interrupted != 0;
}

Outcome stop_reader(const ReaderOperation& operation, uint64_t instruction, bool sweep_the_living = false)
{
  const Pinned snapshot = make_pinned();
  auto writer = snapshot.writer();
  put(*writer);
  put(*writer);
  auto other = snapshot.reader();  // entry 0
  SharedPage<StepReport> report;
  SharedPage<Loaded> result;
  Child child = Child::start([&] {
    auto reader = snapshot.reader();  // entry 1
    if (!reader)
      return 3;
    run_stepped(StepPlan{instruction, 0, SIGSTOP}, *report, Watched(), [&] { operation.run(*reader, *result); });
    result->returned = 1;
    return 0;
  });
  const std::optional<bool> is_stopped = stopped(child, *report, *result);
  if (!is_stopped)
    return {"neither stopped nor finished", false};
  const bool finished = !*is_stopped;
  if (!finished) {
    if (const auto taken = snapshot.reader(); taken)
      return {"a live reader's entry was given away", finished};
    const PinnedWords words = words_of(snapshot);
    uint64_t before[2] = {words.readers[1].pins[0], words.readers[1].pins[1]};
    if (sweep_the_living) {
      words.readers[1].pins[0] = 0;
      words.readers[1].pins[1] = 0;
    }
    for (uint32_t i = 0; i < 3 * kSlots; ++i) {
      Message got{};
      if (!put(*writer) || other->load(got) != Status::ok || other->attempts() != 1)
        return {"a stopped reader disturbs others", finished};
      if (std::string problem = judge(got, writer->sequence()); !problem.empty())
        return {problem, finished};
    }
    for (int i = 0; i < 2 && !sweep_the_living; ++i) {
      const uint64_t now = words.readers[1].pins[i];
      const bool asked = (before[i] & rtlane::detail::pinned_phase_mask) == rtlane::detail::pinned_asked;
      if (asked ? (now & rtlane::detail::pinned_phase_mask) != rtlane::detail::pinned_held : now != before[i])
        return {"somebody repaired a live reader, or did not help it", finished};
    }
    child.signal(SIGCONT);
  }
  if (const int status = child.wait(); status != 0)
    return {"the child ended with " + std::to_string(status), finished};
  for (int i = 0; i < 2; ++i) {
    if (result->sequences[i] == 0)
      continue;
    if (std::string problem = judge(result->values[i], result->sequences[i]); !problem.empty())
      return {"loaded: " + problem, finished};
  }
  if (result->sequences[0] < 2)
    return {"a value older than the load", finished};
  const uint64_t newest = writer->sequence();
  writer = Pinned::Writer();
  other = Pinned::Reader();
  return {judge_rest(snapshot, newest, newest), finished};
}

Outcome stop_writer(const WriterOperation& operation, uint64_t instruction)
{
  const Pinned snapshot = make_pinned();
  auto reader = snapshot.reader();
  {
    auto writer = snapshot.writer();
    put(*writer);
    put(*writer);
  }
  Pinned::Ref kept = reader->load_ref();
  SharedPage<StepReport> report;
  SharedPage<Loaded> result;
  const Message value = message(1, 3);
  Child child = Child::start([&] {
    auto writer = snapshot.writer();
    if (!writer)
      return 3;
    run_stepped(StepPlan{instruction, 0, SIGSTOP}, *report, Watched(),
                [&] { operation.run(snapshot, *writer, value); });
    result->returned = 1;
    return 0;
  });
  const std::optional<bool> is_stopped = stopped(child, *report, *result);
  if (!is_stopped)
    return {"neither stopped nor finished", false};
  const bool finished = !*is_stopped;
  Message got{};
  if (!finished) {
    if (const auto taken = snapshot.writer(); taken || !snapshot.writer_alive())
      return {"a live writer's role was given away", finished};
    for (int i = 0; i < 5; ++i) {
      if (reader->load(got) != Status::ok || reader->attempts() != 1)
        return {"a stopped writer disturbs a load", finished};
      if (std::string problem = judge(got, reader->sequence()); !problem.empty())
        return {problem, finished};
    }
    child.signal(SIGCONT);
  }
  if (const int status = child.wait(); status != 0)
    return {"the child ended with " + std::to_string(status), finished};
  if (reader->load(got) != Status::ok || reader->sequence() != 2 + operation.publishes)
    return {"after it went on the latest is " + std::to_string(reader->sequence()), finished};
  if (std::string problem = judge(got, reader->sequence()); !problem.empty())
    return {problem, finished};
  if (std::string problem = judge(*kept, 2); !problem.empty())
    return {"kept: " + problem, finished};
  kept.release();
  reader = Pinned::Reader();
  return {judge_rest(snapshot, 2 + operation.publishes, 2 + operation.publishes), finished};
}

TEST_F(PinnedStop, AReaderAtEveryInstruction)
{
  uint64_t stops = 0;
  for (const ReaderOperation* operation : kReaderOperations) {
    SCOPED_TRACE(operation->name);
    stops += sweep_instructions([&](uint64_t k) { return stop_reader(*operation, k); },
                                operation == &kLoad ? kDense : kSparse);
  }
  std::printf("%lu stops\n", stops);
}

TEST_F(PinnedStop, AWriterAtEveryInstruction)
{
  uint64_t stops = 0;
  for (const WriterOperation* operation : kWriterOperations) {
    SCOPED_TRACE(operation->name);
    stops += sweep_instructions([&](uint64_t k) { return stop_writer(*operation, k); },
                                operation == &kStore ? kDense : kSparse);
  }
  std::printf("%lu stops\n", stops);
}

TEST_F(PinnedStop, FindsASweepOfALiveReader)
{
  EXPECT_NE(first_problem_of([](uint64_t k) { return stop_reader(kLoadRef, k, true); }), "");
}

}  // namespace
}  // namespace rtlane::test
