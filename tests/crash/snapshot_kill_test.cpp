// Snapshot: SIGKILL of the writer after every instruction of store, and of its attaching; readers and the successor are
// checked. A reader's kill changes nothing, as it writes nothing (SnapshotHostile.AReaderWritesNothing).
#include <gtest/gtest.h>

#include "crash/snapshot_scenario.hpp"
#include "support/temp_namespace.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

class SnapshotKill : public ::testing::Test {
protected:
  void SetUp() override
  {
    if (const char* reason = step_unavailable())
      GTEST_SKIP() << reason;
  }

  Watchdog watchdog_{110};
  TempNamespace space_;
};

SnapshotOutcome kill_writer(uint64_t depth, uint64_t before, uint64_t instruction, StoreOperation store)
{
  const Values snapshot = make_snapshot(depth, before);
  SharedPage<StepReport> report;
  SharedPage<SnapshotResult> result;
  auto old = snapshot.reader();
  if (std::string problem = load_problem(old, before, before); !problem.empty())
    return {"before: " + problem, false};
  Child child = start_writer(snapshot, before, StepPlan{instruction, 0, SIGKILL}, *report, *result, store, [](auto&) {
    raise(SIGKILL);
    return 0;
  });
  if (const int status = child.wait(); status != -SIGKILL)
    return {"the child ended with " + std::to_string(status), false};
  const bool finished = result->returned != 0;
  if (snapshot.writer_alive())
    return {"the role of a killed writer is not free", finished};
  auto fresh = snapshot.reader();
  const uint64_t least = finished ? before + 1 : before;
  for (Values::Reader* reader : {&old, &fresh, &old}) {
    if (std::string problem = load_problem(*reader, least, before + 1); !problem.empty())
      return {problem, finished};
  }
  if (old.sequence() != fresh.sequence())
    return {"two readers see different values", finished};
  if (std::string problem = successor_problem(snapshot, old, fresh.sequence()); !problem.empty())
    return {problem, finished};
  const auto info = snapshot.info();
  return {info.producer_takeovers == 1 ? "" : "the takeover is not counted", finished};
}

TEST_F(SnapshotKill, AWriterAtEveryInstruction)
{
  uint64_t kills = 0;
  for (const uint64_t depth : kDepths) {
    for (const uint64_t before : {uint64_t{0}, depth}) {  // nothing yet; the slot holds a value
      SCOPED_TRACE("depth " + std::to_string(depth) + ", after " + std::to_string(before));
      kills += sweep_instructions([&](uint64_t k) { return kill_writer(depth, before, k, store_rightly); });
    }
  }
  std::printf("%lu kills\n", kills);
}

// Taking and giving back the role is set-up and long, so it is killed at each system call and change of the segment.
TEST_F(SnapshotKill, AWriterWhileItTakesAndGivesBackItsRole)
{
  bool finished = false;
  uint64_t event = 1;
  for (; !finished; ++event) {
    ASSERT_LT(event, 1000u);
    SCOPED_TRACE("event " + std::to_string(event));
    const Values snapshot = make_snapshot(2, 3);
    SharedPage<StepReport> report;
    SharedPage<SnapshotResult> result;
    Child child = Child::start([&] {
      const rtlane_channel_layout layout = snapshot.channel().layout();
      const Watched watched = {layout.base, layout.total_bytes};
      run_stepped(StepPlan{0, event, SIGKILL}, *report, watched, [&] { snapshot.writer().value(); });
      result->returned = 1;
    });
    const int status = child.wait();
    finished = result->returned != 0;
    ASSERT_EQ(status, finished ? 0 : -SIGKILL);
    ASSERT_FALSE(snapshot.writer_alive());
    auto reader = snapshot.reader();
    ASSERT_EQ(load_problem(reader, 3, 3), "");
    ASSERT_EQ(successor_problem(snapshot, reader, 3), "");
  }
  std::printf("%lu kills\n", event - 1);
}

// ---- Wrong on purpose: the checks above must find these.

using View = rtlane::detail::SnapshotView<std::atomic<uint64_t>>;

void publish_before_the_words(const Values& snapshot, Values::Writer&, const Message& value)
{
  const View view(snapshot.channel().layout());
  std::byte* slot = view.slot(value.number);
  view.header(slot).number = value.number;
  view.header(slot).stamp = value.number;
  view.writer->latest = value.number;
  rtlane::detail::store_torn(view.value(slot), &value, sizeof value);
}

// As a snapshot one slot deep would.
void write_over_the_latest(const Values& snapshot, Values::Writer& writer, const Message& value)
{
  const View view(snapshot.channel().layout());
  view.header(view.slot(value.number - 1)).number = value.number;
  rtlane::detail::store_torn(view.value(view.slot(value.number - 1)), &value, sizeof value);
  store_rightly(snapshot, writer, value);
}

TEST_F(SnapshotKill, FindsAWriterThatPublishesBeforeItWrites)
{
  const std::string problem =
      first_problem_of([](uint64_t k) { return kill_writer(2, 3, k, publish_before_the_words); });
  EXPECT_NE(problem, "");
}

TEST_F(SnapshotKill, FindsAWriterThatTouchesTheLatestValue)
{
  const std::string problem = first_problem_of([](uint64_t k) { return kill_writer(2, 3, k, write_over_the_latest); });
  EXPECT_NE(problem, "");
}

}  // namespace
}  // namespace rtlane::test
