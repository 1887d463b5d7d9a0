// SpscRing<T> between two threads: the benchmark's own and one that answers. What the pair costs on this machine at
// this moment, unpinned; figures that can be compared come from rtlane-bench, which relates them to a floor.
#include <fmt/format.h>

#include <atomic>
#include <string>
#include <thread>

#include "micro.hpp"
#include "rings.hpp"

namespace rtlane::bench::micro {
namespace {

// A thread that runs until its ring is closed. Ended and joined in any case.
template <class M>
class OtherThread {
public:
  template <class Body>
  OtherThread(typename SpscRing<M>::Producer& to_it, Body body) : to_it_(to_it), thread_(std::move(body))
  {}
  OtherThread(const OtherThread&) = delete;
  OtherThread& operator=(const OtherThread&) = delete;
  ~OtherThread() { end(); }

  // Ends the stream to it and waits for its end.
  void end()
  {
    to_it_.close();
    if (thread_.joinable())
      thread_.join();
  }

private:
  typename SpscRing<M>::Producer& to_it_;
  std::thread thread_;
};

template <class M>
void push(typename SpscRing<M>::Producer& producer, const M& message)
{
  SpinLimit limit;
  while (producer.try_push(message) != Status::ok) {
    if (!limit.wait())
      throw Failure("the ring stayed full for 10 s: is the other thread starved?");
  }
}

// One element after another; the other thread takes them as fast as it can. Counted at the producer: at most a ring's
// capacity of them is still under way when the clock stops.
template <class M>
void stream(State& state)
{
  const auto ring = need(SpscRing<M>::in_memory(1024));
  auto producer = need(ring.producer());
  auto consumer = need(ring.consumer());
  std::uint64_t taken = 0;
  bool in_order = true;
  OtherThread<M> taker(producer, [&] {
    M message{};
    SpinLimit limit;
    for (;;) {
      const Status status = consumer.try_pop(message);
      if (status == Status::ok) {
        in_order &= message.words[0] == ++taken;
        limit = SpinLimit();
      } else if (status != Status::empty || !limit.wait()) {
        return;
      }
    }
  });
  M message{};
  for ([[maybe_unused]] auto step : state) {
    ++message.words[0];
    push<M>(producer, message);
  }
  taker.end();
  if (!in_order || taken != message.words[0])
    throw Failure(fmt::format("{} elements were pushed, {} taken{}", message.words[0], taken,
                              in_order ? "" : ", not in their order"));
  state.SetItemsProcessed(static_cast<std::int64_t>(message.words[0]));
  state.SetBytesProcessed(static_cast<std::int64_t>(message.words[0] * sizeof(M)));
}

// An element there and back, both threads polling.
template <class M>
void round_trip(State& state)
{
  const auto there = need(SpscRing<M>::in_memory(64));
  const auto back = need(SpscRing<M>::in_memory(64));
  auto out = need(there.producer());
  auto in = need(back.consumer());
  auto far_in = need(there.consumer());
  auto far_out = need(back.producer());
  OtherThread<M> echo(out, [&] {
    M message{};
    SpinLimit limit;
    for (;;) {
      const Status status = far_in.try_pop(message);
      if (status == Status::ok) {
        limit = SpinLimit();
        if (far_out.try_push(message) != Status::ok)
          return;
      } else if (status != Status::empty || !limit.wait()) {
        return;
      }
    }
  });
  M message{};
  M answer{};
  for ([[maybe_unused]] auto step : state) {
    ++message.words[0];
    push<M>(out, message);
    SpinLimit limit;
    while (in.try_pop(answer) != Status::ok) {
      if (!limit.wait())
        throw Failure("no answer for 10 s: is the other thread starved?");
    }
    if (answer.words[0] != message.words[0])
      throw Failure("another element came back than was sent");
  }
}

}  // namespace

void add_spsc_threads()
{
  for_each_message([]<class M>() {
    add(fmt::format("spsc/stream/bytes:{}/two_threads", sizeof(M)), &stream<M>)->UseRealTime();
    add(fmt::format("spsc/round_trip/bytes:{}/two_threads", sizeof(M)), &round_trip<M>)->UseRealTime();
  });
}

}  // namespace rtlane::bench::micro
