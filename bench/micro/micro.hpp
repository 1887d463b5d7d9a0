// What every microbenchmark has in common: its name, its loop, and what happens when an operation does not answer as it
// must. Names and families: bench/README.md.
#pragma once

#include <benchmark/benchmark.h>
#include <rtlane/core/expected.hpp>

#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

namespace rtlane::bench::micro {

using benchmark::State;

// A benchmark cannot go on. Its sentence is shown, the others are run, the program's exit status is 1.
class Failure : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

// Ends the benchmark with the sentence.
void fail(State& state, const std::string& sentence);
// Whether any benchmark has failed.
bool any_failed();

// The value, or a Failure.
template <class T>
T need(expected<T> result)
{
  if (!result)
    throw Failure(result.error().message);
  return std::move(*result);
}

// The same for calls that answer with a negative errno.
void need_c(int result, const char* call);

// A name of this process in the namespace.
std::string object_name(const std::string& last);

benchmark::internal::Benchmark* add(const std::string& name, std::function<void(State&)> body);

// Times operation(), which answers whether it did what it had to. Memory is taken as changed after each, so nothing is
// carried over in registers that a real caller would have to load.
template <class Operation>
void repeat(State& state, Operation&& operation)
{
  bool good = true;
  for ([[maybe_unused]] auto step : state) {
    good &= operation();
    benchmark::ClobberMemory();
  }
  if (!good)
    throw Failure("an operation did not answer as it must");
}

// The answer is used, whatever it is.
template <class T>
bool used(const T& value)
{
  benchmark::DoNotOptimize(value);
  return true;
}

// Ends a spin-wait: false after 10 seconds. Gives the CPU away now and then, since both sides may share one.
class SpinLimit {
public:
  [[nodiscard]] bool wait() { return (++polls_ & 0xfff) != 0 || look_at_clock(); }

private:
  bool look_at_clock();

  std::uint64_t polls_ = 0;
  std::int64_t since_ns_ = 0;
};

void add_spsc();
void add_spsc_threads();
void add_spsc_c();
void add_histogram();
void add_clock();
void add_channel();
void add_shared_memory();
void add_sync();
void add_sync_threads();
void add_iwin32();

}  // namespace rtlane::bench::micro
