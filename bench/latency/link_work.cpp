#include "link_work.hpp"

#include <fmt/format.h>

namespace rtlane::bench {

void die_of_message(std::string_view link, std::uint64_t number, const char* what)
{
  die(fmt::format("{}: message {} {}", link, number, what));
}

}  // namespace rtlane::bench
