// What lies at the start of every channel's memory. Layout version 1.
//
//   offset 0    ChannelHeader, 128 bytes, written once
//          128  line of the producer      (one writer each; see the channel's own header)
//          256  line of the consumer
//          384  line that is read by both and rarely written
//          512  field table (rtlane/channels/type_table.hpp)
//          then, 128-byte aligned, the doorbell's line (doorbell.hpp) if there is a doorbell
//          then, 128-byte aligned, the control area: further lines of the kind, e.g. one for each participant
//          then, 128-byte aligned, the slots (of frames: bytes)
//
// How large control area and slots are follows from kind, capacity, participants, mode and quota; the rules stand
// in channels/src/kinds.cpp. What a kind does not have is 0.
//
// The magic word is stored last. Before it: 0 in fresh memory, channel_in_the_making while the
// holder of lease RTLANE_ROLE_INITIALIZER writes; found without a holder, its maker died and the
// next create() starts over. 0 and no holder: the maker is between making the object and taking the
// lease (alive, stopped or dead: nobody can know), or the object is shared memory of another use.
//
// An attaching process copies the header to private memory word by word, checks every field against
// the others and against the bytes that are mapped, and never reads the shared one again: a peer
// that scribbles on it later has no effect, and one that did so before gets an error.
//
// Ordering
//   H1 store magic, release  ->  H2 load magic, acquire    the header is complete when it is valid
#pragma once

#include <rtlane/core/cache_line.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace rtlane {

inline constexpr std::uint64_t channel_magic = 0x3143'454e'414c'5452;          // the bytes "RTLANEC1"
inline constexpr std::uint64_t channel_in_the_making = 0x3f43'454e'414c'5452;  // the bytes "RTLANEC?"
inline constexpr std::uint32_t channel_layout_version = 1;

struct ChannelHeader {
  std::uint64_t magic;
  std::uint32_t layout_version;
  std::uint32_t kind;               // enum rtlane_channel_kind
  std::uint64_t total_bytes;        // of the channel: header to last slot
  std::uint64_t capacity;           // elements, of frames bytes; a power of two
  std::uint64_t slot_stride_bytes;  // a multiple of 8 and of element_align
  std::uint64_t slots_offset;       // a multiple of 128
  std::uint64_t element_bytes;
  std::uint32_t element_align;  // a power of two, at most 128
  std::uint32_t value_offset;   // of the element in its slot, after the kind's word there
  std::uint64_t type_hash;      // rtlane_table_hash of the field table
  std::uint32_t table_offset;
  std::uint32_t table_bytes;
  std::uint64_t start_position;
  std::uint32_t participants;     // numbered ones: roles RTLANE_ROLE_PARTICIPANT + 0 ..
  std::uint32_t mode;             // enum rtlane_channel_mode
  std::uint32_t doorbell;         // enum rtlane_channel_doorbell
  std::uint32_t reserved_bits;    // 0
  std::uint64_t frame_bytes_max;  // longest frame
  std::uint64_t quota;            // slots of each participant
  std::uint64_t reserved;         // 0
};

static_assert(sizeof(ChannelHeader) == 128 && alignof(ChannelHeader) == 8, "layout version 1");
static_assert(offsetof(ChannelHeader, layout_version) == 8 && offsetof(ChannelHeader, kind) == 12);
static_assert(offsetof(ChannelHeader, total_bytes) == 16 && offsetof(ChannelHeader, capacity) == 24);
static_assert(offsetof(ChannelHeader, slot_stride_bytes) == 32 && offsetof(ChannelHeader, slots_offset) == 40);
static_assert(offsetof(ChannelHeader, element_bytes) == 48 && offsetof(ChannelHeader, element_align) == 56);
static_assert(offsetof(ChannelHeader, value_offset) == 60 && offsetof(ChannelHeader, type_hash) == 64);
static_assert(offsetof(ChannelHeader, table_offset) == 72 && offsetof(ChannelHeader, table_bytes) == 76);
static_assert(offsetof(ChannelHeader, start_position) == 80 && offsetof(ChannelHeader, participants) == 88);
static_assert(offsetof(ChannelHeader, mode) == 92 && offsetof(ChannelHeader, doorbell) == 96);
static_assert(offsetof(ChannelHeader, frame_bytes_max) == 104 && offsetof(ChannelHeader, quota) == 112);
static_assert(offsetof(ChannelHeader, reserved) == 120);

inline constexpr std::uint64_t producer_line_offset = 128;
inline constexpr std::uint64_t consumer_line_offset = 256;
inline constexpr std::uint64_t common_line_offset = 384;
inline constexpr std::uint64_t table_offset = 512;

inline constexpr std::uint64_t max_capacity = std::uint64_t{1} << 40;
inline constexpr std::uint32_t max_element_align = 128;

static_assert(std::atomic<std::uint64_t>::is_always_lock_free && sizeof(std::atomic<std::uint64_t>) == 8,
              "shared words must be plain machine words in every process");

}  // namespace rtlane
