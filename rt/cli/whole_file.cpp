#include "whole_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>

#include "output.hpp"

namespace rtlane::cli {
namespace {

// 0, or an errno.
int write_all(int fd, std::string_view text)
{
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno != EINTR)
      return errno;
    if (written > 0)
      text.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

// What path leads to when it is a symbolic link to something that is there; else path.
std::string target_of(const std::string& path)
{
  std::array<char, PATH_MAX> target{};
  return ::realpath(path.c_str(), target.data()) != nullptr ? target.data() : path;
}

}  // namespace

bool is_standard_output(const std::string& path)
{
  struct stat file = {};
  struct stat output = {};
  return ::stat(path.c_str(), &file) == 0 && ::fstat(STDOUT_FILENO, &output) == 0 && file.st_dev == output.st_dev &&
         file.st_ino == output.st_ino;
}

int replace_file(const std::string& path, int fd, std::string_view text)
{
  struct stat status = {};
  const bool exists = fd >= 0 && ::fstat(fd, &status) == 0;
  if (exists && !S_ISREG(status.st_mode))
    return write_all(fd, text);

  const std::string target = target_of(path);
  const std::string temporary = fmt::format("{}.{}.tmp", target, getpid());
  const int whole = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (whole < 0) {
    const int error = errno;
    return !exists ? error : ::ftruncate(fd, 0) != 0 ? errno : write_all(fd, text);
  }
  int error = exists && ::fchmod(whole, status.st_mode & 07777) != 0 ? errno : write_all(whole, text);
  if (::close(whole) != 0 && error == 0)
    error = errno;
  if (error == 0 && ::rename(temporary.c_str(), target.c_str()) != 0)
    error = errno;
  if (error != 0)
    ::unlink(temporary.c_str());
  return error;
}

int write_whole_file(const std::string& path, std::string_view text)
{
  if (is_standard_output(path)) {
    say_out(text);
    return 0;
  }
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0 && errno != ENOENT)
    return errno;
  const int error = replace_file(path, fd, text);
  if (fd >= 0)
    ::close(fd);
  return error;
}

}  // namespace rtlane::cli
