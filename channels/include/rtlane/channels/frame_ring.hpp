// A ring for frames of any size from one producer to one consumer, in this process or another, without a copy.
//
// When to use it: images, scans, packets, log records: variable sizes, each wanted, in order. When not: elements of one
// small size (SpscRing: one cache line less per element); several consumers of one stream (each needs a ring of its
// own).
//
//   auto ring = rtlane::FrameRing::create("robot/scans", 1 << 20, {.frame_bytes_max = 100'000});
//   if (!ring) return fail(ring.error().message);
//   auto scans = ring->producer();                          // in another process: ring->consumer()
//   std::span<std::byte> place = scans->claim(100'000);     // in place
//   if (place.data() != nullptr) scans->commit(read_scan(place));
//
// Contract
//   * create, open, in_memory, producer, consumer and the destructors are set-up calls: they may enter the
//     kernel, allocate and block. All other calls but *_alive(), ring() and those that end in _until are wait-free: a
//     bounded number of steps (of a batch and of a copy: in proportion to it), no syscall, no allocation, no lock,
//     whatever the peer does.
//   * One producer and one consumer at a time, of all processes; the kernel proves it. An endpoint is used
//     by one thread at a time and may move between threads; it is not inherited by fork children.
//   * Endpoints keep the memory alive themselves. A moved-from or default endpoint answers `closed`.
//   * A frame has 0 to frame_bytes_max() bytes, lies in one piece and begins at a multiple of frame_align().
//   * A frame takes 8 bytes and its own, rounded up to a multiple of frame_align(). It fits when so many of
//     capacity_bytes() are not in use; where in the ring does not matter. So a legal frame always fits into an empty
//     ring, and no byte of the capacity is ever lost at the ring's end. A frame may be as long as
//     capacity_bytes() - 8; a quarter of the capacity, the default, lets the sides work at the same time.
//   * A full ring refuses: `full`, and it is counted. Nothing is ever overwritten.
//
// A kill at any instruction, and who takes over
//   * A killed producer's uncommitted frames vanish; a commit counts as a whole, however many frames it shows. The
//     next producer() continues after it; the consumer, or its successor, keeps the position and sees
//     producer_changed() once.
//   * A consumer killed inside try_pop: the frame comes again to the next consumer, whole, unless the call
//     had already published its progress (its last shared store), then it is taken. The application had not
//     got it in either case, so nothing is processed twice.
//   * A consumer killed between peek() and release(): the frames come again, redelivered() says that they
//     may have been processed. At least once, and the doubt is exact to the frame.
//
// Hostile or damaged peers: each shared word is read once and checked, lengths too; wrong data or `corrupt` may come
// out, never an access outside the ring, never more than frame_bytes_max(), never a hang. try_pop copies, then the
// copy is yours. peek() is for a trusted producer only: another may still change what it points to, so do not parse
// untrusted data in place. Behind a header that is `corrupt` nothing can be found: the consumer stays there.
//
// Builds with AddressSanitizer report who touches a frame's bytes after stage(), commit() or release().
//
// The algorithm, its words and the ordering pairs: frame_ring_core.hpp.
#pragma once

#include <rtlane/channels/channel_object.hpp>
#include <rtlane/channels/frame_ring_core.hpp>
#include <rtlane/channels/idle.hpp>
#include <rtlane/channels/participants.hpp>
#include <rtlane/channels/status.hpp>
#include <rtlane/core/expected.hpp>
#include <rtlane/core/shared_memory.hpp>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <utility>

namespace rtlane {

namespace detail {

// Frames are bytes; the alignment of their type is where they may begin. nullptr: no such alignment.
inline const rtlane_type* frame_bytes_aligned_to(std::uint64_t align) noexcept
{
  constexpr auto field = [](std::uint32_t bytes) {
    return rtlane_field{"bytes", "", RTLANE_FIELD_UINT, 1, 0, bytes, nullptr, nullptr, 0};
  };
  static constexpr rtlane_field fields[] = {field(8), field(16), field(32), field(64), field(128)};
  static constexpr rtlane_type types[] = {{"Bytes", 8, 8, &fields[0], 1},
                                          {"Bytes", 16, 16, &fields[1], 1},
                                          {"Bytes", 32, 32, &fields[2], 1},
                                          {"Bytes", 64, 64, &fields[3], 1},
                                          {"Bytes", 128, 128, &fields[4], 1}};
  for (const rtlane_type& type : types) {
    if (type.align_bytes == align)
      return &type;
  }
  return nullptr;
}

}  // namespace detail

struct FrameOptions {
  ShmOptions memory{};                // page tier, locking, mode, group ...; see rtlane/core/shm.h
  std::uint64_t frame_bytes_max = 0;  // longest frame, up to capacity - 8; 0 = create: capacity / 4, open: any
  std::uint64_t frame_align = 64;     // of a frame's first byte: 8, 16, 32, 64 or 128; open: any
  std::uint64_t start_position = 0;   // of the first frame, a multiple of frame_align; only tests set it
  std::uint32_t doorbell = 0;         // enum rtlane_channel_doorbell; 0 = never, or as an existing ring has it
};

// What try_pop answers.
struct FramePop {
  Status status = Status::closed;
  std::size_t bytes = 0;  // ok: of the frame; too_small: what a buffer for it must have; else 0
};

class FrameRing : public detail::ChannelObject<FrameRing> {
public:
  class Producer;
  class Consumer;

  // Makes the ring called name with `capacity_bytes` (128 to 2^32, rounded up to a power of two), or opens the one that
  // exists: created() tells. The memory has room for the longest frame besides. An existing one of another alignment
  // (-EPROTOTYPE), capacity or longest frame (-ERANGE) is refused. Other errors as rtlane_channel_create.
  [[nodiscard]] static expected<FrameRing> create(const std::string& name, std::uint64_t capacity_bytes,
                                                  const FrameOptions& options = {});

  // Opens the ring called name, of any capacity, alignment and longest frame; -ENOENT when there is none.
  [[nodiscard]] static expected<FrameRing> open(const std::string& name, const FrameOptions& options = {})
  {
    rtlane_channel_spec wanted = spec(0, options);
    wanted.type = nullptr;
    wanted.start_position = 0;
    return Object::open_as(name, wanted, options.memory);
  }

  // A ring in private memory of this process, between threads. No kernel object and no name; the death of a
  // thread that holds an endpoint is not noticed.
  [[nodiscard]] static expected<FrameRing> in_memory(std::uint64_t capacity_bytes, const FrameOptions& options = {});

  // Takes the role: -EBUSY while somebody alive has it, in whatever process.
  [[nodiscard]] expected<Producer> producer() const;
  [[nodiscard]] expected<Consumer> consumer() const;

  [[nodiscard]] std::uint64_t capacity_bytes() const noexcept { return channel().layout().capacity; }
  [[nodiscard]] std::uint64_t frame_bytes_max() const noexcept { return channel().layout().frame_bytes_max; }
  [[nodiscard]] std::uint64_t frame_align() const noexcept
  {
    return std::max(channel().layout().element_align, detail::frame_align_min);
  }
  [[nodiscard]] bool producer_alive() const noexcept { return channel().role_alive(RTLANE_ROLE_PRODUCER); }
  [[nodiscard]] bool consumer_alive() const noexcept { return channel().role_alive(RTLANE_ROLE_CONSUMER); }
  // info() counts bytes, headers included: consumed, depth, published.

private:
  using Object = detail::ChannelObject<FrameRing>;
  friend Object;
  using Object::Object;

  static rtlane_channel_spec spec(std::uint64_t capacity_bytes, const FrameOptions& options) noexcept
  {
    rtlane_channel_spec wanted = RTLANE_CHANNEL_SPEC_INIT;
    wanted.kind = RTLANE_CHANNEL_FRAME_RING;
    wanted.capacity = capacity_bytes;
    wanted.type = detail::frame_bytes_aligned_to(options.frame_align);
    wanted.frame_bytes_max = options.frame_bytes_max;
    wanted.start_position = options.start_position;
    wanted.doorbell = options.doorbell;
    return wanted;
  }

  static unexpected error_of_align(std::uint64_t align)
  {
    return unexpected(
        Error{EINVAL, "frames aligned to " + std::to_string(align) + " bytes: 8, 16, 32, 64 and 128 are possible"});
  }
};

// The writing end. Move-only; gives the role back on destruction.
class FrameRing::Producer : public detail::Endpoint<detail::FrameProducerCore<>> {
public:
  Producer() = default;

  // ok, full, too_large, closed (after close()), corrupt. Wait-free: two shared stores, and a load when the ring looks
  // full, at most once per lap while the consumer keeps up; to answer `full` two loads and a store, its counter.
  // Frames staged before become visible with it; a place that is claimed is taken away.
  [[nodiscard]] Status try_push(std::span<const std::byte> frame) noexcept
  {
    if (!append(frame)) [[unlikely]]
      return core_.last_status();
    core_.commit();
    return Status::ok;
  }

  // As try_push, but while the ring is full waits for room as `strategy` does (idle.hpp), at the longest until
  // deadline_ns of CLOCK_MONOTONIC; then `full`. Blocking. What is staged becomes visible before it waits, or it might
  // wait for its own frames. A call that had to wait counts as one refusal. Does not ring.
  template <idle::Any Strategy = idle::Pause>
  [[nodiscard]] Status push_until(std::span<const std::byte> frame, std::int64_t deadline_ns,
                                  Strategy strategy = {}) noexcept
  {
    Status status = try_push(frame);
    if (!detail::worth_waiting(status) || deadline_ns <= 0)
      return status;
    core_.commit();
    status = wait_for_room(frame.size(), deadline_ns, strategy);
    return status == Status::ok ? try_push(frame) : status;
  }

  // Pushes the first of `frames`, as many as there is room for, all visible at once; returns how many. Fewer than
  // asked: last_status(), and `full` is counted as one refusal. Wait-free, O(n).
  [[nodiscard]] std::size_t try_push_n(std::span<const std::span<const std::byte>> frames) noexcept
  {
    std::size_t count = 0;
    while (count < frames.size() && append(frames[count]))
      ++count;
    core_.commit();
    return count;
  }

  // Writing in place: memory for a frame of up to `bytes` bytes (they are leftovers), or data() == nullptr:
  // last_status() says why. Nothing is visible until commit(). Another claim before stage() or commit() gives the same
  // place, for another length.
  [[nodiscard]] std::span<std::byte> claim(std::size_t bytes) noexcept
  {
    std::byte* place = core_.claim(bytes);
    return {place, place == nullptr ? 0 : bytes};
  }

  // As claim, waiting as push_until does; without room at the deadline last_status() is `full`. What is staged stays
  // staged: its room only commit() can give.
  template <idle::Any Strategy = idle::Pause>
  [[nodiscard]] std::span<std::byte> claim_until(std::size_t bytes, std::int64_t deadline_ns,
                                                 Strategy strategy = {}) noexcept
  {
    const std::span<std::byte> place = claim(bytes);
    if (place.data() != nullptr || !detail::worth_waiting(core_.last_status()) || deadline_ns <= 0)
      return place;
    return wait_for_room(bytes, deadline_ns, strategy) == Status::ok ? claim(bytes) : place;
  }

  // Ends the claimed frame after `bytes` bytes, at most the claimed; the next claim() is for the frame behind it, and
  // commit() shows them together. Its bytes are not to be touched any more. Without a claim so long: does nothing
  // and answers false.
  bool stage(std::size_t bytes) noexcept { return core_.stage(bytes); }
  bool stage() noexcept { return core_.claimed() && core_.stage(core_.claimed_bytes()); }

  // Shows the claimed frame, with `bytes` bytes, and those staged before. Without a claim so long: does nothing and
  // answers false.
  bool commit(std::size_t bytes) noexcept { return core_.stage(bytes) && core_.commit(); }
  // Shows the claimed frame, if there is one, and those staged before. Without any: does nothing and answers false.
  bool commit() noexcept
  {
    stage();
    return core_.commit();
  }

  // Forgets what is claimed and staged.
  void discard() noexcept { core_.discard(); }

  // Ends the stream: the consumer takes what is left, then hears `closed`; what is staged is forgotten. This endpoint
  // answers `closed` from now on; the next producer() opens the stream again.
  void close() noexcept { core_.close(); }

  // Why the last claim() gave nothing, or the last try_push_n fewer than asked.
  [[nodiscard]] Status last_status() const noexcept { return core_.last_status(); }
  // Of the capacity; headers and rounding included.
  [[nodiscard]] std::uint64_t used_bytes_estimate() const noexcept { return core_.size_estimate(); }
  [[nodiscard]] std::uint64_t frame_bytes_max() const noexcept { return core_.view().frame_bytes_max; }
  // Asks the kernel: four system calls. For when the ring stays full.
  [[nodiscard]] bool consumer_alive() const noexcept { return role_.channel().role_alive(RTLANE_ROLE_CONSUMER); }

private:
  friend class FrameRing;
  using Endpoint = detail::Endpoint<detail::FrameProducerCore<>>;

  explicit Producer(Role role) noexcept
      : Endpoint(
            detail::FrameProducerCore<>(detail::FrameRingView<std::atomic<std::uint64_t>>(role.channel().layout())),
            std::move(role))
  {}

  template <idle::Any Strategy>
  Status wait_for_room(std::size_t bytes, std::int64_t deadline_ns, Strategy strategy) noexcept
  {
    return detail::wait_until(strategy, bell_, deadline_ns, [&] { return core_.look_for_room(bytes); });
  }

  [[nodiscard]] bool append(std::span<const std::byte> frame) noexcept
  {
    std::byte* place = core_.claim(frame.size());
    if (place == nullptr) [[unlikely]]
      return false;
    if (!frame.empty())  // an empty one may have no address
      std::memcpy(place, frame.data(), frame.size());
    return core_.stage(frame.size());
  }
};

// The reading end. Move-only; gives the role back on destruction.
class FrameRing::Consumer : public detail::Endpoint<detail::FrameConsumerCore<>> {
public:
  Consumer() = default;

  // Copies the next frame to the front of `buffer` and takes it: ok, empty, too_small (the frame stays), closed (the
  // producer ended the stream and everything is taken), corrupt; the buffer is written only with ok. Wait-free: up to
  // two shared loads and one store to take, two loads to answer `empty` or `closed`; up to one load and three stores
  // more for the first frame after an attach or of another producer.
  [[nodiscard]] FramePop try_pop(std::span<std::byte> buffer) noexcept
  {
    const detail::FrameBytes found = core_.look();
    if (found.data == nullptr) [[unlikely]]
      return {core_.last_status(), 0};
    if (found.bytes > buffer.size()) [[unlikely]]
      return {Status::too_small, static_cast<std::size_t>(found.bytes)};
    if (found.bytes != 0)  // an empty buffer may have no address
      std::memcpy(buffer.data(), found.data, found.bytes);
    core_.take();
    return {Status::ok, static_cast<std::size_t>(found.bytes)};
  }

  // As try_pop, but while the ring is empty waits as `strategy` does (idle.hpp), at the longest until deadline_ns of
  // CLOCK_MONOTONIC; then `empty`. Blocking; a producer that was killed is waited for, too. Does not ring.
  template <idle::Any Strategy = idle::Pause>
  [[nodiscard]] FramePop pop_until(std::span<std::byte> buffer, std::int64_t deadline_ns,
                                   Strategy strategy = {}) noexcept
  {
    FramePop got;
    (void)detail::wait_until(strategy, bell_, deadline_ns, [&] { return (got = try_pop(buffer)).status; });
    return got;
  }

  // The next frame in place, or data() == nullptr: last_status() says why. (One of 0 bytes has an address.) It stays
  // the next one until release() or try_pop takes it. For a trusted producer: its memory is shared.
  [[nodiscard]] std::span<const std::byte> peek() noexcept
  {
    const detail::FrameBytes found = core_.look();
    if (found.data == nullptr)
      return {};
    core_.mark_shown();
    return {found.data, static_cast<std::size_t>(found.bytes)};
  }
  // As peek, waiting as pop_until does; without a frame at the deadline last_status() is `empty`.
  template <idle::Any Strategy = idle::Pause>
  [[nodiscard]] std::span<const std::byte> peek_until(std::int64_t deadline_ns, Strategy strategy = {}) noexcept
  {
    std::span<const std::byte> shown;
    (void)detail::wait_until(strategy, bell_, deadline_ns, [&] {
      shown = peek();
      return shown.data() != nullptr ? Status::ok : core_.last_status();
    });
    return shown;
  }
  // Takes the first frame shown; its memory is the producer's again. Without one: does nothing and answers false.
  bool release() noexcept { return core_.take_shown(1); }

  // As peek, for the next frames, as many as there are, at most frames.size(); returns how many. producer_changed()
  // and redelivered() hold for a batch as a whole: it ends where their answer would change. Wait-free, O(n).
  [[nodiscard]] std::size_t peek_n(std::span<std::span<const std::byte>> frames) noexcept { return core_.show(frames); }
  // Takes the first `count` frames shown, with one store. When not so many were shown: does nothing and answers false.
  // Wait-free; O(1) for all of them, else O(n).
  bool release_n(std::size_t count) noexcept { return core_.take_shown(count); }

  // True once after the first frame of another producer was taken, shown or found too long for a buffer: frames may be
  // missing that the former one had not committed. Also true when a consumer before this one took it and came to its
  // end without having asked.
  [[nodiscard]] bool producer_changed() noexcept { return core_.take_changed(); }

  // Whether a former consumer, killed between peek() and release() (or detached there), may have seen the
  // frame last taken or shown.
  [[nodiscard]] bool redelivered() const noexcept { return core_.redelivered(); }

  // Why the last peek() or peek_n() gave nothing.
  [[nodiscard]] Status last_status() const noexcept { return core_.last_status(); }
  // Of the capacity; headers and rounding included.
  [[nodiscard]] std::uint64_t used_bytes_estimate() const noexcept { return core_.size_estimate(); }
  [[nodiscard]] std::uint64_t frame_bytes_max() const noexcept { return core_.view().frame_bytes_max; }
  // Asks the kernel: four system calls. For when the ring stays empty.
  [[nodiscard]] bool producer_alive() const noexcept { return role_.channel().role_alive(RTLANE_ROLE_PRODUCER); }

private:
  friend class FrameRing;
  using Endpoint = detail::Endpoint<detail::FrameConsumerCore<>>;

  explicit Consumer(Role role) noexcept
      : Endpoint(
            detail::FrameConsumerCore<>(detail::FrameRingView<std::atomic<std::uint64_t>>(role.channel().layout())),
            std::move(role))
  {}
};

inline expected<FrameRing> FrameRing::create(const std::string& name, std::uint64_t capacity_bytes,
                                             const FrameOptions& options)
{
  const rtlane_channel_spec wanted = spec(capacity_bytes, options);
  if (wanted.type == nullptr)
    return error_of_align(options.frame_align);
  return Object::create_as(name, wanted, options.memory);
}

inline expected<FrameRing> FrameRing::in_memory(std::uint64_t capacity_bytes, const FrameOptions& options)
{
  const rtlane_channel_spec wanted = spec(capacity_bytes, options);
  if (wanted.type == nullptr)
    return error_of_align(options.frame_align);
  return Object::in_memory_as(wanted);
}

inline expected<FrameRing::Producer> FrameRing::producer() const
{
  return attach(RTLANE_ROLE_PRODUCER, [](Role role) { return Producer(std::move(role)); });
}

inline expected<FrameRing::Consumer> FrameRing::consumer() const
{
  return attach(RTLANE_ROLE_CONSUMER, [](Role role) { return Consumer(std::move(role)); });
}

}  // namespace rtlane
