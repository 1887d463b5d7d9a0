// Stalls of known length and kind, caused on purpose while a link is measured: who gets the blame?
#include <rtlane/rt/thread.hpp>

#include <gtest/gtest.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "channels/spsc_link.hpp"
#include "latency/attribution.hpp"
#include "latency/pair.hpp"
#include "latency/run_options.hpp"
#include "latency/stall_watch.hpp"
#include "support/sanitizer.hpp"
#include "support/timer_storm.hpp"
#include "support/watchdog.hpp"

namespace rtlane::bench {
namespace {

using cli::Json;
using test::Watchdog;

constexpr std::uint64_t segment_ns = 36'000'000;
constexpr int injector_priority = 75;  // above the workers and who orders them

void spin_ns(const TickClock& clock, std::uint64_t ns)
{
  for (const std::uint64_t end = ticks() + clock.ticks_of_ns(ns); ticks() < end;) {
  }
}

// ---- links with something wrong in them

constexpr std::uint64_t planted_every = 5'000;
constexpr std::uint64_t planted_ns = 400'000;

template <class M, class Plant>
class PlantedLink {
public:
  static constexpr LinkInfo info = {"test/planted", "spsc", "", Reach::processes, false};

  explicit PlantedLink(LinkRoom& room) : link_(room) {}

  class End {
  public:
    explicit End(typename SpscLink<M>::End end) : end_(std::move(end)) {}
    bool try_send(const M& message)
    {
      if (++sent_ % planted_every == 0)
        plant_();
      return end_.try_send(message);
    }
    bool try_receive(M& message) { return end_.try_receive(message); }

  private:
    typename SpscLink<M>::End end_;
    Plant plant_;
    std::uint64_t sent_ = 0;
  };

  End near_end() { return End(link_.near_end()); }
  End far_end() { return End(link_.far_end()); }

private:
  SpscLink<M> link_;
};

struct Slow {
  const TickClock clock = TickClock::calibrate(20'000'000);
  void operator()() const { spin_ns(clock, planted_ns); }
};

struct Faults {
  static constexpr std::size_t bytes = 256 * 4096;
  char* memory;

  Faults()
      : memory(static_cast<char*>(::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)))
  {
    ::madvise(memory, bytes, MADV_NOHUGEPAGE);
    ::munlock(memory, bytes);
  }
  void operator()() const { take(bytes / 4096); }
  void take(std::size_t pages) const
  {
    ::madvise(memory, bytes, MADV_DONTNEED);
    for (std::size_t at = 0; at < pages * 4096; at += 4096)
      *static_cast<volatile char*>(memory + at) = 1;
  }
};

// As slow as Slow, and something else comes for a moment, in turn: another thread, a page fault, or that it sleeps.
class Troubled {
public:
  void operator()()
  {
    switch (turn_++ % 3) {
      case 0:
        spin_ns(taker_->clock, planted_ns / 2);
        ::sem_post(&taker_->turn);  // with real-time priority it takes the CPU at once
        return spin_ns(taker_->clock, planted_ns / 2);
      case 1:
        faults_.take(1);
        return spin_ns(taker_->clock, planted_ns);
      case 2:
        const timespec time{0, planted_ns};
        ::nanosleep(&time, nullptr);
    }
  }

private:
  struct Taker {
    const TickClock clock = TickClock::calibrate(20'000'000);
    sem_t turn;
    std::thread thread;

    Taker()
    {
      ::sem_init(&turn, 0, 0);
      rt::ThreadConfig config;
      config.cpu = ::sched_getcpu();  // the side is pinned
      config.fifo_priority = ::sched_getscheduler(0) == SCHED_FIFO ? injector_priority : 0;
      thread = std::thread([this, config] {
        rt::configure_this_thread(config);
        for (;;) {
          while (::sem_wait(&turn) != 0) {
          }
          spin_ns(clock, 20'000);
        }
      });
      thread.detach();  // ends with the process
    }
  };

  std::unique_ptr<Taker> taker_ = std::make_unique<Taker>();
  Faults faults_;
  unsigned turn_ = 0;
};

template <class M>
using SlowLink = PlantedLink<M, Slow>;
template <class M>
using FaultingLink = PlantedLink<M, Faults>;
template <class M>
using TroubledLink = PlantedLink<M, Troubled>;

// Its first messages of a segment are slow.
template <class M>
class ColdLink {
public:
  static constexpr LinkInfo info = {"test/cold", "spsc", "", Reach::processes, false};
  static constexpr std::uint64_t cold_messages = 32;
  static constexpr std::uint64_t cold_ns = 200'000;

  explicit ColdLink(LinkRoom& room) : link_(room) {}

  class End {
  public:
    explicit End(typename SpscLink<M>::End end) : end_(std::move(end)) {}
    bool try_send(const M& message)
    {
      if (message.number <= cold_messages)
        spin_ns(clock_, cold_ns);
      return end_.try_send(message);
    }
    bool try_receive(M& message) { return end_.try_receive(message); }

  private:
    typename SpscLink<M>::End end_;
    const TickClock clock_ = TickClock::calibrate(20'000'000);
  };

  End near_end() { return End(link_.near_end()); }
  End far_end() { return End(link_.far_end()); }

private:
  SpscLink<M> link_;
};

// ---- the run

template <template <class> class Link>
Candidate candidate_of()
{
  return {Link<Message16>::info, sizeof(Message16), [](LinkRoom& room) {
            return std::unique_ptr<LinkWork>(std::make_unique<LinkWorkOf<Link, Message16>>(room));
          }};
}

class Blame : public testing::Test {
protected:
  static bool has_two_cpus() { return rt::allowed_cpus().size() >= 2; }

  void SetUp() override
  {
    if (!has_two_cpus())
      GTEST_SKIP() << "two polling sides need two CPUs, and this process may run on one only";
    if (test::built_with_sanitizer)
      GTEST_SKIP() << "a sanitizer's run time faults and stalls on its own";
    const std::vector<int> cpus = rt::allowed_cpus();
    options_.cpus = {cpus[0], cpus[1]};
    place_.emplace(options_);
    room_ = std::make_unique<SharedRoom>(sizeof(SampleRoom) + cache_line_bytes);
    samples_ = &room_->make<SampleRoom>();
  }

  bool fifo() const { return place_->placement.fifo_priority != 0; }

  // Runs segments, with `disturb` in a thread of its own from some milliseconds after each began; as many more as it
  // takes until `segments` were disturbed while they ran, since on a busy machine the disturbance may come too late.
  Json measure(const Candidate& candidate, unsigned segments, const std::function<void(Pair&)>& disturb = {})
  {
    return measure(
        candidate, segments, [] { return true; }, disturb);
  }

  // named(): whether the record of a segment that was disturbed says so.
  Json measure(const Candidate& candidate, unsigned segments, const std::function<bool()>& named,
               const std::function<void(Pair&)>& disturb)
  {
    Pair pair(candidate, place_->placement, *samples_);
    EXPECT_FALSE(pair.failed()) << pair.failure();
    SegmentPlan plan{};
    plan.kind = kind_;
    plan.interval_ticks = place_->placement.clock.ticks_of_ns(open_interval_ns);
    plan.duration_ticks = place_->placement.clock.ticks_of_ns(segment_ns);
    plan.stop_again_ticks = place_->placement.clock.ticks_of_ns(2'000'000);
    Attribution attribution(place_->placement.clock, {options_.cpus.near, options_.cpus.far});
    unsigned done = 0;
    for (unsigned i = 0; done < segments && i < 50 * segments; ++i) {
      std::uint64_t begin = 0;
      std::uint64_t end = 0;
      std::thread disturber;
      if (disturb) {
        // Once the workers run an ordinary thread gets no CPU.
        std::promise<void> ready;
        disturber = std::thread([&] {
          rt::ThreadConfig config;
          config.fifo_priority = fifo() ? injector_priority : 0;
          rt::configure_this_thread(config);
          ready.set_value();
          rest_ns(8'000'000);
          begin = ticks();
          disturb(pair);
          end = ticks();
        });
        ready.get_future().wait();
      }
      EXPECT_TRUE(pair.run(plan)) << pair.failure();
      if (disturber.joinable())
        disturber.join();
      const std::vector<Trip> trips = trips_of_segment();
      attribution.add(*samples_, trips, i);
      if (!disturb ||
          (begin >= trips.front().begin_ticks && end <= trips.back().begin_ticks + trips.back().length_ticks)) {
        EXPECT_TRUE(named()) << "segment " << i;
        ++done;
      }
    }
    EXPECT_EQ(done, segments) << "the machine is too busy";
    worst_ = attribution.worst_json();
    return attribution.attributed_json();
  }

  // Of the closed loop, or responses of the open one.
  std::vector<Trip> trips_of_segment() const
  {
    if (kind_ == SegmentKind::closed) {
      const auto trips = std::span(samples_->trips.entries).first(samples_->trips.kept());
      return {trips.begin(), trips.end()};
    }
    std::vector<Trip> trips;
    for (std::uint64_t i = 0; i < samples_->sent; ++i)
      trips.push_back({samples_->due_ticks[i], samples_->came_ticks[i] - samples_->due_ticks[i], 0, 0});
    return trips;
  }

  static void rest_ns(long ns)
  {
    const timespec rest{0, ns};
    ::nanosleep(&rest, nullptr);
  }

  static constexpr std::uint64_t open_interval_ns = 5'000;

  SegmentKind kind_ = SegmentKind::closed;
  RunOptions options_;
  std::optional<RunPlace> place_;
  std::unique_ptr<SharedRoom> room_;
  SampleRoom* samples_ = nullptr;
  Json worst_;
};

TEST_F(Blame, AStoppedSideIsStopped)
{
  Watchdog watchdog(100);
  constexpr long stop_ns = 10'000'000;
  constexpr unsigned segments = 4;
  const Json json = measure(candidate_of<SpscLink>(), segments, [&](Pair& pair) {
    const pid_t far = pair.worker(Side::far);
    ::kill(far, SIGSTOP);
    rest_ns(stop_ns);
    ::kill(far, SIGCONT);
  });
  EXPECT_GE(json["stopped_count"], segments) << json << worst_;
  EXPECT_GE(json["stopped_ns"], std::uint64_t{segments} * stop_ns * 9 / 10) << json << worst_;
}

TEST_F(Blame, AThreadThatTakesTheCpuIsNamedSo)
{
  Watchdog watchdog(100);
  if (!fifo())
    GTEST_SKIP() << "SCHED_FIFO is refused, so nothing is sure to take the CPU: " << place_->environment["refused"];
  constexpr std::uint64_t taken_ns = 5'000'000;
  constexpr unsigned segments = 4;
  const auto named = [&] {
    const auto stalls = std::span(samples_->sides[0].stalls.entries).first(samples_->sides[0].stalls.kept());
    return std::any_of(stalls.begin(), stalls.end(), [&](const Stall& stall) {
      return rt::classify(stall.parts) == rt::GapClass::preempted &&
             place_->placement.clock.ns(stall.length_ticks) >= taken_ns * 9 / 10;
    });
  };
  const Json json = measure(candidate_of<SpscLink>(), segments, named, [&](Pair&) {
    rt::ThreadConfig config;
    config.cpu = options_.cpus.near;
    config.fifo_priority = injector_priority;
    rt::configure_this_thread(config);
    spin_ns(place_->placement.clock, taken_ns);
  });
  // Each was named; one that hits the near side between two trips holds up none of them.
  EXPECT_GE(json["preempted_count"], 1) << json << worst_;
  EXPECT_GE(json["preempted_ns"], taken_ns * 9 / 10) << json << worst_;
}

TEST_F(Blame, AStormOfTimersIsInterrupts)
{
  Watchdog watchdog(100);
  constexpr unsigned segments = 4;
  const Json json = measure(candidate_of<SpscLink>(), segments, [&](Pair&) {
    rt::ThreadConfig config;
    config.cpu = options_.cpus.near;
    config.fifo_priority = fifo() ? injector_priority : 0;
    rt::configure_this_thread(config);
    test::TimerStorm storm;
    rt::sleep_until_ns(storm.start());
  });
  // Many hit between two operations; a host that takes the CPU for a while makes one interrupt of those that came due
  // meanwhile, and one that takes long to deliver them has those to itself.
  EXPECT_GE(json["interrupt_count"], 2 * segments) << json << worst_;
}

TEST_F(Blame, APageFaultInsideAnOperationIsAFault)
{
  Watchdog watchdog(100);
  const Json json = measure(candidate_of<FaultingLink>(), 8);
  // Both sides send, and plant one each planted_every messages; some are held up longer by somebody else.
  EXPECT_GE(json["fault_count"], 8) << json << worst_;
}

// The one that must never be written off.
TEST_F(Blame, ASlowOperationIsNotTheHosts)
{
  Watchdog watchdog(100);
  const Json json = measure(candidate_of<SlowLink>(), 8);
  EXPECT_GE(json["inside_count"], 8) << json << worst_;
  EXPECT_GE(json["inside_ns"], 8 * planted_ns) << json;
  EXPECT_GE(json["inside_stalls"], 8) << json;
  EXPECT_GE(json["channel_max_ns"], planted_ns) << json;
}

// Nor when something else comes for a moment, nor when it sleeps.
TEST_F(Blame, OfASlowOperationNoMoreIsAnothersThanWasTakenFromIt)
{
  Watchdog watchdog(100);
  constexpr std::uint64_t own_ns = planted_ns - rt::longest_fault_ns;
  std::array<unsigned, rt::gap_class_count> its_own{};
  const auto count_its_own = [&] {
    const TickClock& clock = place_->placement.clock;
    for (const SideRecord& side : samples_->sides) {
      const std::vector<Held> held = held_of(side, clock);
      for (const Stall& stall : std::span(side.stalls.entries).first(side.stalls.kept())) {
        const bool is_its_own =
            stall.inside != 0 && std::any_of(held.begin(), held.end(), [&](const Held& one) {
              return one.begin == stall.begin_ticks && clock.ns(one.parts[index_of(Cause::inside)]) >= own_ns;
            });
        for (const rt::GapClass kind : {rt::GapClass::preempted, rt::GapClass::fault, rt::GapClass::stopped})
          its_own[static_cast<std::size_t>(kind)] += is_its_own && stall.parts[kind] != 0 ? 1 : 0;
      }
    }
    return true;
  };
  const Json json = measure(candidate_of<TroubledLink>(), 4, count_its_own, {});
  for (const rt::GapClass kind : {rt::GapClass::preempted, rt::GapClass::fault, rt::GapClass::stopped}) {
    if (kind != rt::GapClass::preempted || fifo()) {
      EXPECT_GE(its_own[static_cast<std::size_t>(kind)], 4u) << static_cast<int>(kind) << json << worst_;
    }
  }
  EXPECT_GE(json["inside_count"], 12) << json << worst_;
  EXPECT_GE(json["inside_ns"], 12 * own_ns) << json;
  EXPECT_GE(json["channel_max_ns"], own_ns) << json;
}

// ---- the open loop

TEST_F(Blame, TheOpenLoopKnowsASlowOperation)
{
  Watchdog watchdog(100);
  kind_ = SegmentKind::open;
  const Json json = measure(candidate_of<SlowLink>(), 4);
  EXPECT_GE(json["inside_count"], 4) << json << worst_;
  EXPECT_GE(json["inside_stalls"], 4) << json;
  EXPECT_GE(json["channel_max_ns"], planted_ns) << json;
}

TEST_F(Blame, TheOpenLoopKnowsAStoppedSide)
{
  Watchdog watchdog(100);
  kind_ = SegmentKind::open;
  constexpr long stop_ns = 4'000'000;
  const Json json = measure(candidate_of<SpscLink>(), 2, [&](Pair& pair) {
    const pid_t far = pair.worker(Side::far);
    ::kill(far, SIGSTOP);
    rest_ns(stop_ns);
    ::kill(far, SIGCONT);
  });
  // All messages that were due in the first half of a stop waited for it the longest.
  EXPECT_GE(json["stopped_count"], 2 * stop_ns / 2 / open_interval_ns * 9 / 10) << json << worst_;
}

// As in the closed loop what a segment begins with is not measured.
TEST_F(Blame, TheOpenLoopWarmsUp)
{
  Watchdog watchdog(100);
  static_assert(ColdLink<Message16>::cold_messages <= warm_up_trips);
  Pair pair(candidate_of<ColdLink>(), place_->placement, *samples_);
  SegmentPlan plan{};
  plan.kind = SegmentKind::open;
  const TickClock& clock = place_->placement.clock;
  plan.interval_ticks = clock.ticks_of_ns(open_interval_ns);
  plan.duration_ticks = clock.ticks_of_ns(segment_ns);
  plan.stop_again_ticks = clock.ticks_of_ns(2'000'000);
  ASSERT_TRUE(pair.run(plan)) << pair.failure();
  EXPECT_NEAR(static_cast<double>(samples_->sent), segment_ns / open_interval_ns, 1) << "rounded to ticks";
  EXPECT_EQ(samples_->received, samples_->sent);
  const auto stalls = std::span(samples_->sides[0].stalls.entries).first(samples_->sides[0].stalls.kept());
  EXPECT_LT(std::count_if(stalls.begin(), stalls.end(),
                          [&](const Stall& stall) {
                            return stall.inside != 0 && clock.ns(stall.length_ticks) >= ColdLink<Message16>::cold_ns;
                          }),
            ColdLink<Message16>::cold_messages / 2);
}

// ---- the observer

// What is between the end of a stall and the tick from which the next one counts is all told.
TEST_F(Blame, TheWatchTellsWhatItsReadingsTake)
{
  const TickClock& clock = place_->placement.clock;
  StallWatch<true> watch(clock, 1'000);
  SideRecord& record = samples_->sides[0];
  for (const bool inside : {false, true}) {
    record.clear();
    watch.begin(record);
    spin_ns(clock, 20'000);
    const std::uint64_t end = ticks();
    const std::uint64_t next = inside ? watch.inside(end) : watch.outside(end);
    ASSERT_EQ(record.stalls.count, 1u);
    const Stall& stall = record.stalls.entries[0];
    EXPECT_EQ(stall.inside, inside ? 1u : 0u);
    EXPECT_GE(stall.begin_ticks + stall.length_ticks, end);
    EXPECT_GT(stall.observer_ticks, 0u);
    EXPECT_EQ(stall.begin_ticks + stall.length_ticks + stall.observer_ticks, next);
    EXPECT_EQ(record.inside_ticks + record.outside_ticks, inside ? record.inside_ticks : record.outside_ticks);
  }
}

// A switch that is too short for a stall has the counters read as well.
TEST_F(Blame, TheWatchTellsReadingsWithoutAStall)
{
  if (!rt::PreemptionWitness().is_available())
    GTEST_SKIP() << "there is no rseq here";
  const TickClock& clock = place_->placement.clock;
  StallWatch<true> watch(clock, 1'000'000'000);
  SideRecord& record = samples_->sides[0];
  record.clear();
  watch.begin(record);
  std::uint64_t missed_ticks = 0;
  std::uint64_t observed_ticks = 0;
  for (int i = 0; i < 20; ++i) {
    ::raise(SIGCONT);  // a signal trips it
    for (int poll = 0; poll < 3; ++poll) {
      const std::uint64_t now = ticks();
      missed_ticks += watch.outside(now) - now;
    }
  }
  for (const Stall& stall : std::span(record.stalls.entries).first(record.stalls.kept()))
    observed_ticks += stall.length_ticks == 0 ? stall.observer_ticks : 0;
  EXPECT_GE(record.stalls.count, 10u);
  EXPECT_EQ(observed_ticks, missed_ticks);
}

}  // namespace
}  // namespace rtlane::bench
