#include "control_file.hpp"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>

#include "error.hpp"
#include "fixed_text.hpp"
#include "hugetlbfs.hpp"
#include "object_name.hpp"
#include "ofd_lock.hpp"
#include "sync_object.hpp"

namespace rtlane::detail {
namespace {

enum class Content { good, foreign, other_version, damaged };

// Of one millisecond each. The end of the wait is an error, never a proof of death.
constexpr int payload_waits_max = 2000;

struct Opened {
  UniqueFd fd;
  struct stat status = {};
  bool writable = false;
};

// Opens read-write where permitted. Returns 0 or -errno, no sentence; -EBADMSG for what is no regular file.
int open_control(const NamespaceDirectory& directory, const std::string& file, Opened& opened)
{
  constexpr int flags = O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  opened.fd.reset(::openat(directory.fd(), file.c_str(), O_RDWR | flags));
  opened.writable = static_cast<bool>(opened.fd);
  if (!opened.fd && (errno == EACCES || errno == EPERM || errno == EROFS))
    opened.fd.reset(::openat(directory.fd(), file.c_str(), O_RDONLY | flags));
  if (!opened.fd)
    return errno == ELOOP || errno == EISDIR || errno == ENXIO ? -EBADMSG : -errno;
  if (::fstat(opened.fd.get(), &opened.status) != 0)
    return -errno;
  return S_ISREG(opened.status.st_mode) ? 0 : -EBADMSG;
}

bool is_power_of_two(std::uint64_t value) noexcept
{
  return value != 0 && (value & (value - 1)) == 0;
}

// What is wrong with a header of our version; nullptr = nothing.
const char* damage(const ObjectHeader& header, std::uint64_t file_bytes) noexcept
{
  if (header.header_bytes != control_bytes)
    return "header_bytes";
  if (header.kind < RTLANE_KIND_SHARED_MEMORY || header.kind > RTLANE_KIND_SEMAPHORE)
    return "kind";
  if (header.tier < RTLANE_TIER_SMALL || header.tier > RTLANE_TIER_HUGETLB)
    return "tier";
  if (!is_power_of_two(header.page_bytes) || header.page_bytes < 4096)
    return "page_bytes";
  if (header.size_bytes == 0 || header.mapped_bytes < header.size_bytes || header.mapped_bytes % header.page_bytes != 0)
    return "size_bytes or mapped_bytes";
  if (header.name_bytes == 0 || header.name_bytes > object_name_bytes_max)
    return "name_bytes";
  if (header.tier == RTLANE_TIER_HUGETLB)
    return header.payload_offset == 0 ? nullptr : "payload_offset";
  if (header.payload_offset < control_bytes || header.payload_offset % 4096 != 0 ||
      header.payload_offset > file_bytes || header.mapped_bytes > file_bytes - header.payload_offset)
    return "payload_offset, or the file was cut short";
  return nullptr;
}

// Reads and judges the control page. problem receives why it is not good.
Content read_header(const Opened& opened, ObjectHeader& header, char (&problem)[256]) noexcept
{
  problem[0] = '\0';
  const ssize_t got = ::pread(opened.fd.get(), &header, sizeof header, 0);
  if (got < static_cast<ssize_t>(offsetof(ObjectHeader, kind)) || header.magic != object_magic) {
    std::snprintf(problem, sizeof problem, "the file is no rtlane object (%s)",
                  got < static_cast<ssize_t>(sizeof header) ? "shorter than a control page" : "no magic number");
    return Content::foreign;
  }
  if (header.word_bits != 64) {
    std::snprintf(problem, sizeof problem, "the object was made by a %" PRIu32 "-bit program, this one has 64 bits",
                  header.word_bits);
    return Content::other_version;
  }
  if (header.layout_version != object_layout_version) {
    std::snprintf(problem, sizeof problem, "the object has layout version %" PRIu32 ", this library knows %" PRIu32,
                  header.layout_version, object_layout_version);
    return Content::other_version;
  }
  const char* wrong = got < static_cast<ssize_t>(sizeof header)
                          ? "file size"
                          : damage(header, static_cast<std::uint64_t>(opened.status.st_size));
  if (wrong != nullptr) {
    std::snprintf(problem, sizeof problem, "the object's control page is damaged (%s)", wrong);
    return Content::damaged;
  }
  return Content::good;
}

// As read_header(); a good one under a name that is not the object's is a copy that somebody made.
Content read_own_header(const Opened& opened, const std::string& file, ObjectHeader& header, char (&problem)[256])
{
  const Content content = read_header(opened, header, problem);
  if (content != Content::good || file_name_for(name_of(header)).text == file)
    return content;
  std::snprintf(problem, sizeof problem, "the file is a copy of object '%.*s' under another name",
                static_cast<int>(std::min<std::size_t>(header.name_bytes, 150)), header.name);
  return Content::foreign;
}

PayloadFile payload_of(const std::string& file, const ObjectHeader& header)
{
  return {header.payload_directory_id, header.page_bytes, payload_file_name(file, header.generation)};
}

// Removes payload and control file of an object that is dead. The caller holds the decision byte.
int remove_dead(const NamespaceDirectory& directory, const std::string& file, Content content,
                const ObjectHeader& header, PayloadOwner owner)
{
  if (content == Content::good && header.tier == RTLANE_TIER_HUGETLB)
    remove_payload(payload_of(file, header), header.payload_inode, owner);
  return ::unlinkat(directory.fd(), file.c_str(), 0) == 0 ? 0 : -errno;
}

int fail_orphan_kept(const NamespaceDirectory& directory, const std::string& file, const struct stat& status) noexcept
{
  return fail(EACCES,
              "the name is held by an orphan that you may not remove (%s/%s of user %u): ask that user, or root, for "
              "`rtlane gc`",
              directory.path().c_str(), file.c_str(), status.st_uid);
}

void describe(const NamespaceDirectory& directory, const std::string& file, const Opened& opened, Content content,
              const ObjectHeader& header, rtlane_namespace_entry& entry) noexcept
{
  entry.mode = opened.status.st_mode & 0777;
  entry.uid = opened.status.st_uid;
  entry.gid = opened.status.st_gid;
  entry.device = opened.status.st_dev;
  entry.inode = opened.status.st_ino;
  std::snprintf(entry.path, sizeof entry.path, "%s/%s", directory.path().c_str(), file.c_str());
  if (content != Content::good)
    return;
  entry.kind = header.kind;
  entry.tier = header.tier;
  entry.size_bytes = header.size_bytes;
  entry.mapped_bytes = header.mapped_bytes;
  entry.page_bytes = header.page_bytes;
  entry.locked_bytes = header.locked_bytes;
  entry.generation = header.generation;
  entry.created_unix_ns = header.created_unix_ns;
  entry.creator_pid = header.creator_pid;
  entry.creator_uid = header.creator_uid;
  copy_text(entry.name, name_of(header));
  copy_text(entry.page_reason, text_of(header.page_reason));
  copy_text(entry.page_fix, text_of(header.page_fix));
  copy_text(entry.lock_reason, text_of(header.lock_reason));
  copy_text(entry.lock_fix, text_of(header.lock_fix));
}

rtlane_entry_state state_of(Content content, bool held) noexcept
{
  if (content == Content::foreign)
    return RTLANE_ENTRY_FOREIGN;
  if (!held)
    return RTLANE_ENTRY_ORPHAN;  // of any version, damaged or not: nobody can miss it
  switch (content) {
    case Content::good:
      return RTLANE_ENTRY_LIVE;
    case Content::other_version:
      return RTLANE_ENTRY_OTHER_VERSION;
    default:
      return RTLANE_ENTRY_FOREIGN;
  }
}

rtlane_namespace_entry empty_entry() noexcept
{
  rtlane_namespace_entry entry = {};
  entry.struct_size = sizeof entry;
  return entry;
}

}  // namespace

int join(const NamespaceDirectory& directory, const std::string& file, std::string_view name, Access access,
         HeldControl& held)
{
  int payload_waits = 0;
  for (;;) {
    Opened opened;
    if (const int error = open_control(directory, file, opened); error != 0) {
      if (error == -ENOENT)
        return fail(ENOENT, "there is no object called '%.*s'", static_cast<int>(name.size()), name.data());
      if (error == -EBADMSG)
        return fail(EBADMSG, "%s/%s is no regular file: remove it by hand", directory.path().c_str(), file.c_str());
      struct stat status = {};
      ::fstatat(directory.fd(), file.c_str(), &status, AT_SYMLINK_NOFOLLOW);
      return fail(-error, "cannot open %s/%s of user %u with mode %04o: %s", directory.path().c_str(), file.c_str(),
                  status.st_uid, status.st_mode & 07777, std::strerror(-error));
    }
    const int fd = opened.fd.get();
    if (const int error = lock_wait(fd, opened.writable ? Lock::write : Lock::read, decision_byte); error != 0)
      return fail(-error, "cannot lock %s/%s: %s (the namespace needs a file system with fcntl locks, such as tmpfs)",
                  directory.path().c_str(), file.c_str(), std::strerror(-error));
    if (!names_inode(directory.fd(), file.c_str(), fd))
      continue;

    char problem[256];
    const Content content = read_header(opened, held.header, problem);
    if (content == Content::foreign)
      return fail(EBADMSG, "%s/%s stands where the object '%.*s' belongs, and %s: remove it by hand",
                  directory.path().c_str(), file.c_str(), static_cast<int>(name.size()), name.data(), problem);

    const Lock others = lock_held_by_others(fd, holder_byte);
    if (others == Lock::none) {
      // An orphan of any version: its processes were killed.
      if (access == Access::read || !opened.writable ||
          remove_dead(directory, file, content, held.header, PayloadOwner::nobody) != 0)
        return access == Access::create
                   ? fail_orphan_kept(directory, file, opened.status)
                   : fail(ENOENT, "there is no object called '%.*s'", static_cast<int>(name.size()), name.data());
      continue;
    }
    if (others != Lock::read)
      return fail(EBADMSG, "byte 0 of %s/%s is write-locked by a program that is not rtlane", directory.path().c_str(),
                  file.c_str());
    if (content != Content::good)
      return fail(content == Content::damaged ? EBADMSG : EPROTO, "'%.*s' is in use and cannot be opened: %s",
                  static_cast<int>(name.size()), name.data(), problem);
    if (name_of(held.header) != name)
      return fail(EBADMSG, "the names '%.*s' and '%.*s' meet in one file name (%s): use another name",
                  static_cast<int>(name.size()), name.data(), static_cast<int>(held.header.name_bytes),
                  held.header.name, file.c_str());
    if (access != Access::read && !opened.writable)
      return fail(EACCES, "'%.*s' belongs to user %u with mode %04o: you may read it (read_only) but not write it",
                  static_cast<int>(name.size()), name.data(), opened.status.st_uid, opened.status.st_mode & 0777);

    if (held.header.tier == RTLANE_TIER_HUGETLB) {
      const int error = open_payload(payload_of(file, held.header), held.header.payload_inode, opened.writable,
                                     held.payload, held.payload_path);
      if (error == -ENOENT && payload_waits++ < payload_waits_max) {
        opened.fd.reset();
        const struct timespec pause = {0, 1'000'000};
        ::nanosleep(&pause, nullptr);
        continue;
      }
      if (error != 0)
        return fail(error == -ENOENT || error == -ENODEV ? EACCES : -error,
                    "'%.*s' is in use and its huge pages cannot be opened: %s", static_cast<int>(name.size()),
                    name.data(),
                    error == -ENOENT   ? "they are not in any hugetlbfs that is mounted here"
                    : error == -ENODEV ? "no hugetlbfs with such pages is mounted here"
                                       : std::strerror(-error));
    } else {
      // A description of its own, so that the one that holds can be let go before the memory is unmapped. The
      // decision byte keeps the name where it is.
      held.payload.reset(
          ::openat(directory.fd(), file.c_str(), (opened.writable ? O_RDWR : O_RDONLY) | O_NOFOLLOW | O_CLOEXEC));
      if (!held.payload)
        return fail(errno, "cannot open %s/%s again: %s", directory.path().c_str(), file.c_str(), std::strerror(errno));
      if (!names_inode(directory.fd(), file.c_str(), held.payload.get()))
        return fail(ESTALE, "a stranger removed %s/%s just now: try again", directory.path().c_str(), file.c_str());
      held.payload_path.clear();
    }
    // Cannot be refused: only read locks are on byte 0, and only deciders add to them.
    if (const int error = lock_try(fd, Lock::read, holder_byte); error != 0)
      return fail(-error, "cannot hold %s/%s: %s", directory.path().c_str(), file.c_str(), std::strerror(-error));
    unlock(fd, decision_byte);
    held.status = opened.status;
    held.writable = opened.writable;
    held.hold = std::move(opened.fd);
    return 0;
  }
}

Reclaimed reclaim(const NamespaceDirectory& directory, const std::string& file, bool wait,
                  rtlane_namespace_entry* entry)
{
  Opened opened;
  if (const int error = open_control(directory, file, opened); error != 0)
    return error == -ENOENT ? Reclaimed::nothing : Reclaimed::foreign;
  const int fd = opened.fd.get();
  // Asked first without a lock, so that a sweep leaves live objects quite alone.
  if (lock_held_by_others(fd, holder_byte) != Lock::none)
    return Reclaimed::held;
  ObjectHeader header;
  char problem[256];
  if (opened.writable) {
    const int error = wait ? lock_wait(fd, Lock::write, decision_byte) : lock_try(fd, Lock::write, decision_byte);
    if (error != 0)
      return error == -EAGAIN ? Reclaimed::busy : Reclaimed::refused;
    if (!names_inode(directory.fd(), file.c_str(), fd))
      return Reclaimed::nothing;
    if (lock_held_by_others(fd, holder_byte) != Lock::none)
      return Reclaimed::held;
  }
  const Content content = read_own_header(opened, file, header, problem);
  if (content == Content::foreign)
    return Reclaimed::foreign;
  if (entry != nullptr) {
    *entry = empty_entry();
    entry->state = RTLANE_ENTRY_ORPHAN;
    describe(directory, file, opened, content, header, *entry);
  }
  // Whoever waits is the last holder, whose own lock on the payload does not matter.
  const PayloadOwner owner = wait ? PayloadOwner::this_process : PayloadOwner::nobody;
  const int error = opened.writable ? remove_dead(directory, file, content, header, owner) : -EACCES;
  if (error == 0)
    return Reclaimed::removed;
  if (entry != nullptr)
    std::snprintf(entry->problem, sizeof entry->problem, "it belongs to user %u and may not be removed by you: %s",
                  opened.status.st_uid, std::strerror(-error));
  return Reclaimed::refused;
}

bool inspect(const NamespaceDirectory& directory, const std::string& file, rtlane_namespace_entry& entry)
{
  entry = empty_entry();
  Opened opened;
  const int error = open_control(directory, file, opened);
  if (error == -ENOENT)
    return false;
  ObjectHeader header;
  Content content = Content::foreign;
  if (error == 0) {
    content = read_own_header(opened, file, header, entry.problem);
    entry.state = state_of(content, lock_held_by_others(opened.fd.get(), holder_byte) != Lock::none);
  } else {
    ::fstatat(directory.fd(), file.c_str(), &opened.status, AT_SYMLINK_NOFOLLOW);
    const bool closed = is_object_file_name(file) && S_ISREG(opened.status.st_mode);
    entry.state = closed ? RTLANE_ENTRY_UNREADABLE : RTLANE_ENTRY_FOREIGN;
    entry.mapped_bytes = closed ? static_cast<std::uint64_t>(opened.status.st_blocks) * 512 : 0;
    std::snprintf(entry.problem, sizeof entry.problem, "cannot be opened: %s",
                  error == -EBADMSG ? "no regular file" : std::strerror(-error));
  }
  describe(directory, file, opened, content, header, entry);
  if (content == Content::good && header.tier == RTLANE_TIER_HUGETLB)
    copy_text(entry.payload_path, find_payload(payload_of(file, header)));
  if (content == Content::good)
    entry.sync = read_sync_state(opened.fd.get(), header);
  return true;
}

void sweep(const NamespaceDirectory& directory, const std::function<bool(ino_t inode)>& skip,
           std::vector<rtlane_namespace_entry>* removed)
{
  for (const auto& [file, inode] : directory_entries(directory.fd())) {
    rtlane_namespace_entry entry = empty_entry();
    if (is_object_file_name(file)) {
      if (skip(inode))
        continue;
      const Reclaimed result = reclaim(directory, file, false, removed != nullptr ? &entry : nullptr);
      if (removed != nullptr && (result == Reclaimed::removed || result == Reclaimed::refused))
        removed->push_back(entry);
    } else if (is_temporary_name(file.c_str())) {
      const UniqueFd fd(::openat(directory.fd(), file.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
      struct stat status = {};
      // With a second name it is an object whose maker was killed before it removed this one: byte 0 is its holders'.
      const bool named = fd && ::fstat(fd.get(), &status) == 0 && status.st_nlink > 1;
      if (fd && (named || lock_try(fd.get(), Lock::write, 0) == 0) &&
          ::unlinkat(directory.fd(), file.c_str(), 0) == 0 && removed != nullptr) {
        removed->push_back(empty_entry());
        removed->back().state = RTLANE_ENTRY_ORPHAN;
        std::snprintf(removed->back().path, sizeof removed->back().path, "%s/%s", directory.path().c_str(),
                      file.c_str());
      }
    }
  }
  std::vector<std::string> payloads;
  sweep_payloads(directory, payloads);
  if (removed == nullptr)
    return;
  for (const std::string& path : payloads) {
    removed->push_back(empty_entry());
    removed->back().state = RTLANE_ENTRY_ORPHAN;
    removed->back().tier = RTLANE_TIER_HUGETLB;
    copy_text(removed->back().path, path);
  }
}

}  // namespace rtlane::detail
