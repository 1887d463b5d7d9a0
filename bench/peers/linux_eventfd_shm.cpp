// What people build when they need it themselves: a ring in shared memory, and an eventfd as its bell.
//
// As eventfd(2) shows it: the producer rings after each message, the consumer sleeps in poll() when the ring is empty,
// then reads the eventfd and looks again. Indices on lines of their own, a power of two as capacity.
// A full ring is an answer at once. Ends: one on each side.
//
// Ordering
//   E1 written, release  ->  E2 written, acquire   the message is there before the index that shows it
//   E3 read, release     ->  E4 read, acquire      the slot has been read before it is written again
#include <rtlane/core/cache_line.hpp>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>

#include "descriptor.hpp"
#include "peer_infos.hpp"
#include "registration.hpp"

namespace rtlane::bench {
namespace {

template <class M>
struct Ring {
  alignas(cache_line_bytes) std::atomic<std::uint64_t> written;
  alignas(cache_line_bytes) std::atomic<std::uint64_t> read;
  alignas(cache_line_bytes) std::array<M, link_capacity> slots;

  bool put(const M& message)
  {
    const std::uint64_t at = written.load(std::memory_order_relaxed);  // relaxed: only this side writes it
    if (at - read.load(std::memory_order_acquire) == link_capacity)    // E4, pairs with E3
      return false;
    slots[at % link_capacity] = message;
    written.store(at + 1, std::memory_order_release);  // E1, pairs with E2
    return true;
  }

  bool take(M& message)
  {
    const std::uint64_t at = read.load(std::memory_order_relaxed);  // relaxed: only this side writes it
    if (written.load(std::memory_order_acquire) == at)              // E2, pairs with E1
      return false;
    message = slots[at % link_capacity];
    read.store(at + 1, std::memory_order_release);  // E3, pairs with E4
    return true;
  }
};

template <class M>
class EventFdShmLink {
  struct Direction {
    Ring<M>& ring;
    Descriptor bell;
  };

public:
  static constexpr LinkInfo info = linux_eventfd_shm_info;

  explicit EventFdShmLink(LinkRoom& room) : there_(make(room)), back_(make(room)) {}

  class End {
  public:
    End(Direction& out, Direction& in) : out_(&out), in_(&in) {}

    bool try_send(const M& message)
    {
      if (!out_->ring.put(message))
        return false;
      const std::uint64_t one = 1;
      must(write(out_->bell.get(), &one, sizeof one) == sizeof one, info.name.data());
      return true;
    }

    // Messages that were taken without sleeping leave their rings behind: the first sleep ends at once then, and the
    // read has taken them all.
    bool try_receive(M& message)
    {
      for (int sleeps = 0; !in_->ring.take(message); ++sleeps) {
        if (sleeps == 2)
          return false;
        sleep_until_ready(in_->bell.get(), POLLIN);
        std::uint64_t rings = 0;
        must(read(in_->bell.get(), &rings, sizeof rings) == sizeof rings || errno == EAGAIN, info.name.data());
      }
      return true;
    }

  private:
    Direction* out_;
    Direction* in_;
  };

  End near_end() { return End(there_, back_); }
  End far_end() { return End(back_, there_); }

private:
  static Direction make(LinkRoom& room)
  {
    const int bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    must(bell >= 0, info.name.data());
    return {room.shared.make<Ring<M>>(), Descriptor(bell)};
  }

  Direction there_;
  Direction back_;
};

}  // namespace

RTLANE_REGISTER_PEER(linux_eventfd_shm, EventFdShmLink)

}  // namespace rtlane::bench
