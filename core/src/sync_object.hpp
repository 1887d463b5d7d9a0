// What the payload of an event, a mutex or a semaphore is, and what waits for it.
#pragma once

#include <rtlane/core/sync.h>

#include <cstdint>
#include <memory>

#include "contents.hpp"
#include "object_header.hpp"
#include "waitable.hpp"

namespace rtlane::detail {

// The payload: one small page, whatever the kind needs of it.
inline constexpr std::uint64_t sync_bytes = 4096;

// Makes what waits for a payload of that kind; nullptr for memory.
std::unique_ptr<Waitable> make_waitable(rtlane_kind kind, void* payload);

// Whether threads of this process may wait for it. Returns 0, or -EXDEV with a sentence for a mutex of another PID
// namespace.
int check_namespace(rtlane_kind kind, const void* payload) noexcept;

// Reads the state of a payload. Other kinds than the three have none.
rtlane_sync_state read_sync_state(rtlane_kind kind, const void* payload) noexcept;

// The same of an object that this process need not have open. All zero when the file is too short.
rtlane_sync_state read_sync_state(int control_fd, const ObjectHeader& header) noexcept;

class EventContents final : public Contents {
public:
  EventContents(bool manual_reset, bool initially_set) noexcept
      : manual_reset_(manual_reset), initially_set_(initially_set)
  {}
  int make(void* payload) override;
  void discard(void*) noexcept override {}

private:
  bool manual_reset_;
  bool initially_set_;
};

class MutexContents final : public Contents {
public:
  explicit MutexContents(bool initially_owned) noexcept : initially_owned_(initially_owned) {}
  int make(void* payload) override;
  void discard(void* payload) noexcept override;

private:
  bool initially_owned_;
};

class SemaphoreContents final : public Contents {
public:
  SemaphoreContents(std::uint32_t initial, std::uint32_t maximum) noexcept : initial_(initial), maximum_(maximum) {}
  int make(void* payload) override;
  void discard(void*) noexcept override {}

private:
  std::uint32_t initial_;
  std::uint32_t maximum_;
};

}  // namespace rtlane::detail
