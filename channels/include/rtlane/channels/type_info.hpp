// RTLANE_TYPE: tells rtlane what a struct is made of.
//
//   struct Imu { std::int64_t t_ns; float gyro[3]; Mode mode; };
//   RTLANE_ENUM(Mode, idle, run)
//   RTLANE_TYPE(Imu, RTLANE_UNIT(t_ns, "ns"), RTLANE_UNIT(gyro, "deg/s"), mode)
//
// Both go into the namespace of the type, after it, and RTLANE_ENUM before whatever uses the enum. Every member is
// named, in order of declaration. A channel stores the table, so a program built with another Imu is refused with the
// first differing field instead of reading nonsense, and tools print elements without having the header.
//
// Members: integers of up to 64 bits, float, double, bool, enums (names optional), char[N] text, std::byte, C arrays
// and std::array of these, described structs. Refused at compile time: pointers and references (no meaning in another
// process), long double (padding inside, differs between machines), undescribed structs, a member left out or named
// twice, more than 64 members (move some into a nested struct). Padding bytes are copied as they are.
//
// Types of other libraries (std::chrono::nanoseconds) cannot be described, because the description belongs into their
// namespace: share a count with a unit, RTLANE_UNIT(age, "ns"). A type with a comma in its name needs an alias.
//
// Arithmetic types, enums and arrays of them need no description. A struct that is to stay opaque, or has no members:
// RTLANE_OPAQUE(Blob), identified by name, size and alignment only.
#pragma once

#include <rtlane/channels/type.h>
#include <rtlane/channels/for_each_macro.hpp>
#include <rtlane/core/shm_safe.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <type_traits>

namespace rtlane {

template <class T>
struct TypeTag {};

namespace detail {

template <class T>
concept DescribedStruct = requires
{
  rtlane_describe_type(TypeTag<T>{});
};

template <class T>
concept DescribedEnum = requires
{
  rtlane_describe_enum(TypeTag<T>{});
};

template <std::size_t N>
struct StructDescription {
  const char* name;
  std::array<rtlane_field, N> fields;
};

template <class T>
struct StdArray : std::false_type {};
template <class T, std::size_t N>
struct StdArray<std::array<T, N>> : std::true_type {
  using Element = T;
  static constexpr std::size_t count = N;
};

template <class>
inline constexpr bool always_false = false;

// __int128 and the like, which are arithmetic types or not as the compiler's options have it.
template <class T>
consteval bool wide_number()
{
  if constexpr (std::is_array_v<T> || std::is_class_v<T> || std::is_union_v<T> || std::is_member_pointer_v<T> ||
                std::is_reference_v<T> || std::is_same_v<T, long double>)
    return false;
  else
    return sizeof(T) > 8;
}

consteval std::size_t count_of(std::initializer_list<int> ones)
{
  return ones.size();
}

template <class T>
consteval const rtlane_type* struct_type();

template <DescribedEnum T>
inline constexpr auto enumerators = rtlane_describe_enum(TypeTag<T>{});

template <class Element>
consteval rtlane_field array_field(rtlane_field element, std::size_t count)
{
  if constexpr (std::is_same_v<Element, char> || std::is_same_v<Element, std::byte>)
    element.element_bytes = static_cast<std::uint32_t>(count);  // one text, not many characters
  else
    element.count *= static_cast<std::uint32_t>(count);
  return element;
}

template <class Member>
consteval rtlane_field make_field(const char* name, const char* unit, std::size_t offset)
{
  using M = std::remove_cv_t<Member>;
  rtlane_field field{name, unit, 0, 0, static_cast<std::uint32_t>(offset), 1, nullptr, nullptr, 0};
  static_assert(
      !std::is_pointer_v<M> && !std::is_member_pointer_v<M> && !std::is_reference_v<M> && !std::is_null_pointer_v<M>,
      "rtlane: a pointer or reference has no meaning in another process: keep an index or an offset instead");
  static_assert(!std::is_same_v<M, long double>,
                "rtlane: long double has padding inside and differs between machines: use double");
  static_assert(!wide_number<M>(),
                "rtlane: numbers have up to 64 bits: share two halves, or RTLANE_OPAQUE a struct that holds it");
  if constexpr (std::is_array_v<M>) {
    static_assert(std::extent_v<M> > 0, "rtlane: an array without a length cannot be shared");
    using Element = std::remove_extent_t<M>;
    return array_field<std::remove_cv_t<Element>>(make_field<Element>(name, unit, offset), std::extent_v<M>);
  } else if constexpr (StdArray<M>::value) {
    static_assert(StdArray<M>::count > 0, "rtlane: a std::array of length 0 cannot be shared");
    using Element = typename StdArray<M>::Element;
    return array_field<std::remove_cv_t<Element>>(make_field<Element>(name, unit, offset), StdArray<M>::count);
  } else {
    field.element_bytes = sizeof(M);
    if constexpr (std::is_same_v<M, bool>) {
      field.kind = RTLANE_FIELD_BOOL;
    } else if constexpr (std::is_same_v<M, char>) {
      field.kind = RTLANE_FIELD_TEXT;
    } else if constexpr (std::is_same_v<M, std::byte>) {
      field.kind = RTLANE_FIELD_BYTES;
    } else if constexpr (std::is_floating_point_v<M>) {
      field.kind = RTLANE_FIELD_FLOAT;
    } else if constexpr (std::is_integral_v<M>) {
      field.kind = std::is_signed_v<M> ? RTLANE_FIELD_INT : RTLANE_FIELD_UINT;
    } else if constexpr (std::is_enum_v<M>) {
      field.kind = std::is_signed_v<std::underlying_type_t<M>> ? RTLANE_FIELD_ENUM_INT : RTLANE_FIELD_ENUM_UINT;
      if constexpr (DescribedEnum<M>) {
        field.enumerators = enumerators<M>.data();
        field.enumerator_count = static_cast<std::uint32_t>(enumerators<M>.size());
      }
    } else if constexpr (DescribedStruct<M>) {
      field.kind = RTLANE_FIELD_STRUCT;
      field.nested = struct_type<M>();
    } else {
      static_assert(always_false<M>,
                    "rtlane: this type is not described: add RTLANE_TYPE(Type, member...) after it in its namespace, "
                    "or RTLANE_OPAQUE(Type) to share its bytes without names");
    }
    return field;
  }
}

template <std::size_t N>
consteval bool fields_ascend(const std::array<rtlane_field, N>& fields)
{
  std::uint64_t end = 0;
  for (const rtlane_field& field : fields) {
    if (field.offset < end)
      return false;
    end = field.offset + std::uint64_t{field.element_bytes} * field.count;
  }
  return true;
}

template <DescribedStruct T>
struct StructTable {
  static constexpr auto description = rtlane_describe_type(TypeTag<T>{});
  static_assert(ShmSafe<T>, "rtlane: a shared type must be trivially copyable and of standard layout");
  static_assert(fields_ascend(description.fields),
                "rtlane: RTLANE_TYPE must name each member once, in the order of declaration (and no union members)");
  static constexpr rtlane_type type{description.name, sizeof(T), alignof(T), description.fields.data(),
                                    static_cast<std::uint32_t>(description.fields.size())};
};

template <class T>
consteval const rtlane_type* struct_type()
{
  return &StructTable<T>::type;
}

consteval const char* scalar_name(const rtlane_field& field)
{
  const std::uint32_t width = field.element_bytes;
  switch (field.kind) {
    case RTLANE_FIELD_INT:
      return width == 1 ? "int8" : width == 2 ? "int16" : width == 4 ? "int32" : "int64";
    case RTLANE_FIELD_UINT:
      return width == 1 ? "uint8" : width == 2 ? "uint16" : width == 4 ? "uint32" : "uint64";
    case RTLANE_FIELD_FLOAT:
      return width == 4 ? "float32" : "float64";
    case RTLANE_FIELD_BOOL:
      return "bool";
    case RTLANE_FIELD_TEXT:
      return "text";
    case RTLANE_FIELD_BYTES:
      return "bytes";
    case RTLANE_FIELD_STRUCT:
      return field.nested->name;
    default:
      return "enum";
  }
}

template <class T>
struct ValueTable {
  static constexpr rtlane_field field = make_field<T>("value", "", 0);
  static constexpr rtlane_type type{scalar_name(make_field<T>("value", "", 0)), sizeof(T), alignof(T), &field, 1};
};

}  // namespace detail

// The description of T: constant data, valid for the program's life. Does not compile for a type
// that may not be shared; the message says why.
template <class T>
constexpr const rtlane_type& type_of() noexcept
{
  if constexpr (detail::DescribedStruct<T>)
    return detail::StructTable<T>::type;
  else
    return detail::ValueTable<T>::type;
}

}  // namespace rtlane

#define RTLANE_UNIT(member, unit) (member, unit)

#define RTLANE_TYPE(Type, ...)                                                                                 \
  static_assert(sizeof(#__VA_ARGS__) > 1,                                                                      \
                "rtlane: RTLANE_TYPE names each member, at least one: RTLANE_OPAQUE shares a struct without"); \
  static_assert(RTLANE_DETAIL_NUMBER(__VA_ARGS__) != 0,                                                        \
                "rtlane: RTLANE_TYPE takes up to 64 members: move some into a nested struct");                 \
  [[maybe_unused]] inline void rtlane_every_member_is_named(const Type& value) noexcept                        \
  {                                                                                                            \
    [[maybe_unused]] const auto& [RTLANE_DETAIL_FOR_EACH(RTLANE_DETAIL_BINDING, , __VA_ARGS__)] = value;       \
  }                                                                                                            \
  constexpr auto rtlane_describe_type(::rtlane::TypeTag<Type>) noexcept                                        \
  {                                                                                                            \
    return ::rtlane::detail::StructDescription<RTLANE_DETAIL_COUNT(__VA_ARGS__)>{                              \
        #Type, {{RTLANE_DETAIL_FOR_EACH(RTLANE_DETAIL_FIELD, Type, __VA_ARGS__)}}};                            \
  }                                                                                                            \
  static_assert(true)

#define RTLANE_ENUM(Type, ...)                                                  \
  constexpr auto rtlane_describe_enum(::rtlane::TypeTag<Type>) noexcept         \
  {                                                                             \
    return ::std::array<::rtlane_enumerator, RTLANE_DETAIL_COUNT(__VA_ARGS__)>{ \
        {RTLANE_DETAIL_FOR_EACH(RTLANE_DETAIL_ENUMERATOR, Type, __VA_ARGS__)}}; \
  }                                                                             \
  static_assert(::rtlane::detail::DescribedEnum<Type>,                          \
                "rtlane: RTLANE_ENUM must come before the first RTLANE_TYPE or channel that uses the enum")

#define RTLANE_OPAQUE(Type)                                                                                   \
  constexpr auto rtlane_describe_type(::rtlane::TypeTag<Type>) noexcept                                       \
  {                                                                                                           \
    return ::rtlane::detail::StructDescription<1>{                                                            \
        #Type, {{::rtlane_field{"bytes", "", RTLANE_FIELD_BYTES, sizeof(Type), 0, 1, nullptr, nullptr, 0}}}}; \
  }                                                                                                           \
  static_assert(true)

// A member is a name, or RTLANE_UNIT's (name, unit).
#define RTLANE_DETAIL_FIELD(type, member) \
  RTLANE_DETAIL_CAT(RTLANE_DETAIL_FIELD_, RTLANE_DETAIL_IS_PAIR(member))(type, member)
#define RTLANE_DETAIL_FIELD_0(type, member) RTLANE_DETAIL_MAKE_FIELD(type, member, "")
#define RTLANE_DETAIL_FIELD_1(type, pair) RTLANE_DETAIL_FIELD_PAIR(type, RTLANE_DETAIL_UNPAIR pair)
#define RTLANE_DETAIL_FIELD_PAIR(...) RTLANE_DETAIL_MAKE_FIELD(__VA_ARGS__)
#define RTLANE_DETAIL_MAKE_FIELD(type, member, unit) \
  ::rtlane::detail::make_field<decltype(type::member)>(#member, unit, offsetof(type, member))
#define RTLANE_DETAIL_ENUMERATOR(type, name)         \
  ::rtlane_enumerator                                \
  {                                                  \
#name, static_cast < ::std::int64_t>(type::name) \
  }

// The same members as names for a structured binding, which counts them against the struct's.
#define RTLANE_DETAIL_BINDING(type, member) \
  RTLANE_DETAIL_CAT(RTLANE_DETAIL_BINDING_, RTLANE_DETAIL_IS_PAIR(member))(member)
#define RTLANE_DETAIL_BINDING_0(member) rtlane_##member
#define RTLANE_DETAIL_BINDING_1(pair) RTLANE_DETAIL_BINDING_PAIR pair
#define RTLANE_DETAIL_BINDING_PAIR(member, unit) rtlane_##member

#define RTLANE_DETAIL_ONE(type, first) 1
#define RTLANE_DETAIL_COUNT(...) ::rtlane::detail::count_of({RTLANE_DETAIL_FOR_EACH(RTLANE_DETAIL_ONE, , __VA_ARGS__)})
#define RTLANE_DETAIL_CAT(a, b) RTLANE_DETAIL_CAT_(a, b)
#define RTLANE_DETAIL_CAT_(a, b) a##b
#define RTLANE_DETAIL_UNPAIR(...) __VA_ARGS__
#define RTLANE_DETAIL_IS_PAIR(x) RTLANE_DETAIL_SECOND(RTLANE_DETAIL_PROBE x, 0, )
#define RTLANE_DETAIL_PROBE(...) ~, 1
#define RTLANE_DETAIL_SECOND(...) RTLANE_DETAIL_SECOND_(__VA_ARGS__)
#define RTLANE_DETAIL_SECOND_(a, b, ...) b
