// The handles of this process.
//
// A handle is generation:16 | index:14 | 00: at least 0x10000, a multiple of 4 as Win32's are. The
// generation starts at 1 and counts the uses of its slot, so a closed value is refused until the slot
// was used 65535 times more.
//
// pin() may be called by any thread at any time: it is lock-free and makes no system call, so that a real-time thread
// that asks about a handle never waits for a preempted one. What adds or removes is inside Process::enter(), alone in
// this process.
//
// A slot's state is one word: generation:16 | open:1 | 15 unused | pins:32. A handle that is closed while it is pinned
// is refused from then on; what it stands for ends with the last pin.
//
// Ordering
//   T1 state, release  ->  T2 state, acquire   the entry is complete when the handle is open
//   T3 state, release  ->  T3 state, acquire   pinners are done with the entry when the last one of them takes it out,
//                                              or the closer that finds none
//   T4 chunk, release  ->  T5 chunk, acquire   its slots are made when it is found
#pragma once

#include <rtlane/core/shm.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace rtlane::detail {

class HandleTable;
class Process;
class Waitable;

// What a handle stands for. Other components add kinds of their own by deriving from it.
class HandleTarget {
public:
  HandleTarget() = default;
  HandleTarget(const HandleTarget&) = delete;
  HandleTarget& operator=(const HandleTarget&) = delete;
  virtual ~HandleTarget() = default;

  [[nodiscard]] virtual rtlane_kind kind() const noexcept = 0;

  // What a wait for the handle waits for; nullptr when that makes no sense.
  [[nodiscard]] virtual Waitable* waitable() noexcept { return nullptr; }

  // It may not end yet although no handle is left. Inside Process::enter().
  [[nodiscard]] virtual bool must_stay() const noexcept { return false; }

private:
  friend class HandleTable;
  friend class Process;
  std::uint32_t open_handles_ = 0;           // of this process
  std::shared_ptr<HandleTarget> next_kept_;  // of those that have to stay: a list that needs no memory
};

inline constexpr std::uint32_t handles_max = 16383;

// The contract stands at the top of this file.
class HandleTable {
  struct Slot;

public:
  // Keeps what a handle stands for from ending. Empty when the handle is none.
  class Pin {
  public:
    Pin() = default;
    Pin(Pin&& other) noexcept : table_(other.table_), slot_(std::exchange(other.slot_, nullptr)) {}
    Pin(const Pin&) = delete;
    Pin& operator=(const Pin&) = delete;
    Pin& operator=(Pin&&) = delete;
    // The last pin of a handle that was closed meanwhile is a set-up call.
    ~Pin()
    {
      if (slot_ != nullptr)
        table_->unpin(*slot_);
    }

    [[nodiscard]] explicit operator bool() const noexcept { return slot_ != nullptr; }
    [[nodiscard]] HandleTarget* target() const noexcept { return slot_->target.get(); }
    [[nodiscard]] bool read_only() const noexcept { return slot_->read_only; }
    // The handle was not closed meanwhile.
    [[nodiscard]] bool is_open() const noexcept
    {
      return (slot_->state.load(std::memory_order_acquire) & open_bit) != 0;  // T2, pairs with T1
    }

  private:
    friend class HandleTable;
    Pin(HandleTable& table, Slot& slot) noexcept : table_(&table), slot_(&slot) {}

    HandleTable* table_ = nullptr;
    Slot* slot_ = nullptr;
  };

  HandleTable() = default;
  HandleTable(const HandleTable&) = delete;
  HandleTable& operator=(const HandleTable&) = delete;
  ~HandleTable();

  // Returns 0, or -EMFILE with a sentence when `limit` handles are in use.
  [[nodiscard]] int check_room(std::uint32_t limit) const noexcept;

  // There is room.
  rtlane_handle add(std::shared_ptr<HandleTarget> target, bool read_only);

  // Empty, with a sentence, when there is no such handle.
  [[nodiscard]] Pin pin(rtlane_handle handle) noexcept;

  // Closes the handle. Returns 0, or -EBADF with a sentence. ended receives the target when nobody has it pinned: it
  // may end with the pointer. waited receives the target when it has no handle left and may be waited for: its waits
  // are to be ended, outside Process::enter().
  int remove(rtlane_handle handle, std::shared_ptr<HandleTarget>& ended,
             std::shared_ptr<HandleTarget>* waited = nullptr) noexcept;

  // The threads that had pinned something are not in the child.
  void forget_pins_in_fork_child() noexcept;

private:
  static constexpr std::uint64_t open_bit = std::uint64_t{1} << 47;
  static constexpr std::uint64_t pins_mask = 0xffffffff;
  static constexpr std::uint16_t no_slot = UINT16_MAX;
  static constexpr std::size_t chunk_slots = 256;
  static constexpr std::size_t chunks = (handles_max + chunk_slots - 1) / chunk_slots;

  struct Slot {
    std::atomic<std::uint64_t> state{0};
    std::shared_ptr<HandleTarget> target;
    bool read_only = false;
    std::uint16_t generation = 1;
    std::uint16_t next = no_slot;  // free slots form a queue
    std::uint16_t index = 0;
  };

  [[nodiscard]] Slot* find(rtlane_handle handle) const noexcept;
  [[nodiscard]] Slot& slot_at(std::size_t index) const noexcept;
  void unpin(Slot& slot) noexcept;
  std::shared_ptr<HandleTarget> take_out(Slot& slot) noexcept;
  static int fail_handle(rtlane_handle handle) noexcept;

  std::array<std::atomic<Slot*>, chunks> chunks_{};
  std::size_t slot_count_ = 0;
  std::uint32_t used_ = 0;  // slots that are not free
  std::uint32_t open_ = 0;
  std::uint16_t oldest_free_ = no_slot;
  std::uint16_t newest_free_ = no_slot;
};

}  // namespace rtlane::detail
