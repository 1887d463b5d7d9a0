// One side of a frame ring is interrupted inside an operation; then the stream is taken to its end and judged.
//
// Frames say who pushed them (run 1: the interrupted producer, run 2: its successor, run 3: the lap before) and their
// number, have lengths of all residues, and carry words computed from both. Checks answer with a sentence instead of
// failing, because the deliberately wrong operations must make them speak.
#pragma once

#include <rtlane/channels/frame_ring.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>

#include "channels/frame_support.hpp"
#include "crash/step.hpp"
#include "support/child.hpp"
#include "support/shared_page.hpp"

namespace rtlane::test {

inline constexpr uint64_t kCapacity = 128;
inline constexpr uint64_t kLongest = 40;
inline constexpr uint64_t kBatch = 2;

constexpr uint64_t length_of(uint64_t number)
{
  return 16 + number * 13 % (kLongest - 15);
}
constexpr uint64_t record_of(uint64_t number)
{
  return (8 + length_of(number) + 7) / 8 * 8;
}
inline Bytes frame_of(uint64_t run, uint64_t number)
{
  return frame(run, number, length_of(number));
}
// How many of the frames from `number` on fit behind those before it.
constexpr uint64_t fitting(uint64_t number, uint64_t at_most)
{
  uint64_t used = 0;
  for (uint64_t i = 0; i < number; ++i)
    used += record_of(i);
  uint64_t count = 0;
  while (count < at_most && used + record_of(number + count) <= kCapacity)
    used += record_of(number + count++);
  return count;
}
inline constexpr uint64_t kMost = fitting(0, 100);

// Frames in the ring before the operation, and where the ring stands: at its beginning, or with its end near.
// Where the ring stands. The usual run kills try_push and try_pop after every instruction in one state and the rest at
// every kSparse-th; the soak test everything in all states.
struct State {
  uint64_t fill;
  uint64_t start;

  std::string text() const { return "fill " + std::to_string(fill) + ", start " + std::to_string(start); }
};
#ifdef RTLANE_TEST_EVERY_STATE
inline constexpr State kStates[] = {{0, 0},   {1, 0},   {kMost - 1, 0},   {kMost, 0},
                                    {0, 112}, {1, 104}, {kMost - 1, 120}, {kMost, 96}};
inline constexpr const auto& kProducerStates = kStates;
inline constexpr unsigned kSeconds = 3000;
inline constexpr uint64_t kSparse = sweep_step;
#else
inline constexpr State kStates[] = {{2, 104}};
inline constexpr State kProducerStates[] = {{2, 104}, {kMost, 0}};
inline constexpr unsigned kSeconds = 110;
inline constexpr uint64_t kSparse = 11 * sweep_step;
#endif

// What the interrupted process leaves outside the ring. Its output buffer lies here, so that a copy that was promised
// but not finished is seen.
struct Result {
  std::byte out[kBatch][kLongest] = {};
  std::atomic<uint64_t> out_bytes[kBatch] = {};
  std::atomic<uint32_t> returned{0};  // the operation came to its end
  std::atomic<uint32_t> shown{0};     // so many frames were given to the application in place
  std::atomic<uint64_t> count{0};     // frames that the operation says it pushed or took
};

struct Place {
  const FrameRing& ring;
  Result& result;
  std::array<Bytes, kBatch> frames = {};  // to be pushed; made before, as it takes more instructions than the push
};

template <class Endpoint>
struct Operation {
  const char* name;
  uint64_t count;
  void (*run)(Place&, Endpoint&);
  bool peeks = false;
};
using ProducerOperation = Operation<FrameRing::Producer>;
using ConsumerOperation = Operation<FrameRing::Consumer>;

inline const ProducerOperation kPush = {"try_push", 1, [](Place& place, FrameRing::Producer& producer) {
                                          place.result.count = producer.try_push(place.frames[0]) == Status::ok;
                                        }};
inline const ProducerOperation kClaim = {"claim and commit", 1, [](Place& place, FrameRing::Producer& producer) {
                                           const Bytes& wanted = place.frames[0];
                                           const auto claimed = producer.claim(wanted.size());
                                           if (claimed.data() == nullptr)
                                             return;
                                           std::memcpy(claimed.data(), wanted.data(), wanted.size());
                                           place.result.count = producer.commit(wanted.size());
                                         }};
inline const ProducerOperation kPushBatch = {
    "a batch with one commit", kBatch, [](Place& place, FrameRing::Producer& producer) {
      const std::span<const std::byte> batch[kBatch] = {place.frames[0], place.frames[1]};
      place.result.count = producer.try_push_n(batch);
    }};

inline void keep(Result& result, uint64_t i, std::span<const std::byte> shown)
{
  std::memcpy(result.out[i], shown.data(), shown.size());
  result.out_bytes[i] = shown.size();
}

inline const ConsumerOperation kPop = {"try_pop", 1, [](Place& place, FrameRing::Consumer& consumer) {
                                         const FramePop got = consumer.try_pop(place.result.out[0]);
                                         place.result.out_bytes[0] = got.bytes;
                                         place.result.count = got.status == Status::ok;
                                       }};
inline const ConsumerOperation kPeek = {"peek and release", 1,
                                        [](Place& place, FrameRing::Consumer& consumer) {
                                          const auto shown = consumer.peek();
                                          if (shown.data() == nullptr)
                                            return;
                                          place.result.shown = 1;
                                          keep(place.result, 0, shown);
                                          place.result.count = consumer.release();
                                        },
                                        true};
inline const ConsumerOperation kPeekBatch = {"peek_n and release_n", kBatch,
                                             [](Place& place, FrameRing::Consumer& consumer) {
                                               std::span<const std::byte> shown[kBatch];
                                               const std::size_t count = consumer.peek_n(shown);
                                               place.result.shown = static_cast<uint32_t>(count);
                                               for (std::size_t i = 0; i < count; ++i)
                                                 keep(place.result, i, shown[i]);
                                               place.result.count = consumer.release_n(count) ? count : 0;
                                             },
                                             true};

inline const ProducerOperation* const kProducerOperations[] = {&kPush, &kClaim, &kPushBatch};
inline const ConsumerOperation* const kConsumerOperations[] = {&kPop, &kPeek, &kPeekBatch};

// Takes every frame of run 1 from number `next` on, then those of run 2, which must be 0, 1, ...; "" = as expected.
class Judge {
public:
  explicit Judge(uint64_t next) : next_1_(next) {}

  std::string take(std::span<const std::byte> found)
  {
    const auto name = whole_frame(found);
    if (!name || found.size() != length_of(name->number))
      return "a torn frame of " + std::to_string(found.size()) + " bytes after 1/" + std::to_string(next_1_);
    uint64_t& next = name->run == 1 ? next_1_ : next_2_;
    if (name->run < 1 || name->run > 2 || name->number != next || (name->run == 1 && next_2_ != 0))
      return std::to_string(name->run) + "/" + std::to_string(name->number) + ", expected 1/" +
             std::to_string(next_1_) + " or 2/" + std::to_string(next_2_);
    ++next;
    return "";
  }

  uint64_t end_of_run_1() const { return next_1_; }
  uint64_t end_of_run_2() const { return next_2_; }

private:
  uint64_t next_1_;
  uint64_t next_2_ = 0;
};

// Takes all that is there.
inline std::string drain(FrameRing::Consumer& consumer, Judge& judge)
{
  std::byte buffer[kLongest];
  for (uint64_t taken = 0;; ++taken) {
    const FramePop got = consumer.try_pop(buffer);
    if (got.status == Status::empty)
      return "";
    if (got.status != Status::ok || taken > kCapacity / 8)
      return std::string("try_pop answers ") + to_string(got.status) + " after " + std::to_string(taken);
    if (std::string problem = judge.take({buffer, got.bytes}); !problem.empty())
      return problem;
  }
}

// The ring's last word: with both roles in hand it is emptied, and then filled to its last byte and emptied, two laps.
// `pushed`: how many of run 2 are in the ring or were taken.
inline std::string take_to_the_end(FrameRing::Producer& producer, FrameRing::Consumer& consumer, Judge& judge,
                                   uint64_t pushed = 0)
{
  for (int lap = 0; lap < 3; ++lap) {
    if (std::string problem = drain(consumer, judge); !problem.empty())
      return problem;
    while (producer.try_push(frame_of(2, pushed)) == Status::ok)
      ++pushed;
  }
  if (std::string problem = drain(consumer, judge); !problem.empty())
    return problem;
  if (judge.end_of_run_2() != pushed)
    return "run 2 ends before " + std::to_string(judge.end_of_run_2()) + ", expected " + std::to_string(pushed);
  for (uint64_t i = 0; i < kCapacity / 8; ++i) {
    if (producer.try_push({}) != Status::ok)
      return "capacity is lost: full after " + std::to_string(8 * i) + " bytes";
  }
  return producer.try_push({}) == Status::full ? "" : "not full after its capacity";
}

struct Outcome {
  std::string problem;    // "" = all is well
  bool finished = false;  // the operation came to its end before the interruption
};

// A ring after some laps, standing at `start`: it holds headers and contents of those laps, as in a ring that runs for
// long, and whoever comes next is another producer.
inline FrameRing make_frame_ring(uint64_t start)
{
  FrameOptions options;
  options.memory = small_ring().memory;
  options.frame_align = 8;
  options.frame_bytes_max = kLongest;
  FrameRing ring = FrameRing::create("crash ring", kCapacity, options).value();
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  std::byte buffer[kLongest];
  const auto pass = [&](const Bytes& contents) {
    if (producer->try_push(contents) != Status::ok || consumer->try_pop(buffer).status != Status::ok)
      std::abort();
  };
  for (uint64_t i = 0; i < 16; ++i)
    pass(frame(3, i, 24));  // four laps of 32 bytes
  for (uint64_t at = 0; at < start; at += 8)
    pass({});
  return ring;
}

inline Watched watched_of(const FrameRing& ring)
{
  const rtlane_channel_layout layout = ring.channel().layout();
  return {layout.base, layout.total_bytes};
}

// A child that attaches as producer, pushes fill frames freely and then performs the operation stepwise.
template <class After>
Child start_producer(const FrameRing& ring, const ProducerOperation& operation, uint64_t fill, const StepPlan& plan,
                     StepReport& report, Result& result, After&& after)
{
  return Child::start([&] {
    auto producer = ring.producer();
    if (!producer)
      return 3;
    for (uint64_t i = 0; i < fill; ++i) {
      if (producer->try_push(frame_of(1, i)) != Status::ok)
        return 4;
    }
    Place place = {ring, result, {frame_of(1, fill), frame_of(1, fill + 1)}};
    run_stepped(plan, report, Watched(), [&] { operation.run(place, *producer); });
    result.returned = 1;
    return after(*producer);
  });
}

template <class After>
Child start_consumer(const FrameRing& ring, const ConsumerOperation& operation, const StepPlan& plan,
                     StepReport& report, Result& result, After&& after)
{
  return Child::start([&] {
    auto consumer = ring.consumer();
    if (!consumer)
      return 3;
    Place place = {ring, result};
    run_stepped(plan, report, Watched(), [&] { operation.run(place, *consumer); });
    result.returned = 1;
    return after(*consumer);
  });
}

// The frames before `first` are gone from the ring: they must be complete in the buffer of who took them.
inline std::string check_taken(const Result& result, uint64_t first)
{
  for (uint64_t i = 0; i < first; ++i) {
    const Bytes wanted = frame_of(1, i);
    if (std::memcmp(result.out[i], wanted.data(), wanted.size()) != 0)
      return "frame " + std::to_string(i) + " is gone from the ring and was not completely copied";
  }
  return "";
}

// Interrupts after every stride-th instruction until the operation is over, from another one in each sweep on; returns
// how often it did.
template <class Interrupt>
uint64_t sweep(Interrupt&& interrupt, uint64_t stride)
{
  static uint64_t sweeps = 0;
  uint64_t count = 0;
  for (uint64_t instruction = 1 + 5 * sweeps++ % stride; instruction < 100000; instruction += stride, ++count) {
    const Outcome outcome = interrupt(instruction);
    EXPECT_EQ(outcome.problem, "") << "interrupted after instruction " << instruction;
    if (outcome.finished || !outcome.problem.empty())
      return count;
  }
  ADD_FAILURE() << "the operation does not end";
  return count;
}

}  // namespace rtlane::test
