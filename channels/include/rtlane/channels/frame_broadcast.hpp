// A stream of frames of any length, up to a longest one, from one writer to any number of subscribers: each hears every
// frame, or knows exactly how many it lost.
//
// Use it for messages whose length varies. For elements of one fixed type Broadcast<T> is shorter and faster; if
// nothing may be lost, take a FrameRing per reader.
//
//   auto log = rtlane::FrameBroadcast::create("robot/log", 1 << 20);
//   if (!log) return fail(log.error().message);
//   auto writer = log->writer();                            // in other processes: log->subscriber()
//   writer->publish(std::as_bytes(std::span(text)));
//
//   std::size_t length = 0;
//   if (subscriber->try_next(buffer, length) == rtlane::Status::ok) use(buffer.first(length));
//
// Contract
//   * create, open, in_memory, writer, subscriber... and the destructors are set-up calls: they may enter the kernel,
//     allocate and block. All other calls but writer_alive(), ring() and next_until() are wait-free: a bounded
//     number of steps, no syscall, no allocation, no lock, whatever the others do.
//   * One writer at a time, of all processes; the kernel proves it. It never waits: subscribers write nothing, so
//     it does not know them, and its work is the same whether there are none or hundreds.
//   * Any number of subscribers, none of them registered; a mapping of memory opened read-only is enough
//     (options.memory.read_only). An endpoint is used by one thread at a time and may move between threads. The writer
//     is not inherited by fork children.
//   * Frames are numbered from 0 in the order of publication, over all writers. A subscriber gets them in order,
//     each whole and once, copied to its own buffer. One that is overtaken hears `lost` and goes on between 1/8 and
//     2/8 of the ring behind the oldest byte that is there. lost() counts every number that it does not get.
//   * A frame takes 16 bytes and its length rounded up to 8; the longest is an eighth of the ring less 16 bytes.
//
// A kill at any instruction, and who takes over
//   * A killed writer's unpublished frame vanishes; each published one counts. The next writer() continues the numbers.
//     Subscribers keep their positions and see writer_changed() once.
//   * A killed subscriber leaves nothing behind.
//   * A stopped writer is alive and keeps its role; subscribers take what is there and then hear `empty`.
//
// Hostile or damaged peers: each shared word is read once and checked, lengths against the ring, the longest frame and
// the buffer; wrong data, `busy` or `corrupt` may come out, never an access outside the memory or the buffer and never
// a hang.
//
// The algorithm, its words and the ordering pairs: frame_broadcast_core.hpp.
#pragma once

#include <rtlane/channels/channel_object.hpp>
#include <rtlane/channels/frame_broadcast_core.hpp>
#include <rtlane/channels/idle.hpp>
#include <rtlane/channels/participants.hpp>
#include <rtlane/channels/status.hpp>
#include <rtlane/core/cache_line.hpp>
#include <rtlane/core/expected.hpp>
#include <rtlane/core/shared_memory.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

namespace rtlane {

struct FrameBroadcastOptions {
  ShmOptions memory{};                // page tier, locking, mode, group ...; see rtlane/core/shm.h
  std::uint64_t frame_bytes_max = 0;  // the longest frame; 0 = the longest possible, open: any
  std::uint32_t doorbell = 0;         // enum rtlane_channel_doorbell; 0 = never, or as an existing one has it
};

class FrameBroadcast : public detail::ChannelObject<FrameBroadcast> {
public:
  class Writer;
  class Subscriber;

  // Makes the broadcast called name with a ring of `capacity_bytes` (256 or more, rounded up to a power of two), or
  // opens the one that exists: created() tells. An existing one of another size or longest frame (-ERANGE) is refused.
  // Other errors as rtlane_channel_create.
  [[nodiscard]] static expected<FrameBroadcast> create(const std::string& name, std::uint64_t capacity_bytes,
                                                       const FrameBroadcastOptions& options = {})
  {
    return create_as(name, spec(capacity_bytes, options), options.memory);
  }

  // Opens the broadcast called name, of any size; -ENOENT when there is none.
  [[nodiscard]] static expected<FrameBroadcast> open(const std::string& name, const FrameBroadcastOptions& options = {})
  {
    return open_as(name, spec(0, options), options.memory);
  }

  // A broadcast in private memory of this process, between threads. No kernel object and no name; the death of a thread
  // that holds the writer is not noticed.
  [[nodiscard]] static expected<FrameBroadcast> in_memory(std::uint64_t capacity_bytes,
                                                          const FrameBroadcastOptions& options = {})
  {
    return in_memory_as(spec(capacity_bytes, options));
  }

  // Takes the role: -EBUSY while somebody alive has it, in whatever process; -EACCES when opened read-only.
  [[nodiscard]] expected<Writer> writer() const;

  // Hears what is published from now on. -EAGAIN: the writer went through the whole ring during each of four attempts.
  [[nodiscard]] expected<Subscriber> subscriber() const;
  // Begins with the oldest frame of the oldest eighth of the ring that is there as a whole.
  [[nodiscard]] expected<Subscriber> subscriber_from_oldest() const;

  [[nodiscard]] std::uint64_t frame_bytes_max() const noexcept { return view().frame_bytes_max; }
  [[nodiscard]] bool writer_alive() const noexcept { return channel().role_alive(RTLANE_ROLE_PRODUCER); }

private:
  friend detail::ChannelObject<FrameBroadcast>;
  using ChannelObject::ChannelObject;
  using View = detail::FrameBroadcastView<std::atomic<std::uint64_t>>;
  using Core = detail::FrameBroadcastSubscriberCore<>;

  [[nodiscard]] static View view_of(const ChannelRef& channel) noexcept
  {
    const rtlane_channel_layout layout = channel.layout();
    return View(layout.base, layout.slots_offset, layout.capacity, layout.frame_bytes_max);
  }
  [[nodiscard]] View view() const noexcept { return view_of(channel()); }
  [[nodiscard]] expected<Subscriber> join(Core::From from) const;

  static rtlane_channel_spec spec(std::uint64_t capacity_bytes, const FrameBroadcastOptions& options) noexcept
  {
    rtlane_channel_spec wanted = RTLANE_CHANNEL_SPEC_INIT;
    wanted.kind = RTLANE_CHANNEL_FRAME_BROADCAST;
    wanted.capacity = capacity_bytes;
    wanted.frame_bytes_max = options.frame_bytes_max;
    wanted.doorbell = options.doorbell;
    return wanted;
  }
};

// The writing end. Move-only; gives the role back on destruction.
class FrameBroadcast::Writer : public detail::Endpoint<detail::FrameBroadcastWriterCore<>> {
public:
  Writer() = default;

  // ok, too_large, or closed (after close(), or not attached). 0 bytes are a frame, too. Wait-free: the frame's words,
  // two more and two or three shared stores, no load.
  Status publish(std::span<const std::byte> frame) noexcept { return core_.publish(frame.data(), frame.size()); }

  // Ends the stream: subscribers take what is left, then hear `closed`. This endpoint answers `closed` from now on; the
  // next writer() opens the stream again.
  void close() noexcept { core_.close(); }

  // Number of the next frame.
  [[nodiscard]] std::uint64_t next_number() const noexcept { return core_.number(); }
  [[nodiscard]] std::uint64_t frame_bytes_max() const noexcept { return core_.frame_bytes_max(); }

private:
  using Base = detail::Endpoint<detail::FrameBroadcastWriterCore<>>;
  friend class FrameBroadcast;
  explicit Writer(Role role) noexcept
      : Base(detail::FrameBroadcastWriterCore<>(view_of(role.channel())), std::move(role))
  {}
};

// A reading end. A copy is another subscriber at the same place. Keeps the memory alive.
class alignas(cache_line_bytes) FrameBroadcast::Subscriber {
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

  // The next frame, copied to the front of `buffer`, and its length.
  //   ok         next_number() - 1
  //   empty      it is not published yet
  //   lost       lost() frames, next_number() and the ones before it, are gone; the next call goes on behind them
  //   busy       the same, but the writer overwrote the place to go on during each of four attempts; try again
  //   too_small  `length` says what the buffer must hold; the frame stays. One of frame_bytes_max() holds any
  //   closed     the writer ended the stream and everything was taken; a later writer may open it again
  //   corrupt    shared words that no writer writes
  // Unless ok, `buffer` may hold any bytes; `length` is written with ok and too_small only. Wait-free, O(length).
  [[nodiscard]] Status try_next(std::span<std::byte> buffer, std::size_t& length) noexcept
  {
    return core_.try_next(buffer.data(), buffer.size(), length);
  }

  // As try_next, but while there is nothing new waits as `strategy` does (idle.hpp), at the longest until deadline_ns
  // of CLOCK_MONOTONIC; then `empty`. Blocking; a writer that was killed is waited for, too. Who has only a read-only
  // mapping cannot be woken and polls.
  template <idle::Any Strategy = idle::Pause>
  [[nodiscard]] Status next_until(std::span<std::byte> buffer, std::size_t& length, std::int64_t deadline_ns,
                                  Strategy strategy = {}) noexcept
  {
    return detail::wait_until(strategy, bell_, deadline_ns, [&] { return try_next(buffer, length); });
  }

  // How many were lost with the last answer `lost`, and since the beginning.
  [[nodiscard]] std::uint64_t lost() const noexcept { return core_.lost(); }
  [[nodiscard]] std::uint64_t lost_total() const noexcept { return core_.lost_total(); }

  // True once after the first frame of another writer than the one before was taken.
  [[nodiscard]] bool writer_changed() noexcept { return core_.take_changed(); }

  // Number of the next frame.
  [[nodiscard]] std::uint64_t next_number() const noexcept { return core_.number(); }
  // The last answer but ok.
  [[nodiscard]] Status last_status() const noexcept { return core_.last_status(); }
  [[nodiscard]] std::uint64_t frame_bytes_max() const noexcept { return core_.frame_bytes_max(); }
  // Asks the kernel: four system calls. For when the stream stays empty.
  [[nodiscard]] bool writer_alive() const noexcept { return channel_.role_alive(RTLANE_ROLE_PRODUCER); }
  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(channel_); }

private:
  friend class FrameBroadcast;
  Subscriber(const ChannelRef& channel, const Core& core) noexcept
      : core_(core), channel_(channel), bell_(channel.layout())
  {}

  Core core_;
  ChannelRef channel_;
  detail::Doorbell bell_;
};

inline expected<FrameBroadcast::Writer> FrameBroadcast::writer() const
{
  return attach(RTLANE_ROLE_PRODUCER, [](Role role) { return Writer(std::move(role)); });
}

inline expected<FrameBroadcast::Subscriber> FrameBroadcast::join(Core::From from) const
{
  Core core;
  if (!core.join(view(), from))
    return unexpected(Error{EAGAIN, "the writer went through the whole ring during each of four attempts to join it"});
  return Subscriber(channel(), core);
}

inline expected<FrameBroadcast::Subscriber> FrameBroadcast::subscriber() const
{
  return join(Core::From::now);
}

inline expected<FrameBroadcast::Subscriber> FrameBroadcast::subscriber_from_oldest() const
{
  return join(Core::From::oldest);
}

}  // namespace rtlane
