// error: ignoring return value|ignoring returned value
#include <rtlane/core/shared_memory.hpp>

void use()
{
#ifdef RIGHT
  if (!rtlane::SharedMemory::create("name", 64))
    return;
#else
  rtlane::SharedMemory::create("name", 64);
#endif
}
