// SpscRing: SIGSTOP all through every operation, as in spsc_kill_test.cpp. A stopped process is alive: nobody takes its
// role, nobody repairs its state, the other side goes on as far as it can without waiting, and after SIGCONT everything
// arrives once, in order, whole.
#include <gtest/gtest.h>
#include <sched.h>

#include <random>

#include "crash/spsc_pairs.hpp"
#include "crash/spsc_scenario.hpp"
#include "support/temp_namespace.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

class SpscStop : public ::testing::Test {
protected:
  void SetUp() override
  {
    if (const char* reason = step_unavailable())
      GTEST_SKIP() << reason;
  }

  Watchdog watchdog_{kWatchdogSeconds};
  TempNamespace space_;
};

constexpr uint64_t kMore = 2 * kCapacity + 1;  // elements that follow the interrupted operation

// With a time-out that only ends a hang.
template <class Try>
bool until_ok(Try&& attempt)
{
  return eventually([&] {
    const Status status = attempt();
    return status == Status::ok;
  });
}

// A push or pop that must be answered at once while the peer is stopped.
std::string refused(const Ring& ring, bool producing)
{
  const int code = producing ? [&] { auto got = ring.producer(); return got ? 0 : got.error().code; }()
                             : [&] { auto got = ring.consumer(); return got ? 0 : got.error().code; }();
  if (code != EBUSY && code != -EBUSY)
    return "a live owner's role was given away: " + std::to_string(code);
  if (!(producing ? ring.producer_alive() : ring.consumer_alive()))
    return "a stopped process is taken for dead";
  const rtlane_channel_info info = ring.info();
  if ((producing ? info.producer_takeovers : info.consumer_takeovers) != 0)
    return "somebody repaired a live owner";
  return "";
}

Outcome stop_producer(const ProducerOperation& operation, uint64_t fill, uint64_t instruction, bool steal = false)
{
  const Ring ring = make_ring();
  SharedPage<StepReport> report;
  SharedPage<Result> result;
  auto consumer = ring.consumer();
  Child child = start_producer(ring, operation, fill, StepPlan{instruction, 0, SIGSTOP}, *report, *result,
                               [&](Ring::Producer& producer) {
                                 // The elements that the operation had no room for, and more.
                                 for (uint64_t number = fill + result->count; number < fill + kMore; ++number) {
                                   if (!until_ok([&] { return producer.try_push(message(1, number)); }))
                                     return 5;
                                 }
                                 return 0;
                               });
  // Not stopped: it may have reached the end or wait for room.
  const bool stopped = eventually([&] {
    int status = 0;
    return report->interrupted != 0 ? waitpid(child.pid(), &status, WNOHANG | WUNTRACED) == child.pid()
                                    : report->finished != 0;
  });
  if (!stopped)
    return {"neither stopped nor finished", false};
  const bool finished = report->interrupted == 0;
  if (!finished) {
    if (std::string problem = refused(ring, true); !problem.empty())
      return {problem, finished};
    if (steal) {
      // What a time-out would do: a second producer without asking the kernel.
      rtlane::detail::SpscProducerCore<> thief(
          rtlane::detail::SpscView<std::atomic<uint64_t>>(ring.channel().layout()));
      if (std::byte* place = thief.claim(); place != nullptr) {
        const Message stolen = message(2, 0);
        std::memcpy(place, &stolen, sizeof(stolen));
        thief.publish();
      }
    }
  }
  Judge judge(Expected{0, 0, fill + kMore, fill + kMore});
  Message element = {};
  uint64_t taken = 0;
  if (!finished) {
    // All that is visible now, without waiting.
    for (Status status = Status::ok; (status = consumer->try_pop(element)) != Status::empty; ++taken) {
      if (status != Status::ok || taken > kCapacity)
        return {"while the producer is stopped try_pop answers " + std::to_string(static_cast<int>(status)), finished};
      if (std::string problem = judge.take(element); !problem.empty())
        return {problem, finished};
    }
    if (taken < fill)
      return {"elements of a stopped producer are hidden", finished};
    child.signal(SIGCONT);
  }
  for (; taken < fill + kMore; ++taken) {
    if (!until_ok([&] { return consumer->try_pop(element); }))
      return {"the stream stops after " + std::to_string(taken), finished};
    if (std::string problem = judge.take(element); !problem.empty())
      return {problem, finished};
  }
  if (const int status = child.wait(); status != 0)
    return {"the child ended with " + std::to_string(status), finished};
  if (consumer->try_pop(element) != Status::empty)
    return {"one too many: " + text_of(element), finished};
  return {judge.end(0), finished};
}

Outcome stop_consumer(const ConsumerOperation& operation, uint64_t fill, uint64_t instruction)
{
  const Ring ring = make_ring();
  SharedPage<StepReport> report;
  SharedPage<Result> result;
  SharedPage<std::atomic<uint64_t>> next;
  auto producer = ring.producer();
  uint64_t pushed = 0;
  for (; pushed < fill; ++pushed) {
    if (producer->try_push(message(1, pushed)) != Status::ok)
      return {"cannot fill", false};
  }
  Child child = start_consumer(ring, operation, StepPlan{instruction, 0, SIGSTOP}, *report, *result,
                               [&](Ring::Consumer& consumer) {
                                 *next = result->count.load();
                                 if (!check_taken(*result, result->count).empty())
                                   return 6;
                                 for (Message element = {}; *next < fill + kMore; *next = *next + 1) {
                                   if (!until_ok([&] { return consumer.try_pop(element); }))
                                     return 5;
                                   if (!whole(element) || element.run != 1 || element.number != *next)
                                     return 7;
                                 }
                                 return 0;
                               });
  const bool stopped = eventually([&] {
    int status = 0;
    return report->interrupted != 0 ? waitpid(child.pid(), &status, WNOHANG | WUNTRACED) == child.pid()
                                    : report->finished != 0;
  });
  if (!stopped)
    return {"neither stopped nor finished", false};
  const bool finished = report->interrupted == 0;
  if (!finished) {
    if (std::string problem = refused(ring, false); !problem.empty())
      return {problem, finished};
    // The producer fills the ring: as far as head allows, then hears full.
    Status status = Status::ok;
    while (pushed < fill + kMore && (status = producer->try_push(message(1, pushed))) == Status::ok)
      ++pushed;
    if (status != Status::full)
      return {"while the consumer is stopped try_push answers " + std::to_string(static_cast<int>(status)), finished};
    if (pushed < kCapacity || pushed > kCapacity + operation.count)
      return {"full after " + std::to_string(pushed), finished};
    child.signal(SIGCONT);
  }
  // A child that has found something wrong takes no more.
  const auto child_ended = [&] {
    siginfo_t info = {};
    waitid(P_PID, static_cast<id_t>(child.pid()), &info, WEXITED | WNOHANG | WNOWAIT);
    return info.si_pid != 0;
  };
  for (; pushed < fill + kMore && !child_ended(); ++pushed) {
    if (!eventually([&] { return producer->try_push(message(1, pushed)) == Status::ok || child_ended(); }))
      return {"full for ever after " + std::to_string(pushed), finished};
  }
  switch (const int status = child.wait()) {
    case 0:
      return {"", finished};
    case 6:
      return {"the operation took elements that it did not copy rightly: " + check_taken(*result, result->count),
              finished};
    case 7:
      return {"a wrong element at " + std::to_string(*next), finished};
    default:
      return {"the child ended with " + std::to_string(status), finished};
  }
}

template <class Stop>
std::string first_problem(Stop&& stop)
{
  for (uint64_t instruction = 1; instruction < 100000; ++instruction) {
    const Outcome outcome = stop(instruction);
    if (!outcome.problem.empty() || outcome.finished)
      return outcome.problem;
  }
  return "";
}

TEST_F(SpscStop, AProducerAtEveryInstruction)
{
  uint64_t stops = 0;
  for (const ProducerOperation* operation : kProducerOperations) {
    for (const uint64_t fill : kFills) {
      SCOPED_TRACE(std::string(operation->name) + ", fill " + std::to_string(fill));
      stops += sweep(fill, [&](uint64_t k) { return stop_producer(*operation, fill, k); });
    }
  }
  std::printf("%lu stops\n", stops);
}

TEST_F(SpscStop, AConsumerAtEveryInstruction)
{
  uint64_t stops = 0;
  for (const ConsumerOperation* operation : kConsumerOperations) {
    for (const uint64_t fill : kFills) {
      SCOPED_TRACE(std::string(operation->name) + ", fill " + std::to_string(fill));
      stops += sweep(fill, [&](uint64_t k) { return stop_consumer(*operation, fill, k); });
    }
  }
  std::printf("%lu stops\n", stops);
}

void give_back_then_copy(Place& place, Ring::Consumer& consumer)
{
  using View = rtlane::detail::SpscView<std::atomic<uint64_t>>;
  const View view(place.ring.channel().layout());
  Message scratch = {};
  place.result.count = consumer.try_pop(scratch) == Status::ok;
  std::memcpy(&place.result.out[0], view.slot(0) + view.value_offset, sizeof(Message));
}

TEST_F(SpscStop, FindsAConsumerThatGivesBackBeforeItCopies)
{
  static const ConsumerOperation wrong = {"give back, then copy", 1, give_back_then_copy};
  const std::string problem = first_problem([](uint64_t k) { return stop_consumer(wrong, kCapacity, k); });
  EXPECT_NE(problem.find("did not copy rightly"), std::string::npos) << problem;
}

TEST_F(SpscStop, FindsATakeoverFromALiveProducer)
{
  EXPECT_NE(first_problem([](uint64_t k) { return stop_producer(kPush, 1, k, true); }), "");
}

// ---- Both sides in mid-operation at once.

uint64_t events_of_push(uint64_t fill)
{
  const Ring ring = make_ring();
  SharedPage<StepReport> report;
  SharedPage<Result> result;
  start_producer(ring, kPush, fill, StepPlan(), *report, *result, kLeave).wait();
  return report->events;
}

uint64_t events_of_pop(uint64_t fill)
{
  const Ring ring = make_ring();
  SharedPage<StepReport> report;
  SharedPage<Result> result;
  auto producer = ring.producer();
  for (uint64_t i = 0; i < fill; ++i)
    EXPECT_EQ(producer->try_push(message(1, i)), Status::ok);
  start_consumer(ring, kPop, StepPlan(), *report, *result, kLeave).wait();
  return report->events;
}

TEST_F(SpscStop, BothSidesInEachPairOfDistinctStates)
{
  uint64_t pairs = 0;
  for (const uint64_t fill : kFills) {
    const uint64_t push_events = events_of_push(fill);
    const uint64_t pop_events = events_of_pop(fill);
    // Event 0 is the state before the operation.
    for (uint64_t i = 0; i <= push_events; ++i) {
      for (uint64_t j = 0; j <= pop_events; ++j) {
        for (const Fate fate : kFates) {
          SCOPED_TRACE("fill " + std::to_string(fill) + ", push state " + std::to_string(i) + ", pop state " +
                       std::to_string(j) + ", fate " + std::to_string(fate));
          const StepPlan push_plan = i == 0 ? StepPlan{1, 0, SIGSTOP} : StepPlan{0, i, SIGSTOP};
          const StepPlan pop_plan = j == 0 ? StepPlan{1, 0, SIGSTOP} : StepPlan{0, j, SIGSTOP};
          ASSERT_EQ(pair(fill, push_plan, pop_plan, fate), "");
          ++pairs;
        }
      }
    }
  }
  std::printf("%lu pairs\n", pairs);
}

void random_pairs(uint64_t count)
{
  const uint64_t seed = test_seed();
  std::printf("seed %lu (RTLANE_TEST_SEED)\n", seed);
  std::mt19937_64 random(seed);
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t fill = kFills[random() % std::size(kFills)];
    const StepPlan push_plan = {1 + random() % 80, 0, SIGSTOP};
    const StepPlan pop_plan = {1 + random() % 60, 0, SIGSTOP};
    const Fate fate = kFates[random() % std::size(kFates)];
    ASSERT_EQ(pair(fill, push_plan, pop_plan, fate), "")
        << "seed " << seed << ", round " << i << ", fill " << fill << ", push " << push_plan.instruction << ", pop "
        << pop_plan.instruction << ", fate " << fate;
  }
}

TEST_F(SpscStop, BothSidesAtRandomInstructions)
{
  random_pairs(300);
}

}  // namespace
}  // namespace rtlane::test
