// RTLANE_TYPE at compile time.
#include <gtest/gtest.h>
#include <rtlane/channels/type_info.hpp>

#include <string_view>

namespace robot {

enum class Mode : std::uint8_t { idle, run = 7 };
RTLANE_ENUM(Mode, idle, run);

enum Plain : int { plain_a = -3 };

struct Vector {
  double x;
  double y;
};
RTLANE_TYPE(Vector, x, RTLANE_UNIT(y, "m"));

struct Everything {
  std::int8_t i8;
  std::uint8_t u8;
  std::int16_t i16;
  std::uint32_t u32;
  std::int64_t t_ns;
  float gyro[3];
  bool valid;
  Mode mode;
  char name[10];
  std::array<double, 4> quaternion;
  double matrix[2][3];
  Vector position;
  std::array<Vector, 2> corners;
  std::byte raw[5];
  char lines[2][8];
  std::array<std::array<char, 4>, 3> codes;
  Plain plain;
};
RTLANE_TYPE(Everything, i8, u8, i16, u32, RTLANE_UNIT(t_ns, "ns"), RTLANE_UNIT(gyro, "deg/s"), valid, mode, name,
            quaternion, matrix, position, corners, raw, lines, codes, plain);

struct Blob {
  int anything[4];
};
RTLANE_OPAQUE(Blob);

struct alignas(64) Wide {
  int a;
  alignas(32) int b;
};
RTLANE_TYPE(Wide, a, b);

struct Large64 {
  int m00, m01, m02, m03, m04, m05, m06, m07, m08, m09, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22,
      m23, m24, m25, m26, m27, m28, m29, m30, m31, m32, m33, m34, m35, m36, m37, m38, m39, m40, m41, m42, m43, m44, m45,
      m46, m47, m48, m49, m50, m51, m52, m53, m54, m55, m56, m57, m58, m59, m60, m61, m62, m63;
};
RTLANE_TYPE(Large64, m00, m01, m02, m03, m04, m05, m06, m07, m08, m09, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19,
            m20, m21, m22, m23, m24, m25, m26, m27, m28, m29, m30, m31, m32, m33, m34, m35, m36, m37, m38, m39, m40,
            m41, m42, m43, m44, m45, m46, m47, m48, m49, m50, m51, m52, m53, m54, m55, m56, m57, m58, m59, m60, m61,
            m62, m63);

}  // namespace robot

namespace {

using rtlane::type_of;

const rtlane_field& field(std::string_view name)
{
  const rtlane_type& type = type_of<robot::Everything>();
  for (std::uint32_t i = 0; i < type.field_count; ++i) {
    if (type.fields[i].name == name)
      return type.fields[i];
  }
  ADD_FAILURE() << "no field " << name;
  return type.fields[0];
}

void expect_field(std::string_view name, std::uint32_t kind, std::uint32_t element_bytes, std::uint32_t count,
                  std::size_t offset)
{
  SCOPED_TRACE(name);
  EXPECT_EQ(field(name).kind, kind);
  EXPECT_EQ(field(name).element_bytes, element_bytes);
  EXPECT_EQ(field(name).count, count);
  EXPECT_EQ(field(name).offset, offset);
}

// The description is there at compile time.
static_assert(type_of<robot::Everything>().size_bytes == sizeof(robot::Everything));
static_assert(type_of<robot::Everything>().field_count == 17);
static_assert(type_of<robot::Large64>().field_count == 64);

TEST(TypeInfo, DescribesEachKindOfMember)
{
  using robot::Everything;
  expect_field("i8", RTLANE_FIELD_INT, 1, 1, offsetof(Everything, i8));
  expect_field("u8", RTLANE_FIELD_UINT, 1, 1, offsetof(Everything, u8));
  expect_field("i16", RTLANE_FIELD_INT, 2, 1, offsetof(Everything, i16));
  expect_field("u32", RTLANE_FIELD_UINT, 4, 1, offsetof(Everything, u32));
  expect_field("t_ns", RTLANE_FIELD_INT, 8, 1, offsetof(Everything, t_ns));
  expect_field("gyro", RTLANE_FIELD_FLOAT, 4, 3, offsetof(Everything, gyro));
  expect_field("valid", RTLANE_FIELD_BOOL, 1, 1, offsetof(Everything, valid));
  expect_field("mode", RTLANE_FIELD_ENUM_UINT, 1, 1, offsetof(Everything, mode));
  expect_field("plain", RTLANE_FIELD_ENUM_INT, 4, 1, offsetof(Everything, plain));
  expect_field("quaternion", RTLANE_FIELD_FLOAT, 8, 4, offsetof(Everything, quaternion));
  expect_field("matrix", RTLANE_FIELD_FLOAT, 8, 6, offsetof(Everything, matrix));
  expect_field("position", RTLANE_FIELD_STRUCT, 16, 1, offsetof(Everything, position));
  expect_field("corners", RTLANE_FIELD_STRUCT, 16, 2, offsetof(Everything, corners));
}

TEST(TypeInfo, TakesCharAndByteArraysAsOneTextOrBlock)
{
  using robot::Everything;
  expect_field("name", RTLANE_FIELD_TEXT, 10, 1, offsetof(Everything, name));
  expect_field("raw", RTLANE_FIELD_BYTES, 5, 1, offsetof(Everything, raw));
  expect_field("lines", RTLANE_FIELD_TEXT, 8, 2, offsetof(Everything, lines));
  expect_field("codes", RTLANE_FIELD_TEXT, 4, 3, offsetof(Everything, codes));
}

TEST(TypeInfo, KeepsUnitsAndEnumeratorsAndNestedTypes)
{
  EXPECT_STREQ(field("t_ns").unit, "ns");
  EXPECT_STREQ(field("gyro").unit, "deg/s");
  EXPECT_STREQ(field("i8").unit, "");
  ASSERT_EQ(field("mode").enumerator_count, 2u);
  EXPECT_STREQ(field("mode").enumerators[1].name, "run");
  EXPECT_EQ(field("mode").enumerators[1].value, 7);
  EXPECT_EQ(field("plain").enumerator_count, 0u);
  ASSERT_NE(field("corners").nested, nullptr);
  EXPECT_STREQ(field("corners").nested->name, "Vector");
  EXPECT_STREQ(field("corners").nested->fields[1].unit, "m");
}

TEST(TypeInfo, GivesArithmeticTypesAnIdentityWithoutADescription)
{
  EXPECT_STREQ(type_of<std::uint64_t>().name, "uint64");
  EXPECT_STREQ(type_of<unsigned long long>().name, "uint64");
  EXPECT_STREQ(type_of<std::int16_t>().name, "int16");
  EXPECT_STREQ(type_of<float>().name, "float32");
  EXPECT_STREQ(type_of<double>().name, "float64");
  EXPECT_STREQ(type_of<bool>().name, "bool");
  EXPECT_EQ((type_of<std::array<double, 3>>().fields[0].count), 3u);
  EXPECT_EQ(type_of<robot::Mode>().fields[0].enumerator_count, 2u);
}

TEST(TypeInfo, IdentifiesAnOpaqueTypeByNameAndSize)
{
  const rtlane_type& type = type_of<robot::Blob>();
  EXPECT_STREQ(type.name, "Blob");
  EXPECT_EQ(type.size_bytes, sizeof(robot::Blob));
  EXPECT_EQ(type.fields[0].kind, static_cast<std::uint32_t>(RTLANE_FIELD_BYTES));
}

TEST(TypeInfo, AllowsOverAlignedTypes)
{
  const rtlane_type& type = type_of<robot::Wide>();
  EXPECT_EQ(type.align_bytes, 64u);
  EXPECT_EQ(type.fields[1].offset, 32u);
}

}  // namespace
