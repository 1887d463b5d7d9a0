// Is a field table from an untrusted place what rtlane_type_serialize would have written?
#include <cerrno>
#include <cstdint>
#include <vector>

#include "error.hpp"
#include "type_reader.hpp"

namespace rtlane::detail {
namespace {

// Length of the UTF-8 character that text starts with, 0 when there is none or it is a control character.
std::size_t character_length(std::string_view text) noexcept
{
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80)
    return first >= 0x20 && first != 0x7f ? 1 : 0;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length)
    return 0;
  std::uint32_t code = first & (0x7fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80)
      return 0;
    code = code << 6 | (byte(i) & 0x3fu);
  }
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  const bool control = code < 0xa0;
  return overlong || surrogate || control || code > 0x10ffff ? 0 : length;
}

const char* kind_problem(const FieldRecord& field) noexcept
{
  const std::uint32_t width = field.element_bytes;
  const bool integer_width = width == 1 || width == 2 || width == 4 || width == 8;
  switch (field.kind) {
    case RTLANE_FIELD_INT:
    case RTLANE_FIELD_UINT:
    case RTLANE_FIELD_ENUM_INT:
    case RTLANE_FIELD_ENUM_UINT:
      return integer_width ? nullptr : "an integer has 1, 2, 4 or 8 bytes";
    case RTLANE_FIELD_FLOAT:
      return width == 4 || width == 8 ? nullptr : "a float has 4 or 8 bytes";
    case RTLANE_FIELD_BOOL:
      return width == 1 ? nullptr : "a bool has 1 byte";
    case RTLANE_FIELD_TEXT:
    case RTLANE_FIELD_BYTES:
    case RTLANE_FIELD_STRUCT:
      return width != 0 ? nullptr : "it has no bytes";
    default:
      return "its kind is unknown";
  }
}

// Walks the records in the order in which they were written: each list and name starts where the last one
// ended and each nested type is the next one. So nothing is used twice, nothing can be cyclic, and tables
// that pass are equal byte by byte exactly when they say the same.
class Checker {
public:
  explicit Checker(const TypeReader& table) noexcept : table_(table), head_(table.header()) {}

  int run()
  {
    if (int result = check_sizes(); result < 0)
      return result;
    depths_.assign(head_.type_count, 1);
    for (std::uint32_t type = 0; type < head_.type_count; ++type) {
      if (int result = check_type(type); result < 0)
        return result;
    }
    if (next_type_ != head_.type_count || next_field_ != head_.field_count ||
        next_enumerator_ != head_.enumerator_count || (next_name_ + 7) / 8 * 8 != head_.names_bytes)
      return fail(EBADMSG, "a field table has records that no type uses");
    for (std::size_t i = table_.names_at() + next_name_; i < table_.size(); ++i) {
      if (table_.bytes()[i] != std::byte{0})
        return fail(EBADMSG, "a field table has something behind its names");
    }
    return 0;
  }

private:
  static int reserved_used() noexcept
  {
    return fail(EBADMSG, "a field table uses a reserved word: a newer release made it, or it is damaged");
  }

  int check_sizes() const noexcept
  {
    if (table_.size() < sizeof(TypeTableHeader) || head_.magic != type_table_magic)
      return fail(EBADMSG, "these %zu bytes are no field table", table_.size());
    if (head_.version != type_table_version)
      return fail(EBADMSG, "a field table of version %u; this library knows version %u", head_.version,
                  type_table_version);
    // No overflow: three products of 32-bit counts and small sizes.
    if (head_.total_bytes != table_.size() || table_.names_at() + head_.names_bytes != table_.size())
      return fail(EBADMSG, "a field table of %zu bytes says that it has %u", table_.size(), head_.total_bytes);
    if (head_.reserved != 0)
      return reserved_used();
    if (head_.type_count == 0 || head_.field_count > RTLANE_TYPE_MAX_FIELDS ||
        head_.type_count > RTLANE_TYPE_MAX_FIELDS)
      return fail(EBADMSG, "a field table with %u types and %u fields; 1 and up to %d are possible", head_.type_count,
                  head_.field_count, RTLANE_TYPE_MAX_FIELDS);
    if (head_.enumerator_count > RTLANE_TYPE_MAX_ENUMERATORS)
      return fail(EBADMSG, "a field table with %u enumerators; up to %d are possible", head_.enumerator_count,
                  RTLANE_TYPE_MAX_ENUMERATORS);
    if (head_.names_bytes == 0 || table_.bytes()[table_.names_at()] != std::byte{0} ||
        table_.bytes()[table_.size() - 1] != std::byte{0})
      return fail(EBADMSG, "the names of a field table do not begin and end with NUL");
    return 0;
  }

  int check_name(std::uint32_t offset, bool may_be_empty, const char* of) noexcept
  {
    if (offset == 0)
      return may_be_empty ? 0 : fail(EBADMSG, "%s is empty", of);
    if (offset != next_name_ || offset >= head_.names_bytes)
      return fail(EBADMSG, "%s is not where it should be in the field table", of);
    const std::string_view name = table_.name(offset);
    next_name_ += static_cast<std::uint32_t>(name.size()) + 1;
    if (name.empty())
      return fail(EBADMSG, "%s is empty", of);
    if (name.size() > RTLANE_TYPE_MAX_NAME)
      return fail(EBADMSG, "%s has %zu bytes; up to %d are possible", of, name.size(), RTLANE_TYPE_MAX_NAME);
    if (!printable(name))
      return fail(EBADMSG, "%s has control characters or is no UTF-8", of);
    return 0;
  }

  int check_type(std::uint32_t number)
  {
    const TypeRecord type = table_.type(number);
    if (int result = check_name(type.name, false, "the name of a type"); result < 0)
      return result;
    const char* name = table_.name(type.name).data();
    if (type.size_bytes == 0 || type.size_bytes > RTLANE_TYPE_MAX_BYTES)
      return fail(EBADMSG, "type \"%s\" has %u bytes; 1 to %u are possible", name, type.size_bytes,
                  static_cast<unsigned>(RTLANE_TYPE_MAX_BYTES));
    if (type.align_bytes == 0 || (type.align_bytes & (type.align_bytes - 1)) != 0 || type.align_bytes > 128 ||
        type.size_bytes % type.align_bytes != 0)
      return fail(EBADMSG, "type \"%s\" has an alignment of %u, which is not a power of two up to 128 that divides %u",
                  name, type.align_bytes, type.size_bytes);
    if (type.reserved != 0)
      return reserved_used();
    if (type.field_count == 0)
      return fail(EBADMSG, "type \"%s\" has no fields", name);
    if (type.first_field != next_field_ || type.field_count > head_.field_count - next_field_)
      return fail(EBADMSG, "the fields of type \"%s\" are not where they should be", name);
    next_field_ += type.field_count;

    std::uint64_t end = 0;
    for (std::uint32_t i = 0; i < type.field_count; ++i) {
      const FieldRecord field = table_.field(type.first_field + i);
      if (int result = check_field(number, name, type, field, end); result < 0)
        return result;
      end = field.offset + std::uint64_t{field.element_bytes} * field.count;
    }
    return 0;
  }

  int check_field(std::uint32_t owner, const char* owner_name, const TypeRecord& type, const FieldRecord& field,
                  std::uint64_t end)
  {
    if (int result = check_name(field.name, false, "the name of a field"); result < 0)
      return result;
    const char* name = table_.name(field.name).data();
    if (int result = check_name(field.unit, true, "the unit of a field"); result < 0)
      return result;
    if (field.reserved != 0)
      return reserved_used();
    if (const char* problem = kind_problem(field))
      return fail(EBADMSG, "field \"%s\" of \"%s\": %s (kind %u, %u bytes)", name, owner_name, problem, field.kind,
                  field.element_bytes);
    const std::uint64_t bytes = std::uint64_t{field.element_bytes} * field.count;
    if (field.count == 0 || bytes > type.size_bytes || field.offset > type.size_bytes - bytes)
      return fail(EBADMSG, "field \"%s\" of \"%s\": %u times %u bytes at %u do not fit into %u bytes", name, owner_name,
                  field.count, field.element_bytes, field.offset, type.size_bytes);
    if (field.offset < end)
      return fail(EBADMSG, "field \"%s\" of \"%s\" overlaps the one before it, or comes out of order", name,
                  owner_name);
    if (int result = check_enumerators(name, field); result < 0)
      return result;
    return check_nested(owner, name, field);
  }

  int check_enumerators(const char* name, const FieldRecord& field)
  {
    if (field.enumerator_count == 0)
      return field.first_enumerator == 0
                 ? 0
                 : fail(EBADMSG, "field \"%s\" has no enumerators, but says where they are", name);
    const bool is_enum = field.kind == RTLANE_FIELD_ENUM_INT || field.kind == RTLANE_FIELD_ENUM_UINT;
    if (!is_enum || field.first_enumerator != next_enumerator_ ||
        field.enumerator_count > head_.enumerator_count - next_enumerator_)
      return fail(EBADMSG, "the enumerators of field \"%s\" are not where they should be", name);
    for (std::uint32_t i = 0; i < field.enumerator_count; ++i) {
      const EnumeratorRecord named = table_.enumerator(next_enumerator_ + i);
      if (named.reserved != 0)
        return reserved_used();
      if (int result = check_name(named.name, false, "the name of an enumerator"); result < 0)
        return result;
    }
    next_enumerator_ += field.enumerator_count;
    return 0;
  }

  int check_nested(std::uint32_t owner, const char* name, const FieldRecord& field)
  {
    if (field.kind != RTLANE_FIELD_STRUCT)
      return field.nested == 0 ? 0 : fail(EBADMSG, "field \"%s\" is no struct but names a nested type", name);
    if (field.nested != next_type_ || field.nested >= head_.type_count)
      return fail(EBADMSG, "the nested type of field \"%s\" is not where it should be", name);
    ++next_type_;
    depths_[field.nested] = depths_[owner] + 1;
    if (depths_[field.nested] > RTLANE_TYPE_MAX_DEPTH)
      return fail(EBADMSG, "field \"%s\": structs are nested deeper than %d", name, RTLANE_TYPE_MAX_DEPTH);
    if (table_.type(field.nested).size_bytes != field.element_bytes)
      return fail(EBADMSG, "field \"%s\" has %u bytes, its nested type %u", name, field.element_bytes,
                  table_.type(field.nested).size_bytes);
    return 0;
  }

  const TypeReader& table_;
  const TypeTableHeader head_;
  std::vector<std::uint32_t> depths_;
  std::uint32_t next_type_ = 1;
  std::uint32_t next_field_ = 0;
  std::uint32_t next_enumerator_ = 0;
  std::uint32_t next_name_ = 1;
};

}  // namespace

bool printable(std::string_view text) noexcept
{
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    if (length == 0)
      return false;
    text.remove_prefix(length);
  }
  return true;
}

int check_table(const TypeReader& table) noexcept
try {
  return Checker(table).run();
} catch (...) {
  return fail(ENOMEM, "no memory to check a field table");
}

}  // namespace rtlane::detail

int rtlane_table_check(const void* table, size_t table_bytes) noexcept
{
  using namespace rtlane::detail;
  if (table == nullptr)
    return fail(EBADMSG, "no field table: the pointer is NULL");
  return check_table(TypeReader(table, table_bytes));
}

uint64_t rtlane_table_hash(const void* table, size_t table_bytes) noexcept
{
  // FNV-1a, 64 bits (Fowler, Noll, Vo).
  std::uint64_t hash = 0xcbf29ce484222325;
  for (size_t i = 0; i < table_bytes; ++i)
    hash = (hash ^ static_cast<const unsigned char*>(table)[i]) * 0x100000001b3;
  return hash;
}
