#include <regex>
#include <sstream>

#include "checks.hpp"

namespace hygiene {

std::set<std::string> declared_functions(const Tree& tree)
{
  static const std::regex declaration(R"(\bRTLANE_API\b[^;{(]*?\b(\w+)\s*\()");
  std::set<std::string> names;
  for (const SourceFile& file : tree) {
    if (!file.has_extension({".h", ".hpp"}) || file.path.find("/include/") == std::string::npos)
      continue;
    std::string code;
    for (const std::string& line : file.code)
      if (line.find('#') == std::string::npos)
        code += line + " ";
    for (std::sregex_iterator it(code.begin(), code.end(), declaration), end; it != end; ++it)
      names.insert(it->str(1));
  }
  return names;
}

std::set<std::string> listed_functions(const SourceFile& version_map)
{
  static const std::regex entry(R"(^\s*(\w+);)");
  std::set<std::string> names;
  std::smatch match;
  for (const std::string& line : version_map.lines)
    if (std::regex_search(line, match, entry))
      names.insert(match[1]);
  return names;
}

std::set<std::string> exported_symbols(const std::string& nm_output)
{
  std::set<std::string> names;
  std::istringstream lines(nm_output);
  for (std::string line; std::getline(lines, line);) {
    // "0000000000001234 T name@@RTLANE_0"; the node itself is "A" (absolute).
    std::istringstream words(line);
    std::string address;
    std::string type;
    std::string name;
    if (words >> address >> type >> name && type != "A")
      names.insert(name.substr(0, name.find('@')));
  }
  return names;
}

std::string difference(const std::set<std::string>& a, const std::string& name_of_a, const std::set<std::string>& b,
                       const std::string& name_of_b)
{
  std::string text;
  for (const std::string& name : a)
    if (b.count(name) == 0)
      text += name + " is in " + name_of_a + " but not in " + name_of_b + "\n";
  for (const std::string& name : b)
    if (a.count(name) == 0)
      text += name + " is in " + name_of_b + " but not in " + name_of_a + "\n";
  return text;
}

}  // namespace hygiene
