// What this process has: its handles and the objects behind them.
//
// Ordering
//   Q1 questions_ended, release  ->  Q2 questions_ended, acquire   their descriptors are closed
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <utility>

#include "handle_table.hpp"

namespace rtlane::detail {

class SharedObject;

class Process {
public:
  // The one of this process. Never destroyed: handles may be closed from any destructor.
  static Process& instance();

  // Set-up calls run one at a time. Forking waits for them too: a child must not inherit a descriptor
  // whose lock belongs to a decision in progress.
  [[nodiscard]] std::unique_lock<std::mutex> enter() { return std::unique_lock(mutex_); }

  // Counts the forks between the first process and this one.
  [[nodiscard]] std::uint64_t fork_count() const noexcept { return fork_count_; }

  HandleTable handles;

  // Questions about leases, each with a descriptor for a moment, which a fork child would inherit.
  std::atomic<std::uint64_t> questions_begun{0};
  std::atomic<std::uint64_t> questions_ended{0};

  // By device and inode of the control file. An object takes itself out when it ends.
  std::map<std::pair<dev_t, ino_t>, std::weak_ptr<SharedObject>> objects;

  // Ends what no handle stands for any more, unless it has to stay for now. Inside enter().
  void retire(std::shared_ptr<HandleTarget> target) noexcept;

  // Ends what had to stay and need not any more. Inside enter().
  void retire_kept() noexcept;

  // Of the unnamed objects of this process, for the pool.
  std::uint64_t unnamed_bytes = 0;

  // The namespaces that this process has swept, by device and inode of their directories.
  std::set<std::pair<dev_t, ino_t>> swept;

private:
  Process();

  static void before_fork() noexcept;
  static void after_fork_in_parent() noexcept;
  static void after_fork_in_child() noexcept;
  static void at_exit() noexcept;
  void close_inherited_questions() noexcept;

  std::mutex mutex_;
  std::shared_ptr<HandleTarget> kept_;  // the first of those without a handle that have to stay
  std::uint64_t fork_count_ = 0;
  std::uint64_t questions_ended_before_fork_ = 0;
};

}  // namespace rtlane::detail
