#include "report.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "output.hpp"
#include "whole_file.hpp"

namespace rtlane::cli {
namespace {

std::string folder_of(const std::string& path)
{
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

Report::~Report()
{
  if (fd_ >= 0)
    ::close(fd_);
}

void Report::add_option(CLI::App& app)
{
  option_ = app.add_option("--json", path_,
                           "Write a JSON document to FILE beside the text; without FILE, or with -, to standard "
                           "output instead of the text")
                ->type_name("FILE")
                ->expected(0, 1);
}

expected<bool> Report::open()
{
  given_ = option_ != nullptr && option_->count() > 0;
  if (!given_)
    return false;
  if (path_.empty())
    path_ = "-";
  if (path_ == "-")
    return true;
  if (is_standard_output(path_)) {
    path_ = "-";
    return true;
  }
  fd_ = ::open(path_.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
  if (fd_ >= 0 || (errno == ENOENT && path_.back() != '/' &&
                   ::faccessat(AT_FDCWD, folder_of(path_).c_str(), W_OK | X_OK, AT_EACCESS) == 0))
    return true;
  return unexpected(Error{EINVAL, fmt::format("--json {}: cannot be written: {}", path_, std::strerror(errno))});
}

bool Report::is_same_file(const std::string& path) const
{
  std::error_code unknown;
  return given_ && !on_stdout() && std::filesystem::equivalent(path_, path, unknown) && !unknown;
}

bool Report::write(const Json& document)
{
  if (!given_)
    return true;
  // replace: a name or path that is not UTF-8 must not stop the report
  const std::string text = document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  if (on_stdout()) {
    say_out(text);
    return true;
  }
  const int error = replace_file(path_, fd_, text);
  if (error != 0)
    say_err(fmt::format("rtlane: the JSON document could not be written to {}: {}\n", printable(path_),
                        std::strerror(error)));
  return error == 0;
}

}  // namespace rtlane::cli
