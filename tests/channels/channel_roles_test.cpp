// Who can be what in which kind of channel, and the numbered participants.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "kinds_support.hpp"
#include "support/child.hpp"
#include "support/temp_namespace.hpp"
#include "support/watchdog.hpp"

namespace {

using namespace rtlane::test;
using rtlane::ChannelRef;
using rtlane::Role;

class ChannelRoles : public ::testing::Test {
protected:
  const TempNamespace space_;
  const Watchdog watchdog_{100};
};

struct Roles {
  std::uint32_t kind;
  const char* first;
  const char* second;
  const char* participant;
  std::uint32_t participants;
};

constexpr Roles roles_of_kinds[] = {
    {RTLANE_CHANNEL_SPSC_RING, "producer", "consumer", nullptr, 0},
    {RTLANE_CHANNEL_MPMC_RING, nullptr, nullptr, "participant", 16},
    {RTLANE_CHANNEL_SNAPSHOT, "writer", nullptr, nullptr, 0},
    {RTLANE_CHANNEL_PINNED_SNAPSHOT, "writer", nullptr, "reader", 8},
    {RTLANE_CHANNEL_BROADCAST, "writer", nullptr, nullptr, 0},
    {RTLANE_CHANNEL_FRAME_RING, "producer", "consumer", nullptr, 0},
    {RTLANE_CHANNEL_FRAME_BROADCAST, "writer", nullptr, nullptr, 0},
};

void expect_role(const ChannelRef& channel, std::uint32_t index, const char* name)
{
  SCOPED_TRACE("role " + std::to_string(index));
  auto role = Role::acquire(channel, index);
  if (name == nullptr) {
    ASSERT_FALSE(role);
    EXPECT_EQ(role.error().code, EINVAL);
    EXPECT_NE(role.error().message.find("there is no role number " + std::to_string(index)), std::string::npos);
    EXPECT_EQ(rtlane_role_held(channel.get(), index), -EINVAL);
    return;
  }
  ASSERT_TRUE(role) << role.error().message;
  EXPECT_EQ(role->index(), index);
  EXPECT_EQ(rtlane_role_held(channel.get(), index), 1);
  const auto second = Role::acquire(channel, index);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, EBUSY);
  EXPECT_NE(second.error().message.find(std::string("a living ") + name), std::string::npos) << second.error().message;
  *role = Role();
  EXPECT_EQ(rtlane_role_held(channel.get(), index), 0);
}

TEST_F(ChannelRoles, EachKindHasItsOwn)
{
  for (const Roles& roles : roles_of_kinds) {
    SCOPED_TRACE(rtlane_channel_kind_name(roles.kind));
    const auto expect_name = [&](std::uint32_t index, const char* name) {
      EXPECT_STREQ(rtlane_channel_role_name(roles.kind, index), name) << index;
    };
    expect_name(RTLANE_ROLE_PRODUCER, roles.first);
    expect_name(RTLANE_ROLE_CONSUMER, roles.second);
    expect_name(RTLANE_ROLE_INITIALIZER, nullptr);
    expect_name(15, nullptr);
    expect_name(RTLANE_ROLE_PARTICIPANT, roles.participant);
    expect_name(RTLANE_ROLE_PARTICIPANT + RTLANE_PARTICIPANTS_MAX - 1, roles.participant);
    expect_name(RTLANE_ROLE_PARTICIPANT + RTLANE_PARTICIPANTS_MAX, nullptr);
    expect_name(UINT32_MAX, nullptr);

    const std::uint32_t after = RTLANE_ROLE_PARTICIPANT + roles.participants;
    for (const Made& made :
         {create_channel(rtlane_channel_kind_name(roles.kind), spec_of(roles.kind)), in_memory(spec_of(roles.kind))}) {
      ASSERT_EQ(made.result, 0) << made.message;
      expect_role(made.channel, RTLANE_ROLE_PRODUCER, roles.first);
      expect_role(made.channel, RTLANE_ROLE_CONSUMER, roles.second);
      expect_role(made.channel, RTLANE_ROLE_INITIALIZER, nullptr);
      expect_role(made.channel, RTLANE_ROLE_PARTICIPANT, roles.participant);
      if (roles.participants != 0)
        expect_role(made.channel, after - 1, roles.participant);
      expect_role(made.channel, after, nullptr);
      expect_role(made.channel, UINT32_MAX, nullptr);
    }
  }
  EXPECT_EQ(rtlane_channel_role_name(0, 0), nullptr);
  EXPECT_EQ(rtlane_role_index(nullptr), UINT32_MAX);
}

Made ring_of(std::uint32_t participants, bool named)
{
  rtlane_channel_spec spec = spec_of(RTLANE_CHANNEL_MPMC_RING);
  spec.participants = participants;
  return named ? create_channel("ring", spec) : in_memory(spec);
}

TEST_F(ChannelRoles, TheLowestFreeParticipantIsTaken)
{
  for (const bool named : {true, false}) {
    const Made ring = ring_of(3, named);
    ASSERT_EQ(ring.result, 0) << ring.message;
    const auto any = [&] { return Role::acquire_any(ring.channel, RTLANE_ROLE_PARTICIPANT, 3); };
    std::vector<Role> roles;
    for (std::uint32_t i = 0; i < 3; ++i) {
      auto role = any();
      ASSERT_TRUE(role) << role.error().message;
      EXPECT_EQ(role->index(), RTLANE_ROLE_PARTICIPANT + i);
      EXPECT_TRUE(role->mine());
      roles.push_back(std::move(*role));
    }
    const auto fourth = any();
    ASSERT_FALSE(fourth);
    EXPECT_EQ(fourth.error().code, EBUSY);
    EXPECT_NE(fourth.error().message.find("all 3 places are taken by living participants"), std::string::npos)
        << fourth.error().message;
    roles[1] = Role();
    EXPECT_EQ(any()->index(), RTLANE_ROLE_PARTICIPANT + 1u);
    for (const auto& [first, count] :
         {std::pair{16u, 4u}, {16u, 0u}, {17u, UINT32_MAX}, {0u, 1u}, {2u, 15u}, {UINT32_MAX, 2u}}) {
      const auto refused = Role::acquire_any(ring.channel, first, count);
      ASSERT_FALSE(refused);
      EXPECT_EQ(refused.error().code, EINVAL) << refused.error().message;
    }
  }
}

// Without the kernel's word two threads would think that they are the same participant.
TEST_F(ChannelRoles, WhoRacesForAPlaceGetsOneOfItsOwn)
{
  constexpr std::uint32_t count = 8;
  for (const bool named : {true, false}) {
    const Made ring = ring_of(count, named);
    ASSERT_EQ(ring.result, 0) << ring.message;
    std::atomic<int> holders[count] = {};
    std::atomic<std::uint64_t> had{0};
    std::atomic<bool> twice{false};
    std::vector<std::thread> threads;
    for (std::uint32_t thread = 0; thread < 4; ++thread)
      threads.emplace_back([&] {
        for (int i = 0; i < (sanitized ? 50 : 200); ++i) {
          const auto role = Role::acquire_any(ring.channel, RTLANE_ROLE_PARTICIPANT, count);
          if (!role)
            continue;  // not seen: there are more places than threads
          ++had;
          std::atomic<int>& mine = holders[role->index() - RTLANE_ROLE_PARTICIPANT];
          if (mine.fetch_add(1) != 0)
            twice = true;
          std::this_thread::yield();
          mine.fetch_sub(1);
        }
      });
    for (std::thread& thread : threads)
      thread.join();
    EXPECT_FALSE(twice);
    EXPECT_GE(had, 100u);
  }
}

TEST_F(ChannelRoles, AKilledParticipantsPlaceIsFreeAndAStoppedOnesIsNot)
{
  const Made ring = ring_of(2, true);
  ASSERT_EQ(ring.result, 0) << ring.message;
  const auto first = Role::acquire_any(ring.channel, RTLANE_ROLE_PARTICIPANT, 2);
  ASSERT_TRUE(first);
  Child child = Child::start([] {
    const Made mine = open_channel("ring", spec_of(RTLANE_CHANNEL_MPMC_RING));
    const auto role = Role::acquire_any(mine.channel, RTLANE_ROLE_PARTICIPANT, 2);
    if (!role || role->index() != RTLANE_ROLE_PARTICIPANT + 1)
      _exit(3);
    raise(SIGSTOP);
    _exit(4);
  });
  ASSERT_TRUE(child.wait_stopped());
  EXPECT_EQ(rtlane_role_held(ring.channel.get(), RTLANE_ROLE_PARTICIPANT + 1), 1);
  EXPECT_EQ(Role::acquire_any(ring.channel, RTLANE_ROLE_PARTICIPANT, 2).error().code, EBUSY);
  child.kill_now();
  const auto successor = Role::acquire_any(ring.channel, RTLANE_ROLE_PARTICIPANT, 2);
  ASSERT_TRUE(successor) << successor.error().message;
  EXPECT_EQ(successor->index(), RTLANE_ROLE_PARTICIPANT + 1u);
}

}  // namespace
