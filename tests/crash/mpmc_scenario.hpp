// A participant of an MPMC ring is interrupted inside an operation; survivors go on; then everything is accounted for.
//
// Elements say who pushed them (run 1: the interrupted one, run 2: the survivor, run 3: the lap before) and their
// number, and carry words computed from both. Checks answer with a sentence instead of failing, because operations that
// are wrong on purpose must make them speak.
#pragma once

#include <rtlane/channels/mpmc_ring.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "channels/ring_support.hpp"
#include "crash/step.hpp"
#include "support/child.hpp"
#include "support/shared_page.hpp"

namespace rtlane::test {

using MpmcTestRing = MpmcRing<Message>;
inline constexpr uint64_t kMpmcCapacity = 4;
inline constexpr uint64_t kMpmcBatch = 3;
inline constexpr uint64_t kMpmcFills[] = {0, 1, kMpmcCapacity - 1, kMpmcCapacity};

// What the interrupted process leaves outside the ring.
struct MpmcResult {
  Message out[kMpmcBatch] = {};
  std::atomic<uint32_t> returned{0};
  std::atomic<uint64_t> count{0};  // elements that the operation says it pushed or took
};

struct MpmcPlace {
  const MpmcTestRing& ring;
  MpmcResult& result;
  std::array<Message, kMpmcBatch> elements;
  MpmcTestRing::Producer producer;
  MpmcTestRing::Consumer consumer;
};

enum class Side { pushes, pops };

struct MpmcOperation {
  const char* name;
  Side side;
  uint64_t count;  // of elements, at most
  bool attached;   // before the steps begin
  bool by_event;   // long: killed after system calls and changes of the ring only
  void (*run)(MpmcPlace&);
};

inline const MpmcOperation kMpmcOperations[] = {
    {"try_push", Side::pushes, 1, true, false,
     [](MpmcPlace& p) { p.result.count = p.producer.try_push(p.elements[0]) == Status::ok; }},
    {"claim and publish", Side::pushes, 1, true, false,
     [](MpmcPlace& p) {
       Message* claimed = p.producer.claim();
       if (claimed == nullptr)
         return;
       *claimed = p.elements[0];
       p.result.count = p.producer.publish();
     }},
    {"try_push_n", Side::pushes, kMpmcBatch, true, false,
     [](MpmcPlace& p) { p.result.count = p.producer.try_push_n(p.elements); }},
    {"try_pop", Side::pops, 1, true, false,
     [](MpmcPlace& p) { p.result.count = p.consumer.try_pop(p.result.out[0]) == Status::ok; }},
    {"peek and release", Side::pops, 1, true, false,
     [](MpmcPlace& p) {
       const Message* shown = p.consumer.peek();
       if (shown == nullptr)
         return;
       p.result.out[0] = *shown;
       p.result.count = p.consumer.release();
     }},
    {"try_pop_n", Side::pops, kMpmcBatch, true, false,
     [](MpmcPlace& p) { p.result.count = p.consumer.try_pop_n(p.result.out); }},
    {"attach, push and detach", Side::pushes, 1, false, true,
     [](MpmcPlace& p) {
       auto producer = p.ring.producer();
       if (producer)
         p.result.count = producer->try_push(p.elements[0]) == Status::ok;
     }},
    {"attach, pop and detach", Side::pops, 1, false, true,
     [](MpmcPlace& p) {
       auto consumer = p.ring.consumer();
       if (consumer)
         p.result.count = consumer->try_pop(p.result.out[0]) == Status::ok;
     }},
    {"attach, claim and detach", Side::pushes, 0, false, true,
     [](MpmcPlace& p) {
       auto producer = p.ring.producer();
       if (producer)
         (void)producer->claim();
     }},
};

// In these somebody dead is in the way, and the second call asks the kernel and repairs.
inline const MpmcOperation kMpmcRepairs[] = {
    {"try_pop twice", Side::pops, 2, true, true,
     [](MpmcPlace& p) {
       p.result.count = p.consumer.try_pop(p.result.out[0]) == Status::ok;
       if (p.result.count == 0)
         p.result.count = p.consumer.try_pop(p.result.out[0]) == Status::ok;
     }},
    {"try_push twice", Side::pushes, 1, true, true,
     [](MpmcPlace& p) {
       p.result.count = p.producer.try_push(p.elements[0]) == Status::ok;
       if (p.result.count == 0)
         p.result.count = p.producer.try_push(p.elements[0]) == Status::ok;
     }},
    kMpmcOperations[6],
    kMpmcOperations[7],
};

inline std::string text_of(const Message& element)
{
  return std::to_string(element.run) + "/" + std::to_string(element.number) + (whole(element) ? "" : " (torn)");
}

// Of kMpmcCapacity elements; isolated: for each producer.
inline MpmcTestRing make_mpmc_ring(uint32_t mode = RTLANE_MODE_SHARED)
{
  MpmcOptions options;
  options.mode = mode;
  options.quota = mode == RTLANE_MODE_ISOLATED ? kMpmcCapacity : 0;
  options.memory.huge = RTLANE_NEVER;
  options.memory.lock = RTLANE_NEVER;
  options.participants = 6;
  MpmcTestRing ring = MpmcTestRing::create("crash ring", kMpmcCapacity, options).value();
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  Message element = {};
  for (uint64_t i = 0; i < kMpmcCapacity; ++i) {
    if (producer->try_push(message(3, i)) != Status::ok || consumer->try_pop(element) != Status::ok)
      std::abort();
  }
  return ring;
}

// Runs the operation stepwise in a child; killed at its end at the latest, so that the last instructions count too.
inline Child start_mpmc(const MpmcTestRing& ring, const MpmcOperation& operation, const StepPlan& plan,
                        StepReport& report, MpmcResult& result, uint64_t run, bool kill_at_the_end)
{
  return Child::start([&] {
    MpmcPlace place = {ring, result, {}, {}, {}};
    for (uint64_t i = 0; i < kMpmcBatch; ++i)
      place.elements[i] = message(run, i);
    if (operation.attached && operation.side == Side::pushes)
      place.producer = ring.producer().value();
    if (operation.attached && operation.side == Side::pops)
      place.consumer = ring.consumer().value();
    const rtlane_channel_layout layout = ring.channel().layout();
    const Watched watched = {layout.base, layout.slots_offset + layout.slot_count * layout.slot_stride_bytes};
    run_stepped(plan, report, watched, [&] { operation.run(place); });
    result.returned = 1;
    if (kill_at_the_end)
      raise(SIGKILL);
    return 0;
  });
}

// Asks until the answer is not one that somebody dead may be behind. A survivor asks the kernel with every second
// call, then more rarely, so this is short.
template <class Call>
Status insist_on(Call call, int calls = 16)
{
  Status status = Status::ok;
  while (calls-- > 0 && ((status = call()) == Status::busy || status == Status::full)) {
  }
  return status;
}

// Everything that came out, whoever took it, against everything that went in.
class Account {
public:
  // The interrupted one's run: `surely` elements must come, up to `perhaps` may.
  void pushed(uint64_t run, uint64_t surely, uint64_t perhaps) { runs_[run] = {surely, perhaps}; }
  void may_lose(uint64_t elements) { may_lose_ += elements; }

  // by: consumers see the elements of one producer in order.
  void took(int by, const Message& element)
  {
    if (!whole(element))
      return complain("torn element " + text_of(element));
    if (runs_.count(element.run) == 0)
      return complain("unexpected element " + text_of(element));
    const auto last = last_.find({by, element.run});
    if (last != last_.end() && last->second >= element.number)
      complain(text_of(element) + " after " + std::to_string(last->second));
    last_[{by, element.run}] = element.number;
    if (!seen_.insert({element.run, element.number}).second)
      complain(text_of(element) + " came twice");
    if (element.number >= runs_[element.run].second)
      complain(text_of(element) + " was never pushed");
  }

  std::string close()
  {
    uint64_t lost = 0;
    for (const auto& [run, counts] : runs_) {
      for (uint64_t i = 0; i < counts.first; ++i)
        lost += seen_.count({run, i}) == 0 ? 1 : 0;
    }
    if (lost > may_lose_)
      complain(std::to_string(lost) + " elements are lost, at most " + std::to_string(may_lose_) + " may be");
    return problem_;
  }

private:
  void complain(const std::string& what) { problem_ += (problem_.empty() ? "" : "; ") + what; }

  std::map<uint64_t, std::pair<uint64_t, uint64_t>> runs_;
  std::map<std::pair<int, uint64_t>, uint64_t> last_;
  std::set<std::pair<uint64_t, uint64_t>> seen_;
  uint64_t may_lose_ = 0;
  std::string problem_;
};

// Empties the ring, fills it to the last slot and empties it, twice. pushed: of run 2 so far.
inline std::string take_all_and_fill(MpmcTestRing::Producer& producer, MpmcTestRing::Consumer& consumer,
                                     Account& account, uint64_t pushed)
{
  account.pushed(2, pushed + 2 * kMpmcCapacity, pushed + 2 * kMpmcCapacity);
  for (int lap = 0; lap < 3; ++lap) {
    Message element = {};
    Status status = Status::ok;
    for (uint64_t taken = 0; (status = insist_on([&] { return consumer.try_pop(element); })) == Status::ok; ++taken) {
      if (taken > kMpmcCapacity + kMpmcBatch)
        return "more elements than were pushed";
      account.took(0, element);
    }
    if (status != Status::empty)
      return std::string("an emptied ring answers ") + to_string(status);
    if (lap == 2)
      break;
    for (uint64_t i = 0; i < kMpmcCapacity; ++i) {
      const Status answer = insist_on([&] { return producer.try_push(message(2, pushed)); });
      if (answer != Status::ok)
        return std::string("capacity is lost: ") + to_string(answer) + " after " + std::to_string(i);
      ++pushed;
    }
    if (producer.try_push(message(2, pushed)) != Status::full)
      return "not full after its capacity";
  }
  return account.close();
}

// Elements that a killed consumer had wholly copied count as taken by it; one more may have been in its hand.
inline void account_for_popper(const MpmcOperation& operation, const MpmcResult& result, int by, Account& account)
{
  for (uint64_t i = 0; i < std::min(operation.count, kMpmcBatch); ++i) {
    const Message& copy = result.out[i];
    if (result.returned != 0 && i >= result.count)
      break;
    if (copy.run == 0 || !whole(copy))
      break;
    account.took(by, copy);
  }
}

}  // namespace rtlane::test
