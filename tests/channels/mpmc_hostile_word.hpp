// A shared word whose loads may see something else than what was stored, and whose accesses are counted.
#pragma once

#include <atomic>
#include <cstdint>
#include <random>

namespace rtlane::test {

struct Peer {
  static inline std::mt19937_64 random{1};
  static inline unsigned lies_per_256 = 0;
  static inline std::uint64_t near = 0;    // a position near the truth, for lies that are hard to see
  static inline bool always_wins = false;  // every CAS of the ring fails
  static inline std::uint64_t loads = 0;
  static inline std::uint64_t stores = 0;
  static inline std::uint64_t swaps = 0;

  static std::uint64_t lie(std::uint64_t truth)
  {
    switch (random() % 8) {
      case 0:
        return random();
      case 1:
        return truth + random() % 9 - 4;
      case 2:
        return truth ^ (std::uint64_t{1} << random() % 64);
      case 3:
        return 0;
      case 4:
        return UINT64_MAX;
      case 5:
        return near + 4 * (random() % 17) - 32 + random() % 4;
      case 6:
        return near | random() % 4;
      default:
        return truth ^ random() % 4;
    }
  }
  static bool lies() { return random() % 256 < lies_per_256; }
};

class HostileWord {
public:
  std::uint64_t load(std::memory_order) const
  {
    ++Peer::loads;
    return Peer::lies() ? Peer::lie(word_) : word_;
  }
  void store(std::uint64_t value, std::memory_order)
  {
    ++Peer::stores;
    word_ = value;
  }
  bool compare_exchange_strong(std::uint64_t& expected, std::uint64_t value, std::memory_order, std::memory_order)
  {
    ++Peer::swaps;
    const std::uint64_t seen = Peer::lies() ? Peer::lie(word_) : word_;
    if (Peer::always_wins || seen != expected) {
      expected = seen;
      return false;
    }
    word_ = value;
    return true;
  }
  std::uint64_t fetch_or(std::uint64_t bits, std::memory_order)
  {
    ++Peer::swaps;
    return word_ |= bits;
  }

private:
  std::uint64_t word_ = 0;
};
static_assert(sizeof(HostileWord) == 8);

struct Steps {
  std::uint64_t loads;
  std::uint64_t stores;
  std::uint64_t swaps;
};

inline Steps count(auto operation)
{
  Peer::loads = Peer::stores = Peer::swaps = 0;
  operation();
  return {Peer::loads, Peer::stores, Peer::swaps};
}

}  // namespace rtlane::test
