// Ordering. What the batons themselves order is what is measured, so nothing relies on it.
//   H1 there, release  ->  H2 there, acquire   the number of the baton that was passed
//   H3 back, release   ->  H4 back, acquire    the number that was taken
#include "hand_over_candidates.hpp"

#include <rtlane/core/sync.h>
#include <rtlane/core/cache_line.hpp>
#include <rtlane/core/tick_clock.hpp>

#include <fmt/format.h>

#include <atomic>

#include "../peers/eventfd.hpp"
#include "../peers/posix_semaphore.hpp"
#include "../peers/pthread_condition.hpp"
#include "../peers/pthread_robust_mutex.hpp"
#include "../support/segments.hpp"
#include "../support/statistics.hpp"

namespace rtlane::bench {
namespace {

constexpr std::size_t samples_least = 8;

// ---- rtlane's own

// A handle that the other process inherits.
class Handle {
public:
  Handle() = default;
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { rtlane_close(value); }

  static void must(int result)
  {
    if (result != 0) [[unlikely]]
      die(rtlane_error_message());
  }

  rtlane_handle value = 0;
};

class RtlaneEvent {
public:
  static constexpr char name[] = "rtlane/event";

  explicit RtlaneEvent(SharedRoom&) { Handle::must(rtlane_event_create("", 0, 0, nullptr, &event_.value)); }
  void pass() { Handle::must(rtlane_event_set(event_.value)); }
  void take() { Handle::must(rtlane_wait(event_.value, RTLANE_FOREVER)); }

private:
  Handle event_;
};

class RtlaneSemaphore {
public:
  static constexpr char name[] = "rtlane/semaphore";

  explicit RtlaneSemaphore(SharedRoom&)
  {
    Handle::must(rtlane_semaphore_create("", 0, RTLANE_SEMAPHORE_MAX, nullptr, &semaphore_.value));
  }
  void pass() { Handle::must(rtlane_semaphore_release(semaphore_.value, 1, nullptr)); }
  void take() { Handle::must(rtlane_wait(semaphore_.value, RTLANE_FOREVER)); }

private:
  Handle semaphore_;
};

class RtlaneMutex {
public:
  static constexpr char name[] = "rtlane/mutex";

  explicit RtlaneMutex(SharedRoom&) { Handle::must(rtlane_mutex_create("", 0, nullptr, &mutex_.value)); }
  void lock() { Handle::must(rtlane_wait(mutex_.value, RTLANE_FOREVER)); }
  void unlock() { Handle::must(rtlane_mutex_unlock(mutex_.value)); }

private:
  Handle mutex_;
};

// ---- how they are measured

template <class Pair>
void measure_pairs(std::uint64_t duration_ticks, std::vector<std::uint64_t>& samples, Pair&& pair)
{
  std::uint64_t before = ticks();
  const std::uint64_t end = before + duration_ticks;
  while (before < end || samples.size() < samples_least) {
    for (std::uint64_t i = 0; i < trips_per_sample; ++i)
      pair();
    sample(samples, before);
  }
}

template <class Baton, CandidateKind the_kind>
class Batons final : public Candidate {
public:
  Batons(SharedRoom& room, std::uint64_t hold_ticks)
      : shared_(room.make<Shared>()), there_(room), back_(room), hold_ticks_(hold_ticks)
  {}

  [[nodiscard]] const char* name() const override { return Baton::name; }
  [[nodiscard]] CandidateKind kind() const override { return the_kind; }

  void prepare() override
  {
    shared_.there.store(0, std::memory_order_relaxed);  // relaxed: ordered by the order of the segment
    shared_.back.store(0, std::memory_order_relaxed);   // relaxed: as above
  }

  // The sample is from pass to take, without the time for which the other process kept the baton.
  void measure(std::uint64_t duration_ticks, std::vector<std::uint64_t>& samples) override
  {
    std::uint64_t passed = hold(ticks());
    const std::uint64_t end = passed + duration_ticks;
    for (std::uint64_t number = 1;; ++number) {
      const bool last = passed >= end && samples.size() >= samples_least;
      const std::uint64_t sent = last ? stop_number : number;
      shared_.there.store(sent, std::memory_order_release);  // H1, pairs with H2
      there_.pass();
      back_.take();
      if (shared_.back.load(std::memory_order_acquire) != sent)  // H4, pairs with H3
        die(fmt::format("{}: it was taken before it was passed back", name()));
      if (last)
        return;
      const std::uint64_t taken = ticks();
      samples.push_back(taken - passed - shared_.far_ticks);
      passed = hold(taken);
    }
  }

  void serve() override
  {
    for (std::uint64_t expected = 1;; ++expected) {
      there_.take();
      const std::uint64_t seen = shared_.there.load(std::memory_order_acquire);  // H2, pairs with H1
      if (seen != expected && seen != stop_number)
        die(fmt::format("{}: it was taken before it was passed there", name()));
      if constexpr (is_kept) {
        const std::uint64_t taken = ticks();
        shared_.far_ticks = hold(taken) - taken;
      }
      shared_.back.store(seen, std::memory_order_release);  // H3, pairs with H4
      back_.pass();
      if (seen == stop_number)
        return;
    }
  }

  void measure_alone(std::uint64_t duration_ticks, std::vector<std::uint64_t>& samples) override
  {
    if constexpr (!is_kept) {
      measure_pairs(duration_ticks, samples, [&] {
        there_.pass();
        there_.take();
      });
    }
  }

private:
  static constexpr bool is_kept = the_kind == CandidateKind::asleep;

  // Which baton was passed, so that one that comes by itself is noticed; far_ticks: for which the other process kept it
  // the last time.
  struct Shared {
    alignas(cache_line_bytes) std::atomic<std::uint64_t> there;
    alignas(cache_line_bytes) std::atomic<std::uint64_t> back;
    std::uint64_t far_ticks;
  };

  // Returns when that ended.
  std::uint64_t hold(std::uint64_t since) const
  {
    std::uint64_t now = since;
    if constexpr (is_kept) {
      while (now - since < hold_ticks_)
        now = ticks();
    }
    return now;
  }

  Shared& shared_;
  Baton there_;
  Baton back_;
  std::uint64_t hold_ticks_;
};

template <class Lock, CandidateKind the_kind>
class Locks final : public Candidate {
public:
  Locks(SharedRoom& room, std::uint64_t hold_ticks)
      : guarded_(room.make<Guarded>()), lock_(room), hold_ticks_(hold_ticks)
  {}

  [[nodiscard]] const char* name() const override { return Lock::name; }
  [[nodiscard]] CandidateKind kind() const override { return the_kind; }

  void prepare() override { guarded_ = {}; }

  // The sample begins where this process unlocks and ends where it has the lock again; the time for which the other
  // process held it is taken off, so that two hand-overs are left. Not when that had it twice in between, or not at
  // all.
  void measure(std::uint64_t duration_ticks, std::vector<std::uint64_t>& samples) override
  {
    std::uint64_t unlocked = 0;
    const std::uint64_t end = ticks() + duration_ticks;
    for (;;) {
      lock_.lock();
      const std::uint64_t locked = ticks();
      if (unlocked != 0 && guarded_.far_turns == 1)
        samples.push_back(locked - unlocked - guarded_.far_ticks);
      guarded_.far_turns = 0;
      guarded_.over = locked >= end && samples.size() >= samples_least;
      const bool last = guarded_.over;
      unlocked = hold(near_side, locked);
      lock_.unlock();
      if (last)
        return;
    }
  }

  void serve() override
  {
    for (bool last = false; !last;) {
      lock_.lock();
      const std::uint64_t locked = ticks();
      last = guarded_.over;
      ++guarded_.far_turns;
      guarded_.far_ticks = hold(far_side, locked) - locked;
      lock_.unlock();
    }
  }

  void measure_alone(std::uint64_t duration_ticks, std::vector<std::uint64_t>& samples) override
  {
    if constexpr (the_kind == CandidateKind::lock) {
      measure_pairs(duration_ticks, samples, [&] {
        lock_.lock();
        lock_.unlock();
      });
    }
  }

private:
  static constexpr std::uint32_t near_side = 1;
  static constexpr std::uint32_t far_side = 2;

  // What the lock guards.
  struct Guarded {
    std::uint32_t holder;
    std::uint32_t far_turns;  // of the other process since this one had it
    std::uint64_t far_ticks;  // for which it held the lock the last time
    bool over;
  };

  // Returns when that ended. Long enough that the other one has come to wait.
  std::uint64_t hold(std::uint32_t side, std::uint64_t since)
  {
    const volatile std::uint32_t& holder = guarded_.holder;
    guarded_.holder = side;
    std::uint64_t now = since;
    while (now - since < hold_ticks_) {
      now = ticks();
      if (holder != side)
        die(fmt::format("{}: both processes had the lock at once", name()));
    }
    return now;
  }

  Guarded& guarded_;
  Lock lock_;
  std::uint64_t hold_ticks_;
};

template <CandidateKind kind>
void add_batons(std::vector<std::unique_ptr<Candidate>>& all, SharedRoom& room, std::uint64_t hold_ticks)
{
  all.push_back(std::make_unique<Batons<RtlaneEvent, kind>>(room, hold_ticks));
  all.push_back(std::make_unique<Batons<RtlaneSemaphore, kind>>(room, hold_ticks));
  all.push_back(std::make_unique<Batons<PosixSemaphore, kind>>(room, hold_ticks));
  all.push_back(std::make_unique<Batons<EventFd, kind>>(room, hold_ticks));
  all.push_back(std::make_unique<Batons<PthreadCondition, kind>>(room, hold_ticks));
}

template <CandidateKind kind>
void add_locks(std::vector<std::unique_ptr<Candidate>>& all, SharedRoom& room, std::uint64_t hold_ticks)
{
  all.push_back(std::make_unique<Locks<RtlaneMutex, kind>>(room, hold_ticks));
  all.push_back(std::make_unique<Locks<PthreadRobustMutex, kind>>(room, hold_ticks));
}

}  // namespace

std::vector<std::unique_ptr<Candidate>> make_candidates(SharedRoom& room, double ticks_per_ns)
{
  const auto hold_ticks = [&](std::uint64_t ns) {
    return static_cast<std::uint64_t>(static_cast<double>(ns) * ticks_per_ns);
  };
  std::vector<std::unique_ptr<Candidate>> all;
  add_batons<CandidateKind::asleep>(all, room, hold_ticks(long_hold_ns));
  add_batons<CandidateKind::at_once>(all, room, 0);
  add_locks<CandidateKind::lock>(all, room, hold_ticks(lock_hold_ns));
  add_locks<CandidateKind::long_lock>(all, room, hold_ticks(long_hold_ns));
  return all;
}

}  // namespace rtlane::bench
