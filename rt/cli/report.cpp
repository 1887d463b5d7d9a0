#include "report.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "output.hpp"

namespace rtlane::cli {

Report::~Report()
{
  if (file_ != nullptr)
    std::fclose(file_);
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
  file_ = std::fopen(path_.c_str(), "we");
  if (file_ == nullptr)
    return unexpected(Error{EINVAL, fmt::format("--json {}: cannot be written: {}", path_, std::strerror(errno))});
  return true;
}

bool Report::write(const Json& document)
{
  if (!given_)
    return true;
  // replace: a name or path that is not UTF-8 must not stop the report
  const std::string text = document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  if (file_ == nullptr) {
    say_out(text);
    return true;
  }
  if (std::fwrite(text.data(), 1, text.size(), file_) == text.size() && std::fflush(file_) == 0)
    return true;
  say_err(fmt::format("rtlane: the JSON document could not be written to {}: {}\n", path_, std::strerror(errno)));
  return false;
}

}  // namespace rtlane::cli
