#include "handle_table.hpp"

#include <cerrno>
#include <cinttypes>

#include "border.hpp"
#include "error.hpp"
#include "process.hpp"

namespace rtlane::detail {
namespace {

// Slots rest before they are used again, so that stale values meet a closed slot rather than a new object.
constexpr std::size_t resting_slots = 256;

constexpr std::size_t index_of(rtlane_handle handle) noexcept
{
  return (handle & 0xffff) >> 2;
}

constexpr std::uint64_t generation_bits(std::uint32_t generation) noexcept
{
  return std::uint64_t{generation} << 48;
}

}  // namespace

HandleTable::~HandleTable()
{
  for (std::atomic<Slot*>& chunk : chunks_)
    delete[] chunk.load(std::memory_order_relaxed);  // relaxed: nobody else is left
}

int HandleTable::check_room(std::uint32_t limit) const noexcept
{
  // A slot that is closed and still pinned takes room too, but only at the table's own end.
  if (open_ < limit && used_ < handles_max)
    return 0;
  return fail(EMFILE,
              "all %" PRIu32
              " handles of this process are in use: close some, or raise RTLANE_MAX_HANDLES (at most %" PRIu32 ")",
              limit, handles_max);
}

HandleTable::Slot& HandleTable::slot_at(std::size_t index) const noexcept
{
  // relaxed: inside Process::enter(), as are the stores
  return chunks_[index / chunk_slots].load(std::memory_order_relaxed)[index % chunk_slots];
}

rtlane_handle HandleTable::add(std::shared_ptr<HandleTarget> target, bool read_only)
{
  std::size_t index = 0;
  if (slot_count_ - used_ > resting_slots || slot_count_ >= handles_max) {
    index = oldest_free_;
    oldest_free_ = slot_at(index).next;
  } else {
    index = slot_count_;
    if (index % chunk_slots == 0)
      chunks_[index / chunk_slots].store(new Slot[chunk_slots], std::memory_order_release);  // T4, pairs with T5
    slot_at(index).index = static_cast<std::uint16_t>(index);
    ++slot_count_;
  }
  Slot& slot = slot_at(index);
  ++target->open_handles_;
  slot.target = std::move(target);
  slot.read_only = read_only;
  ++used_;
  ++open_;
  slot.state.store(generation_bits(slot.generation) | open_bit, std::memory_order_release);  // T1, pairs with T2
  return static_cast<rtlane_handle>(slot.generation) << 16 | static_cast<rtlane_handle>(index << 2);
}

HandleTable::Slot* HandleTable::find(rtlane_handle handle) const noexcept
{
  const std::size_t index = index_of(handle);
  if ((handle & 3) != 0 || index >= handles_max)
    return nullptr;
  Slot* const chunk = chunks_[index / chunk_slots].load(std::memory_order_acquire);  // T5, pairs with T4
  return chunk != nullptr ? &chunk[index % chunk_slots] : nullptr;
}

HandleTable::Pin HandleTable::pin(rtlane_handle handle) noexcept
{
  if (Slot* const slot = find(handle)) {
    const std::uint64_t wanted = generation_bits(handle >> 16) | open_bit;
    std::uint64_t state = slot->state.load(std::memory_order_relaxed);  // relaxed: the exchange below acquires
    while ((state & ~pins_mask) == wanted) {
      if (slot->state.compare_exchange_weak(state, state + 1, std::memory_order_acquire,  // T2, pairs with T1
                                            std::memory_order_relaxed))                   // relaxed: tried again
        return Pin(*this, *slot);
    }
  }
  fail_handle(handle);
  return {};
}

void HandleTable::unpin(Slot& slot) noexcept
{
  const std::uint64_t state = slot.state.fetch_sub(1, std::memory_order_acq_rel) - 1;  // T3, pairs with T3
  if ((state & (open_bit | pins_mask)) != 0)
    return;
  // Here what is waited for ends: the only part of a wait or a signal in which the system could cancel a thread.
  const NoCancellation not_now;
  Process& process = Process::instance();
  const auto alone = process.enter();
  process.retire(take_out(slot));
}

int HandleTable::remove(rtlane_handle handle, std::shared_ptr<HandleTarget>& ended,
                        std::shared_ptr<HandleTarget>* waited) noexcept
{
  Slot* const slot = find(handle);
  const std::uint64_t wanted = generation_bits(handle >> 16) | open_bit;
  // relaxed: only calls inside Process::enter() open and close
  if (slot == nullptr || (slot->state.load(std::memory_order_relaxed) & ~pins_mask) != wanted)
    return fail_handle(handle);
  --open_;
  const bool last = --slot->target->open_handles_ == 0;
  if (last && waited != nullptr && slot->target->waitable() != nullptr)
    *waited = slot->target;
  const std::uint64_t before = slot->state.fetch_and(~open_bit, std::memory_order_acq_rel);  // T3, pairs with T3
  if ((before & pins_mask) == 0)
    ended = take_out(*slot);
  return 0;
}

std::shared_ptr<HandleTarget> HandleTable::take_out(Slot& slot) noexcept
{
  std::shared_ptr<HandleTarget> target = std::move(slot.target);
  slot.target = nullptr;
  slot.generation = slot.generation == UINT16_MAX ? 1 : static_cast<std::uint16_t>(slot.generation + 1);
  slot.next = no_slot;
  (oldest_free_ == no_slot ? oldest_free_ : slot_at(newest_free_).next) = slot.index;
  newest_free_ = slot.index;
  --used_;
  return target;
}

void HandleTable::forget_pins_in_fork_child() noexcept
{
  for (std::size_t index = 0; index < slot_count_; ++index) {
    Slot& slot = slot_at(index);
    const std::uint64_t state = slot.state.load(std::memory_order_relaxed);  // relaxed: one thread is left
    slot.state.store(state & ~pins_mask, std::memory_order_relaxed);         // relaxed: as above
    // Closed by the parent while a thread of its had it pinned: nobody here will ask for it any more. Its end may wait
    // for other processes, which is no business of a fork: it is kept for as long as this process lives.
  }
}

int HandleTable::fail_handle(rtlane_handle handle) noexcept
{
  return fail(EBADF, "0x%08" PRIx32 " is no open handle of this process", handle);
}

}  // namespace rtlane::detail
