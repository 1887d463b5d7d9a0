#include <algorithm>
#include <regex>
#include <vector>

#include "checks.hpp"

namespace hygiene {
namespace {

struct Rule {
  // Lines without any of these cannot match. To look for them first takes a tenth of the time.
  std::vector<std::string> hints;
  std::regex pattern;
  bool in_code_only;
  std::string message;
};

std::string escape(const std::string& text)
{
  return std::regex_replace(text, std::regex(R"([.^$|()\[\]{}*+?\\])"), R"(\$&)");
}

// The checkout's folder and the one it lies in, unless every machine has a folder of that name.
std::vector<std::string> paths_of_this_machine(const std::string& root)
{
  static const std::set<std::string> everywhere = {"/",    "/home", "/root", "/tmp", "/usr", "/usr/src", "/usr/local",
                                                   "/opt", "/srv",  "/src",  "/mnt", "/var", "/var/tmp", "/media"};
  std::vector<std::string> paths;
  for (std::filesystem::path path = root; paths.size() < 2 && path.has_relative_path(); path = path.parent_path())
    if (everywhere.count(path.string()) == 0)
      paths.push_back(path.string());
  return paths;
}

// Words are put together here, so that this file does not hold them.
std::vector<Rule> rules(const std::string& root)
{
  std::vector<Rule> all;
  for (const std::string& path : paths_of_this_machine(root))
    all.push_back({{path},
                   std::regex("(^|[^\\w./}-])" + escape(path) + "(/|\\b)"),
                   false,
                   "a path of this machine: write it relative to the project, or make it with mkdtemp"});
  all.push_back({{"/home/", "/Users/"},
                 std::regex("(^|[^\\w./}-])/(home|Users)/\\w"),
                 false,
                 "somebody's home folder: write $HOME, or ~"});
  all.push_back(
      {{"http"},
       std::regex(R"(\bhttps?://(\d+\.\d+\.\d+\.\d+|localhost|[\w-]+(?=[:/]|$)|[\w.-]+\.(internal|local|lan|corp)\b))"),
       false,
       "a host that only some networks know"});
  const std::vector<std::string> notes = {std::string("TO") + "DO", std::string("FIX") + "ME", std::string("XX") + "X",
                                          std::string("HA") + "CK"};
  all.push_back({notes, std::regex("\\b(" + notes[0] + "|" + notes[1] + "|" + notes[2] + "|" + notes[3] + ")\\b"),
                 false, "a note to self: do it now, or open an issue and say here what holds today"});
  all.push_back(
      {{"<<<<<<<", ">>>>>>>"}, std::regex("^(<<<<<<<|>>>>>>>)( |$)"), false, "a conflict marker: resolve it"});
  all.push_back({{"structive_interference"},
                 std::regex("hardware_(de|con)structive_interference_size"),
                 true,
                 "changes with the compiler's flags, so two programs could disagree on a layout: use "
                 "rtlane::cache_line_bytes of <rtlane/core/cache_line.hpp>"});
  all.push_back({{"\r"}, std::regex("\\r$"), false, "a line that ends in CR LF: save it with LF"});
  return all;
}

bool matches(const std::string& line, const Rule& rule)
{
  return std::any_of(rule.hints.begin(), rule.hints.end(),
                     [&](const std::string& hint) { return line.find(hint) != std::string::npos; }) &&
         std::regex_search(line, rule.pattern);
}

}  // namespace

Findings check_words(const Tree& tree, const std::string& root)
{
  const std::vector<Rule> all = rules(root);
  Findings findings;
  for (const SourceFile& file : tree)
    for (std::size_t i = 0; i < file.lines.size(); ++i)
      for (const Rule& rule : all)
        if (matches(rule.in_code_only ? file.code[i] : file.lines[i], rule))
          findings.push_back({file.path, i + 1, rule.message});
  return findings;
}

}  // namespace hygiene
