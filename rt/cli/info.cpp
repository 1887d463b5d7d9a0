// rtlane info NAME
#include <fmt/format.h>
#include <rtlane/channels/participants.hpp>
#include <rtlane/channels/type_table.hpp>
#include <rtlane/core/shared_memory.hpp>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>
#include <vector>

#include "command.hpp"
#include "objects.hpp"
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

Of a channel: its kind, the fields of an element with offset, type and unit, capacity, who is alive (proved by the
kernel, which drops a role when its holder is gone; a stopped process is alive), and the counters:

  published    elements the producer made visible
  consumed     elements the consumer took
  depth        elements waiting
  refused      answers "full" to the producer, and batches that were cut short
  redelivered  elements met again that a killed consumer may have seen
  takeovers    roles taken after a holder that was killed

An orphan (nobody holds it, its processes were killed) is described from its file and left alone.

JSON: {"schema": "rtlane.info/1", ...the members of 'rtlane ls' for the object, "sync" among them..., "holders",
"creator": {"page_size", "tier", "locked_bytes", "page_reason", "page_fix", "lock_reason", "lock_fix"}, "here":
{"page_size", "locked_bytes", "numa_node", "attach_ns", "attach_minor_faults", "unlinked"}, "channel": null or {"kind",
"type", "type_hash", "element_bytes", "capacity", "slot_stride_bytes", "fields": [{"name", "type", "offset", "count",
"unit", "names" (of an enum: {name: value}), "fields" (of a struct)}], "producer_alive", "consumer_alive", "closed",
"published", "consumed", "depth", "refused", "redelivered", "producer_attaches", "consumer_attaches",
"producer_takeovers", "consumer_takeovers"}, "problem" (when there is one)}. "alive" is null where the kernel may not be
asked.

Exit status: 0 a live object; 1 there is none of that name, you may not open it (the sentence says whose it is), it is
an orphan, damaged, or lost its file; 2 wrong usage.)";

struct Attached {
  SharedMemory memory;
  rtlane_shm_certificate facts{};
  ChannelRef channel;  // empty when the object holds none
  std::string channel_problem;
};

// So that nobody is disturbed.
ShmOptions quiet_options()
{
  ShmOptions quiet;
  quiet.read_only = true;
  quiet.lock = RTLANE_NEVER;
  return quiet;
}

// An orphan must not come here: the last to look would remove it.
expected<Attached> attach(const std::string& name)
{
  const ShmOptions quiet = quiet_options();
  auto memory = SharedMemory::open(name, quiet);
  if (!memory)
    return unexpected(memory.error());
  Attached attached;
  attached.memory = std::move(*memory);
  attached.facts = attached.memory.certificate();

  const rtlane_shm_options options = quiet.to_c();
  const rtlane_channel_spec any = RTLANE_CHANNEL_SPEC_INIT;
  rtlane_channel* channel = nullptr;
  const int result = rtlane_channel_open(name.c_str(), &any, &options, &channel);
  if (result == 0)
    attached.channel = ChannelRef(channel);
  else if (result != -ENOMSG)
    attached.channel_problem = Error::from_c(result).message;
  return attached;
}

// A name that no entry has. Of entries that this user may not open the names are not known: opening by name says what
// is the matter then.
std::string why_not_there(const std::string& name, const std::vector<Entry>& entries)
{
  if (std::any_of(entries.begin(), entries.end(), [](const Entry& entry) { return entry.name[0] == '\0'; })) {
    const auto opened = SharedMemory::open(name, quiet_options());
    if (opened)
      return fmt::format("'{}' was made at this moment: ask again", name);
    if (opened.error().code != ENOENT)
      return opened.error().message;
  }
  return fmt::format("there is no object called '{}' in {}; 'rtlane ls' lists what there is", name, namespace_text());
}

std::string type_text(const TypeTable& table, const TypeTable::Field& field)
{
  const unsigned bits = field.element_bytes * 8;
  std::string text;
  switch (field.kind) {
    case RTLANE_FIELD_INT:
      text = fmt::format("int{}", bits);
      break;
    case RTLANE_FIELD_UINT:
      text = fmt::format("uint{}", bits);
      break;
    case RTLANE_FIELD_FLOAT:
      text = fmt::format("float{}", bits);
      break;
    case RTLANE_FIELD_BOOL:
      text = "bool";
      break;
    case RTLANE_FIELD_ENUM_INT:
    case RTLANE_FIELD_ENUM_UINT:
      text = fmt::format("enum {}int{}", field.kind == RTLANE_FIELD_ENUM_UINT ? "u" : "", bits);
      break;
    case RTLANE_FIELD_TEXT:
      return fmt::format("char[{}]", field.element_bytes);
    case RTLANE_FIELD_BYTES:
      return fmt::format("byte[{}]", field.element_bytes);
    case RTLANE_FIELD_STRUCT:
      text = printable(table.name(field.nested));
      break;
    default:
      text = "?";
  }
  return field.count == 1 ? text : fmt::format("{}[{}]", text, field.count);
}

void add_field_rows(const TypeTable& table, std::uint32_t type, const std::string& indent,
                    std::vector<std::vector<std::string>>& rows)
{
  for (const TypeTable::Field& field : table.fields(type)) {
    std::string names;
    for (const auto& [name, value] : field.enumerators)
      names += fmt::format("{}{}={}", names.empty() ? "" : " ", printable(name), value);
    rows.push_back({"  " + indent + printable(field.name), type_text(table, field), fmt::format("{}", field.offset),
                    names.empty() ? printable(field.unit) : names});
    if (field.kind == RTLANE_FIELD_STRUCT)
      add_field_rows(table, field.nested, indent + "  ", rows);
  }
}

Json fields_json(const TypeTable& table, std::uint32_t type)
{
  Json fields = Json::array();
  for (const TypeTable::Field& field : table.fields(type)) {
    Json json = {{"name", field.name},
                 {"type", type_text(table, field)},
                 {"offset", field.offset},
                 {"count", field.count},
                 {"unit", field.unit}};
    if (!field.enumerators.empty()) {
      for (const auto& [name, value] : field.enumerators)
        json["names"][std::string(name)] = value;
    }
    if (field.kind == RTLANE_FIELD_STRUCT)
      json["fields"] = fields_json(table, field.nested);
    fields.push_back(std::move(json));
  }
  return fields;
}

const char* channel_kind_text(std::uint32_t kind)
{
  return kind == RTLANE_CHANNEL_SPSC_RING ? "SpscRing" : "?";
}

const char* alive_text(std::int32_t alive)
{
  return alive == 1 ? "alive" : alive == 0 ? "none" : "unknown (no permission to ask)";
}

Json alive_json(std::int32_t alive)
{
  return alive < 0 ? Json(nullptr) : Json(alive == 1);
}

Json channel_json(const ChannelRef& channel, const std::optional<TypeTable>& table)
{
  const auto seen = channel.info();
  return {{"kind", channel_kind_text(seen.kind)},
          {"type", seen.type_name},
          {"type_hash", fmt::format("{:016x}", seen.type_hash)},
          {"element_bytes", seen.element_bytes},
          {"capacity", seen.capacity},
          {"slot_stride_bytes", seen.slot_stride_bytes},
          {"fields", table ? fields_json(*table, 0) : Json::array()},
          {"producer_alive", alive_json(seen.producer_alive)},
          {"consumer_alive", alive_json(seen.consumer_alive)},
          {"closed", seen.closed != 0},
          {"published", seen.published},
          {"consumed", seen.consumed},
          {"depth", seen.depth},
          {"refused", seen.refused},
          {"redelivered", seen.redelivered},
          {"producer_attaches", seen.producer_attaches},
          {"consumer_attaches", seen.consumer_attaches},
          {"producer_takeovers", seen.producer_takeovers},
          {"consumer_takeovers", seen.consumer_takeovers}};
}

std::string channel_text(const ChannelRef& channel, const std::optional<TypeTable>& table)
{
  const auto seen = channel.info();
  std::string text = fmt::format("\nchannel\n  kind         {} of {}, {} elements of {}, slots {} apart\n",
                                 channel_kind_text(seen.kind), printable(seen.type_name), seen.capacity,
                                 bytes_text(seen.element_bytes), bytes_text(seen.slot_stride_bytes));
  text += fmt::format("  producer     {}; {} attached since it was made, {} of them after a kill\n",
                      alive_text(seen.producer_alive), seen.producer_attaches, seen.producer_takeovers);
  text += fmt::format("  consumer     {}; {} attached since it was made, {} of them after a kill\n",
                      alive_text(seen.consumer_alive), seen.consumer_attaches, seen.consumer_takeovers);
  text += fmt::format("  stream       {}\n", seen.closed != 0 ? "ended by the producer" : "open");
  text += fmt::format("  published    {}\n  consumed     {}\n  depth        {}\n  refused      {}\n  redelivered  {}\n",
                      seen.published, seen.consumed, seen.depth, seen.refused, seen.redelivered);
  if (table) {
    std::vector<std::vector<std::string>> rows = {{"  FIELD", "TYPE", "OFFSET", "UNIT"}};
    add_field_rows(*table, 0, "", rows);
    text += "\n" + table_text(rows);
  }
  return text;
}

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
  CLI::App app("All about one object.", "rtlane info");
  app.footer(manual);
  std::string name;
  app.add_option("NAME", name, "Full name of the object");
  Report report;
  report.add_option(app);
  if (const auto status = parse(app, argc, argv))
    return *status;
  if (name.empty()) {
    const std::string hint =
        report.path().empty() || report.path() == "-"
            ? ""
            : fmt::format(" ('{}' was taken as the FILE of --json: put NAME first)", report.path());
    return fail(app, "NAME is missing" + hint + "; 'rtlane info --help' is the manual", usage);
  }
  if (const auto opened = report.open(); !opened)
    return fail(app, opened.error().message, usage);

  const auto entries = list_objects();
  if (!entries)
    return fail(app, entries.error().message);
  const auto found =
      std::find_if(entries->begin(), entries->end(), [&](const Entry& entry) { return entry.name == name; });
  if (found == entries->end())
    return fail(app, why_not_there(name, *entries));
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
  document["channel"] = attached && attached->channel ? channel_json(attached->channel, types) : Json(nullptr);
  if (!problem.empty())
    document["problem"] = problem;

  const bool written = report.write(document);
  if (!report.on_stdout()) {
    std::string text = fmt::format("name       {}\nkind       {}\nstate      {}\n", printable(entry.name),
                                   kind_text(entry.kind), state_text(entry.state));
    text += fmt::format("holders    {}", table.locks_known() ? fmt::format("{}", holders.locks) : "unknown");
    for (const Process& process : holders.processes)
      text += fmt::format("{} {} {}", &process == holders.processes.data() ? ":" : ",", process.pid, process.command);
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
      text += channel_text(attached->channel, types);
    if (!problem.empty())
      text += fmt::format("\nproblem    {}\n", printable(problem));
    say_out(text);
  }
  return written && problem.empty() && entry.state == RTLANE_ENTRY_LIVE ? good : finding;
}

}  // namespace rtlane::cli
