// SnapshotGroup<Cycle>: several values of different types that are stored and loaded as one cycle: all of cycle n or
// none.
//
//   struct Cycle { Imu imu; Pose pose; Command command; };
//   RTLANE_TYPE(Cycle, imu, pose, command);
//
//   auto group = rtlane::SnapshotGroup<Cycle>::create("robot/cycle", 8);
//   auto writer = group->group_writer();
//   writer->set<&Cycle::imu>(imu);
//   writer->set<&Cycle::pose>(pose);
//   writer->publish();                                        // one cycle, also of what was not set again
//
//   auto reader = group->reader();
//   reader.load(cycle);                                       // everything
//   reader.load_members<&Cycle::imu, &Cycle::command>(imu, command);  // these, of one cycle
//
// It is a Snapshot of the described struct, no kind of its own: one number, one mark and one check hold for all
// members, so cycles cannot be mixed, tools decode it by its field table, and everything that Snapshot promises of a
// value (bounds, kills, takeover) holds of a cycle. A group of separate snapshots under one cycle word would copy less
// when few members change, but would have to keep each member's slot for as long as a cycle that names it can be read,
// and a load would check each of them.
#pragma once

#include <rtlane/channels/snapshot.hpp>

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

namespace rtlane {

template <ShmSafe Cycle>
class SnapshotGroup : public Snapshot<Cycle> {
  static_assert(std::is_class_v<Cycle> && std::is_default_constructible_v<Cycle>,
                "rtlane: a cycle is a struct of the values, described with RTLANE_TYPE, that begins as Cycle{}");

public:
  class Writer;

  // As those of Snapshot.
  [[nodiscard]] static expected<SnapshotGroup> create(const std::string& name, std::uint64_t depth = 0,
                                                      const SnapshotOptions& options = {})
  {
    return group_of(Snapshot<Cycle>::create(name, depth, options));
  }
  [[nodiscard]] static expected<SnapshotGroup> open(const std::string& name, const SnapshotOptions& options = {})
  {
    return group_of(Snapshot<Cycle>::open(name, options));
  }
  [[nodiscard]] static expected<SnapshotGroup> in_memory(std::uint64_t depth = 0, const SnapshotOptions& options = {})
  {
    return group_of(Snapshot<Cycle>::in_memory(depth, options));
  }

  // As writer(), with a cycle that is put together member by member.
  [[nodiscard]] expected<Writer> group_writer() const
  {
    auto writer = this->writer();
    if (!writer)
      return unexpected(std::move(writer).error());
    return Writer(std::move(*writer), this->reader());
  }

private:
  explicit SnapshotGroup(Snapshot<Cycle> snapshot) noexcept : Snapshot<Cycle>(std::move(snapshot)) {}

  static expected<SnapshotGroup> group_of(expected<Snapshot<Cycle>> made)
  {
    if (!made)
      return unexpected(std::move(made).error());
    return SnapshotGroup(std::move(*made));
  }
};

// Holds the cycle in the making in private memory: begins with the last one published, by whom ever, or Cycle{}.
// Members that are not set again keep their values.
template <ShmSafe Cycle>
class SnapshotGroup<Cycle>::Writer {
public:
  Writer() = default;

  template <auto member, class Value>
  void set(const Value& value) noexcept
  {
    static_assert(std::is_same_v<decltype(member), Value Cycle::*>, "rtlane: a value has the type of its member");
    cycle_.*member = value;
  }
  // The cycle in the making, to be changed in place.
  [[nodiscard]] Cycle& cycle() noexcept { return cycle_; }

  // Makes the cycle visible, all of it at once: ok, or closed after close(). Wait-free.
  Status publish() noexcept { return writer_.store(cycle_); }
  Status publish(std::uint64_t stamp) noexcept { return writer_.store(cycle_, stamp); }

  void close() noexcept { writer_.close(); }
  // Number of the cycle last published; 0 = none.
  [[nodiscard]] std::uint64_t sequence() const noexcept { return writer_.sequence(); }
  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(writer_); }

private:
  friend class SnapshotGroup;
  Writer(typename Snapshot<Cycle>::Writer writer, typename Snapshot<Cycle>::Reader last) noexcept
      : writer_(std::move(writer))
  {
    // Nobody else writes now: the first attempt succeeds, but in a damaged segment.
    if (last.load(cycle_) != Status::ok)
      cycle_ = Cycle{};
  }

  typename Snapshot<Cycle>::Writer writer_;
  Cycle cycle_{};
};

}  // namespace rtlane
