// Field tables for people: layouts, elements, differences. All take checked tables, so every index is good,
// names are printable and recursion ends.
#include <rtlane/channels/field_value.hpp>

#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>

#include "error.hpp"
#include "type_reader.hpp"

namespace rtlane::detail {
namespace {

// ---- layouts

void append_layout(std::string& text, const TypeReader& table, std::uint32_t type);

void append_type_of(std::string& text, const TypeReader& table, const FieldRecord& field, bool with_nested)
{
  switch (field.kind) {
    case RTLANE_FIELD_INT:
    case RTLANE_FIELD_UINT:
    case RTLANE_FIELD_FLOAT:
      text += field.kind == RTLANE_FIELD_INT ? "int" : field.kind == RTLANE_FIELD_UINT ? "uint" : "float";
      append_number(text, field.element_bytes * 8);
      break;
    case RTLANE_FIELD_BOOL:
      text += "bool";
      break;
    case RTLANE_FIELD_ENUM_INT:
    case RTLANE_FIELD_ENUM_UINT:
      text += field.kind == RTLANE_FIELD_ENUM_INT ? "enum int" : "enum uint";
      append_number(text, field.element_bytes * 8);
      for (std::uint32_t i = 0; i < field.enumerator_count; ++i) {
        const EnumeratorRecord named = table.enumerator(field.first_enumerator + i);
        text += i == 0 ? "{" : ", ";
        text += table.name(named.name);
        text += '=';
        if (field.kind == RTLANE_FIELD_ENUM_INT)
          append_number(text, named.value);
        else
          append_number(text, static_cast<std::uint64_t>(named.value));
      }
      if (field.enumerator_count != 0)
        text += '}';
      break;
    case RTLANE_FIELD_TEXT:
    case RTLANE_FIELD_BYTES:
      text += field.kind == RTLANE_FIELD_TEXT ? "char[" : "byte[";
      append_number(text, field.element_bytes);
      text += ']';
      break;
    default:
      text += table.name(table.type(field.nested).name);
      if (with_nested) {
        text += '{';
        append_layout(text, table, field.nested);
        text += '}';
      }
  }
  if (field.count != 1) {
    text += '[';
    append_number(text, field.count);
    text += ']';
  }
  if (!table.name(field.unit).empty()) {
    text += " [";
    text += table.name(field.unit);
    text += ']';
  }
}

void append_layout(std::string& text, const TypeReader& table, std::uint32_t type)
{
  const TypeRecord record = table.type(type);
  for (std::uint32_t i = 0; i < record.field_count; ++i) {
    const FieldRecord field = table.field(record.first_field + i);
    if (i != 0)
      text += ", ";
    text += table.name(field.name);
    text += ' ';
    append_type_of(text, table, field, true);
    text += " at ";
    append_number(text, field.offset);
  }
}

std::string layout_of(const TypeReader& table)
{
  const TypeRecord root = table.type(0);
  std::string text(table.name(root.name));
  text += " (";
  append_number(text, root.size_bytes);
  text += root.size_bytes == 1 ? " byte): " : " bytes): ";
  append_layout(text, table, 0);
  return text;
}

// ---- elements

// Elements come from untrusted writers: whatever could steer a terminal is escaped.
void append_quoted(std::string& text, std::string_view value)
{
  text += '"';
  for (std::size_t i = 0; i < value.size();) {
    std::size_t length = 1;
    while (length <= 4 && !(i + length <= value.size() && printable(value.substr(i, length))))
      ++length;
    if (length > 4) {
      constexpr char hex[] = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(value[i]);
      text += "\\x";
      text += hex[byte >> 4];
      text += hex[byte & 15];
      i += 1;
      continue;
    }
    if (length == 1 && (value[i] == '"' || value[i] == '\\'))
      text += '\\';
    text += value.substr(i, length);
    i += length;
  }
  text += '"';
}

void append_struct(std::string& text, const TypeReader& table, std::uint32_t type, const std::byte* at);

void append_enum(std::string& text, const TypeReader& table, const FieldRecord& field, const std::byte* at)
{
  const bool is_signed = field.kind == RTLANE_FIELD_ENUM_INT;
  const std::int64_t value = is_signed ? load_signed(at, field.element_bytes)
                                       : static_cast<std::int64_t>(load_unsigned(at, field.element_bytes));
  for (std::uint32_t i = 0; i < field.enumerator_count; ++i) {
    const EnumeratorRecord named = table.enumerator(field.first_enumerator + i);
    if (named.value == value) {
      text += table.name(named.name);
      return;
    }
  }
  if (is_signed)
    append_number(text, value);
  else
    append_number(text, static_cast<std::uint64_t>(value));
}

void append_value(std::string& text, const TypeReader& table, const FieldRecord& field, const std::byte* at)
{
  switch (field.kind) {
    case RTLANE_FIELD_INT:
      return append_number(text, load_signed(at, field.element_bytes));
    case RTLANE_FIELD_UINT:
      return append_number(text, load_unsigned(at, field.element_bytes));
    case RTLANE_FIELD_FLOAT:
      return field.element_bytes == 4 ? append_number(text, load_field<float>(at))
                                      : append_number(text, load_field<double>(at));
    case RTLANE_FIELD_BOOL: {
      const auto value = load_field<std::uint8_t>(at);  // not as bool: a hostile 7 there is undefined behaviour
      if (value > 1)
        return append_number(text, static_cast<unsigned>(value));
      text += value == 1 ? "true" : "false";
      return;
    }
    case RTLANE_FIELD_ENUM_INT:
    case RTLANE_FIELD_ENUM_UINT:
      return append_enum(text, table, field, at);
    case RTLANE_FIELD_TEXT: {
      const auto* first = reinterpret_cast<const char*>(at);
      return append_quoted(text, {first, strnlen(first, field.element_bytes)});
    }
    case RTLANE_FIELD_BYTES:
      text += "0x";
      for (std::uint32_t i = 0; i < field.element_bytes; ++i) {
        constexpr char hex[] = "0123456789abcdef";
        const auto byte = std::to_integer<unsigned>(at[i]);
        text += hex[byte >> 4];
        text += hex[byte & 15];
      }
      return;
    default:
      text += '{';
      append_struct(text, table, field.nested, at);
      text += '}';
  }
}

void append_struct(std::string& text, const TypeReader& table, std::uint32_t type, const std::byte* at)
{
  const TypeRecord record = table.type(type);
  for (std::uint32_t i = 0; i < record.field_count; ++i) {
    const FieldRecord field = table.field(record.first_field + i);
    if (i != 0)
      text += ' ';
    text += table.name(field.name);
    text += '=';
    if (field.count != 1)
      text += '[';
    for (std::uint32_t j = 0; j < field.count; ++j) {
      if (j != 0)
        text += ' ';
      append_value(text, table, field, at + field.offset + std::size_t{j} * field.element_bytes);
    }
    if (field.count != 1)
      text += ']';
  }
}

// ---- differences

std::string field_text(const TypeReader& table, const FieldRecord& field)
{
  std::string text;
  append_type_of(text, table, field, false);
  text += " at ";
  append_number(text, field.offset);
  return text;
}

bool same_enumerators(const TypeReader& a, const FieldRecord& x, const TypeReader& b, const FieldRecord& y)
{
  if (x.enumerator_count != y.enumerator_count)
    return false;
  for (std::uint32_t i = 0; i < x.enumerator_count; ++i) {
    const EnumeratorRecord m = a.enumerator(x.first_enumerator + i);
    const EnumeratorRecord n = b.enumerator(y.first_enumerator + i);
    if (m.value != n.value || a.name(m.name) != b.name(n.name))
      return false;
  }
  return true;
}

class Difference {
public:
  Difference(const TypeReader& theirs, const TypeReader& ours) noexcept : theirs_(theirs), ours_(ours) {}

  std::string find() { return types(0, 0, ""); }

private:
  std::string types(std::uint32_t their_type, std::uint32_t our_type, const std::string& path)
  {
    const TypeRecord theirs = theirs_.type(their_type);
    const TypeRecord ours = ours_.type(our_type);
    const std::uint32_t common = theirs.field_count < ours.field_count ? theirs.field_count : ours.field_count;
    for (std::uint32_t i = 0; i < common; ++i) {
      std::string text = fields(i, theirs_.field(theirs.first_field + i), ours_.field(ours.first_field + i), path);
      if (!text.empty())
        return text;
    }
    if (theirs.field_count > common)
      return only(theirs_, theirs_.field(theirs.first_field + common), common, path, "there");
    if (ours.field_count > common)
      return only(ours_, ours_.field(ours.first_field + common), common, path, "here");
    const std::string what = path.empty() ? "the type" : "the type of \"" + path + "\"";
    if (theirs_.name(theirs.name) != ours_.name(ours.name))
      return what + " is called \"" + std::string(theirs_.name(theirs.name)) + "\" there and \"" +
             std::string(ours_.name(ours.name)) + "\" here, with the same fields";
    if (theirs.size_bytes != ours.size_bytes || theirs.align_bytes != ours.align_bytes)
      return what + " has the same fields, but " + std::to_string(theirs.size_bytes) + " bytes aligned to " +
             std::to_string(theirs.align_bytes) + " there and " + std::to_string(ours.size_bytes) +
             " bytes aligned to " + std::to_string(ours.align_bytes) + " here";
    return {};
  }

  static std::string only(const TypeReader& table, const FieldRecord& field, std::uint32_t index,
                          const std::string& path, const char* where)
  {
    return "field " + std::to_string(index + 1) + " \"" + join(path, table.name(field.name)) + "\" (" +
           field_text(table, field) + ") exists only " + where;
  }

  static std::string join(const std::string& path, std::string_view name)
  {
    return path.empty() ? std::string(name) : path + "." + std::string(name);
  }

  std::string fields(std::uint32_t index, const FieldRecord& theirs, const FieldRecord& ours, const std::string& path)
  {
    const std::string_view their_name = theirs_.name(theirs.name);
    const std::string number = "field " + std::to_string(index + 1);
    if (their_name != ours_.name(ours.name))
      return number + " is \"" + join(path, their_name) + "\" (" + field_text(theirs_, theirs) + ") there and \"" +
             join(path, ours_.name(ours.name)) + "\" (" + field_text(ours_, ours) + ") here";
    const bool same = theirs.kind == ours.kind && theirs.element_bytes == ours.element_bytes &&
                      theirs.count == ours.count && theirs.offset == ours.offset &&
                      theirs_.name(theirs.unit) == ours_.name(ours.unit) &&
                      same_enumerators(theirs_, theirs, ours_, ours);
    if (same && theirs.kind == RTLANE_FIELD_STRUCT)
      return types(theirs.nested, ours.nested, join(path, their_name));
    if (same)
      return {};
    // Structs of different size: the difference inside says more than the sizes.
    if (theirs.kind == RTLANE_FIELD_STRUCT && ours.kind == RTLANE_FIELD_STRUCT && theirs.offset == ours.offset &&
        theirs.count == ours.count) {
      std::string inside = types(theirs.nested, ours.nested, join(path, their_name));
      if (!inside.empty())
        return inside;
    }
    return number + " \"" + join(path, their_name) + "\" is " + field_text(theirs_, theirs) + " there and " +
           field_text(ours_, ours) + " here";
  }

  const TypeReader& theirs_;
  const TypeReader& ours_;
};

std::int64_t give(const std::string& text, char* to, std::size_t capacity) noexcept
{
  if (to != nullptr && capacity != 0) {
    const std::size_t length = text.size() < capacity - 1 ? text.size() : capacity - 1;
    std::memcpy(to, text.data(), length);
    to[length] = '\0';
  }
  return static_cast<std::int64_t>(text.size());
}

int no_memory() noexcept
{
  return fail(ENOMEM, "no memory to write a layout down");
}

}  // namespace
}  // namespace rtlane::detail

using namespace rtlane::detail;

int64_t rtlane_table_describe(const void* table, size_t table_bytes, char* text, size_t capacity) noexcept
try {
  if (int result = rtlane_table_check(table, table_bytes); result < 0)
    return result;
  return give(layout_of(TypeReader(table, table_bytes)), text, capacity);
} catch (...) {
  return no_memory();
}

int64_t rtlane_table_format(const void* table, size_t table_bytes, const void* element, size_t element_bytes,
                            char* text, size_t capacity) noexcept
try {
  if (int result = rtlane_table_check(table, table_bytes); result < 0)
    return result;
  const TypeReader reader(table, table_bytes);
  if (element == nullptr || element_bytes != reader.type(0).size_bytes)
    return fail(EINVAL, "an element of \"%s\" has %u bytes, %zu were given", reader.name(reader.type(0).name).data(),
                reader.type(0).size_bytes, element == nullptr ? size_t{0} : element_bytes);
  std::string line;
  append_struct(line, reader, 0, static_cast<const std::byte*>(element));
  return give(line, text, capacity);
} catch (...) {
  return no_memory();
}

int64_t rtlane_table_difference(const void* theirs, size_t their_bytes, const void* ours, size_t our_bytes, char* text,
                                size_t capacity) noexcept
try {
  if (int result = rtlane_table_check(theirs, their_bytes); result < 0)
    return result;
  if (int result = rtlane_table_check(ours, our_bytes); result < 0)
    return result;
  return give(Difference(TypeReader(theirs, their_bytes), TypeReader(ours, our_bytes)).find(), text, capacity);
} catch (...) {
  return no_memory();
}
