// The daemons of earlier runs that are about to end: a run that begins meanwhile would take one for its own.
#pragma once

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <thread>

#include "descriptor.hpp"

namespace rtlane::bench {

// A guardian has a directory whose name begins with `prefix`. In it are `owner`, the process that it works for;
// `ending` from when it was told to end; and `alive`, which is locked for as long as anything of it or of its RouDi
// runs. Returns "" when no guardian is left that ends, at once when there was none; and when one has not ended within
// `patience` a sentence for the user. One whose owner lives is none of ours to wait for.
inline std::string await_ending_roudis(const std::string& prefix, std::chrono::milliseconds patience)
{
  namespace fs = std::filesystem;
  const auto is_ending = [](const fs::path& directory) {
    pid_t owner = 0;
    std::ifstream(directory / "owner") >> owner;
    std::error_code unknown;
    return fs::exists(directory / "ending", unknown) || (owner > 0 && kill(owner, 0) != 0 && errno == ESRCH);
  };
  const auto deadline = std::chrono::steady_clock::now() + patience;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(fs::path(prefix).parent_path(), error)) {
    const std::string directory = entry.path();
    if (!directory.starts_with(prefix) || !is_ending(directory))
      continue;
    const Descriptor alive(open((directory + "/alive").c_str(), O_RDWR | O_CLOEXEC));
    while (alive.get() >= 0 && flock(alive.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
      if (std::chrono::steady_clock::now() >= deadline)
        return "the RouDi of an earlier run has not ended in " +
               std::to_string(std::chrono::duration_cast<std::chrono::seconds>(patience).count()) +
               " s (its files are in " + directory + "): end iox-roudi, or leave iceoryx/pubsub out of --peers";
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  return "";
}

}  // namespace rtlane::bench
