// Snapshot: SIGSTOP after every instruction. A stopped writer is alive: nobody takes its role, and readers go on
// without another attempt. A stopped reader delays nobody, and however many values are stored meanwhile, what it loads
// is whole.
#include <gtest/gtest.h>

#include <cerrno>

#include "crash/snapshot_scenario.hpp"
#include "support/temp_namespace.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

class SnapshotStop : public ::testing::Test {
protected:
  void SetUp() override
  {
    if (const char* reason = step_unavailable())
      GTEST_SKIP() << reason;
  }

  Watchdog watchdog_{110};
  TempNamespace space_;
};

// False when it was not stopped because the operation ended before.
bool wait_stopped_or_finished(const Child& child, const StepReport& report)
{
  int status = 0;
  EXPECT_TRUE(eventually([&] {
    return report.interrupted != 0 ? waitpid(child.pid(), &status, WNOHANG | WUNTRACED) == child.pid()
                                   : report.finished != 0;
  }));
  return report.interrupted != 0;
}

SnapshotOutcome stop_writer(uint64_t depth, uint64_t before, uint64_t instruction)
{
  const Values snapshot = make_snapshot(depth, before);
  SharedPage<StepReport> report;
  SharedPage<SnapshotResult> result;
  const uint64_t more = 2 * depth + 1;
  Child child = start_writer(snapshot, before, StepPlan{instruction, 0, SIGSTOP}, *report, *result, store_rightly,
                             [&](Values::Writer& writer) {
                               for (uint64_t i = 2; i <= more; ++i)
                                 (void)writer.store(message(1, before + i), before + i);
                               return 0;
                             });
  const bool finished = !wait_stopped_or_finished(child, *report);
  auto reader = snapshot.reader();
  if (!finished) {
    for (int i = 0; i < 3; ++i) {
      if (std::string problem = load_problem(reader, before, before + 1); !problem.empty())
        return {problem, finished};
    }
    const auto thief = snapshot.writer();
    if (thief || thief.error().code != EBUSY)
      return {"a live writer's role was given away", finished};
    if (snapshot.info().producer_takeovers != 0 || !snapshot.writer_alive())
      return {"a stopped writer is taken for dead", finished};
    child.signal(SIGCONT);
  }
  if (const int status = child.wait(); status != 0)
    return {"the child ended with " + std::to_string(status), finished};
  return {load_problem(reader, before + more, before + more), finished};
}

TEST_F(SnapshotStop, AWriterAtEveryInstruction)
{
  uint64_t stops = 0;
  for (const uint64_t depth : kDepths) {
    for (const uint64_t before : {depth - 2, depth}) {
      SCOPED_TRACE("depth " + std::to_string(depth) + ", after " + std::to_string(before));
      stops += sweep_instructions([&](uint64_t k) { return stop_writer(depth, before, k); });
    }
  }
  std::printf("%lu stops\n", stops);
}

// The child's load is stopped and `stores` values are stored meanwhile; then the child judges what it got.
SnapshotOutcome stop_reader(uint64_t depth, uint64_t stores, uint64_t instruction, LoadOperation load)
{
  const uint64_t before = depth + 1;
  const Values snapshot = make_snapshot(depth, before);
  SharedPage<StepReport> report;
  Child child = Child::start([&] {
    auto reader = snapshot.reader();
    Message got = {};
    Status status = Status::full;
    run_stepped(StepPlan{instruction, 0, SIGSTOP}, *report, Watched{}, [&] { status = load(snapshot, reader, got); });
    if (status != Status::ok)
      return 5;
    if (!whole(got))
      return 6;
    if (got.number != reader.sequence() || reader.stamp() != got.number)
      return 7;
    if (got.number != before && got.number != before + stores)
      return 8;
    // Overtaken only by a lap; and what is left is loaded at once.
    if (reader.overtaken() > (stores >= depth ? 1u : 0u))
      return 9;
    return load_problem(reader, got.number, before + stores).empty() ? 0 : 10;
  });
  const bool finished = !wait_stopped_or_finished(child, *report);
  if (!finished) {
    auto writer = snapshot.writer();
    for (uint64_t i = 1; i <= stores; ++i) {
      if (writer->store(message(1, before + i), before + i) != Status::ok)
        return {"a stopped reader is in the way", finished};
    }
    child.signal(SIGCONT);
  }
  switch (const int status = child.wait()) {
    case 0:
      return {"", finished};
    case 6:
      return {"a torn value was loaded", finished};
    default:
      return {"the child ended with " + std::to_string(status), finished};
  }
}

TEST_F(SnapshotStop, AReaderAtEveryInstructionWhileTheWriterGoesOn)
{
  uint64_t stops = 0;
  for (const uint64_t depth : kDepths) {
    for (const uint64_t stores : {uint64_t{1}, depth - 1, depth, 2 * depth + 1}) {
      SCOPED_TRACE("depth " + std::to_string(depth) + ", stores " + std::to_string(stores));
      stops += sweep_instructions([&](uint64_t k) { return stop_reader(depth, stores, k, load_rightly); });
    }
  }
  std::printf("%lu stops\n", stops);
}

// ---- Wrong on purpose: the checks above must find these.

using View = rtlane::detail::SnapshotView<std::atomic<uint64_t>>;

Status load_without_a_second_look(const Values& snapshot, Values::Reader& reader, Message& out)
{
  const View view(snapshot.channel().layout());
  std::byte* slot = view.slot(view.writer->latest);
  rtlane::detail::load_torn(&out, view.value(slot), sizeof out);
  Message ignored = {};
  return reader.load(ignored);
}

TEST_F(SnapshotStop, FindsAReaderThatDoesNotLookAgain)
{
  const std::string problem =
      first_problem_of([](uint64_t k) { return stop_reader(2, 2, k, load_without_a_second_look); });
  EXPECT_EQ(problem, "a torn value was loaded");
}

}  // namespace
}  // namespace rtlane::test
