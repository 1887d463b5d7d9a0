// A snapshot whose writer or reader is interrupted inside an operation.
//
// Values say who stored them (run 3: before, run 1: the interrupted writer, run 2: its successor) and their number, and
// carry words computed from both, so that a torn or mixed one is seen. Checks answer with a sentence instead of
// failing, because the deliberately wrong operations must make them speak.
#pragma once

#include <rtlane/channels/snapshot.hpp>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "channels/ring_support.hpp"
#include "crash/step.hpp"
#include "support/child.hpp"
#include "support/shared_page.hpp"

namespace rtlane::test {

using Values = Snapshot<Message>;
inline constexpr uint64_t kDepths[] = {2, 4};

struct SnapshotResult {
  std::atomic<uint32_t> returned{0};  // the operation came to its end
};

struct SnapshotOutcome {
  std::string problem;    // "" = all is well
  bool finished = false;  // the operation came to its end before the interruption
};

// With `before` values stored by a writer that is gone.
inline Values make_snapshot(uint64_t depth, uint64_t before)
{
  SnapshotOptions options;
  options.memory = small_ring().memory;
  Values snapshot = Values::create("crash snapshot", depth, options).value();
  auto writer = snapshot.writer();
  for (uint64_t i = 1; i <= before; ++i) {
    if (writer->store(message(3, i), i) != Status::ok)
      std::abort();
  }
  return snapshot;
}

inline std::string text_of(const Message& value)
{
  return std::to_string(value.run) + "/" + std::to_string(value.number) + (whole(value) ? "" : " (torn)");
}

// Loads at once, at the first attempt, a whole value that is number least .. most.
inline std::string load_problem(Values::Reader& reader, uint64_t least, uint64_t most)
{
  const uint64_t overtaken = reader.overtaken();
  Message got = {};
  const Status status = reader.load(got);
  if (least == 0 && status == Status::empty && reader.sequence() == 0)
    return "";
  if (status != Status::ok)
    return std::string("load answers ") + to_string(status);
  if (!whole(got) || got.number != reader.sequence() || got.number < least || got.number > most)
    return "loaded " + text_of(got) + " as number " + std::to_string(reader.sequence()) + ", expected " +
           std::to_string(least) + " to " + std::to_string(most);
  if (reader.stamp() != got.number)
    return "a stamp of another value";
  return reader.overtaken() == overtaken ? "" : "a load needed another attempt though nobody writes";
}

// A new writer goes on after `last`, over more than two laps.
inline std::string successor_problem(const Values& snapshot, Values::Reader& reader, uint64_t last)
{
  auto writer = snapshot.writer();
  if (!writer)
    return "no takeover: " + writer.error().message;
  if (writer->sequence() != last)
    return "the successor goes on after " + std::to_string(writer->sequence()) + ", readers saw " +
           std::to_string(last);
  for (uint64_t i = 1; i <= 2 * snapshot.capacity() + 1; ++i) {
    if (writer->store(message(2, last + i), last + i) != Status::ok)
      return "the successor cannot store";
    if (std::string problem = load_problem(reader, last + i, last + i); !problem.empty())
      return "after the takeover: " + problem;
  }
  return "";
}

using StoreOperation = void (*)(const Values&, Values::Writer&, const Message&);
using LoadOperation = Status (*)(const Values&, Values::Reader&, Message&);

inline void store_rightly(const Values&, Values::Writer& writer, const Message& value)
{
  (void)writer.store(value, value.number);
}
inline Status load_rightly(const Values&, Values::Reader& reader, Message& out)
{
  return reader.load(out);
}

// A child that attaches as writer and stores value before + 1 stepwise.
template <class After>
Child start_writer(const Values& snapshot, uint64_t before, const StepPlan& plan, StepReport& report,
                   SnapshotResult& result, StoreOperation store, After&& after)
{
  return Child::start([&] {
    auto writer = snapshot.writer();
    if (!writer)
      return 3;
    const Message value = message(1, before + 1);
    run_stepped(plan, report, Watched{}, [&] { store(snapshot, *writer, value); });
    result.returned = 1;
    return after(*writer);
  });
}

// Interrupts after instruction 1, 2, ... until the operation is over; the first problem is reported.
template <class Interrupt>
uint64_t sweep_instructions(Interrupt&& interrupt)
{
  for (uint64_t instruction = 1; instruction < 100000; instruction += sweep_step) {
    const SnapshotOutcome outcome = interrupt(instruction);
    EXPECT_EQ(outcome.problem, "") << "interrupted after instruction " << instruction;
    if (outcome.finished || !outcome.problem.empty())
      return instruction;
  }
  ADD_FAILURE() << "the operation does not end";
  return 0;
}

template <class Interrupt>
std::string first_problem_of(Interrupt&& interrupt)
{
  for (uint64_t instruction = 1; instruction < 100000; ++instruction) {
    const SnapshotOutcome outcome = interrupt(instruction);
    if (!outcome.problem.empty() || outcome.finished)
      return outcome.problem;
  }
  return "";
}

}  // namespace rtlane::test
