// Ordering
//   Q1 question, release  ->  Q2 question, acquire   a has read its counter
//   A1 answer, release    ->  A2 answer, acquire     b has read its counter
#include "tick_offset.hpp"

#include <rtlane/core/cache_line.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <thread>

#include "process.hpp"

namespace rtlane::bench {
namespace {

constexpr std::uint32_t exchanges = 5'000;

struct Exchange {
  alignas(cache_line_bytes) std::atomic<std::uint32_t> question{0};
  alignas(cache_line_bytes) std::atomic<std::uint32_t> answer{0};
  std::uint64_t ticks_of_b = 0;
};

}  // namespace

TickOffset measure_tick_offset(int cpu_a, int cpu_b, const TickClock& clock)
{
  Exchange exchange;
  std::int64_t low = INT64_MIN;
  std::int64_t high = INT64_MAX;
  std::thread b([&] {
    pin(cpu_b);
    Patience patience;
    for (std::uint32_t i = 1; i <= exchanges; ++i) {
      while (exchange.question.load(std::memory_order_acquire) != i)  // Q2, pairs with Q1
        patience.check("the other CPU's tick");
      exchange.ticks_of_b = ticks_begin();
      exchange.answer.store(i, std::memory_order_release);  // A1, pairs with A2
    }
  });
  std::thread a([&] {
    pin(cpu_a);
    Patience patience;
    for (std::uint32_t i = 1; i <= exchanges; ++i) {
      const std::uint64_t before = ticks_begin();
      exchange.question.store(i, std::memory_order_release);        // Q1, pairs with Q2
      while (exchange.answer.load(std::memory_order_acquire) != i)  // A2, pairs with A1
        patience.check("the other CPU's tick");
      const std::uint64_t after = ticks_end();
      low = std::max(low, static_cast<std::int64_t>(exchange.ticks_of_b - after));
      high = std::min(high, static_cast<std::int64_t>(exchange.ticks_of_b - before));
    }
  });
  a.join();
  b.join();
  return {static_cast<double>(low) / clock.ticks_per_ns(), static_cast<double>(high) / clock.ticks_per_ns()};
}

}  // namespace rtlane::bench
