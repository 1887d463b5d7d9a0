// SIGKILL inside each operation on an event, a semaphore or a mutex, and what the survivors must find.
#pragma once

#include <sched.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "crash/sync_scene.hpp"

namespace rtlane::test {

// An operation that makes something available, or takes it back, and what it comes to when it is done.
struct SignalCase {
  const char* name;
  Kind kind;
  uint32_t initial;
  void (*run)(rtlane_handle);
  uint32_t least;   // units that it may leave or hand out, killed at any time: from `least` ...
  uint32_t most;    // ... to `most`, and nothing between when it is a release
  uint32_t done;    // with nobody asleep, when it is done
  uint32_t handed;  // the same with survivors asleep, if there are enough of them
};

inline void set(rtlane_handle event)
{
  rtlane_event_set(event);
}
inline void reset(rtlane_handle event)
{
  rtlane_event_reset(event);
}
inline void pulse(rtlane_handle event)
{
  rtlane_event_pulse(event);
}
template <uint32_t Count>
void release(rtlane_handle semaphore)
{
  rtlane_semaphore_release(semaphore, Count, nullptr);
}
inline void wait(rtlane_handle handle)
{
  rtlane_wait(handle, RTLANE_FOREVER);
}

// Nobody can sleep when it begins with something to take: the survivors come after the kill then.
inline constexpr SignalCase kSignalCases[] = {
    {"set", Kind::auto_event, 0, set, 0, 1, 1, 1},
    {"set what is set", Kind::auto_event, 1, set, 1, 1, 1, 1},
    {"reset", Kind::auto_event, 0, reset, 0, 0, 0, 0},
    {"reset what is set", Kind::auto_event, 1, reset, 0, 1, 0, 0},
    {"pulse", Kind::auto_event, 0, pulse, 0, 1, 0, 1},
    {"pulse what is set", Kind::auto_event, 1, pulse, 0, 1, 0, 0},
    {"wait for what is set", Kind::auto_event, 1, wait, 0, 1, 0, 0},
    {"set, manual reset", Kind::manual_event, 0, set, 0, 1, 1, 1},
    {"reset, manual reset", Kind::manual_event, 1, reset, 0, 1, 0, 0},
    {"pulse, manual reset", Kind::manual_event, 0, pulse, 0, 1, 0, 1},
    {"wait, manual reset", Kind::manual_event, 1, wait, 1, 1, 1, 1},
    {"release 1", Kind::semaphore, 0, release<1>, 0, 1, 1, 1},
    {"release 3", Kind::semaphore, 0, release<3>, 0, 3, 3, 3},
    {"wait for a semaphore", Kind::semaphore, 2, wait, 1, 2, 1, 1},
};

// How many units a release may still add, found by doing so; more than the maximum is tried as well.
inline uint32_t room_of(rtlane_handle semaphore)
{
  for (uint32_t units = kMaximum + 3; units > 0; --units) {
    if (rtlane_semaphore_release(semaphore, units, nullptr) == 0)
      return units;
  }
  return 0;
}

// What is there when everybody is quiet, and whether it is as promised. Then the object is used to the end.
inline std::string judge_signal(const SignalCase& operation, Scene& scene, bool anybody_asleep)
{
  unsigned released = 0;
  if (std::string problem = scene.count_released(released); !problem.empty())
    return problem;
  const rtlane_sync_state now = scene.state();
  const unsigned survivors = scene.started();
  uint32_t units = 0;
  switch (operation.kind) {
    case Kind::manual_event:
      if (released != 0 && released != survivors)
        return "one signal released " + std::to_string(released) + " of " + std::to_string(survivors);
      units = now.signaled != 0 || (released != 0 && operation.run == pulse) ? 1 : 0;
      break;
    case Kind::auto_event:
      units = released + now.signaled;
      break;
    default:
      units = released + now.count;
      if (units != operation.least && units != operation.most)
        return "the count is off by " + std::to_string(units);
  }
  if (units < operation.least || units > operation.most)
    return std::to_string(units) + " to be had or taken";
  if (operation.run == pulse && operation.initial == 0 && now.signaled != 0)
    return "a pulse left the event set";
  if (scene.finished() && units != (anybody_asleep ? operation.handed : operation.done))
    return std::to_string(units) + " to be had or taken after the whole operation";

  if (std::string problem = scene.release_the_rest(); !problem.empty())
    return problem;
  if (operation.kind == Kind::manual_event)
    return rtlane_wait(scene.object(), 0) == 0 || survivors == released ? "" : "a set event lets nobody through";
  // Who comes now finds what is left, and no more.
  const rtlane_sync_state left = scene.state();
  const uint32_t expected = operation.kind == Kind::semaphore ? left.count : left.signaled;
  for (uint32_t i = 0; i <= expected; ++i) {
    if (const int result = rtlane_wait(scene.object(), 0); result != (i < expected ? 0 : -ETIMEDOUT))
      return "wait number " + std::to_string(i) + " at the end answers " + std::to_string(result);
  }
  if (operation.kind == Kind::semaphore) {
    const uint32_t room = room_of(scene.object());
    const uint32_t in_hand = operation.run == wait ? 0 : operation.most;
    if (room != kMaximum && (scene.finished() || units != operation.least || room != kMaximum - in_hand))
      return "room for " + std::to_string(room) + " is left of " + std::to_string(kMaximum);
  }
  return "";
}

inline Verdict kill_signal(const SignalCase& operation, unsigned survivors, bool several, const StepPlan& plan,
                           const TempNamespace& space)
{
  Scene scene(operation.kind, operation.initial, space);
  scene.start_victim(
      plan, [](rtlane_handle) {},
      [&](rtlane_handle object) {
        operation.run(object);
        return 0;
      });
  const bool anybody_asleep = operation.initial == 0 && survivors != 0;
  std::string problem = operation.initial == 0 ? scene.start_survivors(survivors, several) : "";
  scene.go();
  if (problem.empty())
    problem = scene.bury();
  if (problem.empty() && operation.initial != 0)
    problem = scene.start_survivors(survivors, several);
  if (problem.empty())
    problem = judge_signal(operation, scene, anybody_asleep);
  return scene.verdict(problem);
}

// ---- The victim waits as the others do; alone, or for several.

using Wait = int (*)(rtlane_handle);

inline int wait_alone(rtlane_handle handle)
{
  return rtlane_wait(handle, RTLANE_FOREVER);
}
inline int wait_any(rtlane_handle handle)
{
  return rtlane_wait_any(&handle, 1, RTLANE_FOREVER, nullptr);
}
inline constexpr Wait kWaits[] = {wait_alone, wait_any};

inline void signal_once(Kind kind, rtlane_handle object)
{
  if (kind == Kind::mutex)
    rtlane_mutex_unlock(object);
  else if (kind == Kind::semaphore)
    rtlane_semaphore_release(object, 1, nullptr);
  else
    rtlane_event_set(object);
}

// While it lives, this thread and the process have one processor, and the process does not preempt: it does not run
// between a call of ours that wakes it and the next one.
class OneProcessor {
public:
  explicit OneProcessor(pid_t other)
  {
    sched_getaffinity(0, sizeof(before_), &before_);
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<unsigned>(sched_getcpu()), &one);
    const sched_param none = {};
    sched_setaffinity(0, sizeof(one), &one);
    sched_setaffinity(other, sizeof(one), &one);
    sched_setscheduler(other, SCHED_BATCH, &none);
  }
  OneProcessor(const OneProcessor&) = delete;
  OneProcessor& operator=(const OneProcessor&) = delete;
  ~OneProcessor() { sched_setaffinity(0, sizeof(before_), &before_); }

private:
  cpu_set_t before_;
};

// When it has slept and
enum class Moment {
  asleep,  // nothing was there: the others sleep on
  woken,   // a signal came, and the kill before it could run
  runs,    // a signal came: it goes on to the plan's instruction, or to its end
};

// Waits for what is not there, or for a mutex that the test owns. Killed by the plan, or at that moment.
inline Verdict kill_waiter(Kind kind, Wait waits, unsigned survivors, bool several, const StepPlan& plan, Moment moment,
                           const TempNamespace& space)
{
  Scene scene(kind, 0, space);
  if (kind == Kind::mutex && rtlane_wait(scene.object(), 0) != 0)
    return {"the test cannot have the mutex"};
  scene.start_victim(
      plan, [](rtlane_handle) {}, waits);
  std::string problem;
  if (moment == Moment::asleep)
    problem = scene.start_survivors(survivors, several);
  scene.go();
  bool died = scene.victim_dies();
  const bool slept = !died;
  bool never_ran = false;
  Verdict verdict;
  verdict.instructions = scene.report().instructions;
  verdict.events = scene.report().events;
  if (moment != Moment::asleep)
    problem = scene.start_survivors(survivors, several);
  if (problem.empty() && scene.returned() != 0)
    problem = "released before there was a signal";
  if (slept && moment != Moment::asleep) {
    if (moment == Moment::woken) {
      const OneProcessor here(scene.victim().pid());
      signal_once(kind, scene.object());
      scene.kill_victim();
      never_ran = scene.report().instructions == verdict.instructions;
      died = true;
    } else {
      signal_once(kind, scene.object());
      died = scene.victim_dies();
      verdict.instructions = scene.report().instructions;
      verdict.events = scene.report().events;
    }
  }
  // It may have been asleep again and woken by its slice since: then the plan kills it all the same.
  if (scene.victim().running())
    scene.kill_victim();
  verdict.finished = scene.report().interrupted == 0;
  const bool signaled = slept && moment != Moment::asleep;
  if (problem.empty() && kind == Kind::mutex) {
    if (!signaled)
      signal_once(kind, scene.object());
    // The kernel hands it to who has waited longest; whose slice was just over is not there.
    const int first = !signaled ? 0 : scene.finished() ? RTLANE_WAIT_ABANDONED : -1;
    problem = scene.hand_round(first, verdict.answer);
  } else if (problem.empty()) {
    // Who may have taken the unit: nobody, or the victim.
    const bool surely = signaled && (never_ran || !died);
    const SignalCase expected = {"wait", kind, 0, wait, surely ? 1U : 0U, signaled ? 1U : 0U, 0, 0};
    problem = judge_signal(expected, scene, true);
  }
  verdict.problem = problem;
  return verdict;
}

// An auto-reset event is pulsed while the victim and the others sleep, and the victim is killed before it runs.
inline Verdict kill_pulsed(Wait waits, unsigned survivors, bool several, const TempNamespace& space)
{
  Scene scene(Kind::auto_event, 0, space);
  scene.start_victim(
      StepPlan{}, [](rtlane_handle) {}, waits);
  scene.go();
  if (scene.victim_dies())
    return scene.verdict("the victim does not sleep");
  std::string problem = scene.start_survivors(survivors, several);
  const uint64_t asleep_at = scene.report().instructions;
  {
    const OneProcessor here(scene.victim().pid());
    rtlane_event_pulse(scene.object());
    scene.kill_victim();
  }
  const uint32_t surely = survivors != 0 && scene.report().instructions == asleep_at ? 1 : 0;
  const SignalCase expected = {"wait", Kind::auto_event, 0, pulse, surely, survivors != 0 ? 1U : 0U, 0, 0};
  if (problem.empty())
    problem = judge_signal(expected, scene, true);
  return scene.verdict(problem);
}

// ---- The victim owns a mutex, or is about to.

// It has locked it `depth` times and unlocks it once, while the others sleep.
inline Verdict kill_unlocker(unsigned depth, unsigned survivors, bool several, const StepPlan& plan,
                             const TempNamespace& space)
{
  Scene scene(Kind::mutex, 0, space);
  scene.start_victim(
      plan,
      [&](rtlane_handle mutex) {
        for (unsigned i = 0; i < depth; ++i)
          rtlane_wait(mutex, 0);
      },
      rtlane_mutex_unlock);
  std::string problem = scene.start_survivors(survivors, several);
  if (problem.empty() && scene.returned() != 0)
    problem = "two owners at once";
  scene.go();
  Verdict verdict;
  if (problem.empty())
    problem = scene.bury();
  if (problem.empty())
    problem = scene.hand_round(depth > 1 ? RTLANE_WAIT_ABANDONED : scene.finished() ? 0 : -1, verdict.answer);
  return scene.verdict(problem, verdict.answer);
}

// It locks a free mutex; the others come when it is dead.
inline Verdict kill_locker(Wait waits, unsigned survivors, bool several, const StepPlan& plan,
                           const TempNamespace& space)
{
  Scene scene(Kind::mutex, 0, space);
  scene.start_victim(
      plan, [](rtlane_handle) {}, waits);
  scene.go();
  int answer = 0;
  std::string problem = scene.bury();
  const bool abandoned = scene.state().abandoned != 0;
  if (problem.empty() && scene.finished() && !abandoned)
    problem = "its owner is dead and nobody is to be told";
  if (problem.empty())
    problem = scene.start_survivors(survivors, several);
  if (problem.empty())
    problem = scene.hand_round(abandoned ? RTLANE_WAIT_ABANDONED : 0, answer);
  return scene.verdict(problem, answer);
}

// ---- Sweeps

// How dense: `each`-th instruction on average, and every event.
struct Density {
  uint64_t each;
  std::mt19937_64* random;
};

// kill(plan, several) with no plan, at every event, and at instructions from `first` on. Returns the number of kills.
// answers receives what next owners were told, by instruction.
template <class Kill>
uint64_t sweep_kills(const Density& density, uint64_t first, Kill&& kill, std::vector<int>* answers = nullptr)
{
  const Verdict whole = kill(StepPlan{}, false);
  EXPECT_EQ(whole.problem, "") << "not killed inside";
  EXPECT_TRUE(whole.finished);
  uint64_t kills = 1;
  const auto check = [&](const StepPlan& plan, bool several) {
    const Verdict verdict = kill(plan, several);
    EXPECT_EQ(verdict.problem, "") << "killed after instruction " << plan.instruction << ", event " << plan.event
                                   << (several ? ", the even survivors" : ", the odd survivors") << " wait for several";
    ++kills;
    if (plan.instruction != 0 && answers != nullptr)
      answers->push_back(verdict.answer);
  };
  for (uint64_t event = 1; event <= whole.events && !::testing::Test::HasFailure(); ++event)
    check({0, event, SIGKILL}, event % 2 == 0);
  // Most instructions of an instrumented build are the sanitizer's, and each kill takes longer.
  const uint64_t step = density.each * (built_with_sanitizer ? 10 * sweep_step : 1);
  const uint64_t offset = density.random == nullptr ? 0 : (*density.random)() % step;
  // The first and the last are always among them.
  for (uint64_t k = first; k <= whole.instructions && !::testing::Test::HasFailure();) {
    check({k, 0, SIGKILL}, (k / step) % 2 == 0);
    const uint64_t next = k == first ? std::max(first + offset, first + 1) : k + step;
    k = k < whole.instructions ? std::min(next, whole.instructions) : next;
  }
  return kills;
}

}  // namespace rtlane::test
