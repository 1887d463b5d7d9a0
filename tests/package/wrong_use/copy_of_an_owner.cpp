// error: use of deleted function
#include <rtlane/core/shared_memory.hpp>

void use(rtlane::SharedMemory& memory)
{
#ifdef RIGHT
  rtlane::SharedMemory mine = std::move(memory);
#else
  rtlane::SharedMemory mine = memory;
#endif
  mine.close();
}
