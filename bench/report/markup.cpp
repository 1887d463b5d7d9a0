#include "markup.hpp"

#include <algorithm>

#include "output.hpp"

namespace rtlane::bench::report {
namespace {

// After cli::printable(), so it is UTF-8 without control characters.
std::string escaped(std::string_view plain)
{
  const std::string safe = cli::printable(plain);
  std::string source;
  source.reserve(safe.size());
  for (std::size_t i = 0; i < safe.size(); ++i) {
    switch (safe[i]) {
      case '&':
        source += "&amp;";
        break;
      case '<':
        source += "&lt;";
        break;
      case '>':
        source += "&gt;";
        break;
      case '"':
        source += "&quot;";
        break;
      case '\'':
        source += "&#39;";
        break;
      case '\xef':
        // U+FFFE and U+FFFF
        if (safe[i + 1] == '\xbf' && (safe[i + 2] == '\xbe' || safe[i + 2] == '\xbf')) {
          source += safe[i + 2] == '\xbe' ? "\\ufffe" : "\\uffff";
          i += 2;
          break;
        }
        [[fallthrough]];
      default:
        source += safe[i];
    }
  }
  return source;
}

std::string opened(std::string_view name, const Attributes& attributes)
{
  std::string source = "<";
  source += name;
  for (const auto& [key, value] : attributes) {
    source += ' ';
    source += key;
    source += "=\"" + escaped(value) + '"';
  }
  return source;
}

}  // namespace

Markup text(std::string_view plain)
{
  return Markup::trusted(escaped(plain));
}

Markup breakable(std::string_view plain)
{
  Markup markup;
  while (!plain.empty()) {
    const std::size_t end = std::min(plain.find_first_of("/_"), plain.size() - 1) + 1;
    markup += text(plain.substr(0, end));
    plain.remove_prefix(end);
    if (!plain.empty())
      markup += empty_element("wbr", {});
  }
  return markup;
}

Markup element(std::string_view name, const Attributes& attributes, const Markup& content)
{
  std::string source = opened(name, attributes) + '>' + content.source() + "</";
  source += name;
  return Markup::trusted(source + ">");
}

Markup empty_element(std::string_view name, const Attributes& attributes)
{
  return Markup::trusted(opened(name, attributes) + "/>");
}

}  // namespace rtlane::bench::report
