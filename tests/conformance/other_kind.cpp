#include "conformance/other_kind.hpp"

#include <rtlane/core/sync.h>

#include <cstdint>
#include <memory>
#include <utility>

#include "border.hpp"
#include "shared_object.hpp"

namespace rtlane::conformance {

HANDLE create_other_kind(rtlane_kind kind, const char* name)
{
  rtlane_handle handle = 0;
  switch (kind) {
    case RTLANE_KIND_SHARED_MEMORY:
      rtlane_shm_create(name, 64, nullptr, &handle, nullptr);
      break;
    case RTLANE_KIND_EVENT:
      rtlane_event_create(name, 0, 0, nullptr, &handle);
      break;
    case RTLANE_KIND_MUTEX:
      rtlane_mutex_create(name, 0, nullptr, &handle);
      break;
    case RTLANE_KIND_SEMAPHORE:
      rtlane_semaphore_create(name, 0, 1, nullptr, &handle);
      break;
  }
  return reinterpret_cast<HANDLE>(static_cast<std::uintptr_t>(handle));
}

void age_handles()
{
  struct Target final : detail::HandleTarget {
    [[nodiscard]] rtlane_kind kind() const noexcept override { return RTLANE_KIND_EVENT; }
  };
  const auto target = std::make_shared<Target>();
  detail::set_up_call([&] {
    detail::HandleTable& handles = detail::Process::instance().handles;
    // The values of all free slots must be high, and slots that were used less often lag behind.
    for (std::uint32_t high_in_a_row = 0; high_in_a_row <= detail::handles_max;) {
      const rtlane_handle handle = handles.add(target, false);
      std::shared_ptr<detail::HandleTarget> ended;
      handles.remove(handle, ended);
      high_in_a_row = handle >= 0x80000000 ? high_in_a_row + 1 : 0;
    }
    return 0;
  });
}

}  // namespace rtlane::conformance
