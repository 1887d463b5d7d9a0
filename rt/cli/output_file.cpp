#include "output_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>

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

// As /dev/stdout is, and a file that standard output was redirected to.
bool is_standard_output(const std::string& path)
{
  struct stat file = {};
  struct stat output = {};
  return ::stat(path.c_str(), &file) == 0 && ::fstat(STDOUT_FILENO, &output) == 0 && file.st_dev == output.st_dev &&
         file.st_ino == output.st_ino;
}

std::string folder_of(const std::string& path)
{
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

OutputFile::~OutputFile()
{
  if (fd_ >= 0)
    ::close(fd_);
}

expected<void> OutputFile::open(const std::string& path)
{
  path_ = path == "-" || is_standard_output(path) ? "-" : path;
  if (on_stdout())
    return {};
  fd_ = ::open(path_.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
  if (fd_ >= 0 || (errno == ENOENT && !path_.empty() && path_.back() != '/' &&
                   ::faccessat(AT_FDCWD, folder_of(path_).c_str(), W_OK | X_OK, AT_EACCESS) == 0))
    return {};
  return unexpected(Error{EINVAL, fmt::format("{}: cannot be written: {}", path_, std::strerror(errno))});
}

bool OutputFile::is_same_file(const std::string& path) const
{
  std::error_code unknown;
  return !on_stdout() && std::filesystem::equivalent(path_, path, unknown) && !unknown;
}

int OutputFile::write_file(const std::string& text)
{
  struct stat status = {};
  const bool exists = fd_ >= 0 && ::fstat(fd_, &status) == 0;
  if (exists && !S_ISREG(status.st_mode))
    return write_all(fd_, text);

  const std::string target = target_of(path_);
  const std::string temporary = fmt::format("{}.{}.tmp", target, getpid());
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0) {
    const int error = errno;
    return !exists ? error : ::ftruncate(fd_, 0) != 0 ? errno : write_all(fd_, text);
  }
  int error = exists && ::fchmod(fd, status.st_mode & 07777) != 0 ? errno : write_all(fd, text);
  if (::close(fd) != 0 && error == 0)
    error = errno;
  if (error == 0 && ::rename(temporary.c_str(), target.c_str()) != 0)
    error = errno;
  if (error != 0)
    ::unlink(temporary.c_str());
  return error;
}

int OutputFile::write(const std::string& text)
{
  if (!on_stdout())
    return write_file(text);
  say_out(text);
  return 0;
}

}  // namespace rtlane::cli
