#include "command.hpp"

#include <fmt/format.h>

namespace rtlane::cli {

std::optional<int> parse(CLI::App& app, int argc, char** argv)
{
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    fmt::print("{}", app.help());
    return good;
  } catch (const CLI::ParseError& error) {
    return fail(app, fmt::format("{}; '{} --help' is the manual", error.what(), app.get_name()), usage);
  }
  return std::nullopt;
}

int fail(const CLI::App& app, const std::string& sentence, int status)
{
  fmt::print(stderr, "{}: {}\n", app.get_name(), sentence);
  return status;
}

}  // namespace rtlane::cli
