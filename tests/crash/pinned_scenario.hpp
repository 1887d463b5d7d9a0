// One side of a pinned snapshot is interrupted inside an operation; the survivors go on and are judged.
//
// Values are message(run, number) with number = sequence, so a torn, old or misplaced one is seen. Checks answer with a
// sentence instead of failing, because the deliberately wrong operations must make them speak.
#pragma once

#include <rtlane/channels/pinned_snapshot.hpp>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "channels/ring_support.hpp"
#include "crash/step.hpp"
#include "support/child.hpp"
#include "support/shared_page.hpp"

namespace rtlane::test {

using Pinned = PinnedSnapshot<Message>;
using PinnedWords = rtlane::detail::PinnedView<std::atomic<uint64_t>>;
inline constexpr uint32_t kReaders = 2;
inline constexpr uint32_t kSlots = 2 * kReaders + 2;

inline PinnedWords words_of(const Pinned& snapshot)
{
  return rtlane::detail::pinned_view_of(snapshot.channel().layout());
}

// An empty one. Making a channel costs more than a kill, so one serves a whole test and is zeroed in between.
inline std::optional<Pinned> pinned_in_use;

inline Pinned make_pinned()
{
  if (!pinned_in_use) {
    PinnedOptions options;
    options.memory.huge = RTLANE_NEVER;
    options.memory.lock = RTLANE_NEVER;
    pinned_in_use = Pinned::create("crash snapshot", kReaders, options).value();
  }
  const rtlane_channel_layout layout = pinned_in_use->channel().layout();
  std::memset(static_cast<std::byte*>(layout.base) + layout.control_offset, 0,
              layout.total_bytes - layout.control_offset);
  return *pinned_in_use;
}

inline bool put(Pinned::Writer& writer)
{
  return writer.store(message(1, writer.sequence() + 1)) == Status::ok;
}

inline std::string judge(const Message& got, uint64_t sequence)
{
  if (!whole(got))
    return "torn value " + std::to_string(got.number);
  return got.number == sequence ? ""
                                : "value " + std::to_string(got.number) + " of sequence " + std::to_string(sequence);
}

// Every role is free: all slots are usable, the sequence continues after `newest` (one of two), values are whole.
inline std::string judge_rest(const Pinned& snapshot, uint64_t newest_min, uint64_t newest_max)
{
  auto writer = snapshot.writer();
  if (!writer)
    return "no takeover: " + writer.error().message;
  const uint64_t newest = writer->sequence();
  if (newest < newest_min || newest > newest_max)
    return "the sequence continues after " + std::to_string(newest);
  std::vector<Pinned::Reader> readers;
  for (uint32_t i = 0; i < kReaders; ++i) {
    auto reader = snapshot.reader();
    if (!reader)
      return "no reader's entry: " + reader.error().message;
    readers.push_back(std::move(*reader));
  }
  Message got{};
  const Status status = readers[0].load(got);
  if (status != (newest == 0 ? Status::empty : Status::ok))
    return std::string("the latest value: ") + to_string(status);
  if (newest != 0) {
    if (std::string problem = judge(got, newest); !problem.empty())
      return problem;
  }
  // Each reader keeps two values of its own, beside them the latest one changes: 2R + 2 slots in use.
  std::vector<Pinned::Ref> refs;
  for (uint32_t i = 0; i < 2 * kReaders; ++i) {
    if (!put(*writer))
      return "store is refused";
    refs.push_back(readers[i / 2].load_ref());
    if (!refs.back())
      return std::string("cannot pin: ") + to_string(readers[i / 2].last_status());
  }
  for (uint32_t i = 0; i < 2 * kSlots; ++i)
    put(*writer);
  for (uint32_t i = 0; i < 2 * kReaders; ++i) {
    if (std::string problem = judge(*refs[i], newest + 1 + i); !problem.empty())
      return "kept by a reader: " + problem;
  }
  return "";
}

struct Outcome {
  std::string problem;    // "" = all is well
  bool finished = false;  // the operation came to its end before the interruption
};

// Kills after each instruction of the hottest case; all else at some, and at all of them under the label soak.
#ifdef RTLANE_TEST_EVERY_INSTRUCTION
inline constexpr uint64_t kSparse = sweep_step;
inline constexpr uint64_t kDense = sweep_step;
#else
inline constexpr uint64_t kSparse = 37 * sweep_step;
inline constexpr uint64_t kDense = 3 * sweep_step;
#endif

// Interrupts after every stride-th instruction until the operation is over, from another one in each sweep on; returns
// how often it did.
template <class Interrupt>
uint64_t sweep_instructions(Interrupt&& interrupt, uint64_t stride = sweep_step)
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

template <class Interrupt>
std::string first_problem_of(Interrupt&& interrupt)
{
  for (uint64_t instruction = 1; instruction < 100000; ++instruction) {
    const Outcome outcome = interrupt(instruction);
    if (!outcome.problem.empty() || outcome.finished)
      return outcome.problem;
  }
  return "";
}

// ---- operations

struct WriterOperation {
  const char* name;
  uint64_t publishes;
  void (*run)(const Pinned&, Pinned::Writer&, const Message&);
};

inline const WriterOperation kStore = {
    "store", 1, [](const Pinned&, Pinned::Writer& writer, const Message& value) { (void)writer.store(value); }};
inline const WriterOperation kPublish = {"claim and publish", 1,
                                         [](const Pinned&, Pinned::Writer& writer, const Message& value) {
                                           if (Message* place = writer.claim()) {
                                             *place = value;
                                             writer.publish();
                                           }
                                         }};
inline const WriterOperation kClose = {"close", 0,
                                       [](const Pinned&, Pinned::Writer& writer, const Message&) { writer.close(); }};
inline const WriterOperation* const kWriterOperations[] = {&kStore, &kPublish, &kClose};

// What the interrupted reader leaves outside the segment.
struct Loaded {
  Message values[2] = {};
  std::atomic<uint64_t> sequences[2] = {};
  std::atomic<uint32_t> returned{0};
  std::atomic<uint32_t> attempts_max{0};
};

struct ReaderOperation {
  const char* name;
  void (*run)(Pinned::Reader&, Loaded&);
};

inline void note(const Pinned::Reader& reader, Loaded& loaded)
{
  if (static_cast<uint32_t>(reader.attempts()) > loaded.attempts_max)
    loaded.attempts_max = static_cast<uint32_t>(reader.attempts());
}

inline const ReaderOperation kLoad = {"load", [](Pinned::Reader& reader, Loaded& loaded) {
                                        if (reader.load(loaded.values[0]) == Status::ok)
                                          loaded.sequences[0] = reader.sequence();
                                        note(reader, loaded);
                                      }};
inline const ReaderOperation kLoadRef = {"load_ref and release", [](Pinned::Reader& reader, Loaded& loaded) {
                                           Pinned::Ref ref = reader.load_ref();
                                           note(reader, loaded);
                                           loaded.values[0] = *ref;
                                           loaded.sequences[0] = ref.sequence();
                                           ref.release();
                                         }};
inline const ReaderOperation kLoadBesideRef = {"load beside a ref", [](Pinned::Reader& reader, Loaded& loaded) {
                                                 const Pinned::Ref ref = reader.load_ref();
                                                 note(reader, loaded);
                                                 if (reader.load(loaded.values[1]) == Status::ok)
                                                   loaded.sequences[1] = reader.sequence();
                                                 note(reader, loaded);
                                                 loaded.values[0] = *ref;
                                                 loaded.sequences[0] = ref.sequence();
                                               }};
inline const ReaderOperation* const kReaderOperations[] = {&kLoad, &kLoadRef, &kLoadBesideRef};

}  // namespace rtlane::test
