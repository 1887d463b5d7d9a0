#include "conformance/other_kind.hpp"

#include <cstdint>
#include <memory>
#include <utility>

#include "border.hpp"
#include "shared_object.hpp"

namespace rtlane::conformance {

HANDLE create_other_kind(rtlane_kind kind, const char* name)
{
  rtlane_handle handle = 0;
  detail::set_up_call([&] {
    std::shared_ptr<detail::SharedObject> object;
    bool existed = false;
    const rtlane_shm_options options = RTLANE_SHM_OPTIONS_INIT;
    const int error = detail::SharedObject::create(kind, name, 64, options, object, existed);
    if (error == 0)
      handle = detail::Process::instance().handles.add(std::move(object), false);
    return error;
  });
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
