// Roles: a lease of the kernel for named channels, a flag for private memory.
//
// Ordering
//   RF2 flag cleared, release -> RF1 flag taken, acquire   what the last holder wrote comes first
#include <cerrno>
#include <memory>
#include <new>

#include "channel_private.hpp"
#include "error.hpp"
#include "process.hpp"

namespace {

using rtlane::detail::fail;
using rtlane::detail::rules_of;

// Another one in each fork child. Process numbers would not do: a child in a PID namespace of its own may have its
// parent's.
std::uint64_t owner_of_this_process() noexcept
{
  return rtlane::detail::Process::instance().fork_count();
}

const char* role_name(const rtlane_channel& channel, std::uint32_t index) noexcept
{
  return rtlane_channel_role_name(channel.header.kind, index);
}

bool is_role(const rtlane_channel& channel, std::uint32_t index) noexcept
{
  return role_name(channel, index) != nullptr &&
         (index < RTLANE_ROLE_PARTICIPANT || index - RTLANE_ROLE_PARTICIPANT < channel.header.participants);
}

int no_role(const rtlane_channel& channel, std::uint32_t index) noexcept
{
  return fail(EINVAL, "there is no role number %u: channel \"%s\" is %s with %u numbered participants", index,
              channel.name.c_str(), rules_of(channel.header.kind)->in_words, channel.header.participants);
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

int rtlane_role_acquire_any(rtlane_channel* channel, uint32_t first, uint32_t count, rtlane_role** role) noexcept
{
  if (channel == nullptr || role == nullptr || count == 0)
    return fail(EINVAL, "rtlane_role_acquire: %s",
                channel == nullptr ? "the channel is NULL"
                : role == nullptr  ? "the output parameter is NULL"
                                   : "none of 0 roles can be had");
  for (const std::uint32_t index : {first, first + count - 1}) {
    if (index < first || !is_role(*channel, index))
      return no_role(*channel, index);
  }
  const char* name = role_name(*channel, first);
  if (channel->read_only)
    return fail(EACCES, "channel \"%s\" was opened read-only: a %s needs to write; open it without read_only",
                channel->name.c_str(), name);
  std::unique_ptr<rtlane_role> taken(new (std::nothrow) rtlane_role{});
  if (taken == nullptr)
    return fail(ENOMEM, "no memory for a role");
  int result = -EBUSY;
  for (std::uint32_t i = 0; i < count && result == -EBUSY; ++i) {
    taken->index = first + i;
    result = take(*channel, taken->index, taken->lease);
  }
  if (result == -EBUSY && count == 1)
    return fail(EBUSY, "channel \"%s\" has a living %s already: one at a time; it must detach or end first",
                channel->name.c_str(), name);
  if (result == -EBUSY)
    return fail(EBUSY, "channel \"%s\": all %u places are taken by living %ss; one must detach or end first",
                channel->name.c_str(), count, name);
  if (result < 0)
    return result;
  taken->channel = rtlane_channel_ref(channel);
  taken->owner = owner_of_this_process();
  *role = taken.release();
  return 0;
}

int rtlane_role_acquire(rtlane_channel* channel, uint32_t index, rtlane_role** role) noexcept
{
  return rtlane_role_acquire_any(channel, index, 1, role);
}

uint32_t rtlane_role_index(const rtlane_role* role) noexcept
{
  return role == nullptr ? UINT32_MAX : role->index;
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
  if (!is_role(*channel, index))
    return no_role(*channel, index);
  if (channel->handle != 0)
    return rtlane_lease_held(channel->handle, index);
  return channel->private_roles[index].load(std::memory_order_relaxed) != 0 ? 1 : 0;  // relaxed: an answer, no order
}
