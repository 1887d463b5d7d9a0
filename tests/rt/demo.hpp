// A running demo as its tests see it.
#pragma once

#include <sys/prctl.h>
#include <sys/wait.h>
#include <rtlane/channels/participants.hpp>
#include <rtlane/core/shared_memory.hpp>

#include <map>
#include <string>
#include <vector>

#include "demo/state.hpp"
#include "recordings.hpp"
#include "support/shared_page.hpp"
#include "support/shm.hpp"
#include "support/watchdog.hpp"
#include "tool.hpp"

namespace rtlane::test {

// 'R', 'S', 'T' ... as /proc/PID/stat has it.
inline char process_state(pid_t pid)
{
  const std::string stat = read_file("/proc/" + std::to_string(pid) + "/stat");
  const std::size_t name_end = stat.rfind(')');
  return name_end == std::string::npos ? '?' : stat[name_end + 2];
}

// `rtlane demo` with a ring called "test". Its sensor and controller become children of the test when the monitor is
// gone, so that their ends can be waited for.
class RunningDemo {
public:
  explicit RunningDemo(std::vector<std::string> arguments, const std::function<bool()>& prepare = {})
  {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    arguments.insert(arguments.begin(), {"demo", "--name", "test"});
    tool_ = Tool::start(arguments, RTLANE_TOOL, prepare);
  }

  Tool& tool() { return tool_; }
  pid_t monitor() const { return tool_.pid(); }
  pid_t sensor() const { return pids_.at(demo::Part::sensor); }
  pid_t controller() const { return pids_.at(demo::Part::controller); }
  pid_t pid(demo::Part part) const { return part == demo::Part::monitor ? monitor() : pids_.at(part); }

  // Until so many samples went from sensor to controller. False after a time that only a hang takes.
  bool wait_received(std::uint64_t samples)
  {
    return eventually([&] {
      // Attached only while looking: the test must not keep the demo's objects alive.
      ShmOptions quiet;
      quiet.read_only = true;
      quiet.lock = RTLANE_NEVER;
      auto memory = SharedMemory::open("test.state", quiet);
      if (!memory || memory->size_bytes() < sizeof(demo::State))
        return false;
      const auto& state = *static_cast<const demo::State*>(memory->data());
      if (state.controller.ready == 0 || state.sensor.ready == 0)
        return false;
      pids_ = {{demo::Part::sensor, state.sensor.pid}, {demo::Part::controller, state.controller.pid}};
      return state.controller.received >= samples;
    });
  }

  std::uint64_t sent() const
  {
    return counter([](const demo::State& state) { return state.sensor.sent.load(); });
  }
  std::uint64_t received() const
  {
    return counter([](const demo::State& state) { return state.controller.received.load(); });
  }

  std::uint64_t full_waits() const
  {
    return counter([](const demo::State& state) { return state.sensor.full_waits.load(); });
  }
  bool stop_asked() const
  {
    return counter([](const demo::State& state) { return std::uint64_t{state.stop.load()}; }) != 0;
  }

  // Waits for sensor and controller after the monitor's end; what they ended with.
  std::map<demo::Part, int> wait_for_children() const
  {
    std::map<demo::Part, int> statuses;
    for (const auto& [part, pid] : pids_) {
      int status = 0;
      if (waitpid(pid, &status, 0) == pid)
        statuses[part] = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
    }
    return statuses;
  }

private:
  template <class Read>
  static std::uint64_t counter(Read read)
  {
    ShmOptions quiet;
    quiet.read_only = true;
    quiet.lock = RTLANE_NEVER;
    auto memory = SharedMemory::open("test.state", quiet);
    return memory ? read(*static_cast<const demo::State*>(memory->data())) : 0;
  }

  Tool tool_;
  std::map<demo::Part, pid_t> pids_;
};

}  // namespace rtlane::test
