// Where the two sides of a link wait for each other while they set up.
//
// Ordering
//   M1 arrived, release  ->  M2 arrived, acquire   what a side did before it said so
#pragma once

#include <time.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "link.hpp"

namespace rtlane::bench {

// Returns when condition() holds; looks every millisecond, and ends the process by die() after 20 s.
template <class Condition>
void await(const std::string& what, Condition&& condition)
{
  const timespec pause = {0, 1'000'000};
  for (int pauses = 0; !condition(); ++pauses) {
    if (pauses == 20'000)
      die("waited 20 s for " + what);
    nanosleep(&pause, nullptr);
  }
}

// Lies in shared memory. Each side says how far it is.
struct Meeting {
  static constexpr std::size_t near_side = 0;
  static constexpr std::size_t far_side = 1;

  std::array<std::atomic<std::uint32_t>, 2> arrived;

  // Returns when the other side has come to this step, too. Steps count from 1.
  void meet(std::size_t side, std::uint32_t step, const std::string& link)
  {
    arrived[side].store(step, std::memory_order_release);  // M1, pairs with M2
    await("the other side of " + link,
          [&] { return arrived[1 - side].load(std::memory_order_acquire) >= step; });  // M2, pairs with M1
  }
};

}  // namespace rtlane::bench
