#include "micro.hpp"

#include <fmt/format.h>
#include <rtlane/core/api.h>
#include <sched.h>
#include <unistd.h>
#include <rtlane/rt/clock.hpp>

#include <atomic>
#include <cstring>
#include <utility>

namespace rtlane::bench::micro {
namespace {

std::atomic<bool> failed{false};

class FunctionBenchmark : public benchmark::internal::Benchmark {
public:
  FunctionBenchmark(const std::string& name, std::function<void(State&)> body)
      : Benchmark(name.c_str()), body_(std::move(body))
  {}

  void Run(State& state) override
  {
    try {
      body_(state);
    } catch (const std::exception& error) {
      fail(state, error.what());
    }
  }

private:
  std::function<void(State&)> body_;
};

}  // namespace

void fail(State& state, const std::string& sentence)
{
  failed.store(true, std::memory_order_relaxed);  // relaxed: read when all threads of the benchmark have ended
  state.SkipWithError(sentence.c_str());
}

bool any_failed()
{
  return failed.load(std::memory_order_relaxed);  // relaxed: as in fail()
}

void need_c(int result, const char* call)
{
  if (result < 0)
    throw Failure(fmt::format("{}: {} ({})", call, rtlane_error_message(), std::strerror(-result)));
}

std::string object_name(const std::string& last)
{
  return fmt::format("bench/micro/{}/{}", getpid(), last);
}

benchmark::internal::Benchmark* add(const std::string& name, std::function<void(State&)> body)
{
  auto* made = new FunctionBenchmark(name, std::move(body));
  return benchmark::internal::RegisterBenchmarkInternal(made);  // NOLINT(clang-analyzer-*): which owns it from now on
}

bool SpinLimit::look_at_clock()
{
  const std::int64_t now_ns = rt::now_ns();
  if (since_ns_ == 0)
    since_ns_ = now_ns;
  sched_yield();
  return now_ns - since_ns_ < 10'000'000'000;
}

}  // namespace rtlane::bench::micro
