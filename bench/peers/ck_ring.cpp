// Concurrency Kit's ring, for one producer and one consumer and for many.
//
// As ck_ring_init(3) says: a power of two as size and a buffer that the user brings, which may lie in shared memory;
// entries of a type lie in it by CK_RING_PROTOTYPE. The calls are not inlined into the loop, unlike a C user's.
// Ends: ck/ring_spsc one on each side, ck/ring_mpmc any number on both. A producer that stops inside an enqueue stops
// all the others. The ring holds one message less than its size.
#include <rtlane/core/cache_line.hpp>

#include <array>
#include <cstddef>

#include "ck_rings.h"
#include "peer_infos.hpp"
#include "queue_link.hpp"
#include "registration.hpp"

namespace rtlane::bench {
namespace {

using Call = bool (*)(void* ring, void* slots, void* message);

template <std::size_t bytes>
struct Calls;

#define RTLANE_CK_CALLS(bytes)                                            \
  template <>                                                             \
  struct Calls<bytes> {                                                   \
    static constexpr Call spsc_enqueue = &rtlane_ck_spsc_enqueue_##bytes; \
    static constexpr Call spsc_dequeue = &rtlane_ck_spsc_dequeue_##bytes; \
    static constexpr Call mpmc_enqueue = &rtlane_ck_mpmc_enqueue_##bytes; \
    static constexpr Call mpmc_dequeue = &rtlane_ck_mpmc_dequeue_##bytes; \
  };

RTLANE_CK_CALLS(16)
RTLANE_CK_CALLS(48)
RTLANE_CK_CALLS(64)
RTLANE_CK_CALLS(256)
RTLANE_CK_CALLS(1024)

template <class M, bool spsc>
class Queue {
  using Of = Calls<sizeof(M)>;

public:
  Queue() { rtlane_ck_ring_init(ring_.data(), link_capacity); }

  bool try_send(const M& message)
  {
    constexpr Call enqueue = spsc ? Of::spsc_enqueue : Of::mpmc_enqueue;
    return enqueue(ring_.data(), slots_.data(), const_cast<M*>(&message));
  }
  bool try_receive(M& message)
  {
    constexpr Call dequeue = spsc ? Of::spsc_dequeue : Of::mpmc_dequeue;
    return dequeue(ring_.data(), slots_.data(), &message);
  }

private:
  alignas(cache_line_bytes) std::array<std::byte, rtlane_ck_ring_bytes> ring_;
  alignas(cache_line_bytes) std::array<M, link_capacity> slots_;
};

template <class M>
class CkRingSpscLink : public SharedQueues<Queue<M, true>> {
public:
  static constexpr LinkInfo info = ck_ring_spsc_info;

  using SharedQueues<Queue<M, true>>::SharedQueues;
};

template <class M>
class CkRingMpmcLink : public SharedQueues<Queue<M, false>> {
public:
  static constexpr LinkInfo info = ck_ring_mpmc_info;

  using SharedQueues<Queue<M, false>>::SharedQueues;
};

}  // namespace

RTLANE_REGISTER_PEER(ck_ring_spsc, CkRingSpscLink)
RTLANE_REGISTER_PEER(ck_ring_mpmc, CkRingMpmcLink)

}  // namespace rtlane::bench
