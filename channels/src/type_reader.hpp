// Reads a serialized field table that was checked, or is being checked (then every index is tested first).
#pragma once

#include <rtlane/channels/type_table.hpp>

#include <cstddef>
#include <cstring>
#include <string_view>
#include <vector>

namespace rtlane::detail {

class TypeReader {
public:
  TypeReader(const void* table, std::size_t size) noexcept : bytes_(static_cast<const std::byte*>(table)), size_(size)
  {
    if (size >= sizeof header_)
      std::memcpy(&header_, table, sizeof header_);
  }

  [[nodiscard]] const TypeTableHeader& header() const noexcept { return header_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  [[nodiscard]] TypeRecord type(std::uint32_t number) const noexcept
  {
    return read<TypeRecord>(sizeof(TypeTableHeader) + std::size_t{number} * sizeof(TypeRecord));
  }
  [[nodiscard]] FieldRecord field(std::uint32_t number) const noexcept
  {
    return read<FieldRecord>(fields_at() + std::size_t{number} * sizeof(FieldRecord));
  }
  [[nodiscard]] EnumeratorRecord enumerator(std::uint32_t number) const noexcept
  {
    return read<EnumeratorRecord>(enumerators_at() + std::size_t{number} * sizeof(EnumeratorRecord));
  }
  // offset < names_bytes; the names end with NUL, so the view ends in them.
  [[nodiscard]] std::string_view name(std::uint32_t offset) const noexcept
  {
    return reinterpret_cast<const char*>(bytes_ + names_at() + offset);
  }

  [[nodiscard]] std::size_t fields_at() const noexcept
  {
    return sizeof(TypeTableHeader) + std::size_t{header_.type_count} * sizeof(TypeRecord);
  }
  [[nodiscard]] std::size_t enumerators_at() const noexcept
  {
    return fields_at() + std::size_t{header_.field_count} * sizeof(FieldRecord);
  }
  [[nodiscard]] std::size_t names_at() const noexcept
  {
    return enumerators_at() + std::size_t{header_.enumerator_count} * sizeof(EnumeratorRecord);
  }
  [[nodiscard]] const std::byte* bytes() const noexcept { return bytes_; }

private:
  template <class Record>
  [[nodiscard]] Record read(std::size_t offset) const noexcept
  {
    Record record;
    std::memcpy(&record, bytes_ + offset, sizeof record);
    return record;
  }

  const std::byte* bytes_;
  std::size_t size_;
  TypeTableHeader header_{};
};

// 0, or -EINVAL with the sentence set and `table` untouched. May throw bad_alloc.
int serialize_type(const rtlane_type& type, std::vector<std::byte>& table);

// 0, or -EBADMSG with the sentence set.
int check_table(const TypeReader& table) noexcept;

// Well-formed UTF-8 without control characters: fit for a terminal.
bool printable(std::string_view text) noexcept;

}  // namespace rtlane::detail
