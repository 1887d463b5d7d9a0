// The whole product: producer at each instruction x consumer at each instruction x what happens then.
#include <gtest/gtest.h>

#include "crash/spsc_pairs.hpp"
#include "support/temp_namespace.hpp"

namespace rtlane::test {
namespace {

TEST(SpscStopSoak, BothSidesAtEachPairOfInstructions)
{
  if (const char* reason = step_unavailable())
    GTEST_SKIP() << reason;
  const TempNamespace space;
  uint64_t pairs = 0;
  for (const uint64_t fill : kFills) {
    SharedPage<StepReport> report;
    SharedPage<Result> result;
    uint64_t push_count = 0;
    uint64_t pop_count = 0;
    {
      const Ring ring = make_ring();
      start_producer(ring, kPush, fill, StepPlan(), *report, *result, kLeave).wait();
      push_count = report->instructions;
    }
    {
      const Ring ring = make_ring();
      {
        auto producer = ring.producer();
        for (uint64_t i = 0; i < fill; ++i)
          ASSERT_EQ(producer->try_push(message(1, i)), Status::ok);
      }
      report->instructions = 0;
      start_consumer(ring, kPop, StepPlan(), *report, *result, kLeave).wait();
      pop_count = report->instructions;
    }
    ASSERT_GT(push_count, 0u);
    ASSERT_GT(pop_count, 0u);
    for (uint64_t i = 1; i <= push_count; ++i) {
      for (uint64_t j = 1; j <= pop_count; ++j) {
        for (const Fate fate : kFates) {
          ASSERT_EQ(pair(fill, {i, 0, SIGSTOP}, {j, 0, SIGSTOP}, fate), "")
              << "fill " << fill << ", push " << i << ", pop " << j << ", fate " << fate;
          ++pairs;
        }
      }
    }
  }
  std::printf("%lu pairs\n", pairs);
}

}  // namespace
}  // namespace rtlane::test
