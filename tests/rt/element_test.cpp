// Elements as text, JSON and columns: every kind of field, values that a format does not have, hostile tables.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rtlane/channels/type_info.hpp>

#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "element.hpp"

namespace rtlane::test {

enum class Mode : std::int8_t { off = -1, run = 1, again = 1 };
RTLANE_ENUM(Mode, off, run, again);
enum class Mask : std::uint64_t { top = std::uint64_t{1} << 63 };
RTLANE_ENUM(Mask, top);
enum class Bare : std::uint16_t {};

struct Point {
  float x;
  double y;
};
RTLANE_TYPE(Point, x, RTLANE_UNIT(y, "m"));

struct Leg {
  Point joints[2];
  bool down;
};
RTLANE_TYPE(Leg, joints, down);

struct Blob {
  std::uint32_t a;
};
RTLANE_OPAQUE(Blob);

struct Everything {
  std::int8_t i8;
  std::uint8_t u8;
  std::int16_t i16;
  std::uint16_t u16;
  std::int32_t i32;
  std::uint32_t u32;
  std::int64_t i64;
  std::uint64_t u64;
  float f32;
  double f64;
  bool yes;
  char letter;
  char name[6];
  std::byte raw[3];
  Mode mode;
  Mask mask;
  Bare bare;
  std::int32_t grid[2][2];
  std::array<double, 2> pair;
  Leg legs[2];
  Blob blob;
};
RTLANE_TYPE(Everything, i8, u8, i16, u16, i32, u32, i64, u64, f32, f64, yes, letter, name, raw, mode, mask, bare, grid,
            pair, legs, blob);

struct Long {
  std::int16_t many[200];
  std::byte raw[100];
};
RTLANE_TYPE(Long, many, raw);

struct Huge {
  std::uint8_t all[70'000];
};
RTLANE_TYPE(Huge, all);

namespace {

using cli::Cut;
using cli::ElementFormat;
using cli::Json;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;

template <class T>
std::span<const std::byte> bytes_of(const T& value)
{
  return std::as_bytes(std::span(&value, 1));
}

template <class T>
ElementFormat format_of(Cut cut = {})
{
  const auto table = TypeTable::of(type_of<T>());
  EXPECT_TRUE(table);
  auto format = ElementFormat::of(*table, cut);
  EXPECT_TRUE(format);
  return std::move(*format);
}

template <class T>
std::string text_of(const T& value, Cut cut = {})
{
  std::string text;
  format_of<T>(cut).append_text(text, bytes_of(value));
  return text;
}

template <class T>
std::string cells_of(const T& value, Cut cut = {})
{
  std::string row;
  format_of<T>(cut).append_cells(row, bytes_of(value));
  return row;
}

Everything everything()
{
  Everything made;
  std::memset(static_cast<void*>(&made), 0, sizeof made);
  made.i8 = -8;
  made.u8 = 200;
  made.i16 = -1600;
  made.u16 = 65535;
  made.i32 = std::numeric_limits<std::int32_t>::min();
  made.u32 = 4'000'000'000;
  made.i64 = std::numeric_limits<std::int64_t>::min();
  made.u64 = std::numeric_limits<std::uint64_t>::max();
  made.f32 = 0.1F;
  made.f64 = -2.5e300;
  made.yes = true;
  made.letter = 'x';
  std::memcpy(made.name, "a\"b\n", 4);
  made.raw[0] = std::byte{0xab};
  made.mode = Mode::off;
  made.mask = Mask::top;
  made.bare = Bare{7};
  made.grid[0][1] = 1;
  made.grid[1][0] = 2;
  made.pair = {0.5, -1};
  made.legs[1].joints[0] = {1.5F, 2.5};
  made.legs[1].down = true;
  made.blob.a = 0x01020304;
  return made;
}

TEST(Element, TextHasEveryKindOfFieldAsTheLibraryWritesIt)
{
  const Everything value = everything();
  const std::string text = text_of(value);
  EXPECT_EQ(text, TypeTable::of(type_of<Everything>())->format_element(bytes_of(value)));
  for (const char* part :
       {"i8=-8 u8=200", "u64=18446744073709551615", "f32=0.1 ", "yes=true", R"(name="a\"b\x0a")", "raw=0xab0000",
        "mode=off mask=top bare=7", "grid=[0 1 2 0]", "pair=[0.5 -1]",
        "legs=[{joints=[{x=0 y=0} {x=0 y=0}] down=false} {joints=[{x=1.5 y=2.5} {x=0 y=0}] down=true}]"})
    EXPECT_THAT(text, HasSubstr(part));
}

TEST(Element, JsonHasTheNumbersOfTheirKindAndNamesOfEnums)
{
  const Everything value = everything();
  const Json json = format_of<Everything>().json(bytes_of(value));
  const std::string line = json.dump();
  for (const char* part :
       {R"("i64":-9223372036854775808)", R"("u64":18446744073709551615)", R"("f32":0.1,)", R"("yes":true)",
        R"("name":"a\"b\n")", R"("raw":"0xab0000")", R"("mode":"off","mask":"top","bare":7)", R"("grid":[0,1,2,0])",
        R"({"joints":[{"x":1.5,"y":2.5},{"x":0.0,"y":0.0}],"down":true})"})
    EXPECT_THAT(line, HasSubstr(part));
  EXPECT_EQ(Json::parse(line), json);
}

TEST(Element, ColumnsAndCellsAreAsMany)
{
  const ElementFormat format = format_of<Everything>();
  const auto columns = format.columns();
  EXPECT_EQ(columns.front(), "i8");
  EXPECT_THAT(columns, testing::Contains("grid[3]"));
  EXPECT_THAT(columns, testing::Contains("legs[1].joints[0].x"));
  const std::string row = cells_of(everything());
  EXPECT_THAT(row, testing::StartsWith(",-8,200,"));
  EXPECT_THAT(row, HasSubstr(R"(,"a""b\x0a",)"));
  EXPECT_EQ(static_cast<std::size_t>(std::count(row.begin(), row.end(), ',')), columns.size());
  EXPECT_EQ(cli::csv_cell("a,b"), "\"a,b\"");
  EXPECT_EQ(cli::csv_cell("plain"), "plain");
}

TEST(Element, ValuesThatAFormatDoesNotHave)
{
  Everything value = everything();
  value.f32 = std::numeric_limits<float>::quiet_NaN();
  value.f64 = -std::numeric_limits<double>::infinity();
  std::memset(&value.yes, 7, 1);
  std::memset(&value.mode, 5, 1);
  std::memcpy(value.name, "\xff\x1b[2J!", 6);  // no NUL, no UTF-8, and for the terminal
  const std::string text = text_of(value);
  for (const char* part : {"f32=nan", "f64=-inf", "yes=7", "mode=5", R"(name="\xff\x1b[2J!")"})
    EXPECT_THAT(text, HasSubstr(part));
  const std::string line =
      format_of<Everything>().json(bytes_of(value)).dump(-1, ' ', false, Json::error_handler_t::replace);
  for (const char* part : {R"("f32":"nan")", R"("f64":"-inf")", R"("yes":7)", R"("mode":5)", "\uFFFD\\u001b[2J!"})
    EXPECT_THAT(line, HasSubstr(part));
  EXPECT_TRUE(Json::accept(line));
}

TEST(Element, AnElementThatIsOneValue)
{
  const double value = 2.5;
  EXPECT_EQ(text_of(value), "value=2.5");
  EXPECT_EQ(format_of<double>().json(bytes_of(value)).dump(), R"({"value":2.5})");
  EXPECT_THAT(format_of<double>().columns(), ElementsAre("value"));
  EXPECT_EQ(cells_of(value), ",2.5");
}

TEST(Element, WhatIsLongIsCutOnWish)
{
  Long value{};
  for (std::int16_t i = 0; i < 200; ++i)
    value.many[i] = i;
  EXPECT_EQ(text_of(value, {3, 2}), "many=[0 1 2 ...] raw=0x0000...");
  EXPECT_THAT(text_of(value), HasSubstr(" 199] raw=0x00"));
  EXPECT_EQ(format_of<Long>({3, 2}).json(bytes_of(value)).dump(), R"({"many":[0,1,2],"raw":"0x0000"})");
  EXPECT_THAT(format_of<Long>({2, 1}).columns(), ElementsAre("many[0]", "many[1]", "raw"));
  EXPECT_EQ(cells_of(value, {2, 1}), ",0,1,0x00");

  const auto table = TypeTable::of(type_of<Huge>());
  const auto refused = ElementFormat::of(*table, {});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, testing::AllOf(HasSubstr("70000 values"), HasSubstr("--items")));
  EXPECT_TRUE(ElementFormat::of(*table, {100, 0}));
}

// A table from a segment is checked before it gets here. Those that pass, whatever they say, decode any bytes.
TEST(Element, DamagedTablesAreRefusedOrDecodeSomething)
{
  std::mt19937_64 random(4711);
  const auto good = TypeTable::of(type_of<Everything>());
  std::vector<std::byte> element(good->element_bytes());
  int accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::vector<std::byte> bytes(good->bytes().begin(), good->bytes().end());
    for (int i = 0; i <= round % 3; ++i)
      bytes[random() % bytes.size()] = std::byte(random() % 2 == 0 ? random() % 256 : random() % 10);
    const auto table = TypeTable::parse(bytes);
    if (!table)
      continue;
    ++accepted;
    const auto format = ElementFormat::of(*table, {64, 64});
    if (!format || format->element_bytes() != element.size())
      continue;
    for (std::byte& byte : element)
      byte = std::byte(random());
    std::string text;
    format->append_text(text, element);
    (void)format->json(element).dump(-1, ' ', false, Json::error_handler_t::replace);
    format->append_cells(text, element);
    EXPECT_EQ(text.find_first_of(std::string("\n\x1b\0", 3)), std::string::npos);
  }
  EXPECT_GT(accepted, 100);  // names are free
}

}  // namespace
}  // namespace rtlane::test
