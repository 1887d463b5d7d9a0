#include "channel_state.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "output.hpp"

namespace rtlane::cli {
namespace {

std::string type_text(const TypeTable& table, const TypeTable::Field& field)
{
  const unsigned bits = field.element_bytes * 8;
  std::string text;
  switch (field.kind) {
    case RTLANE_FIELD_INT:
      text = fmt::format("int{}", bits);
      break;
    case RTLANE_FIELD_UINT:
      text = fmt::format("uint{}", bits);
      break;
    case RTLANE_FIELD_FLOAT:
      text = fmt::format("float{}", bits);
      break;
    case RTLANE_FIELD_BOOL:
      text = "bool";
      break;
    case RTLANE_FIELD_ENUM_INT:
    case RTLANE_FIELD_ENUM_UINT:
      text = fmt::format("enum {}int{}", field.kind == RTLANE_FIELD_ENUM_UINT ? "u" : "", bits);
      break;
    case RTLANE_FIELD_TEXT:
      text = fmt::format("char[{}]", field.element_bytes);
      break;
    case RTLANE_FIELD_BYTES:
      text = fmt::format("byte[{}]", field.element_bytes);
      break;
    case RTLANE_FIELD_STRUCT:
      text = printable(table.name(field.nested));
      break;
    default:
      text = "?";
  }
  return field.count == 1 ? text : fmt::format("{}[{}]", text, field.count);
}

void add_field_rows(const TypeTable& table, std::uint32_t type, const std::string& indent,
                    std::vector<std::vector<std::string>>& rows)
{
  for (const TypeTable::Field& field : table.fields(type)) {
    std::string names;
    for (const auto& [name, value] : field.enumerators)
      names += fmt::format("{}{}={}", names.empty() ? "" : " ", printable(name), value);
    rows.push_back({"  " + indent + printable(field.name), type_text(table, field), fmt::format("{}", field.offset),
                    names.empty() ? printable(field.unit) : names});
    if (field.kind == RTLANE_FIELD_STRUCT)
      add_field_rows(table, field.nested, indent + "  ", rows);
  }
}

Json fields_json(const TypeTable& table, std::uint32_t type)
{
  Json fields = Json::array();
  for (const TypeTable::Field& field : table.fields(type)) {
    Json json = {{"name", field.name},
                 {"type", type_text(table, field)},
                 {"offset", field.offset},
                 {"count", field.count},
                 {"unit", field.unit}};
    if (!field.enumerators.empty()) {
      for (const auto& [name, value] : field.enumerators)
        json["names"][std::string(name)] = value;
    }
    if (field.kind == RTLANE_FIELD_STRUCT)
      json["fields"] = fields_json(table, field.nested);
    fields.push_back(std::move(json));
  }
  return fields;
}

// Whether a role that is held must be a stopped process's: each process that can have it is stopped. The kernel says
// that somebody has the role, not who.
bool holder_is_stopped(const Holders& holders)
{
  const auto may_have_it = [](const Process& process) { return process.control_pages > 1; };
  const auto runs = [&](const Process& process) { return may_have_it(process) && !process.stopped; };
  return holders.locks <= holders.processes.size() && std::ranges::any_of(holders.processes, may_have_it) &&
         std::ranges::none_of(holders.processes, runs);
}

// "alive", "stopped", "killed" (it did not detach and nobody came after it), "none", "unknown".
const char* role_state(std::int32_t alive, bool marked, const Holders& holders)
{
  if (alive == 1)
    return holder_is_stopped(holders) ? "stopped" : "alive";
  if (alive < 0)
    return "unknown";
  return marked ? "killed" : "none";
}

struct Roles {
  const char* producer;  // what the role is called; nullptr: the kind has none
  const char* consumer;
  const char* participant;
  const char* producer_state;
  const char* consumer_state;
};

Roles roles_of(const rtlane_channel_info& seen, const Holders& holders)
{
  return {rtlane_channel_role_name(seen.kind, RTLANE_ROLE_PRODUCER),
          rtlane_channel_role_name(seen.kind, RTLANE_ROLE_CONSUMER),
          rtlane_channel_role_name(seen.kind, RTLANE_ROLE_PARTICIPANT),
          role_state(seen.producer_alive, (seen.marked & RTLANE_MARKED_PRODUCER) != 0, holders),
          role_state(seen.consumer_alive, (seen.marked & RTLANE_MARKED_CONSUMER) != 0, holders)};
}

std::string participants_text(const rtlane_channel_info& seen, const Holders& holders)
{
  if (seen.participants_alive < 0)
    return "unknown (no permission to ask)";
  const bool stopped = seen.participants_alive > 0 && holder_is_stopped(holders);
  return fmt::format("{} of {} {}", seen.participants_alive, seen.participants, stopped ? "stopped" : "alive");
}

Json alive_json(std::int32_t alive)
{
  return alive < 0 ? Json(nullptr) : Json(alive == 1);
}

// What its slots are: "8 elements of 24 bytes, slots 32 bytes apart", of channels for frames "1024 bytes".
std::string slots_text(const rtlane_channel_info& seen, const rtlane_channel_layout& layout)
{
  if (layout.frame_bytes_max != 0)
    return fmt::format("{}, frames of up to {}", bytes_text(seen.capacity), bytes_text(layout.frame_bytes_max));
  return fmt::format("{} element{} of {}, slots {} apart", seen.capacity, seen.capacity == 1 ? "" : "s",
                     bytes_text(seen.element_bytes), bytes_text(seen.slot_stride_bytes));
}

}  // namespace

Json fields_json(const TypeTable& table)
{
  return fields_json(table, 0);
}

Json channel_json(const ChannelRef& channel, const Holders& holders)
{
  const auto seen = channel.info();
  const Roles roles = roles_of(seen, holders);
  return {{"kind", rtlane_channel_kind_name(seen.kind)},
          {"type", seen.type_name},
          {"type_hash", fmt::format("{:016x}", seen.type_hash)},
          {"element_bytes", seen.element_bytes},
          {"capacity", seen.capacity},
          {"slot_stride_bytes", seen.slot_stride_bytes},
          {"frame_bytes_max", channel.layout().frame_bytes_max},
          {"participants", seen.participants},
          {"producer_alive", alive_json(seen.producer_alive)},
          {"consumer_alive", alive_json(seen.consumer_alive)},
          {"participants_alive", seen.participants_alive < 0 ? Json(nullptr) : Json(seen.participants_alive)},
          {"producer_state", roles.producer != nullptr ? Json(roles.producer_state) : Json(nullptr)},
          {"consumer_state", roles.consumer != nullptr ? Json(roles.consumer_state) : Json(nullptr)},
          {"closed", seen.closed != 0},
          {"published", seen.published},
          {"consumed", seen.consumed},
          {"depth", seen.depth},
          {"refused", seen.refused},
          {"lost", seen.lost},
          {"redelivered", seen.redelivered},
          {"recovered", seen.recovered},
          {"orphaned", seen.orphaned},
          {"producer_attaches", seen.producer_attaches},
          {"consumer_attaches", seen.consumer_attaches},
          {"participant_attaches", seen.participant_attaches},
          {"producer_takeovers", seen.producer_takeovers},
          {"consumer_takeovers", seen.consumer_takeovers},
          {"participant_takeovers", seen.participant_takeovers}};
}

std::string channel_text(const ChannelRef& channel, const std::optional<TypeTable>& table, const Holders& holders)
{
  const auto seen = channel.info();
  const Roles roles = roles_of(seen, holders);
  std::string text = fmt::format("\nchannel\n  kind         {} of {}, {}\n", rtlane_channel_kind_name(seen.kind),
                                 printable(seen.type_name), slots_text(seen, channel.layout()));
  const auto role = [&](const char* name, const char* plural, std::string state, std::uint64_t attaches,
                        std::uint64_t takeovers) {
    if (state == "unknown")
      state += " (no permission to ask)";
    if (name != nullptr)
      text += fmt::format("  {:<12} {}; {} attached since it was made, {} of them after a kill\n",
                          std::string(name) + plural, state, attaches, takeovers);
  };
  role(roles.producer, "", roles.producer_state, seen.producer_attaches, seen.producer_takeovers);
  role(roles.consumer, "", roles.consumer_state, seen.consumer_attaches, seen.consumer_takeovers);
  role(roles.participant, "s", participants_text(seen, holders), seen.participant_attaches, seen.participant_takeovers);
  text += fmt::format("  stream       {}\n", seen.closed != 0 ? "ended" : "open");
  // What is rare, only when there is any.
  const struct {
    const char* name;
    std::uint64_t value;
    bool always;
  } counters[] = {{"published", seen.published, true},  {"consumed", seen.consumed, true},
                  {"depth", seen.depth, true},          {"refused", seen.refused, true},
                  {"lost", seen.lost, false},           {"redelivered", seen.redelivered, true},
                  {"recovered", seen.recovered, false}, {"orphaned", seen.orphaned, false}};
  for (const auto& counter : counters) {
    if (counter.always || counter.value != 0)
      text += fmt::format("  {:<12} {}\n", counter.name, counter.value);
  }
  if (table) {
    std::vector<std::vector<std::string>> rows = {{"  FIELD", "TYPE", "OFFSET", "UNIT"}};
    add_field_rows(*table, 0, "", rows);
    text += "\n" + table_text(rows);
  }
  return text;
}

std::vector<std::string> channel_heading()
{
  return {"CHANNEL", "KIND", "OF", "DEPTH", "PUBLISHED", "CONSUMED", "TROUBLE", "WHO"};
}

std::vector<std::string> channel_row(const std::string& name, const ChannelRef& channel, const Holders& holders)
{
  const auto seen = channel.info();
  const Roles roles = roles_of(seen, holders);
  // Where nobody takes anything there is nothing to wait and to be taken.
  const bool consumed = roles.consumer != nullptr || seen.kind == RTLANE_CHANNEL_MPMC_RING;
  std::string who;
  const auto add = [&](const char* role, const char* plural, const std::string& state) {
    if (role != nullptr)
      who += fmt::format("{}{}{} {}", who.empty() ? "" : ", ", role, plural, state);
  };
  add(roles.producer, "", roles.producer_state);
  add(roles.consumer, "", roles.consumer_state);
  add(roles.participant, "s", participants_text(seen, holders));
  if (seen.closed != 0)
    who += "; ended";
  std::string trouble;
  const struct {
    const char* name;
    std::uint64_t value;
  } counters[] = {{"refused", seen.refused},
                  {"lost", seen.lost},
                  {"redelivered", seen.redelivered},
                  {"recovered", seen.recovered},
                  {"orphaned", seen.orphaned},
                  {"killed", seen.producer_takeovers + seen.consumer_takeovers + seen.participant_takeovers}};
  for (const auto& counter : counters) {
    if (counter.value != 0)
      trouble += fmt::format("{}{} {}", trouble.empty() ? "" : ", ", counter.value, counter.name);
  }
  return {name,
          rtlane_channel_kind_name(seen.kind),
          printable(seen.type_name),
          consumed ? fmt::format("{}/{}", seen.depth, seen.capacity) : fmt::format("{}", seen.capacity),
          fmt::format("{}", seen.published),
          consumed ? fmt::format("{}", seen.consumed) : "-",
          trouble.empty() ? "-" : trouble,
          who};
}

}  // namespace rtlane::cli
