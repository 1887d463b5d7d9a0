// Events, semaphores, mutexes and waits while nobody else is there: no call sleeps, none wakes anybody.
#include <rtlane/core/event.hpp>
#include <rtlane/core/mutex.hpp>
#include <rtlane/core/semaphore.hpp>
#include <rtlane/core/wait.hpp>

#include <array>
#include <chrono>
#include <string>

#include "micro.hpp"

namespace rtlane::bench::micro {
namespace {

using namespace std::chrono_literals;
using Reset = Event::Reset;

constexpr auto no_time = 0ns;
// Never waited for: what is waited for is there.
constexpr auto long_time = 1h;

// operation(event) on an event of its own; nameless, since a name changes nothing after set-up.
template <class Operation>
void add_on_event(const std::string& name, Reset reset, bool set, Operation operation)
{
  add(name, [=](State& state) {
    auto event = need(Event::create("", reset, set));
    repeat(state, [&] { return operation(event); });
  });
}

template <class Operation>
void add_on_semaphore(const std::string& name, std::uint32_t initial, Operation operation)
{
  add(name, [=](State& state) {
    auto semaphore = need(Semaphore::create("", initial));
    repeat(state, [&] { return operation(semaphore); });
  });
}

template <class Operation>
void add_on_mutex(const std::string& name, Operation operation)
{
  add(name, [=](State& state) {
    auto mutex = need(Mutex::create(""));
    repeat(state, [&] { return operation(mutex); });
  });
}

bool timed_out(WaitResult result)
{
  return result.status == WaitStatus::timed_out;
}

void add_events()
{
  add_on_event("event/set,wait/alone", Reset::automatic, false,
               [](Event& event) { return event.set() && static_cast<bool>(event.wait()); });
  add_on_event("event/set/set_already/alone", Reset::manual, true, [](Event& event) { return event.set(); });
  add_on_event("event/set,reset/alone", Reset::manual, false,
               [](Event& event) { return event.set() && event.reset(); });
  add_on_event("event/pulse/alone", Reset::automatic, false, [](Event& event) { return event.pulse(); });
  add("event/create,close/alone", [](State& state) {
    repeat(state, [name = object_name("event")] { return need(Event::create(name)).created(); });
  });
  add("event/open,close/alone", [](State& state) {
    const std::string name = object_name("event");
    const Event kept = need(Event::create(name));
    repeat(state, [&] { return !need(Event::open(name)).created(); });
  });
}

void add_semaphores()
{
  add_on_semaphore("semaphore/release,acquire/alone", 0, [](Semaphore& semaphore) {
    semaphore.release();
    semaphore.acquire();
    return true;
  });
  add_on_semaphore("semaphore/try_release,try_acquire/alone", 0,
                   [](Semaphore& semaphore) { return semaphore.try_release() && semaphore.try_acquire(); });
  add_on_semaphore("semaphore/try_acquire/none/alone", 0,
                   [](Semaphore& semaphore) { return !semaphore.try_acquire(); });
  add_on_semaphore("semaphore/try_release/too_many/alone", Semaphore::max(),
                   [](Semaphore& semaphore) { return !semaphore.try_release(); });
  add_on_semaphore("semaphore/try_release,try_acquire_for/alone", 0, [](Semaphore& semaphore) {
    return semaphore.try_release() && semaphore.try_acquire_for(long_time);
  });
  add_on_semaphore("semaphore/try_release,try_acquire_until/alone", 0, [](Semaphore& semaphore) {
    return semaphore.try_release() && semaphore.try_acquire_until(std::chrono::steady_clock::time_point::max());
  });
  add("semaphore/create,close/alone", [](State& state) {
    repeat(state, [name = object_name("semaphore")] { return need(Semaphore::create(name, 0)).created(); });
  });
  add("semaphore/open,close/alone", [](State& state) {
    const std::string name = object_name("semaphore");
    const Semaphore kept = need(Semaphore::create(name, 0));
    repeat(state, [&] { return !need(Semaphore::open(name)).created(); });
  });
}

void add_mutexes()
{
  add_on_mutex("mutex/lock,unlock/alone", [](Mutex& mutex) {
    mutex.lock();
    return mutex.unlock();
  });
  add_on_mutex("mutex/try_lock,unlock/alone", [](Mutex& mutex) { return mutex.try_lock() && mutex.unlock(); });
  add_on_mutex("mutex/try_lock_for,unlock/alone",
               [](Mutex& mutex) { return mutex.try_lock_for(long_time) && mutex.unlock(); });
  add_on_mutex("mutex/try_lock_until,unlock/alone", [](Mutex& mutex) {
    return mutex.try_lock_until(std::chrono::steady_clock::time_point::max()) && mutex.unlock();
  });
  add_on_mutex("mutex/abandoned,clear_abandoned/alone", [](Mutex& mutex) {
    mutex.clear_abandoned();
    return !mutex.abandoned();
  });
  add_on_mutex("mutex/unlock/not_owned/alone", [](Mutex& mutex) { return !mutex.unlock(); });
  add("mutex/lock,unlock/recursive/alone", [](State& state) {
    auto mutex = need(Mutex::create_owned(""));
    repeat(state, [&] {
      mutex.lock();
      return mutex.unlock();
    });
    mutex.unlock();
  });
  add("mutex/create,close/alone", [](State& state) {
    repeat(state, [name = object_name("mutex")] { return need(Mutex::create(name)).created(); });
  });
  add("mutex/create_owned,unlock,close/alone", [](State& state) {
    repeat(state, [name = object_name("mutex")] { return need(Mutex::create_owned(name)).unlock(); });
  });
  add("mutex/open,close/alone", [](State& state) {
    const std::string name = object_name("mutex");
    const Mutex kept = need(Mutex::create(name));
    repeat(state, [&] { return !need(Mutex::open(name)).created(); });
  });
}

void add_waits()
{
  // A manual-reset event that is set ends every wait and needs nothing put back.
  add_on_event("sync/wait/there/alone", Reset::manual, true,
               [](Event& event) { return static_cast<bool>(event.wait()); });
  add_on_event("sync/try_wait/there/alone", Reset::manual, true,
               [](Event& event) { return static_cast<bool>(event.try_wait()); });
  add_on_event("sync/wait_for/there/alone", Reset::manual, true,
               [](Event& event) { return static_cast<bool>(event.wait_for(long_time)); });
  add_on_event("sync/wait_until/there/alone", Reset::manual, true, [](Event& event) {
    return static_cast<bool>(event.wait_until(std::chrono::steady_clock::time_point::max()));
  });
  add_on_event("sync/try_wait/not_there/alone", Reset::manual, false,
               [](Event& event) { return timed_out(event.try_wait()); });
  add_on_event("sync/wait_for/timeout:0/not_there/alone", Reset::manual, false,
               [](Event& event) { return timed_out(event.wait_for(no_time)); });
  add_on_event("sync/wait_until/past/not_there/alone", Reset::manual, false,
               [](Event& event) { return timed_out(event.wait_until(std::chrono::steady_clock::time_point())); });
  add_on_event("sync/state_estimate,get_state/alone", Reset::manual, false,
               [](Event& event) { return event.state_estimate().kind == RTLANE_KIND_EVENT; });
}

// operation(handles) for two events, the second of which is set or not.
template <class Operation>
void add_on_two(const std::string& name, bool set, Operation operation)
{
  add(name, [=](State& state) {
    const Event first = need(Event::create("", Reset::manual, false));
    const Event second = need(Event::create("", Reset::manual, set));
    const std::array<rtlane_handle, 2> handles = {first.handle(), second.handle()};
    repeat(state, [&] { return operation(handles); });
  });
}

void add_waits_for_several()
{
  using Handles = std::array<rtlane_handle, 2>;
  const auto is_second = [](WaitResult result) { return result && result.index == 1; };
  add_on_two("sync/wait_any/of:2/there/alone", true, [=](const Handles& two) { return is_second(wait_any(two)); });
  add_on_two("sync/try_wait_any/of:2/there/alone", true,
             [=](const Handles& two) { return is_second(try_wait_any(two)); });
  add_on_two("sync/wait_any_for/of:2/there/alone", true,
             [=](const Handles& two) { return is_second(wait_any_for(two, long_time)); });
  add_on_two("sync/wait_any_until/of:2/there/alone", true, [=](const Handles& two) {
    return is_second(wait_any_until(two, std::chrono::steady_clock::time_point::max()));
  });
  add_on_two("sync/try_wait_any/of:2/not_there/alone", false,
             [](const Handles& two) { return timed_out(try_wait_any(two)); });
}

}  // namespace

void add_sync()
{
  add_events();
  add_semaphores();
  add_mutexes();
  add_waits();
  add_waits_for_several();
}

}  // namespace rtlane::bench::micro
