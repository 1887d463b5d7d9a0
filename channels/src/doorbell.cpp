#include <rtlane/channels/channel.h>

#include "futex.hpp"

using rtlane::detail::FutexWord;

int rtlane_doorbell_sleep(const uint32_t* word, uint32_t value, int64_t deadline_ns) noexcept
{
  // Asleep, nobody writes through it.
  auto* shared = reinterpret_cast<FutexWord*>(const_cast<uint32_t*>(word));
  return rtlane::detail::futex_sleep({shared, value}, deadline_ns);
}

int rtlane_doorbell_wake(uint32_t* word) noexcept
{
  return rtlane::detail::futex_change_and_wake(*reinterpret_cast<FutexWord*>(word), FUTEX_OP_ADD, 1);
}
