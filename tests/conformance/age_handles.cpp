#include "conformance/age_handles.hpp"

#include <cstdint>
#include <memory>

#include "border.hpp"
#include "process.hpp"

namespace rtlane::conformance {

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
