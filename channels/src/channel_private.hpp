// The inside of rtlane_channel and rtlane_role.
#pragma once

#include <rtlane/channels/channel.h>
#include <rtlane/core/lease.h>
#include <rtlane/channels/channel_header.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "kinds.hpp"

namespace rtlane::detail {

struct FreeDeleter {
  void operator()(std::byte* memory) const noexcept { std::free(memory); }
};

using Words = std::atomic<std::uint64_t>;

// Copies shared memory word by word (both 8-byte aligned, bytes a multiple of 8), so that a peer writing
// meanwhile is no data race.
void copy_from_shared(void* to, const void* from, std::size_t bytes) noexcept;

// The header that a channel of that spec (of a known kind) and table has. 0 or -EINVAL with the sentence set.
int plan_header(const rtlane_channel_spec& spec, const std::vector<std::byte>& table, ChannelHeader& header) noexcept;

// Checks a private copy of a header against itself and the bytes that are mapped. 0, -EPROTO, -EBADMSG.
// Fills in what follows from it.
int check_header(const char* name, const ChannelHeader& header, std::uint64_t mapped_bytes,
                 Geometry& geometry) noexcept;

// Is the channel found what was asked for? 0, -EPROTOTYPE, -ERANGE.
int compare_with_spec(const char* name, const ChannelHeader& found, const std::vector<std::byte>& found_table,
                      const rtlane_channel_spec& spec, const std::vector<std::byte>& wanted_table);

// Writes everything but the magic into zeroed memory.
void write_channel(std::byte* base, const ChannelHeader& header, const std::vector<std::byte>& table) noexcept;

}  // namespace rtlane::detail

struct rtlane_channel {
  std::atomic<std::uint32_t> references{1};
  rtlane_handle handle = 0;  // 0 = private memory
  std::unique_ptr<std::byte, rtlane::detail::FreeDeleter> private_memory;
  std::byte* base = nullptr;
  rtlane::ChannelHeader header{};       // the checked private copy
  rtlane::detail::Geometry geometry{};  // what follows from it
  std::vector<std::byte> table;
  std::string name;
  bool created = false;
  bool read_only = false;
  // 1 = taken; private memory only
  std::atomic<std::uint32_t> private_roles[RTLANE_ROLE_PARTICIPANT + RTLANE_PARTICIPANTS_MAX] = {};

  ~rtlane_channel();
};

struct rtlane_role {
  rtlane_channel* channel;
  std::uint32_t index;
  std::uint64_t owner;
  rtlane_lease lease;
};
