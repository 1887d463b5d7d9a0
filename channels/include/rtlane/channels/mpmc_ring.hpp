// A ring from many producers to many consumers, for elements of one fixed type: every element, to one consumer each.
//
// Use it when work is shared out among several consumers, or several producers feed one stream. From one to one
// SpscRing is cheaper; if every reader wants every element, a ring is the wrong thing (channels/README.md).
//
//   auto ring = rtlane::MpmcRing<Job>::create("plant/jobs", 1024);
//   if (!ring) return fail(ring.error().message);
//   auto jobs = ring->producer();                           // in any process, any number; ring->consumer() likewise
//   if (!jobs) return fail(jobs.error().message);
//   if (jobs->try_push(job) == rtlane::Status::full) ...
//
// Contract
//   * create, open, in_memory, producer, consumer and the destructors are set-up calls: they may enter the kernel,
//     allocate and block. Data calls end after a bounded number of their own steps, whatever anybody else does:
//     64 attempts, then `busy`. No allocation, no lock. No system call, but for one question to the kernel per
//     participant, and only when an unfinished element or slot of somebody was in the way in two calls running.
//     push_until and pop_until wait, as their strategy says (idle.hpp); each of their looks counts as a call.
//   * Up to `participants` endpoints at a time, of all processes. An endpoint is used by one thread at a time and may
//     move between threads; it is not inherited by fork children. It keeps the memory alive itself.
//   * Order: elements are taken in the order in which their pushes took their places (isolated: were published); so
//     those of one producer come in its order, as far as one consumer sees them.
//   * `empty`, `full` and `closed` were true at one moment of the call. `busy` is neither: somebody alive is in the
//     middle of the element or slot that is next, or others were faster in all attempts. `full` counts pushes that
//     are not finished, and the place of a killed producer until the consumers come to it (isolated: see there).
//   * Two modes, chosen when the ring is made (MpmcOptions::mode) and learned from it by everybody else:
//       shared, the default: elements lie in `capacity` common slots. The ring as a whole is lock-free but for one
//     thing: a participant that is stopped (alive) inside try_push, or between claim and publish, makes consumers
//     answer `busy` when they come to its element; one that is stopped inside try_pop, or between peek and release,
//     makes producers answer `busy` a lap later. Nobody repairs what belongs to a living participant.
//       isolated: each participant has `quota` slots of its own; an element is finished there and then published with
//     one step. Lock-free as a whole: a stopped participant delays nobody, wherever it is. `busy` says only that others
//     were faster in all attempts. `full` says that none of the producer's own slots is free: each holds an element
//     that waits, or that a consumer has in hand; so a producer cannot fill the ring for others, and each consumer
//     that stops with an element in hand costs the element's producer one slot meanwhile. Costs more per element
//     (channels/README.md) and participants * quota slots of memory.

// A kill at any instruction
//   * in try_push, or between claim and publish: the element arrives whole, or vanishes; nothing else is lost. Its
//     place is passed over by whoever comes to it (isolated: it had none yet).
//   * in try_pop, or between peek and release: at most the one element in hand is gone with the killed process; it is
//     not delivered again. `orphaned` counts such elements; a kill in the few instructions before an element is
//     taken may count as well, so it is an upper bound (isolated: the number itself). They are counted when a
//     survivor comes to them: isolated, when their producer needs the slot or somebody gets the killed one's place.
//   * in a batch: as in the single call of the element at which it was.
//   * in attach, detach, close, or while repairing: nothing.
//   Elements of others are never lost, doubled, torn or taken out of order, and the capacity comes back.
//
// Hostile or damaged peers: each shared word is read once and checked; wrong data, `full`, `empty`, `busy` or
// `corrupt` may come out, never an access outside the ring and never a hang. try_pop copies, then the copy is yours; a
// peer may still change what peek() points to, so do not parse untrusted data in place.
//
// The algorithms: mpmc_core.hpp, mpmc_isolated_core.hpp; their words and ordering pairs: mpmc_layout.hpp,
// mpmc_isolated_layout.hpp.
#pragma once

#include <rtlane/channels/channel_object.hpp>
#include <rtlane/channels/idle.hpp>
#include <rtlane/channels/mpmc_modes.hpp>
#include <rtlane/channels/participants.hpp>
#include <rtlane/channels/status.hpp>
#include <rtlane/channels/type_info.hpp>
#include <rtlane/core/expected.hpp>
#include <rtlane/core/shared_memory.hpp>
#include <rtlane/core/shm_safe.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace rtlane {

struct MpmcOptions {
  ShmOptions memory{};                  // page tier, locking, mode, group ...; see rtlane/core/shm.h
  std::uint64_t slot_stride_bytes = 0;  // distance of slots; 0 = the default for the element's size
  std::uint32_t participants = 0;       // producers and consumers together, 1..64; 0 = 16, or as found
  std::uint32_t doorbell = 0;           // enum rtlane_channel_doorbell; 0 = never, or as an existing ring has it
  std::uint32_t mode = 0;               // enum rtlane_channel_mode; 0 = shared, or as an existing ring has it
  std::uint64_t quota = 0;              // isolated: slots of each participant, 1..capacity + participants; 0 =
                                        // capacity / participants + participants + 1, or as found
};

template <ShmSafe T>
class MpmcRing : public detail::ChannelObject<MpmcRing<T>> {
  static_assert(alignof(T) <= max_element_align, "rtlane: an element may be aligned to 128 bytes at most");
  static_assert(std::is_move_assignable_v<std::remove_all_extents_t<T>>,
                "rtlane: try_pop writes over an element, so it must be assignable: take const from its members");

public:
  class Producer;
  class Consumer;

  // Makes the ring called name for `capacity` elements (1..2^20, rounded up to a power of two), or opens the one that
  // exists: created() tells. An existing one of another element type (-EPROTOTYPE, the message has both layouts and the
  // first differing field), capacity, number of participants, mode or quota (-ERANGE) is refused. Other errors as
  // rtlane_channel_create. In an isolated ring a producer has room for `quota` elements, and `capacity` only says how
  // many slots there are if quota is left to the library.
  [[nodiscard]] static expected<MpmcRing> create(const std::string& name, std::uint64_t capacity,
                                                 const MpmcOptions& options = {})
  {
    return Object::create_as(name, spec(capacity, options), options.memory);
  }

  // Opens the ring called name, of any capacity; -ENOENT when there is none.
  [[nodiscard]] static expected<MpmcRing> open(const std::string& name, const MpmcOptions& options = {})
  {
    return Object::open_as(name, spec(0, options), options.memory);
  }

  // A ring in private memory of this process, between threads. No kernel object and no name; the death of a thread
  // that holds an endpoint is not noticed.
  [[nodiscard]] static expected<MpmcRing> in_memory(std::uint64_t capacity, const MpmcOptions& options = {})
  {
    return Object::in_memory_as(spec(capacity, options));
  }

  // Each takes one of the participants' places: -EBUSY while living endpoints have all of them. In an isolated ring a
  // producer allocates four bytes for each of its slots, so -ENOMEM is possible.
  [[nodiscard]] expected<Producer> producer() const { return attach_as<Producer>(); }
  [[nodiscard]] expected<Consumer> consumer() const { return attach_as<Consumer>(); }

  [[nodiscard]] std::uint64_t size_estimate() const noexcept
  {
    return detail::mpmc_size_estimate(this->channel().layout());
  }

private:
  using Object = detail::ChannelObject<MpmcRing>;
  friend Object;
  using Object::Object;

  template <class Endpoint>
  [[nodiscard]] expected<Endpoint> attach_as() const
  {
    auto place = detail::mpmc_attach<typename Endpoint::Core>(this->channel());
    if (!place)
      return unexpected(std::move(place).error());
    return Endpoint(std::move(place->end), std::move(place->role));
  }

  static rtlane_channel_spec spec(std::uint64_t capacity, const MpmcOptions& options) noexcept
  {
    rtlane_channel_spec wanted = RTLANE_CHANNEL_SPEC_INIT;
    wanted.kind = RTLANE_CHANNEL_MPMC_RING;
    wanted.mode = options.mode;
    wanted.quota = options.quota;
    wanted.capacity = capacity;
    wanted.type = &type_of<T>();
    wanted.slot_stride_bytes = options.slot_stride_bytes;
    wanted.participants = options.participants;
    wanted.doorbell = options.doorbell;
    return wanted;
  }
};

// A writing end. Move-only; gives its place back on destruction.
template <ShmSafe T>
class MpmcRing<T>::Producer : public detail::Endpoint<detail::MpmcProducerEnd> {
  using Base = detail::Endpoint<detail::MpmcProducerEnd>;

public:
  Producer() = default;

  // ok, full, busy, closed (after anybody's close()), corrupt. Bounded; as a rule a load, two stores and a CAS
  // (isolated: four loads, a store and two CAS).
  [[nodiscard]] Status try_push(const T& value) noexcept { return push_at(this->core_.claim(), value); }

  // As try_push, but while the ring is full or busy waits as `strategy` does (idle.hpp), at the longest until
  // deadline_ns of CLOCK_MONOTONIC; then that. Blocking. A call that heard `full` first counts as one refusal. Does not
  // ring. What is in the way is waited for while its owner lives; a killed one's is taken back.
  template <idle::Any Strategy = idle::Pause>
  [[nodiscard]] Status push_until(const T& value, std::int64_t deadline_ns, Strategy strategy = {}) noexcept
  {
    const Status status = try_push(value);
    if (!detail::worth_waiting(status) || deadline_ns <= 0)
      return status;
    return detail::wait_until(strategy, this->bell_, deadline_ns,
                              [&] { return push_at(this->core_.claim_again(), value); });
  }

  // try_push of each until one is refused; returns how many were pushed. Fewer than asked: last_status(). Elements of
  // other producers may come between them. Bounded, O(n).
  [[nodiscard]] std::size_t try_push_n(std::span<const T> values) noexcept
  {
    std::size_t count = 0;
    while (count < values.size() && try_push(values[count]) == Status::ok)
      ++count;
    return count;
  }

  // Writing in place: memory for an element (its bytes are leftovers), or nullptr: last_status() says why. Calling
  // claim() again gives the same place; try_push uses it. Shared: its place in the order is taken now, and consumers
  // that come to it answer `busy` until publish(), so be quick; destruction gives it up, consumers pass over it.
  // Isolated: nobody knows of it before publish(), take your time.
  [[nodiscard]] T* claim() noexcept { return reinterpret_cast<T*>(this->core_.claim()); }
  // Makes the claimed element visible. Without a claim(): does nothing and answers false. Isolated, it may also answer
  // false with last_status() `busy`: others were faster in all attempts; the element is still claimed, call again. Or
  // `closed`, `corrupt`: it is not claimed any more. Bounded.
  bool publish() noexcept
  {
    if (!this->core_.claimed())
      return false;
    return this->core_.publish() == Status::ok;
  }

  // Ends the stream, for all producers and for good: what was pushed before, shared also what was claimed before, is
  // delivered, then consumers hear `closed`. Any producer may do so. Wait-free.
  void close() noexcept { this->core_.close(); }

  // Why the last claim() gave nullptr, publish() answered false, or try_push_n pushed fewer than asked.
  [[nodiscard]] Status last_status() const noexcept { return this->core_.last_status(); }

private:
  friend class MpmcRing;
  using Core = detail::MpmcProducerEnd;
  using Base::Base;

  Status push_at(std::byte* place, const T& value) noexcept
  {
    if (place == nullptr) [[unlikely]]
      return this->core_.last_status();
    std::memcpy(place, std::addressof(value), sizeof(T));
    return this->core_.publish_or_give_up();
  }
};

// A reading end. Move-only; gives its place back on destruction.
template <ShmSafe T>
class MpmcRing<T>::Consumer : public detail::Endpoint<detail::MpmcConsumerEnd> {
  using Base = detail::Endpoint<detail::MpmcConsumerEnd>;

public:
  Consumer() = default;

  // ok, empty, busy, closed (the stream was ended and everything is taken), corrupt; `out` is written only with ok.
  // Bounded; as a rule two loads, two stores and a CAS (isolated: three, two and three). After peek() it takes the
  // element shown.
  [[nodiscard]] Status try_pop(T& out) noexcept
  {
    const std::byte* value = this->core_.take();
    if (value == nullptr) [[unlikely]]
      return this->core_.last_status();
    std::memcpy(std::addressof(out), value, sizeof(T));
    this->core_.give_back();
    return Status::ok;
  }

  // As try_pop, but while the ring is empty or busy waits as `strategy` does (idle.hpp), at the longest until
  // deadline_ns of CLOCK_MONOTONIC; then that. Blocking; producers that were killed are waited for, too, their
  // unfinished elements are passed over. Does not ring.
  template <idle::Any Strategy = idle::Pause>
  [[nodiscard]] Status pop_until(T& out, std::int64_t deadline_ns, Strategy strategy = {}) noexcept
  {
    return detail::wait_until(strategy, this->bell_, deadline_ns, [&] { return try_pop(out); });
  }

  // try_pop into the front of `out` until one is refused; returns how many were taken. Fewer than out.size():
  // last_status() says why. Others may take elements between them. Bounded, O(n).
  [[nodiscard]] std::size_t try_pop_n(std::span<T> out) noexcept
  {
    std::size_t count = 0;
    while (count < out.size() && try_pop(out[count]) == Status::ok)
      ++count;
    return count;
  }

  // Takes the next element without copying it, or nullptr: last_status() says why. It is this consumer's, nobody else
  // gets it, and its slot is not written over before release(); producers that come to the slot a lap later answer
  // `busy` (isolated: its producer has one slot less meanwhile). Calling peek() again shows the same. Destruction
  // releases it. For trusted producers: memory is shared.
  [[nodiscard]] const T* peek() noexcept { return reinterpret_cast<const T*>(this->core_.take()); }
  // Without an element shown: does nothing and answers false.
  bool release() noexcept
  {
    if (!this->core_.holding())
      return false;
    this->core_.give_back();
    return true;
  }

  // Why the last peek() gave nullptr, or the last try_pop_n took fewer than there was room for.
  [[nodiscard]] Status last_status() const noexcept { return this->core_.last_status(); }

private:
  friend class MpmcRing;
  using Core = detail::MpmcConsumerEnd;
  using Base::Base;
};

}  // namespace rtlane
