#include <rtlane/core/lease.h>

#include <sys/mman.h>

#include <cerrno>
#include <cinttypes>
#include <cstring>

#include "border.hpp"
#include "ofd_lock.hpp"
#include "shared_object.hpp"

namespace rtlane::detail {
namespace {

constexpr std::size_t lease_mapping_bytes = 4096;

// 0 is no owner, and another process of the same family of forks has another number.
std::uint64_t owner_of_this_process() noexcept
{
  return Process::instance().fork_count() + 1;
}

int check_index(std::uint32_t index) noexcept
{
  if (index < RTLANE_LEASE_MAX)
    return 0;
  return fail(EINVAL, "lease %" PRIu32 " does not exist: there are leases 0 to %d", index, RTLANE_LEASE_MAX - 1);
}

// Opens the control file of the object behind the handle and does work(fd) on a byte of it.
template <class Work>
int with_lease_file(rtlane_handle handle, bool writable, Work&& work)
{
  const HandleTable::Pin pin = Process::instance().handles.pin(handle);
  if (!pin)
    return -EBADF;
  const auto* object = dynamic_cast<const SharedObject*>(pin.target());
  if (object == nullptr)
    return fail(EBADF, "0x%08" PRIx32 " is no handle of a named object", handle);
  UniqueFd fd;
  const int error = object->open_control_again(writable, fd);
  return error != 0 ? error : work(fd.get());
}

class Question {
public:
  // relaxed: a fork child sees it, whose memory is copied after the descriptors
  Question() noexcept { Process::instance().questions_begun.fetch_add(1, std::memory_order_relaxed); }
  Question(const Question&) = delete;
  Question& operator=(const Question&) = delete;
  ~Question() { Process::instance().questions_ended.fetch_add(1, std::memory_order_release); }  // Q1, pairs with Q2
};

off_t lease_byte(std::uint32_t index) noexcept
{
  return RTLANE_LEASE_BYTE + static_cast<off_t>(index);
}

}  // namespace
}  // namespace rtlane::detail

using namespace rtlane::detail;

int rtlane_lease_acquire(rtlane_handle handle, uint32_t index, rtlane_lease* lease) noexcept
{
  return set_up_call([&] {
    if (lease == nullptr)
      return fail(EINVAL, "lease is NULL");
    if (const int error = check_index(index); error != 0)
      return error;
    return with_lease_file(handle, true, [&](int fd) {
      if (const int error = lock_try(fd, Lock::write, lease_byte(index)); error != 0)
        return error == -EAGAIN ? fail(EBUSY, "lease %" PRIu32 " is held by a living participant", index)
                                : fail(-error, "cannot take lease %" PRIu32 ": %s", index, std::strerror(-error));
      Mapping page;
      if (const int error = Mapping::map_file(fd, 0, lease_mapping_bytes, 0, false, page); error != 0)
        return fail(ENOMEM, "cannot map a control page: %s", std::strerror(-error));
      if (::madvise(page.address(), page.bytes(), MADV_DONTFORK) != 0)
        return fail(errno, "cannot keep a lease from fork children: %s", std::strerror(errno));
      lease->page_ = page.release();
      lease->owner_ = owner_of_this_process();
      return 0;
    });
  });
}

void rtlane_lease_release(rtlane_lease* lease) noexcept
{
  if (lease == nullptr || lease->owner_ == 0)
    return;
  set_up_call([&] {
    // In a fork child the page was never mapped: the address may be anything by now.
    if (lease->owner_ == owner_of_this_process())
      ::munmap(lease->page_, lease_mapping_bytes);
    *lease = {};
    return 0;
  });
}

int rtlane_lease_held(rtlane_handle handle, uint32_t index) noexcept
{
  // Not a set-up call: who asks about a peer must not wait for one of this process, nor for a fork(). A child forked
  // just now closes its copy of the descriptor.
  return guarded_call([&] {
    if (const int error = check_index(index); error != 0)
      return error;
    const Question question;
    return with_lease_file(handle, false,
                           [&](int fd) { return lock_held_by_others(fd, lease_byte(index)) == Lock::none ? 0 : 1; });
  });
}
