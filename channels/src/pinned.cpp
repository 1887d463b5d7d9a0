// The C face of the pinned snapshot: what PinnedSnapshot<T> does, with sizes known at run time.
#include <rtlane/channels/pinned.h>
#include <rtlane/channels/pinned_snapshot.hpp>

#include <cerrno>
#include <cstring>

#include "c_face.hpp"

namespace detail = rtlane::detail;
using detail::number;
using rtlane::Role;
using rtlane::Status;

struct rtlane_pinned : detail::CChannel {
  static constexpr std::uint32_t kind = RTLANE_CHANNEL_PINNED_SNAPSHOT;
};

struct rtlane_pinned_writer : detail::CEnd<detail::PinnedWriterCore<>> {
  using CEnd::CEnd;
};

struct rtlane_pinned_reader : detail::CEnd<detail::PinnedReaderCore<>> {
  using CEnd::CEnd;

  const void* referred[detail::pinned_pins] = {};  // by pin; nullptr: ref did not give it
  std::uint64_t sequence = 0;
  std::uint64_t stamp_ticks = 0;
};

namespace {

rtlane_channel_spec spec_of(uint32_t readers, const rtlane_type* type) noexcept
{
  rtlane_channel_spec spec = RTLANE_CHANNEL_SPEC_INIT;
  spec.participants = readers;
  spec.type = type;
  return spec;
}

unsigned pin(rtlane_pinned_reader& reader) noexcept
{
  const unsigned got = reader.core_.pin();
  if (got != detail::pinned_no_pin) [[likely]] {
    reader.sequence = reader.core_.sequence(got);
    reader.stamp_ticks = reader.core_.stamp(got);
  }
  return got;
}

Status load(rtlane_pinned_reader& reader, void* value) noexcept
{
  const unsigned got = pin(reader);
  if (got == detail::pinned_no_pin) [[unlikely]]
    return reader.core_.last_status();
  std::memcpy(value, reader.core_.value(got), reader.element_bytes);
  reader.core_.unpin(got);
  return Status::ok;
}

}  // namespace

int rtlane_pinned_create(const char* name, uint32_t readers, const struct rtlane_type* type,
                         const struct rtlane_shm_options* options, rtlane_pinned** snapshot) noexcept
{
  return detail::give_named(rtlane_channel_create, name, spec_of(readers, type), options, snapshot);
}

int rtlane_pinned_open(const char* name, const struct rtlane_type* type, const struct rtlane_shm_options* options,
                       rtlane_pinned** snapshot) noexcept
{
  return detail::give_named(rtlane_channel_open, name, spec_of(0, type), options, snapshot);
}

int rtlane_pinned_in_memory(uint32_t readers, const struct rtlane_type* type, rtlane_pinned** snapshot) noexcept
{
  return detail::give_private(spec_of(readers, type), snapshot);
}

int rtlane_pinned_from_channel(rtlane_channel* channel, rtlane_pinned** snapshot) noexcept
{
  return detail::give_known(channel, snapshot);
}

void rtlane_pinned_close(rtlane_pinned* snapshot) noexcept
{
  delete snapshot;
}

uint32_t rtlane_pinned_readers_max(const rtlane_pinned* snapshot) noexcept
{
  return detail::layout_of(snapshot).participants;
}

uint64_t rtlane_pinned_value_bytes(const rtlane_pinned* snapshot) noexcept
{
  return detail::layout_of(snapshot).element_bytes;
}

rtlane_channel* rtlane_pinned_channel(const rtlane_pinned* snapshot) noexcept
{
  return detail::channel_of(snapshot);
}

/* ---- writer */

int rtlane_pinned_writer_attach(rtlane_pinned* snapshot, rtlane_pinned_writer** writer) noexcept
{
  return detail::give_end(snapshot, RTLANE_ROLE_PRODUCER, writer, [](Role role) {
    return new rtlane_pinned_writer(detail::PinnedWriterCore<>(detail::pinned_view_of(role.channel().layout())),
                                    std::move(role));
  });
}

void rtlane_pinned_writer_detach(rtlane_pinned_writer* writer) noexcept
{
  delete writer;
}

int rtlane_pinned_store(rtlane_pinned_writer* writer, const void* value) noexcept
{
  if (writer == nullptr || value == nullptr)
    return -EINVAL;
  std::byte* place = writer->core_.claim();
  if (place == nullptr)
    return RTLANE_CLOSED;
  std::memcpy(place, value, writer->element_bytes);
  writer->core_.publish(rtlane::ticks());
  return RTLANE_OK;
}

int rtlane_pinned_claim(rtlane_pinned_writer* writer, void** place) noexcept
{
  if (writer == nullptr || place == nullptr)
    return -EINVAL;
  std::byte* claimed = writer->core_.claim();
  if (claimed == nullptr)
    return RTLANE_CLOSED;
  writer->core_.mark_claimed();
  *place = claimed;
  return RTLANE_OK;
}

int rtlane_pinned_publish(rtlane_pinned_writer* writer) noexcept
{
  if (writer == nullptr || !writer->core_.claimed())
    return -EINVAL;
  writer->core_.publish(rtlane::ticks());
  return RTLANE_OK;
}

int rtlane_pinned_end(rtlane_pinned_writer* writer) noexcept
{
  if (writer == nullptr)
    return -EINVAL;
  writer->core_.close();
  return RTLANE_OK;
}

int rtlane_pinned_ring(rtlane_pinned_writer* writer) noexcept
{
  return detail::ring(writer);
}

uint64_t rtlane_pinned_writer_sequence(const rtlane_pinned_writer* writer) noexcept
{
  return writer == nullptr ? 0 : writer->core_.sequence();
}

/* ---- reader */

int rtlane_pinned_reader_attach(rtlane_pinned* snapshot, rtlane_pinned_reader** reader) noexcept
{
  return detail::give_participant(snapshot, reader, [](Role role) {
    return new rtlane_pinned_reader(detail::PinnedReaderCore<>(detail::pinned_view_of(role.channel().layout()),
                                                               role.index() - RTLANE_ROLE_PARTICIPANT),
                                    std::move(role));
  });
}

void rtlane_pinned_reader_detach(rtlane_pinned_reader* reader) noexcept
{
  delete reader;
}

int rtlane_pinned_load(rtlane_pinned_reader* reader, void* value) noexcept
{
  if (reader == nullptr || value == nullptr)
    return -EINVAL;
  return number(load(*reader, value));
}

int rtlane_pinned_load_newer(rtlane_pinned_reader* reader, void* value) noexcept
{
  if (reader == nullptr || value == nullptr)
    return -EINVAL;
  const Status newer = reader->core_.newer();
  return number(newer == Status::ok ? load(*reader, value) : newer);
}

int rtlane_pinned_ref(rtlane_pinned_reader* reader, const void** value) noexcept
{
  if (reader == nullptr || value == nullptr)
    return -EINVAL;
  const unsigned got = pin(*reader);
  if (got == detail::pinned_no_pin)
    return number(reader->core_.last_status());
  reader->referred[got] = reader->core_.value(got);
  *value = reader->referred[got];
  return RTLANE_OK;
}

int rtlane_pinned_unref(rtlane_pinned_reader* reader, const void* value) noexcept
{
  if (reader == nullptr || value == nullptr)
    return -EINVAL;
  // Both pins may be on one value: then it does not matter which of them goes first.
  for (unsigned held = 0; held < detail::pinned_pins; ++held) {
    if (reader->referred[held] == value) {
      reader->referred[held] = nullptr;
      reader->core_.unpin(held);
      return RTLANE_OK;
    }
  }
  return -EINVAL;
}

int rtlane_pinned_has_newer(const rtlane_pinned_reader* reader) noexcept
{
  return reader == nullptr ? -EINVAL : number(reader->core_.newer());
}

int rtlane_pinned_wait_newer_until(const rtlane_pinned_reader* reader, int idle, int64_t deadline_ns) noexcept
{
  if (reader == nullptr || !detail::is_idle(idle))
    return -EINVAL;
  return number(detail::wait_as(idle, reader->bell_, deadline_ns, [=] { return reader->core_.newer(); }));
}

uint64_t rtlane_pinned_sequence(const rtlane_pinned_reader* reader) noexcept
{
  return reader == nullptr ? 0 : reader->sequence;
}

uint64_t rtlane_pinned_stamp_ticks(const rtlane_pinned_reader* reader) noexcept
{
  return reader == nullptr ? 0 : reader->stamp_ticks;
}

int rtlane_pinned_writer_alive(const rtlane_pinned_reader* reader) noexcept
{
  return reader == nullptr ? -EINVAL : rtlane_role_held(reader->role_.channel().get(), RTLANE_ROLE_PRODUCER);
}
