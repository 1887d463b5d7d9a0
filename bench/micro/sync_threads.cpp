// Events and semaphores between two threads that wake each other, and a mutex that two threads want. Whether a waiter
// sleeps is up to the moment; rtlane-bench hand-over tells the cases apart and compares with what the system offers.
#include <rtlane/core/event.hpp>
#include <rtlane/core/mutex.hpp>
#include <rtlane/core/semaphore.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include "micro.hpp"

namespace rtlane::bench::micro {
namespace {

constexpr std::chrono::seconds patience(10);

bool give(Event& event)
{
  return event.set();
}
bool give(Semaphore& semaphore)
{
  return semaphore.try_release();
}

// There and back: the other thread answers until it is told to end.
template <class Object>
void round_trip(State& state, Object there, Object back)
{
  std::atomic<bool> over{false};
  std::thread other([&] {
    // relaxed: the object carries the order.
    while (there.wait_for(patience) && !over.load(std::memory_order_relaxed)) {
      if (!give(back))
        return;
    }
  });
  bool good = true;
  for ([[maybe_unused]] auto step : state) {
    good = give(there) && static_cast<bool>(back.wait_for(patience));
    if (!good)
      break;
  }
  over.store(true, std::memory_order_relaxed);  // relaxed: the object carries the order
  give(there);
  other.join();
  if (!good)
    fail(state, "no answer for 10 s: is the other thread starved?");
}

// Both threads of the benchmark lock and unlock one mutex.
void lock_contended(State& state, std::shared_ptr<Mutex>& mutex)
{
  // The others wait at the loop for this one.
  if (state.thread_index() == 0)
    mutex = std::make_shared<Mutex>(need(Mutex::create("")));
  repeat(state, [&] { return mutex != nullptr && mutex->try_lock_for(patience) && mutex->unlock(); });
}

}  // namespace

void add_sync_threads()
{
  add("event/set,wait_for/round_trip/two_threads", [](State& state) {
    round_trip(state, need(Event::create("")), need(Event::create("")));
  })->UseRealTime();
  add("semaphore/try_release,wait_for/round_trip/two_threads", [](State& state) {
    round_trip(state, need(Semaphore::create("", 0)), need(Semaphore::create("", 0)));
  })->UseRealTime();
  add("mutex/try_lock_for,unlock/contended",
      [mutex = std::make_shared<std::shared_ptr<Mutex>>()](State& state) { lock_contended(state, *mutex); })
      ->Threads(2)
      ->UseRealTime();
}

}  // namespace rtlane::bench::micro
