// The C API of the SPSC ring, both ends in one thread: a call of the library each, for elements whose size it learns
// when it is attached.
#include <fmt/format.h>
#include <rtlane/channels/channels.h>

#include <string>
#include <string_view>

#include "micro.hpp"
#include "rings.hpp"

namespace rtlane::bench::micro {
namespace {

template <class M, class Operation>
void add_on_ring(std::string_view operations, Operation operation, bool full = false)
{
  add(fmt::format("spsc_c/{}/bytes:{}/same_thread", operations, sizeof(M)), [operation, full](State& state) {
    CRing<M> ring;
    if (full)
      ring.fill();
    repeat(state, [&] { return operation(ring); });
  });
}

template <class M>
void add_transfers()
{
  using R = CRing<M>;
  constexpr auto all = static_cast<std::int64_t>(batch_count);
  add_on_ring<M>("try_push,try_pop", [](R& r) {
    return rtlane_spsc_try_push(r.producer, &r.message) == RTLANE_OK &&
           rtlane_spsc_try_pop(r.consumer, &r.out) == RTLANE_OK;
  });
  add_on_ring<M>("try_push_n,try_pop_n/batch:8", [](R& r) {
    return rtlane_spsc_try_push_n(r.producer, r.batch.data(), batch_count) == all &&
           rtlane_spsc_try_pop_n(r.consumer, r.batch.data(), batch_count) == all;
  });
  add_on_ring<M>("claim,publish,peek,release", [](R& r) {
    void* place = nullptr;
    const void* element = nullptr;
    if (rtlane_spsc_claim(r.producer, &place) != RTLANE_OK)
      return false;
    static_cast<M*>(place)->words[0] = 1;
    return rtlane_spsc_publish(r.producer) == RTLANE_OK && rtlane_spsc_peek(r.consumer, &element) == RTLANE_OK &&
           used(static_cast<const M*>(element)->words[0]) && rtlane_spsc_release(r.consumer) == RTLANE_OK;
  });
  add_on_ring<M>(
      "try_push/full", [](R& r) { return rtlane_spsc_try_push(r.producer, &r.message) == RTLANE_FULL; }, true);
  add_on_ring<M>("try_pop/empty", [](R& r) { return rtlane_spsc_try_pop(r.consumer, &r.out) == RTLANE_EMPTY; });
}

void add_questions()
{
  using M = Message16;
  using R = CRing<M>;
  add_on_ring<M>("producer_status", [](R& r) { return used(rtlane_spsc_producer_status(r.producer)); });
  add_on_ring<M>("consumer_status", [](R& r) { return used(rtlane_spsc_consumer_status(r.consumer)); });
  add_on_ring<M>(
      "producer_size_estimate", [](R& r) { return rtlane_spsc_producer_size_estimate(r.producer) == 64; }, true);
  add_on_ring<M>(
      "consumer_size_estimate", [](R& r) { return rtlane_spsc_consumer_size_estimate(r.consumer) == 64; }, true);
  add_on_ring<M>("producer_changed", [](R& r) { return rtlane_spsc_producer_changed(r.consumer) == 0; });
  add_on_ring<M>("redelivered", [](R& r) { return rtlane_spsc_redelivered(r.consumer) == 0; });
  add_on_ring<M>("capacity", [](R& r) { return rtlane_spsc_capacity(r.ring) == 64; });
  add_on_ring<M>("element_bytes", [](R& r) { return rtlane_spsc_element_bytes(r.ring) == sizeof(M); });
  add_on_ring<M>("channel", [](R& r) { return rtlane_spsc_channel(r.ring) != nullptr; });
  add_on_ring<M>("producer_alive", [](R& r) { return rtlane_spsc_producer_alive(r.consumer) == 1; });
  add_on_ring<M>("consumer_alive", [](R& r) { return rtlane_spsc_consumer_alive(r.producer) == 1; });
}

void add_set_up()
{
  using M = Message16;
  const auto named = [](std::string_view operations) { return fmt::format("spsc_c/{}/bytes:16/alone", operations); };
  add(named("create,close"), [](State& state) {
    repeat(state, [name = object_name("spsc")] {
      rtlane_spsc* ring = nullptr;
      need_c(rtlane_spsc_create(name.c_str(), 64, &type_of<M>(), nullptr, &ring), "rtlane_spsc_create");
      rtlane_spsc_close(ring);
      return true;
    });
  });
  add(named("open,close"), [](State& state) {
    const std::string name = object_name("spsc");
    const auto kept = need(SpscRing<M>::create(name, 64));
    repeat(state, [&] {
      rtlane_spsc* ring = nullptr;
      need_c(rtlane_spsc_open(name.c_str(), &type_of<M>(), nullptr, &ring), "rtlane_spsc_open");
      rtlane_spsc_close(ring);
      return true;
    });
  });
  add(named("in_memory,close"), [](State& state) {
    repeat(state, [] {
      rtlane_spsc* ring = nullptr;
      need_c(rtlane_spsc_in_memory(64, &type_of<M>(), &ring), "rtlane_spsc_in_memory");
      rtlane_spsc_close(ring);
      return true;
    });
  });
  add(named("producer_attach,end,producer_detach"), [](State& state) {
    CRing<M> ring;
    rtlane_spsc_producer_detach(ring.producer);
    ring.producer = nullptr;
    repeat(state, [&] {
      rtlane_spsc_producer* producer = nullptr;
      need_c(rtlane_spsc_producer_attach(ring.ring, &producer), "rtlane_spsc_producer_attach");
      const bool ended = rtlane_spsc_end(producer) == RTLANE_OK;
      rtlane_spsc_producer_detach(producer);
      return ended;
    });
  });
  add(named("consumer_attach,consumer_detach"), [](State& state) {
    CRing<M> ring;
    rtlane_spsc_consumer_detach(ring.consumer);
    ring.consumer = nullptr;
    repeat(state, [&] {
      rtlane_spsc_consumer* consumer = nullptr;
      need_c(rtlane_spsc_consumer_attach(ring.ring, &consumer), "rtlane_spsc_consumer_attach");
      rtlane_spsc_consumer_detach(consumer);
      return true;
    });
  });
}

}  // namespace

void add_spsc_c()
{
  for_each_message([]<class M>() { add_transfers<M>(); });
  add_questions();
  add_set_up();
}

}  // namespace rtlane::bench::micro
