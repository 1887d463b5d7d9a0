#include "instructions.hpp"

#include <fmt/format.h>
#include <rtlane/channels/channels.h>
#include <rtlane/channels/histogram.hpp>
#include <rtlane/core/event.hpp>
#include <rtlane/core/mutex.hpp>
#include <rtlane/core/semaphore.hpp>
#include <rtlane/core/tick_clock.hpp>

#include "instruction_counter.hpp"
#include "rings.hpp"

namespace rtlane::bench::micro {
namespace {

using Counts = std::vector<InstructionCount>;

template <class Scene, class Answer>
void count(Counts& counts, const std::string& operation, std::size_t bytes, void (*prepare)(Scene&),
           Answer (*function)(Scene&), bool (*is_right)(Scene&, Answer))
{
  const StepCounts steps = count_function<Scene, Answer>(operation, prepare, function, is_right);
  counts.push_back({operation, bytes, steps.own, steps.calls, steps.elsewhere});
}

template <class Scene>
void as_it_is(Scene&)
{}

// ---- the ring

template <class M>
void count_producer(Counts& counts)
{
  using R = Ring<M>;
  const auto full = +[](R& r) { r.fill(); };
  // The consumer has taken all, which the producer does not know: its copy of the head says full.
  const auto full_by_copy = +[](R& r) {
    r.fill();
    while (r.consumer.try_pop(r.out) == Status::ok) {
    }
  };
  const auto claimed = +[](R& r) { used(r.producer.claim()); };
  const auto push = +[](R& r) { return r.producer.try_push(r.message); };
  const auto is_ok = +[](R&, Status status) { return status == Status::ok; };
  const auto is_full = +[](R&, Status status) { return status == Status::full; };
  const auto is_yes = +[](R&, bool answer) { return answer; };
  const auto is_place = +[](R&, M* place) { return place != nullptr; };
  const auto is_batch = +[](R&, std::size_t pushed) { return pushed == batch_count; };
  const auto push_batch = +[](R& r) { return r.producer.try_push_n(r.batch); };
  const auto claim = +[](R& r) { return r.producer.claim(); };
  const auto publish = +[](R& r) { return r.producer.publish(); };

  count<R>(counts, "spsc/try_push/hit", sizeof(M), &as_it_is<R>, push, is_ok);
  count<R>(counts, "spsc/try_push/looks_at_head", sizeof(M), full_by_copy, push, is_ok);
  count<R>(counts, "spsc/try_push/full", sizeof(M), full, push, is_full);
  count<R>(counts, "spsc/try_push_n/batch:8", sizeof(M), &as_it_is<R>, push_batch, is_batch);
  count<R>(counts, "spsc/claim", sizeof(M), &as_it_is<R>, claim, is_place);
  count<R>(counts, "spsc/publish", sizeof(M), claimed, publish, is_yes);
}

template <class M>
void count_consumer(Counts& counts)
{
  using R = Ring<M>;
  const auto one = +[](R& r) { used(r.producer.try_push(r.message)); };
  const auto batch = +[](R& r) { used(r.producer.try_push_n(r.batch)); };
  const auto peeked = +[](R& r) { used(r.producer.try_push(r.message)) && used(r.consumer.peek()); };
  const auto pop = +[](R& r) { return r.consumer.try_pop(r.out); };
  const auto is_ok = +[](R&, Status status) { return status == Status::ok; };
  const auto is_empty = +[](R&, Status status) { return status == Status::empty; };
  const auto is_yes = +[](R&, bool answer) { return answer; };
  const auto is_element = +[](R&, const M* element) { return element != nullptr; };
  const auto is_batch = +[](R&, std::size_t taken) { return taken == batch_count; };
  const auto pop_batch = +[](R& r) { return r.consumer.try_pop_n(r.out_batch); };
  const auto peek = +[](R& r) { return r.consumer.peek(); };
  const auto release = +[](R& r) { return r.consumer.release(); };

  count<R>(counts, "spsc/try_pop/hit", sizeof(M), one, pop, is_ok);
  count<R>(counts, "spsc/try_pop/empty", sizeof(M), &as_it_is<R>, pop, is_empty);
  count<R>(counts, "spsc/try_pop_n/batch:8", sizeof(M), batch, pop_batch, is_batch);
  count<R>(counts, "spsc/peek", sizeof(M), one, peek, is_element);
  count<R>(counts, "spsc/release", sizeof(M), peeked, release, is_yes);
}

template <class M>
void count_c_calls(Counts& counts)
{
  using R = CRing<M>;
  const auto one = +[](R& r) { used(rtlane_spsc_try_push(r.producer, &r.message)); };
  const auto push = +[](R& r) { return rtlane_spsc_try_push(r.producer, &r.message); };
  const auto pop = +[](R& r) { return rtlane_spsc_try_pop(r.consumer, &r.out); };
  const auto is_ok = +[](R&, int status) { return status == RTLANE_OK; };
  const auto is_empty = +[](R&, int status) { return status == RTLANE_EMPTY; };

  count<R>(counts, "spsc_c/try_push/hit", sizeof(M), &as_it_is<R>, push, is_ok);
  count<R>(counts, "spsc_c/try_pop/hit", sizeof(M), one, pop, is_ok);
  count<R>(counts, "spsc_c/try_pop/empty", sizeof(M), &as_it_is<R>, pop, is_empty);
}

// ---- events, semaphores, mutexes

struct Signals {
  Event event = need(Event::create(""));
  Semaphore semaphore = need(Semaphore::create("", 0));
  Mutex mutex = need(Mutex::create(""));
};

void count_signals(Counts& counts)
{
  using S = Signals;
  const auto set = +[](S& s) { used(s.event.set()); };
  const auto released = +[](S& s) { used(s.semaphore.try_release()); };
  const auto locked = +[](S& s) { s.mutex.lock(); };
  const auto is_yes = +[](S&, bool answer) { return answer; };
  const auto is_taken = +[](S&, WaitStatus status) { return status == WaitStatus::ok; };
  const auto is_timed_out = +[](S&, WaitStatus status) { return status == WaitStatus::timed_out; };
  const auto is_locked = +[](S& s, int) { return s.mutex.unlock(); };
  const auto is_unlocked = +[](S& s, bool answer) { return answer && !s.mutex.unlock(); };
  const auto set_event = +[](S& s) { return s.event.set(); };
  const auto wait_event = +[](S& s) { return s.event.wait().status; };
  const auto try_wait_event = +[](S& s) { return s.event.try_wait().status; };
  const auto release = +[](S& s) { return s.semaphore.try_release(); };
  const auto wait_semaphore = +[](S& s) { return s.semaphore.wait().status; };
  const auto lock = +[](S& s) {
    s.mutex.lock();
    return no_answer();
  };
  const auto unlock = +[](S& s) { return s.mutex.unlock(); };

  count<S>(counts, "event/set", 0, &as_it_is<S>, set_event, is_yes);
  count<S>(counts, "event/wait/there", 0, set, wait_event, is_taken);
  count<S>(counts, "event/try_wait/not_there", 0, &as_it_is<S>, try_wait_event, is_timed_out);
  count<S>(counts, "semaphore/try_release", 0, &as_it_is<S>, release, is_yes);
  count<S>(counts, "semaphore/wait/there", 0, released, wait_semaphore, is_taken);
  count<S>(counts, "mutex/lock", 0, &as_it_is<S>, lock, is_locked);
  count<S>(counts, "mutex/unlock", 0, locked, unlock, is_unlocked);
}

// ---- measuring

struct Meter {
  Histogram histogram;
  std::uint64_t ns = 1234;
};

void count_meter(Counts& counts)
{
  using S = Meter;
  const auto below_maximum = +[](S& s) { s.histogram.record(s.ns + 1); };
  const auto record = +[](S& s) {
    s.histogram.record(s.ns);
    return no_answer();
  };
  const auto read = +[](S&) { return ticks(); };
  const auto begin = +[](S&) { return ticks_begin(); };
  const auto end = +[](S&) { return ticks_end(); };
  const auto was_recorded = +[](S& s, int) { return s.histogram.count() == 2; };
  const auto was_first = +[](S& s, int) { return s.histogram.count() == 1 && s.histogram.max_ns() == s.ns; };
  const auto is_some = +[](S&, std::uint64_t answer) { return answer != 0; };

  count<S>(counts, "histogram/record/below_max", 0, below_maximum, record, was_recorded);
  count<S>(counts, "histogram/record/new_max", 0, &as_it_is<S>, record, was_first);
  count<S>(counts, "clock/ticks", 0, &as_it_is<S>, read, is_some);
  count<S>(counts, "clock/ticks_begin", 0, &as_it_is<S>, begin, is_some);
  count<S>(counts, "clock/ticks_end", 0, &as_it_is<S>, end, is_some);
}

}  // namespace

std::string built_by()
{
#if defined(__clang__)
  std::string text = "clang++ " __clang_version__;
#else
  std::string text = "g++ " __VERSION__;
#endif
#if defined(__x86_64__)
  text += ", x86-64";
#else
  text += ", another architecture";
#endif
  text += ", " RTLANE_BUILD_FLAGS;
  // What some distributions' compilers add by themselves.
#if defined(__PIE__)
  text += ", PIE";
#endif
#if defined(__CET__)
  text += ", CET";
#endif
#if defined(__SSP__) || defined(__SSP_STRONG__) || defined(__SSP_ALL__)
  text += ", stack protector";
#endif
#if defined(_FORTIFY_SOURCE)
  text += ", fortified";
#endif
  return text;
}

std::vector<InstructionCount> count_instructions()
{
  if (const char* reason = step_unavailable())
    throw Failure(reason);
  Counts counts;
  for_each_message([&]<class M>() {
    count_producer<M>(counts);
    count_consumer<M>(counts);
    count_c_calls<M>(counts);
  });
  count_signals(counts);
  count_meter(counts);
  return counts;
}

std::string instructions_text(const std::vector<InstructionCount>& counts)
{
  std::string text = fmt::format(
      "# Machine instructions of rtlane for one operation; what is counted: bench/README.md.\n"
      "# Written by: rtlane-micro --instructions bench/micro/instructions.txt\n"
      "# Elsewhere: instructions in libraries that are called, such as the C library. They differ from machine to\n"
      "# machine and are not compared.\n"
      "#\n"
      "# built by: {}\n"
      "#\n"
      "{:<30} {:>6} {:>13} {:>6} {:>10}\n",
      built_by(), "# operation", "bytes", "instructions", "calls", "elsewhere");
  for (const InstructionCount& count : counts)
    text += fmt::format("{:<30} {:>6} {:>13} {:>6} {:>10}\n", count.operation,
                        count.bytes == 0 ? "-" : std::to_string(count.bytes), count.instructions, count.calls,
                        count.elsewhere);
  return text;
}

cli::Json instructions_document(const std::vector<InstructionCount>& counts)
{
  cli::Json operations = cli::Json::array();
  for (const InstructionCount& count : counts) {
    cli::Json operation = {{"operation", count.operation}};
    if (count.bytes != 0)
      operation["bytes"] = count.bytes;
    operation["instructions"] = count.instructions;
    operation["calls"] = count.calls;
    operation["elsewhere"] = count.elsewhere;
    operations.push_back(operation);
  }
  return {{"schema", "rtlane.instructions/1"}, {"built_by", built_by()}, {"operations", operations}};
}

}  // namespace rtlane::bench::micro
