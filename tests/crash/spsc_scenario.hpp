// One side of a ring is interrupted inside an operation; then the stream is taken to its end and judged.
//
// The elements say who pushed them (run 1: the interrupted producer, run 2: its successor, run 3: the lap before) and
// their number, and carry words computed from both, so that a lost, doubled, reordered or torn one is seen. Checks
// answer with a sentence instead of failing, because the deliberately wrong operations at the end must make them speak.
#pragma once

#include <rtlane/channels/spsc_ring.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <span>
#include <string>

#include "channels/ring_support.hpp"
#include "crash/step.hpp"
#include "support/child.hpp"
#include "support/shared_page.hpp"

namespace rtlane::test {

using Ring = SpscRing<Message>;
inline constexpr uint64_t kCapacity = 4;
inline constexpr uint64_t kBatch = 3;
inline constexpr uint64_t kFills[] = {0, 1, kCapacity - 1, kCapacity};

// What the interrupted process leaves outside the ring. Its output buffer lies here, so that a copy that was promised
// but not finished is seen.
struct Result {
  Message out[kBatch] = {};
  std::atomic<uint32_t> returned{0};  // the operation came to its end
  std::atomic<uint32_t> shown{0};     // peek() gave the application an element
  std::atomic<uint32_t> told{0};      // producer_changed() told the application
  std::atomic<uint64_t> count{0};     // elements that the operation says it pushed or took
};

inline std::array<Message, kBatch> batch_from(uint64_t number)
{
  std::array<Message, kBatch> batch;
  for (uint64_t i = 0; i < kBatch; ++i)
    batch[i] = message(1, number + i);
  return batch;
}

struct Place {
  const Ring& ring;
  Result& result;
  uint64_t position;                          // of the operation's first element
  std::array<Message, kBatch> elements = {};  // to be pushed; made before, as it takes more instructions than the push
};

struct ProducerOperation {
  const char* name;
  uint64_t count;
  void (*run)(Place&, Ring::Producer&);
};

struct ConsumerOperation {
  const char* name;
  uint64_t count;
  void (*run)(Place&, Ring::Consumer&);
  bool peeks = false;  // shows elements in place
  bool asks = false;   // whether the producer has changed
};

inline const ProducerOperation kPush = {"try_push", 1, [](Place& place, Ring::Producer& producer) {
                                          place.result.count = producer.try_push(place.elements[0]) == Status::ok;
                                        }};
inline const ProducerOperation kClaim = {"claim and publish", 1, [](Place& place, Ring::Producer& producer) {
                                           Message* claimed = producer.claim();
                                           if (claimed == nullptr)
                                             return;
                                           *claimed = place.elements[0];
                                           place.result.count = producer.publish();
                                         }};
inline const ProducerOperation kPushBatch = {"try_push_n", kBatch, [](Place& place, Ring::Producer& producer) {
                                               place.result.count = producer.try_push_n(place.elements);
                                             }};
inline const ConsumerOperation kPop = {"try_pop", 1, [](Place& place, Ring::Consumer& consumer) {
                                         place.result.count = consumer.try_pop(place.result.out[0]) == Status::ok;
                                       }};
inline const ConsumerOperation kPeek = {"peek and release", 1,
                                        [](Place& place, Ring::Consumer& consumer) {
                                          const Message* shown = consumer.peek();
                                          if (shown == nullptr)
                                            return;
                                          place.result.shown = 1;
                                          place.result.out[0] = *shown;
                                          place.result.count = consumer.release();
                                        },
                                        true};
inline const ConsumerOperation kPopBatch = {"try_pop_n", kBatch, [](Place& place, Ring::Consumer& consumer) {
                                              place.result.count = consumer.try_pop_n(place.result.out);
                                            }};

// These ask for the mark of a changed producer as well.
inline const ConsumerOperation kPopAndAsk = {"try_pop, then ask", 1,
                                             [](Place& place, Ring::Consumer& consumer) {
                                               place.result.count = consumer.try_pop(place.result.out[0]) == Status::ok;
                                               place.result.told = consumer.producer_changed() ? 1 : 0;
                                             },
                                             false, true};
inline const ConsumerOperation kPeekAndAsk = {"peek, ask and release", 1,
                                              [](Place& place, Ring::Consumer& consumer) {
                                                const Message* shown = consumer.peek();
                                                if (shown == nullptr)
                                                  return;
                                                place.result.shown = 1;
                                                place.result.told = consumer.producer_changed() ? 1 : 0;
                                                place.result.out[0] = *shown;
                                                place.result.count = consumer.release();
                                              },
                                              true, true};

inline const ProducerOperation* const kProducerOperations[] = {&kPush, &kClaim, &kPushBatch};
inline const ConsumerOperation* const kConsumerOperations[] = {&kPop, &kPeek, &kPopBatch};
inline const ConsumerOperation* const kAskingOperations[] = {&kPopAndAsk, &kPeekAndAsk};

inline std::string text_of(const Message& element)
{
  return std::to_string(element.run) + "/" + std::to_string(element.number) + (whole(element) ? "" : " (torn)");
}

// What the stream may still hold, from the consumer's next element on.
struct Expected {
  uint64_t first_min = 0;  // of run 1
  uint64_t first_max = 0;
  uint64_t end_min = 0;  // one past the last of run 1
  uint64_t end_max = 0;
};

// Takes every element of run 1, then those of run 2, which must be 0, 1, ... ; "" = as expected. first and end receive
// what was found.
class Judge {
public:
  explicit Judge(const Expected& expected) : expected_(expected) {}

  std::string take(const Message& element)
  {
    if (!whole(element))
      return "torn element " + text_of(element);
    if (element.run == 1 && next_2_ == 0) {
      if (!first_ && (element.number < expected_.first_min || element.number > expected_.first_max))
        return "the stream goes on with " + text_of(element) + ", expected 1/" + std::to_string(expected_.first_min) +
               " to " + std::to_string(expected_.first_max);
      if (first_ && element.number != next_1_)
        return text_of(element) + " after 1/" + std::to_string(next_1_ - 1);
      if (!first_)
        first_ = element.number;
      next_1_ = element.number + 1;
      return "";
    }
    if (element.run != 2 || element.number != next_2_)
      return text_of(element) + ", expected 2/" + std::to_string(next_2_);
    ++next_2_;
    return "";
  }

  // When everything is taken and the successor has pushed count elements.
  std::string end(uint64_t count)
  {
    // Without any element of run 1 all of it was taken before.
    const uint64_t end = first_ ? next_1_ : expected_.first_max;
    if (end < expected_.end_min || end > expected_.end_max)
      return "run 1 ends before " + std::to_string(end) + ", expected " + std::to_string(expected_.end_min) + " to " +
             std::to_string(expected_.end_max);
    if (!first_ && expected_.first_max < expected_.end_min)
      return "run 1 is lost";
    if (next_2_ != count)
      return "run 2 ends before " + std::to_string(next_2_) + ", expected " + std::to_string(count);
    return "";
  }

  std::optional<uint64_t> first() const { return first_; }
  // One past the last element of run 1 that was seen.
  uint64_t end_of_run_1() const { return first_ ? next_1_ : 0; }

private:
  Expected expected_;
  std::optional<uint64_t> first_;
  uint64_t next_1_ = 0;
  uint64_t next_2_ = 0;
};

// The ring's last word: with both roles in hand it is emptied, filled to the last slot, emptied, twice, and the judge
// listens. already_pushed: how many of run 2 are in the ring or were taken.
inline std::string take_to_the_end(Ring::Producer& producer, Ring::Consumer& consumer, Judge& judge,
                                   uint64_t already_pushed = 0)
{
  uint64_t pushed = already_pushed;
  for (int lap = 0; lap < 3; ++lap) {
    Message element = {};
    for (uint64_t taken = 0;; ++taken) {
      const Status status = consumer.try_pop(element);
      if (status == Status::empty)
        break;
      if (status != Status::ok || taken > kCapacity)
        return "try_pop answers " + std::to_string(static_cast<int>(status)) + " after " + std::to_string(taken);
      if (std::string problem = judge.take(element); !problem.empty())
        return problem;
    }
    if (lap == 2)
      break;
    for (uint64_t i = 0; i < kCapacity; ++i) {
      if (producer.try_push(message(2, pushed)) != Status::ok)
        return "capacity is lost: full after " + std::to_string(i);
      ++pushed;
    }
    if (producer.try_push(message(2, pushed)) != Status::full)
      return "not full after its capacity";
  }
  return judge.end(pushed);
}

struct Outcome {
  std::string problem;    // "" = all is well
  bool finished = false;  // the operation came to its end before the interruption
};

#ifdef RTLANE_TEST_EVERY_INSTRUCTION
inline constexpr uint64_t kInstructionsApart = sweep_step;
inline constexpr unsigned kWatchdogSeconds = 3500;
#else
// Each instruction of an operation at one or two of the four fills.
inline constexpr uint64_t kInstructionsApart = 3 * sweep_step;
inline constexpr unsigned kWatchdogSeconds = 110;
#endif

// Interrupts one in kInstructionsApart instructions until the operation is over, beginning at another one at each fill;
// returns how often.
template <class Interrupt>
uint64_t sweep(uint64_t fill, Interrupt&& interrupt)
{
  uint64_t interruptions = 1;
  for (uint64_t instruction = 1 + fill / 2 % kInstructionsApart; instruction < 100000;
       instruction += kInstructionsApart, ++interruptions) {
    const Outcome outcome = interrupt(instruction);
    EXPECT_EQ(outcome.problem, "") << "interrupted after instruction " << instruction;
    if (outcome.finished || !outcome.problem.empty())
      return interruptions;
  }
  ADD_FAILURE() << "the operation does not end";
  return 0;
}

// A ring after one lap: its slots hold the sequence words and elements of that lap, as in a ring that runs for long,
// and whoever comes next is another producer.
inline Ring make_ring()
{
  Ring ring = Ring::create("crash ring", kCapacity, small_ring()).value();
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  Message element = {};
  for (uint64_t i = 0; i < kCapacity; ++i) {
    if (producer->try_push(message(3, i)) != Status::ok || consumer->try_pop(element) != Status::ok)
      std::abort();
  }
  return ring;
}

// A child that attaches as producer, pushes fill elements freely and then performs the operation stepwise.
template <class After>
Child start_producer(const Ring& ring, const ProducerOperation& operation, uint64_t fill, const StepPlan& plan,
                     StepReport& report, Result& result, After&& after)
{
  return Child::start([&] {
    auto producer = ring.producer();
    if (!producer)
      return 3;
    for (uint64_t i = 0; i < fill; ++i) {
      if (producer->try_push(message(1, i)) != Status::ok)
        return 4;
    }
    Place place = {ring, result, kCapacity + fill, batch_from(fill)};
    const rtlane_channel_layout layout = ring.channel().layout();
    const Watched watched = {layout.base, layout.slots_offset + layout.capacity * layout.slot_stride_bytes};
    run_stepped(plan, report, watched, [&] { operation.run(place, *producer); });
    result.returned = 1;
    return after(*producer);
  });
}

template <class After>
Child start_consumer(const Ring& ring, const ConsumerOperation& operation, const StepPlan& plan, StepReport& report,
                     Result& result, After&& after)
{
  return Child::start([&] {
    auto consumer = ring.consumer();
    if (!consumer)
      return 3;
    Place place = {ring, result, kCapacity};
    const rtlane_channel_layout layout = ring.channel().layout();
    const Watched watched = {layout.base, layout.slots_offset + layout.capacity * layout.slot_stride_bytes};
    run_stepped(plan, report, watched, [&] { operation.run(place, *consumer); });
    result.returned = 1;
    return after(*consumer);
  });
}

inline constexpr auto kLeave = [](auto&) { return 0; };

// The elements that the consumer's operation promised to have taken must be complete in its buffer. first: the number
// the successor's stream begins with.
inline std::string check_taken(const Result& result, uint64_t first)
{
  for (uint64_t i = 0; i < first; ++i) {
    const Message& copy = result.out[i];
    if (!whole(copy) || copy.run != 1 || copy.number != i)
      return "element " + std::to_string(i) + " is gone from the ring and was not completely copied: " + text_of(copy);
  }
  return "";
}

}  // namespace rtlane::test
