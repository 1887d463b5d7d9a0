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
#include "type_reader.hpp"

namespace rtlane::detail {
namespace {

constexpr std::uint64_t seq_bytes = 8;
constexpr std::uint64_t max_total_bytes = std::uint64_t{1} << 47;
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
  if (spec.capacity == 0 || spec.capacity > max_capacity)
    return fail(EINVAL, "a capacity of %" PRIu64 " elements: 1 to %" PRIu64 " are possible", spec.capacity,
                max_capacity);
  const TypeRecord element = TypeReader(table.data(), table.size()).type(0);
  ChannelHeader plan{};
  plan.layout_version = channel_layout_version;
  plan.kind = spec.kind;
  plan.capacity = std::bit_ceil(spec.capacity);
  plan.element_bytes = element.size_bytes;
  plan.element_align = element.align_bytes;
  plan.value_offset = static_cast<std::uint32_t>(std::max<std::uint64_t>(seq_bytes, element.align_bytes));
  const std::uint64_t used = plan.value_offset + plan.element_bytes;
  const std::uint64_t align = std::max<std::uint64_t>(seq_bytes, element.align_bytes);
  plan.slot_stride_bytes = spec.slot_stride_bytes == 0 ? default_stride(used, align) : spec.slot_stride_bytes;
  if (plan.slot_stride_bytes < used || plan.slot_stride_bytes % align != 0 || plan.slot_stride_bytes > max_stride_bytes)
    return fail(EINVAL,
                "a slot stride of %" PRIu64 " bytes: it must be a multiple of %" PRIu64 ", at least %" PRIu64
                " (sequence word and element) and at most %" PRIu64,
                spec.slot_stride_bytes, align, used, max_stride_bytes);
  plan.table_offset = static_cast<std::uint32_t>(table_offset);
  plan.table_bytes = static_cast<std::uint32_t>(table.size());
  plan.type_hash = rtlane_table_hash(table.data(), table.size());
  plan.slots_offset = round_up(table_offset + table.size(), cache_line_bytes);
  plan.start_position = spec.start_position;
  // No overflow: the capacity has up to 41 bits, but the stride may have 32.
  std::uint64_t slots_bytes = 0;
  if (__builtin_mul_overflow(plan.capacity, plan.slot_stride_bytes, &slots_bytes) ||
      slots_bytes > max_total_bytes - plan.slots_offset)
    return fail(EINVAL, "%" PRIu64 " slots of %" PRIu64 " bytes are more than 2^47 bytes: ask for a smaller capacity",
                plan.capacity, plan.slot_stride_bytes);
  plan.total_bytes = plan.slots_offset + slots_bytes;
  header = plan;
  return 0;
}

int check_header(const char* name, const ChannelHeader& header, std::uint64_t mapped_bytes) noexcept
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
  if (header.kind != RTLANE_CHANNEL_SPSC_RING)
    return fail(EPROTO,
                "channel \"%s\" is of kind %u, which this library does not know: a newer release made it, or "
                "its header is damaged",
                name, header.kind);
  if (!std::has_single_bit(header.capacity) || header.capacity > max_capacity)
    return damaged("capacity", header.capacity, "a power of two up to 2^40");
  if (header.element_bytes == 0 || header.element_bytes > RTLANE_TYPE_MAX_BYTES)
    return damaged("element_bytes", header.element_bytes, "1 to 2^30");
  if (!std::has_single_bit(header.element_align) || header.element_align > max_element_align)
    return damaged("element_align", header.element_align, "a power of two up to 128");
  if (header.value_offset != std::max<std::uint64_t>(seq_bytes, header.element_align))
    return damaged("value_offset", header.value_offset, "8 or the element's alignment, whichever is larger");
  const std::uint64_t align = std::max<std::uint64_t>(seq_bytes, header.element_align);
  if (header.slot_stride_bytes < header.value_offset + header.element_bytes || header.slot_stride_bytes % align != 0 ||
      header.slot_stride_bytes > max_stride_bytes)
    return damaged("slot_stride_bytes", header.slot_stride_bytes, "an aligned size with room for the element");
  if (header.table_offset != table_offset)
    return damaged("table_offset", header.table_offset, "512");
  if (header.table_bytes < sizeof(TypeTableHeader) || header.table_bytes % 8 != 0 || header.table_bytes > mapped_bytes)
    return damaged("table_bytes", header.table_bytes, "the size of the field table");
  if (header.slots_offset != round_up(table_offset + header.table_bytes, cache_line_bytes))
    return damaged("slots_offset", header.slots_offset, "the first multiple of 128 after the field table");
  std::uint64_t slots_bytes = 0;
  if (__builtin_mul_overflow(header.capacity, header.slot_stride_bytes, &slots_bytes) ||
      slots_bytes > max_total_bytes || header.total_bytes != header.slots_offset + slots_bytes)
    return damaged("total_bytes", header.total_bytes, "the end of the last slot");
  if (header.total_bytes > mapped_bytes)
    return fail(EBADMSG, "channel \"%s\" is damaged: its header says %" PRIu64 " bytes, the object has %" PRIu64, name,
                header.total_bytes, mapped_bytes);
  return 0;
}

int compare_with_spec(const char* name, const ChannelHeader& found, const std::vector<std::byte>& found_table,
                      const rtlane_channel_spec& spec, const std::vector<std::byte>& wanted_table)
{
  if (found.kind != spec.kind)
    return fail(EPROTOTYPE, "channel \"%s\" is of kind %u, kind %u was asked for", name, found.kind, spec.kind);
  if (!wanted_table.empty() && found_table != wanted_table) {
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
                "channel \"%s\" exists with a capacity of %" PRIu64 " elements, %" PRIu64
                " was asked for: ask for the same, or open it with any capacity",
                name, found.capacity, std::bit_ceil(spec.capacity));
  if (spec.slot_stride_bytes != 0 && spec.slot_stride_bytes != found.slot_stride_bytes)
    return fail(ERANGE, "channel \"%s\" exists with a slot stride of %" PRIu64 " bytes, %" PRIu64 " was asked for",
                name, found.slot_stride_bytes, spec.slot_stride_bytes);
  return 0;
}

void write_channel(std::byte* base, const ChannelHeader& header, const std::vector<std::byte>& table) noexcept
{
  // An SPSC ring starts where its head is; see spsc_core.hpp for the words (head, peeked_until).
  constexpr std::size_t word_bytes = sizeof(std::uint64_t);
  std::array<std::uint64_t, table_offset / word_bytes> start{};
  std::memcpy(start.data(), &header, sizeof header);
  start[consumer_line_offset / word_bytes] = header.start_position;
  start[consumer_line_offset / word_bytes + 1] = header.start_position;
  auto* words = reinterpret_cast<Words*>(base);
  for (std::size_t i = 1; i < start.size(); ++i)          // without the magic
    words[i].store(start[i], std::memory_order_relaxed);  // relaxed: an opener looks whether all is zero, before H1
  std::memset(base + table_offset, 0, header.slots_offset - table_offset);  // nobody reads the rest before H1
  std::memcpy(base + table_offset, table.data(), table.size());
}

}  // namespace rtlane::detail
