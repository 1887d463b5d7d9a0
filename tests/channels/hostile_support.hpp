// What the tests with a hostile peer share: memory between pages that nobody may touch, a shared word whose loads may
// see something else than what was stored, and the count of accesses to it.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <rtlane/channels/frame_poison.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <random>

namespace rtlane::test {

// Bytes that end where a page ends, or begin where one begins, between two pages that nobody may touch.
class GuardedBytes {
public:
  explicit GuardedBytes(std::uint64_t bytes, bool guard_the_end = true)
      : bytes_(bytes), pages_((bytes + page - 1) / page * page)
  {
    void* const all = ::mmap(nullptr, pages_ + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT_NE(all, MAP_FAILED);
    all_ = static_cast<std::byte*>(all);
    EXPECT_EQ(::mprotect(all_ + page, pages_, PROT_READ | PROT_WRITE), 0);
    begin_ = all_ + page + (guard_the_end ? pages_ - bytes : 0);
  }
  GuardedBytes(const GuardedBytes&) = delete;
  GuardedBytes& operator=(const GuardedBytes&) = delete;
  ~GuardedBytes()
  {
    rtlane::detail::show_bytes(begin_, bytes_);  // others will be mapped here
    ::munmap(all_, pages_ + 2 * page);
  }

  [[nodiscard]] std::byte* begin() const { return begin_; }
  [[nodiscard]] std::byte* end() const { return begin_ + bytes_; }
  [[nodiscard]] std::uint64_t size() const { return bytes_; }

  // As the mapping of who only reads.
  void make_read_only() const { EXPECT_EQ(::mprotect(all_ + page, pages_, PROT_READ), 0); }

private:
  static constexpr std::uint64_t page = 4096;

  std::uint64_t bytes_;
  std::uint64_t pages_;
  std::byte* all_ = nullptr;
  std::byte* begin_ = nullptr;
};

// What the peer does, and what the operation under test did. A test's own Peer adds lie(truth).
struct HostilePeer {
  static inline std::mt19937_64 random{1};
  static inline unsigned lies_per_256 = 0;
  static inline std::uint64_t loads = 0;
  static inline std::uint64_t stores = 0;

  static constexpr unsigned plain_lies = 6;

  // The kind-th of the lies that do for every word.
  static std::uint64_t plain_lie(std::uint64_t truth, std::uint64_t kind)
  {
    switch (kind % plain_lies) {
      case 0:
        return random();
      case 1:
        return truth + 1;
      case 2:
        return truth - 1;
      case 3:
        return truth ^ (std::uint64_t{1} << random() % 64);
      case 4:
        return 0;
      default:
        return UINT64_MAX;
    }
  }
};

template <class Peer>
class LyingWord {
public:
  std::uint64_t load(std::memory_order) const
  {
    ++Peer::loads;
    return Peer::random() % 256 < Peer::lies_per_256 ? Peer::lie(word_) : word_;
  }
  void store(std::uint64_t value, std::memory_order)
  {
    ++Peer::stores;
    word_ = value;
  }

private:
  std::uint64_t word_;
};

// Runs one operation and holds it to its number of shared accesses.
template <class Operation>
auto within(std::uint64_t loads, std::uint64_t stores, const char* what, Operation operation)
{
  HostilePeer::loads = 0;
  HostilePeer::stores = 0;
  auto result = operation();
  EXPECT_LE(HostilePeer::loads, loads) << what;
  EXPECT_LE(HostilePeer::stores, stores) << what;
  return result;
}

}  // namespace rtlane::test
