// Histogram, and the clocks that durations come from.
#include <rtlane/channels/histogram.hpp>
#include <rtlane/core/tick_clock.hpp>
#include <rtlane/rt/clock.hpp>

#include <memory>
#include <vector>

#include "micro.hpp"

namespace rtlane::bench::micro {
namespace {

// Durations over the whole range, as cheap to make as can be.
class Durations {
public:
  std::uint64_t next()
  {
    state_ = state_ * 6364136223846793005 + 1442695040888963407;  // Knuth's MMIX generator
    return state_ >> (22 + (state_ & 31));
  }

private:
  std::uint64_t state_ = 1;
};

template <class Operation>
void add_on_histogram(const std::string& name, Operation operation)
{
  add(name, [operation](State& state) {
    const auto histogram = std::make_unique<Histogram>();
    Durations durations;
    for (int i = 0; i < 100000; ++i)
      histogram->record(durations.next());
    const auto earlier = std::make_unique<Histogram>(histogram->snapshot());
    histogram->record(durations.next());
    repeat(state, [&] { return operation(*histogram, *earlier, durations); });
  });
}

}  // namespace

void add_histogram()
{
  using H = Histogram;
  add_on_histogram("histogram/record/one_bucket/alone", [](H& histogram, H&, Durations&) {
    histogram.record(1234);
    return true;
  });
  add_on_histogram("histogram/record/all_buckets/alone", [](H& histogram, H&, Durations& durations) {
    histogram.record(durations.next());
    return true;
  });
  add_on_histogram("histogram/count/alone", [](H& histogram, H&, Durations&) { return histogram.count() == 100001; });
  add_on_histogram("histogram/max_ns/alone", [](H& histogram, H&, Durations&) { return histogram.max_ns() != 0; });
  add_on_histogram("histogram/percentile_ns/alone",
                   [](H& histogram, H&, Durations&) { return histogram.percentile_ns(99.99) != 0; });
  add_on_histogram("histogram/merge/alone", [](H& histogram, H& earlier, Durations&) {
    histogram.merge(earlier);
    return true;
  });
  add_on_histogram("histogram/snapshot/alone", [](H& histogram, H&, Durations&) { return used(histogram.snapshot()); });
  add_on_histogram("histogram/since/alone",
                   [](H& histogram, H& earlier, Durations&) { return used(histogram.since(earlier)); });
  add_on_histogram("histogram/rank_ns/alone",
                   [](H& histogram, H&, Durations&) { return histogram.rank_ns(99999).upper != 0; });
  add_on_histogram("histogram/for_each_bucket/alone", [](H& histogram, H&, Durations&) {
    std::uint64_t count = 0;
    histogram.for_each_bucket([&](std::size_t, std::uint64_t records) { count += records; });
    return count == 100001;
  });
  add("histogram/restore/alone", [](State& state) {
    const auto histogram = std::make_unique<Histogram>();
    Durations durations;
    for (int i = 0; i < 100000; ++i)
      histogram->record(durations.next());
    std::vector<H::Bucket> buckets;
    histogram->for_each_bucket([&](std::size_t bucket, std::uint64_t count) {
      buckets.push_back({H::upper_bound_ns(bucket), count});
    });
    const std::uint64_t max_ns = histogram->max_ns();
    repeat(state, [&] { return histogram->restore(buckets, max_ns); });
  });
  add_on_histogram("histogram/bucket_of,lower_bound_ns,upper_bound_ns/alone", [](H&, H&, Durations& durations) {
    const std::uint64_t ns = durations.next();
    const std::size_t bucket = H::bucket_of(ns);
    return H::lower_bound_ns(bucket) <= ns && ns <= H::upper_bound_ns(bucket);
  });
}

void add_clock()
{
  add("clock/ticks/alone", [](State& state) { repeat(state, [] { return used(ticks()); }); });
  add("clock/ticks_begin,ticks_end/alone", [](State& state) {
    repeat(state, [] {
      const std::uint64_t before = ticks_begin();
      return used(ticks_end() - before);
    });
  });
  add("clock/now_ns/alone", [](State& state) { repeat(state, [] { return used(rt::now_ns()); }); });
  add("clock/is_invariant/alone", [](State& state) { repeat(state, [] { return used(TickClock::is_invariant()); }); });
  const auto with_clock = [](const std::string& name, auto operation) {
    add(name, [operation](State& state) {
      const TickClock clock = TickClock::calibrate(1'000'000);
      std::uint64_t number = 1;
      repeat(state, [&] { return operation(clock, ++number); });
    });
  };
  with_clock("clock/ns/alone", [](const TickClock& clock, std::uint64_t number) { return used(clock.ns(number)); });
  with_clock("clock/ticks_of_ns/alone",
             [](const TickClock& clock, std::uint64_t number) { return used(clock.ticks_of_ns(number)); });
  with_clock("clock/drift_ppm/alone", [](const TickClock& clock, std::uint64_t) { return used(clock.drift_ppm()); });
}

}  // namespace rtlane::bench::micro
