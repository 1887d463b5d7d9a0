#include "public_calls.hpp"

#include <regex>
#include <sstream>
#include <string_view>

namespace rtlane::test {
namespace {

struct Declared {
  std::string owner;  // the class, or the header's file name
  std::string name;
};

// Reads a header as clang-format leaves it: members two columns in, everything else at the border.
class Reader {
public:
  std::vector<Declared> read(const hygiene::SourceFile& header)
  {
    for (std::size_t i = 0; i < header.code.size(); ++i)
      line(header.code[i], header.lines[i]);
    const std::string file = header.path.substr(header.path.rfind('/') + 1);
    for (Declared& declared : found_) {
      if (declared.owner.empty())
        declared.owner = file;
    }
    return std::move(found_);
  }

private:
  void line(const std::string& code, const std::string& whole)
  {
    static const std::regex opened(R"(^(class|struct) (?:[^{]*[ :])??(\w+)(?: : public [\w:<>]+)? \{$)");
    static const std::regex access(R"(^ ?(public|protected|private):)");
    std::smatch match;
    if (code == "namespace detail {") {
      inside_ = true;
    } else if (whole == "}  // namespace detail") {
      inside_ = false;
    } else if (std::regex_search(code, match, opened)) {
      class_ = match[2];
      public_ = match[1] == "struct";
    } else if (code == "};") {
      class_.clear();
    } else if (std::regex_search(code, match, access)) {
      public_ = match[1] == "public";
    } else if (!inside_ && (class_.empty() || public_)) {
      declaration(code);
    }
  }

  void declaration(const std::string& code)
  {
    // Qualifiers, a type, a name.
    static const std::regex function(
        R"(^(?:\[\[nodiscard\]\] )?(?:(?:static|inline|constexpr) )*[A-Za-z_][\w:<>,&* ]*[&* ](\w+)\()");
    const std::string indent = class_.empty() ? "" : "  ";
    if (!code.starts_with(indent) || code.substr(indent.size()).starts_with(" "))
      return;
    const std::string signature = code.substr(indent.size());
    std::smatch match;
    if (signature.find("operator") == std::string::npos && !signature.starts_with("explicit ") &&
        std::regex_search(signature, match, function))
      found_.push_back({class_, match[1]});
  }

  std::string class_;
  bool public_ = false;
  bool inside_ = false;
  std::vector<Declared> found_;
};

std::vector<std::string> split(const std::string& text, char separator)
{
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);)
    parts.push_back(part);
  return parts;
}

std::string call_of_c(const std::string& function)
{
  static const std::map<std::string, std::string> special = {
      {"close", "shm/close"},     {"error_message", "api/error_message"},
      {"gc", "namespace/gc"},     {"status_name", "api/status_name"},
      {"version", "api/version"},
  };
  const std::string name = function.substr(std::string_view("rtlane_").size());
  if (const auto found = special.find(name); found != special.end())
    return found->second;
  if (name.starts_with("wait"))
    return "sync/" + name;
  const std::size_t end = name.find('_');
  const std::string family = name.substr(0, end);
  return (family == "spsc" ? "spsc_c" : family) + "/" + name.substr(end + 1);
}

}  // namespace

Calls calls_of_cxx(const hygiene::Tree& headers, const Families& families)
{
  std::map<std::string, std::set<std::string>> owners_of_call;
  for (const hygiene::SourceFile& header : headers) {
    for (const Declared& declared : Reader().read(header)) {
      const auto family = families.find(declared.owner);
      if (family != families.end())
        owners_of_call[family->second.name + "/" + declared.name].insert(family->second.owner);
    }
  }
  Calls calls;
  for (const auto& [call, owners] : owners_of_call) {
    const std::size_t slash = call.find('/');
    for (const std::string& owner : owners)
      calls.insert(owners.size() == 1 ? call : call.substr(0, slash + 1) + owner + "." + call.substr(slash + 1));
  }
  return calls;
}

std::set<std::string> classes_of(const hygiene::Tree& headers)
{
  std::set<std::string> classes;
  for (const hygiene::SourceFile& header : headers)
    for (const Declared& declared : Reader().read(header))
      classes.insert(declared.owner);
  return classes;
}

Calls calls_of_c(const std::set<std::string>& functions)
{
  Calls calls;
  for (const std::string& function : functions) {
    if (function.starts_with("rtlane_")) {
      calls.insert(call_of_c(function));
      continue;
    }
    if (functions.count("Rt" + function) != 0)
      continue;  // the Win32 name of the same
    const std::string stem = function.substr(0, function.size() - 1);
    const bool two_forms = functions.count(stem + "A") != 0 && functions.count(stem + "W") != 0;
    calls.insert("iwin32/" + (two_forms ? stem : function));
  }
  return calls;
}

Calls calls_of_benchmarks(const std::vector<std::string>& names)
{
  Calls calls;
  for (const std::string& name : names) {
    const std::vector<std::string> parts = split(name, '/');
    if (parts.size() < 2)
      continue;
    for (const std::string& call : split(parts[1], ','))
      calls.insert(parts[0] + "/" + call);
  }
  return calls;
}

}  // namespace rtlane::test
