// Owner of a file descriptor.
#pragma once

#include <unistd.h>

#include <utility>

namespace rtlane::detail {

class UniqueFd {
public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) noexcept : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept
  {
    if (this != &other)
      reset(std::exchange(other.fd_, -1));
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  void reset(int fd = -1) noexcept
  {
    if (fd_ >= 0)
      ::close(fd_);
    fd_ = fd;
  }

  // For descriptors that somebody else closes from now on.
  void release() noexcept { fd_ = -1; }

  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }

private:
  int fd_ = -1;
};

}  // namespace rtlane::detail
