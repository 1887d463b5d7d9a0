// A world for tests that decide between any two shared accesses who goes on: an MPMC ring in either mode, two producers
// and two consumers, and notes of what they pushed and took.
#pragma once

#include <gtest/gtest.h>
#include <rtlane/channels/status.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "mpmc_memory.hpp"

namespace rtlane::test {

struct Schedule {
  static inline int access = 0;
  static inline std::map<int, std::function<void()>> at;  // runs before the access of that number

  static inline std::uint64_t steps = 0;  // of everybody

  static void step()
  {
    ++steps;
    if (at.empty())
      return;
    const int now = access++;
    if (const auto found = at.find(now); found != at.end()) {
      const auto run = std::move(found->second);
      at.erase(found);
      const auto rest = std::exchange(at, {});
      run();
      at = rest;
      access = now + 1;
    }
  }
  // Counts the accesses of `operation` while doing what `plan` says.
  static int run(std::map<int, std::function<void()>> plan, const std::function<void()>& operation)
  {
    plan[1 << 30] = [] {};  // never; keeps counting
    access = 0;
    at = std::move(plan);
    operation();
    at.clear();
    return access;
  }
};

class ScheduledWord {
public:
  std::uint64_t load(std::memory_order) const
  {
    Schedule::step();
    return word_;
  }
  void store(std::uint64_t value, std::memory_order)
  {
    Schedule::step();
    word_ = value;
  }
  bool compare_exchange_strong(std::uint64_t& expected, std::uint64_t value, std::memory_order, std::memory_order)
  {
    Schedule::step();
    if (word_ != expected) {
      expected = word_;
      return false;
    }
    word_ = value;
    return true;
  }
  std::uint64_t fetch_or(std::uint64_t bits, std::memory_order)
  {
    Schedule::step();
    return std::exchange(word_, word_ | bits);
  }

private:
  std::uint64_t word_ = 0;
};

struct alignas(128) Line {
  std::byte bytes[128];
};

inline constexpr std::uint32_t kParticipants = 8;

template <class Of>
struct World {
  using Memory = Of;
  struct Producing {
    typename Memory::Producer core;
    std::uint32_t entry = 0;
    std::uint64_t id = 0;
    std::uint64_t next = 0;
  };
  struct Consuming {
    typename Memory::Consumer core;
    std::uint32_t entry = 0;
    std::uint64_t id = 0;
  };
  struct Popped {
    std::uint64_t by;
    std::uint64_t value;
  };

  explicit World(std::uint64_t capacity)
      : bytes(Memory::bytes(capacity, kParticipants) / 128 + 1), memory(bytes.data()->bytes, capacity, kParticipants)
  {
    for (int i = 0; i < 2; ++i) {
      attach(producers[i]);
      attach(consumers[i]);
    }
  }
  std::uint64_t capacity() const { return memory.capacity(); }

  void attach(Producing& of)
  {
    const auto entry = memory.attach();
    ASSERT_LT(entry.index(), kParticipants);
    of = {typename Memory::Producer(entry), entry.index(), next_id++, 0};
  }
  void attach(Consuming& of)
  {
    const auto entry = memory.attach();
    ASSERT_LT(entry.index(), kParticipants);
    of = {typename Memory::Consumer(entry), entry.index(), next_id++};
  }

  Status push(Producing& by)
  {
    return count(most_push_steps, [&] { return push_uncounted(by); });
  }
  Status pop(Consuming& by)
  {
    return count(most_pop_steps, [&] { return pop_uncounted(by); });
  }

private:
  // A call that is itself interrupted is not counted, nor what interrupts it but by itself.
  template <class Call>
  Status count(std::uint64_t& most, Call call)
  {
    const std::uint64_t before = Schedule::steps;
    const bool alone = Schedule::at.empty();
    const Status status = call();
    if (alone) {
      most = std::max(most, Schedule::steps - before);
      busy += status == Status::busy ? 1 : 0;
    }
    return status;
  }
  Status push_uncounted(Producing& by)
  {
    const std::uint64_t value = by.id << 32 | by.next;
    std::byte* place = by.core.claim();
    if (place == nullptr)
      return by.core.last_status();
    std::memcpy(place, &value, 8);
    if (!publish(by.core))
      return by.core.last_status();
    pushed.push_back(value);
    ++by.next;
    return Status::ok;
  }
  Status pop_uncounted(Consuming& by)
  {
    std::uint64_t value = 0;
    if (!rtlane::test::pop(by.core, value))
      return by.core.last_status();
    popped.push_back({by.id, value});
    return Status::ok;
  }

public:
  std::vector<Line> bytes;
  Memory memory;
  Producing producers[2];  // [0] and consumers[0] are those that get killed
  Consuming consumers[2];
  std::uint64_t next_id = 0;
  std::vector<std::uint64_t> pushed;  // by calls that returned
  std::vector<Popped> popped;
  std::uint64_t busy = 0;  // answers to calls in which nobody else ran
  std::uint64_t most_push_steps = 0;
  std::uint64_t most_pop_steps = 0;
};

// Who or what was killed, to be forgiven.
struct Forgiven {
  std::set<std::uint64_t> may_come;  // pushed by a killed call
  int lost = 0;                      // taken by killed calls
};

template <class World>
void fill(World& world, std::uint64_t waiting)
{
  for (std::uint64_t i = 0; i < world.capacity(); ++i) {
    ASSERT_EQ(world.push(world.producers[i % 2]), Status::ok);
    ASSERT_EQ(world.pop(world.consumers[i % 2]), Status::ok);
  }
  for (std::uint64_t i = 0; i < waiting; ++i)
    ASSERT_EQ(world.push(world.producers[i % 2]), Status::ok);
}

template <class Call>
Status insist(Call call)
{
  Status status = Status::ok;
  for (int i = 0; i < 12; ++i) {
    status = call();
    if (status != Status::busy && status != Status::full)
      break;
  }
  return status;
}

// Producer and consumer go on to the end.
template <class World>
void expect_complete(World& world, typename World::Producing& producer, typename World::Consuming& consumer,
                     const Forgiven& forgiven)
{
  for (int lap = 0; lap < 3; ++lap) {
    Status status;
    while ((status = insist([&] { return world.pop(consumer); })) == Status::ok) {
    }
    ASSERT_EQ(status, Status::empty) << "after lap " << lap;
    if (lap == 2)
      break;
    for (std::uint64_t i = 0; i < world.capacity(); ++i)
      ASSERT_EQ(insist([&] { return world.push(producer); }), Status::ok) << "after " << i;
    ASSERT_EQ(world.push(producer), Status::full);
  }
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint64_t> last;  // by consumer and producer
  std::set<std::uint64_t> seen;
  const std::set<std::uint64_t> known(world.pushed.begin(), world.pushed.end());
  for (const auto& [by, value] : world.popped) {
    EXPECT_TRUE(seen.insert(value).second) << std::hex << value << " came twice";
    EXPECT_TRUE(known.count(value) != 0 || forgiven.may_come.count(value) != 0) << std::hex << value << " from nowhere";
    const auto [before, first] = last.emplace(std::pair(by, value >> 32), value);
    EXPECT_TRUE(first || before->second < value) << std::hex << value << " out of order";
    before->second = value;
  }
  int missing = 0;
  for (const std::uint64_t value : known)
    missing += seen.count(value) == 0 ? 1 : 0;
  EXPECT_LE(missing, forgiven.lost);
  if (World::Memory::isolated) {
    // Whoever was stopped or killed where: nobody hears busy of it, and these are the steps that mpmc_isolated_core.hpp
    // promises, participants are looked at in one pass for a slot and in two more for the dead.
    EXPECT_EQ(world.busy, 0u);
    EXPECT_LE(world.most_push_steps, 4 * kParticipants + 11);
    EXPECT_LE(world.most_pop_steps, 13u);
  }
}

// Runs `operation` on the world with `inside` before access `at`; then what a kill before access `kill` leaves. What
// the killed one has noted as pushed or popped after it was killed is taken back.
template <class World>
int run_and_kill(World& world, const std::function<void()>& operation, int at, const std::function<void()>& inside,
                 int kill, Forgiven& forgiven)
{
  std::vector<Line> left;
  std::size_t pushed = 0;
  std::size_t popped = 0;
  Leases leases;
  std::map<int, std::function<void()>> plan;
  const auto remember = [&] {
    left = world.bytes;
    pushed = world.pushed.size();
    popped = world.popped.size();
    leases = world.memory.leases();
  };
  if (inside)
    plan[at] = inside;
  if (kill >= 0)
    plan[kill] = at == kill && inside ? std::function<void()>([&] { inside(), remember(); }) : remember;
  const int accesses = Schedule::run(plan, operation);
  if (kill < 0)
    return accesses;
  if (left.empty())
    remember();  // killed after the last access
  for (std::size_t i = pushed; i < world.pushed.size(); ++i)
    forgiven.may_come.insert(world.pushed[i]);
  world.pushed.resize(pushed);
  forgiven.lost += 1;
  world.popped.erase(world.popped.begin() + static_cast<std::ptrdiff_t>(popped), world.popped.end());
  std::memcpy(static_cast<void*>(world.bytes.data()), left.data(), left.size() * sizeof(Line));
  world.memory.leases() = leases;
  return accesses;
}

}  // namespace rtlane::test
