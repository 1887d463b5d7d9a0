// A process as handles stand for it.
//
// A thread of this process, the watcher, sleeps on the process's descriptor (pidfd) and sets `ended`. It outlives the
// handles of a child that RtCreateProcess made, since somebody has to wait for it; for other processes it ends with the
// last handle. A fork child starts watchers of its own when it first waits.
//
// Ordering
//   PR1 result, release  ->  PR2 result, acquire   what is known about the end, before anybody is told of it
#pragma once

#include <rtlane/rt/iwin32_threads.h>
#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "answer.hpp"
#include "event_state.hpp"
#include "thread_object.hpp"
#include "unique_fd.hpp"

namespace rtlane::rt::detail {

class WatchedProcess {
public:
  // pid is that of a process; own_child: RtCreateProcess made it, the watcher waits for it.
  WatchedProcess(pid_t pid, bool own_child) noexcept;

  // Opens the descriptor. Returns 0, or a negative errno with a sentence.
  int open() noexcept;

  // Starts the watcher of this process, unless there is one. Returns 0, or a negative errno with a sentence.
  static int watch(const std::shared_ptr<WatchedProcess>& process) noexcept;

  // The handles are gone.
  void let_go() noexcept;

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  [[nodiscard]] rtlane::detail::EventState& ended() noexcept { return ended_; }

  // Each returns 0, or a negative errno with a sentence.
  int exit_code(DWORD& code) noexcept;
  int terminate(UINT code) noexcept;

private:
  static void* run_watcher(void* process);
  void watch_until_end(int stop) noexcept;
  std::uint64_t look() noexcept;

  const pid_t pid_;
  const bool own_child_;
  rtlane::detail::UniqueFd pidfd_;
  rtlane::detail::UniqueFd stop_;             // of the watcher in the process with fork_count_
  std::atomic<std::uint64_t> watched_in_{0};  // 1 + its fork count; 0 = there is no watcher
  rtlane::detail::EventState ended_;
  std::atomic<std::uint64_t> result_{0};
  std::atomic<std::uint64_t> terminate_code_{0};  // 1 << 32 | code when this process killed it
};

// A handle to a process, or to the first thread of one.
class ProcessObject final : public HandleTarget, public std::enable_shared_from_this<ProcessObject> {
public:
  ProcessObject(std::shared_ptr<WatchedProcess> process, bool first_thread)
      : process_(std::move(process)), waitable_(process_->ended()), first_thread_(first_thread)
  {}
  ~ProcessObject() override
  {
    if (!first_thread_)
      process_->let_go();
  }

  [[nodiscard]] rtlane_kind kind() const noexcept override { return no_kind; }
  [[nodiscard]] Waitable* waitable() noexcept override;

  [[nodiscard]] WatchedProcess& process() const noexcept { return *process_; }
  [[nodiscard]] bool is_first_thread() const noexcept { return first_thread_; }
  int exit_code(DWORD& code) const noexcept { return process_->exit_code(code); }

private:
  std::shared_ptr<WatchedProcess> process_;
  rtlane::detail::EventWaitable waitable_;
  const bool first_thread_;
};

// Starts a program. Returns 0, or a negative errno with a sentence. Inside Process::enter(), so that no descriptor
// whose lock belongs to a decision in progress is seen by the child before its exec.
int spawn(const char* program, const std::vector<std::string>& words, pid_t& pid);

// The process whose first thread the handle stands for; nullptr, without a sentence, for any other handle.
std::shared_ptr<ProcessObject> first_thread_of(HANDLE handle);

}  // namespace rtlane::rt::detail
