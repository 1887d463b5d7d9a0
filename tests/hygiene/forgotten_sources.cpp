#include <algorithm>
#include <filesystem>
#include <map>
#include <regex>

#include "checks.hpp"

namespace hygiene {
namespace {

// Whether a CMakeLists.txt of these words names the file: by its path; by its path without the extension; or by a
// pattern, as refused/${name}.cpp, together with the name.
bool names(const std::set<std::string>& words, const std::filesystem::path& relative)
{
  const std::string path = relative.generic_string();
  std::filesystem::path stem = relative;
  stem.replace_extension();
  if (words.count(path) != 0 || words.count(stem.generic_string()) != 0)
    return true;
  return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
    const std::size_t open = word.find("${");
    const std::size_t close = word.find('}');
    if (open == std::string::npos || close == std::string::npos || close < open)
      return false;
    const std::string before = word.substr(0, open);
    const std::string after = word.substr(close + 1);
    return path.size() > before.size() + after.size() && path.starts_with(before) && path.ends_with(after) &&
           words.count(path.substr(before.size(), path.size() - before.size() - after.size())) != 0;
  });
}

std::set<std::string> words_of(const SourceFile& lists)
{
  static const std::regex word(R"([\w./+${}-]+)");
  static const std::regex this_folder(R"(\$\{CMAKE_CURRENT_(SOURCE|LIST)_DIR\}/)");
  std::set<std::string> words;
  for (const std::string& line : lists.lines) {
    const std::string code = std::regex_replace(line.substr(0, line.find('#')), this_folder, "");
    for (std::sregex_iterator it(code.begin(), code.end(), word), end; it != end; ++it)
      words.insert(it->str());
  }
  return words;
}

}  // namespace

Findings check_forgotten_sources(const Tree& tree)
{
  std::map<std::string, std::set<std::string>> words_of_folder;
  for (const SourceFile& file : tree)
    if (const std::filesystem::path path = file.path; path.filename() == "CMakeLists.txt")
      words_of_folder[path.parent_path().generic_string()] = words_of(file);

  Findings findings;
  for (const SourceFile& file : tree) {
    if (!file.has_extension({".c", ".cpp"}))
      continue;
    bool found = false;
    const std::filesystem::path path = file.path;
    for (std::filesystem::path folder = path.parent_path(); !found; folder = folder.parent_path()) {
      if (const auto words = words_of_folder.find(folder.generic_string()); words != words_of_folder.end())
        found = names(words->second, path.lexically_relative(folder.empty() ? "." : folder));
      if (folder.empty())
        break;
    }
    if (!found)
      findings.push_back(
          {file.path, 0, "no CMakeLists.txt names this file, so nothing builds it: name it or remove it"});
  }
  return findings;
}

}  // namespace hygiene
