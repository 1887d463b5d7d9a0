// A thread as handles stand for it.
//
// When has it ended? A waiter may next ask for a mutex that the thread owned, so not before the kernel has passed its
// mutexes on. Therefore the thread holds a robust mutex of its own, `life`, locked before all others: the kernel walks
// the list of a dead thread's robust mutexes from the newest to the oldest and marks each; the mark on `life` comes
// last, after thread_local destructors and whichever way the thread ended. Waits sleep on the word of `life`:
//
//   0                      not started yet
//   id | waiters           runs
//   died | waiters | ..    has ended; nobody locks it ever again
//
// The kernel wakes one sleeper; it wakes the others. Should it be ended before it does, they look again after
// life_slice_ns.
//
// `hold` is the suspend count, with the bit `runs` when it is 0: only what does not run can be suspended from outside.
//
// The registry knows the threads by their ids and owns those that run. What has ended is joined and leaves it when the
// last handle to some thread is closed, and at every set-up call about threads.
//
// Ordering
//   L1 life, release  ->  L2 life, acquire   what the thread did is seen by who sees that it has ended
//   H1 hold, release  ->  H2 hold, acquire   what was done before ResumeThread is seen by the thread
//   S1 started, release  ->  S2 started, acquire   id and life are in place
#pragma once

#include <pthread.h>
#include <rtlane/rt/iwin32_threads.h>
#include <sys/types.h>

#include <atomic>
#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>

#include "answer.hpp"
#include "futex.hpp"
#include "waitable.hpp"

namespace rtlane::rt::detail {

using rtlane::detail::Deadline;
using rtlane::detail::FutexSleep;
using rtlane::detail::FutexWord;
using rtlane::detail::Waitable;

inline constexpr std::int64_t life_slice_ns = 100'000'000;

// No kind of object in the namespace.
inline constexpr auto no_kind = static_cast<rtlane_kind>(0);

// The size of a stack that leaves so much to the thread: glibc takes its thread_local variables from it.
std::size_t stack_size_for(std::size_t bytes) noexcept;

class LifeWaitable final : public Waitable {
public:
  explicit LifeWaitable(FutexWord& word) noexcept : word_(word) {}

  [[nodiscard]] bool has_ended() const noexcept;

  [[nodiscard]] std::uint64_t begin() const noexcept override { return 0; }
  [[nodiscard]] Attempt try_take(std::uint64_t mark) noexcept override;
  // Ends do not come within moments: nobody spins for one.
  [[nodiscard]] Outlook outlook(std::uint64_t) const noexcept override
  {
    return has_ended() ? Outlook::take : Outlook::sleep;
  }
  [[nodiscard]] bool prepare(std::uint64_t mark, FutexSleep& sleep) noexcept override;
  Attempt sleep_alone(std::uint64_t mark, Deadline until) noexcept override;
  void kick() noexcept override;
  [[nodiscard]] std::int64_t slice_ns() const noexcept override { return life_slice_ns; }

private:
  FutexWord& word_;
};

// How a thread was last told to be scheduled, to answer the number that was given.
struct GivenPriority {
  enum class Scale { none, rtx, win32 } scale = Scale::none;
  int value = 0;
  int policy = 0;
  int level = 0;  // SCHED_FIFO and SCHED_RR: priority, else nice
};

class ThreadObject;

// What the handles of a thread stand for; there is one for all of them. Ends inside Process::enter() only.
class ThreadTarget final : public HandleTarget {
public:
  explicit ThreadTarget(std::shared_ptr<ThreadObject> thread);
  ~ThreadTarget() override;

  [[nodiscard]] rtlane_kind kind() const noexcept override { return no_kind; }
  [[nodiscard]] Waitable* waitable() noexcept override { return &waitable_; }

  [[nodiscard]] const std::shared_ptr<ThreadObject>& thread() const noexcept { return thread_; }

private:
  std::shared_ptr<ThreadObject> thread_;
  LifeWaitable waitable_;
};

class ThreadObject final : public std::enable_shared_from_this<ThreadObject> {
public:
  struct Plan {
    LPTHREAD_START_ROUTINE routine = nullptr;
    LPVOID parameter = nullptr;
    std::shared_ptr<void> keeps;  // lives as long as this object
    std::size_t stack_bytes = 0;
  };

  // Starts a thread that does not run before resume(). Returns 0, or a negative errno with a sentence. Inside
  // Process::enter(), as everything static.
  static int start(Plan plan, std::shared_ptr<ThreadObject>& made);

  // The calling thread's; made when there is none yet.
  static std::shared_ptr<ThreadObject> current();

  // The thread of this process with that id that has an object and has not ended; else nullptr.
  static std::shared_ptr<ThreadObject> find(pid_t tid);

  // The calling thread's, nullptr when there is none. Async-signal-safe once there is one.
  static ThreadObject* here() noexcept;

  // Joins those that have ended and lets them go.
  static void reap();

  ThreadObject();
  ThreadObject(const ThreadObject&) = delete;
  ThreadObject& operator=(const ThreadObject&) = delete;
  ~ThreadObject();

  // For a handle. Inside Process::enter().
  std::shared_ptr<HandleTarget> target();

  // Sleeps until it has ended, or until then.
  void wait_for_end(Deadline until) noexcept;

  [[nodiscard]] pid_t tid() const noexcept { return tid_; }
  [[nodiscard]] bool has_ended() const noexcept { return end_.has_ended(); }
  [[nodiscard]] DWORD exit_code() const noexcept;

  // Each returns the count before, or a negative errno with a sentence.
  int resume() noexcept;
  int suspend() noexcept;

  // Lets a thread that has not run end without having run.
  void call_off() noexcept;

  // Ends the calling thread, whose object this is; only where can_exit().
  [[nodiscard]] bool can_exit() const noexcept { return exit_point_ != nullptr; }
  [[noreturn]] void exit(DWORD code) noexcept;
  // For a thread that ends otherwise.
  void note_exit_code(DWORD code) noexcept { exit_code_.store(code, std::memory_order_relaxed); }  // relaxed: as exit()

  // Ends the thread where it is (see thread_end.cpp). Returns 0, or a negative errno with a sentence.
  int terminate(DWORD code) noexcept;
  [[noreturn]] static void end_here() noexcept;

  GivenPriority given;  // inside Process::enter()

private:
  using Registry = std::map<pid_t, std::shared_ptr<ThreadObject>>;

  friend class ThreadTarget;
  static Registry& registry();
  // Before main: a fork must not begin between a look for what it has to call and the first thread.
  [[gnu::constructor]] static void make_registry();
  static void after_fork_in_child() noexcept;
  static void* run(void* object);
  FutexWord& life_word() noexcept;
  void begin_life() noexcept;
  void wait_until_it_runs() noexcept;
  [[gnu::noinline]] void call_routine();
  void join() noexcept;

  pthread_mutex_t life_;
  LifeWaitable end_;
  std::weak_ptr<ThreadTarget> target_;
  Plan plan_;
  pid_t tid_ = 0;
  pthread_t pthread_{};
  bool joinable_ = false;
  FutexWord started_{0};
  FutexWord hold_{1};
  std::atomic<DWORD> exit_code_{STILL_ACTIVE};
  std::atomic<DWORD> terminate_code_{0};
  std::atomic<bool> doomed_{false};
  std::jmp_buf* exit_point_ = nullptr;
};

// What hThread stands for, GetCurrentThread() included; nullptr with a sentence. Not inside Process::enter().
std::shared_ptr<ThreadObject> thread_of(HANDLE handle);

}  // namespace rtlane::rt::detail
