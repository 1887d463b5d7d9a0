#include <gtest/gtest.h>
#include <sys/resource.h>
#include <rtlane/rt/preemption_witness.hpp>

#include <csignal>
#include <cstdlib>
#include <string_view>
#include <thread>

#include "support/shared_page.hpp"

namespace rtlane::rt {
namespace {

#define RTLANE_NEED_TRAP                   \
  if (!PreemptionWitness().is_available()) \
  GTEST_SKIP() << "the C library did not register rseq for its threads"

long switches()
{
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nvcsw + usage.ru_nivcsw;
}

TEST(PreemptionWitness, TripsWhenTheThreadIsSwitchedAwayAndStaysSoUntilItIsArmedAgain)
{
  RTLANE_NEED_TRAP;
  PreemptionWitness witness;
  EXPECT_FALSE(witness.tripped()) << "before it was armed";
  int switched = 0;
  for (int i = 0; i < 100; ++i) {
    witness.arm();
    const long before = switches();
    test::sleep_us(200);
    // A host that holds up the CPU for so long makes a sleep end before it began.
    if (switches() == before)
      continue;
    ++switched;
    EXPECT_TRUE(witness.tripped());
    EXPECT_TRUE(witness.tripped());
  }
  EXPECT_GE(switched, 50);
}

// The other way: as long as it did not trip there was no switch; and it does not trip all the time.
TEST(PreemptionWitness, DoesNotTripWithoutAReason)
{
  RTLANE_NEED_TRAP;
  PreemptionWitness witness;
  int quiet = 0;
  for (int i = 0; i < 1000; ++i) {
    witness.arm();
    const long before = switches();
    const long after = switches();
    if (!witness.tripped()) {
      ++quiet;
      EXPECT_EQ(after, before);
    }
  }
  EXPECT_GE(quiet, 500);
}

TEST(PreemptionWitness, ASignalTripsItAndHarmsNobody)
{
  RTLANE_NEED_TRAP;
  struct sigaction before = {};
  struct sigaction action = {};
  action.sa_handler = [](int) {};
  sigaction(SIGUSR1, &action, &before);
  PreemptionWitness witness;
  witness.arm();
  raise(SIGUSR1);
  EXPECT_TRUE(witness.tripped());
  sigaction(SIGUSR1, &before, nullptr);
}

TEST(PreemptionWitness, EachThreadHasItsOwn)
{
  RTLANE_NEED_TRAP;
  std::thread([] {
    PreemptionWitness witness;
    witness.arm();
    std::thread([] {
      PreemptionWitness other;
      other.arm();
      test::sleep_us(20'000);
      EXPECT_TRUE(other.tripped());
    }).join();
    EXPECT_TRUE(witness.tripped()) << "join() slept";
    witness.arm();
    witness.disarm();
    EXPECT_FALSE(witness.tripped());
  }).join();
}

// Nothing of it is left in the thread: the next one finds the word free.
TEST(PreemptionWitness, IsDisarmedAtItsEnd)
{
  RTLANE_NEED_TRAP;
  {
    PreemptionWitness witness;
    witness.arm();
  }
  const PreemptionWitness next;
  EXPECT_FALSE(next.tripped()) << "the word still holds the trap of the one before";
}

TEST(PreemptionWitness, SaysWhenItIsNotThereAndNeverTripsThen)
{
  const char* const tunables = std::getenv("GLIBC_TUNABLES");
  PreemptionWitness witness;
  if (tunables != nullptr && std::string_view(tunables).find("pthread.rseq=0") != std::string_view::npos) {
    EXPECT_FALSE(witness.is_available());
  }
  if (witness.is_available())
    GTEST_SKIP() << "it is there; GapMeter.NamesTheSameWithoutTheTrap runs this without it";
  witness.arm();
  test::sleep_us(1000);
  EXPECT_FALSE(witness.tripped());
  witness.disarm();
}

}  // namespace
}  // namespace rtlane::rt
