// The ladder of examples, run as its README says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rtlane/channels/spsc_ring.hpp>
#include <rtlane/core/mutex.hpp>
#include <rtlane/core/semaphore.hpp>

#include <cstdio>
#include <cstring>

#include "../../examples/03_spsc_ring/temperature.hpp"
#include "rt/tool.hpp"
#include "support/shared_page.hpp"
#include "support/shm.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

using testing::HasSubstr;

Tool start_example(const std::string& name, const std::vector<std::string>& arguments = {},
                   const std::function<bool()>& prepare = {})
{
  return Tool::start(arguments, std::string(RTLANE_EXAMPLES) + "/example_" + name, prepare);
}

Outcome run_example(const std::string& name, const std::vector<std::string>& arguments = {})
{
  return start_example(name, arguments).wait();
}

TEST(Examples, CountersOfBothLanguagesMeetInOneObject)
{
  Watchdog watchdog(60);
  TempNamespace space;
  {
    // Held here, so that the counter lives however far apart the runs are.
    const Shm held = Shm::create("examples/counter", 16);
    ASSERT_EQ(held.result, 0) << rtlane_error_message();
    std::vector<Tool> runs;
    runs.reserve(3);
    for (int i = 0; i < 3; ++i)
      runs.push_back(start_example("counter"));
    std::vector<std::string> numbers;
    numbers.reserve(3);
    for (Tool& run : runs) {
      const Outcome outcome = run.wait();
      EXPECT_EQ(outcome.status, 0) << outcome.err;
      numbers.push_back(outcome.out.substr(0, outcome.out.find('\n')));
    }
    EXPECT_THAT(numbers, testing::UnorderedElementsAre("run 1 joined the counter", "run 2 joined the counter",
                                                       "run 3 joined the counter"));
    EXPECT_EQ(run_example("counter_c").out, "run 4 joined the counter: 60 steps so far\n");
  }
  EXPECT_EQ(run_example("counter").out, "run 1 created the counter\nrun 1 sees 20 steps of all\n");
  EXPECT_EQ(run_example("counter_c").out, "run 1 created the counter: 0 steps so far\n");
  EXPECT_TRUE(object_files(space.path()).empty());
}

TEST(Examples, TheMailboxHoldsItsNumberUntilItsMakerEnds)
{
  Watchdog watchdog(60);
  TempNamespace space;
  int keyboard[2];
  ASSERT_EQ(pipe2(keyboard, O_CLOEXEC), 0);
  Tool put = start_example("mailbox", {"put", "42"}, [&] { return dup2(keyboard[0], STDIN_FILENO) == STDIN_FILENO; });
  ASSERT_TRUE(eventually([&] { return put.out().find("put 42\n") != std::string::npos; }));
  EXPECT_EQ(put.out(), "a new mailbox\nput 42\n");
  EXPECT_EQ(run_example("mailbox", {"get"}).out, "got 42\n");
  ASSERT_EQ(write(keyboard[1], "\n", 1), 1);
  EXPECT_EQ(put.wait().status, 0);
  const Outcome gone = run_example("mailbox", {"get"});
  EXPECT_EQ(gone.status, 1);
  EXPECT_EQ(gone.out, "no mailbox, error 2\n");
  EXPECT_EQ(run_example("mailbox").status, 2);
  close(keyboard[0]);
  close(keyboard[1]);
}

TEST(Examples, EveryTemperatureArrivesAlsoWhenTheSensorIsKilledAndStartedAgain)
{
  Watchdog watchdog(60);
  TempNamespace space;
  Tool logger = start_example("temperature_logger");
  Tool first = start_example("temperature_sensor", {"100000"});
  ASSERT_TRUE(eventually([] {
    auto ring = SpscRing<Temperature>::open("examples/temperature");
    return ring && ring->info().consumed >= 50;
  }));
  first.signal(SIGKILL);
  EXPECT_EQ(first.wait().status, -SIGKILL);
  const Outcome second = run_example("temperature_sensor", {"50"});
  EXPECT_EQ(second.status, 0) << second.err;
  const Outcome logged = logger.wait();
  EXPECT_EQ(logged.status, 0) << logged.err;
  EXPECT_THAT(logged.out, HasSubstr("another sensor took over at number 1\n"));
  EXPECT_THAT(logged.out, HasSubstr(", the last is number 50 with "));
  EXPECT_TRUE(object_files(space.path()).empty());
}

constexpr const char* letters_abandoned = "another process ended while it had the mailbox\n";

// Two readers and a writer of `count` letters: every letter was read, and by one of them. Returns all that they said.
std::string write_and_read_letters(int count)
{
  // Held here, so that the writer finds both readers waiting.
  auto full = Semaphore::create("examples.letters.full", 0, 8);
  EXPECT_TRUE(full) << full.error().message;
  std::vector<Tool> readers;
  readers.reserve(2);
  for (int i = 0; i < 2; ++i)
    readers.push_back(start_example("letters", {"read"}));
  EXPECT_TRUE(eventually([&] { return full->state_estimate().waiters == 2; }));
  const Outcome writer = run_example("letters", {"write", std::to_string(count)});
  EXPECT_EQ(writer.status, 0) << writer.out;
  EXPECT_THAT(writer.out, testing::EndsWith("wrote " + std::to_string(count) + " letters\n"));
  std::string said = writer.out;
  int letters = 0;
  long sum = 0;
  for (Tool& reader : readers) {
    const Outcome outcome = reader.wait();
    EXPECT_EQ(outcome.status, 0) << outcome.out;
    said += outcome.out;
    const std::size_t last = outcome.out.rfind("read ");
    int own_letters = 0;
    long own_sum = 0;
    EXPECT_NE(last, std::string::npos) << outcome.out;
    EXPECT_EQ(std::sscanf(outcome.out.c_str() + (last == std::string::npos ? 0 : last),
                          "read %d letters, the sum of their numbers is %ld\n", &own_letters, &own_sum),
              2)
        << outcome.out;
    letters += own_letters;
    sum += own_sum;
  }
  EXPECT_EQ(letters, count);
  EXPECT_EQ(sum, long{count} * (count + 1) / 2);
  return said;
}

TEST(Examples, EveryLetterIsReadOnceByTheReadersOfAnotherProcess)
{
  Watchdog watchdog(60);
  TempNamespace space;
  EXPECT_THAT(write_and_read_letters(1000), testing::Not(HasSubstr(letters_abandoned)));
  EXPECT_TRUE(object_files(space.path()).empty());
  EXPECT_EQ(run_example("letters").status, 2);
}

TEST(Examples, LettersGoOnAfterAnOwnerOfTheirMutexWasKilled)
{
  Watchdog watchdog(60);
  TempNamespace space;
  auto guard = Mutex::create("examples.letters.guard");
  ASSERT_TRUE(guard) << guard.error().message;
  Child owner = Child::start([&] {
    guard->lock();
    raise(SIGKILL);
  });
  ASSERT_EQ(owner.wait(), -SIGKILL);
  const std::string said = write_and_read_letters(20);
  const std::size_t first = said.find(letters_abandoned);
  ASSERT_NE(first, std::string::npos) << said;
  EXPECT_EQ(said.find(letters_abandoned, first + 1), std::string::npos) << "one of them is told, once";
}

TEST(Examples, LettersSayWhatWasRefused)
{
  Watchdog watchdog(60);
  TempNamespace space;
  const Shm taken = Shm::create("examples.letters.guard", 4096);
  ASSERT_EQ(taken.result, 0);
  const Outcome outcome = run_example("letters", {"read"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.out, "RtCreateMutex failed, error 6\n");
}

TEST(Examples, ADamagedRingEndsBothSidesWithASentence)
{
  Watchdog watchdog(60);
  TempNamespace space;
  auto ring = SpscRing<Temperature>::create("examples/temperature", 256);
  ASSERT_TRUE(ring) << ring.error().message;
  const rtlane::detail::SpscView<std::atomic<std::uint64_t>> view(ring->channel().layout());
  Tool running = start_example("temperature_sensor", {"100000"});
  ASSERT_TRUE(eventually([&] { return ring->info().published >= 10; }));
  view.consumer->head = std::uint64_t{1} << 40;  // taken before it was sent
  const Outcome sensor = running.wait();
  EXPECT_EQ(sensor.status, 1);
  EXPECT_THAT(sensor.err, HasSubstr("the ring answers 'corrupt' to sample "));
  view.consumer->head = 0;
  std::memset(view.slots, 0x55, ring->capacity() * view.stride);
  const Outcome logger = run_example("temperature_logger");
  EXPECT_EQ(logger.status, 1);
  EXPECT_THAT(logger.err, HasSubstr("the ring answers 'corrupt' after 0 samples"));
}

TEST(Examples, EveryChannelWorksInCBetweenTwoProcesses)
{
  Watchdog watchdog(60);
  TempNamespace space;
  const std::pair<const char*, const char*> programs[] = {
      {"c_spsc", "received 1000, the last is number 1000; the ring says 'closed'\n"},
      {"c_snapshot", "the last value is number 1000 of 1000; the snapshot says 'closed'\n"},
      {"c_pinned", "the last value is number 1000\n"},
      {"c_broadcast", "heard and lost together: 1000; the broadcast says 'closed'\n"},
      {"c_frame_ring", "received 1000 frames with 499500 bytes\n"},
      {"c_frame_broadcast", "there were 1000 lines; the log says 'closed'\n"}};
  for (const auto& [program, sentence] : programs) {
    const Outcome outcome = run_example(program);
    EXPECT_EQ(outcome.status, 0) << program << ": " << outcome.err;
    EXPECT_EQ(outcome.out, sentence) << program;
  }
  const Outcome shared = run_example("c_mpmc");
  EXPECT_EQ(shared.status, 0) << shared.err;
  int here = 0;
  int there = 0;
  const std::size_t at_here = shared.out.find("this one did ");
  const std::size_t at_there = shared.out.find("the other one did ");
  ASSERT_TRUE(at_here != std::string::npos && at_there != std::string::npos) << shared.out;
  EXPECT_EQ(std::sscanf(shared.out.c_str() + at_here, "this one did %d jobs", &here), 1);
  EXPECT_EQ(std::sscanf(shared.out.c_str() + at_there, "the other one did %d jobs", &there), 1);
  EXPECT_EQ(here + there, 1000) << shared.out;
  EXPECT_THAT(shared.out, HasSubstr("0 jobs are left\n"));
  EXPECT_TRUE(object_files(space.path()).empty());
}

TEST(Examples, ARefusalIsASentenceAndStatusOne)
{
  Watchdog watchdog(60);
  TempNamespace space;
  const Shm taken = Shm::create("examples/temperature", 4096);
  ASSERT_EQ(taken.result, 0);
  for (const char* program : {"temperature_logger", "temperature_sensor"}) {
    const Outcome outcome = run_example(program);
    EXPECT_EQ(outcome.status, 1) << program;
    EXPECT_THAT(outcome.err, HasSubstr("examples/temperature")) << program;
  }
  setenv("RTLANE_DIR", "/dev/null", 1);
  for (const char* program : {"counter", "counter_c"}) {
    const Outcome outcome = run_example(program);
    EXPECT_EQ(outcome.status, 1) << program;
    EXPECT_THAT(outcome.err, HasSubstr("/dev/null")) << program;
  }
}

}  // namespace
}  // namespace rtlane::test
