// Events, mutexes and semaphores as `ls` and `info` show them.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "objects.hpp"
#include "report.hpp"

namespace rtlane::cli {

// The thread that owns a mutex. Its number means something in the PID namespace of the mutex only; so the process is
// named when /proc shows the thread and a process that has the object mapped to be one.
struct MutexOwner {
  pid_t tid = 0;  // 0: nobody owns it
  pid_t pid = 0;  // 0: not known
  std::string command;
  std::string thread;
};

[[nodiscard]] MutexOwner mutex_owner(const Entry& entry, const Holders& holders);

// For a column: "set", "count 3/10 (2 waiting)", "owned by 1234 controller"; "-" for memory.
[[nodiscard]] std::string sync_text(const Entry& entry, const MutexOwner& owner);
// A heading and a row for each fact; none for memory.
[[nodiscard]] std::vector<std::vector<std::string>> sync_rows(const Entry& entry, const MutexOwner& owner);
// An object, or null for memory and for a state that cannot be read.
[[nodiscard]] Json sync_json(const Entry& entry, const MutexOwner& owner);

}  // namespace rtlane::cli
