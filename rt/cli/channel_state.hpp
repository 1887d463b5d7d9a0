// A channel as `ls` and `info` show it: its kind and fields, who is in it, what it has counted.
#pragma once

#include <rtlane/channels/participants.hpp>
#include <rtlane/channels/type_table.hpp>

#include <optional>
#include <string>
#include <vector>

#include "objects.hpp"
#include "report.hpp"

namespace rtlane::cli {

// Everything but the fields.
[[nodiscard]] Json channel_json(const ChannelRef& channel, const Holders& holders);
[[nodiscard]] Json fields_json(const TypeTable& table);

// Lines of `info`; no fields without a table.
[[nodiscard]] std::string channel_text(const ChannelRef& channel, const std::optional<TypeTable>& table,
                                       const Holders& holders);

// The heading of the table of channels in `ls`, and the row of one.
[[nodiscard]] std::vector<std::string> channel_heading();
[[nodiscard]] std::vector<std::string> channel_row(const std::string& name, const ChannelRef& channel,
                                                   const Holders& holders);

}  // namespace rtlane::cli
