// The serialized field table: round trip, untrusted bytes, printing, differences.
#include <gtest/gtest.h>
#include <rtlane/channels/type_info.hpp>
#include <rtlane/channels/type_table.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <random>
#include <string>

namespace {

using rtlane::type_of;
using rtlane::TypeTable;

enum class Mode : std::int16_t { idle = -1, run = 5 };
RTLANE_ENUM(Mode, idle, run);

struct Point {
  float x;
  float y;
};
RTLANE_TYPE(Point, RTLANE_UNIT(x, "m"), y);

struct Imu {
  std::int64_t t_ns;
  float gyro[3];
  Mode mode;
  bool valid;
  char name[8];
  Point corners[2];
  std::byte raw[2];
  double value;
  std::uint64_t serial;
};
RTLANE_TYPE(Imu, RTLANE_UNIT(t_ns, "ns"), RTLANE_UNIT(gyro, "°/s"), mode, valid, name, corners, raw, value, serial);

template <class T>
TypeTable table_of()
{
  return TypeTable::of(type_of<T>()).value();
}

template <class T>
std::string formatted(const T& element)
{
  return table_of<T>().format_element(std::as_bytes(std::span(&element, 1)));
}

Imu some_imu()
{
  Imu imu;
  std::memset(&imu, 0, sizeof imu);
  imu.t_ns = -12;
  imu.gyro[0] = 0.5f;
  imu.gyro[1] = -1.25f;
  imu.mode = Mode::run;
  imu.valid = true;
  std::strcpy(imu.name, "left");
  imu.corners[1] = {3, 4};
  imu.raw[0] = std::byte{0xab};
  imu.value = 1e300;
  imu.serial = std::numeric_limits<std::uint64_t>::max();
  return imu;
}

TEST(TypeTable, RoundTripsThroughItsBytes)
{
  const TypeTable table = table_of<Imu>();
  const auto parsed = TypeTable::parse(table.bytes());
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->name(), "Imu");
  EXPECT_EQ(parsed->element_bytes(), sizeof(Imu));
  EXPECT_EQ(parsed->hash(), table.hash());
  const auto fields = parsed->fields();
  ASSERT_EQ(fields.size(), 9u);
  EXPECT_EQ(fields[1].name, "gyro");
  EXPECT_EQ(fields[1].unit, "°/s");
  EXPECT_EQ(fields[1].count, 3u);
  EXPECT_EQ(fields[1].offset, offsetof(Imu, gyro));
  EXPECT_EQ(fields[2].kind, RTLANE_FIELD_ENUM_INT);
  ASSERT_EQ(fields[2].enumerators.size(), 2u);
  EXPECT_EQ(fields[2].enumerators[0].first, "idle");
  EXPECT_EQ(fields[2].enumerators[0].second, -1);
  const auto nested = parsed->fields(fields[5].nested);
  ASSERT_EQ(nested.size(), 2u);
  EXPECT_EQ(nested[0].name, "x");
  EXPECT_EQ(nested[0].unit, "m");
  EXPECT_EQ(parsed->name(fields[5].nested), "Point");
}

TEST(TypeTable, DescribesTheLayoutOnOneLine)
{
  EXPECT_EQ(table_of<Point>().describe(), "Point (8 bytes): x float32 [m] at 0, y float32 at 4");
  EXPECT_EQ(table_of<std::uint16_t>().describe(), "uint16 (2 bytes): value uint16 at 0");
  const std::string imu = table_of<Imu>().describe();
  EXPECT_NE(imu.find("gyro float32[3] [°/s] at 8"), std::string::npos) << imu;
  EXPECT_NE(imu.find("mode enum int16{idle=-1, run=5} at 20"), std::string::npos) << imu;
  EXPECT_NE(imu.find("corners Point{x float32 [m] at 0, y float32 at 4}[2] at"), std::string::npos) << imu;
}

TEST(TypeTable, PrintsAnElement)
{
  EXPECT_EQ(formatted(some_imu()),
            "t_ns=-12 gyro=[0.5 -1.25 0] mode=run valid=true name=\"left\" corners=[{x=0 y=0} {x=3 y=4}] raw=0xab00 "
            "value=1e+300 serial=18446744073709551615");
  EXPECT_EQ(formatted(std::int8_t{-7}), "value=-7");
}

TEST(TypeTable, PrintsWhatNoCorrectWriterWritesWithoutHarm)
{
  Imu imu = some_imu();
  imu.mode = static_cast<Mode>(77);
  const unsigned char seven = 7;
  std::memcpy(&imu.valid, &seven, 1);
  const char hostile[8] = {'\x1b', '[', '2', 'J', '"', '\\', '\xc2', '\x9b'};  // clear screen, C1 control
  std::memcpy(imu.name, hostile, sizeof hostile);                              // no NUL
  const std::string text = formatted(imu);
  EXPECT_NE(text.find("mode=77 valid=7 name=\"\\x1b[2J\\\"\\\\\\xc2\\x9b\" corners"), std::string::npos) << text;
  std::memcpy(imu.name, "\xc3\xa9\xf0\x9f\x98\x80\xff", 8);  // an accent, an emoji, no UTF-8
  EXPECT_NE(formatted(imu).find("name=\"\xc3\xa9\xf0\x9f\x98\x80\\xff\""), std::string::npos) << formatted(imu);
}

TEST(TypeTable, RefusesAnElementOfAnotherSize)
{
  const TypeTable table = table_of<Point>();
  const std::byte bytes[7] = {};
  EXPECT_EQ(table.format_element(bytes), "");
  char text[8];
  EXPECT_EQ(rtlane_table_format(table.bytes().data(), table.bytes().size(), bytes, 7, text, sizeof text), -EINVAL);
  EXPECT_NE(std::string(rtlane_error_message()).find("8 bytes, 7 were given"), std::string::npos);
}

TEST(TypeTable, CutsTextToTheRoomThereIs)
{
  const TypeTable table = table_of<Point>();
  char text[6] = "xxxxx";
  const auto size = table.bytes().size();
  EXPECT_EQ(rtlane_table_describe(table.bytes().data(), size, text, sizeof text),
            static_cast<std::int64_t>(table.describe().size()));
  EXPECT_STREQ(text, "Point");
  EXPECT_EQ(rtlane_table_describe(table.bytes().data(), size, text, 1),
            static_cast<std::int64_t>(table.describe().size()));
  EXPECT_STREQ(text, "");
}

// ---- differences: each kind of edit to Point is found and named.

struct Edited {
  rtlane_enumerator names[2] = {{"a", 1}, {"b", 2}};
  rtlane_field inner_fields[2] = {{"u", "", RTLANE_FIELD_INT, 4, 0, 1, nullptr, nullptr, 0},
                                  {"v", "", RTLANE_FIELD_INT, 4, 4, 1, nullptr, nullptr, 0}};
  rtlane_type inner{"Inner", 8, 4, inner_fields, 2};
  rtlane_field fields[3] = {{"x", "m", RTLANE_FIELD_FLOAT, 4, 0, 1, nullptr, nullptr, 0},
                            {"mode", "", RTLANE_FIELD_ENUM_UINT, 4, 4, 1, nullptr, names, 2},
                            {"inner", "", RTLANE_FIELD_STRUCT, 8, 8, 2, &inner, nullptr, 0}};
  rtlane_type type{"Sample", 24, 4, fields, 3};
};

std::string difference_after(void (*edit)(Edited&))
{
  Edited theirs;
  Edited ours;
  edit(ours);
  return TypeTable::of(ours.type).value().difference(TypeTable::of(theirs.type).value());
}

TEST(TypeTable, NamesTheFirstDifferingField)
{
  EXPECT_EQ(difference_after([](Edited&) {}), "");
  EXPECT_EQ(difference_after([](Edited& e) { e.fields[0].unit = "ft"; }),
            "field 1 \"x\" is float32 [m] at 0 there and float32 [ft] at 0 here");
  EXPECT_EQ(difference_after([](Edited& e) { e.fields[0].kind = RTLANE_FIELD_INT; }),
            "field 1 \"x\" is float32 [m] at 0 there and int32 [m] at 0 here");
  EXPECT_EQ(difference_after([](Edited& e) { e.fields[1].name = "state"; }),
            "field 2 is \"mode\" (enum uint32{a=1, b=2} at 4) there and \"state\" (enum uint32{a=1, b=2} at 4) here");
  EXPECT_EQ(difference_after([](Edited& e) { e.names[1].value = 3; }),
            "field 2 \"mode\" is enum uint32{a=1, b=2} at 4 there and enum uint32{a=1, b=3} at 4 here");
  EXPECT_EQ(difference_after([](Edited& e) { e.inner_fields[1].kind = RTLANE_FIELD_UINT; }),
            "field 2 \"inner.v\" is int32 at 4 there and uint32 at 4 here");
  EXPECT_EQ(difference_after([](Edited& e) { e.fields[2].count = 1; }),
            "field 3 \"inner\" is Inner[2] at 8 there and Inner at 8 here");
  EXPECT_EQ(difference_after([](Edited& e) { e.type.field_count = 2; }),
            "field 3 \"inner\" (Inner[2] at 8) exists only there");
  EXPECT_EQ(difference_after([](Edited& e) { e.type.name = "Other"; }),
            "the type is called \"Sample\" there and \"Other\" here, with the same fields");
  EXPECT_EQ(difference_after([](Edited& e) { e.type.size_bytes = 28; }),
            "the type has the same fields, but 24 bytes aligned to 4 there and 28 bytes aligned to 4 here");
}

// ---- descriptions that contradict themselves

int serialized(const rtlane_type* type)
{
  return static_cast<int>(rtlane_type_serialize(type, nullptr, 0));
}

void expect_refused(void (*edit)(Edited&), const char* sentence)
{
  Edited edited;
  edit(edited);
  EXPECT_EQ(serialized(&edited.type), -EINVAL) << sentence;
  EXPECT_NE(std::string(rtlane_error_message()).find(sentence), std::string::npos) << rtlane_error_message();
}

TEST(TypeTable, RefusesDescriptionsThatContradictThemselves)
{
  EXPECT_EQ(serialized(nullptr), -EINVAL);
  expect_refused([](Edited& e) { e.type.name = nullptr; }, "the name of a type is NULL");
  expect_refused([](Edited& e) { e.type.name = ""; }, "the name of a type is empty");
  expect_refused([](Edited& e) { e.fields[1].name = "new\nline"; }, "control characters");
  expect_refused([](Edited& e) { e.fields[1].name = "\xff"; }, "no UTF-8");
  expect_refused([](Edited& e) { e.type.fields = nullptr; }, "has no fields");
  expect_refused([](Edited& e) { e.type.field_count = 0; }, "has no fields");
  expect_refused([](Edited& e) { e.fields[0].kind = 99; }, "its kind is unknown");
  expect_refused([](Edited& e) { e.fields[0].element_bytes = 3; }, "a float has 4 or 8 bytes");
  expect_refused([](Edited& e) { e.fields[0].count = 0; }, "do not fit into 24 bytes");
  expect_refused([](Edited& e) { e.fields[2].count = 3; }, "do not fit into 24 bytes");
  expect_refused([](Edited& e) { e.fields[2].count = 0xffffffff; }, "do not fit into 24 bytes");
  expect_refused([](Edited& e) { e.fields[1].offset = 2; }, "overlaps the one before it");
  expect_refused([](Edited& e) { e.fields[2].nested = nullptr; }, "without a nested description");
  expect_refused([](Edited& e) { e.inner.size_bytes = 12; }, "has 8 bytes, its nested type 12");
  expect_refused([](Edited& e) { e.fields[2].nested = &e.type; }, "that contains itself");
  expect_refused([](Edited& e) { e.fields[0].enumerator_count = 1; }, "enumerators at NULL");
  expect_refused([](Edited& e) { e.fields[0].enumerators = e.names, e.fields[0].enumerator_count = 1; },
                 "the enumerators of field \"x\"");
  expect_refused([](Edited& e) { e.type.align_bytes = 3; }, "not a power of two");
  expect_refused([](Edited& e) { e.type.size_bytes = 0; }, "0 bytes");
}

TEST(TypeTable, RefusesABufferThatIsTooSmallAndLeavesItAlone)
{
  char buffer[16] = "untouched";
  EXPECT_EQ(rtlane_type_serialize(&type_of<Point>(), buffer, sizeof buffer), -ENOSPC);
  EXPECT_STREQ(buffer, "untouched");
}

TEST(TypeTable, RefusesStructsNestedTooDeep)
{
  constexpr int depth = RTLANE_TYPE_MAX_DEPTH + 1;
  rtlane_field fields[depth];
  rtlane_type types[depth];
  for (int i = 0; i < depth; ++i) {
    const bool leaf = i == depth - 1;
    fields[i] = {"next",
                 "",
                 leaf ? std::uint32_t{RTLANE_FIELD_INT} : std::uint32_t{RTLANE_FIELD_STRUCT},
                 4,
                 0,
                 1,
                 leaf ? nullptr : &types[i + 1],
                 nullptr,
                 0};
    types[i] = {"Nest", 4, 4, &fields[i], 1};
  }
  EXPECT_EQ(serialized(&types[0]), -EINVAL);
  EXPECT_NE(std::string(rtlane_error_message()).find("nested deeper than 16"), std::string::npos);
  EXPECT_GT(serialized(&types[1]), 0);
}

// ---- bytes from a hostile place

// Whatever passes the check must be fit for every use; run under AddressSanitizer this is the real test.
void use(const std::vector<std::byte>& bytes)
{
  const auto table = TypeTable::parse(bytes);
  if (!table)
    return;
  EXPECT_FALSE(table->describe().empty());
  if (table->element_bytes() <= 4096) {
    const std::vector<std::byte> element(table->element_bytes(), std::byte{0xa5});
    EXPECT_FALSE(table->format_element(element).empty());
  }
  for (const TypeTable::Field& field : table->fields()) {
    if (field.nested != 0) {
      EXPECT_FALSE(table->fields(field.nested).empty());
    }
  }
  const auto ours = table_of<Imu>();
  EXPECT_EQ(ours.difference(*table).empty(), std::ranges::equal(ours.bytes(), bytes));
}

std::vector<std::byte> imu_bytes()
{
  const TypeTable table = table_of<Imu>();
  return {table.bytes().begin(), table.bytes().end()};
}

// One type, one way to say it: tables are compared byte by byte.
TEST(TypeTable, RefusesAPlaceForEnumeratorsThatAFieldDoesNotHave)
{
  rtlane_enumerator names[1] = {{"on", 1}};
  rtlane_field fields[2] = {{"a", "", RTLANE_FIELD_ENUM_INT, 4, 0, 1, nullptr, names, 1},
                            {"b", "", RTLANE_FIELD_ENUM_INT, 4, 4, 1, nullptr, nullptr, 0}};
  const rtlane_type type{"Sample", 8, 4, fields, 2};
  const auto whole = TypeTable::of(type).value();
  std::vector<std::byte> bytes(whole.bytes().begin(), whole.bytes().end());
  const std::uint32_t one = 1;
  std::memcpy(&bytes[sizeof(rtlane::TypeTableHeader) + sizeof(rtlane::TypeRecord) + sizeof(rtlane::FieldRecord) +
                     offsetof(rtlane::FieldRecord, first_enumerator)],
              &one, sizeof one);
  const auto parsed = TypeTable::parse(bytes);
  ASSERT_FALSE(parsed);
  EXPECT_NE(parsed.error().message.find("field \"b\" has no enumerators"), std::string::npos) << parsed.error().message;
}

TEST(TypeTable, TakesAsManyEnumeratorsAsItMayAndNoMore)
{
  std::vector<rtlane_enumerator> names(RTLANE_TYPE_MAX_ENUMERATORS + 1, {"e", 1});
  rtlane_field field{"value", "", RTLANE_FIELD_ENUM_INT, 4, 0, 1, nullptr, names.data(), RTLANE_TYPE_MAX_ENUMERATORS};
  const rtlane_type type{"Sample", 4, 4, &field, 1};
  const auto largest = TypeTable::of(type);
  ASSERT_TRUE(largest) << largest.error().message;
  ++field.enumerator_count;
  EXPECT_EQ(serialized(&type), -EINVAL);

  // One more in the table.
  std::vector<std::byte> bytes(largest->bytes().begin(), largest->bytes().end());
  rtlane::TypeTableHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  const std::size_t enumerators_end = bytes.size() - header.names_bytes;
  bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(enumerators_end), sizeof(rtlane::EnumeratorRecord),
               std::byte{0});
  ++header.enumerator_count;
  header.total_bytes = static_cast<std::uint32_t>(bytes.size());
  std::memcpy(bytes.data(), &header, sizeof header);
  const auto parsed = TypeTable::parse(bytes);
  ASSERT_FALSE(parsed);
  EXPECT_NE(parsed.error().message.find("65537 enumerators; up to 65536"), std::string::npos) << parsed.error().message;
}

TEST(TypeTable, SurvivesEveryTruncation)
{
  const auto whole = imu_bytes();
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const std::vector<std::byte> part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
    EXPECT_FALSE(TypeTable::parse(part)) << length;
  }
  EXPECT_EQ(rtlane_table_check(nullptr, 100), -EBADMSG);
}

TEST(TypeTable, SurvivesEveryByteWrittenOver)
{
  const auto whole = imu_bytes();
  for (std::size_t i = 0; i < whole.size(); ++i) {
    for (const unsigned value : {0x00u, 0x01u, 0x7fu, 0x80u, 0xffu}) {
      auto bytes = whole;
      bytes[i] = std::byte(value);
      use(bytes);
    }
  }
}

TEST(TypeTable, SurvivesRandomDamage)
{
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto whole = imu_bytes();
  std::size_t accepted = 0;
  for (int round = 0; round < 20000; ++round) {
    auto bytes = whole;
    const unsigned edits = 1 + random() % 4;
    for (unsigned e = 0; e < edits; ++e) {
      const std::size_t word = random() % (bytes.size() / 4);
      std::uint32_t value;
      std::memcpy(&value, &bytes[4 * word], 4);
      const unsigned how = random() % 4;
      value = how == 0 ? random() : how == 1 ? value + 1 : how == 2 ? value ^ (1u << random() % 32) : random() % 64;
      std::memcpy(&bytes[4 * word], &value, 4);
    }
    accepted += TypeTable::parse(bytes) ? 1 : 0;
    use(bytes);
  }
  EXPECT_GT(accepted, 0u);  // names and offsets may change harmlessly: the check is not simply "equal"
}

}  // namespace
