// Roles: a lease of the kernel for named channels, a flag for private memory.
//
// Ordering
//   RF2 flag cleared, release -> RF1 flag taken, acquire   what the last holder wrote comes first
#include <cerrno>
#include <iterator>
#include <memory>
#include <new>

#include "channel_private.hpp"
#include "error.hpp"
#include "process.hpp"

namespace {

using rtlane::detail::fail;

const char* role_name(std::uint32_t index) noexcept
{
  return index == RTLANE_ROLE_PRODUCER ? "producer" : index == RTLANE_ROLE_CONSUMER ? "consumer" : "participant";
}

// Another one in each fork child. Process numbers would not do: a child in a PID namespace of its own may have its
// parent's.
std::uint64_t owner_of_this_process() noexcept
{
  return rtlane::detail::Process::instance().fork_count();
}

// Private memory has two roles, a kernel object as many as there are leases.
bool is_private_role(const rtlane_channel& channel, std::uint32_t index) noexcept
{
  return channel.handle == 0 && index < std::size(channel.private_roles);
}

int take(rtlane_channel& channel, std::uint32_t index, rtlane_lease& lease) noexcept
{
  if (channel.handle != 0)
    return rtlane_lease_acquire(channel.handle, index, &lease);
  std::uint32_t free = 0;
  // RF1 acquire, pairs with RF2: what the last holder wrote
  return channel.private_roles[index].compare_exchange_strong(free, 1, std::memory_order_acquire,
                                                              std::memory_order_relaxed)  // relaxed: nothing is read
             ? 0
             : -EBUSY;
}

}  // namespace

int rtlane_role_acquire(rtlane_channel* channel, uint32_t index, rtlane_role** role) noexcept
{
  if (channel == nullptr || role == nullptr)
    return fail(EINVAL, "rtlane_role_acquire: the %s is NULL", channel == nullptr ? "channel" : "output parameter");
  if (channel->read_only)
    return fail(EACCES, "channel \"%s\" was opened read-only: a %s needs to write; open it without read_only",
                channel->name.c_str(), role_name(index));
  if (channel->handle == 0 && !is_private_role(*channel, index))
    return fail(EINVAL, "there is no role number %u", index);
  std::unique_ptr<rtlane_role> taken(new (std::nothrow) rtlane_role{});
  if (taken == nullptr)
    return fail(ENOMEM, "no memory for a role");
  const int result = take(*channel, index, taken->lease);
  if (result == -EBUSY)
    return fail(EBUSY, "channel \"%s\" has a living %s already: one at a time; it must detach or end first",
                channel->name.c_str(), role_name(index));
  if (result < 0)
    return result;
  taken->channel = rtlane_channel_ref(channel);
  taken->index = index;
  taken->owner = owner_of_this_process();
  *role = taken.release();
  return 0;
}

int rtlane_role_mine(const rtlane_role* role) noexcept
{
  if (role == nullptr || role->owner != owner_of_this_process())
    return 0;
  if (role->channel->handle == 0)
    return 1;
  // At exit() the object may have been closed before the last endpoint is destroyed.
  std::uint64_t size = 0;
  return rtlane_shm_size(role->channel->handle, &size) == 0 ? 1 : 0;
}

void rtlane_role_release(rtlane_role* role) noexcept
{
  if (role == nullptr)
    return;
  if (role->channel->handle != 0)
    rtlane_lease_release(&role->lease);
  else
    role->channel->private_roles[role->index].store(0, std::memory_order_release);  // RF2, pairs with RF1
  rtlane_channel_unref(role->channel);
  delete role;
}

int rtlane_role_held(const rtlane_channel* channel, uint32_t index) noexcept
{
  if (channel == nullptr)
    return fail(EINVAL, "rtlane_role_held: the channel is NULL");
  if (channel->handle != 0)
    return rtlane_lease_held(channel->handle, index);
  if (!is_private_role(*channel, index))
    return fail(EINVAL, "there is no role number %u", index);
  return channel->private_roles[index].load(std::memory_order_relaxed) != 0 ? 1 : 0;  // relaxed: an answer, no order
}
