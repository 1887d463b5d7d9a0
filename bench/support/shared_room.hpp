// Memory that the two processes of a benchmark share: made before the second one starts, which inherits it.
#pragma once

#include <rtlane/core/cache_line.hpp>
#include <rtlane/core/shared_memory.hpp>

#include <cstddef>
#include <new>

#include "process.hpp"

namespace rtlane::bench {

class SharedRoom {
public:
  explicit SharedRoom(std::size_t size_bytes) : memory_(need(SharedMemory::create("", size_bytes))) {}

  // A zeroed T on cache lines of its own. Its destructor never runs.
  template <class T>
  T& make()
  {
    static_assert(alignof(T) <= cache_line_bytes);
    const std::size_t at = used_bytes_;
    used_bytes_ += (sizeof(T) + cache_line_bytes - 1) / cache_line_bytes * cache_line_bytes;
    if (used_bytes_ > memory_.size_bytes())
      die("the benchmark asked for less shared memory than it uses");
    return *new (memory_.bytes().data() + at) T{};
  }

private:
  SharedMemory memory_;
  std::size_t used_bytes_ = 0;
};

}  // namespace rtlane::bench
