// The latest value of T, from one writer to up to 31 registered readers, in shared memory between processes or in
// private memory between threads. For values that are large or are worked on in place: a reader may keep one as long as
// it wants. If no value may be skipped use a ring.
//
//   struct Scene { std::int64_t t_ns; float points[4096]; };
//   RTLANE_TYPE(Scene, t_ns, points);                       // type_info.hpp
//
//   auto scenes = rtlane::PinnedSnapshot<Scene>::create("robot/scene", 4);   // up to 4 readers
//   if (!scenes) return fail(scenes.error().message);
//   auto writer = scenes->writer();                         // in another process: scenes->reader()
//   Scene* next = writer->claim();                          // fill *next in place, then
//   writer->publish();
//
//   auto scene = reader->load_ref();                        // no copy; nobody writes to it until scene ends
//   if (scene) use(*scene, scene.sequence());
//
// Contract
//   * create, open, in_memory, writer, reader and the destructors of channel and endpoints are set-up calls: they may
//     enter the kernel, allocate and block. All other calls but wait_newer_until(), ring() and *_alive() are
//     wait-free: a bounded number of steps, no syscall, no allocation, no lock, whatever the others do.
//   * store() and publish() go over the pins of all R readers, attached or not: 2R loads on R cache lines, after
//     the value is visible. State R as small as it may be. Memory: 2R + 2 values.
//   * A load needs at most three attempts, whatever the writer does and however many writers are killed meanwhile,
//     and is never older than the newest value whose store() returned before the load began.
//   * A reader has two pins. A load uses one while it copies, a Ref one as long as it lives; so beside one Ref every
//     load works with the same bound, e.g. to fetch the next scene before letting go the last. While two Refs live a
//     further load or load_ref answers `busy`.
//   * One writer at a time, of all processes, and one endpoint for each reader entry; the kernel proves it. An
//     endpoint, with the Refs it gave, is used by one thread at a time; it is not inherited by fork children. A role
//     cannot be taken from a living writer: its bytes could still reach slots that its successor has published.
//   * A moved-from or default endpoint answers `closed`.
//
// A kill at any instruction
//   * Writer: its unpublished value vanishes and the latest one stays valid, to be loaded for ever. The next writer()
//     continues the sequence.
//   * Reader: at most two values stay pinned, for which there is room; whoever takes the entry next frees them. Nobody
//     else notices.
//
// Hostile or damaged peers: each shared word is read once and checked; wrong data or `corrupt` may come out, never an
// access outside and never a hang. Who writes to the segment can change what a Ref shows: load() copies, a Ref is for a
// trusted writer.
//
// The algorithm, its words and the ordering pairs: pinned_core.hpp.
#pragma once

#include <rtlane/channels/channel_header.hpp>
#include <rtlane/channels/channel_object.hpp>
#include <rtlane/channels/idle.hpp>
#include <rtlane/channels/participants.hpp>
#include <rtlane/channels/pinned_core.hpp>
#include <rtlane/channels/status.hpp>
#include <rtlane/channels/type_info.hpp>
#include <rtlane/core/cache_line.hpp>
#include <rtlane/core/expected.hpp>
#include <rtlane/core/shared_memory.hpp>
#include <rtlane/core/shm_safe.hpp>
#include <rtlane/core/tick_clock.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace rtlane {

struct PinnedOptions {
  ShmOptions memory{};         // page tier, locking, mode, group ...; see rtlane/core/shm.h
  std::uint32_t doorbell = 0;  // enum rtlane_channel_doorbell; 0 = never, or as an existing snapshot has it
};

namespace detail {

using PinnedWriterEnd = Endpoint<PinnedWriterCore<>>;

// A reader's core and role, shared by the Reader and its Refs, whoever of them ends last.
class PinnedReaderState : public Endpoint<PinnedReaderCore<>> {
public:
  explicit PinnedReaderState(Role role) noexcept
      : Endpoint(PinnedReaderCore<>(pinned_view_of(role.channel().layout()), role.index() - RTLANE_ROLE_PARTICIPANT),
                 std::move(role))
  {}

  [[nodiscard]] PinnedReaderCore<>& core() noexcept { return core_; }
  [[nodiscard]] const PinnedReaderCore<>& core() const noexcept { return core_; }
  [[nodiscard]] const Role& role() const noexcept { return role_; }
  [[nodiscard]] const Doorbell& bell() const noexcept { return bell_; }

  void use() noexcept { ++uses_; }
  static void drop(PinnedReaderState* state) noexcept
  {
    if (state != nullptr && --state->uses_ == 0)
      delete state;
  }

private:
  unsigned uses_ = 1;  // plain: a reader and its Refs belong to one thread at a time
};

}  // namespace detail

template <ShmSafe T>
class PinnedSnapshot : public detail::ChannelObject<PinnedSnapshot<T>> {
  static_assert(alignof(T) <= max_element_align, "rtlane: an element may be aligned to 128 bytes at most");
  static_assert(std::is_move_assignable_v<std::remove_all_extents_t<T>>,
                "rtlane: load writes over a value, so it must be assignable: take const from its members");

public:
  class Writer;
  class Reader;
  class Ref;

  // Makes the snapshot called name for up to `readers` (1..31) readers at a time, or opens the one that exists:
  // created() tells. An existing one of another type (-EPROTOTYPE) or number of readers (-ERANGE) is refused. Other
  // errors as rtlane_channel_create.
  [[nodiscard]] static expected<PinnedSnapshot> create(const std::string& name, std::uint32_t readers,
                                                       const PinnedOptions& options = {})
  {
    return Object::create_as(name, spec(readers, options), options.memory);
  }

  // Opens the snapshot called name, of any number of readers; -ENOENT when there is none.
  [[nodiscard]] static expected<PinnedSnapshot> open(const std::string& name, const PinnedOptions& options = {})
  {
    return Object::open_as(name, spec(0, options), options.memory);
  }

  // A snapshot in private memory of this process, between threads. No kernel object and no name; the death of a thread
  // that holds an endpoint is not noticed.
  [[nodiscard]] static expected<PinnedSnapshot> in_memory(std::uint32_t readers, const PinnedOptions& options = {})
  {
    return Object::in_memory_as(spec(readers, options));
  }

  // Takes the writer's role: -EBUSY while somebody alive has it, in whatever process.
  [[nodiscard]] expected<Writer> writer() const
  {
    return this->attach(RTLANE_ROLE_PRODUCER, [](Role role) { return Writer(std::move(role)); });
  }
  // Takes the lowest free reader's entry: -EBUSY when living readers have all.
  [[nodiscard]] expected<Reader> reader() const
  {
    return this->attach_participant([](Role role) { return Reader(std::move(role)); });
  }

  [[nodiscard]] std::uint32_t readers_max() const noexcept { return this->channel().layout().participants; }
  // Ask the kernel; for set-up code and when no new value comes.
  [[nodiscard]] bool writer_alive() const noexcept { return this->channel().role_alive(RTLANE_ROLE_PRODUCER); }

private:
  using Object = detail::ChannelObject<PinnedSnapshot<T>>;
  friend Object;
  using Object::Object;

  static rtlane_channel_spec spec(std::uint32_t readers, const PinnedOptions& options) noexcept
  {
    rtlane_channel_spec wanted = RTLANE_CHANNEL_SPEC_INIT;
    wanted.kind = RTLANE_CHANNEL_PINNED_SNAPSHOT;
    wanted.type = &type_of<T>();
    wanted.participants = readers;
    wanted.doorbell = options.doorbell;
    return wanted;
  }
};

// The writing end. Move-only; gives the role back on destruction.
template <ShmSafe T>
class PinnedSnapshot<T>::Writer : public detail::PinnedWriterEnd {
public:
  Writer() = default;

  // Makes `value` the latest: ok, or closed (after close()). Wait-free, O(sizeof(T) + readers).
  [[nodiscard]] Status store(const T& value) noexcept
  {
    std::byte* place = core_.claim();
    if (place == nullptr)
      return Status::closed;
    std::memcpy(place, std::addressof(value), sizeof(T));
    core_.publish(ticks());
    return Status::ok;
  }

  // Writing in place: the next value's memory (its bytes are leftovers), or nullptr after close(). Nothing is visible
  // until publish(). Calling claim() again gives the same place; store() takes it away. Touches no shared word.
  [[nodiscard]] T* claim() noexcept
  {
    std::byte* place = core_.claim();
    if (place != nullptr)
      core_.mark_claimed();
    return reinterpret_cast<T*>(place);
  }
  // Makes the claimed value the latest. Without a claim(): does nothing and answers false. Wait-free, O(readers).
  bool publish() noexcept
  {
    if (!core_.claimed())
      return false;
    core_.publish(ticks());
    return true;
  }

  // No more values: readers keep the last one and hear `closed` when they ask for a newer. This endpoint answers
  // `closed` from now on; the next writer() opens the snapshot again.
  void close() noexcept { core_.close(); }

  // Of the latest value, a predecessor's included: 1 for the first of all, one more for each; 0 = none yet.
  [[nodiscard]] std::uint64_t sequence() const noexcept { return core_.sequence(); }

private:
  friend class PinnedSnapshot;
  explicit Writer(Role role) noexcept
      : detail::PinnedWriterEnd(detail::PinnedWriterCore<>(detail::pinned_view_of(role.channel().layout())),
                                std::move(role))
  {}
};

// A value that is kept: nobody writes to it while the Ref lives. Move-only. May outlive its Reader, then its end is a
// set-up call.
template <ShmSafe T>
class PinnedSnapshot<T>::Ref {
public:
  Ref() = default;
  Ref(Ref&& other) noexcept : state_(std::exchange(other.state_, nullptr)), pin_(other.pin_) {}
  Ref& operator=(Ref&& other) noexcept
  {
    Ref moved(std::move(other));
    std::swap(state_, moved.state_);
    std::swap(pin_, moved.pin_);
    return *this;
  }
  ~Ref() { release(); }

  // Lets the value go. Wait-free: one store.
  void release() noexcept
  {
    if (state_ == nullptr)
      return;
    if (state_->role().mine())
      state_->core().unpin(pin_);
    detail::PinnedReaderState::drop(std::exchange(state_, nullptr));
  }

  [[nodiscard]] explicit operator bool() const noexcept { return state_ != nullptr; }
  // nullptr when empty.
  [[nodiscard]] const T* get() const noexcept
  {
    return state_ != nullptr ? reinterpret_cast<const T*>(state_->core().value(pin_)) : nullptr;
  }
  [[nodiscard]] const T& operator*() const noexcept { return *get(); }
  [[nodiscard]] const T* operator->() const noexcept { return get(); }

  // As Reader::sequence() and stamp_ticks(), of this value; 0 when empty.
  [[nodiscard]] std::uint64_t sequence() const noexcept
  {
    return state_ != nullptr ? state_->core().sequence(pin_) : 0;
  }
  [[nodiscard]] std::uint64_t stamp_ticks() const noexcept
  {
    return state_ != nullptr ? state_->core().stamp(pin_) : 0;
  }

private:
  friend class Reader;
  Ref(detail::PinnedReaderState* state, unsigned pin) noexcept : state_(state), pin_(pin) { state_->use(); }

  detail::PinnedReaderState* state_ = nullptr;
  unsigned pin_ = 0;
};

// A reading end. Move-only; gives its entry back on destruction, or when its last Ref ends.
template <ShmSafe T>
class PinnedSnapshot<T>::Reader {
public:
  Reader() = default;
  Reader(Reader&& other) noexcept
      : state_(std::exchange(other.state_, nullptr)),
        sequence_(other.sequence_),
        stamp_ticks_(other.stamp_ticks_),
        last_status_(std::exchange(other.last_status_, Status::closed))
  {}
  Reader& operator=(Reader&& other) noexcept
  {
    Reader moved(std::move(other));
    std::swap(state_, moved.state_);
    std::swap(sequence_, moved.sequence_);
    std::swap(stamp_ticks_, moved.stamp_ticks_);
    std::swap(last_status_, moved.last_status_);
    return *this;
  }
  ~Reader() { detail::PinnedReaderState::drop(state_); }

  // Copies the latest value: ok; empty (none yet); closed (and there never was one); busy (two Refs live); corrupt.
  // `out` is written only with ok; the last value can be loaded again and again, also after close() or the writer's
  // death. Wait-free.
  [[nodiscard]] Status load(T& out) noexcept
  {
    const unsigned pin = pinned();
    if (pin == detail::pinned_no_pin) [[unlikely]]
      return last_status_;
    std::memcpy(std::addressof(out), state_->core().value(pin), sizeof(T));
    state_->core().unpin(pin);
    return Status::ok;
  }

  // As load, but empty when the latest value is the one that this reader loaded last, then closed if the writer closed.
  [[nodiscard]] Status load_newer(T& out) noexcept
  {
    const Status newer = has_newer();
    return newer == Status::ok ? load(out) : newer;
  }

  // The latest value in place; an empty Ref: last_status() says why. Wait-free.
  [[nodiscard]] Ref load_ref() noexcept
  {
    const unsigned pin = pinned();
    return pin == detail::pinned_no_pin ? Ref() : Ref(state_, pin);
  }

  // Whether there is a value that this reader has not loaded: ok, empty, or closed: nor will there be. Two loads at
  // most; writes nothing that others see.
  [[nodiscard]] Status has_newer() const noexcept
  {
    return state_ != nullptr ? state_->core().newer() : Status::closed;
  }

  // As has_newer, but while there is none waits as `strategy` does (idle.hpp), at the longest until deadline_ns of
  // CLOCK_MONOTONIC; then `empty`. Blocking; a writer that was killed is waited for, too. idle::park needs a snapshot
  // with a doorbell, whose writer rings; else it polls. Loads nothing.
  template <idle::Any Strategy = idle::Pause>
  [[nodiscard]] Status wait_newer_until(std::int64_t deadline_ns, Strategy strategy = {}) const noexcept
  {
    if (state_ == nullptr)
      return Status::closed;
    return detail::wait_until(strategy, state_->bell(), deadline_ns, [this] { return has_newer(); });
  }

  // Of the value last loaded: its number, see Writer::sequence(); a jump by more than one tells how many were skipped.
  [[nodiscard]] std::uint64_t sequence() const noexcept { return sequence_; }
  // Of the value last loaded: ticks() of tick_clock.hpp just before it was published. Its age is ticks() -
  // stamp_ticks(), which TickClock turns into nanoseconds.
  [[nodiscard]] std::uint64_t stamp_ticks() const noexcept { return stamp_ticks_; }

  // Why the last load_ref() gave nothing.
  [[nodiscard]] Status last_status() const noexcept { return last_status_; }
  // Of the last load that gave a value: 1..3.
  [[nodiscard]] int attempts() const noexcept { return state_ != nullptr ? state_->core().attempts() : 0; }
  // Asks the kernel: four system calls. For when no new value comes.
  [[nodiscard]] bool writer_alive() const noexcept
  {
    return state_ != nullptr && state_->role().channel().role_alive(RTLANE_ROLE_PRODUCER);
  }
  [[nodiscard]] explicit operator bool() const noexcept { return state_ != nullptr; }

private:
  friend class PinnedSnapshot;
  explicit Reader(Role role) : state_(new detail::PinnedReaderState(std::move(role))) {}

  [[nodiscard]] unsigned pinned() noexcept
  {
    if (state_ == nullptr) {
      last_status_ = Status::closed;
      return detail::pinned_no_pin;
    }
    detail::PinnedReaderCore<>& core = state_->core();
    const unsigned pin = core.pin();
    if (pin == detail::pinned_no_pin) [[unlikely]] {
      last_status_ = core.last_status();
      return pin;
    }
    last_status_ = Status::ok;
    sequence_ = core.sequence(pin);
    stamp_ticks_ = core.stamp(pin);
    return pin;
  }

  detail::PinnedReaderState* state_ = nullptr;
  std::uint64_t sequence_ = 0;
  std::uint64_t stamp_ticks_ = 0;
  Status last_status_ = Status::closed;
};

}  // namespace rtlane
