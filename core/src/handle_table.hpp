// The handles of this process.
#pragma once

#include <rtlane/core/shm.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <vector>

namespace rtlane::detail {

// What a handle stands for. Other components add kinds of their own by deriving from it.
class HandleTarget {
public:
  HandleTarget() = default;
  HandleTarget(const HandleTarget&) = delete;
  HandleTarget& operator=(const HandleTarget&) = delete;
  virtual ~HandleTarget() = default;

  [[nodiscard]] virtual rtlane_kind kind() const noexcept = 0;
};

inline constexpr std::uint32_t handles_max = 16383;

// A handle is generation:16 | index:14 | 00: at least 0x10000, a multiple of 4 as Win32's are. The
// generation starts at 1 and counts the uses of its slot, so a closed value is refused until the slot
// was used 65535 times more.
//
// Thread-safe, with a lock of its own that is held for a bounded time only: a question about a handle never
// waits for another thread's set-up call or fork(). What adds or removes is inside Process::enter() besides.
class HandleTable {
public:
  struct Entry {
    std::shared_ptr<HandleTarget> target;
    bool read_only = false;
  };

  // Returns 0, or -EMFILE with a sentence when `limit` handles are in use.
  [[nodiscard]] int check_room(std::uint32_t limit) noexcept;

  // There is room.
  rtlane_handle add(std::shared_ptr<HandleTarget> target, bool read_only);

  // Returns work(entry), or -EBADF with a sentence. The handle cannot be closed while work runs.
  template <class Work>
  int with(rtlane_handle handle, Work&& work)
  {
    const std::lock_guard guard(mutex_);
    const Entry* entry = find(handle);
    return entry != nullptr ? work(*entry) : fail_handle(handle);
  }

  // The target, or nullptr with a sentence. For set-up calls, during which no handle is closed: what takes long
  // must not be done inside with().
  [[nodiscard]] Entry get(rtlane_handle handle)
  {
    const std::lock_guard guard(mutex_);
    const Entry* entry = find(handle);
    if (entry == nullptr)
      fail_handle(handle);
    return entry != nullptr ? *entry : Entry{};
  }

  // Takes the handle out; nullptr, with a sentence, when there is none. The target may end with the pointer.
  std::shared_ptr<HandleTarget> remove(rtlane_handle handle) noexcept;

  // A thread that the child does not have may have been asking when it was forked. Nobody was changing anything: that
  // happens inside Process::enter(), for which forking waits.
  void reset_lock_in_fork_child() noexcept { new (&mutex_) std::mutex; }

private:
  [[nodiscard]] const Entry* find(rtlane_handle handle) const noexcept;
  static int fail_handle(rtlane_handle handle) noexcept;

  static constexpr std::uint16_t no_slot = UINT16_MAX;

  struct Slot {
    Entry entry;
    std::uint16_t generation = 1;
    std::uint16_t next = no_slot;  // free slots form a queue
  };

  std::mutex mutex_;
  std::vector<Slot> slots_;
  std::uint16_t oldest_free_ = no_slot;
  std::uint16_t newest_free_ = no_slot;
  std::uint32_t used_ = 0;
};

}  // namespace rtlane::detail
