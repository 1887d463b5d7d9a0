// Snapshot<T>: the latest value, from one writer to any number of readers, between threads or processes.
//
// For state of which only the newest counts: a pose, a set point, a configuration. If no value may be skipped use a
// ring or a broadcast. If T is large, or is to be read in place, use PinnedSnapshot. Several values that belong
// together: SnapshotGroup (snapshot_group.hpp).
//
//   auto pose = rtlane::Snapshot<Pose>::create("robot/pose", rtlane::snapshot_depth(sizeof(Pose), 1'000'000));
//   auto writer = pose->writer();                            // one; -EBUSY while somebody alive is it
//   writer->store(value);
//
//   rtlane::SnapshotOptions options;
//   options.memory.read_only = true;                         // readers write nothing at all
//   auto reader = rtlane::Snapshot<Pose>::open("robot/pose", options)->keeping_reader();
//   if (reader.update() == rtlane::Status::ok) ...
//   if (reader.last() != nullptr && reader.age_ticks() < limit) use(*reader.last());
//
// Contract
//   * create, open, in_memory, writer, reader and the destructors are set-up calls. All others but writer_alive() and
//     wait_newer_until are wait-free: a bounded number of steps, no syscall, no allocation, no lock, whatever the other
//     side does.
//   * store never waits and never fails while the writer is open; its cost does not depend on readers.
//   * A load gives the value that was the latest at some moment within the call, whole, and never an older one than the
//     same reader loaded before. It answers `busy` only after snapshot_attempts_max copies within each of which
//     depth - 1 values were published; the reader keeps the number and the age of its last good value, a KeepingReader
//     that value. snapshot_bound.hpp has the depth with which that never happens, and why.
//   * One writer at a time, the kernel proves it. Readers are not registered, need no role and may be copied; each is
//     used by one thread at a time. Neither are inherited by fork children.
//
// A kill at any instruction, and who takes over
//   * A writer killed inside store: its value is published or not; readers have it whole or the one before, whole. The
//     next writer() goes on with the next number. What nobody could see does not count: numbers have no gap.
//   * A reader's death concerns nobody. A stopped writer is alive: its last value stays, nobody takes its role.
//
// Hostile or damaged peers: each shared word is read once and checked; wrong data, `busy` or `corrupt` may come out,
// never an access outside the snapshot and never a hang. A `bool` or an enum from an untrusted writer may hold any
// bits.
//
// The algorithm, its words and the ordering pairs: snapshot_core.hpp.
#pragma once

#include <rtlane/channels/channel_object.hpp>
#include <rtlane/channels/idle.hpp>
#include <rtlane/channels/snapshot_bound.hpp>
#include <rtlane/channels/snapshot_core.hpp>
#include <rtlane/channels/status.hpp>
#include <rtlane/channels/type_info.hpp>
#include <rtlane/core/expected.hpp>
#include <rtlane/core/shared_memory.hpp>
#include <rtlane/core/shm_safe.hpp>
#include <rtlane/core/tick_clock.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <type_traits>
#include <utility>

namespace rtlane {

struct SnapshotOptions {
  ShmOptions memory{};                  // page tier, locking, mode, group ...; see rtlane/core/shm.h
  std::uint64_t slot_stride_bytes = 0;  // distance of slots; 0 = the default for the value's size
  std::uint32_t doorbell = 0;           // enum rtlane_channel_doorbell; 0 = never, or as an existing one has it
};

// What age_ticks() answers of a value without a stamp, or without a value: older than everything.
inline constexpr std::uint64_t age_unknown = UINT64_MAX;

template <ShmSafe T>
class Snapshot : public detail::ChannelObject<Snapshot<T>> {
  static_assert(alignof(T) <= max_element_align, "rtlane: a value may be aligned to 128 bytes at most");
  static_assert(std::is_move_assignable_v<std::remove_all_extents_t<T>>,
                "rtlane: load writes over a value, so it must be assignable: take const from its members");

public:
  class Writer;
  class Reader;
  class KeepingReader;

  // Makes the snapshot called name, `depth` slots deep (2 .. 2^20, rounded up to a power of two; 0 = 4), or opens the
  // one that exists: created() tells. An existing one of another type (-EPROTOTYPE) or depth (-ERANGE) is refused.
  // Other errors as rtlane_channel_create.
  [[nodiscard]] static expected<Snapshot> create(const std::string& name, std::uint64_t depth = 0,
                                                 const SnapshotOptions& options = {})
  {
    return Object::create_as(name, spec(depth, options), options.memory);
  }

  // Opens the snapshot called name, of any depth; -ENOENT when there is none.
  [[nodiscard]] static expected<Snapshot> open(const std::string& name, const SnapshotOptions& options = {})
  {
    return Object::open_as(name, spec(0, options), options.memory);
  }

  // In private memory of this process, between threads. No kernel object and no name; the death of a thread that holds
  // the writer is not noticed.
  [[nodiscard]] static expected<Snapshot> in_memory(std::uint64_t depth = 0, const SnapshotOptions& options = {})
  {
    return Object::in_memory_as(spec(depth, options));
  }

  // Takes the role: -EBUSY while somebody alive has it, in whatever process; -EACCES on a read-only mapping.
  [[nodiscard]] expected<Writer> writer() const
  {
    return this->attach(RTLANE_ROLE_PRODUCER, [](Role role) { return Writer(std::move(role)); });
  }
  // Any number of them. Keeps the memory alive.
  [[nodiscard]] Reader reader() const { return Reader(this->channel()); }
  [[nodiscard]] KeepingReader keeping_reader() const { return KeepingReader(reader()); }

  [[nodiscard]] bool writer_alive() const noexcept { return this->channel().role_alive(RTLANE_ROLE_PRODUCER); }

private:
  using Object = detail::ChannelObject<Snapshot>;
  friend Object;
  using Object::Object;

  static rtlane_channel_spec spec(std::uint64_t depth, const SnapshotOptions& options) noexcept
  {
    rtlane_channel_spec wanted = RTLANE_CHANNEL_SPEC_INIT;
    wanted.kind = RTLANE_CHANNEL_SNAPSHOT;
    wanted.capacity = depth;
    wanted.type = &type_of<T>();
    wanted.slot_stride_bytes = options.slot_stride_bytes;
    wanted.doorbell = options.doorbell;
    return wanted;
  }
};

// Move-only; gives the role back on destruction.
template <ShmSafe T>
class Snapshot<T>::Writer : public detail::Endpoint<detail::SnapshotWriterCore<>> {
public:
  Writer() = default;

  // ok, or closed after close(). Stamps the value with ticks(), which costs more than the copy of a small one.
  Status store(const T& value) noexcept { return store(value, ticks()); }
  // With a stamp that the caller has, in ticks; 0 = none, then readers know no age.
  Status store(const T& value, std::uint64_t stamp) noexcept
  {
    return core_.store(std::addressof(value), sizeof(T), stamp);
  }

  // No more values. The last one stays and can be loaded; who waits for a newer one hears `closed`. This endpoint
  // answers `closed` from now on; the next writer() opens again.
  void close() noexcept { core_.close(); }

  // Number of the value last stored, by this writer or one before it; 0 = none. The first has number 1.
  [[nodiscard]] std::uint64_t sequence() const noexcept { return core_.sequence(); }

private:
  friend class Snapshot;
  using Endpoint = detail::Endpoint<detail::SnapshotWriterCore<>>;
  using Endpoint::core_;

  explicit Writer(Role role) noexcept
      : Endpoint(
            detail::SnapshotWriterCore<>(detail::SnapshotView<std::atomic<std::uint64_t>>(role.channel().layout())),
            std::move(role))
  {}
};

// A default-constructed one answers `closed`.
template <ShmSafe T>
class Snapshot<T>::Reader {
public:
  Reader() = default;

  // ok; empty (nothing was stored yet), closed (nor ever will be), busy, corrupt: then `out` holds bytes of no value
  // and must not be used. A snapshot that is closed gives its last value as before.
  [[nodiscard]] Status load(T& out) noexcept
  {
    return core_.load(detail::SnapshotCopy<>{std::addressof(out), sizeof(T)});
  }

  // As load, but only a value that this reader has not loaded: else empty (none now) or closed (none any more), after
  // one or three shared loads, and `out` is not touched.
  [[nodiscard]] Status load_newer(T& out) noexcept
  {
    return core_.newer() ? load(out) : core_.closed() ? Status::closed : Status::empty;
  }

  // As load_newer, but waits as `strategy` does (idle.hpp), at the longest until deadline_ns of CLOCK_MONOTONIC; then
  // empty, or busy. Blocking; a writer that was killed is waited for, too. idle::park needs a writable mapping of a
  // snapshot with a doorbell, whose writer rings; else it polls.
  template <idle::Any Strategy = idle::Pause>
  [[nodiscard]] Status wait_newer_until(T& out, std::int64_t deadline_ns, Strategy strategy = {}) noexcept
  {
    return detail::wait_until(strategy, bell_, deadline_ns, [&] { return load_newer(out); });
  }

  // The named members of one value: load_members<&Cycle::imu, &Cycle::pose>(imu, pose). Answers as load; only their
  // words are copied.
  template <auto... members, class... Outs>
  [[nodiscard]] Status load_members(Outs&... outs) noexcept
  {
    static_assert(sizeof...(members) == sizeof...(Outs), "rtlane: one output for each member");
    return core_.load(
        [&](const std::atomic<std::uint64_t>* from) noexcept { (copy_member<members>(from, outs), ...); });
  }

  // Whether there is a value that this reader has not loaded. One shared load.
  [[nodiscard]] bool newer() const noexcept { return core_.newer(); }
  // The writer has closed, and this reader has loaded its last value.
  [[nodiscard]] bool closed() const noexcept { return core_.closed(); }

  // Of the value last loaded: its number (0 = none); its writer's stamp in ticks (0 = none); ticks since then, 0 when
  // the CPUs' counters disagree, age_unknown without a stamp. TickClock makes them ns.
  [[nodiscard]] std::uint64_t sequence() const noexcept { return core_.sequence(); }
  [[nodiscard]] std::uint64_t stamp() const noexcept { return core_.stamp(); }
  [[nodiscard]] std::uint64_t age_ticks(std::uint64_t now = ticks()) const noexcept
  {
    if (core_.stamp() == 0)
      return age_unknown;
    return now > core_.stamp() ? now - core_.stamp() : 0;
  }

  // Copies of this reader that the writer overtook. More than a few: the snapshot is not deep enough.
  [[nodiscard]] std::uint64_t overtaken() const noexcept { return core_.overtaken(); }
  // Asks the kernel: four system calls. For when the value grows old.
  [[nodiscard]] bool writer_alive() const noexcept { return channel_.role_alive(RTLANE_ROLE_PRODUCER); }

private:
  friend class Snapshot;
  explicit Reader(ChannelRef channel) noexcept
      : core_(detail::SnapshotView<std::atomic<std::uint64_t>>(channel.layout())),
        channel_(std::move(channel)),
        bell_(channel_.layout())
  {}

  template <auto member, class Out>
  static void copy_member(const std::atomic<std::uint64_t>* from, Out& out) noexcept
  {
    static_assert(std::is_same_v<decltype(member), Out T::*>, "rtlane: an output has the type of its member");
    // A pointer to a data member is its offset, in every ABI that rtlane is built for.
    std::ptrdiff_t offset = 0;
    constexpr auto named = member;
    static_assert(sizeof named == sizeof offset);
    std::memcpy(&offset, &named, sizeof offset);
    detail::load_torn_part(std::addressof(out), from, static_cast<std::size_t>(offset), sizeof(Out));
  }

  detail::SnapshotReaderCore<> core_;
  ChannelRef channel_;
  detail::Doorbell bell_;
};

// A reader with room for two values: the last good one stays while the next is copied.
template <ShmSafe T>
class Snapshot<T>::KeepingReader {
public:
  KeepingReader() = default;

  // Loads the latest value into last(). With any answer but ok last() stays as it was, and so do its number and age.
  Status update() noexcept { return keep(reader_.load(*room(!newest_))); }
  // The same with a value newer than last(), as Reader::wait_newer_until.
  template <idle::Any Strategy = idle::Pause>
  Status wait_newer_until(std::int64_t deadline_ns, Strategy strategy = {}) noexcept
  {
    return keep(reader_.wait_newer_until(*room(!newest_), deadline_ns, strategy));
  }

  // The last good value, until the next update(); nullptr = there is none.
  [[nodiscard]] const T* last() const noexcept
  {
    return reader_.sequence() == 0 ? nullptr : std::launder(reinterpret_cast<const T*>(values_[newest_]));
  }

  // As Reader.
  [[nodiscard]] bool newer() const noexcept { return reader_.newer(); }
  [[nodiscard]] bool closed() const noexcept { return reader_.closed(); }
  [[nodiscard]] std::uint64_t sequence() const noexcept { return reader_.sequence(); }
  [[nodiscard]] std::uint64_t stamp() const noexcept { return reader_.stamp(); }
  [[nodiscard]] std::uint64_t age_ticks(std::uint64_t now = ticks()) const noexcept { return reader_.age_ticks(now); }
  [[nodiscard]] std::uint64_t overtaken() const noexcept { return reader_.overtaken(); }
  [[nodiscard]] bool writer_alive() const noexcept { return reader_.writer_alive(); }

private:
  friend class Snapshot;
  explicit KeepingReader(Reader reader) noexcept : reader_(std::move(reader)) {}

  Status keep(Status status) noexcept
  {
    if (status == Status::ok)
      newest_ = !newest_;
    return status;
  }

  T* room(bool which) noexcept { return std::launder(reinterpret_cast<T*>(values_[which])); }

  Reader reader_;
  bool newest_ = false;
  alignas(T) std::byte values_[2][sizeof(T)] = {};
};

}  // namespace rtlane
