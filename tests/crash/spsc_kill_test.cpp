// SpscRing: SIGKILL all through every operation, and who takes over. After one in three instructions, another third at
// each fill; after each when built with RTLANE_TEST_EVERY_INSTRUCTION.
//
// Guarantees checked, for each fill (empty, one, full - 1, full):
//   killed producer   every element whose publish was reached arrives, in order, whole; the one in the making
//                     vanishes or arrives whole; of a batch a prefix. The successor goes on in the next slot; no
//                     capacity is lost.
//   killed consumer   an element whose taking was not published comes again, whole. One that does not come again was
//                     completely copied into the killed process's buffer: nothing is lost but what it had in hand.
//   peek and release  what may have been seen comes again and redelivered() says so; what cannot have been seen comes
//                     without that mark.
//   changed producer  the mark is told to the killed consumer's application, or to the successor's; it gets lost
//                     only in the call that tells it. An element that comes again brings its mark again.
#include <gtest/gtest.h>

#include "crash/spsc_scenario.hpp"
#include "support/temp_namespace.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

class SpscKill : public ::testing::Test {
protected:
  void SetUp() override
  {
    if (const char* reason = step_unavailable())
      GTEST_SKIP() << reason;
  }

  Watchdog watchdog_{kWatchdogSeconds};
  TempNamespace space_;
};

enum class Order { drain_first, takeover_first };

Outcome kill_producer(const ProducerOperation& operation, uint64_t fill, uint64_t instruction, Order order)
{
  const Ring ring = make_ring();
  SharedPage<StepReport> report;
  SharedPage<Result> result;
  auto consumer = ring.consumer();
  Child child = start_producer(ring, operation, fill, StepPlan{instruction, 0, SIGKILL}, *report, *result, [](auto&) {
    // Its end must look like a kill too, or the last instructions would never be judged as such.
    raise(SIGKILL);
    return 0;
  });
  if (const int status = child.wait(); status != -SIGKILL)
    return {"the child ended with " + std::to_string(status), false};
  const bool finished = result->returned != 0;
  if (ring.producer_alive())
    return {"the role of a killed producer is not free", finished};

  const uint64_t room = std::min(operation.count, kCapacity - fill);
  const uint64_t surely = finished ? room : 0;
  if (finished && result->count != room)
    return {"the operation pushed " + std::to_string(result->count), finished};
  Judge judge(Expected{0, 0, fill + surely, fill + room});
  if (order == Order::drain_first) {
    Message element = {};
    for (;;) {
      const Status status = consumer->try_pop(element);
      if (status == Status::empty)
        break;
      if (status != Status::ok)
        return {"try_pop answers " + std::to_string(static_cast<int>(status)), finished};
      if (std::string problem = judge.take(element); !problem.empty())
        return {problem, finished};
    }
  }
  auto successor = ring.producer();
  if (!successor)
    return {"no takeover: " + successor.error().message, finished};
  if (order == Order::takeover_first) {
    // The new producer's first element stands behind all that the old one published.
    const Status status = successor->try_push(message(2, 0));
    if (status != Status::ok && status != Status::full)
      return {"the successor's push answers " + std::to_string(static_cast<int>(status)), finished};
    return {take_to_the_end(*successor, *consumer, judge, status == Status::ok ? 1 : 0), finished};
  }
  return {take_to_the_end(*successor, *consumer, judge), finished};
}

// Whether the ring has noted that the application was told of the last change.
bool noted_as_told(const Ring& ring)
{
  const rtlane::detail::SpscView<std::atomic<uint64_t>> view(ring.channel().layout());
  return view.consumer->told == view.consumer->recognized;
}

Outcome kill_consumer(const ConsumerOperation& operation, uint64_t fill, uint64_t instruction)
{
  const Ring ring = make_ring();
  SharedPage<StepReport> report;
  SharedPage<Result> result;
  auto producer = ring.producer();
  for (uint64_t i = 0; i < fill; ++i) {
    if (producer->try_push(message(1, i)) != Status::ok)
      return {"cannot fill", false};
  }
  Child child = start_consumer(ring, operation, StepPlan{instruction, 0, SIGKILL}, *report, *result, [](auto&) {
    raise(SIGKILL);
    return 0;
  });
  if (const int status = child.wait(); status != -SIGKILL)
    return {"the child ended with " + std::to_string(status), false};
  const bool finished = result->returned != 0;
  if (ring.consumer_alive())
    return {"the role of a killed consumer is not free", finished};

  const bool noted = noted_as_told(ring);
  auto successor = ring.consumer();
  if (!successor)
    return {"no takeover: " + successor.error().message, finished};
  const uint64_t available = std::min(operation.count, fill);
  if (finished && result->count != available)
    return {"the operation took " + std::to_string(result->count), finished};

  // Which element comes first, and is it marked rightly?
  const Message* shown = successor->peek();
  const uint64_t first = shown != nullptr ? shown->number : fill;
  if (finished ? first != available : first != 0 && first != available)
    return {"the stream goes on with " + std::to_string(first), finished};
  if (std::string problem = check_taken(*result, first); !problem.empty())
    return {problem, finished};
  if (shown != nullptr) {
    const bool may_have_been_seen = result->shown != 0 && first == 0;
    if (may_have_been_seen && !successor->redelivered())
      return {"a second delivery without the mark", finished};
    if (!operation.peeks && successor->redelivered())
      return {"marked as a second delivery, and nobody can have seen it", finished};
    if (operation.peeks && first == 1 && successor->redelivered())
      return {"the next element is marked as a second delivery", finished};
  }
  // The first element is another producer's than the lap before it.
  const bool told = successor->producer_changed();
  if (first == 0 && told != (fill != 0))
    return {told ? "a mark of a change, and there is no element" : "an element of another producer without the mark",
            finished};
  if (first != 0 && told && result->told != 0)
    return {"the mark of a changed producer comes twice", finished};
  if (first != 0 && !told && result->told == 0 && !(operation.asks && noted))
    return {"the mark of a changed producer is lost", finished};
  Judge judge(Expected{first, first, fill, fill});
  return {take_to_the_end(*producer, *successor, judge), finished};
}

// Whether any kill makes the checks speak.
template <class Kill>
std::string first_problem(Kill&& kill)
{
  for (uint64_t instruction = 1; instruction < 100000; ++instruction) {
    const Outcome outcome = kill(instruction);
    if (!outcome.problem.empty())
      return outcome.problem;
    if (outcome.finished)
      break;
  }
  return "";
}

TEST_F(SpscKill, AProducerAtEveryInstruction)
{
  uint64_t kills = 0;
  for (const ProducerOperation* operation : kProducerOperations) {
    for (const uint64_t fill : kFills) {
      SCOPED_TRACE(std::string(operation->name) + ", fill " + std::to_string(fill));
      kills += sweep(fill, [&](uint64_t k) { return kill_producer(*operation, fill, k, Order::drain_first); });
    }
  }
  std::printf("%lu kills\n", kills);
}

TEST_F(SpscKill, AProducerAtEveryInstructionWithASuccessorBeforeTheConsumerLooks)
{
  uint64_t kills = 0;
  for (const ProducerOperation* operation : kProducerOperations) {
    for (const uint64_t fill : kFills) {
      SCOPED_TRACE(std::string(operation->name) + ", fill " + std::to_string(fill));
      kills += sweep(fill, [&](uint64_t k) { return kill_producer(*operation, fill, k, Order::takeover_first); });
    }
  }
  std::printf("%lu kills\n", kills);
}

TEST_F(SpscKill, AConsumerAtEveryInstruction)
{
  uint64_t kills = 0;
  for (const ConsumerOperation* operation : kConsumerOperations) {
    for (const uint64_t fill : kFills) {
      SCOPED_TRACE(std::string(operation->name) + ", fill " + std::to_string(fill));
      kills += sweep(fill, [&](uint64_t k) { return kill_consumer(*operation, fill, k); });
    }
  }
  std::printf("%lu kills\n", kills);
}

TEST_F(SpscKill, AConsumerAtEveryInstructionWhileItAsksWhetherTheProducerHasChanged)
{
  for (const ConsumerOperation* operation : kAskingOperations) {
    for (const uint64_t fill : kFills) {
      SCOPED_TRACE(std::string(operation->name) + ", fill " + std::to_string(fill));
      sweep(fill, [&](uint64_t k) { return kill_consumer(*operation, fill, k); });
    }
  }
}

// The stream's end: the consumer hears closed or empty, never hangs, and a successor opens the stream again.
TEST_F(SpscKill, AProducerThatClosesAtEveryInstruction)
{
  for (const uint64_t fill : kFills) {
    SCOPED_TRACE("fill " + std::to_string(fill));
    sweep(fill, [&](uint64_t instruction) -> Outcome {
      const Ring ring = make_ring();
      SharedPage<StepReport> report;
      SharedPage<Result> result;
      auto consumer = ring.consumer();
      static const ProducerOperation closing = {"close", 0, [](Place&, Ring::Producer& producer) { producer.close(); }};
      Child child = start_producer(ring, closing, fill, StepPlan{instruction, 0, SIGKILL}, *report, *result, [](auto&) {
        raise(SIGKILL);
        return 0;
      });
      if (const int status = child.wait(); status != -SIGKILL)
        return {"the child ended with " + std::to_string(status), false};
      const bool finished = result->returned != 0;
      Judge judge(Expected{0, 0, fill, fill});
      Message element = {};
      Status status = Status::ok;
      while ((status = consumer->try_pop(element)) == Status::ok) {
        if (std::string problem = judge.take(element); !problem.empty())
          return {problem, finished};
      }
      if (status != Status::closed && (finished || status != Status::empty))
        return {"at the end of the stream try_pop answers " + std::to_string(static_cast<int>(status)), finished};
      auto successor = ring.producer();
      if (!successor)
        return {successor.error().message, finished};
      return {take_to_the_end(*successor, *consumer, judge), finished};
    });
  }
}

// Taking and giving back a role is set-up and long, so it is killed at each system call and each change of the segment.
template <class Attach>
void sweep_attaches(Attach&& attach, bool producing)
{
  for (const uint64_t fill : kFills) {
    bool finished = false;
    for (uint64_t event = 1; !finished; ++event) {
      ASSERT_LT(event, 1000u);
      SCOPED_TRACE("fill " + std::to_string(fill) + ", event " + std::to_string(event));
      const Ring ring = make_ring();
      {
        auto producer = ring.producer();
        for (uint64_t i = 0; i < fill; ++i)
          ASSERT_EQ(producer->try_push(message(1, i)), Status::ok);
      }
      SharedPage<StepReport> report;
      SharedPage<Result> result;
      Child child = Child::start([&] {
        const rtlane_channel_layout layout = ring.channel().layout();
        const Watched watched = {layout.base, layout.slots_offset + layout.capacity * layout.slot_stride_bytes};
        run_stepped(StepPlan{0, event, SIGKILL}, *report, watched, [&] { attach(ring); });
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
      Judge judge(Expected{0, 0, fill, fill});
      ASSERT_EQ(take_to_the_end(*producer, *consumer, judge), "");
    }
  }
}

TEST_F(SpscKill, AProducerWhileItTakesAndGivesBackItsRole)
{
  sweep_attaches([](const Ring& ring) { ring.producer().value(); }, true);
}

TEST_F(SpscKill, AConsumerWhileItTakesAndGivesBackItsRole)
{
  sweep_attaches([](const Ring& ring) { ring.consumer().value(); }, false);
}

// ---- Wrong on purpose: the checks above must find these.

using View = rtlane::detail::SpscView<std::atomic<uint64_t>>;

const ProducerOperation kPublishBeforeTheElement = {
    "publish, then write", 1, [](Place& place, Ring::Producer&) {
      const View view(place.ring.channel().layout());
      std::byte* slot = view.slot(place.position);
      const uint64_t epoch = view.common->producer_attaches;
      View::seq(slot).store(rtlane::detail::spsc_word(epoch, place.position), std::memory_order_release);
      std::memcpy(slot + view.value_offset, &place.elements[0], sizeof(Message));
      place.result.count = 1;
    }};

const ConsumerOperation kGiveBackBeforeTheCopy = {
    "give back, then copy", 1, [](Place& place, Ring::Consumer&) {
      const View view(place.ring.channel().layout());
      view.consumer->head.store(place.position + 1, std::memory_order_release);
      std::memcpy(&place.result.out[0], view.slot(place.position) + view.value_offset, sizeof(Message));
      place.result.count = 1;
    }};

// Forgets an element: head runs two ahead.
const ConsumerOperation kGiveBackTooMuch = {
    "give back two", 1, [](Place& place, Ring::Consumer&) {
      const View view(place.ring.channel().layout());
      std::memcpy(&place.result.out[0], view.slot(place.position) + view.value_offset, sizeof(Message));
      view.consumer->head.store(place.position + 2, std::memory_order_release);
      place.result.count = 1;
    }};

TEST_F(SpscKill, FindsAProducerThatPublishesBeforeItWrites)
{
  const std::string problem =
      first_problem([](uint64_t k) { return kill_producer(kPublishBeforeTheElement, 1, k, Order::drain_first); });
  EXPECT_NE(problem.find("3/1"), std::string::npos) << problem;  // the element of the lap before is shown
}

TEST_F(SpscKill, FindsAConsumerThatGivesBackBeforeItCopies)
{
  const std::string problem = first_problem([](uint64_t k) { return kill_consumer(kGiveBackBeforeTheCopy, 2, k); });
  EXPECT_NE(problem.find("not completely copied"), std::string::npos) << problem;
}

TEST_F(SpscKill, FindsAConsumerThatGivesBackTooMuch)
{
  EXPECT_NE(first_problem([](uint64_t k) { return kill_consumer(kGiveBackTooMuch, 3, k); }), "");
}

}  // namespace
}  // namespace rtlane::test
