// Books what arrives of a numbered stream.
#pragma once

#include <cstdint>

#include "demo/samples.hpp"

namespace rtlane::demo {

struct Intake {
  std::uint64_t received = 0;  // whole and new
  std::uint64_t lost = 0;      // numbers that were skipped
  std::uint64_t doubled = 0;   // numbers that came before
  std::uint64_t torn = 0;      // checksum and content disagree
  std::uint64_t next = 0;      // number of the sample that is due

  // True: the sample is whole and new, use it. Wait-free.
  template <class Sample>
  bool accept(const Sample& sample) noexcept
  {
    if (sample.checksum != checksum_of(sample)) {
      // Its number cannot be trusted either; it stands in the place of the one that is due.
      ++torn;
      ++next;
      return false;
    }
    if (sample.sequence < next) {
      ++doubled;
      return false;
    }
    lost += sample.sequence - next;
    next = sample.sequence + 1;
    ++received;
    return true;
  }
};

}  // namespace rtlane::demo
