// Where things are in a channel: planned by the creator, judged by everybody else.
#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cinttypes>
#include <cstring>
#include <string>

#include "channel_private.hpp"
#include "error.hpp"
#include "kinds.hpp"
#include "type_reader.hpp"

namespace rtlane::detail {
namespace {

constexpr std::uint64_t word_bytes = 8;
constexpr std::uint64_t max_stride_bytes = std::uint64_t{1} << 31;

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) noexcept
{
  return (value + unit - 1) / unit * unit;
}

// Small elements never straddle a cache line: sequence word and value travel together. The figures behind it
// are in channels/README.md.
std::uint64_t default_stride(std::uint64_t used, std::uint64_t align) noexcept
{
  return round_up(used <= 64 ? std::bit_ceil(used) : round_up(used, 64), align);
}

std::string layout_text(const std::vector<std::byte>& table)
{
  constexpr std::size_t limit = 640;  // two of them fit into an error sentence
  char text[limit];
  const std::int64_t length = rtlane_table_describe(table.data(), table.size(), text, sizeof text);
  std::string result = length < 0 ? "(damaged)" : text;
  if (length >= static_cast<std::int64_t>(limit))
    result += "...";
  return result;
}

// A wish within its range, or the default for who has none. False: the sentence is set.
bool choose(const KindRules& rules, const char* what, std::uint64_t wish, const Range& range,
            std::uint64_t& chosen) noexcept
{
  chosen = wish == 0 ? range.usual : wish;
  if (range.most == 0 && wish != 0)
    fail(EINVAL, "%s has no %s; %" PRIu64 " was asked for", rules.in_words, what, wish);
  else if (range.most != 0 && !range.holds(chosen))
    fail(EINVAL, "a %s of %" PRIu64 " for %s: %" PRIu64 " to %" PRIu64 " are possible", what, chosen, rules.in_words,
         range.least, range.most);
  else
    return true;
  return false;
}

Range quota_range(const KindRules& rules, const ChannelHeader& header) noexcept
{
  return rules.quota == nullptr ? Range{} : rules.quota(header);
}

Range frame_range(const KindRules& rules, const ChannelHeader& header) noexcept
{
  return rules.frame_bytes_max == nullptr ? Range{} : rules.frame_bytes_max(header);
}

Range mode_range(const KindRules& rules) noexcept
{
  return rules.modes == 0 ? Range{} : Range{1, rules.modes, 1};
}

// Every kind can have one.
constexpr Range doorbell_range{RTLANE_DOORBELL_NEVER, RTLANE_DOORBELL_IF_WAITING, RTLANE_DOORBELL_NEVER};

std::uint64_t unit_of_slots(const ChannelHeader& header) noexcept
{
  return std::max<std::uint64_t>(word_bytes, header.element_align);
}

// Where the element is in its slot.
std::uint64_t offset_of_value(const KindRules& rules, const ChannelHeader& header) noexcept
{
  return round_up(rules.slot_header_bytes, header.element_align);
}

int plan_slots(const KindRules& rules, const rtlane_channel_spec& spec, ChannelHeader& plan) noexcept
{
  if (rules.frames) {
    plan.slot_stride_bytes = 1;
    if (spec.slot_stride_bytes != 0)
      return fail(EINVAL, "%s has no slots: a stride of %" PRIu64 " bytes makes no sense", rules.in_words,
                  spec.slot_stride_bytes);
    return 0;
  }
  plan.value_offset = static_cast<std::uint32_t>(offset_of_value(rules, plan));
  const std::uint64_t used = plan.value_offset + plan.element_bytes;
  const std::uint64_t align = unit_of_slots(plan);
  plan.slot_stride_bytes = spec.slot_stride_bytes == 0 ? default_stride(used, align) : spec.slot_stride_bytes;
  if (plan.slot_stride_bytes < used || plan.slot_stride_bytes % align != 0 || plan.slot_stride_bytes > max_stride_bytes)
    return fail(EINVAL,
                "a slot stride of %" PRIu64 " bytes: it must be a multiple of %" PRIu64 ", at least %" PRIu64
                " (the slot's word and the element) and at most %" PRIu64,
                spec.slot_stride_bytes, align, used, max_stride_bytes);
  return 0;
}

}  // namespace

void copy_from_shared(void* to, const void* from, std::size_t bytes) noexcept
{
  const auto* words = static_cast<const Words*>(from);
  for (std::size_t i = 0; i < bytes / 8; ++i) {
    const std::uint64_t word = words[i].load(std::memory_order_relaxed);  // relaxed: the magic was acquired (H2)
    std::memcpy(static_cast<std::byte*>(to) + 8 * i, &word, sizeof word);
  }
}

int plan_header(const rtlane_channel_spec& spec, const std::vector<std::byte>& table, ChannelHeader& header) noexcept
{
  const KindRules& rules = *rules_of(spec.kind);
  ChannelHeader plan{};
  plan.layout_version = channel_layout_version;
  plan.kind = spec.kind;
  plan.capacity = spec.capacity == 0 ? rules.capacity.usual : spec.capacity;
  if (!rules.capacity.holds(plan.capacity))
    return fail(EINVAL, "a capacity of %" PRIu64 " %s for %s: %" PRIu64 " to %" PRIu64 " are possible", plan.capacity,
                rules.frames ? "bytes" : "elements", rules.in_words, rules.capacity.least, rules.capacity.most);
  plan.capacity = std::bit_ceil(plan.capacity);
  std::uint64_t participants = 0;
  std::uint64_t mode = 0;
  std::uint64_t doorbell = 0;
  if (!choose(rules, "number of participants", spec.participants, rules.participants, participants) ||
      !choose(rules, "mode", spec.mode, mode_range(rules), mode) ||
      !choose(rules, "doorbell", spec.doorbell, doorbell_range, doorbell))
    return -EINVAL;
  plan.participants = static_cast<std::uint32_t>(participants);
  plan.mode = static_cast<std::uint32_t>(mode);
  plan.doorbell = static_cast<std::uint32_t>(doorbell);
  if (!choose(rules, "quota", spec.quota, quota_range(rules, plan), plan.quota) ||
      !choose(rules, "longest frame", spec.frame_bytes_max, frame_range(rules, plan), plan.frame_bytes_max))
    return -EINVAL;
  if (spec.start_position != 0 && rules.start == nullptr)
    return fail(EINVAL, "%s starts at position 0; %" PRIu64 " was asked for", rules.in_words, spec.start_position);
  plan.start_position = spec.start_position;

  const TypeRecord element = TypeReader(table.data(), table.size()).type(0);
  plan.element_bytes = element.size_bytes;
  plan.element_align = element.align_bytes;
  if (plan.element_bytes > rules.element_bytes_max)
    return fail(EINVAL, "elements of %" PRIu64 " bytes: %s takes up to %" PRIu64, plan.element_bytes, rules.in_words,
                rules.element_bytes_max);
  if (const int result = plan_slots(rules, spec, plan); result < 0)
    return result;
  plan.table_offset = static_cast<std::uint32_t>(table_offset);
  plan.table_bytes = static_cast<std::uint32_t>(table.size());
  plan.type_hash = rtlane_table_hash(table.data(), table.size());
  Geometry geometry;
  if (!geometry_of(rules, plan, geometry))
    return fail(EINVAL, "%" PRIu64 " slots of %" PRIu64 " bytes are more than 2^47 bytes: ask for a smaller capacity",
                geometry.slot_count, plan.slot_stride_bytes);
  plan.slots_offset = geometry.slots_offset;
  plan.total_bytes = geometry.total_bytes;
  header = plan;
  return 0;
}

int check_header(const char* name, const ChannelHeader& header, std::uint64_t mapped_bytes, Geometry& geometry) noexcept
{
  const auto damaged = [&](const char* field, std::uint64_t value, const char* rule) {
    return fail(EBADMSG, "channel \"%s\" is damaged: its header says %s = %" PRIu64 ", which must be %s", name, field,
                value, rule);
  };
  if (header.layout_version != channel_layout_version)
    return fail(EPROTO,
                "channel \"%s\" has layout version %u; this library knows version %u: use the same release "
                "of rtlane in both programs",
                name, header.layout_version, channel_layout_version);
  const KindRules* known = rules_of(header.kind);
  if (known == nullptr)
    return fail(EPROTO,
                "channel \"%s\" is of kind %u, which this library does not know: a newer release made it, or "
                "its header is damaged",
                name, header.kind);
  const KindRules& rules = *known;
  if (!std::has_single_bit(header.capacity) || !rules.capacity.holds(header.capacity))
    return damaged("capacity", header.capacity, "a power of two within the kind's limits");
  if (!rules.participants.holds(header.participants))
    return damaged("participants", header.participants, "within the kind's limits");
  if (!mode_range(rules).holds(header.mode))
    return damaged("mode", header.mode, "one that the kind has");
  if (!doorbell_range.holds(header.doorbell))
    return damaged("doorbell", header.doorbell, "enum rtlane_channel_doorbell");
  if (!quota_range(rules, header).holds(header.quota))
    return damaged("quota", header.quota, "within the mode's limits");
  if (!frame_range(rules, header).holds(header.frame_bytes_max))
    return damaged("frame_bytes_max", header.frame_bytes_max, "a length that fits into the capacity");
  if (header.start_position != 0 && rules.start == nullptr)
    return damaged("start_position", header.start_position, "0");
  if (header.reserved_bits != 0 || header.reserved != 0)
    return damaged("reserved", header.reserved_bits | header.reserved, "0");
  if (header.element_bytes == 0 || header.element_bytes > rules.element_bytes_max)
    return damaged("element_bytes", header.element_bytes, "1 to the kind's limit");
  if (!std::has_single_bit(header.element_align) || header.element_align > max_element_align)
    return damaged("element_align", header.element_align, "a power of two up to 128");
  if (header.value_offset != offset_of_value(rules, header))
    return damaged("value_offset", header.value_offset, "the first aligned place after the slot's word");
  if (rules.frames && header.slot_stride_bytes != 1)
    return damaged("slot_stride_bytes", header.slot_stride_bytes, "1");
  if (!rules.frames &&
      (header.slot_stride_bytes < header.value_offset + header.element_bytes ||
       header.slot_stride_bytes % unit_of_slots(header) != 0 || header.slot_stride_bytes > max_stride_bytes))
    return damaged("slot_stride_bytes", header.slot_stride_bytes, "an aligned size with room for the element");
  if (header.table_offset != table_offset)
    return damaged("table_offset", header.table_offset, "512");
  if (header.table_bytes < sizeof(TypeTableHeader) || header.table_bytes % 8 != 0 || header.table_bytes > mapped_bytes)
    return damaged("table_bytes", header.table_bytes, "the size of the field table");
  const bool possible = geometry_of(rules, header, geometry);
  if (header.slots_offset != geometry.slots_offset)
    return damaged("slots_offset", header.slots_offset, "the first multiple of 128 after table and control area");
  if (!possible || header.total_bytes != geometry.total_bytes)
    return damaged("total_bytes", header.total_bytes, "the end of the last slot");
  if (header.total_bytes > mapped_bytes)
    return fail(EBADMSG, "channel \"%s\" is damaged: its header says %" PRIu64 " bytes, the object has %" PRIu64, name,
                header.total_bytes, mapped_bytes);
  return 0;
}

int compare_with_spec(const char* name, const ChannelHeader& found, const std::vector<std::byte>& found_table,
                      const rtlane_channel_spec& spec, const std::vector<std::byte>& wanted_table)
{
  const KindRules& rules = *rules_of(found.kind);
  if (spec.kind != RTLANE_CHANNEL_ANY && found.kind != spec.kind)
    return fail(EPROTOTYPE, "channel \"%s\" is %s, %s was asked for", name, rules.in_words,
                rules_of(spec.kind)->in_words);
  if (spec.type != nullptr && found_table != wanted_table) {
    char difference[512];
    rtlane_table_difference(found_table.data(), found_table.size(), wanted_table.data(), wanted_table.size(),
                            difference, sizeof difference);
    return fail(EPROTOTYPE,
                "channel \"%s\" holds another type: %s. There: %s. Here: %s. Build both programs with the same "
                "definition, or use another name",
                name, difference, layout_text(found_table).c_str(), layout_text(wanted_table).c_str());
  }
  if (spec.capacity != 0 && std::bit_ceil(spec.capacity) != found.capacity)
    return fail(ERANGE,
                "channel \"%s\" exists with a capacity of %" PRIu64 " %s, %" PRIu64
                " was asked for: ask for the same, or open it with any capacity",
                name, found.capacity, rules.frames ? "bytes" : "elements", std::bit_ceil(spec.capacity));
  const struct {
    const char* what;
    const char* unit;
    std::uint64_t wished;
    std::uint64_t found;
  } numbers[] = {
      {"a slot stride", " bytes", spec.slot_stride_bytes, found.slot_stride_bytes},
      {"a number of participants", "", spec.participants, found.participants},
      {"a mode", "", spec.mode, found.mode},
      {"a doorbell", "", spec.doorbell, found.doorbell},
      {"a quota", " slots", spec.quota, found.quota},
      {"a longest frame", " bytes", spec.frame_bytes_max, found.frame_bytes_max},
  };
  for (const auto& number : numbers) {
    if (number.wished != 0 && number.wished != number.found)
      return fail(ERANGE,
                  "channel \"%s\" exists with %s of %" PRIu64 "%s, %" PRIu64
                  " was asked for: ask for the same, or for 0 to take it as found",
                  name, number.what, number.found, number.unit, number.wished);
  }
  return 0;
}

void write_channel(std::byte* base, const ChannelHeader& header, const std::vector<std::byte>& table) noexcept
{
  std::array<std::uint64_t, table_offset / word_bytes> start{};
  std::memcpy(start.data(), &header, sizeof header);
  auto* words = reinterpret_cast<Words*>(base);
  for (std::size_t i = 1; i < start.size(); ++i)          // without the magic
    words[i].store(start[i], std::memory_order_relaxed);  // relaxed: an opener looks whether all is zero, before H1
  std::memset(base + table_offset, 0, header.slots_offset - table_offset);  // nobody reads the rest before H1
  std::memcpy(base + table_offset, table.data(), table.size());
  if (header.start_position != 0)
    rules_of(header.kind)->start(header, base);
}

}  // namespace rtlane::detail
