#include "kinds.hpp"

#include <rtlane/channels/frame_broadcast_layout.hpp>
#include <rtlane/channels/mpmc_isolated_layout.hpp>
#include <rtlane/core/cache_line.hpp>

#include <algorithm>
#include <atomic>

#include "monitors.hpp"
#include "observer.hpp"

namespace rtlane::detail {
namespace {

constexpr std::uint64_t max_total_bytes = std::uint64_t{1} << 47;
constexpr std::uint64_t max_slots = std::uint64_t{1} << 20;          // of all kinds but the SPSC ring
constexpr std::uint64_t max_frame_bytes = std::uint64_t{1} << 32;    // capacity of channels for frames
constexpr std::uint64_t max_element_bytes = std::uint64_t{1} << 16;  // as max_slots
constexpr std::uint64_t frame_header_bytes = 8;

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) noexcept
{
  return (value + unit - 1) / unit * unit;
}

constexpr std::uint64_t lines(std::uint64_t count) noexcept
{
  return count * cache_line_bytes;
}

std::uint64_t no_control(const ChannelHeader&)
{
  return 0;
}

std::uint64_t one_slot_each(const ChannelHeader& header)
{
  return header.capacity;
}

// Zeroed memory, written while openers may look whether it is still zero.
void set_word(std::byte* base, std::uint64_t offset, std::uint64_t value) noexcept
{
  // relaxed: readers come after the magic (H1)
  reinterpret_cast<std::atomic<std::uint64_t>*>(base + offset)->store(value, std::memory_order_relaxed);
}

// An SPSC ring starts where its head is: the words head and peeked_until of spsc_layout.hpp.
void start_spsc(const ChannelHeader& header, std::byte* base)
{
  set_word(base, consumer_line_offset, header.start_position);
  set_word(base, consumer_line_offset + 8, header.start_position);
}

// ---- MPMC ring

bool isolated(const ChannelHeader& header)
{
  return header.mode == RTLANE_MODE_ISOLATED;
}

// Half of the participants may be consumers that hold a slot each.
Range mpmc_quota(const ChannelHeader& header)
{
  if (!isolated(header))
    return {};
  return {1, header.capacity + header.participants, header.capacity / header.participants + header.participants + 1};
}

std::uint64_t mpmc_slots(const ChannelHeader& header)
{
  return isolated(header) ? header.participants * header.quota : header.capacity;
}

// Two lines for the hints, one for each participant; isolated: the ring's cells, a word each.
std::uint64_t mpmc_control(const ChannelHeader& header)
{
  const std::uint64_t cells = isolated(header) ? isolated_cell_count(mpmc_slots(header)) : 0;
  return lines(2 + header.participants) + round_up(cells * sizeof(std::uint64_t), cache_line_bytes);
}

// ---- pinned snapshot

// The word that names the latest value, the writer's line, one for each reader.
std::uint64_t pinned_control(const ChannelHeader& header)
{
  return lines(2 + header.participants);
}

// Each reader pins up to two, one is the latest, one is being written.
std::uint64_t pinned_slots(const ChannelHeader& header)
{
  return 2 * std::uint64_t{header.participants} + 2;
}

// ---- broadcast

// The words tail and first of broadcast_layout.hpp.
void start_broadcast(const ChannelHeader& header, std::byte* base)
{
  set_word(base, producer_line_offset, header.start_position);
  set_word(base, common_line_offset + 8, header.start_position);
}

// ---- frames

Range frame_ring_longest(const ChannelHeader& header)
{
  return {1, header.capacity - frame_header_bytes, header.capacity / 4};
}

// A frame lies in one piece: behind the last place where one can begin is room for the longest.
std::uint64_t frame_ring_bytes(const ChannelHeader& header)
{
  const std::uint64_t align = std::max<std::uint64_t>(header.element_align, frame_header_bytes);
  return header.capacity + round_up(header.frame_bytes_max + frame_header_bytes, align) - frame_header_bytes;
}

// The words tail, head and peeked_until of frame_ring_layout.hpp.
void start_frame_ring(const ChannelHeader& header, std::byte* base)
{
  set_word(base, producer_line_offset, header.start_position);
  start_spsc(header, base);
}

// A record fits into a segment (frame_broadcast_layout.hpp).
Range frame_broadcast_range(const ChannelHeader& header)
{
  const std::uint64_t longest = frame_broadcast_longest(header.capacity);
  return {1, longest, longest};
}

constexpr Range none{};

const KindRules all_kinds[] = {
    {.kind = RTLANE_CHANNEL_SPSC_RING,
     .name = "SpscRing",
     .in_words = "an SPSC ring",
     .roles = {"producer", "consumer"},
     .participant = nullptr,
     .capacity = {1, max_capacity, 0},
     .participants = none,
     .modes = 0,
     .element_bytes_max = RTLANE_TYPE_MAX_BYTES,
     .slot_header_bytes = 8,
     .frames = false,
     .quota = nullptr,
     .frame_bytes_max = nullptr,
     .control_bytes = no_control,
     .slot_count = one_slot_each,
     .start = start_spsc,
     .monitor = monitor_spsc,
     .observe = observe_spsc},
    {.kind = RTLANE_CHANNEL_MPMC_RING,
     .name = "MpmcRing",
     .in_words = "an MPMC ring",
     .roles = {nullptr, nullptr},
     .participant = "participant",
     .capacity = {1, max_slots, 0},
     .participants = {1, RTLANE_PARTICIPANTS_MAX, 16},
     .modes = 2,
     .element_bytes_max = max_element_bytes,
     .slot_header_bytes = 8,
     .frames = false,
     .quota = mpmc_quota,
     .frame_bytes_max = nullptr,
     .control_bytes = mpmc_control,
     .slot_count = mpmc_slots,
     .start = nullptr,
     .monitor = monitor_mpmc,
     .observe = observe_mpmc},
    {.kind = RTLANE_CHANNEL_SNAPSHOT,
     .name = "Snapshot",
     .in_words = "a snapshot",
     .roles = {"writer", nullptr},
     .participant = nullptr,
     .capacity = {2, max_slots, 4},
     .participants = none,
     .modes = 0,
     .element_bytes_max = max_element_bytes,
     .slot_header_bytes = 16,
     .frames = false,
     .quota = nullptr,
     .frame_bytes_max = nullptr,
     .control_bytes = no_control,
     .slot_count = one_slot_each,
     .start = nullptr,
     .monitor = monitor_snapshot,
     .observe = observe_snapshot},
    {.kind = RTLANE_CHANNEL_PINNED_SNAPSHOT,
     .name = "PinnedSnapshot",
     .in_words = "a pinned snapshot",
     .roles = {"writer", nullptr},
     .participant = "reader",
     .capacity = {1, 1, 1},
     .participants = {1, 31, 8},
     .modes = 0,
     .element_bytes_max = RTLANE_TYPE_MAX_BYTES,
     .slot_header_bytes = 8,
     .frames = false,
     .quota = nullptr,
     .frame_bytes_max = nullptr,
     .control_bytes = pinned_control,
     .slot_count = pinned_slots,
     .start = nullptr,
     .monitor = monitor_pinned_snapshot,
     .observe = observe_pinned_snapshot},
    {.kind = RTLANE_CHANNEL_BROADCAST,
     .name = "Broadcast",
     .in_words = "a broadcast",
     .roles = {"writer", nullptr},
     .participant = nullptr,
     .capacity = {2, max_slots, 0},
     .participants = none,
     .modes = 0,
     .element_bytes_max = max_element_bytes,
     .slot_header_bytes = 8,
     .frames = false,
     .quota = nullptr,
     .frame_bytes_max = nullptr,
     .control_bytes = no_control,
     .slot_count = one_slot_each,
     .start = start_broadcast,
     .monitor = monitor_broadcast,
     .observe = observe_broadcast},
    {.kind = RTLANE_CHANNEL_FRAME_RING,
     .name = "FrameRing",
     .in_words = "a frame ring",
     .roles = {"producer", "consumer"},
     .participant = nullptr,
     .capacity = {128, max_frame_bytes, 0},
     .participants = none,
     .modes = 0,
     .element_bytes_max = max_element_bytes,
     .slot_header_bytes = 0,
     .frames = true,
     .quota = nullptr,
     .frame_bytes_max = frame_ring_longest,
     .control_bytes = no_control,
     .slot_count = frame_ring_bytes,
     .start = start_frame_ring,
     .monitor = monitor_frame_ring,
     .observe = observe_frame_ring},
    {.kind = RTLANE_CHANNEL_FRAME_BROADCAST,
     .name = "FrameBroadcast",
     .in_words = "a frame broadcast",
     .roles = {"writer", nullptr},
     .participant = nullptr,
     .capacity = {256, max_frame_bytes, 0},
     .participants = none,
     .modes = 0,
     .element_bytes_max = max_element_bytes,
     .slot_header_bytes = 0,
     .frames = true,
     .quota = nullptr,
     .frame_bytes_max = frame_broadcast_range,
     .control_bytes = no_control,
     .slot_count = one_slot_each,
     .start = nullptr,
     .monitor = monitor_frame_broadcast,
     .observe = observe_frame_broadcast},
};

}  // namespace

const KindRules* rules_of(std::uint32_t kind) noexcept
{
  const auto* found = std::find_if(std::begin(all_kinds), std::end(all_kinds),
                                   [kind](const KindRules& rules) { return rules.kind == kind; });
  return found == std::end(all_kinds) ? nullptr : found;
}

bool geometry_of(const KindRules& rules, const ChannelHeader& header, Geometry& geometry) noexcept
{
  const std::uint64_t after_table = round_up(table_offset + header.table_bytes, cache_line_bytes);
  const bool rung = header.doorbell == RTLANE_DOORBELL_IF_WAITING;
  geometry.doorbell_offset = rung ? after_table : 0;
  geometry.control_offset = after_table + (rung ? cache_line_bytes : 0);
  geometry.control_bytes = rules.control_bytes(header);
  geometry.slots_offset = geometry.control_offset + geometry.control_bytes;
  geometry.slot_count = rules.slot_count(header);
  // The capacity has up to 41 bits and the stride up to 32.
  std::uint64_t slots_bytes = 0;
  if (__builtin_mul_overflow(geometry.slot_count, header.slot_stride_bytes, &slots_bytes) ||
      slots_bytes > max_total_bytes - geometry.slots_offset)
    return false;
  geometry.total_bytes = geometry.slots_offset + slots_bytes;
  return true;
}

}  // namespace rtlane::detail

using rtlane::detail::rules_of;

const char* rtlane_channel_kind_name(uint32_t kind) noexcept
{
  const auto* rules = rules_of(kind);
  return rules == nullptr ? "?" : rules->name;
}

const char* rtlane_channel_role_name(uint32_t kind, uint32_t index) noexcept
{
  const auto* rules = rules_of(kind);
  if (rules == nullptr)
    return nullptr;
  if (index < rules->roles.size())
    return rules->roles[index];
  return index - RTLANE_ROLE_PARTICIPANT < RTLANE_PARTICIPANTS_MAX ? rules->participant : nullptr;
}
