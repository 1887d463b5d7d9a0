// FrameRing: SIGKILL after every instruction of every operation, and who takes over.
//
// Guarantees checked, for each state (empty, one, nearly full, full; at the ring's beginning and across its end):
//   killed producer   every committed frame arrives, in order, whole; of a commit all frames or none. The successor
//                     goes on behind them; no byte of the capacity is lost.
//   killed consumer   frames whose taking was not published come again, whole; a batch as one. What does not come
//                     again was completely copied into the killed process's buffer.
//   peek and release  what may have been seen comes again and redelivered() says so; what cannot have been seen comes
//                     without that mark.
//   changed producer  the mark is told to the successor, also of a frame that the killed consumer took.
#include <gtest/gtest.h>

#include "crash/frame_scenario.hpp"
#include "support/temp_namespace.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

class FrameRingKill : public ::testing::Test {
protected:
  void SetUp() override
  {
    if (const char* reason = step_unavailable())
      GTEST_SKIP() << reason;
  }

  Watchdog watchdog_{kSeconds};
  TempNamespace space_;
};

// The child's end must look like a kill too, or the last instructions would never be judged as such.
constexpr auto kDie = [](auto&) {
  raise(SIGKILL);
  return 0;
};

Outcome kill_producer(const ProducerOperation& operation, const State& state, uint64_t instruction, bool drain_first)
{
  const FrameRing ring = make_frame_ring(state.start);
  SharedPage<StepReport> report;
  SharedPage<Result> result;
  auto consumer = ring.consumer();
  Child child = start_producer(ring, operation, state.fill, StepPlan{instruction, 0, SIGKILL}, *report, *result, kDie);
  if (const int status = child.wait(); status != -SIGKILL)
    return {"the child ended with " + std::to_string(status), false};
  const bool finished = result->returned != 0;
  if (ring.producer_alive())
    return {"the role of a killed producer is not free", finished};
  const uint64_t room = fitting(state.fill, operation.count);
  if (finished && result->count != room)
    return {"the operation pushed " + std::to_string(result->count), finished};
  Judge judge(0);
  if (drain_first) {
    if (std::string problem = drain(*consumer, judge); !problem.empty())
      return {problem, finished};
  }
  auto successor = ring.producer();
  if (!successor)
    return {"no takeover: " + successor.error().message, finished};
  uint64_t pushed = 0;
  if (!drain_first)  // the new producer's first frame stands behind all that the old one committed
    pushed = successor->try_push(frame_of(2, 0)) == Status::ok ? 1 : 0;
  if (std::string problem = take_to_the_end(*successor, *consumer, judge, pushed); !problem.empty())
    return {problem, finished};
  const uint64_t end = judge.end_of_run_1();
  if (end != state.fill + room && (finished || end != state.fill))
    return {"run 1 ends before " + std::to_string(end), finished};
  return {"", finished};
}

Outcome kill_consumer(const ConsumerOperation& operation, const State& state, uint64_t instruction)
{
  const FrameRing ring = make_frame_ring(state.start);
  SharedPage<StepReport> report;
  SharedPage<Result> result;
  auto producer = ring.producer();
  for (uint64_t i = 0; i < state.fill; ++i) {
    if (producer->try_push(frame_of(1, i)) != Status::ok)
      return {"cannot fill", false};
  }
  Child child = start_consumer(ring, operation, StepPlan{instruction, 0, SIGKILL}, *report, *result, kDie);
  if (const int status = child.wait(); status != -SIGKILL)
    return {"the child ended with " + std::to_string(status), false};
  const bool finished = result->returned != 0;
  if (ring.consumer_alive())
    return {"the role of a killed consumer is not free", finished};
  auto successor = ring.consumer();
  if (!successor)
    return {"no takeover: " + successor.error().message, finished};
  const uint64_t available = std::min(operation.count, state.fill);
  if (finished && result->count != available)
    return {"the operation took " + std::to_string(result->count), finished};

  // Which frame comes first, and is it marked rightly?
  const auto shown = successor->peek();
  uint64_t first = state.fill;
  if (shown.data() != nullptr) {
    const auto name = whole_frame(shown);
    if (!name || name->run != 1)
      return {"the stream goes on with a torn or wrong frame", finished};
    first = name->number;
  }
  if (finished ? first != available : first != 0 && first != available)
    return {"the stream goes on with " + std::to_string(first), finished};
  if (std::string problem = check_taken(*result, first); !problem.empty())
    return {problem, finished};
  if (shown.data() != nullptr) {
    if (result->shown != 0 && first == 0 && !successor->redelivered())
      return {"a second delivery without the mark", finished};
    if ((!operation.peeks || first != 0) && successor->redelivered())
      return {"marked as a second delivery, and nobody can have seen it", finished};
    std::span<const std::byte> batch[kBatch];
    if (operation.count == kBatch && result->shown == kBatch && first == 0 && successor->peek_n(batch) != kBatch)
      return {"the frames of a batch that comes again are not marked alike", finished};
  }
  // The first frame is another producer's than the lap before it. Nobody has asked until now.
  if (successor->producer_changed() != (state.fill != 0))
    return {"the mark of a changed producer is lost, or told without reason", finished};
  Judge judge(first);
  if (std::string problem = take_to_the_end(*producer, *successor, judge); !problem.empty())
    return {problem, finished};
  return {judge.end_of_run_1() == state.fill ? "" : "run 1 ends before " + std::to_string(judge.end_of_run_1()),
          finished};
}

// Whether any kill makes the checks speak.
template <class Kill>
std::string first_problem(Kill&& kill)
{
  for (uint64_t instruction = 1; instruction < 100000; ++instruction) {
    const Outcome outcome = kill(instruction);
    if (!outcome.problem.empty() || outcome.finished)
      return outcome.problem;
  }
  return "";
}

TEST_F(FrameRingKill, AProducerAtEveryInstruction)
{
  uint64_t kills = 0;
  for (const ProducerOperation* operation : kProducerOperations) {
    for (const State& state : kProducerStates) {
      SCOPED_TRACE(std::string(operation->name) + ", " + state.text());
      const uint64_t stride = operation == &kPush && state.fill == 2 ? sweep_step : kSparse;
      kills += sweep([&](uint64_t k) { return kill_producer(*operation, state, k, true); }, stride);
    }
  }
  std::printf("%lu kills\n", kills);
}

TEST_F(FrameRingKill, AProducerAtEveryInstructionWithASuccessorBeforeTheConsumerLooks)
{
  uint64_t kills = 0;
  for (const ProducerOperation* operation : kProducerOperations) {
    for (const State& state : {State{1, 104}}) {
      SCOPED_TRACE(std::string(operation->name) + ", " + state.text());
      kills += sweep([&](uint64_t k) { return kill_producer(*operation, state, k, false); }, kSparse);
    }
  }
  std::printf("%lu kills\n", kills);
}

TEST_F(FrameRingKill, AConsumerAtEveryInstruction)
{
  uint64_t kills = 0;
  for (const ConsumerOperation* operation : kConsumerOperations) {
    for (const State& state : kStates) {
      SCOPED_TRACE(std::string(operation->name) + ", " + state.text());
      const uint64_t stride = operation == &kPop && state.fill == 2 ? sweep_step : kSparse;
      kills += sweep([&](uint64_t k) { return kill_consumer(*operation, state, k); }, stride);
    }
  }
  std::printf("%lu kills\n", kills);
}

// The stream's end: the consumer hears closed or empty, never hangs, and a successor opens the stream again.
TEST_F(FrameRingKill, AProducerThatClosesAtEveryInstruction)
{
  static const ProducerOperation closing = {"close", 0,
                                            [](Place&, FrameRing::Producer& producer) { producer.close(); }};
  for (const State& state : kStates) {
    SCOPED_TRACE(state.text());
    sweep(
        [&](uint64_t instruction) -> Outcome {
          const FrameRing ring = make_frame_ring(state.start);
          SharedPage<StepReport> report;
          SharedPage<Result> result;
          auto consumer = ring.consumer();
          Child child =
              start_producer(ring, closing, state.fill, StepPlan{instruction, 0, SIGKILL}, *report, *result, kDie);
          if (const int status = child.wait(); status != -SIGKILL)
            return {"the child ended with " + std::to_string(status), false};
          const bool finished = result->returned != 0;
          Judge judge(0);
          std::byte buffer[kLongest];
          FramePop got;
          while ((got = consumer->try_pop(buffer)).status == Status::ok) {
            if (std::string problem = judge.take({buffer, got.bytes}); !problem.empty())
              return {problem, finished};
          }
          if (judge.end_of_run_1() != state.fill ||
              (got.status != Status::closed && (finished || got.status != Status::empty)))
            return {std::string("at the end of the stream try_pop answers ") + to_string(got.status), finished};
          auto successor = ring.producer();
          if (!successor)
            return {successor.error().message, finished};
          return {take_to_the_end(*successor, *consumer, judge), finished};
        },
        sweep_step);
  }
}

// Taking and giving back a role is set-up and long, so it is killed at each system call and each change of the segment.
template <class Attach>
void sweep_attaches(Attach&& attach, bool producing)
{
  for (const State& state : {State{2, 104}}) {
    bool finished = false;
    for (uint64_t event = 1; !finished; ++event) {
      ASSERT_LT(event, 1000u);
      SCOPED_TRACE(state.text() + ", event " + std::to_string(event));
      const FrameRing ring = make_frame_ring(state.start);
      {
        auto producer = ring.producer();
        for (uint64_t i = 0; i < state.fill; ++i)
          ASSERT_EQ(producer->try_push(frame_of(1, i)), Status::ok);
      }
      SharedPage<StepReport> report;
      SharedPage<Result> result;
      Child child = Child::start([&] {
        run_stepped(StepPlan{0, event, SIGKILL}, *report, watched_of(ring), [&] { attach(ring); });
        result->returned = 1;
      });
      const int status = child.wait();
      finished = result->returned != 0;
      ASSERT_EQ(status, finished ? 0 : -SIGKILL);
      ASSERT_FALSE(producing ? ring.producer_alive() : ring.consumer_alive());
      auto producer = ring.producer();
      ASSERT_TRUE(producer) << producer.error().message;
      auto consumer = ring.consumer();
      ASSERT_TRUE(consumer) << consumer.error().message;
      Judge judge(0);
      ASSERT_EQ(take_to_the_end(*producer, *consumer, judge), "");
      ASSERT_EQ(judge.end_of_run_1(), state.fill);
    }
  }
}

TEST_F(FrameRingKill, AProducerWhileItTakesAndGivesBackItsRole)
{
  sweep_attaches([](const FrameRing& ring) { ring.producer().value(); }, true);
}

TEST_F(FrameRingKill, AConsumerWhileItTakesAndGivesBackItsRole)
{
  sweep_attaches([](const FrameRing& ring) { ring.consumer().value(); }, false);
}

// ---- Wrong on purpose: the checks above must find these.

using View = rtlane::detail::FrameRingView<std::atomic<uint64_t>>;

const ProducerOperation kCommitBeforeTheFrame = {
    "commit, then write", 1, [](Place& place, FrameRing::Producer&) {
      const View view(place.ring.channel().layout());
      const uint64_t tail = view.producer->tail;
      const Bytes& contents = place.frames[0];
      view.producer->tail.store(tail + view.record_bytes(contents.size()), std::memory_order_release);
      std::byte* at = view.place(tail);
      View::header(at) = rtlane::detail::frame_header(rtlane::detail::frame_epoch(view.common->producer_attaches), tail,
                                                      contents.size());
      std::memcpy(at, contents.data(), contents.size());
      place.result.count = 1;
    }};

const ProducerOperation kCommitOneByOne = {"a batch in two commits", kBatch,
                                           [](Place& place, FrameRing::Producer& producer) {
                                             for (const Bytes& contents : place.frames)
                                               place.result.count += producer.try_push(contents) == Status::ok;
                                           }};

const ConsumerOperation kGiveBackBeforeTheCopy = {
    "give back, then copy", 1, [](Place& place, FrameRing::Consumer&) {
      const View view(place.ring.channel().layout());
      const uint64_t head = view.consumer->head;
      std::byte* at = view.place(head);
      const uint64_t bytes = View::header(at) & rtlane::detail::frame_length_mask;
      view.consumer->head.store(head + view.record_bytes(bytes), std::memory_order_release);
      std::memcpy(place.result.out[0], at, bytes);
      place.result.count = 1;
    }};

const ConsumerOperation kShowWithoutAMark = {"show without a mark", 1,
                                             [](Place& place, FrameRing::Consumer& consumer) {
                                               const View view(place.ring.channel().layout());
                                               std::byte* at = view.place(view.consumer->head);
                                               place.result.shown = 1;
                                               std::memcpy(place.result.out[0], at, length_of(0));
                                               place.result.count = !consumer.peek().empty() && consumer.release();
                                             },
                                             true};

TEST_F(FrameRingKill, FindsAProducerThatCommitsBeforeItWrites)
{
  EXPECT_NE(first_problem([](uint64_t k) { return kill_producer(kCommitBeforeTheFrame, {1, 0}, k, true); }), "");
}

TEST_F(FrameRingKill, FindsABatchThatIsCommittedOneByOne)
{
  const std::string problem = first_problem([](uint64_t k) { return kill_producer(kCommitOneByOne, {0, 0}, k, true); });
  EXPECT_NE(problem.find("run 1 ends before 1"), std::string::npos) << problem;
}

TEST_F(FrameRingKill, FindsAConsumerThatGivesBackBeforeItCopies)
{
  const std::string problem = first_problem([](uint64_t k) {
    return kill_consumer(kGiveBackBeforeTheCopy, {2, 0}, k);
  });
  EXPECT_NE(problem.find("not completely copied"), std::string::npos) << problem;
}

TEST_F(FrameRingKill, FindsAFrameThatIsShownWithoutAMark)
{
  const std::string problem = first_problem([](uint64_t k) { return kill_consumer(kShowWithoutAMark, {2, 0}, k); });
  EXPECT_NE(problem.find("second delivery without the mark"), std::string::npos) << problem;
}

}  // namespace
}  // namespace rtlane::test
