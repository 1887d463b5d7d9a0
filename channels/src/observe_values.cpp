// Looks at snapshots and broadcasts: as one of their readers, who write nothing; at a pinned snapshot without a pin.
#include <rtlane/channels/broadcast_core.hpp>
#include <rtlane/channels/pinned_core.hpp>
#include <rtlane/channels/snapshot_core.hpp>
#include <rtlane/channels/torn_copy.hpp>

#include <algorithm>
#include <atomic>

#include "observer.hpp"

namespace rtlane::detail {
namespace {

using Word = std::atomic<std::uint64_t>;

// ---- snapshot

class SnapshotObserver final : public ChannelObserver {
public:
  SnapshotObserver(const rtlane_channel_layout& layout, std::uint32_t from) noexcept
      : view_(layout), core_(view_), element_bytes_(layout.element_bytes)
  {
    if (from == RTLANE_OBSERVE_NEXT)
      // acquire: a load afterwards finds this one, or a newer one
      shown_ = view_.writer->latest.load(std::memory_order_acquire);  // L2, pairs with L1
  }

  [[nodiscard]] Room room() const noexcept override { return {element_bytes_, true}; }

  Status next(std::byte* to, std::uint64_t, Sight& sight) noexcept override
  {
    // relaxed: nothing is read on the strength of it
    if (shown_ != 0 && view_.writer->latest.load(std::memory_order_relaxed) == shown_)
      return ended() ? Status::closed : Status::empty;
    const Status status = core_.load(SnapshotCopy<Word>{to, element_bytes_});
    if (status != Status::ok)
      return status;
    if (core_.sequence() == shown_)
      return Status::empty;
    if (core_.sequence() < shown_)
      return Status::corrupt;
    sight.number = core_.sequence();
    sight.length = element_bytes_;
    sight.lost = shown_ == 0 ? 0 : sight.number - shown_ - 1;
    sight.stamp = core_.stamp();
    shown_ = sight.number;
    return Status::ok;
  }

  // next() gives the newest anyway.
  std::uint64_t skip(std::byte*, std::uint64_t) noexcept override
  {
    // relaxed: a number, nothing is read on the strength of it
    const std::uint64_t ahead = view_.writer->latest.load(std::memory_order_relaxed) - shown_;
    if (shown_ == 0 || ahead < 2 || ahead > UINT64_MAX / 2)
      return 0;
    shown_ += ahead - 1;
    return ahead - 1;
  }

private:
  [[nodiscard]] bool ended() const noexcept
  {
    return view_.writer->end.load(std::memory_order_acquire) == shown_ + 1;  // E2, pairs with E1
  }

  SnapshotView<Word> view_;
  SnapshotReaderCore<Word> core_;
  std::uint64_t element_bytes_;
  std::uint64_t shown_ = 0;  // number of the value that was given out last, or was there at the beginning
};

// ---- pinned snapshot

// The writer writes to no slot that holds the latest value: it chooses one after it has published, and that another one
// (pass() of pinned_core.hpp). So a copy is whole when its publication is still the latest. A publication's word is
// used once (its 56-bit number), so there is no taking one for another.
class PinnedObserver final : public ChannelObserver {
public:
  PinnedObserver(const rtlane_channel_layout& layout, std::uint32_t from) noexcept
      : view_(pinned_view_of(layout)), element_bytes_(layout.element_bytes)
  {
    if (from == RTLANE_OBSERVE_NEXT)
      shown_ = latest();
  }

  [[nodiscard]] Room room() const noexcept override { return {element_bytes_, true}; }

  Status next(std::byte* to, std::uint64_t, Sight& sight) noexcept override
  {
    std::uint64_t seen = latest();
    if (seen == shown_)
      return ended(seen) ? Status::closed : Status::empty;
    for (int attempt = 0; attempt < attempts_max; ++attempt) {
      if (!view_.sound(seen))
        return Status::corrupt;
      copy_observed(to, view_.value(seen), element_bytes_);
      const std::uint64_t stamp = view_.stamp(seen).load(std::memory_order_relaxed);  // relaxed: before the fence
      fence_after_load_torn();
      const std::uint64_t now = latest();
      if (now == seen) {
        sight.number = pinned_sequence_of(seen);
        sight.length = element_bytes_;
        sight.lost = shown_ == 0 ? 0 : between(shown_, seen);
        sight.stamp = stamp;
        shown_ = seen;
        return Status::ok;
      }
      seen = now;
    }
    return Status::busy;
  }

  std::uint64_t skip(std::byte*, std::uint64_t) noexcept override
  {
    const std::uint64_t seen = latest();
    const std::uint64_t skipped = shown_ == 0 || seen == shown_ ? 0 : between(shown_, seen);
    if (skipped != 0)
      skipped_to_ = pinned_sequence_of(seen) - 1;
    return skipped;
  }

private:
  static constexpr int attempts_max = 64;

  [[nodiscard]] std::uint64_t latest() const noexcept
  {
    return view_.latest->latest.load(std::memory_order_seq_cst);  // R2, pairs with W1
  }

  // Publications between two; 0 also when the later has the smaller number.
  [[nodiscard]] std::uint64_t between(std::uint64_t first, std::uint64_t last) const noexcept
  {
    const std::uint64_t known = std::max(pinned_sequence_of(first), skipped_to_);
    const std::uint64_t distance = pinned_sequence_of(last) - known;
    return distance - 1 < pinned_sequence_mask / 2 ? distance - 1 : 0;
  }

  [[nodiscard]] bool ended(std::uint64_t seen) const noexcept
  {
    // E2, pairs with E1
    return view_.latest->end.load(std::memory_order_acquire) == pinned_end_after(pinned_sequence_of(seen));
  }

  PinnedView<Word> view_;
  std::uint64_t element_bytes_;
  std::uint64_t shown_ = 0;       // the publication that was given out last, or was there at the beginning
  std::uint64_t skipped_to_ = 0;  // numbers up to it were left out by skip()
};

// ---- broadcast

class BroadcastObserver final : public ChannelObserver {
public:
  BroadcastObserver(const rtlane_channel_layout& layout, std::uint32_t from) noexcept
      : view_(layout), element_bytes_(layout.element_bytes)
  {
    const BroadcastPlaces<Word> places(view_);
    const bool newest = from == RTLANE_OBSERVE_NEWEST && places.published != 0;
    core_ = Core(view_, from == RTLANE_OBSERVE_OLDEST ? places.oldest : newest ? places.newest - 1 : places.newest);
  }

  [[nodiscard]] Room room() const noexcept override { return {element_bytes_, true}; }

  Status next(std::byte* to, std::uint64_t, Sight& sight) noexcept override
  {
    const Status status = core_.try_next(to, element_bytes_);
    sight.number = core_.number() - 1;
    sight.length = element_bytes_;
    sight.lost = status == Status::lost ? core_.lost() : 0;
    return status;
  }

  std::uint64_t skip(std::byte*, std::uint64_t) noexcept override
  {
    const BroadcastPlaces<Word> places(view_);
    const std::uint64_t ahead = places.newest - core_.number();
    if (ahead < 2 || ahead > UINT64_MAX / 2)
      return 0;
    core_ = Core(view_, places.newest - 1);
    return ahead - 1;
  }

private:
  using Core = BroadcastSubscriberCore<Word>;

  BroadcastView<Word> view_;
  std::uint64_t element_bytes_;
  Core core_;
};

}  // namespace

ObserverPointer observe_snapshot(const rtlane_channel_layout& layout, std::uint32_t from)
{
  return std::make_unique<SnapshotObserver>(layout, from);
}

ObserverPointer observe_pinned_snapshot(const rtlane_channel_layout& layout, std::uint32_t from)
{
  return std::make_unique<PinnedObserver>(layout, from);
}

ObserverPointer observe_broadcast(const rtlane_channel_layout& layout, std::uint32_t from)
{
  return std::make_unique<BroadcastObserver>(layout, from);
}

}  // namespace rtlane::detail
