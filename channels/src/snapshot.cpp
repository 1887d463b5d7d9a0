// The C face of the snapshot: what Snapshot<T> does, with sizes known at run time.
#include <rtlane/channels/snapshot.h>
#include <rtlane/channels/snapshot.hpp>

#include <cerrno>

#include "c_face.hpp"

namespace detail = rtlane::detail;
using detail::number;
using rtlane::Role;
using rtlane::Status;
using View = detail::SnapshotView<std::atomic<std::uint64_t>>;

struct rtlane_snapshot : detail::CChannel {
  static constexpr std::uint32_t kind = RTLANE_CHANNEL_SNAPSHOT;
};

struct rtlane_snapshot_writer : detail::CEnd<detail::SnapshotWriterCore<>> {
  using CEnd::CEnd;
};

struct rtlane_snapshot_reader : detail::CReader<detail::SnapshotReaderCore<>> {
  using CReader::CReader;
};

namespace {

rtlane_channel_spec spec_of(uint64_t depth, const rtlane_type* type) noexcept
{
  rtlane_channel_spec spec = RTLANE_CHANNEL_SPEC_INIT;
  spec.capacity = depth;
  spec.type = type;
  return spec;
}

Status load(rtlane_snapshot_reader& reader, void* value) noexcept
{
  return reader.core_.load(detail::SnapshotCopy<>{value, reader.element_bytes});
}

Status load_newer(rtlane_snapshot_reader& reader, void* value) noexcept
{
  return reader.core_.newer() ? load(reader, value) : reader.core_.closed() ? Status::closed : Status::empty;
}

}  // namespace

int rtlane_snapshot_create(const char* name, uint64_t depth, const struct rtlane_type* type,
                           const struct rtlane_shm_options* options, rtlane_snapshot** snapshot) noexcept
{
  return detail::give_named(rtlane_channel_create, name, spec_of(depth, type), options, snapshot);
}

int rtlane_snapshot_open(const char* name, const struct rtlane_type* type, const struct rtlane_shm_options* options,
                         rtlane_snapshot** snapshot) noexcept
{
  return detail::give_named(rtlane_channel_open, name, spec_of(0, type), options, snapshot);
}

int rtlane_snapshot_in_memory(uint64_t depth, const struct rtlane_type* type, rtlane_snapshot** snapshot) noexcept
{
  return detail::give_private(spec_of(depth, type), snapshot);
}

int rtlane_snapshot_from_channel(rtlane_channel* channel, rtlane_snapshot** snapshot) noexcept
{
  return detail::give_known(channel, snapshot);
}

void rtlane_snapshot_close(rtlane_snapshot* snapshot) noexcept
{
  delete snapshot;
}

uint64_t rtlane_snapshot_depth(const rtlane_snapshot* snapshot) noexcept
{
  return detail::layout_of(snapshot).capacity;
}

uint64_t rtlane_snapshot_value_bytes(const rtlane_snapshot* snapshot) noexcept
{
  return detail::layout_of(snapshot).element_bytes;
}

rtlane_channel* rtlane_snapshot_channel(const rtlane_snapshot* snapshot) noexcept
{
  return detail::channel_of(snapshot);
}

/* ---- writer */

int rtlane_snapshot_writer_attach(rtlane_snapshot* snapshot, rtlane_snapshot_writer** writer) noexcept
{
  return detail::give_end(snapshot, RTLANE_ROLE_PRODUCER, writer, [](Role role) {
    return new rtlane_snapshot_writer(detail::SnapshotWriterCore<>(View(role.channel().layout())), std::move(role));
  });
}

void rtlane_snapshot_writer_detach(rtlane_snapshot_writer* writer) noexcept
{
  delete writer;
}

int rtlane_snapshot_store(rtlane_snapshot_writer* writer, const void* value) noexcept
{
  return rtlane_snapshot_store_stamped(writer, value, rtlane::ticks());
}

int rtlane_snapshot_store_stamped(rtlane_snapshot_writer* writer, const void* value, uint64_t stamp) noexcept
{
  if (writer == nullptr || value == nullptr)
    return -EINVAL;
  return number(writer->core_.store(value, writer->element_bytes, stamp));
}

int rtlane_snapshot_end(rtlane_snapshot_writer* writer) noexcept
{
  if (writer == nullptr)
    return -EINVAL;
  writer->core_.close();
  return RTLANE_OK;
}

uint64_t rtlane_snapshot_writer_sequence(const rtlane_snapshot_writer* writer) noexcept
{
  return writer == nullptr ? 0 : writer->core_.sequence();
}

int rtlane_snapshot_ring(rtlane_snapshot_writer* writer) noexcept
{
  return detail::ring(writer);
}

/* ---- reader */

int rtlane_snapshot_reader_attach(rtlane_snapshot* snapshot, rtlane_snapshot_reader** reader) noexcept
{
  return detail::give(snapshot, reader, [snapshot]() -> rtlane::expected<rtlane_snapshot_reader*> {
    return new rtlane_snapshot_reader(detail::SnapshotReaderCore<>(View(snapshot->ref.layout())), snapshot->ref);
  });
}

void rtlane_snapshot_reader_detach(rtlane_snapshot_reader* reader) noexcept
{
  delete reader;
}

int rtlane_snapshot_load(rtlane_snapshot_reader* reader, void* value) noexcept
{
  if (reader == nullptr || value == nullptr)
    return -EINVAL;
  return number(load(*reader, value));
}

int rtlane_snapshot_load_newer(rtlane_snapshot_reader* reader, void* value) noexcept
{
  if (reader == nullptr || value == nullptr)
    return -EINVAL;
  return number(load_newer(*reader, value));
}

int rtlane_snapshot_wait_newer_until(rtlane_snapshot_reader* reader, void* value, int idle,
                                     int64_t deadline_ns) noexcept
{
  if (reader == nullptr || value == nullptr || !detail::is_idle(idle))
    return -EINVAL;
  return number(detail::wait_as(idle, reader->bell_, deadline_ns, [=] { return load_newer(*reader, value); }));
}

int rtlane_snapshot_newer(const rtlane_snapshot_reader* reader) noexcept
{
  return reader == nullptr ? -EINVAL : reader->core_.newer() ? 1 : 0;
}

int rtlane_snapshot_ended(const rtlane_snapshot_reader* reader) noexcept
{
  return reader == nullptr ? -EINVAL : reader->core_.closed() ? 1 : 0;
}

uint64_t rtlane_snapshot_sequence(const rtlane_snapshot_reader* reader) noexcept
{
  return reader == nullptr ? 0 : reader->core_.sequence();
}

uint64_t rtlane_snapshot_stamp(const rtlane_snapshot_reader* reader) noexcept
{
  return reader == nullptr ? 0 : reader->core_.stamp();
}

uint64_t rtlane_snapshot_age_ticks(const rtlane_snapshot_reader* reader) noexcept
{
  const uint64_t stamp = rtlane_snapshot_stamp(reader);
  if (stamp == 0)
    return rtlane::age_unknown;
  const uint64_t now = rtlane::ticks();
  return now > stamp ? now - stamp : 0;
}

uint64_t rtlane_snapshot_overtaken(const rtlane_snapshot_reader* reader) noexcept
{
  return reader == nullptr ? 0 : reader->core_.overtaken();
}

int rtlane_snapshot_writer_alive(const rtlane_snapshot_reader* reader) noexcept
{
  return reader == nullptr ? -EINVAL : rtlane_role_held(reader->channel_.get(), RTLANE_ROLE_PRODUCER);
}
