// FrameRing: SIGSTOP after every instruction. A stopped process is alive: nobody takes its role, nobody repairs its
// state, the other side goes on as far as it can without waiting, and after SIGCONT everything arrives once, in order,
// whole.
#include <gtest/gtest.h>

#include <cerrno>

#include "crash/frame_scenario.hpp"
#include "support/temp_namespace.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

class FrameRingStop : public ::testing::Test {
protected:
  void SetUp() override
  {
    if (const char* reason = step_unavailable())
      GTEST_SKIP() << reason;
  }

  Watchdog watchdog_{kSeconds};
  TempNamespace space_;
};

constexpr uint64_t kMore = 12;  // frames in all

// Stopped at its instruction (true), or at the operation's end.
bool wait_for_stop(const Child& child, const StepReport& report)
{
  return eventually([&] { return report.interrupted != 0 || report.finished != 0; }) && report.interrupted != 0 &&
         child.wait_stopped();
}

template <class Attach>
std::string expect_refused(Attach attach)
{
  const auto got = attach();
  return !got && got.error().code == EBUSY ? "" : "a live owner's role was given away";
}

Outcome stop_producer(const ProducerOperation& operation, const State& state, uint64_t instruction)
{
  const FrameRing ring = make_frame_ring(state.start);
  SharedPage<StepReport> report;
  SharedPage<Result> result;
  auto consumer = ring.consumer();
  Child child = start_producer(ring, operation, state.fill, StepPlan{instruction, 0, SIGSTOP}, *report, *result,
                               [&](FrameRing::Producer& producer) {
                                 for (uint64_t i = state.fill + result->count; i < kMore; ++i) {
                                   if (!eventually([&] { return producer.try_push(frame_of(1, i)) == Status::ok; }))
                                     return 5;
                                 }
                                 return 0;
                               });
  const bool finished = !wait_for_stop(child, *report);
  Judge judge(0);
  if (!finished) {
    if (std::string problem = expect_refused([&] { return ring.producer(); }); !problem.empty())
      return {problem, finished};
    if (!ring.producer_alive() || ring.info().producer_takeovers != 0)
      return {"a stopped process is taken for dead", finished};
    if (std::string problem = drain(*consumer, judge); !problem.empty())
      return {problem, finished};
    const uint64_t seen = judge.end_of_run_1();
    if (seen != state.fill && seen != state.fill + fitting(state.fill, operation.count))
      return {"while the producer is stopped " + std::to_string(seen) + " frames can be had", finished};
    child.signal(SIGCONT);
  }
  std::string problem;
  if (!eventually([&] {
        problem = drain(*consumer, judge);
        return !problem.empty() || judge.end_of_run_1() == kMore;
      }))
    return {"the stream stops after " + std::to_string(judge.end_of_run_1()), finished};
  if (!problem.empty())
    return {problem, finished};
  const int status = child.wait();
  return {status == 0 ? "" : "the child ended with " + std::to_string(status), finished};
}

Outcome stop_consumer(const ConsumerOperation& operation, const State& state, uint64_t instruction)
{
  const FrameRing ring = make_frame_ring(state.start);
  SharedPage<StepReport> report;
  SharedPage<Result> result;
  auto producer = ring.producer();
  uint64_t pushed = 0;
  for (; pushed < state.fill; ++pushed) {
    if (producer->try_push(frame_of(1, pushed)) != Status::ok)
      return {"cannot fill", false};
  }
  Child child = start_consumer(ring, operation, StepPlan{instruction, 0, SIGSTOP}, *report, *result,
                               [&](FrameRing::Consumer& consumer) {
                                 if (!check_taken(*result, result->count).empty())
                                   return 6;
                                 Judge judge(result->count);
                                 std::string problem;
                                 if (!eventually([&] {
                                       problem = drain(consumer, judge);
                                       return !problem.empty() || judge.end_of_run_1() == kMore;
                                     }))
                                   return 5;
                                 return problem.empty() ? 0 : 7;
                               });
  const bool finished = !wait_for_stop(child, *report);
  if (!finished) {
    if (std::string problem = expect_refused([&] { return ring.consumer(); }); !problem.empty())
      return {problem, finished};
    if (!ring.consumer_alive() || ring.info().consumer_takeovers != 0)
      return {"a stopped process is taken for dead", finished};
    // The producer fills the ring: as far as head allows, then hears full.
    Status status = Status::ok;
    while (pushed < kMore && (status = producer->try_push(frame_of(1, pushed))) == Status::ok)
      ++pushed;
    if (status != Status::full)
      return {std::string("while the consumer is stopped try_push answers ") + to_string(status), finished};
    child.signal(SIGCONT);
  }
  // A child that has found something wrong takes no more.
  const auto child_ended = [&] {
    siginfo_t info = {};
    waitid(P_PID, static_cast<id_t>(child.pid()), &info, WEXITED | WNOHANG | WNOWAIT);
    return info.si_pid != 0;
  };
  for (; pushed < kMore && !child_ended(); ++pushed) {
    if (!eventually([&] { return producer->try_push(frame_of(1, pushed)) == Status::ok || child_ended(); }))
      return {"full for ever after " + std::to_string(pushed), finished};
  }
  const int status = child.wait();
  return {status == 0 ? "" : "the child ended with " + std::to_string(status), finished};
}

TEST_F(FrameRingStop, AProducerAtEveryInstruction)
{
  uint64_t stops = 0;
  for (const ProducerOperation* operation : kProducerOperations) {
    for (const State& state : kStates) {
      SCOPED_TRACE(std::string(operation->name) + ", " + state.text());
      stops += sweep([&](uint64_t k) { return stop_producer(*operation, state, k); }, kSparse);
    }
  }
  std::printf("%lu stops\n", stops);
}

TEST_F(FrameRingStop, AConsumerAtEveryInstruction)
{
  uint64_t stops = 0;
  for (const ConsumerOperation* operation : kConsumerOperations) {
    for (const State& state : kStates) {
      SCOPED_TRACE(std::string(operation->name) + ", " + state.text());
      stops += sweep([&](uint64_t k) { return stop_consumer(*operation, state, k); }, kSparse);
    }
  }
  std::printf("%lu stops\n", stops);
}

const ConsumerOperation kGiveBackBeforeTheCopy = {
    "give back, then copy", kBatch, [](Place& place, FrameRing::Consumer& consumer) {
      std::byte scratch[kLongest];
      const rtlane::detail::FrameRingView<std::atomic<uint64_t>> view(place.ring.channel().layout());
      std::byte* at = view.place(view.consumer->head);
      place.result.count = consumer.try_pop(scratch).status == Status::ok;
      place.result.count += consumer.try_pop(place.result.out[1]).status == Status::ok;  // now a frame fits at `at`
      std::memcpy(place.result.out[0], at, length_of(0));
    }};

TEST_F(FrameRingStop, FindsAConsumerThatGivesBackBeforeItCopies)
{
  std::string problem;
  for (uint64_t instruction = 1; instruction < 10000 && problem.empty(); ++instruction) {
    const Outcome outcome = stop_consumer(kGiveBackBeforeTheCopy, {kMost, 0}, instruction);
    problem = outcome.problem;
    if (outcome.finished)
      break;
  }
  EXPECT_EQ(problem, "the child ended with 6");
}

}  // namespace
}  // namespace rtlane::test
