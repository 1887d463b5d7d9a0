#include "shared_object.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstring>
#include <new>
#include <utility>

#include "builder.hpp"
#include "environment.hpp"
#include "error.hpp"
#include "fixed_text.hpp"
#include "mutex_state.hpp"
#include "object_name.hpp"
#include "ofd_lock.hpp"
#include "process.hpp"
#include "sync_object.hpp"

namespace rtlane::detail {
namespace {

constexpr std::uint64_t objects_default = 8192;

// Offsets in files and the control page's size are fixed in the layout.
int check_machine()
{
  const long page_bytes = ::sysconf(_SC_PAGESIZE);
  return page_bytes == static_cast<long>(small_page_bytes)
             ? 0
             : fail(ENOSYS, "this kernel has pages of %ld bytes: rtlane needs one with pages of 4096", page_bytes);
}

// By the objects of the namespace that live, and this process's unnamed ones. Of files that may not be opened it is
// not known whether they live; their memory is in use all the same.
std::uint64_t pool_used(const NamespaceDirectory& directory)
{
  std::uint64_t used = Process::instance().unnamed_bytes;
  for (const auto& [file, inode] : directory_entries(directory.fd())) {
    rtlane_namespace_entry entry;
    if (is_object_file_name(file) && inspect(directory, file, entry) &&
        (entry.state == RTLANE_ENTRY_LIVE || entry.state == RTLANE_ENTRY_UNREADABLE))
      used += entry.mapped_bytes;
  }
  return used;
}

// The object that this process has open under the file name; nullptr when it has none.
std::shared_ptr<SharedObject> find_open(const NamespaceDirectory& directory, const std::string& file)
{
  struct stat status = {};
  if (::fstatat(directory.fd(), file.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
    return nullptr;
  const auto& objects = Process::instance().objects;
  const auto found = objects.find({status.st_dev, status.st_ino});
  return found == objects.end() ? nullptr : found->second.lock();
}

void sweep_others(const NamespaceDirectory& directory)
{
  // What this process has open lives: it need not be asked for.
  const auto& objects = Process::instance().objects;
  sweep(
      directory,
      [&](ino_t inode) {
        return objects.count({directory.device(), inode}) != 0;
      },
      nullptr);
  Process::instance().swept.insert({directory.device(), directory.inode()});
}

int check_object_room()
{
  std::uint64_t limit = 0;
  if (const int error = environment_number("RTLANE_MAX_OBJECTS", 1, handles_max, objects_default, limit); error != 0)
    return error;
  const std::size_t used = Process::instance().objects.size();
  if (used < limit)
    return 0;
  return fail(ENFILE,
              "this process has %zu objects open, all it may: close some, or raise RTLANE_MAX_OBJECTS (at most %" PRIu32
              ")",
              used, handles_max);
}

}  // namespace

const char* kind_text(std::uint32_t kind) noexcept
{
  switch (kind) {
    case RTLANE_KIND_SHARED_MEMORY:
      return "a shared memory object";
    case RTLANE_KIND_EVENT:
      return "an event";
    case RTLANE_KIND_MUTEX:
      return "a mutex";
    case RTLANE_KIND_SEMAPHORE:
      return "a semaphore";
    default:
      return "an object of unknown kind";
  }
}

int SharedObject::create(rtlane_kind kind, std::string_view name, std::uint64_t size_bytes,
                         const rtlane_shm_options& options, std::shared_ptr<SharedObject>& object, bool& existed,
                         Contents* contents)
{
  if (const int error = check_machine(); error != 0)
    return error;
  if (const int error = check_name(name); error != 0)
    return error;
  if (const int error = check_options(options); error != 0)
    return error;
  NamespaceDirectory directory;
  if (const int error = NamespaceDirectory::open(NamespaceDirectory::Missing::create, directory); error != 0)
    return error;
  sweep_others(directory);

  existed = false;
  UniqueFd lock_file;
  if (const int error = directory.open_lock_file(lock_file); error != 0)
    return error;
  if (name.empty())
    return build_new(directory, {}, lock_file.get(), kind, name, size_bytes, options, contents, object);

  const FileName file = file_name_for(name);
  // Creators of one name go one by one: so nobody makes memory that then turns out to exist, and a shortage
  // that only the race caused is never reported. Closing lock_file gives the lock back.
  if (const int error = lock_wait(lock_file.get(), Lock::write, static_cast<off_t>(file.lock_offset)); error != 0)
    return fail(-error, "cannot lock in %s: %s (the namespace needs a file system with fcntl locks, such as tmpfs)",
                directory.path().c_str(), std::strerror(-error));
  for (;;) {
    int error = open_existing(directory, file.text, kind, name, options, Access::create, object);
    if (error == 0) {
      existed = true;
      return 0;
    }
    if (error != -ENOENT)
      return error;
    error = build_new(directory, file.text, lock_file.get(), kind, name, size_bytes, options, contents, object);
    // Only somebody who does not take the creators' lock can have been faster.
    if (error != -EEXIST)
      return error;
  }
}

int SharedObject::open(rtlane_kind kind, std::string_view name, const rtlane_shm_options& options,
                       std::shared_ptr<SharedObject>& object)
{
  if (name.empty())
    return fail(EINVAL, "the name is empty: unnamed objects cannot be opened");
  if (const int error = check_machine(); error != 0)
    return error;
  if (const int error = check_name(name); error != 0)
    return error;
  if (const int error = check_options(options); error != 0)
    return error;
  NamespaceDirectory directory;
  if (const int error = NamespaceDirectory::open(NamespaceDirectory::Missing::fail, directory); error != 0)
    return error;
  // Who only reads changes nothing: tools look at orphans too.
  if (options.read_only == 0 && Process::instance().swept.count({directory.device(), directory.inode()}) == 0)
    sweep_others(directory);
  return open_existing(directory, file_name_for(name).text, kind, name, options,
                       options.read_only != 0 ? Access::read : Access::write, object);
}

int SharedObject::open_existing(const NamespaceDirectory& directory, const std::string& file, rtlane_kind kind,
                                std::string_view name, const rtlane_shm_options& options, Access access,
                                std::shared_ptr<SharedObject>& object)
{
  std::shared_ptr<SharedObject> existing = find_open(directory, file);
  UniqueFd payload;
  // Names that meet in one file name are join()'s to refuse.
  if (existing == nullptr || name_of(existing->header_) != name) {
    HeldControl control;
    if (const int error = join(directory, file, name, access, control); error != 0)
      return error;
    existing.reset(new SharedObject(directory, file));
    if (const int error = existing->adopt(control); error != 0)
      return error;
    payload = std::move(control.payload);
    if (const int error = check_object_room(); error != 0)
      return error;
  }
  if (access == Access::create && options.exclusive != 0)
    return fail(EEXIST, "an object called '%.*s' exists already", static_cast<int>(name.size()), name.data());
  if (existing->header_.kind != static_cast<std::uint32_t>(kind))
    return fail(EPROTOTYPE, "'%.*s' is %s, not %s: all kinds share one namespace", static_cast<int>(name.size()),
                name.data(), kind_text(existing->header_.kind), kind_text(kind));
  if (const int error = existing->provide_view(options, std::move(payload)); error != 0)
    return error;
  if (const int error = existing->provide_waitable(); error != 0)
    return error;
  Process::instance().objects[{existing->status_.st_dev, existing->status_.st_ino}] = existing;
  object = std::move(existing);
  return 0;
}

int SharedObject::build_new(const NamespaceDirectory& directory, const std::string& file, int lock_file,
                            rtlane_kind kind, std::string_view name, std::uint64_t size_bytes,
                            const rtlane_shm_options& options, Contents* contents,
                            std::shared_ptr<SharedObject>& object)
{
  if (size_bytes == 0)
    return fail(EINVAL, "a new object needs a size of at least 1 byte");
  if (const int error = check_object_room(); error != 0)
    return error;
  BuildRequest request;
  request.kind = kind;
  request.name = name;
  request.file = file;
  request.size_bytes = size_bytes;
  request.options = options;
  request.lock_file = lock_file;
  request.contents = contents;
  if (const int error = environment_pool_bytes(request.pool_bytes); error != 0)
    return error;
  if (request.pool_bytes != 0) {
    // Counted afresh from what lives, under a lock, so that the figure cannot drift.
    if (const int error = lock_wait(lock_file, Lock::write, 0); error != 0)
      return fail(-error, "cannot lock the pool in %s: %s", directory.path().c_str(), std::strerror(-error));
    request.pool_used_bytes = pool_used(directory);
  }
  Built built;
  const int built_error = build(directory, request, built);
  if (request.pool_bytes != 0)
    unlock(lock_file, 0);
  if (built_error == -ESTALE)
    return fail(ESTALE, "the namespace directory %s was removed meanwhile: try again", directory.path().c_str());
  if (built_error != 0)
    return built_error;

  const std::shared_ptr<SharedObject> made(new SharedObject(directory, file));
  // First: what fails from here on leaves it to the destructor, which gives an owned mutex back.
  made->write_view_ = std::move(built.attachment);
  if (const int error = made->adopt(built.control); error != 0)
    return error;
  if (options.read_only != 0) {
    if (const int error = made->provide_view(options, std::move(built.control.payload)); error != 0)
      return error;
  }
  if (const int error = made->provide_waitable(); error != 0)
    return error;
  if (!made->is_named())
    Process::instance().unnamed_bytes += made->header_.mapped_bytes;
  Process::instance().objects[{made->status_.st_dev, made->status_.st_ino}] = made;
  object = made;
  return 0;
}

int SharedObject::adopt(HeldControl& control)
{
  header_ = control.header;
  status_ = control.status;
  payload_path_ = control.payload_path;
  // From here on the mapping keeps the description, and with it the lock on byte 0: no descriptor is
  // kept that a daemonizing program could close, or whose number could come to mean something else.
  const int error = Mapping::map_file(control.hold.get(), 0, control_bytes, 0, false, control_);
  control.hold.reset();
  if (error != 0)
    return fail(ENOMEM, "cannot map a control page: %s", std::strerror(-error));
  return 0;
}

int SharedObject::provide_view(const rtlane_shm_options& options, UniqueFd payload)
{
  const bool read_only = options.read_only != 0;
  const auto lock = static_cast<rtlane_wish>(options.lock);
  Attachment& view = read_only ? read_view_ : write_view_;
  const auto tier = static_cast<rtlane_tier>(header_.tier);
  // fork passes on neither locks nor page-table entries of shared mappings.
  if (view.mapping && view.inherited) {
    const AttachMeter meter;
    const int error = fault_in_and_lock(header_.page_bytes, tier, !read_only, lock, view);
    if (error == 0)
      meter.stop(view);
    return error;
  }
  // Once more also when it was locked: the program may have called munlockall() since.
  if (view.mapping)
    return lock == RTLANE_NEVER ? 0 : lock_attachment(tier, lock, view);
  if (!payload) {
    const std::string path = payload_path_.empty() ? directory_ + "/" + file_ : payload_path_;
    payload.reset(::open(path.c_str(), (read_only ? O_RDONLY : O_RDWR) | O_NOFOLLOW | O_CLOEXEC));
    struct stat status = {};
    if (!payload || ::fstat(payload.get(), &status) != 0)
      return fail(errno == ENOENT ? ESTALE : errno, "cannot open %s again: %s", path.c_str(), std::strerror(errno));
    if (status.st_ino != (payload_path_.empty() ? status_.st_ino : header_.payload_inode))
      return fail(ESTALE, "%s is another file now: somebody removed the one of a live object", path.c_str());
  }
  return attach(payload.get(), header_.payload_offset, header_.mapped_bytes, header_.page_bytes, tier, !read_only, lock,
                view);
}

int SharedObject::provide_waitable()
{
  if (waitable_ == nullptr)
    waitable_ = make_waitable(kind(), address(false));
  return check_namespace(kind(), address(false));
}

bool SharedObject::must_stay() const noexcept
{
  return kind() == RTLANE_KIND_MUTEX && address(false) != nullptr &&
         static_cast<const MutexState*>(address(false))->is_owned_by_this_process();
}

void SharedObject::forget_in_fork_child() noexcept
{
  write_view_.inherited = read_view_.inherited = true;
  if (waitable_ != nullptr)
    waitable_->forget_waits_in_fork_child();
}

SharedObject::~SharedObject()
{
  // Only of a creation that failed after the lock was taken: any other mutex of this thread's stays, see must_stay().
  // The C library and the kernel would find it in the list of what the thread owns when its memory is gone.
  if (kind() == RTLANE_KIND_MUTEX && address(false) != nullptr)
    static_cast<void>(static_cast<MutexState*>(address(false))->unlock());
  write_view_.mapping.reset();
  read_view_.mapping.reset();
  let_go();
  Process& process = Process::instance();
  const auto found = process.objects.find({status_.st_dev, status_.st_ino});
  if (found != process.objects.end() && found->second.expired()) {
    process.objects.erase(found);
    if (!is_named())
      process.unnamed_bytes -= header_.mapped_bytes;
  }
}

void SharedObject::let_go() noexcept
{
  control_.reset();
  if (!is_named())
    return;
  // Neither converts nor unlocks the description that held: a fork child may share it. Looks afresh
  // whether anybody is left.
  try {
    NamespaceDirectory directory;
    if (NamespaceDirectory::open(directory_, NamespaceDirectory::Missing::fail, directory) == 0)
      reclaim(directory, file_, true);
  } catch (const std::bad_alloc&) {
    // Then it is as if this process was killed: the next create removes it.
  }
}

void SharedObject::certify(bool read_only, rtlane_shm_certificate& certificate) const
{
  const Attachment& view = read_only ? read_view_ : write_view_;
  const Range range = view.mapping.range();
  const PageFacts facts = page_facts(range, static_cast<rtlane_tier>(header_.tier));
  certificate = {};
  certificate.struct_size = sizeof certificate;
  certificate.kind = header_.kind;
  certificate.tier = header_.tier;
  certificate.numa_node = numa_node_of(range);
  certificate.size_bytes = header_.size_bytes;
  certificate.mapped_bytes = header_.mapped_bytes;
  certificate.page_bytes = facts.page_bytes;
  certificate.locked_bytes = facts.locked ? header_.mapped_bytes : 0;
  certificate.attach_minor_faults = view.minor_faults;
  certificate.attach_ns = view.attach_ns;
  certificate.generation = header_.generation;
  certificate.created_unix_ns = header_.created_unix_ns;
  certificate.creator_pid = header_.creator_pid;
  certificate.creator_uid = header_.creator_uid;
  certificate.mode = status_.st_mode & 0777;
  certificate.gid = status_.st_gid;
  certificate.read_only = read_only ? 1 : 0;
  certificate.unlinked = is_unlinked() ? 1 : 0;
  copy_text(certificate.name, name_of(header_));
  const bool smaller_here = !view.page_reason.empty();
  copy_text(certificate.page_reason, smaller_here ? view.page_reason : text_of(header_.page_reason));
  copy_text(certificate.page_fix, smaller_here ? view.page_fix : text_of(header_.page_fix));
  if (facts.locked)
    return;
  if (view.inherited || view.locked) {
    copy_text(certificate.lock_reason, view.inherited ? "memory locks are not inherited by fork"
                                                      : "the program took the lock back (munlock, munlockall)");
    copy_text(certificate.lock_fix, view.inherited ? "open the object again in the child" : "open the object again");
  } else {
    copy_text(certificate.lock_reason, view.lock_reason);
    copy_text(certificate.lock_fix, view.lock_fix);
  }
}

bool SharedObject::is_unlinked() const
{
  if (!is_named())
    return false;
  struct stat status = {};
  const std::string path = directory_ + "/" + file_;
  // Whoever may not look any more (another user id since) does not know.
  if (::lstat(path.c_str(), &status) != 0)
    return errno == ENOENT || errno == ENOTDIR;
  return status.st_dev != status_.st_dev || status.st_ino != status_.st_ino;
}

int SharedObject::open_control_again(bool writable, UniqueFd& fd) const
{
  if (!is_named())
    return fail(EINVAL, "an unnamed object has no leases: give it a name");
  const std::string path = directory_ + "/" + file_;
  fd.reset(::open(path.c_str(), (writable ? O_RDWR : O_RDONLY) | O_NOFOLLOW | O_CLOEXEC));
  struct stat status = {};
  if (!fd && errno != ENOENT)
    return fail(errno, "cannot open %s again: %s", path.c_str(), std::strerror(errno));
  if (!fd || ::fstat(fd.get(), &status) != 0 || status.st_dev != status_.st_dev || status.st_ino != status_.st_ino)
    return fail(ESTALE, "%s is gone: somebody removed the file of a live object", path.c_str());
  return 0;
}

}  // namespace rtlane::detail
