// Pieces of the page. Text becomes one only through text(), which escapes it, and elements are closed by
// construction: so the page is well-formed, as HTML and as XML, whatever names and sentences hold.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rtlane::bench::report {

class Markup {
public:
  Markup() = default;
  // `source` is well-formed markup.
  static Markup trusted(std::string source) { return Markup(std::move(source)); }

  Markup& operator+=(const Markup& more)
  {
    source_ += more.source_;
    return *this;
  }
  friend Markup operator+(Markup left, const Markup& right) { return std::move(left += right); }
  const std::string& source() const { return source_; }
  bool empty() const { return source_.empty(); }

private:
  explicit Markup(std::string source) : source_(std::move(source)) {}
  std::string source_;
};

// Control characters, those that turn the direction of text, bytes that are no UTF-8 and characters that XML does not
// know are spelled out.
Markup text(std::string_view plain);

// The same; a line may be broken after a slash or an underscore.
Markup breakable(std::string_view plain);

// Values are escaped like text.
using Attributes = std::vector<std::pair<std::string_view, std::string>>;

Markup element(std::string_view name, const Attributes& attributes, const Markup& content);
// <name/>
Markup empty_element(std::string_view name, const Attributes& attributes);
inline Markup element(std::string_view name, const Markup& content)
{
  return element(name, {}, content);
}
inline Markup element(std::string_view name, std::string_view plain)
{
  return element(name, {}, text(plain));
}

}  // namespace rtlane::bench::report
