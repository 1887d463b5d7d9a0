// Elements that show when they are torn, and shorthands for rings in tests.
#pragma once

#include <gtest/gtest.h>
#include <rtlane/channels/spsc_ring.hpp>

#include <cstdint>
#include <cstdlib>
#include <ostream>
#include <random>
#include <string>

namespace rtlane::test {

// 48 bytes: with its sequence word just within a cache line.
struct Message {
  std::uint64_t run;  // which producer
  std::uint64_t number;
  std::uint64_t mixed[4];  // computed from the two
};
RTLANE_TYPE(Message, run, number, mixed);

constexpr std::uint64_t mix(std::uint64_t x)
{
  // splitmix64 (Steele, Lea, Flood)
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

constexpr Message message(std::uint64_t run, std::uint64_t number)
{
  Message made{run, number, {}};
  for (std::uint64_t i = 0; i < 4; ++i)
    made.mixed[i] = mix(run * 1000003 + number * 4 + i);
  return made;
}

constexpr bool whole(const Message& read)
{
  const Message wanted = message(read.run, read.number);
  for (int i = 0; i < 4; ++i) {
    if (read.mixed[i] != wanted.mixed[i])
      return false;
  }
  return true;
}

// A seed from RTLANE_TEST_SEED, else a fresh one; a failing test prints it.
inline std::uint64_t test_seed()
{
  if (const char* given = std::getenv("RTLANE_TEST_SEED"))
    return std::strtoull(given, nullptr, 0);
  return std::random_device{}() | std::uint64_t{std::random_device{}()} << 32;
}

// A count that an environment variable may replace, for longer runs by hand.
inline std::uint64_t test_count(const char* variable, std::uint64_t usual)
{
  const char* given = std::getenv(variable);
  return given != nullptr ? std::strtoull(given, nullptr, 0) : usual;
}

// Sanitizers slow the test programs down by a factor; loops that only repeat are shortened.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
inline constexpr bool sanitized = true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif
#else
inline constexpr bool sanitized = false;
#endif

// Small pages and no locking: tests make many rings.
inline SpscOptions small_ring()
{
  SpscOptions options;
  options.memory.huge = RTLANE_NEVER;
  options.memory.lock = RTLANE_NEVER;
  return options;
}

}  // namespace rtlane::test
