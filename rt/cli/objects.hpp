// The namespace's entries as values, and who holds them.
#pragma once

#include <rtlane/core/namespace.h>
#include <sys/types.h>
#include <rtlane/core/expected.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "report.hpp"

namespace rtlane::cli {

using Entry = rtlane_namespace_entry;

// All entries, by name. Attaches to none.
[[nodiscard]] expected<std::vector<Entry>> list_objects();

// Where the objects are; and for people, who hear also when that is nowhere.
std::string namespace_path();
bool namespace_exists();
std::string namespace_text();

struct Process {
  pid_t pid;
  std::string command;
  unsigned control_pages = 0;  // one for its handle, one more for each lease it has
  bool stopped = false;        // by a signal or a tracer
};

// Who holds an object: its lock file has one read lock for each process that opened it (/proc/locks shows
// them, without saying whose), and the file stays mapped in each (/proc/PID/maps says whose, where it may
// be read). A fork child shares its parent's lock, so there can be more processes than locks.
struct Holders {
  std::uint64_t locks = 0;
  std::vector<Process> processes;
};

// Its handle locks as one reading of /proc/locks has them, which can be wrong by one (HolderTable::read); UINT64_MAX
// when it cannot be read.
[[nodiscard]] std::uint64_t locks_of(const Entry& entry);

// The state of all files at one instant, read once for many questions.
class HolderTable {
public:
  // Reads /proc; what may not be read is counted and left out.
  static HolderTable read();

  [[nodiscard]] Holders of(const Entry& entry) const;
  // False: /proc/locks cannot be read, so that no number of locks is known.
  [[nodiscard]] bool locks_known() const { return locks_known_; }
  // Processes whose mappings may not be read by this user.
  [[nodiscard]] std::size_t hidden_processes() const { return hidden_processes_; }

private:
  using File = std::pair<std::uint64_t, std::uint64_t>;  // device, inode
  std::map<File, std::uint64_t> locks_;
  std::map<File, std::vector<Process>> mapped_;
  std::size_t hidden_processes_ = 0;
  bool locks_known_ = false;
};

const char* kind_text(std::uint32_t kind);
const char* state_text(std::uint32_t state);  // "live", "orphan", "foreign", ...

// The common part of the JSON documents.
Json entry_json(const Entry& entry);
Json holders_json(const Holders& holders, bool locks_known);
std::string holders_text(const Holders& holders, bool locks_known);

}  // namespace rtlane::cli
