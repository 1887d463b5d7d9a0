// From a description (pointers) to a table (offsets).
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "error.hpp"
#include "type_reader.hpp"

namespace rtlane::detail {
namespace {

class Serializer {
public:
  // Breadth first, so that a nested type comes after its user and records stand in the order of their use.
  int run(const rtlane_type& root)
  {
    queue_.push_back(&root);
    for (std::size_t i = 0; i < queue_.size(); ++i) {
      if (int result = add_type(*queue_[i]); result < 0)
        return result;
    }
    names_.resize((names_.size() + 7) / 8 * 8, '\0');
    return 0;
  }

  [[nodiscard]] std::vector<std::byte> bytes() const
  {
    TypeTableHeader header{};
    header.magic = type_table_magic;
    header.version = type_table_version;
    header.type_count = static_cast<std::uint32_t>(types_.size());
    header.field_count = static_cast<std::uint32_t>(fields_.size());
    header.enumerator_count = static_cast<std::uint32_t>(enumerators_.size());
    header.names_bytes = static_cast<std::uint32_t>(names_.size());
    header.total_bytes = static_cast<std::uint32_t>(sizeof header + types_.size() * sizeof(TypeRecord) +
                                                    fields_.size() * sizeof(FieldRecord) +
                                                    enumerators_.size() * sizeof(EnumeratorRecord) + names_.size());
    std::vector<std::byte> result;
    append(result, &header, sizeof header);
    append(result, types_.data(), types_.size() * sizeof(TypeRecord));
    append(result, fields_.data(), fields_.size() * sizeof(FieldRecord));
    append(result, enumerators_.data(), enumerators_.size() * sizeof(EnumeratorRecord));
    append(result, names_.data(), names_.size());
    return result;
  }

private:
  static void append(std::vector<std::byte>& to, const void* data, std::size_t size)
  {
    const auto* first = static_cast<const std::byte*>(data);
    to.insert(to.end(), first, first + size);
  }

  int add_name(const char* name, const char* of, std::uint32_t& offset)
  {
    if (name == nullptr)
      return fail(EINVAL, "%s is NULL", of);
    const std::size_t length = strnlen(name, RTLANE_TYPE_MAX_NAME + 1);
    if (length > RTLANE_TYPE_MAX_NAME)
      return fail(EINVAL, "%s is longer than %d bytes", of, RTLANE_TYPE_MAX_NAME);
    offset = length == 0 ? 0 : static_cast<std::uint32_t>(names_.size());
    if (length != 0)
      names_.append(name, length + 1);
    return 0;
  }

  int add_type(const rtlane_type& type)
  {
    TypeRecord record{};
    if (int result = add_name(type.name, "the name of a type", record.name); result < 0)
      return result;
    if (type.fields == nullptr || type.field_count == 0)
      return fail(EINVAL, "type \"%s\" has no fields: describe at least one", type.name);
    if (type.field_count > RTLANE_TYPE_MAX_FIELDS - fields_.size())
      return fail(EINVAL, "type \"%s\": more than %d fields, counted through nested types (one that contains itself?)",
                  type.name, RTLANE_TYPE_MAX_FIELDS);
    record.size_bytes = type.size_bytes;
    record.align_bytes = type.align_bytes;
    record.first_field = static_cast<std::uint32_t>(fields_.size());
    record.field_count = type.field_count;
    types_.push_back(record);
    for (std::uint32_t i = 0; i < type.field_count; ++i) {
      if (int result = add_field(type, type.fields[i]); result < 0)
        return result;
    }
    return 0;
  }

  int add_field(const rtlane_type& type, const rtlane_field& field)
  {
    FieldRecord record{};
    if (int result = add_name(field.name, "the name of a field", record.name); result < 0)
      return result;
    if (int result = add_name(field.unit == nullptr ? "" : field.unit, "the unit of a field", record.unit); result < 0)
      return result;
    record.kind = field.kind;
    record.element_bytes = field.element_bytes;
    record.offset = field.offset;
    record.count = field.count;
    if (field.kind == RTLANE_FIELD_STRUCT) {
      if (field.nested == nullptr)
        return fail(EINVAL, "field \"%s\" of \"%s\" is a struct without a nested description", field.name, type.name);
      record.nested = static_cast<std::uint32_t>(queue_.size());
      queue_.push_back(field.nested);
    }
    if (field.enumerator_count != 0) {
      if (field.enumerators == nullptr || field.enumerator_count > RTLANE_TYPE_MAX_ENUMERATORS - enumerators_.size())
        return fail(EINVAL, "field \"%s\" of \"%s\": %u enumerators at NULL, or more than %d in all", field.name,
                    type.name, field.enumerator_count, RTLANE_TYPE_MAX_ENUMERATORS);
      record.first_enumerator = static_cast<std::uint32_t>(enumerators_.size());
      record.enumerator_count = field.enumerator_count;
      for (std::uint32_t i = 0; i < field.enumerator_count; ++i) {
        EnumeratorRecord named{};
        named.value = field.enumerators[i].value;
        if (int result = add_name(field.enumerators[i].name, "the name of an enumerator", named.name); result < 0)
          return result;
        enumerators_.push_back(named);
      }
    }
    fields_.push_back(record);
    return 0;
  }

  std::vector<const rtlane_type*> queue_;
  std::vector<TypeRecord> types_;
  std::vector<FieldRecord> fields_;
  std::vector<EnumeratorRecord> enumerators_;
  std::string names_ = std::string(1, '\0');
};

}  // namespace

int serialize_type(const rtlane_type& type, std::vector<std::byte>& table)
{
  Serializer serializer;
  if (int result = serializer.run(type); result < 0)
    return result;
  std::vector<std::byte> bytes = serializer.bytes();
  // The one checker of tables also judges descriptions; its sentence names the field.
  if (check_table(TypeReader(bytes.data(), bytes.size())) < 0)
    return -EINVAL;
  table = std::move(bytes);
  return 0;
}

}  // namespace rtlane::detail

int64_t rtlane_type_serialize(const rtlane_type* type, void* buffer, size_t capacity) noexcept
try {
  using namespace rtlane::detail;
  if (type == nullptr)
    return fail(EINVAL, "no type description: the pointer is NULL");
  std::vector<std::byte> table;
  if (int result = serialize_type(*type, table); result < 0)
    return result;
  if (buffer != nullptr) {
    if (capacity < table.size())
      return fail(ENOSPC, "the field table of \"%s\" has %zu bytes, the buffer %zu", type->name, table.size(),
                  capacity);
    std::memcpy(buffer, table.data(), table.size());
  }
  return static_cast<int64_t>(table.size());
} catch (...) {
  return rtlane::detail::fail(ENOMEM, "no memory to serialize a type");
}
