// Elements of the sizes that are measured, and rings of them with both ends in one thread.
#pragma once

#include <rtlane/channels/channels.h>
#include <rtlane/channels/spsc_ring.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

#include "micro.hpp"

namespace rtlane::bench::micro {

// 48 bytes fill a cache line together with the slot's sequence word, 64 need a second one.
template <std::size_t size_bytes>
struct Message {
  std::uint64_t words[size_bytes / 8];
};

using Message16 = Message<16>;
using Message48 = Message<48>;
using Message64 = Message<64>;
using Message1024 = Message<1024>;

RTLANE_TYPE(Message16, words);
RTLANE_TYPE(Message48, words);
RTLANE_TYPE(Message64, words);
RTLANE_TYPE(Message1024, words);

// Calls body.operator()<M>() for each of them.
template <class Body>
void for_each_message(Body&& body)
{
  body.template operator()<Message16>();
  body.template operator()<Message48>();
  body.template operator()<Message64>();
  body.template operator()<Message1024>();
}

inline constexpr std::size_t batch_count = 8;

template <class M>
struct Ring {
  explicit Ring(std::uint64_t capacity = 64) : ring(need(SpscRing<M>::in_memory(capacity)))
  {
    producer = need(ring.producer());
    consumer = need(ring.consumer());
    // The first element after an attach takes another path.
    if (producer.try_push(message) != Status::ok || consumer.try_pop(out) != Status::ok)
      throw Failure("a new ring does not pass its first element");
    (void)consumer.producer_changed();
  }

  // Pushes until it is full.
  void fill()
  {
    while (producer.try_push(message) == Status::ok) {
    }
  }

  SpscRing<M> ring;
  typename SpscRing<M>::Producer producer;
  typename SpscRing<M>::Consumer consumer;
  M message{};
  M out{};
  std::array<M, batch_count> batch{};
  std::array<M, batch_count> out_batch{};
};

// The same by the C calls.
template <class M>
class CRing {
public:
  CRing()
  {
    need_c(rtlane_spsc_in_memory(64, &type_of<M>(), &ring), "rtlane_spsc_in_memory");
    need_c(rtlane_spsc_producer_attach(ring, &producer), "rtlane_spsc_producer_attach");
    need_c(rtlane_spsc_consumer_attach(ring, &consumer), "rtlane_spsc_consumer_attach");
    // The first element after an attach takes another path.
    if (rtlane_spsc_try_push(producer, &message) != RTLANE_OK || rtlane_spsc_try_pop(consumer, &out) != RTLANE_OK)
      throw Failure("a new ring does not pass its first element");
    rtlane_spsc_producer_changed(consumer);
  }
  CRing(const CRing&) = delete;
  CRing& operator=(const CRing&) = delete;
  ~CRing()
  {
    rtlane_spsc_consumer_detach(consumer);
    rtlane_spsc_producer_detach(producer);
    rtlane_spsc_close(ring);
  }

  void fill()
  {
    while (rtlane_spsc_try_push(producer, &message) == RTLANE_OK) {
    }
  }

  rtlane_spsc* ring = nullptr;
  rtlane_spsc_producer* producer = nullptr;
  rtlane_spsc_consumer* consumer = nullptr;
  M message{};
  M out{};
  std::array<M, batch_count> batch{};
};

}  // namespace rtlane::bench::micro
