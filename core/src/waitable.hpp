// What a thread can wait for: the one interface between waits and the kinds of things that are waited for.
//
// There is one Waitable for each object and process; any number of threads use it at once. A wait
//
//   1. begin()     notes what has happened so far, so that a signal that came and went meanwhile is not missed
//   2. try_take()  takes what is waited for if it is there
//      Then it looks for a little while whether that comes at once: outlook()
//   3. prepare()   announces a sleeper: gives the futex word to sleep on and the value that it must still have
//   4. sleeps while the word has that value, then goes on with 2
//
// Whoever makes it available changes the word and wakes all who sleep on it, in one system call: no kill comes between
// the two, and a wake-up given to a thread that is killed before it runs is lost to nobody. The woken compete.
//
// Ordering
//   W1 closes_ and waiting_, seq_cst  ->  W1 closes_ and waiting_, seq_cst   a wait is counted in and looks whether the
//      handles were closed; who closes them says so and looks for waits that are counted in: one sees the other
//   W2 waiting_, release  ->  W3 waiting_, acquire   the wait is over
//   W1 closes_, seq_cst  ->  W4 closes_, acquire   a wait that begins with the number of closes after a close sees that
//      its handle is closed, if it is
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "futex.hpp"

namespace rtlane::detail {

class Waitable {
public:
  // What an attempt to take came to.
  enum class Taken {
    no,         // nothing is there: sleep
    yes,        // taken
    abandoned,  // taken from an owner that has ended
    failed,     // it can never be taken by this thread: see Attempt::error
  };
  struct Attempt {
    Taken taken = Taken::no;
    int error = 0;  // failed: negative errno, with a sentence
  };

  // What a look at it, which only reads, is worth.
  enum class Outlook {
    wait,   // nothing is there yet
    take,   // an attempt to take may succeed
    sleep,  // it does not come within moments
  };

  Waitable() = default;
  Waitable(const Waitable&) = delete;
  Waitable& operator=(const Waitable&) = delete;
  virtual ~Waitable() = default;

  // A mark of this moment. Wait-free.
  [[nodiscard]] virtual std::uint64_t begin() const noexcept = 0;

  // For a wait that began at `mark`. Lock-free, does not sleep.
  [[nodiscard]] virtual Attempt try_take(std::uint64_t mark) noexcept = 0;

  // Wait-free.
  [[nodiscard]] virtual Outlook outlook(std::uint64_t mark) const noexcept = 0;

  // Fills `sleep`; false when another try_take() may succeed. Lock-free, does not sleep.
  [[nodiscard]] virtual bool prepare(std::uint64_t mark, FutexSleep& sleep) noexcept = 0;

  // Sleeps for this alone: at most until `until`, at the earliest until another attempt may succeed. Answers that
  // attempt when it made one.
  virtual Attempt sleep_alone(std::uint64_t mark, Deadline until) noexcept;

  // Tries to take for a little while, unless that came to nothing too often lately. Wait-free.
  Attempt try_briefly(std::uint64_t mark, Deadline until) noexcept;

  // Makes the word differ from what those that are about to sleep expect, and wakes all who sleep on it. Harmless.
  virtual void kick() noexcept = 0;

  // The longest sleep before a wait for several looks again; 0 = no limit. For what has no word that changes whenever
  // it becomes available.
  [[nodiscard]] virtual std::int64_t slice_ns() const noexcept { return 0; }

  // The last handle of this process was closed: the waits that have begun are to end. Inside Process::enter(), after
  // the handle is closed for everybody: else a wait through a handle that is made meanwhile would be among them.
  // Returns what end_waits() wants.
  std::uint64_t count_close() noexcept;

  // Ends the waits that began before that close. Returns when they have been told.
  void end_waits(std::uint64_t closes_before) noexcept;

  // In a fork child nobody waits.
  void forget_waits_in_fork_child() noexcept;

  // How often the last handle of this process was closed.
  [[nodiscard]] std::uint64_t closes() const noexcept
  {
    return closes_.load(std::memory_order_acquire);  // W4, pairs with W1
  }

  // A wait that is about to sleep is counted in for as long as its Scope lives.
  class Scope {
  public:
    Scope(Waitable& waitable, std::uint64_t closes) noexcept;
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope();

    // The last handle of this process was closed since closes() was asked for.
    [[nodiscard]] bool ended() const noexcept;

  private:
    Waitable& waitable_;
    std::uint64_t closes_;
  };

private:
  // Waits that began after an odd and after an even number of closes: a close waits for those before it only.
  std::array<std::atomic<std::uint32_t>, 2> waiting_{};
  std::atomic<std::uint64_t> closes_{0};
  // Until when the brief attempts that came to nothing since the last good one are paid for: ns of CLOCK_MONOTONIC.
  std::atomic<std::int64_t> paid_until_ns_{0};
};

}  // namespace rtlane::detail
