// Stalls of known length and kind, caused on purpose while a link is measured: who gets the blame?
#include <rtlane/rt/thread.hpp>

#include <gtest/gtest.h>
#include <sched.h>
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

#include "channels/spsc_link.hpp"
#include "latency/attribution.hpp"
#include "latency/pair.hpp"
#include "latency/run_options.hpp"
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
  void operator()() const
  {
    ::madvise(memory, bytes, MADV_DONTNEED);
    for (std::size_t at = 0; at < bytes; at += 4096)
      *static_cast<volatile char*>(memory + at) = 1;
  }
};

template <class M>
using SlowLink = PlantedLink<M, Slow>;
template <class M>
using FaultingLink = PlantedLink<M, Faults>;

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
    plan.kind = SegmentKind::closed;
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
      attribution.add(*samples_, i);
      const auto trips = std::span(samples_->trips.entries).first(samples_->trips.kept());
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

  static void rest_ns(long ns)
  {
    const timespec rest{0, ns};
    ::nanosleep(&rest, nullptr);
  }

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
      return stall.evidence == rt::GapClass::preempted &&
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
  // Half of them hit between two operations.
  EXPECT_GE(json["interrupt_count"], segments * test::TimerStorm::count / 10) << json << worst_;
  EXPECT_GT(json["interrupt_count"], json["host_count"]) << json << worst_;
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
  // Every planted one is on the channel's account: far more than a host that steals at random would explain.
  EXPECT_GE(json["inside_stalls"].get<double>(), json["inside_expected"].get<double>() + 8) << json;
}

}  // namespace
}  // namespace rtlane::bench
