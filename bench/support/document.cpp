#include "document.hpp"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "document_text.hpp"

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

double Place::number_from_0() const
{
  const double value = number();
  if (value < 0)
    refuse_kind("a number from 0");
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

Json read_document(const std::string& file)
{
  const auto text = read_document_text(file);
  if (!text)
    throw BadDocument(text.error().message);
  auto parsed = parse_document_text(*text);
  if (!parsed)
    throw BadDocument(fmt::format("{}: {}", file, parsed.error().message));
  Json document = *std::move(parsed);
  const Place place(document, file);
  const auto schema = place.find_text("schema");
  if (!schema)
    place.refuse("names no schema: it is no document of rtlane-bench");
  if (*schema != "rtlane.bench/1")
    place.refuse(fmt::format("is of schema {}; what is read here is rtlane.bench/1", *schema));
  return document;
}

}  // namespace rtlane::bench
