// rtlane info NAME
#include <fmt/format.h>
#include <rtlane/channels/type_table.hpp>

#include <optional>
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
    R"(NAME is the full name of an object, as 'rtlane ls' shows it.

Shown are who holds the object, and its certificate: what the creator obtained (page size, locked bytes), what
fell back and why, and the command that would fix it. Figures of the creator were written when the object was
made; figures of "this process" are those of rtlane info itself, which attaches read-only and unlocked and
leaves again, so that it disturbs nobody. How much other processes locked is known to them alone
(rtlane_shm_info).

Of an event, a mutex or a semaphore: its state, the thread that owns the mutex (with its process, when that is seen here
to hold the object), and how many sleep for it. Nothing is attached to.

Of a channel: its kind, the fields of an element with offset, type and unit, capacity, who is in it (proved by the
kernel, which drops a role when its holder is gone), and the counters, of which each kind has those that mean something
for it. A role is "alive"; "stopped": alive, but every process that can have it is stopped; "killed": it did not detach
and nobody came after it; or there is "none".

  published    elements made visible (of channels for frames: bytes)
  consumed     elements taken
  depth        elements waiting
  refused      answers "full" to a producer, and batches that were cut short
  lost         elements overwritten before a reader could take them
  redelivered  elements met again that a killed consumer may have seen
  recovered    slots taken back from a participant that was killed in the middle of it
  orphaned     elements that a killed consumer had in hand
  takeovers    roles taken after a holder that was killed

An orphan (nobody holds it, its processes were killed) is described from its file and left alone.

JSON: {"schema": "rtlane.info/1", ...the members of 'rtlane ls' for the object, "sync" among them..., "holders",
"creator": {"page_size", "tier", "locked_bytes", "page_reason", "page_fix", "lock_reason", "lock_fix"}, "here":
{"page_size", "locked_bytes", "numa_node", "attach_ns", "attach_minor_faults", "unlinked"}, "channel": null or {"kind",
"type", "type_hash", "element_bytes", "capacity", "slot_stride_bytes", "frame_bytes_max", "fields": [{"name", "type",
"offset", "count", "unit", "names" (of an enum: {name: value}), "fields" (of a struct)}], "participants",
"producer_alive", "consumer_alive", "participants_alive", "producer_state", "consumer_state", "closed", "published", "consumed", "depth", "refused", "lost", "redelivered",
"recovered", "orphaned", "producer_attaches", "consumer_attaches", "participant_attaches", "producer_takeovers",
"consumer_takeovers", "participant_takeovers"}, "problem" (when there is one)}. "alive" is null where the kernel may not
be asked. "producer" is the writer of a snapshot or broadcast.

Exit status: 0 a live object; 1 there is none of that name, you may not open it (the sentence says whose it is), it is
an orphan, damaged, or lost its file; 2 wrong usage.)";

std::string memory_text(const Entry& entry, const Attached* attached)
{
  std::vector<std::vector<std::string>> rows = {
      {"memory", fmt::format("creator (process {})", entry.creator_pid), attached != nullptr ? "this process" : ""}};
  const auto row = [&](const char* name, std::string creator, std::string here) {
    rows.push_back({std::string("  ") + name, std::move(creator), std::move(here)});
  };
  const rtlane_shm_certificate* here = attached != nullptr ? &attached->facts : nullptr;
  row("size", bytes_text(entry.size_bytes), "");
  row("mapped", bytes_text(entry.mapped_bytes), here != nullptr ? bytes_text(here->mapped_bytes) : "");
  row("page size", fmt::format("{} ({})", bytes_text(entry.page_bytes), tier_text(entry.tier)),
      here != nullptr ? bytes_text(here->page_bytes) : "");
  row("locked", bytes_text(entry.locked_bytes),
      here != nullptr ? fmt::format("{} (did not ask)", bytes_text(here->locked_bytes)) : "");
  if (here != nullptr) {
    row("NUMA node", "", here->numa_node < 0 ? "unknown" : fmt::format("{}", here->numa_node));
    row("attach", "",
        fmt::format("{}, {} faults, read-only", duration_text(here->attach_ns), here->attach_minor_faults));
  }
  std::string text = table_text(rows);
  if (entry.page_reason[0] != '\0')
    text += fmt::format("  pages fell back: {}\n", printable(entry.page_reason));
  if (entry.page_fix[0] != '\0')
    text += fmt::format("    to fix it:     {}\n", printable(entry.page_fix));
  if (entry.lock_reason[0] != '\0')
    text += fmt::format("  not locked:      {}\n", printable(entry.lock_reason));
  if (entry.lock_fix[0] != '\0')
    text += fmt::format("    to fix it:     {}\n", printable(entry.lock_fix));
  return text;
}

}  // namespace

int info(int argc, char** argv)
{
  Command command("All about one object.", "rtlane info", manual);
  std::string name;
  command.option("NAME", name, "Full name of the object");
  Report report;
  report.add_option(command);
  if (const auto status = command.parse(argc, argv))
    return *status;
  if (name.empty()) {
    const std::string hint =
        report.path().empty() || report.path() == "-"
            ? ""
            : fmt::format(" ('{}' was taken as the FILE of --json: put NAME first)", report.path());
    return command.fail("NAME is missing" + hint + "; 'rtlane info --help' is the manual", usage);
  }
  if (const auto opened = report.open(); !opened)
    return command.fail(opened.error().message, usage);

  const auto entries = list_objects();
  if (!entries)
    return command.fail(entries.error().message);
  const auto found = find_object(name, *entries);
  if (!found)
    return command.fail(found.error().message);
  const Entry& entry = *found;
  // Looked up before attaching: this process is no holder that matters.
  const HolderTable table = HolderTable::read();
  const Holders holders = table.of(entry);

  std::optional<Attached> attached;
  std::string problem = entry.problem;
  if (entry.state == RTLANE_ENTRY_LIVE && entry.kind == RTLANE_KIND_SHARED_MEMORY) {
    auto result = attach(name);
    if (result)
      attached = std::move(*result);
    else
      problem = result.error().message;
  }
  std::optional<TypeTable> types;
  if (attached && attached->channel) {
    auto parsed = TypeTable::of(attached->channel);
    if (parsed)
      types = std::move(*parsed);
    else
      problem = parsed.error().message;
  }
  if (attached && !attached->channel_problem.empty())
    problem = attached->channel_problem;
  if (attached && attached->facts.unlinked != 0)
    problem = "somebody removed the file of this live object: nobody else can open it any more";
  if (entry.state == RTLANE_ENTRY_ORPHAN && problem.empty())
    problem = "nobody holds it: its processes were killed; 'rtlane gc' or the next create removes it";

  Json document;
  document["schema"] = "rtlane.info/1";
  document.update(entry_json(entry));
  const MutexOwner owner = mutex_owner(entry, holders);
  if (Json sync = sync_json(entry, owner); !sync.is_null())
    document["sync"] = std::move(sync);
  document["holders"] = holders_json(holders, table.locks_known());
  if (entry.state == RTLANE_ENTRY_LIVE || entry.state == RTLANE_ENTRY_ORPHAN)
    document["creator"] = {{"page_size", entry.page_bytes},      {"tier", tier_text(entry.tier)},
                           {"locked_bytes", entry.locked_bytes}, {"page_reason", entry.page_reason},
                           {"page_fix", entry.page_fix},         {"lock_reason", entry.lock_reason},
                           {"lock_fix", entry.lock_fix}};
  if (attached)
    document["here"] = {{"page_size", attached->facts.page_bytes},
                        {"locked_bytes", attached->facts.locked_bytes},
                        {"numa_node", attached->facts.numa_node},
                        {"attach_ns", attached->facts.attach_ns},
                        {"attach_minor_faults", attached->facts.attach_minor_faults},
                        {"unlinked", attached->facts.unlinked != 0}};
  document["channel"] = nullptr;
  if (attached && attached->channel) {
    document["channel"] = channel_json(attached->channel, holders);
    document["channel"]["fields"] = types ? fields_json(*types) : Json::array();
  }
  if (!problem.empty())
    document["problem"] = problem;

  const bool written = report.write(document);
  if (!report.on_stdout()) {
    std::string text = fmt::format("name       {}\nkind       {}\nstate      {}\n", printable(entry.name),
                                   kind_text(entry.kind), state_text(entry.state));
    text += fmt::format("holders    {}", table.locks_known() ? fmt::format("{}", holders.locks) : "unknown");
    for (const Process& process : holders.processes)
      text += fmt::format("{} {} {}{}", &process == holders.processes.data() ? ":" : ",", process.pid, process.command,
                          process.stopped ? " (stopped)" : "");
    text += "\n";
    if (entry.created_unix_ns != 0)
      text += fmt::format("created    {} ago by process {} of user {}\n", age_text(entry.created_unix_ns),
                          entry.creator_pid, entry.creator_uid);
    text += fmt::format("file       {} (mode {:04o}, user {}, group {})\n", printable(entry.path), entry.mode,
                        entry.uid, entry.gid);
    if (entry.payload_path[0] != '\0')
      text += fmt::format("payload    {}\n", printable(entry.payload_path));
    if (const auto rows = sync_rows(entry, owner); !rows.empty())
      text += "\n" + table_text(rows);
    if (entry.state == RTLANE_ENTRY_LIVE || entry.state == RTLANE_ENTRY_ORPHAN)
      text += "\n" + memory_text(entry, attached ? &*attached : nullptr);
    if (attached && attached->channel)
      text += channel_text(attached->channel, types, holders);
    if (!problem.empty())
      text += fmt::format("\nproblem    {}\n", printable(problem));
    say_out(text);
  }
  return written && problem.empty() && entry.state == RTLANE_ENTRY_LIVE ? good : finding;
}

}  // namespace rtlane::cli
