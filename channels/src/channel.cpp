// Making and opening channels.
//
// Who writes the header is decided by lease RTLANE_ROLE_INITIALIZER, not by who created the object and
// not by a time-out: whoever holds it and finds no finished channel in fresh memory writes one. A maker
// that died has lost the lease, and the next one starts over. Waiting is bounded, and its end is an
// error, never a repair.
//
// Ordering
//   U1 references, release -> U1 references, acquire   the last to let go sees what the others did before
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstring>
#include <new>

#include "channel_private.hpp"
#include "error.hpp"
#include "room.hpp"
#include "type_reader.hpp"

rtlane_channel::~rtlane_channel()
{
  if (handle != 0)
    rtlane_close(handle);
}

namespace rtlane::detail {
namespace {

using Channel = std::unique_ptr<rtlane_channel>;

Words& magic_of(std::byte* base) noexcept
{
  return *reinterpret_cast<Words*>(base);
}

// The wait for another process that is making the channel.
class Patience {
public:
  explicit Patience(std::int64_t limit_ms) noexcept : end_ms_(now_ms() + limit_ms) {}

  // False when it is used up.
  [[nodiscard]] bool pause() const noexcept
  {
    if (now_ms() >= end_ms_)
      return false;
    const timespec millisecond{0, 1'000'000};
    nanosleep(&millisecond, nullptr);
    return true;
  }

private:
  static std::int64_t now_ms() noexcept
  {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
  }

  std::int64_t end_ms_;
};

class Lease {
public:
  // 0, -EBUSY ...
  int acquire(rtlane_handle handle, std::uint32_t index) noexcept
  {
    return rtlane_lease_acquire(handle, index, &lease_);
  }
  ~Lease() { rtlane_lease_release(&lease_); }
  Lease() = default;
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

private:
  rtlane_lease lease_{};
};

bool all_zero(const std::byte* bytes, std::size_t count) noexcept
{
  return std::all_of(bytes, bytes + count, [](std::byte byte) { return byte == std::byte{0}; });
}

int check_spec(const char* name, const rtlane_channel_spec* spec, rtlane_channel** channel) noexcept
{
  if (spec == nullptr || channel == nullptr)
    return fail(EINVAL, "the %s of a channel is NULL", spec == nullptr ? "spec" : "output parameter");
  if (spec->struct_size != sizeof(rtlane_channel_spec))
    return fail(EINVAL,
                "struct rtlane_channel_spec has struct_size %u, %zu expected: start from "
                "RTLANE_CHANNEL_SPEC_INIT",
                spec->struct_size, sizeof(rtlane_channel_spec));
  if (spec->kind != RTLANE_CHANNEL_ANY && rules_of(spec->kind) == nullptr)
    return fail(EINVAL, "%u is no kind of channel", spec->kind);
  if (spec->reserved != 0)
    return fail(EINVAL, "the reserved field of struct rtlane_channel_spec is %u, not 0", spec->reserved);
  if (name == nullptr || *name == '\0')
    return fail(EINVAL, "a channel needs a name; for threads of one process there is in_memory");
  return 0;
}

// As check_spec, of a channel that is to be made.
int check_wish(const char* name, const rtlane_channel_spec* spec, rtlane_channel** channel) noexcept
{
  if (int result = check_spec(name, spec, channel); result < 0)
    return result;
  if (spec->kind == RTLANE_CHANNEL_ANY)
    return fail(EINVAL, "channel \"%s\" is to be created without a kind: say which", name);
  if (spec->type == nullptr && !rules_of(spec->kind)->frames)
    return fail(EINVAL, "channel \"%s\" is to be created without a type: describe its element", name);
  return 0;
}

// Frames are bytes unless somebody says more.
const rtlane_type& type_of_bytes() noexcept
{
  static const rtlane_field byte{"byte", "", RTLANE_FIELD_UINT, 1, 0, 1, nullptr, nullptr, 0};
  static const rtlane_type bytes{"Bytes", 1, 1, &byte, 1};
  return bytes;
}

int table_of(const rtlane_channel_spec& spec, std::vector<std::byte>& table)
{
  return serialize_type(spec.type == nullptr ? type_of_bytes() : *spec.type, table);
}

// Takes over what is in the object: copies and checks header and table.
int adopt(rtlane_channel& channel, const rtlane_channel_spec& spec, const std::vector<std::byte>& wanted,
          std::uint64_t mapped_bytes)
{
  const char* name = channel.name.c_str();
  copy_from_shared(&channel.header, channel.base, sizeof channel.header);
  if (int result = check_header(name, channel.header, mapped_bytes, channel.geometry); result < 0)
    return result;
  channel.table.resize(channel.header.table_bytes);
  copy_from_shared(channel.table.data(), channel.base + channel.header.table_offset, channel.table.size());
  if (rtlane_table_check(channel.table.data(), channel.table.size()) < 0) {
    const std::string why = rtlane_error_message();
    return fail(EBADMSG, "channel \"%s\" is damaged: %s", name, why.c_str());
  }
  const TypeRecord element = TypeReader(channel.table.data(), channel.table.size()).type(0);
  if (element.size_bytes != channel.header.element_bytes || element.align_bytes != channel.header.element_align ||
      rtlane_table_hash(channel.table.data(), channel.table.size()) != channel.header.type_hash)
    return fail(EBADMSG, "channel \"%s\" is damaged: its header and its field table do not belong together", name);
  return compare_with_spec(name, channel.header, channel.table, spec, wanted);
}

int facts_of(rtlane_handle handle, rtlane_shm_certificate& facts) noexcept
{
  facts.struct_size = sizeof facts;
  return rtlane_shm_info(handle, &facts);
}

int not_a_channel(const char* name) noexcept
{
  return fail(ENOMSG,
              "object \"%s\" exists but holds no channel: it is shared memory of another use; take another "
              "name",
              name);
}

int still_being_made(const char* name) noexcept
{
  return fail(EAGAIN,
              "channel \"%s\" is still being made by a process that holds it: try again, or see what keeps "
              "that process from running",
              name);
}

constexpr std::int64_t maker_patience_ms = 2000;  // somebody alive is at it
constexpr std::int64_t gap_patience_ms = 50;      // nobody is: a maker between two calls, or plain shared memory

// Called with the initializer's lease held. 1 = finished by somebody before, 0 = finished now.
int make(rtlane_channel& channel, const ChannelHeader& plan, const std::vector<std::byte>& table,
         std::uint64_t size_bytes) noexcept
{
  Words& magic = magic_of(channel.base);
  const std::uint64_t found = magic.load(std::memory_order_acquire);  // H2, pairs with H1
  if (found == channel_magic)
    return 1;
  if (found != 0 && found != channel_in_the_making)
    return not_a_channel(channel.name.c_str());
  if (size_bytes != plan.total_bytes)
    return fail(ERANGE,
                "object \"%s\" has %" PRIu64 " bytes and no channel yet, %" PRIu64
                " are needed: it is no channel, or a process that wanted another size died while making it; close it "
                "everywhere or take another name",
                channel.name.c_str(), size_bytes, plan.total_bytes);
  if (found == 0 && !all_zero(channel.base, plan.slots_offset))
    return not_a_channel(channel.name.c_str());
  magic.store(channel_in_the_making, std::memory_order_relaxed);  // relaxed: a mark for the next holder of the lease
  std::atomic_signal_fence(std::memory_order_seq_cst);            // which a kill must not find missing
  // The dead maker's table may have been longer, and lie where our first slots are.
  if (found == channel_in_the_making)
    std::memset(channel.base + plan.slots_offset, 0, plan.total_bytes - plan.slots_offset);
  write_channel(channel.base, plan, table);
  magic.store(channel_magic, std::memory_order_release);  // H1, pairs with H2
  return 0;
}

// Until the channel is finished, by us or by others. 0 = by us, 1 = by others.
int make_or_wait(rtlane_channel& channel, const rtlane_channel_spec& spec, const std::vector<std::byte>& table,
                 std::uint64_t size_bytes) noexcept
{
  const Patience patience(maker_patience_ms);
  while (magic_of(channel.base).load(std::memory_order_acquire) != channel_magic) {  // H2, pairs with H1
    ChannelHeader plan{};
    if (int result = plan_header(spec, table, plan); result < 0)
      return result;
    Lease lease;
    const int taken = lease.acquire(channel.handle, RTLANE_ROLE_INITIALIZER);
    if (taken == 0)
      return make(channel, plan, table, size_bytes);
    if (taken != -EBUSY)
      return taken;
    if (!patience.pause())
      return still_being_made(channel.name.c_str());
  }
  return 1;
}

// Whether memory that somebody may be writing reads as zero. Both 8-byte aligned.
bool reads_zero(const std::byte* bytes, std::uint64_t count) noexcept
{
  const auto* words = reinterpret_cast<const Words*>(bytes);
  // relaxed: whoever finds something else asks again who is at it
  return std::all_of(words, words + count / sizeof(Words),
                     [](const Words& word) { return word.load(std::memory_order_relaxed) == 0; });
}

// What an opener says of memory without magic that nobody is making a channel of, when it has waited.
int nobody_makes_it(const rtlane_channel& channel, const rtlane_channel_spec& spec) noexcept
{
  const char* name = channel.name.c_str();
  // Who takes any type looks at any object: at this moment it holds no channel. Who names a type is told to try again.
  if (spec.type == nullptr)
    return not_a_channel(name);
  return fail(EAGAIN,
              "object \"%s\" is all zero: either its maker has not begun to write the channel (it may be stopped, or "
              "have died; create() finishes it), or it is shared memory of another use. Try again, or create it",
              name);
}

// Who is at it is asked after the magic was read, and the answer holds only if the magic is still the same: a maker may
// have come, finished and gone in between.
int wait_until_made(const rtlane_channel& channel, const rtlane_channel_spec& spec) noexcept
{
  const Words& magic = magic_of(channel.base);
  const Patience maker(maker_patience_ms);
  Patience gap(gap_patience_ms);  // from the last sign of somebody at it
  while (true) {
    const std::uint64_t found = magic.load(std::memory_order_acquire);  // H2, pairs with H1
    if (found == channel_magic)
      return 0;
    if (found != 0 && found != channel_in_the_making)
      return not_a_channel(channel.name.c_str());
    const bool zero = found != 0 || reads_zero(channel.base, table_offset);
    const int held = rtlane_lease_held(channel.handle, RTLANE_ROLE_INITIALIZER);
    if (held < 0)
      return held;
    if (held == 1 || magic.load(std::memory_order_relaxed) != found) {  // relaxed: it is read again
      gap = Patience(gap_patience_ms);
      if (!maker.pause())
        return still_being_made(channel.name.c_str());
      continue;
    }
    if (!zero)
      return not_a_channel(channel.name.c_str());
    if (!gap.pause())
      return found == 0 ? nobody_makes_it(channel, spec)
                        : fail(EAGAIN, "channel \"%s\" was left half made by a process that died: create() finishes it",
                               channel.name.c_str());
  }
}

Channel new_channel(const char* name)
{
  Channel channel(new rtlane_channel);
  channel->name = name;
  return channel;
}

int no_memory() noexcept
{
  return fail(ENOMEM, "no memory for a channel's administration");
}

}  // namespace
}  // namespace rtlane::detail

using namespace rtlane::detail;

int rtlane_channel_create(const char* name, const rtlane_channel_spec* spec, const rtlane_shm_options* options,
                          rtlane_channel** channel) noexcept
try {
  if (int result = check_wish(name, spec, channel); result < 0)
    return result;
  if (options != nullptr && options->struct_size == sizeof *options && options->read_only != 0)
    return fail(EINVAL, "channel \"%s\" cannot be created read-only: open it", name);
  std::vector<std::byte> table;
  if (int result = table_of(*spec, table); result < 0)
    return result;
  rtlane::ChannelHeader plan{};
  if (int result = plan_header(*spec, table, plan); result < 0)
    return result;

  Channel made = new_channel(name);
  void* address = nullptr;
  if (int result = rtlane_shm_create(name, plan.total_bytes, options, &made->handle, &address); result < 0)
    return result;
  made->base = static_cast<std::byte*>(address);
  rtlane_shm_certificate facts{};
  if (int result = facts_of(made->handle, facts); result < 0)
    return result;
  if (std::min(facts.size_bytes, facts.mapped_bytes) < rtlane::table_offset)
    return not_a_channel(name);
  const int result = make_or_wait(*made, *spec, table, facts.size_bytes);
  if (result < 0)
    return result;
  if (int problem = adopt(*made, *spec, table, facts.mapped_bytes); problem < 0)
    return problem;
  made->created = result == 0;
  *channel = made.release();
  return result;
} catch (...) {
  return no_memory();
}

int rtlane_channel_open(const char* name, const rtlane_channel_spec* spec, const rtlane_shm_options* options,
                        rtlane_channel** channel) noexcept
try {
  if (int result = check_spec(name, spec, channel); result < 0)
    return result;
  if (spec->capacity > rtlane::max_capacity)
    return fail(EINVAL, "a capacity of %" PRIu64 ": no channel has more than %" PRIu64 "; 0 opens any", spec->capacity,
                rtlane::max_capacity);
  std::vector<std::byte> table;
  if (int result = table_of(*spec, table); result < 0)
    return result;

  Channel opened = new_channel(name);
  void* address = nullptr;
  if (int result = rtlane_shm_open(name, options, &opened->handle, &address); result < 0)
    return result;
  opened->base = static_cast<std::byte*>(address);
  rtlane_shm_certificate facts{};
  if (int result = facts_of(opened->handle, facts); result < 0)
    return result;
  opened->read_only = facts.read_only != 0;
  if (std::min(facts.size_bytes, facts.mapped_bytes) < rtlane::table_offset)
    return not_a_channel(name);
  if (int result = wait_until_made(*opened, *spec); result < 0)
    return result;
  if (int result = adopt(*opened, *spec, table, facts.mapped_bytes); result < 0)
    return result;
  *channel = opened.release();
  return 0;
} catch (...) {
  return no_memory();
}

int rtlane_channel_in_memory(const rtlane_channel_spec* spec, rtlane_channel** channel) noexcept
try {
  if (int result = check_wish("(private memory)", spec, channel); result < 0)
    return result;
  std::vector<std::byte> table;
  if (int result = table_of(*spec, table); result < 0)
    return result;
  rtlane::ChannelHeader plan{};
  if (int result = plan_header(*spec, table, plan); result < 0)
    return result;
  Channel made = new_channel("(private memory)");
  const std::uint64_t bytes = (plan.total_bytes + 4095) / 4096 * 4096;
  // Over a cgroup's limit the kernel kills at the first touch instead of refusing here.
  if (int result = check_private_room(bytes); result < 0)
    return result;
  made->private_memory.reset(static_cast<std::byte*>(std::aligned_alloc(4096, bytes)));
  if (made->private_memory == nullptr)
    return fail(ENOMEM, "no memory for a channel of %" PRIu64 " bytes", bytes);
  made->base = made->private_memory.get();
  std::memset(made->base, 0, bytes);  // also the first touch of every page
  write_channel(made->base, plan, table);
  magic_of(made->base).store(rtlane::channel_magic, std::memory_order_release);  // H1, pairs with H2
  plan.magic = rtlane::channel_magic;
  made->header = plan;
  geometry_of(*rules_of(plan.kind), plan, made->geometry);  // possible: it was planned
  made->table = std::move(table);
  made->created = true;
  *channel = made.release();
  return 0;
} catch (...) {
  return no_memory();
}

rtlane_channel* rtlane_channel_ref(rtlane_channel* channel) noexcept
{
  if (channel != nullptr)
    channel->references.fetch_add(1, std::memory_order_relaxed);  // relaxed: whoever adds one has one
  return channel;
}

void rtlane_channel_unref(rtlane_channel* channel) noexcept
{
  if (channel != nullptr && channel->references.fetch_sub(1, std::memory_order_acq_rel) == 1)  // U1, pairs with U1
    delete channel;
}

int rtlane_channel_get_layout(const rtlane_channel* channel, struct rtlane_channel_layout* layout) noexcept
{
  if (channel == nullptr || layout == nullptr || layout->struct_size != sizeof *layout)
    return fail(EINVAL, "rtlane_channel_get_layout: NULL, or struct_size is not %zu", sizeof *layout);
  const rtlane::ChannelHeader& header = channel->header;
  const Geometry& geometry = channel->geometry;
  *layout = {
      .struct_size = sizeof *layout,
      .kind = header.kind,
      .base = channel->base,
      .total_bytes = geometry.total_bytes,
      .capacity = header.capacity,
      .doorbell_offset = geometry.doorbell_offset,
      .control_offset = geometry.control_offset,
      .control_bytes = geometry.control_bytes,
      .slots_offset = geometry.slots_offset,
      .slot_count = geometry.slot_count,
      .slot_stride_bytes = header.slot_stride_bytes,
      .value_offset = header.value_offset,
      .element_bytes = header.element_bytes,
      .element_align = header.element_align,
      .type_hash = header.type_hash,
      .start_position = header.start_position,
      .frame_bytes_max = header.frame_bytes_max,
      .quota = header.quota,
      .participants = header.participants,
      .mode = header.mode,
      .doorbell = header.doorbell,
      .created = channel->created ? 1u : 0u,
      .read_only = channel->read_only ? 1u : 0u,
      .reserved = 0,
  };
  return 0;
}

rtlane_handle rtlane_channel_handle(const rtlane_channel* channel) noexcept
{
  return channel == nullptr ? 0 : channel->handle;
}

const void* rtlane_channel_table(const rtlane_channel* channel, size_t* table_bytes) noexcept
{
  if (channel == nullptr)
    return nullptr;
  if (table_bytes != nullptr)
    *table_bytes = channel->table.size();
  return channel->table.data();
}
