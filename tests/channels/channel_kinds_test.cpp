// Set-up of every kind of channel: where things are, what may be wished for, what is refused and in which words.
#include <gtest/gtest.h>
#include <rtlane/channels/channel_header.hpp>
#include <rtlane/core/shared_memory.hpp>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "kinds_support.hpp"
#include "support/temp_namespace.hpp"
#include "support/watchdog.hpp"

namespace {

using namespace rtlane::test;
using rtlane::ChannelHeader;

struct Big {
  std::byte bytes[(1 << 16) + 8];
};
RTLANE_OPAQUE(Big);

class ChannelKinds : public ::testing::Test {
protected:
  static bool contains(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

  static void expect_refused(const Made& made, int code, const std::vector<std::string>& parts)
  {
    EXPECT_EQ(made.result, -code) << made.message;
    for (const std::string& part : parts)
      EXPECT_TRUE(contains(made.message, part)) << "'" << part << "' in: " << made.message;
  }

  const TempNamespace space_;
  const Watchdog watchdog_{100};
};

// The words of each kind, with article.
const std::map<std::uint32_t, std::string> in_words{{RTLANE_CHANNEL_SPSC_RING, "an SPSC ring"},
                                                    {RTLANE_CHANNEL_MPMC_RING, "an MPMC ring"},
                                                    {RTLANE_CHANNEL_SNAPSHOT, "a snapshot"},
                                                    {RTLANE_CHANNEL_PINNED_SNAPSHOT, "a pinned snapshot"},
                                                    {RTLANE_CHANNEL_BROADCAST, "a broadcast"},
                                                    {RTLANE_CHANNEL_FRAME_RING, "a frame ring"},
                                                    {RTLANE_CHANNEL_FRAME_BROADCAST, "a frame broadcast"}};

// The number of bytes that differ from zero, of a range of offsets.
std::size_t written(const rtlane_channel_layout& layout, std::uint64_t from, std::uint64_t to)
{
  const auto* bytes = static_cast<const std::byte*>(layout.base);
  return static_cast<std::size_t>(
      std::count_if(bytes + from, bytes + to, [](std::byte byte) { return byte != std::byte{0}; }));
}

void expect_sound(const rtlane_channel_layout& layout)
{
  EXPECT_EQ(layout.control_offset % 128, 0u);
  EXPECT_EQ(layout.control_bytes % 128, 0u);
  EXPECT_GT(layout.control_offset, rtlane::table_offset);
  EXPECT_EQ(layout.slots_offset, layout.control_offset + layout.control_bytes);
  EXPECT_EQ(layout.total_bytes, layout.slots_offset + layout.slot_count * layout.slot_stride_bytes);
  EXPECT_TRUE(std::has_single_bit(layout.capacity));
  if (!has_frames(layout.kind)) {
    EXPECT_GE(layout.slot_stride_bytes, layout.value_offset + layout.element_bytes);
  }
  // Zeroed memory is a valid channel.
  EXPECT_EQ(written(layout, 128, rtlane::table_offset), 0u);
  EXPECT_EQ(written(layout, layout.control_offset, layout.total_bytes), 0u);
}

TEST_F(ChannelKinds, AreMadeOpenedAndDescribed)
{
  for (const std::uint32_t kind : all_kinds) {
    const std::string name = rtlane_channel_kind_name(kind);
    SCOPED_TRACE(name);
    const Made made = create_channel(name.c_str(), spec_of(kind));
    ASSERT_EQ(made.result, 0) << made.message;
    const rtlane_channel_layout layout = made.layout();
    expect_sound(layout);
    EXPECT_EQ(layout.kind, kind);
    EXPECT_EQ(layout.created, 1u);
    EXPECT_EQ(layout.doorbell, static_cast<std::uint32_t>(RTLANE_DOORBELL_NEVER));

    for (const rtlane_channel_spec& spec : {spec_of(kind), any_channel()}) {
      const Made opened = open_channel(name.c_str(), spec);
      ASSERT_EQ(opened.result, 0) << opened.message;
      rtlane_channel_layout other = opened.layout();
      EXPECT_EQ(other.created, 0u);
      other.created = layout.created;
      other.base = layout.base;
      EXPECT_EQ(std::memcmp(&layout, &other, sizeof layout), 0);
    }
    EXPECT_EQ(create_channel(name.c_str(), spec_of(kind)).result, 1);

    const Made in_private = in_memory(spec_of(kind));
    ASSERT_EQ(in_private.result, 0) << in_private.message;
    rtlane_channel_layout other = in_private.layout();
    expect_sound(other);
    other.base = layout.base;
    EXPECT_EQ(std::memcmp(&layout, &other, sizeof layout), 0);
  }
  EXPECT_STREQ(rtlane_channel_kind_name(0), "?");
  EXPECT_STREQ(rtlane_channel_kind_name(8), "?");
}

TEST_F(ChannelKinds, HaveTheDefaultsThatAreDocumented)
{
  const auto layout_of = [](rtlane_channel_spec spec) {
    const Made made = in_memory(spec);
    EXPECT_EQ(made.result, 0) << made.message;
    return made.layout();
  };
  const auto spsc = layout_of(spec_of(RTLANE_CHANNEL_SPSC_RING));
  EXPECT_EQ(spsc.capacity, 8u);
  EXPECT_EQ(spsc.slot_count, 8u);
  EXPECT_EQ(spsc.control_bytes, 0u);
  EXPECT_EQ(spsc.participants, 0u);

  const auto mpmc = layout_of(spec_of(RTLANE_CHANNEL_MPMC_RING));
  EXPECT_EQ(mpmc.participants, 16u);
  EXPECT_EQ(mpmc.mode, static_cast<std::uint32_t>(RTLANE_MODE_SHARED));
  EXPECT_EQ(mpmc.quota, 0u);
  EXPECT_EQ(mpmc.slot_count, 8u);
  EXPECT_GE(mpmc.control_bytes, 128u * (2 + 16));

  rtlane_channel_spec spec = spec_of(RTLANE_CHANNEL_MPMC_RING);
  spec.mode = RTLANE_MODE_ISOLATED;
  spec.participants = 4;
  const auto isolated = layout_of(spec);
  EXPECT_EQ(isolated.quota, 8u / 4 + 4 + 1);
  EXPECT_EQ(isolated.slot_count, 4 * isolated.quota);
  EXPECT_GE(isolated.control_bytes, 128u * (2 + 4) + 8 * 8);

  spec = spec_of(RTLANE_CHANNEL_SNAPSHOT);
  spec.capacity = 0;
  EXPECT_EQ(layout_of(spec).capacity, 4u);

  const auto pinned = layout_of(spec_of(RTLANE_CHANNEL_PINNED_SNAPSHOT));
  EXPECT_EQ(pinned.capacity, 1u);
  EXPECT_EQ(pinned.participants, 8u);
  EXPECT_EQ(pinned.slot_count, 2u * 8 + 2);
  EXPECT_EQ(pinned.value_offset, 8u);
  EXPECT_GE(pinned.control_bytes, 128u * 8);

  const auto frames = layout_of(spec_of(RTLANE_CHANNEL_FRAME_RING));
  EXPECT_EQ(frames.capacity, 1024u);
  EXPECT_EQ(frames.slot_count, 1024u + 256);
  EXPECT_EQ(frames.slot_stride_bytes, 1u);
  EXPECT_EQ(frames.element_bytes, 1u);
  EXPECT_EQ(frames.frame_bytes_max, 1024u / 4);
  EXPECT_EQ(layout_of(spec_of(RTLANE_CHANNEL_FRAME_BROADCAST)).frame_bytes_max, 1024u / 8 - 16);
}

struct Wish {
  std::uint32_t kind;
  const char* says;
  std::function<void(rtlane_channel_spec&)> edit;
};

TEST_F(ChannelKinds, RefuseWishesOutOfRange)
{
  const std::vector<Wish> wishes{
      {8, "8 is no kind", [](auto&) {}},
      {RTLANE_CHANNEL_ANY, "without a kind", [](auto&) {}},
      {RTLANE_CHANNEL_SNAPSHOT, "reserved", [](auto& s) { s.reserved = 1; }},
      {RTLANE_CHANNEL_MPMC_RING, "without a type", [](auto& s) { s.type = nullptr; }},
      {RTLANE_CHANNEL_MPMC_RING, "capacity of 0", [](auto& s) { s.capacity = 0; }},
      {RTLANE_CHANNEL_MPMC_RING, "1 to 1048576", [](auto& s) { s.capacity = (1 << 20) + 1; }},
      {RTLANE_CHANNEL_MPMC_RING, "participants of 65", [](auto& s) { s.participants = 65; }},
      {RTLANE_CHANNEL_MPMC_RING, "mode of 3", [](auto& s) { s.mode = 3; }},
      {RTLANE_CHANNEL_MPMC_RING, "an MPMC ring has no quota", [](auto& s) { s.quota = 4; }},
      {RTLANE_CHANNEL_MPMC_RING, "quota of 25", [](auto& s) { s.mode = RTLANE_MODE_ISOLATED, s.quota = 8 + 16 + 1; }},
      {RTLANE_CHANNEL_MPMC_RING, "65536", [](auto& s) { s.type = &rtlane::type_of<Big>(); }},
      {RTLANE_CHANNEL_SNAPSHOT, "capacity of 1 elements for a snapshot", [](auto& s) { s.capacity = 1; }},
      {RTLANE_CHANNEL_SNAPSHOT, "a snapshot has no number of participants", [](auto& s) { s.participants = 1; }},
      {RTLANE_CHANNEL_PINNED_SNAPSHOT, "capacity of 2", [](auto& s) { s.capacity = 2; }},
      {RTLANE_CHANNEL_PINNED_SNAPSHOT, "participants of 32", [](auto& s) { s.participants = 32; }},
      {RTLANE_CHANNEL_BROADCAST, "a broadcast has no mode", [](auto& s) { s.mode = 1; }},
      {RTLANE_CHANNEL_BROADCAST, "capacity of 1", [](auto& s) { s.capacity = 1; }},
      {RTLANE_CHANNEL_BROADCAST, "doorbell of 3", [](auto& s) { s.doorbell = 3; }},
      {RTLANE_CHANNEL_BROADCAST, "stride of 40", [](auto& s) { s.slot_stride_bytes = 40; }},
      {RTLANE_CHANNEL_SPSC_RING, "an SPSC ring has no longest frame", [](auto& s) { s.frame_bytes_max = 8; }},
      {RTLANE_CHANNEL_FRAME_RING, "longest frame of 1017", [](auto& s) { s.frame_bytes_max = 1017; }},
      {RTLANE_CHANNEL_FRAME_RING, "128 to 4294967296", [](auto& s) { s.capacity = 127; }},
      {RTLANE_CHANNEL_FRAME_RING, "bytes for a frame ring", [](auto& s) { s.capacity = (std::uint64_t{1} << 32) + 1; }},
      {RTLANE_CHANNEL_FRAME_RING, "a frame ring has no slots", [](auto& s) { s.slot_stride_bytes = 8; }},
      {RTLANE_CHANNEL_FRAME_BROADCAST, "longest frame of 113", [](auto& s) { s.frame_bytes_max = 113; }},
  };
  for (const Wish& wish : wishes) {
    SCOPED_TRACE(wish.says);
    rtlane_channel_spec spec = spec_of(wish.kind);
    wish.edit(spec);
    expect_refused(in_memory(spec), EINVAL, {wish.says});
    expect_refused(create_channel("wish", spec), EINVAL, {wish.says});
  }
  EXPECT_EQ(open_channel("wish", any_channel()).result, -ENOENT);  // nothing was left behind
}

TEST_F(ChannelKinds, AreNamedInWordsWhenAnotherWasAskedFor)
{
  for (const std::uint32_t kind : all_kinds) {
    const Made made = create_channel(rtlane_channel_kind_name(kind), spec_of(kind));
    ASSERT_EQ(made.result, 0) << made.message;
    for (const std::uint32_t other : all_kinds) {
      if (other == kind)
        continue;
      const std::vector<std::string> sentence{" is " + in_words.at(kind) + ", " + in_words.at(other) +
                                              " was asked for"};
      expect_refused(open_channel(rtlane_channel_kind_name(kind), spec_of(other)), EPROTOTYPE, sentence);
      expect_refused(create_channel(rtlane_channel_kind_name(kind), spec_of(other)), EPROTOTYPE, sentence);
    }
  }
}

TEST_F(ChannelKinds, TakeAsFoundWhatWasLeftOpenAndRefuseTheRest)
{
  rtlane_channel_spec isolated = spec_of(RTLANE_CHANNEL_MPMC_RING);
  isolated.mode = RTLANE_MODE_ISOLATED;
  isolated.participants = 5;
  isolated.quota = 7;
  isolated.slot_stride_bytes = 192;
  isolated.doorbell = RTLANE_DOORBELL_NEVER;
  const Made ring = create_channel("ring", isolated);
  ASSERT_EQ(ring.result, 0) << ring.message;
  rtlane_channel_spec framed = spec_of(RTLANE_CHANNEL_FRAME_RING);
  framed.frame_bytes_max = 100;
  const Made frames = create_channel("frames", framed);
  ASSERT_EQ(frames.result, 0) << frames.message;

  EXPECT_EQ(open_channel("ring", isolated).result, 0);
  EXPECT_EQ(open_channel("ring", spec_of(RTLANE_CHANNEL_MPMC_RING)).result, 0);
  EXPECT_EQ(create_channel("ring", spec_of(RTLANE_CHANNEL_MPMC_RING)).result, 1);
  const rtlane_channel_layout layout = open_channel("ring", any_channel()).layout();
  EXPECT_EQ(layout.mode, static_cast<std::uint32_t>(RTLANE_MODE_ISOLATED));
  EXPECT_EQ(layout.participants, 5u);
  EXPECT_EQ(layout.quota, 7u);
  EXPECT_EQ(layout.slot_count, 35u);
  EXPECT_EQ(open_channel("frames", any_channel()).layout().frame_bytes_max, 100u);

  const std::vector<Wish> others{
      {RTLANE_CHANNEL_MPMC_RING, "capacity of 8 elements, 16", [](auto& s) { s.capacity = 9; }},
      {RTLANE_CHANNEL_MPMC_RING, "slot stride of 192 bytes, 128", [](auto& s) { s.slot_stride_bytes = 128; }},
      {RTLANE_CHANNEL_MPMC_RING, "number of participants of 5, 6", [](auto& s) { s.participants = 6; }},
      {RTLANE_CHANNEL_MPMC_RING, "mode of 2, 1", [](auto& s) { s.mode = RTLANE_MODE_SHARED; }},
      {RTLANE_CHANNEL_MPMC_RING, "quota of 7 slots, 8", [](auto& s) { s.mode = RTLANE_MODE_ISOLATED, s.quota = 8; }},
      {RTLANE_CHANNEL_FRAME_RING, "longest frame of 100 bytes, 99", [](auto& s) { s.frame_bytes_max = 99; }},
      {RTLANE_CHANNEL_FRAME_RING, "capacity of 1024 bytes, 2048", [](auto& s) { s.capacity = 2048; }},
      {RTLANE_CHANNEL_FRAME_RING, "doorbell of 1, 2", [](auto& s) { s.doorbell = 2; }},
  };
  for (const Wish& other : others) {
    SCOPED_TRACE(other.says);
    rtlane_channel_spec spec = spec_of(other.kind);
    other.edit(spec);
    expect_refused(open_channel(has_frames(other.kind) ? "frames" : "ring", spec), ERANGE, {other.says});
  }
}

TEST_F(ChannelKinds, FramesMayHaveATypeThatIsCompared)
{
  rtlane_channel_spec typed = spec_of(RTLANE_CHANNEL_FRAME_RING);
  typed.type = &rtlane::type_of<Message>();
  const Made frames = create_channel("frames", typed);
  ASSERT_EQ(frames.result, 0) << frames.message;
  EXPECT_EQ(frames.layout().element_bytes, sizeof(Message));
  EXPECT_EQ(create_channel("frames", spec_of(RTLANE_CHANNEL_FRAME_RING)).result, 1);  // any type
  typed.type = &rtlane::type_of<std::uint64_t>();
  expect_refused(open_channel("frames", typed), EPROTOTYPE, {"another type"});
}

// ---- damage

struct Damage {
  const char* field;
  std::function<void(ChannelHeader&)> edit;
};

TEST_F(ChannelKinds, DamageInAnyFieldOfTheHeaderIsNamed)
{
  rtlane_channel_spec isolated = spec_of(RTLANE_CHANNEL_MPMC_RING);
  isolated.mode = RTLANE_MODE_ISOLATED;
  const Made ring = create_channel("ring", isolated);
  const Made frames = create_channel("frames", spec_of(RTLANE_CHANNEL_FRAME_RING));
  const Made pinned = create_channel("pinned", spec_of(RTLANE_CHANNEL_PINNED_SNAPSHOT));
  ASSERT_EQ(ring.result + frames.result + pinned.result, 0);
  const auto damage = [&](const Made& made, const char* name, const std::vector<Damage>& damages) {
    void* memory = made.layout().base;
    ChannelHeader whole{};
    std::memcpy(&whole, memory, sizeof whole);
    for (const Damage& each : damages) {
      SCOPED_TRACE(std::string(name) + ": " + each.field);
      ChannelHeader edited = whole;
      each.edit(edited);
      std::memcpy(memory, &edited, sizeof edited);
      expect_refused(open_channel(name, any_channel()), EBADMSG, {name, std::string("says ") + each.field});
      std::memcpy(memory, &whole, sizeof whole);
    }
    EXPECT_EQ(open_channel(name, any_channel()).result, 0);
  };
  damage(ring, "ring",
         {{"participants", [](auto& h) { h.participants = 0; }},
          {"participants", [](auto& h) { h.participants = 65; }},
          {"slots_offset", [](auto& h) { h.participants -= 1; }},
          {"mode", [](auto& h) { h.mode = 0; }},
          {"mode", [](auto& h) { h.mode = 3; }},
          {"quota", [](auto& h) { h.mode = 1; }},
          {"quota", [](auto& h) { h.quota = 0; }},
          {"quota", [](auto& h) { h.quota = UINT64_MAX; }},
          {"total_bytes", [](auto& h) { h.quota -= 1; }},
          {"doorbell", [](auto& h) { h.doorbell = 0; }},
          {"doorbell", [](auto& h) { h.doorbell = 77; }},
          {"frame_bytes_max", [](auto& h) { h.frame_bytes_max = 1; }},
          {"start_position", [](auto& h) { h.start_position = UINT64_MAX; }},
          {"reserved", [](auto& h) { h.reserved = 1; }},
          {"reserved", [](auto& h) { h.reserved_bits = 1; }},
          {"element_bytes", [](auto& h) { h.element_bytes = 1 << 17; }},
          {"capacity", [](auto& h) { h.capacity = 1 << 21; }}});
  damage(frames, "frames",
         {{"frame_bytes_max", [](auto& h) { h.frame_bytes_max = 0; }},
          {"frame_bytes_max", [](auto& h) { h.frame_bytes_max = 1017; }},
          {"total_bytes", [](auto& h) { h.frame_bytes_max -= 8; }},
          {"frame_bytes_max", [](auto& h) { h.capacity /= 8; }},
          {"slot_stride_bytes", [](auto& h) { h.slot_stride_bytes = 8; }},
          {"participants", [](auto& h) { h.participants = 1; }},
          {"capacity", [](auto& h) { h.capacity = 64; }},
          {"value_offset", [](auto& h) { h.value_offset = 8; }},
          {"mode", [](auto& h) { h.mode = 1; }}});
  damage(pinned, "pinned",
         {{"participants", [](auto& h) { h.participants = 32; }},
          {"capacity", [](auto& h) { h.capacity = 2; }},
          {"value_offset", [](auto& h) { h.value_offset = 0; }}});
}

// Whatever is in the header: a clear refusal, or numbers that stay within the mapped bytes.
TEST_F(ChannelKinds, RandomDamageGivesARefusalOrASoundLayout)
{
  const std::uint64_t seed = test_seed();
  SCOPED_TRACE("RTLANE_TEST_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  int refused = 0;
  int opened = 0;
  for (const std::uint32_t kind : all_kinds) {
    const char* name = rtlane_channel_kind_name(kind);
    rtlane_channel_spec spec = spec_of(kind);
    spec.mode = kind == RTLANE_CHANNEL_MPMC_RING ? RTLANE_MODE_ISOLATED : 0;
    const Made made = create_channel(name, spec);
    ASSERT_EQ(made.result, 0) << made.message;
    auto* memory = static_cast<std::byte*>(made.layout().base);
    std::vector<std::byte> whole(memory, memory + sizeof(ChannelHeader));
    for (int round = 0; round < (sanitized ? 50 : 300); ++round) {
      for (std::uint64_t edits = 1 + random() % 2; edits > 0; --edits) {
        const std::size_t at = 12 + random() % ((sizeof(ChannelHeader) - 12) / 4) * 4;
        std::uint32_t value;
        std::memcpy(&value, memory + at, 4);
        value = random() % 2 == 0 ? value ^ 1u << random() % 32 : static_cast<std::uint32_t>(random() % 9);
        std::memcpy(memory + at, &value, 4);
      }
      const Made seen = open_channel(name, any_channel());
      if (seen.result < 0) {
        ++refused;
        EXPECT_NE(seen.message, "");
      } else {
        ++opened;
        const rtlane_channel_layout layout = seen.layout();
        EXPECT_LE(layout.total_bytes, made.layout().total_bytes);
        EXPECT_LE(layout.slots_offset + layout.slot_count * layout.slot_stride_bytes, layout.total_bytes);
        EXPECT_LE(layout.control_offset + layout.control_bytes, layout.slots_offset);
        EXPECT_EQ(seen.channel.info().kind, layout.kind);
      }
      std::memcpy(memory, whole.data(), whole.size());
    }
  }
  EXPECT_GT(refused, 0);
  EXPECT_GT(opened, 0);
}

}  // namespace
