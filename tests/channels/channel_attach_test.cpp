// Who may attach to what: other types, other capacities, damage in every header field, memory that is no channel.
#include <gtest/gtest.h>
#include <rtlane/core/lease.h>
#include <rtlane/channels/channel_header.hpp>
#include <rtlane/channels/spsc_ring.hpp>
#include <rtlane/channels/type_table.hpp>

#include <cerrno>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "ring_support.hpp"
#include "support/child.hpp"
#include "support/shared_page.hpp"
#include "support/temp_namespace.hpp"
#include "support/watchdog.hpp"

namespace now {
struct Imu {
  std::int64_t t_ns;
  float gyro[3];
  float accel[3];
};
RTLANE_TYPE(Imu, RTLANE_UNIT(t_ns, "ns"), RTLANE_UNIT(gyro, "deg/s"), accel);
}  // namespace now

namespace later {
struct Imu {
  std::int64_t t_ns;
  double gyro[3];
  float accel[3];
};
RTLANE_TYPE(Imu, RTLANE_UNIT(t_ns, "ns"), RTLANE_UNIT(gyro, "deg/s"), accel);
}  // namespace later

namespace {

using namespace rtlane::test;
using rtlane::ChannelHeader;
using rtlane::SharedMemory;
using rtlane::SpscRing;
using rtlane::TypeTable;
using Ring = SpscRing<Message>;

bool contains(const std::string& text, const std::string& part)
{
  return text.find(part) != std::string::npos;
}

class ChannelAttach : public ::testing::Test {
protected:
  // Expects a refusal with that errno and each part in the sentence.
  template <class Result>
  static void expect_error(const Result& result, int code, std::initializer_list<const char*> parts)
  {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, code) << result.error().message;
    for (const char* part : parts)
      EXPECT_TRUE(contains(result.error().message, part)) << "'" << part << "' in: " << result.error().message;
  }

  // The object's memory, to damage it.
  static SharedMemory memory_of(const std::string& name)
  {
    rtlane::ShmOptions options = small_ring().memory;
    return SharedMemory::open(name, options).value();
  }

  const TempNamespace space_;
  const Watchdog watchdog_{100};
};

TEST_F(ChannelAttach, ASecondCreateOpensTheFirstOnes)
{
  const auto first = Ring::create("ring", 100, small_ring());
  const auto second = Ring::create("ring", 128, small_ring());  // the same power of two
  const auto third = Ring::open("ring", small_ring());
  ASSERT_TRUE(first && second && third);
  EXPECT_TRUE(first->created());
  EXPECT_FALSE(second->created());
  EXPECT_FALSE(third->created());
  EXPECT_EQ(third->capacity(), 128u);
  auto producer = first->producer();
  auto consumer = third->consumer();
  ASSERT_EQ(producer->try_push(message(1, 5)), rtlane::Status::ok);
  Message got{};
  ASSERT_EQ(consumer->try_pop(got), rtlane::Status::ok);
  EXPECT_EQ(got.number, 5u);
}

TEST_F(ChannelAttach, OpeningWhatIsNotThereIsNoSuchObject)
{
  expect_error(Ring::open("ring"), ENOENT, {"ring"});
  expect_error(Ring::open(""), EINVAL, {"needs a name"});
  expect_error(Ring::create("", 4), EINVAL, {"needs a name"});
  expect_error(Ring::create("a\\b", 4), EINVAL, {});
}

TEST_F(ChannelAttach, ANameWithANulIsRefusedAndNotCutShort)
{
  const std::string name("ring\0two", 8);
  expect_error(Ring::create(name, 16, small_ring()), EINVAL, {"NUL"});
  const auto ring = Ring::create("ring", 16, small_ring());
  ASSERT_TRUE(ring) << ring.error().message;
  expect_error(Ring::open(name), EINVAL, {"NUL"});
}

TEST_F(ChannelAttach, AnotherTypeIsRefusedWithBothLayoutsAndTheFirstDifferingField)
{
  const auto ring = SpscRing<now::Imu>::create("imu", 16, small_ring());
  ASSERT_TRUE(ring);
  const auto parts = {
      "channel \"imu\" holds another type",
      "field 2 \"gyro\" is float32[3] [deg/s] at 8 there and float64[3] [deg/s] at 8 here",
      "There: Imu (32 bytes): t_ns int64 [ns] at 0, gyro float32[3] [deg/s] at 8, accel float32[3] at 20",
      "Here: Imu (48 bytes): t_ns int64 [ns] at 0, gyro float64[3] [deg/s] at 8, accel float32[3] at 32"};
  expect_error(SpscRing<later::Imu>::open("imu", small_ring()), EPROTOTYPE, parts);
  expect_error(SpscRing<later::Imu>::create("imu", 16, small_ring()), EPROTOTYPE, parts);
  expect_error(SpscRing<std::uint64_t>::open("imu", small_ring()), EPROTOTYPE,
               {"field 1 is \"t_ns\" (int64 [ns] at 0) there and \"value\" (uint64 at 0) here"});
  EXPECT_TRUE(SpscRing<now::Imu>::open("imu", small_ring()));  // nothing was disturbed
}

TEST_F(ChannelAttach, AnotherCapacityOrStrideIsRefusedByCreateOnly)
{
  const auto ring = Ring::create("ring", 16, small_ring());
  ASSERT_TRUE(ring);
  expect_error(Ring::create("ring", 17, small_ring()), ERANGE, {"capacity of 16", "32 was asked for"});
  auto options = small_ring();
  options.slot_stride_bytes = 128;
  expect_error(Ring::create("ring", 16, options), ERANGE, {"stride of 64", "128 was asked for"});
  EXPECT_TRUE(Ring::open("ring", small_ring()));
}

TEST_F(ChannelAttach, OpeningWithACapacityBeyondReasonIsRefused)
{
  const auto ring = Ring::create("ring", 1, small_ring());
  ASSERT_TRUE(ring);
  rtlane_channel_spec spec = RTLANE_CHANNEL_SPEC_INIT;
  rtlane_channel* channel = nullptr;
  for (const std::uint64_t capacity :
       {rtlane::max_capacity + 1, (std::uint64_t{1} << 63) + 1, std::uint64_t{UINT64_MAX}}) {
    spec.capacity = capacity;
    EXPECT_EQ(rtlane_channel_open("ring", &spec, nullptr, &channel), -EINVAL);
    EXPECT_TRUE(contains(rtlane_error_message(), "a capacity of " + std::to_string(capacity)))
        << rtlane_error_message();
  }
  spec.capacity = rtlane::max_capacity;
  EXPECT_EQ(rtlane_channel_open("ring", &spec, nullptr, &channel), -ERANGE);
  EXPECT_EQ(channel, nullptr);
}

TEST_F(ChannelAttach, ExclusiveCreateRefusesAnExistingName)
{
  auto options = small_ring();
  options.memory.exclusive = true;
  const auto ring = Ring::create("ring", 16, options);
  ASSERT_TRUE(ring);
  expect_error(Ring::create("ring", 16, options), EEXIST, {});
}

TEST_F(ChannelAttach, AReadOnlyAttachSeesEverythingAndTakesNoRole)
{
  const auto ring = Ring::create("ring", 16, small_ring());
  auto producer = ring->producer();
  ASSERT_EQ(producer->try_push(message(1, 1)), rtlane::Status::ok);
  auto options = small_ring();
  options.memory.read_only = true;
  expect_error(Ring::create("ring", 16, options), EINVAL, {"read-only"});
  const auto monitor = Ring::open("ring", options);
  ASSERT_TRUE(monitor) << monitor.error().message;
  expect_error(monitor->producer(), EACCES, {"read-only", "producer"});
  expect_error(monitor->consumer(), EACCES, {"read-only", "consumer"});
  const auto info = monitor->info();
  EXPECT_EQ(info.depth, 1u);
  EXPECT_EQ(info.producer_alive, 1);
  EXPECT_EQ(info.consumer_alive, 0);
}

TEST_F(ChannelAttach, AMonitorOpensAnyTypeAndDecodesIt)
{
  const auto ring = SpscRing<now::Imu>::create("imu", 16, small_ring());
  ASSERT_TRUE(ring);
  rtlane_channel_spec any = RTLANE_CHANNEL_SPEC_INIT;
  rtlane_shm_options options = RTLANE_SHM_OPTIONS_INIT;
  options.read_only = 1;
  options.lock = RTLANE_NEVER;
  rtlane_channel* opened = nullptr;
  ASSERT_EQ(rtlane_channel_open("imu", &any, &options, &opened), 0) << rtlane_error_message();
  const rtlane::ChannelRef channel(opened);
  const auto table = TypeTable::of(channel);
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ(table->describe(),
            "Imu (32 bytes): t_ns int64 [ns] at 0, gyro float32[3] [deg/s] at 8, accel float32[3] at 20");
  const now::Imu imu{7, {1, 2, 3}, {4, 5, 6}};
  EXPECT_EQ(table->format_element(std::as_bytes(std::span(&imu, 1))), "t_ns=7 gyro=[1 2 3] accel=[4 5 6]");
  EXPECT_EQ(channel.info().type_hash, table->hash());
}

TEST_F(ChannelAttach, MemoryOfAnotherUseIsLeftAlone)
{
  auto small = SharedMemory::create("small", 100, small_ring().memory);
  auto zeroed = SharedMemory::create("zeroed", 1 << 20, small_ring().memory);
  auto used = SharedMemory::create("used", 1 << 20, small_ring().memory);
  ASSERT_TRUE(small && zeroed && used);
  std::memcpy(used->data(), "my own data", 11);
  for (const char* name : {"small", "zeroed", "used"}) {
    // Zeroed, it looks like a channel whose maker has not begun: told to who wants a type, not to who takes any.
    if (std::string(name) == "zeroed")
      expect_error(Ring::open(name, small_ring()), EAGAIN, {name, "all zero", "shared memory of another use"});
    else
      expect_error(Ring::open(name, small_ring()), ENOMSG, {name, "holds no channel"});
    const rtlane_channel_spec any = RTLANE_CHANNEL_SPEC_INIT;
    rtlane_channel* channel = nullptr;
    EXPECT_EQ(rtlane_channel_open(name, &any, nullptr, &channel), -ENOMSG) << rtlane_error_message();
    const auto created = Ring::create(name, 16, small_ring());
    ASSERT_FALSE(created);
    EXPECT_TRUE(created.error().code == ENOMSG || created.error().code == ERANGE) << created.error().message;
    EXPECT_TRUE(contains(created.error().message, "no channel")) << created.error().message;
  }
  EXPECT_EQ(std::memcmp(used->data(), "my own data", 11), 0);
  for (std::uint64_t i = 0; i < zeroed->size_bytes(); ++i)
    ASSERT_EQ(std::to_integer<int>(zeroed->bytes()[i]), 0);

  // The size of a ring, and something in it: still not ours.
  std::uint64_t bytes = 0;
  {
    const auto ring = Ring::create("ring", 16, small_ring());
    bytes = ring->channel().layout().total_bytes;
  }
  auto same_size = SharedMemory::create("same", bytes, small_ring().memory);
  std::memcpy(same_size->bytes().data() + 300, "my own data", 11);
  expect_error(Ring::create("same", 16, small_ring()), ENOMSG, {"same", "holds no channel"});
  EXPECT_EQ(std::memcmp(same_size->bytes().data() + 300, "my own data", 11), 0);
}

// ---- damage

struct Damage {
  const char* field;
  std::function<void(ChannelHeader&)> edit;
  int code;
};

TEST_F(ChannelAttach, DamageInAnyHeaderFieldIsNamed)
{
  const auto ring = Ring::create("ring", 16, small_ring());
  ASSERT_TRUE(ring);
  auto memory = memory_of("ring");
  ChannelHeader whole{};
  std::memcpy(&whole, memory.data(), sizeof whole);
  const auto total = whole.total_bytes;
  const std::vector<Damage> damages{
      {"holds no channel", [](auto& h) { h.magic = 7; }, ENOMSG},
      {"layout version 2", [](auto& h) { h.layout_version = 2; }, EPROTO},
      {"layout version 0", [](auto& h) { h.layout_version = 0; }, EPROTO},
      {"kind 77", [](auto& h) { h.kind = 77; }, EPROTO},
      {"total_bytes", [](auto& h) { h.total_bytes = 0; }, EBADMSG},
      {"total_bytes", [](auto& h) { h.total_bytes -= 64; }, EBADMSG},
      {"capacity", [](auto& h) { h.capacity = 0; }, EBADMSG},
      {"capacity", [](auto& h) { h.capacity = 15; }, EBADMSG},
      {"capacity", [](auto& h) { h.capacity = std::uint64_t{1} << 63; }, EBADMSG},
      {"total_bytes", [](auto& h) { h.capacity = 32; }, EBADMSG},
      {"total_bytes", [](auto& h) { h.capacity = std::uint64_t{1} << 40; }, EBADMSG},
      {"the object has", [](auto& h) { h.capacity <<= 20, h.total_bytes = h.slots_offset + h.capacity * 64; }, EBADMSG},
      {"slot_stride_bytes", [](auto& h) { h.slot_stride_bytes = 0; }, EBADMSG},
      {"slot_stride_bytes", [](auto& h) { h.slot_stride_bytes = 65; }, EBADMSG},
      {"slot_stride_bytes", [](auto& h) { h.slot_stride_bytes = 48; }, EBADMSG},
      {"slot_stride_bytes", [](auto& h) { h.slot_stride_bytes = ~std::uint64_t{7}; }, EBADMSG},
      {"total_bytes", [](auto& h) { h.slot_stride_bytes = 128; }, EBADMSG},
      {"slots_offset", [](auto& h) { h.slots_offset = 0; }, EBADMSG},
      {"slots_offset", [](auto& h) { h.slots_offset = UINT64_MAX; }, EBADMSG},
      {"slots_offset", [](auto& h) { h.slots_offset += 128; }, EBADMSG},
      {"element_bytes", [](auto& h) { h.element_bytes = 0; }, EBADMSG},
      {"element_bytes", [](auto& h) { h.element_bytes = UINT64_MAX; }, EBADMSG},
      {"belong together", [](auto& h) { h.element_bytes = 40; }, EBADMSG},
      {"element_align", [](auto& h) { h.element_align = 0; }, EBADMSG},
      {"element_align", [](auto& h) { h.element_align = 3; }, EBADMSG},
      {"element_align", [](auto& h) { h.element_align = 4096; }, EBADMSG},
      {"belong together", [](auto& h) { h.element_align = 4; }, EBADMSG},
      {"value_offset", [](auto& h) { h.value_offset = 0; }, EBADMSG},
      {"value_offset", [](auto& h) { h.value_offset = 0xffffff00; }, EBADMSG},
      {"belong together", [](auto& h) { h.type_hash ^= 1; }, EBADMSG},
      {"table_offset", [](auto& h) { h.table_offset = 0; }, EBADMSG},
      {"table_offset", [](auto& h) { h.table_offset = 0xfffffff8; }, EBADMSG},
      {"table_bytes", [](auto& h) { h.table_bytes = 0; }, EBADMSG},
      {"table_bytes", [](auto& h) { h.table_bytes = 0xfffffff8; }, EBADMSG},
      {"table", [](auto& h) { h.table_bytes -= 8; }, EBADMSG},
  };
  for (const Damage& damage : damages) {
    ChannelHeader edited = whole;
    damage.edit(edited);
    std::memcpy(memory.data(), &edited, sizeof edited);
    SCOPED_TRACE(damage.field);
    expect_error(Ring::open("ring", small_ring()), damage.code, {"ring", damage.field});
    const auto created = Ring::create("ring", 16, small_ring());
    EXPECT_FALSE(created);
    std::memcpy(memory.data(), &whole, sizeof whole);
  }
  ASSERT_EQ(whole.total_bytes, total);
  EXPECT_TRUE(Ring::open("ring", small_ring()));
}

// Whatever is in header and table: a clear refusal, or a ring that works on it. AddressSanitizer and the mapping's end
// are the judges.
TEST_F(ChannelAttach, RandomDamageNeverHurtsWhoAttaches)
{
  const std::uint64_t seed = test_seed();
  SCOPED_TRACE("RTLANE_TEST_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto ring = Ring::create("ring", 4, small_ring());
  ASSERT_TRUE(ring);
  auto memory = memory_of("ring");
  std::vector<std::byte> whole(memory.bytes().begin(), memory.bytes().end());
  int refused = 0;
  const int rounds = sanitized ? 500 : 3000;
  for (int round = 0; round < rounds; ++round) {
    for (std::uint64_t edits = 1 + random() % 3; edits > 0; --edits) {
      const std::size_t end = random() % 2 == 0 ? sizeof(ChannelHeader) : whole.size();
      const std::size_t at = random() % (end / 4) * 4;
      std::uint32_t value;
      std::memcpy(&value, &memory.bytes()[at], 4);
      switch (random() % 4) {
        case 0:
          value = static_cast<std::uint32_t>(random());
          break;
        case 1:
          value ^= 1u << random() % 32;
          break;
        case 2:
          value = 0xffffffff;
          break;
        default:
          value = static_cast<std::uint32_t>(random() % 256);
      }
      std::memcpy(&memory.bytes()[at], &value, 4);
    }
    rtlane_channel_spec any = RTLANE_CHANNEL_SPEC_INIT;
    const rtlane_shm_options options = small_ring().memory.to_c();
    rtlane_channel* opened = nullptr;
    if (rtlane_channel_open("ring", &any, &options, &opened) < 0) {
      EXPECT_STRNE(rtlane_error_message(), "");
      ++refused;
    } else {
      rtlane_channel_info info{};
      info.struct_size = sizeof info;
      EXPECT_EQ(rtlane_channel_get_info(opened, &info), 0);
      EXPECT_LE(info.depth, info.capacity);
      rtlane_channel_unref(opened);
    }
    if (const auto typed = Ring::open("ring", small_ring())) {
      auto producer = typed->producer();
      auto consumer = typed->consumer();
      ASSERT_TRUE(producer && consumer);
      Message got{};
      for (int i = 0; i < 10; ++i) {
        (void)producer->try_push(message(1, 1));
        (void)consumer->try_pop(got);
      }
    }
    std::memcpy(memory.data(), whole.data(), whole.size());
  }
  EXPECT_GT(refused, 0);
  EXPECT_LT(refused, rounds);
}

}  // namespace
