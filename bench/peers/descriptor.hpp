// A file descriptor that its owner closes; both sides of a fork have it.
#pragma once

#include <poll.h>
#include <unistd.h>

#include <utility>

#include "link.hpp"

namespace rtlane::bench {

class Descriptor {
public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept
  {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor()
  {
    if (fd_ >= 0)
      close(fd_);
  }

  [[nodiscard]] int get() const { return fd_; }

private:
  int fd_ = -1;
};

// Sleeps until the descriptor is ready for one of `events`, up to link_patience_ms.
inline void sleep_until_ready(int fd, short events)
{
  pollfd waiting = {fd, events, 0};
  poll(&waiting, 1, link_patience_ms);
}

}  // namespace rtlane::bench
