// Elements of any channel as text, as JSON and as columns, by the field table that lies in the segment.
#pragma once

#include <rtlane/channels/type_table.hpp>
#include <rtlane/core/expected.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "report.hpp"

namespace rtlane::cli {

// How much of what is long is shown; 0 = all.
struct Cut {
  std::uint32_t items = 0;  // of an array
  std::uint32_t bytes = 0;  // of uninterpreted bytes
};

// Values that one element may have when all are shown: beyond it a line would be of no use to anybody.
inline constexpr std::uint64_t element_values_max = 65'536;

// "0x0a0b", cut: "0x0a0b...". In JSON and columns without the dots.
[[nodiscard]] std::string hex_text(std::span<const std::byte> bytes, std::uint32_t most, bool with_dots);

// What was read from the table once, so that an element costs no more than its text. Elements come from untrusted
// writers: any bytes have a text, and none that steers a terminal.
class ElementFormat {
public:
  // E2BIG: an element has more than element_values_max values, with the sentence for the user.
  [[nodiscard]] static expected<ElementFormat> of(const TypeTable& table, Cut cut);

  [[nodiscard]] std::uint32_t element_bytes() const { return element_bytes_; }

  // `element` has element_bytes() bytes in all three.

  // "t_ns=12 gyro=[0.5 1 -2] mode=run name=\"left\"", as TypeTable::format_element. Cut: "[0.5 1 ...]".
  void append_text(std::string& text, std::span<const std::byte> element) const;

  // An object with a member for each field. Numbers that JSON does not have are "nan", "inf" and "-inf"; a value of an
  // enum without name is a number, and so is a bool that is neither 0 nor 1. Bytes are "0x...".
  [[nodiscard]] Json json(std::span<const std::byte> element) const;

  // One for each value: "t_ns", "gyro[0]", "wheels[1].speed".
  [[nodiscard]] std::vector<std::string> columns() const;
  // As many cells, each behind a comma, quoted where need be.
  void append_cells(std::string& row, std::span<const std::byte> element) const;

private:
  struct Field {
    std::string name;
    rtlane_field_kind kind;
    std::uint32_t element_bytes;
    std::uint32_t offset;
    std::uint32_t count;
    std::uint32_t shown;                                      // of count
    std::vector<std::pair<std::int64_t, std::string>> named;  // an enum's, by value; the first name of each
    std::vector<Field> fields;                                // a struct's
  };

  ElementFormat(std::vector<Field> fields, std::uint32_t element_bytes, Cut cut)
      : fields_(std::move(fields)), element_bytes_(element_bytes), cut_(cut)
  {}

  static std::vector<Field> read_fields(const TypeTable& table, std::uint32_t type, Cut cut);
  static std::uint64_t values_of(const std::vector<Field>& fields);
  static const std::string* name_of(const Field& field, const std::byte* at);

  void append_fields(std::string& text, const std::vector<Field>& fields, const std::byte* at) const;
  void append_value(std::string& text, const Field& field, const std::byte* at) const;
  Json fields_json(const std::vector<Field>& fields, const std::byte* at) const;
  Json value_json(const Field& field, const std::byte* at) const;
  static void add_columns(std::vector<std::string>& names, const std::vector<Field>& fields, const std::string& path);
  void append_cells(std::string& row, const std::vector<Field>& fields, const std::byte* at) const;
  [[nodiscard]] std::string cell(const Field& field, const std::byte* at) const;

  std::vector<Field> fields_;
  std::uint32_t element_bytes_;
  Cut cut_;
};

// For a CSV row: quoted when it has a comma, a quote or a line break in it.
[[nodiscard]] std::string csv_cell(const std::string& text);

}  // namespace rtlane::cli
