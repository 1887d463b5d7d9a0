#include "handle_table.hpp"

#include <cerrno>
#include <cinttypes>
#include <utility>

#include "error.hpp"

namespace rtlane::detail {
namespace {

// Slots rest before they are used again, so that stale values meet a closed slot rather than a new object.
constexpr std::size_t resting_slots = 256;

constexpr std::size_t index_of(rtlane_handle handle) noexcept
{
  return (handle & 0xffff) >> 2;
}

}  // namespace

int HandleTable::check_room(std::uint32_t limit) noexcept
{
  const std::lock_guard guard(mutex_);
  if (used_ < limit)
    return 0;
  return fail(EMFILE,
              "all %" PRIu32
              " handles of this process are in use: close some, or raise RTLANE_MAX_HANDLES (at most %" PRIu32 ")",
              limit, handles_max);
}

rtlane_handle HandleTable::add(std::shared_ptr<HandleTarget> target, bool read_only)
{
  const std::lock_guard guard(mutex_);
  std::size_t index = 0;
  if (slots_.size() - used_ > resting_slots || slots_.size() >= handles_max) {
    index = oldest_free_;
    oldest_free_ = slots_[index].next;
  } else {
    index = slots_.size();
    slots_.emplace_back();
  }
  Slot& slot = slots_[index];
  slot.entry = {std::move(target), read_only};
  ++used_;
  return static_cast<rtlane_handle>(slot.generation) << 16 | static_cast<rtlane_handle>(index << 2);
}

const HandleTable::Entry* HandleTable::find(rtlane_handle handle) const noexcept
{
  const std::size_t index = index_of(handle);
  if ((handle & 3) != 0 || index >= slots_.size())
    return nullptr;
  const Slot& slot = slots_[index];
  return slot.entry.target != nullptr && slot.generation == handle >> 16 ? &slot.entry : nullptr;
}

std::shared_ptr<HandleTarget> HandleTable::remove(rtlane_handle handle) noexcept
{
  const std::lock_guard guard(mutex_);
  if (find(handle) == nullptr) {
    fail_handle(handle);
    return nullptr;
  }
  const std::size_t index = index_of(handle);
  Slot& slot = slots_[index];
  slot.generation = slot.generation == UINT16_MAX ? 1 : static_cast<std::uint16_t>(slot.generation + 1);
  slot.next = no_slot;
  (oldest_free_ == no_slot ? oldest_free_ : slots_[newest_free_].next) = static_cast<std::uint16_t>(index);
  newest_free_ = static_cast<std::uint16_t>(index);
  --used_;
  return std::exchange(slot.entry, {}).target;
}

int HandleTable::fail_handle(rtlane_handle handle) noexcept
{
  return fail(EBADF, "0x%08" PRIx32 " is no open handle of this process", handle);
}

}  // namespace rtlane::detail
