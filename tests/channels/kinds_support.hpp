// Channels of every kind, made with small wishes.
#pragma once

#include <gtest/gtest.h>
#include <rtlane/channels/participants.hpp>
#include <rtlane/channels/type_info.hpp>

#include <array>
#include <cstdint>
#include <string>

#include "ring_support.hpp"

namespace rtlane::test {

inline constexpr std::array<std::uint32_t, 7> all_kinds{
    RTLANE_CHANNEL_SPSC_RING, RTLANE_CHANNEL_MPMC_RING,  RTLANE_CHANNEL_SNAPSHOT,       RTLANE_CHANNEL_PINNED_SNAPSHOT,
    RTLANE_CHANNEL_BROADCAST, RTLANE_CHANNEL_FRAME_RING, RTLANE_CHANNEL_FRAME_BROADCAST};

inline bool has_frames(std::uint32_t kind)
{
  return kind == RTLANE_CHANNEL_FRAME_RING || kind == RTLANE_CHANNEL_FRAME_BROADCAST;
}

// All 0 but what must be said.
inline rtlane_channel_spec spec_of(std::uint32_t kind)
{
  rtlane_channel_spec spec = RTLANE_CHANNEL_SPEC_INIT;
  spec.kind = kind;
  spec.capacity = kind == RTLANE_CHANNEL_PINNED_SNAPSHOT ? 0 : has_frames(kind) ? 1000 : 6;
  spec.type = has_frames(kind) ? nullptr : &type_of<Message>();
  return spec;
}

// What a wish came to.
struct Made {
  int result = 0;
  ChannelRef channel;
  std::string message;  // why not

  [[nodiscard]] rtlane_channel_layout layout() const { return channel.layout(); }
};

inline Made finish(int result, rtlane_channel* channel)
{
  return result < 0 ? Made{result, {}, rtlane_error_message()} : Made{result, ChannelRef(channel), {}};
}

inline Made create_channel(const char* name, const rtlane_channel_spec& spec)
{
  const rtlane_shm_options options = small_ring().memory.to_c();
  rtlane_channel* channel = nullptr;
  const int result = rtlane_channel_create(name, &spec, &options, &channel);
  return finish(result, channel);
}

inline Made open_channel(const char* name, const rtlane_channel_spec& spec)
{
  const rtlane_shm_options options = small_ring().memory.to_c();
  rtlane_channel* channel = nullptr;
  const int result = rtlane_channel_open(name, &spec, &options, &channel);
  return finish(result, channel);
}

inline Made in_memory(const rtlane_channel_spec& spec)
{
  rtlane_channel* channel = nullptr;
  const int result = rtlane_channel_in_memory(&spec, &channel);
  return finish(result, channel);
}

// Takes anything.
inline rtlane_channel_spec any_channel()
{
  rtlane_channel_spec spec = RTLANE_CHANNEL_SPEC_INIT;
  spec.kind = RTLANE_CHANNEL_ANY;
  return spec;
}

}  // namespace rtlane::test
