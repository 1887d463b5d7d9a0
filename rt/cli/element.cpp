#include "element.hpp"

#include <fmt/format.h>
#include <rtlane/channels/field_value.hpp>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "output.hpp"

namespace rtlane::cli {

using detail::append_number;
using detail::load_field;
using detail::load_signed;
using detail::load_unsigned;

namespace {

bool is_signed(rtlane_field_kind kind)
{
  return kind == RTLANE_FIELD_INT || kind == RTLANE_FIELD_ENUM_INT;
}

// Integers, bools, and enums whose value has no name.
void append_integer(std::string& text, rtlane_field_kind kind, const std::byte* at, std::uint32_t bytes)
{
  if (is_signed(kind))
    append_number(text, load_signed(at, bytes));
  else
    append_number(text, load_unsigned(at, bytes));
}

void append_float(std::string& text, const std::byte* at, std::uint32_t bytes)
{
  if (bytes == 4)
    append_number(text, load_field<float>(at));
  else
    append_number(text, load_field<double>(at));
}

std::string_view text_at(const std::byte* at, std::uint32_t bytes)
{
  const auto* first = reinterpret_cast<const char*>(at);
  return {first, strnlen(first, bytes)};
}

// As the table's own text has it: TypeTable::format_element.
std::string quoted(std::string_view text)
{
  std::string escaped;
  for (const char c : text) {
    if (c == '"' || c == '\\')
      escaped += '\\';
    escaped += c;
  }
  return "\"" + printable(escaped) + "\"";
}

}  // namespace

std::string hex_text(std::span<const std::byte> bytes, std::uint32_t most, bool with_dots)
{
  constexpr char digits[] = "0123456789abcdef";
  const bool cut = most != 0 && bytes.size() > most;
  std::string text = "0x";
  for (const std::byte byte : bytes.first(cut ? most : bytes.size())) {
    text += digits[std::to_integer<unsigned>(byte) >> 4];
    text += digits[std::to_integer<unsigned>(byte) & 15];
  }
  return cut && with_dots ? text + "..." : text;
}

std::string csv_cell(const std::string& text)
{
  if (text.find_first_of(",\"\r\n") == std::string::npos)
    return text;
  std::string cell = "\"";
  for (const char c : text) {
    cell += c;
    if (c == '"')
      cell += c;
  }
  return cell + "\"";
}

// ---- what is read from the table

expected<ElementFormat> ElementFormat::of(const TypeTable& table, Cut cut)
{
  std::vector<Field> fields = read_fields(table, 0, cut);
  if (const std::uint64_t values = values_of(fields); values > element_values_max)
    return unexpected(
        Error{E2BIG, fmt::format("an element of {} has {} values, more than the {} that are shown of one: "
                                 "cut its arrays with --items",
                                 table.name(), values, element_values_max)});
  return ElementFormat(std::move(fields), table.element_bytes(), cut);
}

std::vector<ElementFormat::Field> ElementFormat::read_fields(const TypeTable& table, std::uint32_t type, Cut cut)
{
  std::vector<Field> fields;
  for (const TypeTable::Field& found : table.fields(type)) {
    Field field{printable(found.name),
                found.kind,
                found.element_bytes,
                found.offset,
                found.count,
                cut.items == 0 ? found.count : std::min(found.count, cut.items),
                {},
                {}};
    for (const auto& [name, value] : found.enumerators)
      field.named.emplace_back(value, printable(name));
    std::stable_sort(field.named.begin(), field.named.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    if (found.kind == RTLANE_FIELD_STRUCT)
      field.fields = read_fields(table, found.nested, cut);
    fields.push_back(std::move(field));
  }
  return fields;
}

// No overflow: all of them have at least a byte of an element of up to 2^30.
std::uint64_t ElementFormat::values_of(const std::vector<Field>& fields)
{
  std::uint64_t values = 0;
  for (const Field& field : fields)
    values += field.shown * (field.kind == RTLANE_FIELD_STRUCT ? values_of(field.fields) : 1);
  return values;
}

// nullptr: its value has none.
const std::string* ElementFormat::name_of(const Field& field, const std::byte* at)
{
  const std::int64_t value = is_signed(field.kind) ? load_signed(at, field.element_bytes)
                                                   : static_cast<std::int64_t>(load_unsigned(at, field.element_bytes));
  const auto found = std::lower_bound(field.named.begin(), field.named.end(), value,
                                      [](const auto& named, std::int64_t wanted) { return named.first < wanted; });
  return found == field.named.end() || found->first != value ? nullptr : &found->second;
}

// ---- text

void ElementFormat::append_text(std::string& text, std::span<const std::byte> element) const
{
  append_fields(text, fields_, element.data());
}

void ElementFormat::append_fields(std::string& text, const std::vector<Field>& fields, const std::byte* at) const
{
  for (const Field& field : fields) {
    if (&field != fields.data())
      text += ' ';
    text += field.name;
    text += field.count == 1 ? "=" : "=[";
    for (std::uint32_t i = 0; i < field.shown; ++i) {
      if (i != 0)
        text += ' ';
      append_value(text, field, at + field.offset + std::size_t{i} * field.element_bytes);
    }
    if (field.shown != field.count)
      text += " ...";
    if (field.count != 1)
      text += ']';
  }
}

void ElementFormat::append_value(std::string& text, const Field& field, const std::byte* at) const
{
  switch (field.kind) {
    case RTLANE_FIELD_FLOAT:
      return append_float(text, at, field.element_bytes);
    case RTLANE_FIELD_BOOL:
      if (const auto value = load_field<std::uint8_t>(at); value <= 1) {
        text += value == 1 ? "true" : "false";
        return;
      }
      return append_integer(text, field.kind, at, field.element_bytes);
    case RTLANE_FIELD_ENUM_INT:
    case RTLANE_FIELD_ENUM_UINT:
      if (const std::string* name = name_of(field, at)) {
        text += *name;
        return;
      }
      return append_integer(text, field.kind, at, field.element_bytes);
    case RTLANE_FIELD_TEXT:
      text += quoted(text_at(at, field.element_bytes));
      return;
    case RTLANE_FIELD_BYTES:
      text += hex_text({at, field.element_bytes}, cut_.bytes, true);
      return;
    case RTLANE_FIELD_STRUCT:
      text += '{';
      append_fields(text, field.fields, at);
      text += '}';
      return;
    default:
      return append_integer(text, field.kind, at, field.element_bytes);
  }
}

// ---- JSON

Json ElementFormat::json(std::span<const std::byte> element) const
{
  return fields_json(fields_, element.data());
}

Json ElementFormat::fields_json(const std::vector<Field>& fields, const std::byte* at) const
{
  Json object = Json::object();
  for (const Field& field : fields) {
    if (field.count == 1) {
      object[field.name] = value_json(field, at + field.offset);
      continue;
    }
    Json array = Json::array();
    for (std::uint32_t i = 0; i < field.shown; ++i)
      array.push_back(value_json(field, at + field.offset + std::size_t{i} * field.element_bytes));
    object[field.name] = std::move(array);
  }
  return object;
}

Json ElementFormat::value_json(const Field& field, const std::byte* at) const
{
  switch (field.kind) {
    case RTLANE_FIELD_FLOAT: {
      const double value = field.element_bytes == 4 ? load_field<float>(at) : load_field<double>(at);
      if (std::isfinite(value) && field.element_bytes == 8)
        return value;
      std::string text;
      append_float(text, at, field.element_bytes);
      // The double that reads as the float's shortest text, so that 0.1f is 0.1.
      return std::isfinite(value) ? Json(std::strtod(text.c_str(), nullptr)) : Json(text);
    }
    case RTLANE_FIELD_BOOL: {
      const auto value = load_field<std::uint8_t>(at);
      return value <= 1 ? Json(value == 1) : Json(value);
    }
    case RTLANE_FIELD_TEXT:
      return std::string(text_at(at, field.element_bytes));
    case RTLANE_FIELD_BYTES:
      return hex_text({at, field.element_bytes}, cut_.bytes, false);
    case RTLANE_FIELD_STRUCT:
      return fields_json(field.fields, at);
    case RTLANE_FIELD_ENUM_INT:
    case RTLANE_FIELD_ENUM_UINT:
      if (const std::string* name = name_of(field, at))
        return *name;
      break;
    default:
      break;
  }
  return is_signed(field.kind) ? Json(load_signed(at, field.element_bytes))
                               : Json(load_unsigned(at, field.element_bytes));
}

// ---- columns

std::vector<std::string> ElementFormat::columns() const
{
  std::vector<std::string> names;
  add_columns(names, fields_, "");
  return names;
}

void ElementFormat::add_columns(std::vector<std::string>& names, const std::vector<Field>& fields,
                                const std::string& path)
{
  for (const Field& field : fields) {
    for (std::uint32_t i = 0; i < field.shown; ++i) {
      const std::string name = field.count == 1 ? path + field.name : fmt::format("{}{}[{}]", path, field.name, i);
      if (field.kind == RTLANE_FIELD_STRUCT)
        add_columns(names, field.fields, name + ".");
      else
        names.push_back(name);
    }
  }
}

void ElementFormat::append_cells(std::string& row, std::span<const std::byte> element) const
{
  append_cells(row, fields_, element.data());
}

void ElementFormat::append_cells(std::string& row, const std::vector<Field>& fields, const std::byte* at) const
{
  for (const Field& field : fields) {
    for (std::uint32_t i = 0; i < field.shown; ++i) {
      const std::byte* value = at + field.offset + std::size_t{i} * field.element_bytes;
      if (field.kind == RTLANE_FIELD_STRUCT) {
        append_cells(row, field.fields, value);
        continue;
      }
      row += ',';
      row += cell(field, value);
    }
  }
}

std::string ElementFormat::cell(const Field& field, const std::byte* at) const
{
  // Without the quotes of the text, and as long as the bytes are.
  if (field.kind == RTLANE_FIELD_TEXT)
    return csv_cell(printable(text_at(at, field.element_bytes)));
  if (field.kind == RTLANE_FIELD_BYTES)
    return hex_text({at, field.element_bytes}, cut_.bytes, false);
  std::string text;
  append_value(text, field, at);
  return csv_cell(text);
}

}  // namespace rtlane::cli
