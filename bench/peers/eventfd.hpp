// An eventfd as a baton; the second process inherits the descriptor.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

#include "../support/process.hpp"
#include "../support/shared_room.hpp"

namespace rtlane::bench {

class EventFd {
public:
  static constexpr char name[] = "linux/eventfd";

  explicit EventFd(SharedRoom&) : fd_(eventfd(0, EFD_CLOEXEC)) { must(fd_ >= 0, name); }
  EventFd(const EventFd&) = delete;
  EventFd& operator=(const EventFd&) = delete;
  ~EventFd() { close(fd_); }

  void pass()
  {
    const std::uint64_t one = 1;
    must(write(fd_, &one, sizeof one) == sizeof one, name);
  }

  void take()
  {
    std::uint64_t count = 0;
    must(read(fd_, &count, sizeof count) == sizeof count, name);
  }

private:
  int fd_;
};

}  // namespace rtlane::bench
