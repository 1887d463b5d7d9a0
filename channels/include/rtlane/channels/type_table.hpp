// The field table as it lies in a channel: decodes the elements of any channel without its headers.
//
//   auto table = rtlane::TypeTable::of(channel);            // or parse(bytes)
//   for (const auto& field : table->fields()) ...
//   puts(table->format_element(bytes).c_str());             // "t_ns=12 gyro=[0.5 1 -2] mode=run"
//
// Layout version 1, machine byte order, no pointers. Offsets count from the table's start:
//   TypeTableHeader | TypeRecord[type_count] | FieldRecord[field_count] | EnumeratorRecord[enumerator_count]
//   | names: NUL-terminated, the last byte is NUL; offset 0 of the names is ""
// Type 0 is the element. A nested struct has a type record of its own per use, with a higher number than
// its user, so a table can hold no cycle and decoding is bounded by the element's size.
#pragma once

#include <rtlane/channels/type.h>
#include <rtlane/channels/participants.hpp>
#include <rtlane/core/expected.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rtlane {

struct TypeTableHeader {
  std::uint32_t magic;
  std::uint32_t version;
  std::uint32_t total_bytes;
  std::uint32_t type_count;
  std::uint32_t field_count;
  std::uint32_t enumerator_count;
  std::uint32_t names_bytes;
  std::uint32_t reserved;
};

struct TypeRecord {
  std::uint32_t name;  // offset in the names
  std::uint32_t size_bytes;
  std::uint32_t align_bytes;
  std::uint32_t first_field;
  std::uint32_t field_count;
  std::uint32_t reserved;
};

struct FieldRecord {
  std::uint32_t name;
  std::uint32_t unit;
  std::uint32_t kind;  // enum rtlane_field_kind
  std::uint32_t element_bytes;
  std::uint32_t offset;
  std::uint32_t count;
  std::uint32_t nested;  // type number, 0 = none
  std::uint32_t first_enumerator;
  std::uint32_t enumerator_count;
  std::uint32_t reserved;
};

struct EnumeratorRecord {
  std::int64_t value;
  std::uint32_t name;
  std::uint32_t reserved;
};

static_assert(sizeof(TypeTableHeader) == 32 && sizeof(TypeRecord) == 24 && sizeof(FieldRecord) == 40 &&
                  sizeof(EnumeratorRecord) == 16,
              "layout version 1");

inline constexpr std::uint32_t type_table_magic = 0x59'54'4c'52;  // the bytes "RLTY"
inline constexpr std::uint32_t type_table_version = 1;

// A checked private copy. Set-up code: allocates.
class TypeTable {
public:
  struct Field {
    std::string_view name;
    std::string_view unit;
    rtlane_field_kind kind;
    std::uint32_t element_bytes;
    std::uint32_t offset;
    std::uint32_t count;
    std::uint32_t nested;  // type number for fields(), 0 = not a struct
    std::vector<std::pair<std::string_view, std::int64_t>> enumerators;
  };

  // Copies and checks bytes from any source, a hostile one too. The error says what is wrong.
  [[nodiscard]] static expected<TypeTable> parse(std::span<const std::byte> bytes)
  {
    TypeTable table;
    table.bytes_.assign(bytes.begin(), bytes.end());
    const int result = rtlane_table_check(table.bytes_.data(), table.bytes_.size());
    if (result < 0)
      return unexpected(Error::from_c(result));
    return table;
  }

  // The table of an open channel.
  [[nodiscard]] static expected<TypeTable> of(const ChannelRef& channel)
  {
    std::size_t size = 0;
    const void* data = channel ? rtlane_channel_table(channel.get(), &size) : nullptr;
    return parse({static_cast<const std::byte*>(data), size});
  }

  // The table of a C++ or C description.
  [[nodiscard]] static expected<TypeTable> of(const rtlane_type& type)
  {
    TypeTable table;
    const std::int64_t size = rtlane_type_serialize(&type, nullptr, 0);
    if (size < 0)
      return unexpected(Error::from_c(static_cast<int>(size)));
    table.bytes_.resize(static_cast<std::size_t>(size));
    rtlane_type_serialize(&type, table.bytes_.data(), table.bytes_.size());
    return table;
  }

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::uint64_t hash() const noexcept { return rtlane_table_hash(bytes_.data(), bytes_.size()); }
  [[nodiscard]] std::string_view name(std::uint32_t type = 0) const { return text(type_record(type).name); }
  [[nodiscard]] std::uint32_t element_bytes() const { return type_record(0).size_bytes; }

  // The fields of the element, or of the nested struct with that type number.
  [[nodiscard]] std::vector<Field> fields(std::uint32_t type = 0) const
  {
    std::vector<Field> result;
    const TypeRecord record = type_record(type);
    for (std::uint32_t i = 0; i < record.field_count; ++i) {
      const auto stored = read<FieldRecord>(fields_at() + (record.first_field + i) * sizeof(FieldRecord));
      Field field{text(stored.name),
                  text(stored.unit),
                  static_cast<rtlane_field_kind>(stored.kind),
                  stored.element_bytes,
                  stored.offset,
                  stored.count,
                  stored.nested,
                  {}};
      for (std::uint32_t j = 0; j < stored.enumerator_count; ++j) {
        const auto named =
            read<EnumeratorRecord>(enumerators_at() + (stored.first_enumerator + j) * sizeof(EnumeratorRecord));
        field.enumerators.emplace_back(text(named.name), named.value);
      }
      result.push_back(std::move(field));
    }
    return result;
  }

  // The layout on one line.
  [[nodiscard]] std::string describe() const
  {
    return line(
        [&](char* to, std::size_t room) { return rtlane_table_describe(bytes_.data(), bytes_.size(), to, room); });
  }

  // One element on one line; "" when `element` has another size.
  [[nodiscard]] std::string format_element(std::span<const std::byte> element) const
  {
    return line([&](char* to, std::size_t room) {
      return rtlane_table_format(bytes_.data(), bytes_.size(), element.data(), element.size(), to, room);
    });
  }

  // The first difference as a sentence, `other` being called "there"; "" when they are equal.
  [[nodiscard]] std::string difference(const TypeTable& other) const
  {
    return line([&](char* to, std::size_t room) {
      return rtlane_table_difference(other.bytes_.data(), other.bytes_.size(), bytes_.data(), bytes_.size(), to, room);
    });
  }

private:
  TypeTable() = default;

  template <class Call>
  static std::string line(Call call)
  {
    const std::int64_t length = call(nullptr, 0);
    if (length <= 0)
      return {};
    std::string result(static_cast<std::size_t>(length) + 1, '\0');
    call(result.data(), result.size());
    result.pop_back();
    return result;
  }

  template <class Record>
  [[nodiscard]] Record read(std::size_t offset) const
  {
    Record record;
    std::memcpy(&record, bytes_.data() + offset, sizeof record);
    return record;
  }
  [[nodiscard]] TypeTableHeader header() const { return read<TypeTableHeader>(0); }
  [[nodiscard]] TypeRecord type_record(std::uint32_t type) const
  {
    return read<TypeRecord>(sizeof(TypeTableHeader) + (type < header().type_count ? type : 0) * sizeof(TypeRecord));
  }
  [[nodiscard]] std::size_t fields_at() const
  {
    return sizeof(TypeTableHeader) + header().type_count * sizeof(TypeRecord);
  }
  [[nodiscard]] std::size_t enumerators_at() const { return fields_at() + header().field_count * sizeof(FieldRecord); }
  [[nodiscard]] std::string_view text(std::uint32_t name) const
  {
    const std::size_t names = enumerators_at() + header().enumerator_count * sizeof(EnumeratorRecord);
    return reinterpret_cast<const char*>(bytes_.data() + names + name);
  }

  std::vector<std::byte> bytes_;
};

}  // namespace rtlane
