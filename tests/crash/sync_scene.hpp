// An event, a semaphore or a mutex, a process that is killed inside an operation on it, and up to eight that sleep on
// it meanwhile; then the object is used until all of them are released, and judged.
//
// Checks answer with a sentence instead of failing, because broken copies of the library must make them speak
// (sync_mutations.sh).
#pragma once

#include <rtlane/core/sync.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "crash/step.hpp"
#include "support/child.hpp"
#include "support/shared_page.hpp"
#include "support/temp_namespace.hpp"

namespace rtlane::test {

enum class Kind { auto_event, manual_event, semaphore, mutex };

inline constexpr unsigned kSurvivors = 8;
inline constexpr uint32_t kMaximum = 12;

// The letter of /proc/PID/stat: S = asleep, Z = dead.
inline char process_state(pid_t pid)
{
  char text[512] = {};
  std::FILE* file = std::fopen(("/proc/" + std::to_string(pid) + "/stat").c_str(), "re");
  if (file == nullptr)
    return '?';
  const size_t got = std::fread(text, 1, sizeof(text) - 1, file);
  std::fclose(file);
  const char* end = got == 0 ? nullptr : std::strrchr(text, ')');
  return end == nullptr ? '?' : end[2];
}

inline constexpr size_t kPayloadBytes = 512;

// Where this process has the file mapped: the first bytes of the page that follows its header's.
inline Watched mapping_of(const std::string& path)
{
  struct stat status = {};
  Watched found;
  std::FILE* maps = std::fopen("/proc/self/maps", "re");
  if (stat(path.c_str(), &status) != 0 || maps == nullptr)
    std::abort();
  char line[4096];
  while (std::fgets(line, sizeof(line), maps) != nullptr) {
    uintptr_t begin = 0;
    uintptr_t end = 0;
    uint64_t inode = 0;
    if (std::sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %*s %*s %*s %" SCNu64, &begin, &end, &inode) == 3 &&
        inode == status.st_ino)
      found = {reinterpret_cast<const volatile void*>(end - 4096), kPayloadBytes};
  }
  std::fclose(maps);
  return found;
}

struct Verdict {
  std::string problem;    // "" = all is well
  bool finished = false;  // the operation came to its end, or slept in it
  int answer = 0;         // mutexes: what the next owner was told
  uint64_t instructions = 0;
  uint64_t events = 0;
};

class Scene {
public:
  Scene(Kind kind, uint32_t initial, const TempNamespace& space) : kind_(kind)
  {
    const std::vector<std::string> before = space.files();
    const std::string name = "object" + std::to_string(static_cast<int>(kind));
    int result = -1;
    switch (kind) {
      case Kind::auto_event:
      case Kind::manual_event:
        result =
            rtlane_event_create(name.c_str(), kind == Kind::manual_event, static_cast<int>(initial), nullptr, &object_);
        break;
      case Kind::semaphore:
        result = rtlane_semaphore_create(name.c_str(), initial, kMaximum, nullptr, &object_);
        break;
      case Kind::mutex:
        result = rtlane_mutex_create(name.c_str(), 0, nullptr, &object_);
    }
    if (result != 0)
      std::abort();
    for (const std::string& file : space.files()) {
      if (file != ".lock" && std::find(before.begin(), before.end(), file) == before.end())
        watched_ = mapping_of(space.path() + "/" + file);
    }
    if (watched_.bytes == 0 || rtlane_event_create(nullptr, 1, 0, nullptr, &never_) != 0)
      std::abort();
  }
  Scene(const Scene&) = delete;
  Scene& operator=(const Scene&) = delete;
  ~Scene()
  {
    for (Child& child : survivors_)
      child = Child();
    victim_ = Child();
    rtlane_close(never_);
    rtlane_close(object_);
  }

  rtlane_handle object() const { return object_; }
  const StepReport& report() const { return *report_; }
  bool finished() const { return report_->finished != 0; }
  unsigned started() const { return count_; }
  Verdict verdict(const std::string& problem, int answer = 0) const
  {
    return {problem, finished(), answer, report_->instructions, report_->events};
  }

  // The process that is killed. prepare() runs freely and at once, operation() stepwise after go(); it ends with a kill
  // in any case, or the last instructions would never be judged as such.
  template <class Prepare, class Operation>
  void start_victim(const StepPlan& plan, Prepare&& prepare, Operation&& operation)
  {
    victim_ = Child::start([&] {
      prepare(object_);
      flags_->ready = 1;
      while (flags_->go == 0)
        sleep_us(20);
      // Hashing is most of the work, and nobody asks for events then.
      run_stepped(plan, *report_, plan.instruction != 0 ? Watched() : watched_,
                  [&] { flags_->result = operation(object_); });
      raise(SIGKILL);
    });
    eventually([&] { return flags_->ready != 0; });
  }
  void go() { flags_->go = 1; }
  // What the operation answered; the victim finished it.
  int result() const { return flags_->result; }
  const Child& victim() const { return victim_; }
  // Waits until the victim is dead (true) or sleeps inside its operation (false).
  bool victim_dies()
  {
    bool dead = false;
    eventually([&] {
      const char state = process_state(victim_.pid());
      dead = state == 'Z';
      return dead ||
             (state == 'S' && report_->instructions != 0 && flags_->go != 0 && process_state(victim_.pid()) == 'S');
    });
    return dead;
  }
  // "" or what else became of it.
  std::string bury()
  {
    const int status = victim_.wait();
    return status == -SIGKILL ? "" : "the victim ended with " + std::to_string(status);
  }
  void kill_victim() { victim_.kill_now(); }

  // They wait for the object; every second one, with `several` the even ones, for another event besides. Returns when
  // all are asleep or released.
  std::string start_survivors(unsigned count, bool several)
  {
    for (unsigned i = 0; i < count; ++i) {
      Slot& slot = (*slots_)[count_];
      survivors_[count_] = Child::start([&] {
        const rtlane_handle both[] = {never_, object_};
        uint32_t index = 0;
        slot.calling = 1;
        const int result = (i % 2 == 0) == several ? rtlane_wait_any(both, 2, RTLANE_FOREVER, &index)
                                                   : rtlane_wait(object_, RTLANE_FOREVER);
        slot.result = result;
        slot.returned = 1;
        if (kind_ != Kind::mutex)
          return 0;
        while (slot.unlock == 0)
          sleep_us(20);
        slot.unlocked = rtlane_mutex_unlock(object_) == 0 ? 1 : 2;
        return 0;
      });
      ++count_;
    }
    return settle();
  }

  unsigned returned() const
  {
    unsigned sum = 0;
    for (unsigned i = 0; i < count_; ++i)
      sum += (*slots_)[i].returned;
    return sum;
  }

  // Waits until every survivor sleeps or has returned: whoever is woken counts as running until it sleeps again.
  std::string settle() const
  {
    const bool settled = eventually([&] {
      for (unsigned i = 0; i < count_; ++i) {
        const Slot& slot = (*slots_)[i];
        if (slot.returned == 0 && (slot.calling == 0 || process_state(survivors_[i].pid()) != 'S'))
          return false;
      }
      return true;
    });
    return settled ? "" : "the survivors do not come to rest";
  }

  rtlane_sync_state state() const
  {
    rtlane_sync_state state = {};
    rtlane_sync_get_state(object_, &state);
    return state;
  }

  // How many have returned when all is quiet; a survivor that sleeps although it need not is a problem.
  std::string count_released(unsigned& released) const
  {
    if (std::string problem = settle(); !problem.empty())
      return problem;
    released = returned();
    const rtlane_sync_state now = state();
    if (released < count_ && now.signaled != 0)
      return "lost wake-up: " + std::to_string(count_ - released) + " sleep and the object is to be had";
    for (unsigned i = 0; i < count_; ++i) {
      if (const Slot& slot = (*slots_)[i]; slot.returned != 0 && slot.result != 0)
        return "a survivor's wait answers " + std::to_string(slot.result);
    }
    return "";
  }

  // Events and semaphores: one signal after the other until all survivors are released, each by one of its own.
  std::string release_the_rest()
  {
    unsigned before = returned();
    while (before < count_) {
      const int result =
          kind_ == Kind::semaphore ? rtlane_semaphore_release(object_, 1, nullptr) : rtlane_event_set(object_);
      if (result != 0)
        return std::string("a survivor cannot signal: ") + rtlane_error_message();
      unsigned released = 0;
      if (std::string problem = count_released(released); !problem.empty())
        return problem;
      if (released != (kind_ == Kind::manual_event ? count_ : before + 1))
        return std::to_string(released - before) + " released by one signal";
      before = released;
    }
    return end_survivors();
  }

  // Mutexes: whoever has it unlocks, until all had it. The first must answer `first` (-1: 0 or abandoned), the others
  // 0.
  std::string hand_round(int first, int& answer)
  {
    for (unsigned had = 1; had <= count_; ++had) {
      if (!eventually([&] { return returned() >= had; }))
        return "hang: " + std::to_string(count_ - had + 1) + " wait for a mutex that nobody unlocks any more";
      if (returned() != had)
        return std::to_string(returned() - had + 1) + " own the mutex at once:" + answers();
      for (unsigned i = 0; i < count_; ++i) {
        Slot& slot = (*slots_)[i];
        if (slot.returned == 0 || slot.unlocked != 0)
          continue;
        if (had == 1) {
          answer = slot.result;
          if (first >= 0 ? answer != first : answer != 0 && answer != RTLANE_WAIT_ABANDONED)
            return "the first to own it is told " + std::to_string(slot.result);
        } else if (slot.result != 0) {
          return "owner number " + std::to_string(had) + " is told " + std::to_string(slot.result);
        }
        if (state().owner_tid != survivors_[i].pid())
          return "it waited with success and does not own it";
        slot.unlock = 1;
        if (!eventually([&] { return slot.unlocked != 0; }) || slot.unlocked != 1)
          return "the owner cannot unlock";
        break;  // the next may own it already
      }
    }
    if (std::string problem = end_survivors(); !problem.empty())
      return problem;
    // Nobody waits: the test is the next, or the last.
    const int result = rtlane_wait(object_, 20'000'000'000);
    if (count_ == 0)
      answer = result;
    if (count_ != 0 ? result != 0 : result < 0 || (first >= 0 && result != first))
      return "who comes last is told " + std::to_string(result);
    if (rtlane_mutex_unlock(object_) != 0)
      return "the last cannot unlock";
    if (const rtlane_sync_state now = state(); now.owner_tid != 0 || now.abandoned != 0)
      return "in the end the mutex is not free";
    return "";
  }

  // Of the survivors' waits so far.
  std::string answers() const
  {
    std::string text;
    for (unsigned i = 0; i < count_; ++i) {
      if (const Slot& slot = (*slots_)[i]; slot.returned != 0)
        text += " survivor " + std::to_string(i) + " " + std::to_string(slot.result);
    }
    return text;
  }

private:
  struct Slot {
    std::atomic<uint32_t> calling{0};
    std::atomic<uint32_t> returned{0};
    std::atomic<uint32_t> unlock{0};
    std::atomic<uint32_t> unlocked{0};
    std::atomic<int> result{-1000};
  };
  struct Flags {
    std::atomic<uint32_t> ready{0};
    std::atomic<uint32_t> go{0};
    std::atomic<int> result{-1000};
  };

  std::string end_survivors()
  {
    for (unsigned i = 0; i < count_; ++i) {
      if (const int status = survivors_[i].wait(); status != 0)
        return "a survivor ended with " + std::to_string(status);
    }
    return "";
  }

  Kind kind_;
  rtlane_handle object_ = 0;
  rtlane_handle never_ = 0;
  Watched watched_;
  SharedPage<StepReport> report_;
  SharedPage<Flags> flags_;
  SharedPage<std::array<Slot, kSurvivors>> slots_;
  Child victim_;
  std::array<Child, kSurvivors> survivors_;
  unsigned count_ = 0;
};

}  // namespace rtlane::test
