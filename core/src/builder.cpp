#include "builder.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <vector>

#include "error.hpp"
#include "fixed_text.hpp"
#include "hugetlbfs.hpp"
#include "ofd_lock.hpp"
#include "room.hpp"
#include "text_file.hpp"

namespace rtlane::detail {
namespace {

struct Candidate {
  rtlane_tier tier;
  std::uint64_t page_bytes;
  std::string mount = {};  // hugetlb: where; "" = nowhere
};

// Memory of one tier, mapped and ready, whose file has no name yet.
struct Payload {
  Candidate candidate = {};
  Temporary control;  // the control file; also holds the payload unless hugetlb
  std::uint64_t huge_directory_id = 0;
  std::string huge_directory_path;
  UniqueFd huge_directory;  // outlives the file, which may have a temporary name there
  Temporary huge;           // hugetlb: the payload file
  std::uint64_t offset = 0;
  Attachment attachment;
};

std::uint64_t round_up(std::uint64_t bytes, std::uint64_t unit) noexcept
{
  return (bytes + unit - 1) / unit * unit;
}

std::string sizes_text(const std::vector<std::uint64_t>& sizes)
{
  std::string text = "4096";
  for (const std::uint64_t size : sizes)
    text += ", " + std::to_string(size);
  return text;
}

// One for each mount with such pages: mounts have sizes and permissions of their own.
void add_hugetlb(std::uint64_t page_bytes, const std::vector<HugeMount>& mounts, std::vector<Candidate>& candidates)
{
  const std::size_t before = candidates.size();
  for (const HugeMount& mount : mounts) {
    if (mount.page_bytes == page_bytes)
      candidates.push_back({RTLANE_TIER_HUGETLB, page_bytes, mount.path});
  }
  if (candidates.size() == before)
    candidates.push_back({RTLANE_TIER_HUGETLB, page_bytes});
}

// The tiers to try, best first.
int list_candidates(const BuildRequest& request, std::vector<Candidate>& candidates)
{
  const std::uint64_t size = request.size_bytes;
  const std::uint64_t only = request.options.page_bytes;
  const auto huge = static_cast<rtlane_wish>(request.options.huge);
  const std::uint64_t thp = thp_bytes();
  const std::vector<std::uint64_t> pools = huge_page_sizes();
  std::vector<HugeMount> mounts;
  if (const int error = huge != RTLANE_NEVER ? huge_mounts(mounts) : 0; error != 0)
    return fail(error == -ENOENT ? ENOSYS : -error, "cannot read the mounts: %s",
                error == -ENOENT ? "/proc is not mounted" : std::strerror(-error));

  if (huge != RTLANE_NEVER) {
    for (const std::uint64_t page : pools) {
      const bool smallest = page == pools.back();
      // A gigantic page is for what fills it: at most 1/8 may be lost to rounding.
      const bool fits = size >= page && (smallest || round_up(size, page) - size <= size / 8);
      if (only == page || (only == 0 && (fits || (smallest && huge == RTLANE_REQUIRED))))
        add_hugetlb(page, mounts, candidates);
    }
    if (thp != 0 && (only == thp || (only == 0 && (size >= thp || huge == RTLANE_REQUIRED))))
      candidates.push_back({RTLANE_TIER_THP, thp});
  }
  if (huge != RTLANE_REQUIRED && (only == 0 || only == small_page_bytes))
    candidates.push_back({RTLANE_TIER_SMALL, small_page_bytes});
  if (candidates.empty() && only != 0)
    return fail(EINVAL, "page_bytes %" PRIu64 " cannot be had%s: this machine has pages of %s bytes", only,
                huge == RTLANE_NEVER ? " with huge pages ruled out"
                                     : (huge == RTLANE_REQUIRED ? " with huge pages required" : ""),
                sizes_text(pools).c_str());
  if (candidates.empty())
    return fail(ENOMEM, "huge pages are required and this kernel has none");
  return 0;
}

int check_pool(const BuildRequest& request, std::uint64_t bytes)
{
  if (request.pool_bytes == 0 ||
      (request.pool_used_bytes <= request.pool_bytes && bytes <= request.pool_bytes - request.pool_used_bytes))
    return 0;
  return fail(EDQUOT, "%s are wanted and the pool of %s (RTLANE_POOL_BYTES) has %s in use", human_bytes(bytes).c_str(),
              human_bytes(request.pool_bytes).c_str(), human_bytes(request.pool_used_bytes).c_str());
}

int make_file(int directory_fd, const char* directory, const rtlane_shm_options& options, Temporary& file)
{
  if (const int error = Temporary::make(directory_fd, options.mode == 0 ? 0600 : options.mode, file); error != 0)
    return fail(error == -ENOSPC ? ENOMEM : -error, "cannot make a file in %s: %s%s", directory, std::strerror(-error),
                error == -ENOSPC ? " (memory or inodes of the file system: df, df -i)" : "");
  if (options.gid != UINT32_MAX && ::fchown(file.fd(), static_cast<uid_t>(-1), options.gid) != 0)
    return fail(errno == EPERM ? EACCES : errno, "cannot give the object to group %" PRIu32 ": %s (be a member of it)",
                options.gid, std::strerror(errno));
  return 0;
}

class SignalsBlocked {
public:
  SignalsBlocked() noexcept
  {
    sigset_t all;
    ::sigfillset(&all);
    // Those that an instruction of its own raises end a process that blocks them.
    for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP})
      ::sigdelset(&all, number);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
  sigset_t before_;
};

// Gives the file its memory. fallocate answers ENOSPC where a first touch would be SIGBUS. Some kernels undo a whole
// call for any signal, so that a timer could keep it from ever ending: signals wait until the end of a step.
int allocate(int fd, std::uint64_t offset, std::uint64_t bytes, std::uint64_t page_bytes) noexcept
{
  const std::uint64_t step = std::max(page_bytes, std::uint64_t{16} << 20);
  for (std::uint64_t done = 0; done < bytes;) {
    const std::uint64_t length = std::min(step, bytes - done);
    const SignalsBlocked later;
    if (::fallocate(fd, 0, static_cast<off_t>(offset + done), static_cast<off_t>(length)) == 0)
      done += length;
    else if (errno != EINTR)
      return -errno;
  }
  return 0;
}

int map_and_bind(int fd, const BuildRequest& request, std::uint64_t bytes, Payload& payload)
{
  if (const int error =
          Mapping::map_file(fd, payload.offset, bytes, payload.candidate.page_bytes, true, payload.attachment.mapping);
      error != 0)
    return fail(ENOMEM, "cannot map %s: %s", human_bytes(bytes).c_str(), Mapping::map_problem(error));
  return request.options.numa_node < 0 ? 0
                                       : bind_to_node(payload.attachment.mapping.range(), request.options.numa_node);
}

// Of descriptors: no other pages would help.
bool is_shortage_of_this_process(int error) noexcept
{
  return error == -EMFILE || error == -ENFILE;
}

int build_hugetlb(const NamespaceDirectory& directory, const BuildRequest& request, std::uint64_t bytes,
                  Payload& payload, std::string& fix)
{
  const std::uint64_t page = payload.candidate.page_bytes;
  const std::string page_text = human_bytes(page);
  const std::string pages_wanted = std::to_string(bytes / page);
  // Pages first: a mount is of no use without them.
  if (const std::uint64_t free = free_huge_pages(page); free < bytes / page) {
    fix = "echo N > /sys/kernel/mm/hugepages/hugepages-" + std::to_string(page / 1024) +
          "kB/nr_hugepages as root, N = what is in use + " + pages_wanted;
    return fail(ENOMEM, "hugetlb: %s pages of %s are wanted and %" PRIu64 " are free", pages_wanted.c_str(),
                page_text.c_str(), free);
  }
  const std::string& mount = payload.candidate.mount;
  if (mount.empty()) {
    // A place for each size: one must not hide the other.
    const std::string size = std::to_string(page >> 20) + "M";
    fix = "mkdir -p /dev/hugepages-" + size + " && mount -t hugetlbfs -o pagesize=" + size + " none /dev/hugepages-" +
          size + " as root";
    return fail(ENOMEM, "hugetlb: no hugetlbfs with pages of %s is mounted", page_text.c_str());
  }
  int error = namespace_id(request.lock_file, payload.huge_directory_id);
  if (error != 0) {
    fix = "rm " + directory.path() + "/.lock while nobody creates";
    return fail(ENOMEM, "hugetlb: the namespace's lock file is damaged");
  }
  if (error = check_room(-1, "", bytes, bytes); error != 0)
    return error;
  if (error = make_file(directory.fd(), directory.path().c_str(), request.options, payload.control); error != 0)
    return error;
  // From here on what fails does so on this mount only.
  error = make_payload_directory({mount, page}, directory, payload.huge_directory_id, payload.huge_directory,
                                 payload.huge_directory_path);
  if (is_shortage_of_this_process(error))
    return fail(-error, "cannot open %s: %s", mount.c_str(), std::strerror(-error));
  if (error != 0) {
    fix = "chmod or remount " + mount + " with uid=, gid= or mode= so that you may write there";
    return fail(ENOMEM, "hugetlb: no payload can be made below %s: %s", mount.c_str(), std::strerror(-error));
  }
  error = make_file(payload.huge_directory.get(), payload.huge_directory_path.c_str(), request.options, payload.huge);
  if (error != 0)
    return is_shortage_of_this_process(error) ? error : -ENOMEM;
  const int fd = payload.huge.fd();
  if (error = lock_wait(fd, Lock::read, 0); error != 0)
    return fail(ENOMEM, "cannot lock a file below %s: %s", payload.huge_directory_path.c_str(), std::strerror(-error));
  payload.offset = 0;
  error = ::ftruncate(fd, static_cast<off_t>(bytes)) == 0 ? map_and_bind(fd, request, bytes, payload) : -errno;
  if (error == 0)
    error = allocate(fd, 0, bytes, page);
  if (error != 0) {
    // A failed fallocate keeps the pages that it had got.
    payload.attachment.mapping.reset();
    const bool given_back = ::ftruncate(fd, 0) == 0;
    if (error == -EINVAL)
      return error;
    if (!given_back)
      return fail(ENOMEM, "hugetlb: pages that were taken cannot be given back: %s", std::strerror(errno));
    return fail(ENOMEM, "hugetlb: %s pages of %s could not be taken: %s (limits: hugetlb cgroup, other users)",
                pages_wanted.c_str(), page_text.c_str(), std::strerror(-error));
  }
  return 0;
}

int build_tmpfs(const NamespaceDirectory& directory, const BuildRequest& request, std::uint64_t bytes, Payload& payload)
{
  const bool huge = payload.candidate.tier == RTLANE_TIER_THP;
  // A huge page must not begin in the control page, so the payload begins at the next huge page; the
  // file is sparse in between.
  payload.offset = huge ? payload.candidate.page_bytes : control_bytes;
  const std::uint64_t file_bytes = payload.offset + bytes;
  if (const int error = check_room(directory.fd(), directory.path().c_str(), file_bytes, bytes + control_bytes);
      error != 0)
    return error;
  if (request.options.numa_node >= 0) {
    if (const int error = check_node_room(request.options.numa_node, bytes); error != 0)
      return error;
  }
  if (const int error = make_file(directory.fd(), directory.path().c_str(), request.options, payload.control);
      error != 0)
    return error;
  const int fd = payload.control.fd();
  if (::ftruncate(fd, static_cast<off_t>(file_bytes)) != 0)
    return fail(ENOMEM, "cannot make a file of %s in %s: %s", human_bytes(file_bytes).c_str(), directory.path().c_str(),
                std::strerror(errno));
  if (const int error = map_and_bind(fd, request, bytes, payload); error != 0)
    return error;
  if (!huge) {
    if (const int error = allocate(fd, payload.offset, bytes, small_page_bytes); error != 0)
      return fail(ENOMEM, "%s could not be allocated on the file system of %s: %s", human_bytes(bytes).c_str(),
                  directory.path().c_str(), std::strerror(-error));
    return 0;
  }
  // One page decides whether the kernel gives any: then the rest is not taken for nothing.
  const Range range = payload.attachment.mapping.range();
  const Range first = {range.address, payload.candidate.page_bytes};
  advise_huge(range);
  for (const Range& part : {first, range}) {
    if (const int error = fault_in(part, true); error != 0)
      return fail(ENOMEM, "transparent huge pages: %s", fault_in_problem(error));
    if (maps_huge_pages(part))
      continue;
    if (const int error = collapse_to_huge(part); error != 0)
      return fail(ENOMEM, "transparent huge pages: the kernel makes none here (MADV_COLLAPSE, Linux 6.1: %s)",
                  std::strerror(-error));
  }
  return 0;
}

int try_candidate(const NamespaceDirectory& directory, const BuildRequest& request, Payload& payload, std::string& fix)
{
  if (request.size_bytes > (std::uint64_t{1} << 62))
    return fail(ENOMEM, "%s are wanted: no file can be that large", human_bytes(request.size_bytes).c_str());
  const std::uint64_t bytes = round_up(request.size_bytes, payload.candidate.page_bytes);
  if (const int error = check_pool(request, bytes); error != 0)
    return error;
  const AttachMeter meter;
  const rtlane_tier tier = payload.candidate.tier;
  int error = tier == RTLANE_TIER_HUGETLB ? build_hugetlb(directory, request, bytes, payload, fix)
                                          : build_tmpfs(directory, request, bytes, payload);
  if (error == 0)
    error = fault_in_and_lock(payload.candidate.page_bytes, tier, true, static_cast<rtlane_wish>(request.options.lock),
                              payload.attachment);
  if (error == 0 && payload.attachment.page_bytes < payload.candidate.page_bytes)
    error = fail(ENOMEM, "the kernel gave pages of %s", human_bytes(payload.attachment.page_bytes).c_str());
  if (error == 0)
    meter.stop(payload.attachment);
  if (error != 0 && tier == RTLANE_TIER_THP)
    fix = "mount -o remount,huge=advise on the tmpfs of " + directory.path() +
          ", and not \"deny\" in /sys/kernel/mm/transparent_hugepage/shmem_enabled, as root";
  return error;
}

// Whether a smaller page size may do where this one failed. Wrong arguments stay wrong.
bool may_fall_back(int error) noexcept
{
  return error == -ENOMEM || error == -EDQUOT;
}

int write_control_page(const BuildRequest& request, const Payload& payload, const std::string& page_reason,
                       const std::string& page_fix, ObjectHeader& header)
{
  struct timespec now = {};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const Attachment& attachment = payload.attachment;
  header = {};
  header.magic = object_magic;
  header.layout_version = object_layout_version;
  header.word_bits = 64;
  header.header_bytes = control_bytes;
  header.kind = request.kind;
  header.generation = random_u64();
  header.size_bytes = request.size_bytes;
  header.mapped_bytes = attachment.mapping.bytes();
  header.payload_offset = payload.offset;
  header.page_bytes = attachment.page_bytes;
  header.locked_bytes = attachment.locked ? attachment.mapping.bytes() : 0;
  header.created_unix_ns = std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
  header.creator_pid = ::getpid();
  header.creator_uid = ::geteuid();
  header.tier = payload.candidate.tier;
  header.numa_node = numa_node_of(attachment.mapping.range());
  header.name_bytes = static_cast<std::uint32_t>(request.name.size());
  copy_text(header.page_reason, page_reason);
  copy_text(header.page_fix, page_fix);
  copy_text(header.lock_reason, attachment.lock_reason);
  copy_text(header.lock_fix, attachment.lock_fix);
  std::memcpy(header.name, request.name.data(), request.name.size());
  if (payload.candidate.tier == RTLANE_TIER_HUGETLB) {
    struct stat status = {};
    if (::fstat(payload.huge.fd(), &status) != 0)
      return fail(errno, "cannot read the state of a payload: %s", std::strerror(errno));
    header.payload_inode = status.st_ino;
    header.payload_directory_id = payload.huge_directory_id;
  }
  if (::pwrite(payload.control.fd(), &header, sizeof header, 0) != static_cast<ssize_t>(sizeof header))
    return fail(ENOMEM, "cannot write the control page: %s", std::strerror(errno));
  return 0;
}

// Takes the holder's lock and links the names, the payload's before the control file's.
int publish(const NamespaceDirectory& directory, const BuildRequest& request, Payload& payload, HeldControl& control)
{
  char path[descriptor_path_bytes];
  descriptor_path(payload.control.fd(), path);
  // Byte 0 is held by a description that maps the control page only: it can be let go while the payload is
  // still mapped, which is what a process that exits has to do.
  control.hold.reset(::open(path, O_RDWR | O_CLOEXEC));
  if (!control.hold)
    return fail(errno == ENOENT ? ENOSYS : errno, "cannot open %s: %s", path,
                errno == ENOENT ? "/proc is not mounted" : std::strerror(errno));
  if (const int error = lock_wait(control.hold.get(), Lock::read, holder_byte); error != 0)
    return fail(-error,
                "cannot lock a file in %s: %s (the namespace needs a file system with fcntl locks, such as tmpfs)",
                directory.path().c_str(), std::strerror(-error));
  unlock(payload.control.fd(), holder_byte);
  if (::fstat(control.hold.get(), &control.status) != 0)
    return fail(errno, "cannot read the state of a file in %s: %s", directory.path().c_str(), std::strerror(errno));
  control.writable = true;

  if (!request.file.empty()) {
    std::string payload_file;
    if (payload.candidate.tier == RTLANE_TIER_HUGETLB) {
      payload_file = payload_file_name(request.file, control.header.generation);
      if (const int error = payload.huge.link(payload_file.c_str()); error != 0)
        return error == -ENOENT ? error
                                : fail(ENOMEM, "cannot link %s in %s: %s", payload_file.c_str(),
                                       payload.huge_directory_path.c_str(), std::strerror(-error));
      control.payload_path = payload.huge_directory_path + "/" + payload_file;
    }
    if (const int error = payload.control.link(request.file.c_str()); error != 0) {
      if (!payload_file.empty())
        ::unlinkat(payload.huge_directory.get(), payload_file.c_str(), 0);
      return error == -EEXIST || error == -ENOENT ? error
                                                  : fail(-error, "cannot link %s in %s: %s", request.file.c_str(),
                                                         directory.path().c_str(), std::strerror(-error));
    }
  }
  control.payload = payload.candidate.tier == RTLANE_TIER_HUGETLB ? payload.huge.take_fd() : payload.control.take_fd();
  return 0;
}

int fill_and_publish(const NamespaceDirectory& directory, const BuildRequest& request, Payload& payload,
                     HeldControl& control)
{
  if (request.contents == nullptr)
    return publish(directory, request, payload, control);
  void* const memory = payload.attachment.mapping.address();
  if (const int error = request.contents->make(memory); error != 0)
    return error;
  const int error = publish(directory, request, payload, control);
  if (error != 0)
    request.contents->discard(memory);
  return error;
}

}  // namespace

int check_options(const rtlane_shm_options& options)
{
  if (options.huge > RTLANE_NEVER)
    return fail(EINVAL, "option huge is %" PRIu32 ": it must be RTLANE_PREFERRED, RTLANE_REQUIRED or RTLANE_NEVER",
                options.huge);
  if (options.lock > RTLANE_NEVER)
    return fail(EINVAL, "option lock is %" PRIu32 ": it must be RTLANE_PREFERRED, RTLANE_REQUIRED or RTLANE_NEVER",
                options.lock);
  if (options.mode > 0777 || (options.mode != 0 && (options.mode & 0600) != 0600))
    return fail(EINVAL, "option mode is %04" PRIo32 ": it must be 0600 to 0777 and let the owner read and write",
                options.mode);
  if (options.numa_node < -1)
    return fail(EINVAL, "option numa_node is %" PRId32 ": it must be a node number, or -1", options.numa_node);
  return 0;
}

int build(const NamespaceDirectory& directory, const BuildRequest& request, Built& built)
{
  std::vector<Candidate> candidates;
  if (const int error = list_candidates(request, candidates); error != 0)
    return error;
  // Only a temporary with a name can be taken for garbage by somebody, and only before it is locked.
  for (int error = -ENOENT; error == -ENOENT;) {
    std::string reason;
    std::string fix;
    for (const Candidate& candidate : candidates) {
      Payload payload;
      payload.candidate = candidate;
      std::string candidate_fix;
      error = try_candidate(directory, request, payload, candidate_fix);
      if (error == 0)
        error = write_control_page(request, payload, reason, fix, built.control.header);
      if (error == 0)
        error = fill_and_publish(directory, request, payload, built.control);
      if (error == 0)
        built.attachment = std::move(payload.attachment);
      if (!may_fall_back(error))
        break;
      // Several mounts may fail for one reason.
      if (const std::string sentence = rtlane_error_message(); reason.find(sentence) == std::string::npos)
        reason += (reason.empty() ? "" : "; ") + sentence;
      if (fix.empty())
        fix = candidate_fix;
    }
    if (may_fall_back(error) && request.options.huge == RTLANE_REQUIRED)
      return fail(-error, "huge pages are required: %s%s%s", reason.c_str(),
                  fix.empty() ? "" : ". What helps: ", fix.c_str());
    if (error != -ENOENT)
      return error;
  }
  return 0;
}

}  // namespace rtlane::detail
