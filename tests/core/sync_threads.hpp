// Threads that hand plain data to each other by an event, a semaphore or a mutex: nothing else orders their accesses,
// so ThreadSanitizer reports a data race when the object does not.
#pragma once

#include <gtest/gtest.h>
#include <rtlane/core/sync.h>

#include <array>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace rtlane::test {

inline constexpr int kThreadRounds = 3000;

// A handle per thread, so that threads have no bookkeeping of handles in common.
struct Handles {
  rtlane_handle first = 0;
  rtlane_handle second = 0;

  Handles() = default;
  Handles(const Handles&) = delete;
  Handles& operator=(const Handles&) = delete;
  ~Handles()
  {
    rtlane_close(second);
    rtlane_close(first);
  }
};

// Two auto-reset events: the data goes there and back.
inline void event_ping_pong()
{
  Handles ping;
  Handles pong;
  ASSERT_EQ(rtlane_event_create("ping", 0, 0, nullptr, &ping.first), 0) << rtlane_error_message();
  ASSERT_EQ(rtlane_event_open("ping", nullptr, &ping.second), 0) << rtlane_error_message();
  ASSERT_EQ(rtlane_event_create("pong", 0, 0, nullptr, &pong.first), 0) << rtlane_error_message();
  ASSERT_EQ(rtlane_event_open("pong", nullptr, &pong.second), 0) << rtlane_error_message();
  std::uint64_t data = 0;
  std::thread other([&] {
    for (int i = 0; i < kThreadRounds; ++i) {
      EXPECT_EQ(rtlane_wait(ping.second, RTLANE_FOREVER), 0);
      ++data;
      EXPECT_EQ(rtlane_event_set(pong.second), 0);
    }
  });
  for (int i = 0; i < kThreadRounds; ++i) {
    ++data;
    EXPECT_EQ(rtlane_event_set(ping.first), 0);
    EXPECT_EQ(rtlane_wait(pong.first, RTLANE_FOREVER), 0);
  }
  other.join();
  EXPECT_EQ(data, 2U * kThreadRounds);
}

// Sets with manual reset, one event a round, as it stays set.
inline void manual_events()
{
  std::array<Handles, 200> events;
  for (std::size_t k = 0; k < events.size(); ++k) {
    const std::string name = "event " + std::to_string(k);
    ASSERT_EQ(rtlane_event_create(name.c_str(), 1, 0, nullptr, &events[k].first), 0) << rtlane_error_message();
    ASSERT_EQ(rtlane_event_open(name.c_str(), nullptr, &events[k].second), 0) << rtlane_error_message();
  }
  std::array<std::uint64_t, 200> data = {};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      for (std::size_t k = 0; k < events.size(); ++k) {
        EXPECT_EQ(rtlane_wait(events[k].second, RTLANE_FOREVER), 0);
        EXPECT_EQ(data[k], k + 1);
      }
    });
  }
  for (std::size_t k = 0; k < events.size(); ++k) {
    data[k] = k + 1;
    EXPECT_EQ(rtlane_event_set(events[k].first), 0);
  }
  for (std::thread& reader : readers)
    reader.join();
}

// A semaphore of one unit guards the data of both threads.
inline void semaphore_guard()
{
  Handles guard;
  ASSERT_EQ(rtlane_semaphore_create("guard", 1, 1, nullptr, &guard.first), 0) << rtlane_error_message();
  ASSERT_EQ(rtlane_semaphore_open("guard", nullptr, &guard.second), 0) << rtlane_error_message();
  std::uint64_t data = 0;
  const auto work = [&](rtlane_handle handle) {
    for (int i = 0; i < kThreadRounds; ++i) {
      EXPECT_EQ(rtlane_wait(handle, RTLANE_FOREVER), 0);
      ++data;
      EXPECT_EQ(rtlane_semaphore_release(handle, 1, nullptr), 0);
      if (i % 8 == 0)
        std::this_thread::yield();
    }
  };
  std::thread other([&] { work(guard.second); });
  work(guard.first);
  other.join();
  EXPECT_EQ(data, 2U * kThreadRounds);
}

// Half of the locks in a wait for several.
inline void mutex_guard()
{
  Handles guard;
  rtlane_handle never = 0;
  ASSERT_EQ(rtlane_mutex_create("guard", 0, nullptr, &guard.first), 0) << rtlane_error_message();
  ASSERT_EQ(rtlane_mutex_open("guard", nullptr, &guard.second), 0) << rtlane_error_message();
  ASSERT_EQ(rtlane_event_create(nullptr, 1, 0, nullptr, &never), 0) << rtlane_error_message();
  std::uint64_t data = 0;
  const auto work = [&](rtlane_handle handle) {
    const rtlane_handle both[] = {never, handle};
    std::uint32_t index = 0;
    for (int i = 0; i < kThreadRounds; ++i) {
      EXPECT_EQ(i % 2 == 0 ? rtlane_wait(handle, RTLANE_FOREVER) : rtlane_wait_any(both, 2, RTLANE_FOREVER, &index), 0);
      ++data;
      EXPECT_EQ(rtlane_mutex_unlock(handle), 0);
      if (i % 8 == 0)
        std::this_thread::yield();
    }
  };
  std::thread other([&] { work(guard.second); });
  work(guard.first);
  other.join();
  EXPECT_EQ(data, 2U * kThreadRounds);
  rtlane_close(never);
}

}  // namespace rtlane::test
