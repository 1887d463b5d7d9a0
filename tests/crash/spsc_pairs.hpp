// Producer and consumer interrupted at once, each in the middle of its operation.
#pragma once

#include <string>

#include "crash/spsc_scenario.hpp"

namespace rtlane::test {

enum Fate : unsigned { go_on = 0, kill_producer = 1, kill_consumer = 2, kill_both = 3 };

inline constexpr Fate kFates[] = {go_on, kill_producer, kill_consumer, kill_both};

// Producer stopped at one place, consumer at another, then the fate.
inline std::string pair(uint64_t fill, const StepPlan& producer_plan, const StepPlan& consumer_plan, Fate fate)
{
  const Ring ring = make_ring();
  SharedPage<StepReport> producer_report;
  SharedPage<StepReport> consumer_report;
  SharedPage<Result> pushed;
  SharedPage<Result> popped;
  Child producer = start_producer(ring, kPush, fill, producer_plan, *producer_report, *pushed, kLeave);
  const bool producer_stopped = producer.wait_stopped();
  Child consumer = start_consumer(ring, kPop, consumer_plan, *consumer_report, *popped, kLeave);
  const bool consumer_stopped = consumer.wait_stopped();
  if ((fate & kill_producer) != 0)
    producer.signal(SIGKILL);
  if ((fate & kill_consumer) != 0)
    consumer.signal(SIGKILL);
  producer.signal(SIGCONT);
  consumer.signal(SIGCONT);
  const int producer_status = producer.wait();
  const int consumer_status = consumer.wait();
  if (producer_status != ((fate & kill_producer) != 0 && producer_stopped ? -SIGKILL : 0))
    return "the producer ended with " + std::to_string(producer_status);
  if (consumer_status != ((fate & kill_consumer) != 0 && consumer_stopped ? -SIGKILL : 0))
    return "the consumer ended with " + std::to_string(consumer_status);

  auto next_producer = ring.producer();
  auto next_consumer = ring.consumer();
  if (!next_producer || !next_consumer)
    return "a role is not free";
  const uint64_t surely = pushed->returned != 0 ? pushed->count.load() : 0;
  const uint64_t room = pushed->returned != 0 ? surely : 1;
  Expected expected = {0, 1, fill + surely, fill + room};
  if (popped->returned != 0)
    expected.first_min = expected.first_max = popped->count;
  expected.first_max = std::min(expected.first_max, expected.end_max);
  Judge judge(expected);
  if (std::string problem = take_to_the_end(*next_producer, *next_consumer, judge); !problem.empty())
    return problem;
  if (judge.first())
    return check_taken(*popped, *judge.first());
  return fill + surely >= 1 ? check_taken(*popped, 1) : "";
}

}  // namespace rtlane::test
