// Channels from the set-up side: making and opening them, roles, and field tables.
#include <rtlane/channels/channel.h>
#include <rtlane/channels/type.h>
#include <rtlane/channels/participants.hpp>

#include <array>
#include <string>
#include <vector>

#include "micro.hpp"
#include "rings.hpp"

namespace rtlane::bench::micro {
namespace {

enum class Mode : std::uint8_t { idle, run };
RTLANE_ENUM(Mode, idle, run);

// A type with a bit of everything.
struct Sample {
  std::int64_t t_ns;
  double position[3];
  float gyro[3];
  char name[16];
  Mode mode;
  bool valid;
};
RTLANE_TYPE(Sample, RTLANE_UNIT(t_ns, "ns"), RTLANE_UNIT(position, "m"), RTLANE_UNIT(gyro, "deg/s"), name, mode, valid);

rtlane_channel_spec spec()
{
  rtlane_channel_spec wanted = RTLANE_CHANNEL_SPEC_INIT;
  wanted.capacity = 64;
  wanted.type = &type_of<Sample>();
  return wanted;
}

ChannelRef create(const std::string& name)
{
  const rtlane_channel_spec wanted = spec();
  rtlane_channel* channel = nullptr;
  need_c(rtlane_channel_create(name.c_str(), &wanted, nullptr, &channel), "rtlane_channel_create");
  return ChannelRef(channel);
}

std::vector<std::byte> table_of(const rtlane_type& type)
{
  std::vector<std::byte> table(static_cast<std::size_t>(rtlane_type_serialize(&type, nullptr, 0)));
  need_c(static_cast<int>(rtlane_type_serialize(&type, table.data(), table.size())), "rtlane_type_serialize");
  return table;
}

// operation(channel) on a channel with a name.
template <class Operation>
void add_on_channel(const std::string& name, Operation operation)
{
  add(name, [operation](State& state) {
    const ChannelRef channel = create(object_name("channel"));
    repeat(state, [&] { return operation(channel); });
  });
}

void add_channels()
{
  // The checks of an attach are in open: the header, the type field by field, the capacity.
  add("channel/create,unref/alone",
      [](State& state) { repeat(state, [name = object_name("channel")] { return static_cast<bool>(create(name)); }); });
  add("channel/open,unref/checked_type/alone", [](State& state) {
    const std::string name = object_name("channel");
    const ChannelRef kept = create(name);
    const rtlane_channel_spec wanted = spec();
    repeat(state, [&] {
      rtlane_channel* channel = nullptr;
      need_c(rtlane_channel_open(name.c_str(), &wanted, nullptr, &channel), "rtlane_channel_open");
      rtlane_channel_unref(channel);
      return true;
    });
  });
  add("channel/open/wrong_type/alone", [](State& state) {
    const std::string name = object_name("channel");
    const ChannelRef kept = create(name);
    rtlane_channel_spec wanted = spec();
    wanted.type = &type_of<Message16>();
    repeat(state, [&] {
      rtlane_channel* channel = nullptr;
      return rtlane_channel_open(name.c_str(), &wanted, nullptr, &channel) == -EPROTOTYPE;
    });
  });
  add("channel/in_memory,unref/alone", [](State& state) {
    const rtlane_channel_spec wanted = spec();
    repeat(state, [&] {
      rtlane_channel* channel = nullptr;
      need_c(rtlane_channel_in_memory(&wanted, &channel), "rtlane_channel_in_memory");
      rtlane_channel_unref(channel);
      return true;
    });
  });
  add_on_channel("channel/ref,unref/alone", [](const ChannelRef& channel) {
    rtlane_channel_unref(rtlane_channel_ref(channel.get()));
    return true;
  });
  add_on_channel("channel/get_layout,layout/alone",
                 [](const ChannelRef& channel) { return channel.layout().capacity == 64; });
  add_on_channel("channel/get_info,info/alone",
                 [](const ChannelRef& channel) { return channel.info().capacity == 64; });
  add_on_channel("channel/certificate/alone",
                 [](const ChannelRef& channel) { return channel.certificate().page_bytes != 0; });
  add_on_channel("channel/handle/alone",
                 [](const ChannelRef& channel) { return rtlane_channel_handle(channel.get()) != 0; });
  add_on_channel("channel/table/alone", [](const ChannelRef& channel) {
    std::size_t table_bytes = 0;
    return rtlane_channel_table(channel.get(), &table_bytes) != nullptr;
  });
}

void add_roles()
{
  add_on_channel("role/acquire,release/alone", [](const ChannelRef& channel) {
    return static_cast<bool>(need(Role::acquire(channel, RTLANE_ROLE_PRODUCER)));
  });
  add_on_channel("role/held/nobody/alone",
                 [](const ChannelRef& channel) { return rtlane_role_held(channel.get(), RTLANE_ROLE_PRODUCER) == 0; });
  add("role/held/somebody/alone", [](State& state) {
    const ChannelRef channel = create(object_name("channel"));
    const Role role = need(Role::acquire(channel, RTLANE_ROLE_PRODUCER));
    repeat(state, [&] { return rtlane_role_held(channel.get(), RTLANE_ROLE_PRODUCER) == 1; });
  });
  add_on_channel("channel/role_alive/nobody/alone",
                 [](const ChannelRef& channel) { return !channel.role_alive(RTLANE_ROLE_PRODUCER); });
  add("role/mine/alone", [](State& state) {
    const ChannelRef channel = create(object_name("channel"));
    const Role role = need(Role::acquire(channel, RTLANE_ROLE_PRODUCER));
    repeat(state, [&] { return role.mine(); });
  });
}

// operation(table, element) on the table of Sample.
template <class Operation>
void add_on_table(const std::string& name, Operation operation)
{
  add(name, [operation](State& state) {
    const std::vector<std::byte> table = table_of(type_of<Sample>());
    repeat(state, [&] { return operation(table); });
  });
}

void add_tables()
{
  using Table = std::vector<std::byte>;
  add("type/serialize/alone", [](State& state) {
    std::array<std::byte, 4096> buffer{};
    repeat(state, [&] { return rtlane_type_serialize(&type_of<Sample>(), buffer.data(), buffer.size()) > 0; });
  });
  add_on_table("table/check/alone", [](const Table& t) { return rtlane_table_check(t.data(), t.size()) == 0; });
  add_on_table("table/hash/alone", [](const Table& t) { return used(rtlane_table_hash(t.data(), t.size())); });
  add_on_table("table/describe/alone", [](const Table& t) {
    std::array<char, 1024> text;
    return rtlane_table_describe(t.data(), t.size(), text.data(), text.size()) > 0;
  });
  add_on_table("table/format/alone", [](const Table& t) {
    std::array<char, 1024> text;
    const Sample sample{1, {0.5, 1, 2}, {0, -1, 3}, "left", Mode::run, true};
    return rtlane_table_format(t.data(), t.size(), &sample, sizeof sample, text.data(), text.size()) > 0;
  });
  add_on_table("table/difference/equal/alone", [](const Table& t) {
    std::array<char, 1024> text;
    return rtlane_table_difference(t.data(), t.size(), t.data(), t.size(), text.data(), text.size()) == 0;
  });
  add("table/difference/another_type/alone", [](State& state) {
    const Table there = table_of(type_of<Sample>());
    const Table here = table_of(type_of<Message48>());
    std::array<char, 1024> text;
    repeat(state, [&] {
      return rtlane_table_difference(there.data(), there.size(), here.data(), here.size(), text.data(), text.size()) >
             0;
    });
  });
}

}  // namespace

void add_channel()
{
  add_channels();
  add_roles();
  add_tables();
}

}  // namespace rtlane::bench::micro
