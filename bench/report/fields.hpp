// A value of a JSON document that knows where it stands, so that whatever is wrong with it can be told by its path.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>

#include "report.hpp"

namespace rtlane::bench::report {

// what() is for the user: the path and what is wrong there.
struct BadDocument : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Fields {
public:
  // `json` outlives this.
  Fields(const cli::Json& json, std::string path) : json_(&json), path_(std::move(path)) {}

  [[noreturn]] void refuse(const std::string& sentence) const
  {
    throw BadDocument(path_.empty() ? sentence : path_ + ": " + sentence);
  }
  [[noreturn]] void refuse_type(const std::string& wanted) const
  {
    refuse(fmt::format("{} is expected here, not {} {}", wanted, json_->is_array() || json_->is_object() ? "an" : "a",
                       json_->type_name()));
  }

  const cli::Json& json() const { return *json_; }
  const std::string& path() const { return path_; }

  // Absent and null are the same.
  bool has(const std::string& key) const { return object().contains(key) && !object()[key].is_null(); }
  Fields at(const std::string& key) const
  {
    if (!object().contains(key))
      refuse(fmt::format("the key '{}' is missing", key));
    return {object()[key], path_.empty() ? key : path_ + "." + key};
  }

  double as_number() const
  {
    if (!json_->is_number())
      refuse_type("a number");
    return json_->get<double>();
  }
  // Of what cannot be negative: times, counts, ratios.
  double as_amount() const
  {
    const double value = as_number();
    if (value < 0.0)
      refuse(fmt::format("{} is negative", value));
    return value;
  }
  std::string as_string() const
  {
    if (!json_->is_string())
      refuse_type("a string");
    return json_->get<std::string>();
  }

  std::optional<double> amount(const std::string& key) const
  {
    return has(key) ? std::optional(at(key).as_amount()) : std::nullopt;
  }
  // Empty when there is none.
  std::string string(const std::string& key) const { return has(key) ? at(key).as_string() : std::string(); }
  bool flag(const std::string& key) const
  {
    if (!has(key))
      return false;
    const Fields value = at(key);
    if (!value.json().is_boolean())
      value.refuse_type("true or false");
    return value.json().get<bool>();
  }

  void for_each(const std::function<void(const Fields&)>& visit) const
  {
    if (!json_->is_array())
      refuse_type("an array");
    for (std::size_t i = 0; i < json_->size(); ++i)
      visit({(*json_)[i], fmt::format("{}[{}]", path_, i)});
  }
  void for_each(const std::string& key, const std::function<void(const Fields&)>& visit) const
  {
    if (has(key))
      at(key).for_each(visit);
  }
  // Of an array of exactly so many.
  Fields element(std::size_t i, std::size_t count) const
  {
    if (!json_->is_array())
      refuse_type("an array");
    if (json_->size() != count)
      refuse(fmt::format("{} elements are expected here, not {}", count, json_->size()));
    return {(*json_)[i], fmt::format("{}[{}]", path_, i)};
  }

  const cli::Json& object() const
  {
    if (!json_->is_object())
      refuse_type("an object");
    return *json_;
  }

private:
  const cli::Json* json_;
  std::string path_;
};

}  // namespace rtlane::bench::report
