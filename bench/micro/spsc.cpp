// SpscRing<T>: every call, both ends in one thread, so no cache line travels.
#include <fmt/format.h>

#include <string>
#include <string_view>

#include "micro.hpp"
#include "rings.hpp"

namespace rtlane::bench::micro {
namespace {

template <class M>
std::string name_of(std::string_view operations)
{
  return fmt::format("spsc/{}/bytes:{}/same_thread", operations, sizeof(M));
}

// A benchmark on a ring of its own: operation(ring).
template <class M, class Operation>
void add_on_ring(std::string_view operations, Operation operation)
{
  add(name_of<M>(operations), [operation](State& state) {
    Ring<M> ring;
    repeat(state, [&] { return operation(ring); });
  });
}

template <class M, class Operation>
void add_on_full_ring(std::string_view operations, Operation operation)
{
  add(name_of<M>(operations), [operation](State& state) {
    Ring<M> ring;
    ring.fill();
    repeat(state, [&] { return operation(ring); });
  });
}

template <class M>
void add_transfers()
{
  add_on_ring<M>("try_push,try_pop", [](Ring<M>& ring) {
    return ring.producer.try_push(ring.message) == Status::ok && ring.consumer.try_pop(ring.out) == Status::ok;
  });
  add_on_ring<M>("try_push_n,try_pop_n/batch:8", [](Ring<M>& ring) {
    return ring.producer.try_push_n(ring.batch) == batch_count &&
           ring.consumer.try_pop_n(ring.out_batch) == batch_count;
  });
  // In place, and the first word of each element is written and read there.
  add_on_ring<M>("claim,publish,peek,release", [](Ring<M>& ring) {
    M* place = ring.producer.claim();
    if (place == nullptr)
      return false;
    place->words[0] = 1;
    const bool published = ring.producer.publish();
    const M* element = ring.consumer.peek();
    if (!published || element == nullptr)
      return false;
    return used(element->words[0]) && ring.consumer.release();
  });
}

template <class M>
void add_refusals()
{
  add_on_full_ring<M>("try_push/full",
                      [](Ring<M>& ring) { return ring.producer.try_push(ring.message) == Status::full; });
  add_on_full_ring<M>("try_push_n/full/batch:8",
                      [](Ring<M>& ring) { return ring.producer.try_push_n(ring.batch) == 0; });
  add_on_full_ring<M>("claim/full", [](Ring<M>& ring) { return ring.producer.claim() == nullptr; });
  add_on_ring<M>("try_pop/empty", [](Ring<M>& ring) { return ring.consumer.try_pop(ring.out) == Status::empty; });
  add_on_ring<M>("try_pop_n/empty/batch:8", [](Ring<M>& ring) { return ring.consumer.try_pop_n(ring.out_batch) == 0; });
  add_on_ring<M>("peek/empty", [](Ring<M>& ring) { return ring.consumer.peek() == nullptr; });
}

// Where the size of the element plays no part.
void add_questions()
{
  using M = Message16;
  add_on_ring<M>("producer.last_status", [](Ring<M>& ring) { return used(ring.producer.last_status()); });
  add_on_ring<M>("consumer.last_status", [](Ring<M>& ring) { return used(ring.consumer.last_status()); });
  add_on_full_ring<M>("producer.size_estimate", [](Ring<M>& ring) { return ring.producer.size_estimate() == 64; });
  add_on_full_ring<M>("consumer.size_estimate", [](Ring<M>& ring) { return ring.consumer.size_estimate() == 64; });
  add_on_ring<M>("producer_changed", [](Ring<M>& ring) { return !ring.consumer.producer_changed(); });
  add_on_ring<M>("redelivered", [](Ring<M>& ring) { return !ring.consumer.redelivered(); });
  add_on_ring<M>("publish/unclaimed", [](Ring<M>& ring) { return !ring.producer.publish(); });
  add_on_ring<M>("release/not_peeked", [](Ring<M>& ring) { return !ring.consumer.release(); });
}

// The kernel is asked who is alive, so these rings have names.
void add_set_up()
{
  using M = Message16;
  const auto named = [](std::string_view operations) { return fmt::format("spsc/{}/bytes:16/alone", operations); };
  add(named("create"), [](State& state) {
    repeat(state, [name = object_name("spsc")] { return need(SpscRing<M>::create(name, 64)).created(); });
  });
  add(named("open"), [](State& state) {
    const std::string name = object_name("spsc");
    const auto ring = need(SpscRing<M>::create(name, 64));
    repeat(state, [&] { return !need(SpscRing<M>::open(name)).created(); });
  });
  add(named("in_memory"),
      [](State& state) { repeat(state, [] { return need(SpscRing<M>::in_memory(64)).capacity() == 64; }); });
  const auto with_ring = [&](std::string_view operations, auto operation) {
    add(named(operations), [operation](State& state) {
      const auto ring = need(SpscRing<M>::create(object_name("spsc"), 64));
      repeat(state, [&] { return operation(ring); });
    });
  };
  using R = SpscRing<M>;
  with_ring("producer", [](const R& ring) { return static_cast<bool>(need(ring.producer())); });
  with_ring("consumer", [](const R& ring) { return static_cast<bool>(need(ring.consumer())); });
  with_ring("producer,close", [](const R& ring) {
    auto producer = need(ring.producer());
    producer.close();
    return producer.last_status() == Status::ok;
  });
  with_ring("info", [](const R& ring) { return ring.info().capacity == 64; });
  with_ring("certificate", [](const R& ring) { return ring.certificate().page_bytes != 0; });
  with_ring("ring.producer_alive", [](const R& ring) { return !ring.producer_alive(); });
  with_ring("ring.consumer_alive", [](const R& ring) { return !ring.consumer_alive(); });
  add(named("producer.consumer_alive"), [](State& state) {
    const auto ring = need(R::create(object_name("spsc"), 64));
    const auto producer = need(ring.producer());
    const auto consumer = need(ring.consumer());
    repeat(state, [&] { return producer.consumer_alive(); });
  });
  add(named("consumer.producer_alive"), [](State& state) {
    const auto ring = need(R::create(object_name("spsc"), 64));
    const auto producer = need(ring.producer());
    const auto consumer = need(ring.consumer());
    repeat(state, [&] { return consumer.producer_alive(); });
  });
}

}  // namespace

void add_spsc()
{
  for_each_message([]<class M>() {
    add_transfers<M>();
    add_refusals<M>();
  });
  add_questions();
  add_set_up();
}

}  // namespace rtlane::bench::micro
