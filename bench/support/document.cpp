#include "document.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>

namespace rtlane::bench {

using cli::Json;

void Place::refuse(const std::string& rest) const
{
  throw BadDocument(path_.empty() ? fmt::format("{}: {}", file_, rest) : fmt::format("{}: {} {}", file_, path_, rest));
}

void Place::refuse_kind(const char* wanted) const
{
  std::string shown = json_->dump(-1, ' ', false, Json::error_handler_t::replace);
  if (shown.size() > 40)
    shown = shown.substr(0, 37) + "...";
  refuse(fmt::format("is {}, but has to be {}", shown, wanted));
}

std::optional<Place> Place::find(const std::string& key) const
{
  if (!json_->is_object())
    refuse_kind("an object");
  const auto found = json_->find(key);
  if (found == json_->end() || found->is_null())
    return std::nullopt;
  return Place(*found, file_, path_.empty() ? key : path_ + "." + key);
}

Place Place::at(const std::string& key) const
{
  auto found = find(key);
  if (!found)
    refuse(fmt::format("has no {}", key));
  return *std::move(found);
}

std::vector<Place> Place::elements() const
{
  if (!json_->is_array())
    refuse_kind("a list");
  std::vector<Place> places;
  for (const Json& element : *json_)
    places.push_back(Place(element, file_, fmt::format("{}[{}]", path_, places.size())));
  return places;
}

std::string Place::text() const
{
  if (!json_->is_string())
    refuse_kind("text");
  return json_->get<std::string>();
}

bool Place::truth() const
{
  if (!json_->is_boolean())
    refuse_kind("true or false");
  return json_->get<bool>();
}

double Place::number() const
{
  if (!json_->is_number())
    refuse_kind("a number");
  return json_->get<double>();
}

double Place::number_above_0() const
{
  const double value = number();
  if (value <= 0)
    refuse_kind("a number above 0");
  return value;
}

std::optional<std::string> Place::find_text(const std::string& key) const
{
  const auto found = find(key);
  return found ? std::optional(found->text()) : std::nullopt;
}

std::optional<double> Place::find_number(const std::string& key) const
{
  const auto found = find(key);
  return found ? std::optional(found->number()) : std::nullopt;
}

namespace {

std::string read_whole(const std::string& file)
{
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> stream(std::fopen(file.c_str(), "re"), &std::fclose);
  std::string text;
  std::size_t got = 1;
  for (char block[1 << 16]; stream && got > 0; text.append(block, got))
    got = std::fread(block, 1, sizeof block, stream.get());
  if (!stream || std::ferror(stream.get()) != 0)
    throw BadDocument(fmt::format("{}: cannot be read: {}", file, std::strerror(errno)));
  return text;
}

// Without the library's own name of the kind of error.
std::string reason(const std::exception& error)
{
  const std::string text = error.what();
  const std::size_t end = text.find("] ");
  return end == std::string::npos ? text : text.substr(end + 2);
}

}  // namespace

Json read_document(const std::string& file)
{
  const std::string text = read_whole(file);
  if (text.find_first_not_of(" \t\r\n") == std::string::npos)
    throw BadDocument(fmt::format("{}: is empty: a document of schema rtlane.bench/1 was expected", file));
  Json document;
  try {
    document = Json::parse(text);
  } catch (const Json::parse_error& error) {
    if (error.byte > text.size())
      throw BadDocument(fmt::format("{}: ends in the middle of the document: it was cut off", file));
    throw BadDocument(fmt::format("{}: is no JSON: {}", file, reason(error)));
  } catch (const Json::exception& error) {
    throw BadDocument(fmt::format("{}: holds what cannot be read: {}", file, reason(error)));
  }
  const Place place(document, file);
  const auto schema = place.find_text("schema");
  if (!schema)
    place.refuse("names no schema: it is no document of rtlane-bench");
  if (*schema != "rtlane.bench/1")
    place.refuse(fmt::format("is of schema {}; what is read here is rtlane.bench/1", *schema));
  return document;
}

}  // namespace rtlane::bench
