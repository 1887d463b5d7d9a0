// PinnedSnapshot: SIGKILL after every instruction of every operation, and who goes on.
//
//   killed writer   the latest value stays valid, the one in the making is published whole or not at all, what readers
//                   keep stays as it is, the successor continues the sequence. In every state of the readers: idle,
//                   keeping one or two values, asking (stopped inside a load), dead in any of these.
//   killed reader   the writer and the other reader go on at one attempt per load; whoever takes the entry next
//                   frees its pins: all 2R + 2 slots are usable. Also while a writer publishes between its
//                   instructions, so that the paths of a retry and of a gift are walked.
#include <gtest/gtest.h>

#include "crash/pinned_scenario.hpp"
#include "support/temp_namespace.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

class PinnedKill : public ::testing::Test {
protected:
  void SetUp() override
  {
    if (const char* reason = step_unavailable())
      GTEST_SKIP() << reason;
  }
  void TearDown() override { pinned_in_use.reset(); }

  Watchdog watchdog_{kSparse == sweep_step ? 3000u : 110u};
  TempNamespace space_;
};

enum class Readers { idle, keep_one, keep_two, ask };
constexpr Readers kReaderStates[] = {Readers::idle, Readers::keep_one, Readers::keep_two, Readers::ask};

Outcome kill_writer(const WriterOperation& operation, uint64_t fill, Readers state, uint64_t instruction)
{
  const Pinned snapshot = make_pinned();
  auto reader = snapshot.reader();
  std::vector<Pinned::Ref> refs;
  if (fill > 0) {
    auto writer = snapshot.writer();
    for (uint64_t i = 0; i < fill; ++i) {
      put(*writer);
      if (refs.size() < (state == Readers::keep_one ? 1u : state == Readers::keep_two ? 2u : 0u))
        refs.push_back(reader->load_ref());
    }
  }
  const PinnedWords words = words_of(snapshot);
  if (state == Readers::ask && fill > 0)  // as if reader 1 were stopped within its loads
    for (auto& pin : words.readers[1].pins)
      pin = words.latest->latest | rtlane::detail::pinned_asked;
  SharedPage<StepReport> report;
  SharedPage<Loaded> result;
  const Message value = message(1, fill + 1);
  Child child = Child::start([&] {
    auto writer = snapshot.writer();
    if (!writer)
      return 3;
    run_stepped(StepPlan{instruction, 0, SIGKILL}, *report, Watched(),
                [&] { operation.run(snapshot, *writer, value); });
    result->returned = 1;
    raise(SIGKILL);  // its end is a kill too
    return 0;
  });
  if (const int status = child.wait(); status != -SIGKILL)
    return {"the child ended with " + std::to_string(status), false};
  const bool finished = result->returned != 0;
  if (snapshot.writer_alive())
    return {"the role of a killed writer is not free", finished};

  uint64_t seen = fill;
  if (state != Readers::keep_two) {
    Message got{};
    const Status status = reader->load(got);
    if (status == Status::ok) {
      seen = reader->sequence();
      if (std::string problem = judge(got, seen); !problem.empty())
        return {problem, finished};
    } else if (fill > 0 || status == Status::corrupt || status == Status::busy) {
      return {std::string("load answers ") + to_string(status), finished};
    } else {
      seen = 0;
    }
    if (seen < fill + (finished ? operation.publishes : 0) || seen > fill + operation.publishes)
      return {"the latest is " + std::to_string(seen), finished};
  }
  {
    auto successor = snapshot.writer();
    if (!successor || (state != Readers::keep_two && successor->sequence() != seen))
      return {"the successor continues after " + std::to_string(successor->sequence()), finished};
    seen = successor->sequence();
    for (uint32_t i = 0; i < 2 * kSlots; ++i)
      put(*successor);
    for (uint64_t i = 0; i < refs.size(); ++i) {
      if (std::string problem = judge(*refs[i], i + 1); !problem.empty())
        return {"kept: " + problem, finished};
    }
    if (state == Readers::ask && fill > 0) {
      for (auto& pin : words.readers[1].pins) {
        const uint64_t given = pin ^ rtlane::detail::pinned_held;
        Message got{};
        if (!words.sound(given))
          return {"a reader that asks was not helped", finished};
        std::memcpy(&got, words.value(given), sizeof got);
        if (std::string problem = judge(got, rtlane::detail::pinned_sequence_of(given)); !problem.empty())
          return {"given: " + problem, finished};
      }
    }
  }
  refs.clear();
  reader = Pinned::Reader();
  return {judge_rest(snapshot, seen + 2 * kSlots, seen + 2 * kSlots), finished};
}

TEST_F(PinnedKill, AWriterAtEveryInstruction)
{
  uint64_t kills = 0;
  for (const WriterOperation* operation : kWriterOperations) {
    for (const uint64_t fill : {0, 1, 2, 9}) {
      for (const Readers state : kReaderStates) {
        if (fill == 0 && state != Readers::idle)
          continue;
        SCOPED_TRACE(std::string(operation->name) + ", fill " + std::to_string(fill) + ", readers " +
                     std::to_string(static_cast<int>(state)));
        const uint64_t stride = fill == 9 && operation == &kStore && state == Readers::ask ? sweep_step : kSparse;
        kills += sweep_instructions([&](uint64_t k) { return kill_writer(*operation, fill, state, k); }, stride);
      }
    }
  }
  std::printf("%lu kills\n", kills);
}

// The writer of the reader's own process publishes after every `every`-th instruction and after number `once`; 0:
// never.
struct Publisher {
  uint64_t every = 0;
  uint64_t once = 0;
  Pinned::Writer* writer = nullptr;
  uint64_t steps = 0;
};

uint64_t publish_between(void* context)
{
  auto& publisher = *static_cast<Publisher*>(context);
  ++publisher.steps;
  if ((publisher.every != 0 && publisher.steps % publisher.every == 0) || publisher.steps == publisher.once)
    put(*publisher.writer);
  return 0;
}

Outcome kill_reader(const ReaderOperation& operation, Publisher publisher, uint64_t instruction, uint32_t* attempts_max)
{
  const Pinned snapshot = make_pinned();
  {
    auto writer = snapshot.writer();
    put(*writer);
    put(*writer);
  }
  SharedPage<StepReport> report;
  SharedPage<Loaded> result;
  Child child = Child::start([&] {
    auto writer = snapshot.writer();
    auto reader = snapshot.reader();
    if (!writer || !reader)
      return 3;
    publisher.writer = &*writer;
    run_stepped(StepPlan{instruction, 0, SIGKILL}, *report, publish_between, &publisher, true,
                [&] { operation.run(*reader, *result); });
    result->returned = 1;
    raise(SIGKILL);
    return 0;
  });
  if (const int status = child.wait(); status != -SIGKILL)
    return {"the child ended with " + std::to_string(status), false};
  const bool finished = result->returned != 0;
  *attempts_max = std::max<uint32_t>(*attempts_max, result->attempts_max);
  if (result->attempts_max > 3)
    return {"a load took " + std::to_string(result->attempts_max) + " attempts", finished};
  for (int i = 0; i < 2; ++i) {
    if (result->sequences[i] == 0)
      continue;
    if (std::string problem = judge(result->values[i], result->sequences[i]); !problem.empty())
      return {"loaded: " + problem, finished};
  }

  const PinnedWords words = words_of(snapshot);
  const uint64_t newest = rtlane::detail::pinned_sequence_of(words.latest->latest);
  {
    // Its entry is left alone: nobody notices.
    rtlane::detail::PinnedWriterCore<> writer(words);
    rtlane::detail::PinnedReaderCore<> other(words, 1);
    for (uint32_t i = 1; i <= 2 * kSlots; ++i) {
      const Message value = message(1, newest + i);
      std::memcpy(writer.claim(), &value, sizeof value);
      writer.publish(0);
      const unsigned pin = other.pin();
      if (pin == rtlane::detail::pinned_no_pin || other.attempts() != 1 || other.sequence(pin) != newest + i)
        return {"the other reader is disturbed", finished};
      other.unpin(pin);
    }
    other.detach();
    writer.detach();
  }
  return {judge_rest(snapshot, newest + 2 * kSlots, newest + 2 * kSlots), finished};
}

TEST_F(PinnedKill, AReaderAtEveryInstruction)
{
  uint64_t kills = 0;
  uint32_t attempts_max = 0;
  for (const ReaderOperation* operation : kReaderOperations) {
    for (const uint64_t every : {0, 1, 7}) {
      SCOPED_TRACE(std::string(operation->name) + ", publications every " + std::to_string(every) + " instructions");
      const uint64_t stride = operation == &kLoad && every == 0 ? sweep_step : kSparse;
      kills += sweep_instructions(
          [&](uint64_t k) {
            return kill_reader(*operation, {every, 0}, k, &attempts_max);
          },
          stride);
    }
  }
  std::printf("%lu kills\n", kills);
}

// A publication between the first look at latest and the announcement spoils the first attempt.
TEST_F(PinnedKill, AReaderAtEveryInstructionOfALoadThatMustTryAgain)
{
  uint64_t once = 0;
  for (uint32_t attempts = 0; attempts < 2; attempts = 0) {
    ++once;
    ASSERT_LT(once, 200u) << "no publication spoils an attempt";
    ASSERT_EQ(kill_reader(kLoad, {0, once}, UINT64_MAX, &attempts).problem, "");
    if (attempts == 2)
      break;
  }
  uint32_t attempts_max = 0;
  for (const ReaderOperation* operation : kReaderOperations) {
    SCOPED_TRACE(operation->name);
    sweep_instructions(
        [&](uint64_t k) {
          return kill_reader(*operation, {0, once}, k, &attempts_max);
        },
        operation == &kLoad ? kDense : kSparse);
  }
  EXPECT_EQ(attempts_max, 2u);
}

// Taking and giving back a role is set-up and long, so it is killed at each system call and each change of the segment.
template <class Attach>
void sweep_attaches(Attach&& attach)
{
  for (const bool dirty : {false, true}) {
    bool finished = false;
    for (uint64_t event = 1; !finished; ++event) {
      ASSERT_LT(event, 1000u);
      SCOPED_TRACE("event " + std::to_string(event));
      const Pinned snapshot = make_pinned();
      {
        auto writer = snapshot.writer();
        put(*writer);
        put(*writer);
      }
      const PinnedWords words = words_of(snapshot);
      if (dirty) {  // a former reader was killed: one pin keeps, one asks
        words.readers[0].pins[0] = words.latest->latest | rtlane::detail::pinned_held;
        words.readers[0].pins[1] = words.latest->latest | rtlane::detail::pinned_asked;
      }
      SharedPage<StepReport> report;
      SharedPage<Loaded> result;
      Child child = Child::start([&] {
        const rtlane_channel_layout layout = snapshot.channel().layout();
        const Watched watched = {layout.base, layout.total_bytes};
        run_stepped(StepPlan{0, event, SIGKILL}, *report, watched, [&] { attach(snapshot); });
        result->returned = 1;
      });
      const int status = child.wait();
      finished = result->returned != 0;
      ASSERT_EQ(status, finished ? 0 : -SIGKILL);
      ASSERT_EQ(judge_rest(snapshot, 2, 2), "");
    }
  }
}

TEST_F(PinnedKill, AWriterWhileItTakesAndGivesBackItsRole)
{
  sweep_attaches([](const Pinned& snapshot) { (void)snapshot.writer().value(); });
}

TEST_F(PinnedKill, AReaderWhileItTakesAndGivesBackItsEntry)
{
  sweep_attaches([](const Pinned& snapshot) { (void)snapshot.reader().value(); });
}

// ---- Wrong on purpose: the checks above must find these.

TEST_F(PinnedKill, FindsAWriterThatPublishesBeforeItWrites)
{
  static const WriterOperation wrong = {"publish, then write", 1,
                                        [](const Pinned&, Pinned::Writer& writer, const Message& value) {
                                          if (Message* place = writer.claim()) {
                                            writer.publish();
                                            *place = value;
                                          }
                                        }};
  EXPECT_NE(first_problem_of([](uint64_t k) { return kill_writer(wrong, 2, Readers::idle, k); }), "");
}

TEST_F(PinnedKill, FindsAWriterThatWritesToWhatIsKept)
{
  static const WriterOperation wrong = {"write to slot of the latest", 0,
                                        [](const Pinned& snapshot, Pinned::Writer&, const Message& value) {
                                          const PinnedWords words = words_of(snapshot);
                                          std::memcpy(words.value(words.latest->latest), &value, sizeof value);
                                        }};
  EXPECT_NE(first_problem_of([](uint64_t k) { return kill_writer(wrong, 2, Readers::idle, k); }), "");
}

}  // namespace
}  // namespace rtlane::test
