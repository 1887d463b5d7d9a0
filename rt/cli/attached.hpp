// Looking into an object: attached read-only and unlocked, so that nobody is disturbed.
#pragma once

#include <rtlane/channels/participants.hpp>
#include <rtlane/core/shared_memory.hpp>

#include <string>
#include <vector>

#include "objects.hpp"

namespace rtlane::cli {

struct Attached {
  SharedMemory memory;
  rtlane_shm_certificate facts{};
  ChannelRef channel;  // empty when the object holds none
  std::string channel_problem;
};

// Waits a little for a channel that is being made. An orphan must not come here: the last to look would remove it.
[[nodiscard]] expected<Attached> attach(const std::string& name);

// The channel in a live object of shared memory, without any wait; empty when it holds none, may not be opened, or is
// not finished.
[[nodiscard]] ChannelRef glance(const Entry& entry);

// The entry of that name, or the sentence about why there is none. Of entries that this user may not open the names
// are not known: opening by name says what is the matter then.
[[nodiscard]] expected<Entry> find_object(const std::string& name, const std::vector<Entry>& entries);

}  // namespace rtlane::cli
