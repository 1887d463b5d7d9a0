// rtlane gc
#include <fmt/format.h>

#include <vector>

#include "objects.hpp"
#include "options.hpp"
#include "output.hpp"
#include "report.hpp"
#include "subcommands.hpp"

namespace rtlane::cli {
namespace {

constexpr char manual[] =
    R"(Removes every object, temporary file and hugetlb payload of the namespace (RTLANE_DIR, default
/dev/shm/rtlane-<euid>) that nobody holds, and says which. Needed only to have memory back early: the next
create in the namespace does the same.

A live object is never touched: before each removal the kernel grants an exclusive lock, which it
refuses while any process, running or stopped, has the object open. Files that are no rtlane
objects are left alone.

--dry-run removes nothing and lists the orphans, as far as they have a name.

JSON: {"schema": "rtlane.gc/1", "namespace", "dry_run", "removed": [{"name", "file", "size_bytes", "mapped_bytes",
...as in 'rtlane ls'}], "kept": [the same with "problem": why it could not be removed]}. With --dry-run,
"removed" is what would be.

Exit status: 0 nothing is left that should go; 1 something could not be removed (or, with --dry-run, there is
something to remove), or the namespace cannot be read; 2 wrong usage.)";

int keep_entry(const rtlane_namespace_entry* entry, void* context)
{
  static_cast<std::vector<Entry>*>(context)->push_back(*entry);
  return 0;
}

std::string name_text(const Entry& entry)
{
  return printable(entry.name[0] != '\0' ? entry.name : entry.path);
}

}  // namespace

int gc(int argc, char** argv)
{
  Command command("Remove what killed processes left behind.", "rtlane gc", manual);
  bool dry_run = false;
  command.flag("-n,--dry-run", dry_run, "Only list what would be removed");
  Report report;
  report.add_option(command);
  if (const auto status = command.parse(argc, argv))
    return *status;
  if (const auto opened = report.open(); !opened)
    return command.fail(opened.error().message, usage);

  std::vector<Entry> seen;
  if (dry_run) {
    auto entries = list_objects();
    if (!entries)
      return command.fail(entries.error().message);
    for (const Entry& entry : *entries) {
      if (entry.state == RTLANE_ENTRY_ORPHAN)
        seen.push_back(entry);
    }
  } else if (const int result = rtlane_gc(&keep_entry, &seen); result < 0) {
    return command.fail(Error::from_c(result).message);
  }

  Json document;
  document["schema"] = "rtlane.gc/1";
  document["namespace"] = namespace_path();
  document["dry_run"] = dry_run;
  document["removed"] = Json::array();
  document["kept"] = Json::array();
  std::string text;
  for (const Entry& entry : seen) {
    const bool kept = !dry_run && entry.problem[0] != '\0';
    document[kept ? "kept" : "removed"].push_back(entry_json(entry));
    if (kept)
      text += fmt::format("could not remove {}: {}\n", name_text(entry), printable(entry.problem));
    else
      text += fmt::format("{} {} ({})\n", dry_run ? "would remove" : "removed", name_text(entry),
                          bytes_text(entry.mapped_bytes));
  }
  if (text.empty())
    text = fmt::format("nothing to remove in {}\n", namespace_text());
  const bool written = report.write(document);
  if (!report.on_stdout())
    say_out(text);
  const bool found = dry_run ? !document["removed"].empty() : !document["kept"].empty();
  return written && !found ? good : finding;
}

}  // namespace rtlane::cli
