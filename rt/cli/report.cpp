#include "report.hpp"

#include <fmt/format.h>

#include <cstring>

#include "output.hpp"

namespace rtlane::cli {

void Report::add_option(Command& command)
{
  option_ = command
                .option("--json", path_,
                        "Write a JSON document to FILE beside the text; without FILE, or with -, to standard "
                        "output instead of the text")
                .type_name("FILE")
                .expects(0, 1);
}

expected<bool> Report::open()
{
  given_ = option_.count() > 0;
  if (!given_)
    return false;
  if (const auto opened = file_.open(path_.empty() ? "-" : path_); !opened)
    return unexpected(Error{opened.error().code, "--json " + opened.error().message});
  return true;
}

bool Report::write(const Json& document)
{
  if (!given_)
    return true;
  // replace: a name or path that is not UTF-8 must not stop the report
  const int error = file_.write(document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  if (error != 0)
    say_err(fmt::format("rtlane: the JSON document could not be written to {}: {}\n", printable(path()),
                        std::strerror(error)));
  return error == 0;
}

}  // namespace rtlane::cli
