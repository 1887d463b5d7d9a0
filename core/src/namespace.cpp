#include <rtlane/core/namespace.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "border.hpp"
#include "control_file.hpp"
#include "namespace_directory.hpp"
#include "object_name.hpp"

namespace rtlane::detail {
namespace {

using Entries = std::vector<rtlane_namespace_entry>;

// Outside the lock: a visitor may call the library.
void visit(const Entries& entries, rtlane_namespace_visitor visitor, void* context)
{
  if (visitor == nullptr)
    return;
  for (const rtlane_namespace_entry& entry : entries) {
    if (visitor(&entry, context) != 0)
      return;
  }
}

int list_entries(Entries& entries)
{
  NamespaceDirectory directory;
  if (const int error = NamespaceDirectory::open(NamespaceDirectory::Missing::fail, directory); error != 0)
    return error == -ENOENT ? 0 : error;
  for (const auto& [file, inode] : directory_entries(directory.fd())) {
    rtlane_namespace_entry entry;
    // Dot files are the namespace's own.
    if (file.front() != '.' && inspect(directory, file, entry))
      entries.push_back(entry);
  }
  return 0;
}

int collect_garbage(Entries& removed)
{
  NamespaceDirectory directory;
  if (const int error = NamespaceDirectory::open(NamespaceDirectory::Missing::fail, directory); error != 0)
    return error == -ENOENT ? 0 : error;
  sweep(
      directory, [](ino_t) { return false; }, &removed);
  return 0;
}

}  // namespace
}  // namespace rtlane::detail

using namespace rtlane::detail;

int rtlane_namespace_list(rtlane_namespace_visitor visitor, void* context) noexcept
{
  Entries entries;
  if (const int error = set_up_call([&] { return list_entries(entries); }); error != 0)
    return error;
  visit(entries, visitor, context);
  return static_cast<int>(entries.size());
}

int rtlane_gc(rtlane_namespace_visitor visitor, void* context) noexcept
{
  Entries entries;
  if (const int error = set_up_call([&] { return collect_garbage(entries); }); error != 0)
    return error;
  visit(entries, visitor, context);
  int removed = 0;
  for (const rtlane_namespace_entry& entry : entries)
    removed += entry.problem[0] == '\0' ? 1 : 0;
  return removed;
}

int rtlane_namespace_path(char* path, size_t capacity) noexcept
{
  return set_up_call([&] {
    const std::string text = NamespaceDirectory::configured_path();
    if (path == nullptr || text.size() >= capacity)
      return fail(ENAMETOOLONG, "the namespace path has %zu bytes: make room for it", text.size() + 1);
    std::memcpy(path, text.c_str(), text.size() + 1);
    return 0;
  });
}
