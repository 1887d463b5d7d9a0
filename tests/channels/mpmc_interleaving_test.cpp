// Every interleaving of an operation with a whole operation of somebody else, and a kill at every shared access of it.
//
// At each shared access of the one the other runs; at each later one the memory is copied. Putting the copy back is
// what a kill there leaves behind. Single-threaded, so it is exhaustive and repeatable. Then the survivors go on:
// everything must be there, once and in order, but for what the killed one had in its hands; and the whole capacity.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "mpmc_isolated_memory.hpp"
#include "mpmc_world.hpp"

namespace {

using namespace rtlane::test;
using rtlane::Status;

template <class Memory>
struct Operation {
  const char* name;
  std::function<void(World<Memory>&)> run;
};

template <class Memory>
class MpmcInterleaving : public ::testing::Test {
protected:
  // A stuck participant is asked about in the second call, so operations that meet one call twice.
  static std::vector<Operation<Memory>> victims()
  {
    return {
        {"push", [](World<Memory>& w) { w.push(w.producers[0]); }},
        {"pop", [](World<Memory>& w) { w.pop(w.consumers[0]); }},
        {"push twice", [](World<Memory>& w) { w.push(w.producers[0]), w.push(w.producers[0]); }},
        {"pop twice", [](World<Memory>& w) { w.pop(w.consumers[0]), w.pop(w.consumers[0]); }},
        {"detach a producer with a claim",
         [](World<Memory>& w) {
           (void)w.producers[0].core.claim();
           w.producers[0].core.detach();
         }},
        {"detach a consumer with an element",
         [](World<Memory>& w) {
           (void)w.consumers[0].core.take();
           w.consumers[0].core.detach();
         }},
        {"attach a producer and push",
         [](World<Memory>& w) {
           w.memory.let_go(w.producers[0].entry);
           w.attach(w.producers[0]);
           w.push(w.producers[0]);
         }},
        {"attach a consumer and pop",
         [](World<Memory>& w) {
           w.memory.let_go(w.consumers[0].entry);
           w.attach(w.consumers[0]);
           w.pop(w.consumers[0]);
         }},
    };
  }

  static std::vector<Operation<Memory>> others()
  {
    return {
        {"nothing", [](World<Memory>&) {}},
        {"push", [](World<Memory>& w) { w.push(w.producers[1]); }},
        {"pop", [](World<Memory>& w) { w.pop(w.consumers[1]); }},
        {"pops, and asks who is in the way",
         [](World<Memory>& w) {
           for (int i = 0; i < 3; ++i)
             w.pop(w.consumers[1]);
         }},
        {"push and pop", [](World<Memory>& w) { w.push(w.producers[1]), w.pop(w.consumers[1]); }},
        {"pops twice and pushes until full",
         [](World<Memory>& w) {
           w.pop(w.consumers[1]), w.pop(w.consumers[1]);
           while (w.push(w.producers[1]) == Status::ok) {
           }
         }},
        {"a producer takes a ticket and is killed",
         [](World<Memory>& w) {
           typename World<Memory>::Producing killed;
           w.attach(killed);
           (void)killed.core.claim();
           w.memory.let_go(killed.entry);
         }},
        {"a producer comes and pushes",
         [](World<Memory>& w) {
           typename World<Memory>::Producing made;
           w.attach(made);
           w.push(made);
           made.core.detach();
           w.memory.let_go(made.entry);
         }},
    };
  }

  // What the ring is like before; somebody else may have been killed in it.
  static std::vector<Operation<Memory>> preludes()
  {
    return {
        {"as it is", [](World<Memory>&) {}},
        {"a producer was killed just before it took the place that it was to take",
         [](World<Memory>& w) {
           typename World<Memory>::Producing killed;
           w.attach(killed);
           const auto& view = w.memory.view();
           if constexpr (Memory::isolated)
             Memory::View::word_of(killed.core.claim() - view.value_offset)
                 .store(rtlane::detail::isolated_ready(view.tail->tail.load({})), {});
           else
             view.participants[killed.entry].pushing.store(view.tail->tail.load({}) | rtlane::detail::mpmc_engaged, {});
           w.memory.let_go(killed.entry);
         }},
        {"a killed producer's claim",
         [](World<Memory>& w) {
           typename World<Memory>::Producing killed;
           w.attach(killed);
           (void)killed.core.claim();
           w.memory.let_go(killed.entry);
         }},
        {"an element in a killed consumer's hand",
         [](World<Memory>& w) {
           typename World<Memory>::Consuming killed;
           w.attach(killed);
           const std::byte* place = killed.core.take();
           if (place != nullptr) {
             std::uint64_t value = 0;
             std::memcpy(&value, place, 8);
             w.popped.push_back({killed.id, value});  // known to be gone
           }
           w.memory.let_go(killed.entry);
         }},
    };
  }

  template <class Body>
  static void in_every_state(Body body)
  {
    for (const std::uint64_t capacity : {1, 2, 4}) {
      for (const std::uint64_t waiting : std::set<std::uint64_t>{0, 1, capacity - 1, capacity}) {
        for (const Operation<Memory>& prelude : preludes()) {
          SCOPED_TRACE("capacity " + std::to_string(capacity) + ", waiting " + std::to_string(waiting) + ", " +
                       prelude.name);
          body(
              [&](World<Memory>& world) {
                fill(world, waiting);
                prelude.run(world);
              },
              capacity);
          if (::testing::Test::HasFailure())
            return;
        }
      }
    }
  }
};

using Modes = ::testing::Types<MpmcMemory<ScheduledWord>, IsolatedMemory<ScheduledWord>>;
struct ModeNames {
  template <class Memory>
  static std::string GetName(int)
  {
    return Memory::isolated ? "Isolated" : "Shared";
  }
};
TYPED_TEST_SUITE(MpmcInterleaving, Modes, ModeNames);

TYPED_TEST(MpmcInterleaving, AnyOperationWithinAnyOther)
{
  TestFixture::in_every_state([](const auto& prepare, std::uint64_t capacity) {
    for (const Operation<TypeParam>& outer : TestFixture::victims()) {
      for (const Operation<TypeParam>& inner : TestFixture::others()) {
        int accesses = 1;
        for (int at = 0; at < accesses; ++at) {
          SCOPED_TRACE(std::string(outer.name) + " with " + inner.name + " at access " + std::to_string(at));
          World<TypeParam> world(capacity);
          prepare(world);
          Forgiven forgiven;
          accesses = run_and_kill(
              world, [&] { outer.run(world); }, at, [&] { inner.run(world); }, -1, forgiven);
          // What a detached one gave up or had taken, or a consumer's element that was taken and dropped.
          forgiven.lost = std::string(outer.name).find("with an element") != std::string::npos ? 1 : 0;
          expect_complete(world, world.producers[1], world.consumers[1], forgiven);
          if (::testing::Test::HasFailure())
            return;
        }
      }
    }
  });
}

TYPED_TEST(MpmcInterleaving, AKillAtEveryAccessWithAnotherOperationBefore)
{
  const int most = 64;  // pairs; later accesses are further looks at the same
  std::uint64_t kills = 0;
  TestFixture::in_every_state([&](const auto& prepare, std::uint64_t capacity) {
    for (const Operation<TypeParam>& outer : TestFixture::victims()) {
      const bool consumes = std::string(outer.name).find("pop") != std::string::npos ||
                            std::string(outer.name).find("element") != std::string::npos;
      for (const Operation<TypeParam>& inner : TestFixture::others()) {
        int accesses = 1;
        for (int at = 0; at < accesses && at < most; ++at) {
          for (int kill = at; kill <= accesses && kill <= at + 2 * most; ++kill) {
            SCOPED_TRACE(std::string(outer.name) + " killed at access " + std::to_string(kill) + " after " +
                         inner.name + " at " + std::to_string(at));
            World<TypeParam> world(capacity);
            prepare(world);
            Forgiven forgiven;
            const std::uint64_t next = world.producers[0].id << 32 | world.producers[0].next;
            accesses = run_and_kill(
                world, [&] { outer.run(world); }, at, [&] { inner.run(world); }, kill, forgiven);
            // A call may be killed after its last access and before it returns.
            forgiven.may_come.insert({next, next + 1});
            if (!consumes)
              forgiven.lost = 0;
            world.memory.let_go(world.producers[0].entry);
            world.memory.let_go(world.consumers[0].entry);
            expect_complete(world, world.producers[1], world.consumers[1], forgiven);
            ++kills;
            if (::testing::Test::HasFailure())
              return;
          }
        }
      }
    }
  });
  std::printf("%lu kills\n", kills);
}

// The survivor that repairs is killed in turn; newcomers, who may get the entries of both, go on.
TYPED_TEST(MpmcInterleaving, ASecondKillWhileItIsRepaired)
{
  std::uint64_t kills = 0;
  const std::vector<Operation<TypeParam>> menders{
      {"pops",
       [](World<TypeParam>& w) {
         for (int i = 0; i < 3; ++i)
           w.pop(w.consumers[1]);
       }},
      {"pushes",
       [](World<TypeParam>& w) {
         for (int i = 0; i < 3; ++i)
           w.push(w.producers[1]);
       }},
      {"a producer comes",
       [](World<TypeParam>& w) {
         typename World<TypeParam>::Producing made;
         w.attach(made);
         w.push(made);
         w.memory.let_go(made.entry);
       }},
      {"a consumer comes",
       [](World<TypeParam>& w) {
         typename World<TypeParam>::Consuming made;
         w.attach(made);
         w.pop(made);
         w.memory.let_go(made.entry);
       }},
  };
  TestFixture::in_every_state([&](const auto& prepare, std::uint64_t capacity) {
    for (const Operation<TypeParam>& first : {TestFixture::victims()[0], TestFixture::victims()[1]}) {
      for (const Operation<TypeParam>& second : menders) {
        int first_accesses = 1;
        for (int one = 0; one <= first_accesses; ++one) {
          int second_accesses = 1;
          for (int two = 0; two <= second_accesses; ++two) {
            SCOPED_TRACE(std::string(first.name) + " killed at access " + std::to_string(one) + ", then " +
                         second.name + " killed at " + std::to_string(two));
            World<TypeParam> world(capacity);
            prepare(world);
            Forgiven forgiven;
            std::set<std::uint64_t> next;
            for (const auto& producer : world.producers) {
              for (std::uint64_t i = 0; i < 4; ++i)
                next.insert(producer.id << 32 | (producer.next + i));
            }
            first_accesses = run_and_kill(
                world, [&] { first.run(world); }, 0, nullptr, one, forgiven);
            world.memory.let_go(world.producers[0].entry);
            world.memory.let_go(world.consumers[0].entry);
            const std::uint64_t newcomer = world.next_id;
            second_accesses = run_and_kill(
                world, [&] { second.run(world); }, 0, nullptr, two, forgiven);
            for (std::uint32_t i = 0; i < kParticipants; ++i)
              world.memory.let_go(i);
            forgiven.may_come.insert(next.begin(), next.end());
            forgiven.may_come.insert(newcomer << 32);
            forgiven.lost = 2;
            typename World<TypeParam>::Producing producer;
            typename World<TypeParam>::Producing another;  // the last pushes cannot have been the only entry's
            typename World<TypeParam>::Consuming consumer;
            world.attach(producer);
            world.attach(another);
            world.attach(consumer);
            expect_complete(world, producer, consumer, forgiven);
            ++kills;
            if (::testing::Test::HasFailure())
              return;
          }
        }
      }
    }
  });
  std::printf("%lu double kills\n", kills);
}

}  // namespace
