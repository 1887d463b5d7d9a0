#include "process.hpp"

#include <pthread.h>

#include <cstdlib>

#include "shared_object.hpp"

namespace rtlane::detail {

Process& Process::instance()
{
  static Process& process = *new Process;
  return process;
}

namespace {

// Before main: a fork must not find the only instance half made.
[[gnu::constructor]] void make_process()
{
  Process::instance();
}

}  // namespace

Process::Process()
{
  ::pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
  std::atexit(at_exit);
}

void Process::before_fork() noexcept
{
  instance().mutex_.lock();
}

void Process::after_fork_in_parent() noexcept
{
  instance().mutex_.unlock();
}

void Process::after_fork_in_child() noexcept
{
  ++instance().fork_count_;
  instance().handles.reset_lock_in_fork_child();
  for (const auto& [inode, object] : instance().objects) {
    if (const std::shared_ptr<SharedObject> live = object.lock())
      live->forget_locks();
  }
  instance().mutex_.unlock();
}

// A process that ends in an orderly way leaves no orphans. Other threads may still be running, so the
// memory stays mapped; they may also be in a set-up call, then this is as if the process was killed.
void Process::at_exit() noexcept
{
  Process& process = instance();
  if (!process.mutex_.try_lock())
    return;
  for (const auto& [inode, object] : process.objects) {
    if (const std::shared_ptr<SharedObject> live = object.lock())
      live->let_go();
  }
  process.mutex_.unlock();
}

}  // namespace rtlane::detail
