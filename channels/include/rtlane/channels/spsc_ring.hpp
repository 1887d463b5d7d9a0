// A ring from one producer to one consumer, for elements of one fixed type: every element, in order.
//
// Use it between two threads or two processes when nothing may be skipped. If only the latest value
// counts, or several readers want the same stream, a ring is the wrong thing (channels/README.md).
//
//   struct Imu { std::int64_t t_ns; float gyro[3]; };
//   RTLANE_TYPE(Imu, t_ns, gyro);                           // type_info.hpp; units and enums there
//
//   auto ring = rtlane::SpscRing<Imu>::create("robot/imu", 1024);
//   if (!ring) return fail(ring.error().message);
//   auto imu = ring->producer();                            // in another process: ring->consumer()
//   if (!imu) return fail(imu.error().message);
//   if (imu->try_push(sample) == rtlane::Status::full) ...
//
// Contract
//   * create, open, in_memory, producer, consumer and the destructors are set-up calls: they may enter the
//     kernel, allocate and block. All other calls but *_alive() are wait-free: a bounded number of steps,
//     no syscall, no allocation, no lock, whatever the peer does.
//   * One producer and one consumer at a time, of all processes; the kernel proves it. An endpoint is used
//     by one thread at a time and may move between threads; it is not inherited by fork children.
//   * Endpoints keep the memory alive themselves. A moved-from or default endpoint answers `closed`.
//   * A full ring refuses: try_push answers `full`, a batch is cut short, and it is counted. Nothing is ever
//     overwritten.
//
// A kill at any instruction, and who takes over
//   * A killed producer's unpublished element vanishes; each published one arrives. Of a batch the first
//     elements may be published and the rest not. The next producer() continues after the last published
//     one; the consumer, or its successor, keeps the position and sees producer_changed() once.
//   * A consumer killed inside try_pop: the element comes again to the next consumer, whole, unless the call
//     had already published its progress (its last shared store), then it is taken. The application had not
//     got it in either case, so nothing is processed twice; at most the elements of that one call are
//     processed by nobody. try_pop_n likewise, as one step.
//   * A consumer killed between peek() and release(): the element comes again, redelivered() says that it
//     may have been processed. At least once, and the doubt is exact to the element.
//
// Hostile or damaged peers: each shared word is read once and checked; wrong data or `corrupt` may come
// out, never an access outside the ring and never a hang. try_pop copies, then the copy is yours; a peer may
// still change what peek() points to, so do not parse untrusted data in place.
//
// The algorithm, its words and the ordering pairs: spsc_core.hpp.
#pragma once

#include <rtlane/channels/channel_object.hpp>
#include <rtlane/channels/idle.hpp>
#include <rtlane/channels/spsc_core.hpp>
#include <rtlane/channels/status.hpp>
#include <rtlane/channels/type_info.hpp>
#include <rtlane/core/expected.hpp>
#include <rtlane/core/shared_memory.hpp>
#include <rtlane/core/shm_safe.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

namespace rtlane {

struct SpscOptions {
  ShmOptions memory{};                  // page tier, locking, mode, group ...; see rtlane/core/shm.h
  std::uint64_t slot_stride_bytes = 0;  // distance of slots; 0 = the default for the element's size
  std::uint64_t start_position = 0;     // of the first element; only tests set it, to come near a wrap
  std::uint32_t doorbell = 0;           // enum rtlane_channel_doorbell; 0 = never, or as an existing ring has it
};

template <ShmSafe T>
class SpscRing : public detail::ChannelObject<SpscRing<T>> {
  static_assert(alignof(T) <= max_element_align, "rtlane: an element may be aligned to 128 bytes at most");
  static_assert(std::is_move_assignable_v<std::remove_all_extents_t<T>>,
                "rtlane: try_pop writes over an element, so it must be assignable: take const from its members");

public:
  class Producer;
  class Consumer;

  // Makes the ring called name for `capacity` elements (rounded up to a power of two), or opens the one
  // that exists: created() tells. An existing one of another element type (-EPROTOTYPE, the message has
  // both layouts and the first differing field) or capacity (-ERANGE) is refused. Other errors as
  // rtlane_channel_create.
  [[nodiscard]] static expected<SpscRing> create(const std::string& name, std::uint64_t capacity,
                                                 const SpscOptions& options = {})
  {
    return Object::create_as(name, spec(capacity, options), options.memory);
  }

  // Opens the ring called name, of any capacity; -ENOENT when there is none.
  [[nodiscard]] static expected<SpscRing> open(const std::string& name, const SpscOptions& options = {})
  {
    return Object::open_as(name, spec(0, options), options.memory);
  }

  // A ring in private memory of this process, between threads. No kernel object and no name; the death of a
  // thread that holds an endpoint is not noticed.
  [[nodiscard]] static expected<SpscRing> in_memory(std::uint64_t capacity, const SpscOptions& options = {})
  {
    return Object::in_memory_as(spec(capacity, options));
  }

  // Takes the role: -EBUSY while somebody alive has it, in whatever process.
  [[nodiscard]] expected<Producer> producer() const
  {
    return this->attach(RTLANE_ROLE_PRODUCER, [](Role role) { return Producer(std::move(role)); });
  }
  [[nodiscard]] expected<Consumer> consumer() const
  {
    return this->attach(RTLANE_ROLE_CONSUMER, [](Role role) { return Consumer(std::move(role)); });
  }

  [[nodiscard]] bool producer_alive() const noexcept { return this->channel().role_alive(RTLANE_ROLE_PRODUCER); }
  [[nodiscard]] bool consumer_alive() const noexcept { return this->channel().role_alive(RTLANE_ROLE_CONSUMER); }

private:
  using Object = detail::ChannelObject<SpscRing>;
  friend Object;
  using Object::Object;

  static rtlane_channel_spec spec(std::uint64_t capacity, const SpscOptions& options) noexcept
  {
    rtlane_channel_spec wanted = RTLANE_CHANNEL_SPEC_INIT;
    wanted.capacity = capacity;
    wanted.type = &type_of<T>();
    wanted.slot_stride_bytes = options.slot_stride_bytes;
    wanted.start_position = options.start_position;
    wanted.doorbell = options.doorbell;
    return wanted;
  }
};

// The writing end. Move-only; gives the role back on destruction.
template <ShmSafe T>
class SpscRing<T>::Producer : public detail::Endpoint<detail::SpscProducerCore<>> {
public:
  Producer() = default;

  // ok, full, closed (after close()), corrupt. Wait-free: one shared store, and a load when the ring looks full, at
  // most once per lap while the consumer keeps up; to answer `full` two loads and a store, its counter.
  [[nodiscard]] Status try_push(const T& value) noexcept
  {
    std::byte* place = core_.claim();
    if (place == nullptr) [[unlikely]]
      return core_.last_status();
    std::memcpy(place, std::addressof(value), sizeof(T));
    core_.publish();
    return Status::ok;
  }

  // Pushes the first elements of `values`, as many as there is room for; returns how many. Fewer than asked:
  // last_status(), and counted as one refusal. Each is visible as soon as it is written, in order. Wait-free, O(n).
  [[nodiscard]] std::size_t try_push_n(std::span<const T> values) noexcept
  {
    const std::uint64_t room = core_.room(values.size());
    const std::size_t count = values.size() < room ? values.size() : static_cast<std::size_t>(room);
    for (const T& value : values.first(count)) {
      std::memcpy(core_.claim(), std::addressof(value), sizeof(T));
      core_.publish();
    }
    return count;
  }

  // As try_push, but while the ring is full waits for room as `strategy` does (idle.hpp), at the longest until
  // deadline_ns of CLOCK_MONOTONIC; then `full`. Blocking. A call that had to wait counts as one refusal. Does not
  // ring.
  template <idle::Any Strategy = idle::Pause>
  [[nodiscard]] Status push_until(const T& value, std::int64_t deadline_ns, Strategy strategy = {}) noexcept
  {
    Status status = try_push(value);
    if (!detail::worth_waiting(status) || deadline_ns <= 0)
      return status;
    status = detail::wait_until(strategy, bell_, deadline_ns, [this] { return core_.look_for_room(); });
    return status == Status::ok ? try_push(value) : status;
  }

  // Writing in place: the next element's memory (its bytes are leftovers), or nullptr: last_status() says
  // why. Nothing is visible until publish(). Calling claim() again gives the same place; try_push takes it away.
  [[nodiscard]] T* claim() noexcept
  {
    std::byte* place = core_.claim();
    if (place != nullptr)
      core_.mark_claimed();
    return reinterpret_cast<T*>(place);
  }
  // Makes the claimed element visible. Without a claim(): does nothing and answers false.
  bool publish() noexcept
  {
    if (!core_.claimed())
      return false;
    core_.publish();
    return true;
  }

  // Ends the stream: the consumer takes what is left, then hears `closed`. This endpoint answers `closed`
  // from now on; the next producer() opens the stream again.
  void close() noexcept { core_.close(); }

  // Why the last claim() gave nullptr, or the last try_push_n fewer than asked.
  [[nodiscard]] Status last_status() const noexcept { return core_.last_status(); }
  [[nodiscard]] std::uint64_t size_estimate() const noexcept { return core_.size_estimate(); }
  [[nodiscard]] std::uint64_t capacity() const noexcept { return core_.capacity(); }
  // Asks the kernel: four system calls. For when the ring stays full.
  [[nodiscard]] bool consumer_alive() const noexcept { return role_.channel().role_alive(RTLANE_ROLE_CONSUMER); }

private:
  friend class SpscRing;
  using Endpoint = detail::Endpoint<detail::SpscProducerCore<>>;
  using Endpoint::bell_;
  using Endpoint::core_;
  using Endpoint::role_;

  explicit Producer(Role role) noexcept
      : Endpoint(detail::SpscProducerCore<>(detail::SpscView<std::atomic<std::uint64_t>>(role.channel().layout())),
                 std::move(role))
  {}
};

// The reading end. Move-only; gives the role back on destruction.
template <ShmSafe T>
class SpscRing<T>::Consumer : public detail::Endpoint<detail::SpscConsumerCore<>> {
public:
  Consumer() = default;

  // ok, empty, closed (the producer ended the stream and everything is taken), corrupt; `out` is written only
  // with ok. Wait-free: one shared load and one store to take, two loads to answer `empty` or `closed`; up to two
  // loads and three stores more for the first element after an attach or of another producer.
  [[nodiscard]] Status try_pop(T& out) noexcept
  {
    const std::byte* value = core_.look();
    if (value == nullptr) [[unlikely]]
      return core_.last_status();
    std::memcpy(std::addressof(out), value, sizeof(T));
    core_.step();
    core_.give_back();
    return Status::ok;
  }

  // As try_pop, but while the ring is empty waits as `strategy` does (idle.hpp), at the longest until deadline_ns of
  // CLOCK_MONOTONIC; then `empty`. Blocking; a producer that was killed is waited for, too. Does not ring.
  template <idle::Any Strategy = idle::Pause>
  [[nodiscard]] Status pop_until(T& out, std::int64_t deadline_ns, Strategy strategy = {}) noexcept
  {
    return detail::wait_until(strategy, bell_, deadline_ns, [&] { return try_pop(out); });
  }

  // Takes up to out.size() elements into the front of `out`; returns how many. 0: last_status() says why.
  // producer_changed() and redelivered() hold for a batch as a whole: it ends where their answer would
  // change. Wait-free, O(n), progress is published once.
  [[nodiscard]] std::size_t try_pop_n(std::span<T> out) noexcept
  {
    const std::byte* value = out.empty() ? nullptr : core_.look();
    if (value == nullptr)
      return 0;
    std::size_t count = 0;
    do {
      std::memcpy(std::addressof(out[count]), core_.value(), sizeof(T));
      core_.step();
      ++count;
    } while (count < out.size() && core_.continues());
    core_.give_back();
    return count;
  }

  // The next element in place, or nullptr: last_status() says why. It stays the next one until release()
  // (or try_pop) takes it. For a trusted producer: its memory is shared.
  [[nodiscard]] const T* peek() noexcept
  {
    const std::byte* value = core_.look();
    if (value == nullptr)
      return nullptr;
    core_.mark_peeked();
    return reinterpret_cast<const T*>(value);
  }
  // Takes the element that peek() showed; its memory is the producer's again. Without one: does nothing and
  // answers false.
  bool release() noexcept
  {
    if (!core_.peeking())
      return false;
    core_.step();
    core_.give_back();
    return true;
  }

  // True once after the first element of another producer was taken or shown: elements may be missing that
  // the former one had not published. Also true when a consumer before this one took it and came to its end
  // without having asked.
  [[nodiscard]] bool producer_changed() noexcept { return core_.take_changed(); }

  // Whether a former consumer, killed between peek() and release() (or detached there), may have seen the
  // element last taken or shown.
  [[nodiscard]] bool redelivered() const noexcept { return core_.redelivered(); }

  // Why the last peek() gave nullptr, or the last try_pop_n took nothing.
  [[nodiscard]] Status last_status() const noexcept { return core_.last_status(); }
  // About log2(capacity) shared loads.
  [[nodiscard]] std::uint64_t size_estimate() const noexcept { return core_.size_estimate(); }
  [[nodiscard]] std::uint64_t capacity() const noexcept { return core_.capacity(); }
  // Asks the kernel: four system calls. For when the ring stays empty.
  [[nodiscard]] bool producer_alive() const noexcept { return role_.channel().role_alive(RTLANE_ROLE_PRODUCER); }

private:
  friend class SpscRing;
  using Endpoint = detail::Endpoint<detail::SpscConsumerCore<>>;
  using Endpoint::bell_;
  using Endpoint::core_;
  using Endpoint::role_;

  explicit Consumer(Role role) noexcept
      : Endpoint(detail::SpscConsumerCore<>(detail::SpscView<std::atomic<std::uint64_t>>(role.channel().layout())),
                 std::move(role))
  {}
};

}  // namespace rtlane
