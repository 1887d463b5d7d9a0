// Links for the tests of rtlane-bench stalls, of which it is known what a stop or a kill does to the others.
#pragma once

#include <rtlane/core/cache_line.hpp>
#include <rtlane/core/tick_clock.hpp>

#include <pthread.h>
#include <signal.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <utility>

#include "channels/spsc_link.hpp"
#include "peers/any_link.hpp"
#include "peers/link.hpp"

namespace rtlane::bench {

// Time that an operation is in the middle of something, so that most blows fall there.
constexpr std::uint64_t some_ticks = 5'000;
inline void linger(std::uint64_t for_ticks = some_ticks)
{
  for (const std::uint64_t end = ticks() + for_ticks; ticks() < end;) {
  }
}

// The simplest ring there is, for who holds a lock. A message counts when `written` says so, so a kill tears nothing.
template <class M>
struct PlainRing {
  std::atomic<std::uint64_t> written;
  std::atomic<std::uint64_t> read;
  std::array<M, link_capacity> slots;

  bool put(const M& message)
  {
    const std::uint64_t at = written.load(std::memory_order_relaxed);  // relaxed: under the lock
    if (at - read.load(std::memory_order_relaxed) == link_capacity)
      return false;
    slots[at % link_capacity] = message;
    written.store(at + 1, std::memory_order_relaxed);
    return true;
  }
  bool take(M& message)
  {
    const std::uint64_t at = read.load(std::memory_order_relaxed);  // relaxed: under the lock
    if (at == written.load(std::memory_order_relaxed))
      return false;
    message = slots[at % link_capacity];
    read.store(at + 1, std::memory_order_relaxed);
    return true;
  }
};

// A lock for both sides of a direction, who hold it in turns: the lock itself may not be fair, and a side that never
// has it delays nobody when it is stopped.
template <class M, class Lock>
class LockedLink {
  struct Direction {
    alignas(cache_line_bytes) Lock lock;
    alignas(cache_line_bytes) std::atomic<std::uint64_t> turns;
    alignas(cache_line_bytes) PlainRing<M> ring;
  };

public:
  explicit LockedLink(LinkRoom& room) : there_(room.shared.make<Direction>()), back_(room.shared.make<Direction>())
  {
    there_.lock.init();
    back_.lock.init();
  }

  class End {
  public:
    End(Direction& out, Direction& in) : out_(&out), in_(&in) {}
    bool try_send(const M& message)
    {
      return in_turn(*out_, [&](PlainRing<M>& ring) { return ring.put(message); });
    }
    bool try_receive(M& message)
    {
      return in_turn(*in_, [&](PlainRing<M>& ring) { return ring.take(message); });
    }

  private:
    template <class Work>
    static bool in_turn(Direction& direction, Work&& work)
    {
      direction.lock.lock();
      const bool done = work(direction.ring);
      const std::uint64_t turn = direction.turns.load(std::memory_order_relaxed) + 1;  // relaxed: under the lock
      direction.turns.store(turn, std::memory_order_relaxed);
      linger(Lock::held_ticks);
      direction.lock.unlock();
      // relaxed: only waited for. The other may be stopped, dead, or at its end.
      for (const std::uint64_t end = ticks() + 5 * Lock::held_ticks;
           ticks() < end && direction.turns.load(std::memory_order_relaxed) == turn;) {
      }
      return done;
    }

    Direction* out_;
    Direction* in_;
  };

  End near_end() { return {there_, back_}; }
  End far_end() { return {back_, there_}; }

private:
  Direction& there_;
  Direction& back_;
};

// First come, first served: who is stopped while he waits holds up who comes later as much as one that holds the lock.
//
// Ordering
//   L1 served, release -> L2 served, acquire   what was done under the lock
struct SpinLock {
  static constexpr std::uint64_t held_ticks = some_ticks;
  std::atomic<std::uint32_t> drawn;
  std::atomic<std::uint32_t> served;

  void init() {}
  void lock()
  {
    const std::uint32_t mine = drawn.fetch_add(1, std::memory_order_relaxed);  // relaxed: ordered by L2
    while (served.load(std::memory_order_acquire) != mine) {                   // L2, pairs with L1
    }
  }
  void unlock()
  {
    // relaxed: only the holder writes it
    served.store(served.load(std::memory_order_relaxed) + 1, std::memory_order_release);  // L1, pairs with L2
  }
};

struct RobustMutex {
  // Long beside the time that it takes to wake who waits.
  static constexpr std::uint64_t held_ticks = 1'000'000;
  pthread_mutex_t mutex;

  void init()
  {
    pthread_mutexattr_t attributes;
    must_be_0(pthread_mutexattr_init(&attributes), "pthread_mutexattr_init");
    must_be_0(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), "pthread_mutexattr_setpshared");
    must_be_0(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST), "pthread_mutexattr_setrobust");
    must_be_0(pthread_mutex_init(&mutex, &attributes), "pthread_mutex_init");
    pthread_mutexattr_destroy(&attributes);
  }
  void lock()
  {
    if (pthread_mutex_lock(&mutex) == EOWNERDEAD)
      pthread_mutex_consistent(&mutex);
  }
  void unlock() { pthread_mutex_unlock(&mutex); }
};

template <class M>
class SpinLockLink : public LockedLink<M, SpinLock> {
public:
  static constexpr LinkInfo info = {"test/spin_lock", "spsc", "", Reach::processes, false};
  using LockedLink<M, SpinLock>::LockedLink;
};

template <class M>
class ThreadsLink : public LockedLink<M, SpinLock> {
public:
  static constexpr LinkInfo info = {"test/threads", "spsc", "", Reach::threads, false};
  using LockedLink<M, SpinLock>::LockedLink;
};

template <class M>
class RobustMutexLink : public LockedLink<M, RobustMutex> {
public:
  static constexpr LinkInfo info = {"test/robust_mutex", "spsc", "", Reach::processes, false};
  using LockedLink<M, RobustMutex>::LockedLink;
};

// For many producers: one claims a slot, and publishes it later. Who stops in between holds up all the others, though
// no call of theirs takes long.
template <class M>
class ClaimLink {
  struct Slot {
    std::atomic<std::uint64_t> turn;  // 2 n + 1: written for the n-th time round
    M message;
  };
  struct Ring {
    alignas(cache_line_bytes) std::atomic<std::uint64_t> claimed;
    alignas(cache_line_bytes) std::atomic<std::uint64_t> read;
    std::array<Slot, link_capacity> slots;
  };

public:
  static constexpr LinkInfo info = {"test/claim", "mpmc", "", Reach::processes, false, true};

  explicit ClaimLink(LinkRoom& room) : there_(room.shared.make<Ring>()), back_(room.shared.make<Ring>()) {}

  class End {
  public:
    End(Ring& out, Ring& in) : out_(&out), in_(&in) {}

    // Ordering
    //   K1 turn, release -> K2 turn, acquire   the message
    //   K3 read, release -> K4 read, acquire   the slot is free again
    bool try_send(const M& message)
    {
      std::uint64_t at = out_->claimed.load(std::memory_order_relaxed);  // relaxed: the exchange decides
      do {
        if (at - out_->read.load(std::memory_order_acquire) == link_capacity)  // K4, pairs with K3
          return false;
      } while (!out_->claimed.compare_exchange_weak(at, at + 1, std::memory_order_relaxed));
      Slot& slot = out_->slots[at % link_capacity];
      slot.message = message;
      linger();
      slot.turn.store(2 * (at / link_capacity) + 1, std::memory_order_release);  // K1, pairs with K2
      return true;
    }
    bool try_receive(M& message)
    {
      const std::uint64_t at = in_->read.load(std::memory_order_relaxed);  // relaxed: only this side writes it
      const Slot& slot = in_->slots[at % link_capacity];
      if (slot.turn.load(std::memory_order_acquire) != 2 * (at / link_capacity) + 1)  // K2, pairs with K1
        return false;
      message = slot.message;
      in_->read.store(at + 1, std::memory_order_release);  // K3, pairs with K4
      return true;
    }

  private:
    Ring* out_;
    Ring* in_;
  };

  End near_end() { return {there_, back_}; }
  End far_end() { return {back_, there_}; }

private:
  Ring& there_;
  Ring& back_;
};

// SpscRing; but who comes in the place of a producer loses its 3rd message, sends its 5th twice, and its 7th torn.
template <class M>
class FaultyLink {
public:
  static constexpr LinkInfo info = {"test/faulty", "spsc", "", Reach::processes, false};

  explicit FaultyLink(LinkRoom& room) : link_(room), near_ends_(room.shared.make<std::atomic<std::uint32_t>>()) {}

  class End {
  public:
    End(typename SpscLink<M>::End end, bool is_successor) : end_(std::move(end)), is_successor_(is_successor) {}
    bool try_send(const M& message)
    {
      if (!is_successor_)
        return end_.try_send(message);
      if (sent_ + 1 == 3) {
        ++sent_;
        return true;
      }
      M torn = message;
      if (sent_ + 1 == 7)
        torn.words.back() ^= 1;
      if (!end_.try_send(torn))
        return false;
      if (++sent_ == 5) {
        while (!end_.try_send(torn)) {
        }
      }
      return true;
    }
    bool try_receive(M& message) { return end_.try_receive(message); }

  private:
    typename SpscLink<M>::End end_;
    bool is_successor_;
    std::uint64_t sent_ = 0;
  };

  End near_end() { return {link_.near_end(), near_ends_.fetch_add(1) > 0}; }
  End far_end() { return {link_.far_end(), false}; }

private:
  SpscLink<M> link_;
  std::atomic<std::uint32_t>& near_ends_;
};

// Cannot be made.
template <class M>
class NoLink : public SpscLink<M> {
public:
  static constexpr LinkInfo info = {"test/none", "spsc", "", Reach::processes, false};
  explicit NoLink(LinkRoom& room) : SpscLink<M>(room) { die("there is no such thing"); }
};

// Ends who makes it.
template <class M>
class CrashingLink : public SpscLink<M> {
public:
  static constexpr LinkInfo info = {"test/crashing", "spsc", "", Reach::processes, false};
  explicit CrashingLink(LinkRoom& room) : SpscLink<M>(room) { ::raise(SIGSEGV); }
};

}  // namespace rtlane::bench
