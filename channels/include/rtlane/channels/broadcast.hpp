// A stream of elements of one fixed type from one writer to any number of subscribers: each hears every element, or
// knows exactly how many it lost.
//
// Use it when several readers want the same stream and none of them may hold up the writer. If nothing may be lost,
// take a ring per reader (SpscRing); if only the latest value counts, a snapshot.
//
//   auto imu = rtlane::Broadcast<Imu>::create("robot/imu", 1024);
//   if (!imu) return fail(imu.error().message);
//   auto writer = imu->writer();                            // in other processes: imu->subscriber()
//   writer->publish(sample);
//
//   switch (subscriber->try_next(sample)) {
//     case rtlane::Status::ok: ...
//     case rtlane::Status::lost: missed += subscriber->lost(); ...
//
// Contract
//   * create, open, in_memory, writer, subscriber... and the destructors are set-up calls: they may enter the kernel,
//     allocate and block. All other calls but writer_alive(), ring() and next_until() are wait-free: a bounded
//     number of steps, no syscall, no allocation, no lock, whatever the others do.
//   * One writer at a time, of all processes; the kernel proves it. It never waits and never fails: subscribers write
//     nothing, so it does not know them, and its work is the same whether there are none or hundreds.
//   * Any number of subscribers, none of them registered; a mapping of memory opened read-only is enough
//     (options.memory.read_only). An endpoint is used by one thread at a time and may move between threads. The writer
//     is not inherited by fork children.
//   * Elements are numbered from 0 in the order of publication, over all writers. A subscriber gets them in order, each
//     whole and once. One that is overtaken hears `lost` and goes on a quarter of the depth behind the oldest element
//     that is there, so that it is not overtaken again at once: at most depth * 3/4 - 1 elements behind the writer.
//     lost() counts every number that it does not get.
//   * Of a depth of N the last N - 1 elements can be taken at any time, and the one before them until the writer begins
//     with the next one. The depth is 2 at least.
//
// A kill at any instruction, and who takes over
//   * A killed writer's unpublished element vanishes; each published one counts. The next writer() continues the
//     numbers: none is missing and none is used for two elements. Subscribers keep their positions and see
//     writer_changed() once.
//   * A killed subscriber leaves nothing behind.
//   * A stopped writer is alive and keeps its role; subscribers take what is there and then hear `empty`.
//
// Hostile or damaged peers: each shared word is read once and checked; wrong data or `corrupt` may come out, never an
// access outside the memory and never a hang. What try_next copied is yours. A subscriber that is 2^47 or more elements
// behind is not told so rightly.
//
// The algorithm, its words and the ordering pairs: broadcast_core.hpp.
#pragma once

#include <rtlane/channels/broadcast_core.hpp>
#include <rtlane/channels/channel_object.hpp>
#include <rtlane/channels/idle.hpp>
#include <rtlane/channels/participants.hpp>
#include <rtlane/channels/status.hpp>
#include <rtlane/channels/type_info.hpp>
#include <rtlane/core/cache_line.hpp>
#include <rtlane/core/expected.hpp>
#include <rtlane/core/shared_memory.hpp>
#include <rtlane/core/shm_safe.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

namespace rtlane {

struct BroadcastOptions {
  ShmOptions memory{};                  // page tier, locking, mode, group ...; see rtlane/core/shm.h
  std::uint64_t slot_stride_bytes = 0;  // distance of slots; 0 = the default for the element's size
  std::uint64_t start_position = 0;     // number of the first element; only tests set it, to come near a wrap
  std::uint32_t doorbell = 0;           // enum rtlane_channel_doorbell; 0 = never, or as an existing one has it
};

template <ShmSafe T>
class Broadcast : public detail::ChannelObject<Broadcast<T>> {
  static_assert(alignof(T) <= max_element_align, "rtlane: an element may be aligned to 128 bytes at most");
  static_assert(std::is_move_assignable_v<std::remove_all_extents_t<T>>,
                "rtlane: try_next writes over an element, so it must be assignable: take const from its members");

public:
  class Writer;
  class Subscriber;

  // Makes the broadcast called name that keeps `depth` elements (2 or more, rounded up to a power of two), or opens the
  // one that exists: created() tells. An existing one of another element type (-EPROTOTYPE, the message has both
  // layouts and the first differing field) or depth (-ERANGE) is refused. Other errors as rtlane_channel_create.
  [[nodiscard]] static expected<Broadcast> create(const std::string& name, std::uint64_t depth,
                                                  const BroadcastOptions& options = {})
  {
    return Object::create_as(name, spec(depth, options), options.memory);
  }

  // Opens the broadcast called name, of any depth; -ENOENT when there is none.
  [[nodiscard]] static expected<Broadcast> open(const std::string& name, const BroadcastOptions& options = {})
  {
    return Object::open_as(name, spec(0, options), options.memory);
  }

  // A broadcast in private memory of this process, between threads. No kernel object and no name; the death of a thread
  // that holds the writer is not noticed.
  [[nodiscard]] static expected<Broadcast> in_memory(std::uint64_t depth, const BroadcastOptions& options = {})
  {
    return Object::in_memory_as(spec(depth, options));
  }

  // Takes the role: -EBUSY while somebody alive has it, in whatever process; -EACCES when opened read-only.
  [[nodiscard]] expected<Writer> writer() const
  {
    return this->attach(RTLANE_ROLE_PRODUCER, [](Role role) { return Writer(std::move(role)); });
  }

  // Hears what is published from now on.
  [[nodiscard]] Subscriber subscriber() const { return Subscriber(this->channel(), places().newest); }

  // Begins with the oldest element that is there: up to the depth of them.
  [[nodiscard]] Subscriber subscriber_from_oldest() const { return Subscriber(this->channel(), places().oldest); }

  // Begins with the element of this number, as one does who comes back: next_number() of its last life. Those that are
  // gone are told as lost by the first try_next. -ERANGE: no element has or will have that number next; the channel is
  // another one than the number is from.
  [[nodiscard]] expected<Subscriber> subscriber_from(std::uint64_t number) const
  {
    const auto there = places();
    if (!there.has_been(number))
      return unexpected(
          Error{ERANGE, "number " + std::to_string(number) + " is not one of this broadcast, whose next one is " +
                            std::to_string(there.newest) + " and which has had " + std::to_string(there.published)});
    return Subscriber(this->channel(), number);
  }

  [[nodiscard]] bool writer_alive() const noexcept { return this->channel().role_alive(RTLANE_ROLE_PRODUCER); }

private:
  using Object = detail::ChannelObject<Broadcast>;
  friend Object;
  using Object::Object;
  using Word = std::atomic<std::uint64_t>;

  [[nodiscard]] detail::BroadcastPlaces<Word> places() const noexcept
  {
    return detail::BroadcastPlaces<Word>(detail::BroadcastView<Word>(this->channel().layout()));
  }

  static rtlane_channel_spec spec(std::uint64_t depth, const BroadcastOptions& options) noexcept
  {
    rtlane_channel_spec wanted = RTLANE_CHANNEL_SPEC_INIT;
    wanted.kind = RTLANE_CHANNEL_BROADCAST;
    wanted.capacity = depth;
    wanted.type = &type_of<T>();
    wanted.slot_stride_bytes = options.slot_stride_bytes;
    wanted.start_position = options.start_position;
    wanted.doorbell = options.doorbell;
    return wanted;
  }
};

// The writing end. Move-only; gives the role back on destruction.
template <ShmSafe T>
class Broadcast<T>::Writer : public detail::Endpoint<detail::BroadcastWriterCore<>> {
public:
  Writer() = default;

  // ok, or closed (after close(), or not attached). Wait-free: the element's words and three shared stores, no load.
  Status publish(const T& value) noexcept { return core_.publish(std::addressof(value), sizeof(T)); }

  // Each is visible as soon as it is written, in order. Wait-free, O(n).
  Status publish_n(std::span<const T> values) noexcept
  {
    for (const T& value : values) {
      if (const Status status = publish(value); status != Status::ok)
        return status;
    }
    return Status::ok;
  }

  // Ends the stream: subscribers take what is left, then hear `closed`. This endpoint answers `closed` from now on; the
  // next writer() opens the stream again.
  void close() noexcept { core_.close(); }

  // Number of the next element.
  [[nodiscard]] std::uint64_t next_number() const noexcept { return core_.number(); }
  [[nodiscard]] std::uint64_t capacity() const noexcept { return core_.capacity(); }

private:
  using Base = detail::Endpoint<detail::BroadcastWriterCore<>>;
  friend class Broadcast;
  explicit Writer(Role role) noexcept
      : Base(detail::BroadcastWriterCore<>(detail::BroadcastView<Word>(role.channel().layout())), std::move(role))
  {}
};

// A reading end. A copy is another subscriber at the same place. Keeps the memory alive.
template <ShmSafe T>
class alignas(cache_line_bytes) Broadcast<T>::Subscriber {
public:
  Subscriber() = default;
  Subscriber(const Subscriber&) = default;
  Subscriber(Subscriber&& other) noexcept
      : core_(std::exchange(other.core_, {})),
        channel_(std::exchange(other.channel_, {})),
        bell_(std::exchange(other.bell_, {}))
  {}
  Subscriber& operator=(Subscriber other) noexcept
  {
    std::swap(core_, other.core_);
    std::swap(channel_, other.channel_);
    std::swap(bell_, other.bell_);
    return *this;
  }
  ~Subscriber() = default;

  // The next element.
  //   ok       next_number() - 1
  //   empty    it is not published yet
  //   lost     lost() elements, next_number() and the ones before it, are gone; the next call goes on behind them
  //   closed   the writer ended the stream and everything was taken; a later writer may open it again
  //   corrupt  shared words that no writer writes
  // Unless ok, `out` may hold any bytes. Wait-free: two shared loads and the element's words; two loads to answer
  // `empty` or `closed`, two more than that when overtaken.
  [[nodiscard]] Status try_next(T& out) noexcept { return core_.try_next(std::addressof(out), sizeof(T)); }

  // Takes up to out.size() elements into the front of `out`; returns how many, the rest may hold any bytes. 0:
  // last_status() says why. The batch ends where something is to be told: before elements that are lost and before
  // another writer's. Wait-free, O(n).
  [[nodiscard]] std::size_t try_next_n(std::span<T> out) noexcept
  {
    if (out.empty() || try_next(out[0]) != Status::ok)
      return 0;
    std::size_t count = 1;
    while (count < out.size() && core_.try_following(std::addressof(out[count]), sizeof(T)))
      ++count;
    return count;
  }

  // As try_next, but while there is nothing new waits as `strategy` does (idle.hpp), at the longest until deadline_ns
  // of CLOCK_MONOTONIC; then `empty`. Blocking; a writer that was killed is waited for, too. Who has only a read-only
  // mapping cannot be woken and polls.
  template <idle::Any Strategy = idle::Pause>
  [[nodiscard]] Status next_until(T& out, std::int64_t deadline_ns, Strategy strategy = {}) noexcept
  {
    return detail::wait_until(strategy, bell_, deadline_ns, [&] { return try_next(out); });
  }

  // How many were lost with the last answer `lost`, and since the beginning.
  [[nodiscard]] std::uint64_t lost() const noexcept { return core_.lost(); }
  [[nodiscard]] std::uint64_t lost_total() const noexcept { return core_.lost_total(); }

  // True once after the first element of another writer than the one before was taken.
  [[nodiscard]] bool writer_changed() noexcept { return core_.take_changed(); }

  // Number of the next element; a successor begins with it, see subscriber_from.
  [[nodiscard]] std::uint64_t next_number() const noexcept { return core_.number(); }
  // The last answer but ok.
  [[nodiscard]] Status last_status() const noexcept { return core_.last_status(); }
  [[nodiscard]] std::uint64_t capacity() const noexcept { return core_.capacity(); }
  // Asks the kernel: four system calls. For when the stream stays empty.
  [[nodiscard]] bool writer_alive() const noexcept { return channel_.role_alive(RTLANE_ROLE_PRODUCER); }
  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(channel_); }

private:
  friend class Broadcast;
  Subscriber(const ChannelRef& channel, std::uint64_t number) noexcept
      : core_(detail::BroadcastView<Word>(channel.layout()), number), channel_(channel), bell_(channel.layout())
  {}

  detail::BroadcastSubscriberCore<> core_;
  ChannelRef channel_;
  detail::Doorbell bell_;
};

}  // namespace rtlane
