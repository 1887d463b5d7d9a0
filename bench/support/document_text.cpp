#include "document_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>

#include "output.hpp"

namespace rtlane::bench {
namespace {

using cli::Json;

constexpr char what_to_do[] = "write it anew with --json FILE of rtlane-bench";

struct TooDeep : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Where the byte is that the parser stopped at, which counts from 1.
std::string place_of(const std::string& text, std::size_t byte)
{
  const auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(text.size(), byte == 0 ? 0 : byte - 1));
  const auto line = 1 + std::count(text.begin(), end, '\n');
  const auto last = std::find(std::make_reverse_iterator(end), text.rend(), '\n');
  return fmt::format("line {}, column {}", line, 1 + (end - last.base()));
}

}  // namespace

expected<std::string> read_document_text(const std::string& file)
{
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> stream(
      file == "-" ? stdin : std::fopen(file.c_str(), "rbe"),
      [](std::FILE* one) { return one == stdin ? 0 : std::fclose(one); });
  std::string text;
  std::size_t got = stream != nullptr ? 1 : 0;
  for (char block[1 << 16]; got > 0 && text.size() <= document_bytes_max; text.append(block, got))
    got = std::fread(block, 1, sizeof block, stream.get());
  if (stream == nullptr || std::ferror(stream.get()) != 0)
    return unexpected(Error{errno, fmt::format("{}: cannot be read: {}", file, std::strerror(errno))});
  if (text.size() > document_bytes_max)
    return unexpected(
        Error{EFBIG, fmt::format("{}: is larger than {}, or has no end: this is no document of rtlane-bench", file,
                                 cli::bytes_text(document_bytes_max))});
  return text;
}

expected<Json> parse_document_text(const std::string& text)
{
  const auto wrong = [](std::string sentence) { return unexpected(Error{EINVAL, std::move(sentence)}); };
  if (text.find_first_not_of(" \t\r\n") == std::string::npos)
    return wrong("is empty: a document of schema rtlane.bench/1 was expected");
  const auto shallow = [](int depth, Json::parse_event_t, Json&) {
    if (depth > document_depth_max)
      throw TooDeep(
          fmt::format("is nested more than {} levels deep: this is no document of rtlane-bench", document_depth_max));
    return true;
  };
  // The parser's own words are for who writes programs.
  try {
    return Json::parse(text, shallow);
  } catch (const TooDeep& deep) {
    return wrong(deep.what());
  } catch (const Json::parse_error& error) {
    if (error.byte > text.size())
      return wrong(fmt::format("ends in the middle of the document: it was cut off; {}", what_to_do));
    return wrong(fmt::format("is no JSON: {} is not what may stand there; {}", place_of(text, error.byte), what_to_do));
  } catch (const Json::exception&) {
    return wrong(fmt::format("holds a number that is too large for a double; {}", what_to_do));
  }
}

}  // namespace rtlane::bench
