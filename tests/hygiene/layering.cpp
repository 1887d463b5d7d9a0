#include <array>
#include <filesystem>
#include <map>
#include <optional>
#include <regex>

#include "checks.hpp"

namespace hygiene {
namespace {

const std::array<std::string, 6> components = {"core", "channels", "rt", "bench", "examples", "tests"};

// What each component may include; the leaves may include everything but one another.
const std::map<std::string, std::set<std::string>> allowed = {
    {"core", {"core"}},
    {"channels", {"core", "channels"}},
    {"rt", {"core", "channels", "rt"}},
    {"bench", {"core", "channels", "rt", "bench"}},
    {"examples", {"core", "channels", "rt", "examples"}},
    {"tests", {"core", "channels", "rt", "bench", "examples", "tests"}},
};

std::string first_folder(const std::string& path)
{
  return path.substr(0, path.find('/'));
}

bool is_component(const std::string& name)
{
  return std::find(components.begin(), components.end(), name) != components.end();
}

// The component an include names, if it names one: <rtlane/core/shm.h>, "core/src/x.hpp" or a relative path.
std::optional<std::string> component_of(const SourceFile& file, const std::string& included, bool quoted)
{
  if (included.starts_with("rtlane/"))
    return first_folder(included.substr(std::string("rtlane/").size()));
  if (!quoted)
    return std::nullopt;
  if (included.starts_with("../")) {
    const auto resolved = (std::filesystem::path(file.path).parent_path() / included).lexically_normal();
    return first_folder(resolved.generic_string());
  }
  if (const std::string folder = first_folder(included); folder != included && is_component(folder))
    return folder;
  return std::nullopt;
}

bool is_third_party(const std::string& included)
{
  static const std::set<std::string> system_folders = {"sys", "linux", "asm", "rtlane"};
  if (included == "tl/expected.hpp")
    return false;
  const std::string folder = first_folder(included);
  // Headers of libraries that keep no folder end in .hpp or are known by name.
  return folder == included ? included.ends_with(".hpp") || included == "zmq.h" || included == "concurrentqueue.h"
                            : system_folders.count(folder) == 0;
}

}  // namespace

Findings check_layering(const Tree& tree)
{
  static const std::regex include_line(R"re(^\s*#\s*include\s*([<"])([^>"]+)[>"])re");
  Findings findings;
  for (const SourceFile& file : tree) {
    const std::string from = first_folder(file.path);
    if (!file.is_c_family() || allowed.count(from) == 0)
      continue;
    const bool is_public = file.is_in(from + "/include");
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      std::smatch match;
      if (file.code[i].find("include") == std::string::npos || !std::regex_search(file.lines[i], match, include_line))
        continue;
      const std::string included = match[2];
      const std::optional<std::string> to = component_of(file, included, match[1] == "\"");
      if (to && allowed.at(from).count(*to) == 0)
        findings.push_back({file.path, i + 1,
                            from + " must not include " + included +
                                ": includes point downward only (core <- channels <- "
                                "rt; bench, examples and tests are leaves). Move what both need down"});
      else if (is_public && !to && match[1] == "<" && is_third_party(included))
        findings.push_back({file.path, i + 1,
                            "a public header must not include <" + included +
                                ">: third-party headers stay in src/ (only <tl/expected.hpp> may be seen)"});
      else if (is_public && match[1] == "\"")
        findings.push_back({file.path, i + 1,
                            "a public header includes by <rtlane/COMPONENT/...>, not \"" + included +
                                "\": that is the only way that works when installed"});
    }
  }
  return findings;
}

}  // namespace hygiene
