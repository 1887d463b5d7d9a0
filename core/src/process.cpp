#include "process.hpp"

#include <dirent.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>

#include "mutex_state.hpp"
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
  Process& process = instance();
  process.mutex_.lock();
  process.questions_ended_before_fork_ = process.questions_ended.load(std::memory_order_acquire);  // Q2, pairs with Q1
}

void Process::after_fork_in_parent() noexcept
{
  instance().mutex_.unlock();
}

void Process::after_fork_in_child() noexcept
{
  ++instance().fork_count_;
  instance().handles.forget_pins_in_fork_child();
  forget_pid_namespace_in_fork_child();
  instance().close_inherited_questions();
  for (const auto& [inode, object] : instance().objects) {
    if (const std::shared_ptr<SharedObject> live = object.lock())
      live->forget_in_fork_child();
  }
  instance().mutex_.unlock();
}

void Process::retire(std::shared_ptr<HandleTarget> target) noexcept
{
  if (target == nullptr || target.use_count() > 1 || !target->must_stay())
    return;
  target->next_kept_ = std::move(kept_);
  kept_ = std::move(target);
}

void Process::retire_kept() noexcept
{
  for (std::shared_ptr<HandleTarget>* place = &kept_; *place != nullptr;) {
    HandleTarget& target = **place;
    if (place->use_count() == 1 && target.must_stay())
      place = &target.next_kept_;
    else
      *place = std::shared_ptr<HandleTarget>(std::move(target.next_kept_));
  }
}

// In a fork child: a descriptor of a control file would keep the object's memory for as long as the child lives. Those
// that a thread of the parent had just open are found by what they are of.
void Process::close_inherited_questions() noexcept
{
  // fork copies descriptors before memory, so a question may have ended in between: what counts is what was under way
  // before, or has begun since. relaxed: one thread is left
  const bool some = questions_begun.load(std::memory_order_relaxed) != questions_ended_before_fork_;
  questions_begun.store(0, std::memory_order_relaxed);
  questions_ended.store(0, std::memory_order_relaxed);
  if (!some)
    return;
  const std::unique_ptr<DIR, int (*)(DIR*)> descriptors(::opendir("/proc/self/fd"), ::closedir);
  while (const dirent* entry = descriptors ? ::readdir(descriptors.get()) : nullptr) {
    const int fd = std::atoi(entry->d_name);
    struct stat status = {};
    if (fd > STDERR_FILENO && ::fstat(fd, &status) == 0 && objects.count({status.st_dev, status.st_ino}) != 0)
      ::close(fd);
  }
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
