// The answer of every data call of a channel.
#pragma once

#include <cstdint>

namespace rtlane {

// Same numbers as enum rtlane_status of the C API.
enum class Status : std::int32_t {
  ok = 0,
  empty = 1,      // nothing to take at this moment
  full = 2,       // no room at this moment
  busy = 3,       // a living peer is in the middle of it: not empty, not full, try again
  lost = 4,       // elements were overwritten before they could be taken
  closed = 5,     // the producer ended the stream and everything was taken; or this endpoint is detached
  corrupt = 6,    // shared words hold what no correct peer writes: a damaged or hostile segment
  too_small = 7,  // the caller's buffer is smaller than the frame, which stays
  too_large = 8,  // the frame is longer than the channel carries
};

constexpr const char* to_string(Status status) noexcept
{
  switch (status) {
    case Status::ok:
      return "ok";
    case Status::empty:
      return "empty";
    case Status::full:
      return "full";
    case Status::busy:
      return "busy";
    case Status::lost:
      return "lost";
    case Status::closed:
      return "closed";
    case Status::corrupt:
      return "corrupt";
    case Status::too_small:
      return "too small";
    case Status::too_large:
      return "too large";
  }
  return "unknown";
}

}  // namespace rtlane
