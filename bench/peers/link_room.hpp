// What a link is made from, for who makes one.
#pragma once

#include <fmt/format.h>
#include <unistd.h>

#include <cctype>
#include <cstddef>
#include <string>

#include "link.hpp"

namespace rtlane::bench {

// LinkRoom::name. Unique as long as this process makes one link of a kind and size at a time.
inline std::string link_name(const LinkInfo& info, std::size_t bytes)
{
  std::string name = fmt::format("{}-{}-{}", info.name, bytes, ::getpid());
  for (char& c : name)
    c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? static_cast<char>(std::tolower(c)) : '-';
  return name;
}

// Of LinkRoom::shared: two directions of link_capacity messages, with what a peer keeps beside each.
constexpr std::size_t link_bytes(std::size_t message_bytes) noexcept
{
  return 4 * link_capacity * (message_bytes + 128) + (1U << 20);
}

}  // namespace rtlane::bench
