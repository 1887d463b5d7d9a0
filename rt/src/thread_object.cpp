#include "thread_object.hpp"

#include <link.h>
#include <linux/futex.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace rtlane::rt::detail {
namespace {

// Room for what a thread of C and C++ takes for itself, whatever a port from a smaller system asks for.
constexpr std::size_t stack_bytes_min = std::size_t{64} << 10;

constexpr std::uint32_t runs = std::uint32_t{1} << 31;

constinit thread_local ThreadObject* this_thread = nullptr;

void wake_all(FutexWord& word) noexcept
{
  ::syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

}  // namespace

std::size_t stack_size_for(std::size_t bytes) noexcept
{
  std::size_t size = bytes;
  const auto add = [](dl_phdr_info* info, std::size_t, void* sum) {
    for (int i = 0; i < info->dlpi_phnum; ++i) {
      const auto& segment = info->dlpi_phdr[i];
      if (segment.p_type == PT_TLS &&
          __builtin_add_overflow(*static_cast<std::size_t*>(sum), segment.p_memsz + segment.p_align,
                                 static_cast<std::size_t*>(sum)))
        *static_cast<std::size_t*>(sum) = SIZE_MAX;
    }
    return 0;
  };
  ::dl_iterate_phdr(add, &size);
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  // A size that cannot be rounded up is refused as it is.
  return size > SIZE_MAX - page ? size : (size + page - 1) / page * page;
}

bool LifeWaitable::has_ended() const noexcept
{
  return (word_.load(std::memory_order_acquire) & FUTEX_OWNER_DIED) != 0;  // L2, pairs with L1
}

Waitable::Attempt LifeWaitable::try_take(std::uint64_t) noexcept
{
  if (!has_ended())
    return {};
  // relaxed: nobody relies on the bit but sleepers, who look again
  if ((word_.load(std::memory_order_relaxed) & FUTEX_WAITERS) != 0) {
    word_.fetch_and(~FUTEX_WAITERS, std::memory_order_relaxed);
    wake_all(word_);
  }
  return {Taken::yes};
}

bool LifeWaitable::prepare(std::uint64_t, FutexSleep& sleep) noexcept
{
  std::uint32_t now = word_.load(std::memory_order_relaxed);  // relaxed: try_take() orders
  if ((now & FUTEX_OWNER_DIED) != 0)
    return false;
  if ((now & FUTEX_WAITERS) == 0 &&
      !word_.compare_exchange_strong(now, now | FUTEX_WAITERS, std::memory_order_relaxed))  // relaxed: as above
    return false;
  sleep = {&word_, now | FUTEX_WAITERS};
  return true;
}

Waitable::Attempt LifeWaitable::sleep_alone(std::uint64_t mark, Deadline until) noexcept
{
  return Waitable::sleep_alone(mark, std::min(until, rtlane::detail::monotonic_ns() + life_slice_ns));
}

void LifeWaitable::kick() noexcept
{
  word_.fetch_and(~FUTEX_WAITERS, std::memory_order_relaxed);  // relaxed: it publishes nothing
  wake_all(word_);
}

ThreadTarget::ThreadTarget(std::shared_ptr<ThreadObject> thread)
    : thread_(std::move(thread)), waitable_(thread_->life_word())
{}

ThreadTarget::~ThreadTarget()
{
  ThreadObject::reap();
}

std::shared_ptr<HandleTarget> ThreadObject::target()
{
  std::shared_ptr<ThreadTarget> target = target_.lock();
  if (target == nullptr) {
    target = std::make_shared<ThreadTarget>(shared_from_this());
    target_ = target;
  }
  return target;
}

void ThreadObject::wait_for_end(Deadline until) noexcept
{
  while (!has_ended() && rtlane::detail::monotonic_ns() < until)
    end_.sleep_alone(0, until);
  (void)end_.try_take(0);  // The kernel may have woken this thread alone.
}

ThreadObject::ThreadObject() : end_(life_word())
{
  pthread_mutexattr_t attributes;
  ::pthread_mutexattr_init(&attributes);
  ::pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  ::pthread_mutex_init(&life_, &attributes);
  ::pthread_mutexattr_destroy(&attributes);
}

// Only what has ended is without an owner.
ThreadObject::~ThreadObject()
{
  join();
}

void ThreadObject::join() noexcept
{
  if (std::exchange(joinable_, false))
    ::pthread_join(pthread_, nullptr);
}

FutexWord& ThreadObject::life_word() noexcept
{
  static_assert(sizeof life_.__data.__lock == sizeof(FutexWord));
  return *reinterpret_cast<FutexWord*>(&life_.__data.__lock);
}

void ThreadObject::begin_life() noexcept
{
  this_thread = this;
  tid_ = ::gettid();
  // It is free; and trying tells ThreadSanitizer that no order of locks follows from it.
  static_cast<void>(::pthread_mutex_trylock(&life_));
}

ThreadObject::Registry& ThreadObject::registry()
{
  static Registry& threads = *new Registry;  // never destroyed: threads may outlive static destructors
  return threads;
}

void ThreadObject::make_registry()
{
  Process::instance();  // its part of a fork comes first
  registry();
  ::pthread_atfork(nullptr, nullptr, after_fork_in_child);
}

void ThreadObject::reap()
{
  Registry& threads = registry();
  for (auto place = threads.begin(); place != threads.end();) {
    ThreadObject& thread = *place->second;
    if (!thread.has_ended()) {
      ++place;
      continue;
    }
    thread.join();
    place = threads.erase(place);
  }
}

// The registry is whole: forking waits for set-up calls.
void ThreadObject::after_fork_in_child() noexcept
{
  const pid_t parents_tid = this_thread != nullptr ? this_thread->tid_ : 0;
  Registry& threads = registry();
  for (auto& [tid, thread] : threads) {
    if (const std::shared_ptr<ThreadTarget> target = thread->target_.lock())
      target->waitable()->forget_waits_in_fork_child();
    thread->joinable_ = false;
    thread->life_word().store(tid == parents_tid ? 0 : FUTEX_OWNER_DIED,
                              std::memory_order_relaxed);  // relaxed: one thread is left
    if (tid != parents_tid)
      thread->exit_code_.store(0, std::memory_order_relaxed);  // relaxed: as above
  }
  if (this_thread == nullptr)
    return;
  std::shared_ptr<ThreadObject> me = threads[parents_tid];
  threads.clear();
  me->begin_life();
  threads[me->tid_] = std::move(me);
}

int ThreadObject::start(Plan plan, std::shared_ptr<ThreadObject>& made)
{
  reap();
  auto thread = std::make_shared<ThreadObject>();
  thread->plan_ = std::move(plan);
  // Its place is made before, so that nothing can fail once it runs; its id comes later.
  Registry places;
  places[0] = thread;

  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  if (thread->plan_.stack_bytes != 0)
    ::pthread_attr_setstacksize(&attributes, stack_size_for(std::max(thread->plan_.stack_bytes, stack_bytes_min)));
  const int error = ::pthread_create(&thread->pthread_, &attributes, run, thread.get());
  ::pthread_attr_destroy(&attributes);
  if (error != 0)
    return fail(error == EINVAL ? ENOMEM : error,
                "a thread with %zu bytes of stack cannot be made: %s; see ulimit -u, -v and -l, pids.max of the cgroup",
                thread->plan_.stack_bytes, std::strerror(error));
  thread->joinable_ = true;
  while (thread->started_.load(std::memory_order_acquire) == 0)  // S2, pairs with S1
    rtlane::detail::futex_sleep({&thread->started_, 0}, rtlane::detail::never);
  // A thread starts as an ordinary one, also when a real-time thread makes it. Not sooner, and not by itself: this
  // thread would wait for an ordinary one, which may have no CPU.
  if (::sched_getscheduler(thread->tid_) != SCHED_OTHER) {
    const sched_param ordinary = {};
    ::sched_setscheduler(thread->tid_, SCHED_OTHER, &ordinary);
  }
  Registry::node_type place = places.extract(0);
  place.key() = thread->tid_;
  registry().insert(std::move(place));
  made = std::move(thread);
  return 0;
}

void ThreadObject::call_off() noexcept
{
  plan_.routine = [](LPVOID) -> DWORD { return 0; };
  hold_.store(runs, std::memory_order_release);  // H1, pairs with H2
  wake_all(hold_);
}

std::shared_ptr<ThreadObject> ThreadObject::current()
{
  if (this_thread != nullptr)
    return this_thread->shared_from_this();
  reap();
  auto thread = std::make_shared<ThreadObject>();
  std::shared_ptr<ThreadObject>& place = registry()[::gettid()];
  thread->hold_.store(runs, std::memory_order_relaxed);  // relaxed: nobody else knows it yet
  thread->begin_life();
  return place = std::move(thread);
}

std::shared_ptr<ThreadObject> ThreadObject::find(pid_t tid)
{
  reap();
  const auto place = registry().find(tid);
  return place != registry().end() ? place->second : nullptr;
}

ThreadObject* ThreadObject::here() noexcept
{
  return this_thread;
}

// What it needs lives as long as the thread: the registry owns it.
void* ThreadObject::run(void* object)
{
  auto& self = *static_cast<ThreadObject*>(object);
  self.begin_life();
  self.started_.store(1, std::memory_order_release);  // S1, pairs with S2
  wake_all(self.started_);
  self.wait_until_it_runs();
  self.call_routine();
  // What is written here is the same; it is written for its order.
  self.life_word().fetch_or(0, std::memory_order_release);  // L1, pairs with L2
  return nullptr;
}

void ThreadObject::call_routine()
{
  std::jmp_buf exit_point;
  exit_point_ = &exit_point;
  if (_setjmp(exit_point) == 0)
    exit_code_.store(plan_.routine(plan_.parameter), std::memory_order_relaxed);  // relaxed: the end of life orders
  exit_point_ = nullptr;
}

// No unwinding, as on Windows: a frame that must not be unwound, such as a noexcept one, would end the process.
void ThreadObject::exit(DWORD code) noexcept
{
  exit_code_.store(code, std::memory_order_relaxed);  // relaxed: the end of life orders
  std::longjmp(*exit_point_, 1);
}

DWORD ThreadObject::exit_code() const noexcept
{
  if (!has_ended())
    return STILL_ACTIVE;
  // relaxed: it had ended
  const DWORD code = exit_code_.load(std::memory_order_relaxed);
  // Nobody gave one: pthread_exit, or a thread that was not made here.
  return code == STILL_ACTIVE ? 0 : code;
}

void ThreadObject::wait_until_it_runs() noexcept
{
  for (;;) {
    const std::uint32_t now = hold_.load(std::memory_order_acquire);  // H2, pairs with H1
    if ((now & runs) != 0)
      return;
    rtlane::detail::futex_sleep({&hold_, now}, rtlane::detail::never);
  }
}

int ThreadObject::resume() noexcept
{
  std::uint32_t now = hold_.load(std::memory_order_relaxed);  // relaxed: the exchange orders
  while ((now & runs) == 0) {
    if (hold_.compare_exchange_weak(now, now == 1 ? runs : now - 1, std::memory_order_release,  // H1, pairs with H2
                                    std::memory_order_relaxed)) {                               // relaxed: tried again
      wake_all(hold_);
      return static_cast<int>(now);
    }
  }
  return 0;
}

int ThreadObject::suspend() noexcept
{
  const bool myself = this == this_thread;
  std::uint32_t now = hold_.load(std::memory_order_relaxed);  // relaxed: it publishes nothing
  for (;;) {
    if ((now & runs) != 0 && !myself)
      return fail(EOPNOTSUPP,
                  "thread %d runs: only a thread that has not started, or the calling one, can be suspended. Let it "
                  "wait for an event instead",
                  static_cast<int>(tid_));
    if (now == MAXIMUM_SUSPEND_COUNT)
      return fail(ERANGE, "thread %d is suspended %d times: no more", static_cast<int>(tid_), MAXIMUM_SUSPEND_COUNT);
    const std::uint32_t then = (now & runs) != 0 ? 1 : now + 1;
    if (hold_.compare_exchange_weak(now, then, std::memory_order_relaxed))  // relaxed: as above
      break;
  }
  if (!myself)
    return static_cast<int>(now);
  wait_until_it_runs();
  return 0;
}

std::shared_ptr<ThreadObject> thread_of(HANDLE handle)
{
  if (handle != ::GetCurrentThread()) {
    const rtlane::detail::HandleTable::Pin pin = Process::instance().handles.pin(from_pointer(handle));
    if (!pin)
      return nullptr;
    if (const auto* target = dynamic_cast<const ThreadTarget*>(pin.target()))
      return target->thread();
    fail(EBADF, "%p is not the handle of a thread of this process", handle);
    return nullptr;
  }
  std::shared_ptr<ThreadObject> thread;
  set_up_call([&] {
    thread = ThreadObject::current();
    return 0;
  });
  return thread;
}

}  // namespace rtlane::rt::detail
