// rtlane ls
#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "attached.hpp"
#include "channel_state.hpp"
#include "objects.hpp"
#include "options.hpp"
#include "output.hpp"
#include "report.hpp"
#include "subcommands.hpp"
#include "sync_state.hpp"

namespace rtlane::cli {
namespace {

constexpr char manual[] =
    R"(One line for each object of the namespace (RTLANE_DIR, default /dev/shm/rtlane-<euid>):

  NAME     full name; for a file that is no object, the file's name in brackets
  KIND     memory, event, mutex or semaphore; channels are memory, too, and stand below
  SIZE     bytes asked for by the creator
  PAGE     page size the creator obtained
  LOCKED   bytes that the creator locked into memory
  HOLDERS  handle locks as /proc/locks shows them, one for each process that opened the object, and in
           parentheses the processes that have it mapped, where /proc lets you see them: not those of
           other users, nor of other PID namespaces
  AGE      since it was created
  SYNC     event: set or reset; mutex: free, owned by whom, or abandoned (its owner ended, nobody took it since);
           semaphore: count/maximum. In parentheses those that sleep for it; of a mutex is only known whether any
  STATE    live           somebody holds it
           orphan         nobody does: its processes were killed. The next create in the namespace
                          removes it, or 'rtlane gc'
           foreign        a file that is no rtlane object, or a damaged one in use: left alone
           other version  in use by programs with another layout version of rtlane: left alone
           unreadable     another user's, which you may not open: whether it lives is not known

Below, one line for each channel:

  KIND, OF   the C++ template and the type of its elements
  DEPTH      elements waiting and how many there can be, of channels for frames bytes; where nobody takes
             anything, how many are kept
  PUBLISHED, CONSUMED, TROUBLE   its counters: 'rtlane info --help' explains them. "killed": takeovers
  WHO        its roles: alive; stopped: every process that can have it is; killed: it did not detach and
             nobody came after it; none

Nothing is changed. The kernel is asked who holds which lock; live shared memory is attached to read-only for a moment,
to see whether it is a channel.

JSON: {"schema": "rtlane.ls/1", "namespace", "namespace_exists", "objects": [{"name", "state", "file", "kind", "size_bytes",
"mapped_bytes", "page_size", "tier", "locked_bytes", "generation", "created_unix_ns", "age_s", "creator_pid",
"creator_uid", "payload_file", "mode", "uid", "gid", "problem", "sync", "holders": {"locks", "processes": [{"pid",
"command", "stopped"}]}, "channel": as of 'rtlane info', without "fields"}], "hidden_processes"}. Members that do not apply are absent. "sync" is, of an event, {"signaled",
"manual_reset", "waiters"}, of a semaphore {"signaled", "count", "maximum", "waiters"}, of a mutex {"signaled": whether
it is free, "owner": null or {"tid", "pid", "command", "thread"}, "abandoned", "waiters": of those that wait for it
alone all count as one}. An owner has nothing but "tid" when no process with that thread is seen to hold the object.
hidden_processes counts those whose mappings this user may not read. Bytes of names and paths that are not UTF-8 stand
as U+FFFD in every JSON document.

A namespace that does not exist has no objects, which is said: the first create makes it.

Exit status: 0 all live, 1 something is not (or the namespace cannot be read), 2 wrong usage.)";

std::string name_text(const Entry& entry)
{
  if (entry.name[0] != '\0')
    return printable(entry.name);
  const std::string_view path = entry.path;
  return "[" + printable(path.substr(path.rfind('/') + 1)) + "]";
}

}  // namespace

int ls(int argc, char** argv)
{
  Command command("List the objects of the namespace.", "rtlane ls", manual);
  Report report;
  report.add_option(command);
  if (const auto status = command.parse(argc, argv))
    return *status;
  if (const auto opened = report.open(); !opened)
    return command.fail(opened.error().message, usage);

  const auto entries = list_objects();
  if (!entries)
    return command.fail(entries.error().message);
  const HolderTable holders = HolderTable::read();

  Json document;
  document["schema"] = "rtlane.ls/1";
  document["namespace"] = namespace_path();
  document["namespace_exists"] = namespace_exists();
  document["objects"] = Json::array();
  std::vector<std::vector<std::string>> rows = {
      {"NAME", "KIND", "SIZE", "PAGE", "LOCKED", "HOLDERS", "AGE", "SYNC", "STATE"}};
  std::vector<std::vector<std::string>> channel_rows = {channel_heading()};
  bool all_live = true;
  bool unexplained = false;  // a lock whose process was not found
  for (const Entry& entry : *entries) {
    const Holders held = holders.of(entry);
    Json json = entry_json(entry);
    const MutexOwner owner = mutex_owner(entry, held);
    if (Json sync = sync_json(entry, owner); !sync.is_null())
      json["sync"] = std::move(sync);
    json["holders"] = holders_json(held, holders.locks_known());
    if (const ChannelRef channel = glance(entry)) {
      json["channel"] = channel_json(channel, held);
      channel_rows.push_back(channel_row(name_text(entry), channel, held));
    }
    document["objects"].push_back(std::move(json));

    std::string state = state_text(entry.state);
    if (entry.problem[0] != '\0')
      state += ": " + printable(entry.problem);
    if (entry.state == RTLANE_ENTRY_LIVE || entry.state == RTLANE_ENTRY_ORPHAN)
      rows.push_back({name_text(entry), kind_text(entry.kind), bytes_text(entry.size_bytes),
                      bytes_text(entry.page_bytes), bytes_text(entry.locked_bytes),
                      holders_text(held, holders.locks_known()), age_text(entry.created_unix_ns),
                      sync_text(entry, owner), state});
    else
      rows.push_back(
          {name_text(entry), "-", "-", "-", "-", holders_text(held, holders.locks_known()), "-", "-", state});
    unexplained = unexplained || held.locks > held.processes.size();
    all_live = all_live && entry.state == RTLANE_ENTRY_LIVE;
  }
  document["hidden_processes"] = holders.hidden_processes();

  const bool written = report.write(document);
  if (!report.on_stdout()) {
    say_out(entries->empty() ? fmt::format("no objects in {}\n", namespace_text()) : table_text(rows));
    if (channel_rows.size() > 1)
      say_out("\n" + table_text(channel_rows));
    if (unexplained)
      say_out(holders.hidden_processes() > 0
                  ? fmt::format("({} processes may not be looked at: some holders have no number here)\n",
                                holders.hidden_processes())
                  : "(some holders are not in this PID namespace: they have no number here)\n");
  }
  return written && all_live ? good : finding;
}

}  // namespace rtlane::cli
