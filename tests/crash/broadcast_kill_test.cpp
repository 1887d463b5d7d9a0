// Broadcast and FrameBroadcast: SIGKILL and SIGSTOP after every instruction of a publish and of a subscriber's
// try_next.
//
// Guarantees checked, for each fill (empty, one, full - 1, full, wrapped) and for subscribers at every place:
//   killed writer      what was published is taken by all, in order, whole; the one in the making vanishes or arrives
//                      whole, for all alike. The successor goes on with the next number, and everything works for laps.
//   stopped writer     it keeps its role, subscribers take what is there and hear `empty`; later everything arrives.
//   subscriber         on a read-only mapping, killed or stopped anywhere: nobody notices. Overtaken in mid-copy
//                      it gets whole ones or hears of the loss.
#include <gtest/gtest.h>

#include "crash/broadcast_scenario.hpp"
#include "support/temp_namespace.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

template <class Kind>
class BroadcastKill : public ::testing::Test {
protected:
  void SetUp() override
  {
    if (const char* reason = step_unavailable())
      GTEST_SKIP() << reason;
  }

#ifdef RTLANE_TEST_EVERY_INSTRUCTION
  Watchdog watchdog_{3000};
#else
  Watchdog watchdog_{110};
#endif
  TempNamespace space_;
};
using Kinds = ::testing::Types<Elements, Frames>;
TYPED_TEST_SUITE(BroadcastKill, Kinds);

template <class Kind>
using Publish = void (*)(typename Kind::Channel&, typename Kind::Channel::Writer&, const typename Kind::Content&);

template <class Kind>
void publish(typename Kind::Channel&, typename Kind::Channel::Writer& writer, const typename Kind::Content& content)
{
  Kind::publish(writer, content);
}

// A child that takes the writer's role and publishes number `old` stepwise.
template <class Kind, class After>
Child start_writer(Stage<Kind>& stage, Publish<Kind> operation, uint64_t old, const StepPlan& plan, StepReport& report,
                   After&& after)
{
  return Child::start([&] {
    auto writer = stage.channel.writer();
    if (!writer)
      return 3;
    const typename Kind::Content content(2, old);
    run_stepped(plan, report, stage.watched(), [&] { operation(stage.channel, *writer, content); });
    return after(*writer);
  });
}

template <class Kind>
Outcome kill_writer(Publish<Kind> operation, uint64_t old, uint64_t instruction)
{
  Stage<Kind> stage(old);
  SharedPage<StepReport> report;
  Child child = start_writer<Kind>(stage, operation, old, StepPlan{instruction, 0, SIGKILL}, *report, [](auto&) {
    raise(SIGKILL);
    return 0;
  });
  if (const int status = child.wait(); status != -SIGKILL)
    return {"the child ended with " + std::to_string(status), false};
  const bool finished = report->finished != 0;
  if (stage.channel.writer_alive())
    return {"the role of a killed writer is not free", finished};

  // One listener waits until the successor is there, the others take what there is now.
  Listener<Kind> patient = stage.listeners.front();
  stage.listeners.push_back({Kind::from_oldest(stage.channel)});
  if (std::string problem = stage.take_all(); !problem.empty())
    return {problem, finished};
  if (std::string problem = stage.all_at(finished ? old + 1 : old, old + 1); !problem.empty())
    return {problem, finished};
  const uint64_t end = stage.listeners.front().subscriber.next_number();

  auto successor = stage.channel.writer();
  if (!successor)
    return {"no takeover: " + successor.error().message, finished};
  if (successor->next_number() != end)
    return {"the successor goes on with " + std::to_string(successor->next_number()) + " after " + std::to_string(end),
            finished};
  stage.listeners.push_back(std::move(patient));
  stage.listeners.push_back({Kind::from_oldest(stage.channel)});
  uint64_t number = end;
  for (const uint64_t more : {uint64_t{1}, uint64_t{2}, Kind::lap, 2 * Kind::lap + 1}) {
    for (uint64_t i = 0; i < more; ++i) {
      if (Kind::publish(*successor, typename Kind::Content(3, number++)) != Status::ok)
        return {"the successor cannot publish", finished};
    }
    if (std::string problem = stage.take_all(); !problem.empty())
      return {problem, finished};
    if (std::string problem = stage.all_at(number, number); !problem.empty())
      return {problem, finished};
  }
  return {"", finished};
}

constexpr uint64_t kMore = 5;

template <class Kind>
Outcome stop_writer(Publish<Kind> operation, uint64_t old, uint64_t instruction)
{
  Stage<Kind> stage(old);
  SharedPage<StepReport> report;
  Child child =
      start_writer<Kind>(stage, operation, old, StepPlan{instruction, 0, SIGSTOP}, *report, [&](auto& writer) {
        for (uint64_t number = old + 1; number <= old + kMore; ++number) {
          if (Kind::publish(writer, typename Kind::Content(2, number)) != Status::ok)
            return 4;
        }
        return 0;
      });
  const bool stopped = child.wait_stopped();
  const bool finished = !stopped;
  if (stopped) {
    if (const auto taken = stage.channel.writer(); taken || taken.error().code != EBUSY)
      return {"a live writer's role was given away", finished};
    if (!stage.channel.writer_alive())
      return {"a stopped process is taken for dead", finished};
    stage.listeners.push_back({Kind::from_oldest(stage.channel)});
    stage.listeners.push_back({Kind::from_now(stage.channel)});
    if (std::string problem = stage.take_all(); !problem.empty())
      return {"while the writer is stopped: " + problem, finished};
    for (const Listener<Kind>& listener : stage.listeners) {
      const uint64_t at = listener.subscriber.next_number();
      if (at != old && at != old + 1)
        return {"while the writer is stopped a subscriber is at " + std::to_string(at), finished};
    }
    child.signal(SIGCONT);
  }
  if (const int status = child.wait(); status != 0)
    return {"the child ended with " + std::to_string(status), finished};
  if (std::string problem = stage.take_all(); !problem.empty())
    return {problem, finished};
  return {stage.all_at(old + 1 + kMore, old + 1 + kMore), finished};
}

// A subscriber on a read-only mapping, at the place of the oldest, is interrupted in try_next. `meanwhile` are
// published before it may go on.
template <class Kind>
Outcome interrupt_subscriber(uint64_t old, uint64_t meanwhile, uint64_t instruction, int signal)
{
  Stage<Kind> stage(old);
  SharedPage<StepReport> report;
  SharedPage<std::array<char, 256>> said;
  Child child = Child::start([&] {
    // Another mapping than the inherited one: that of a process which may only read.
    const auto channel = Kind::open_read_only();
    Listener<Kind> listener{Kind::from_oldest(channel)};
    typename Kind::Buffer buffer;
    const uint64_t number = listener.subscriber.next_number();
    Status status = Status::empty;
    const rtlane_channel_layout layout = channel.channel().layout();
    if (layout.read_only == 0)
      return 3;
    run_stepped(StepPlan{instruction, 0, signal}, *report, Watched{layout.base, layout.total_bytes},
                [&] { status = Kind::take(listener.subscriber, buffer); });
    std::string problem = status == Status::ok ? buffer.problem(number) : "";
    if (problem.empty() && status != Status::ok && status != Status::empty && status != Status::lost)
      problem = to_string(status);
    if (problem.empty())
      problem = listener.take_all();
    std::snprintf(said->data(), said->size(), "%s", problem.c_str());
    return problem.empty() && listener.subscriber.next_number() == old + meanwhile ? 0 : 4;
  });
  bool finished = true;
  if (signal == SIGKILL) {
    const int status = child.wait();
    finished = report->finished != 0;
    // Not interrupted: it finds nothing of what is published only now.
    if (status != (finished ? (meanwhile == 0 ? 0 : 4) : -SIGKILL) || (*said)[0] != '\0')
      return {"the child ended with " + std::to_string(status) + ": " + said->data(), finished};
  } else {
    finished = !child.wait_stopped();
  }
  // The writer and the others go on as if nobody had been there.
  auto writer = stage.channel.writer();
  if (!writer)
    return {"no writer: " + writer.error().message, finished};
  if (!finished || signal == SIGKILL) {
    for (uint64_t i = 0; i < meanwhile; ++i)
      Kind::publish(*writer, typename Kind::Content(3, old + i));
    if (std::string problem = stage.take_all(); !problem.empty())
      return {problem, finished};
    if (std::string problem = stage.all_at(old + meanwhile, old + meanwhile); !problem.empty())
      return {problem, finished};
  }
  if (signal == SIGSTOP && !finished) {
    child.signal(SIGCONT);
    if (const int status = child.wait(); status != 0)
      return {"the subscriber ended with " + std::to_string(status) + ": " + said->data(), finished};
  }
  // Only when it was never interrupted nobody else changed anything.
  if (finished && report->quiet_changes != 0)
    return {"a subscriber changed the memory", finished};
  return {"", finished};
}

// The soak test interrupts everything at every instruction. The usual one kills a writer so in the state that is most
// at risk, the ring that has been filled more than once; all else at every `thin`th, from another one in each state on.
#ifdef RTLANE_TEST_EVERY_INSTRUCTION
constexpr bool every_instruction = true;
#else
constexpr bool every_instruction = false;
#endif

template <class Interrupt>
uint64_t sweep(uint64_t usual_thin, uint64_t state, Interrupt&& interrupt)
{
  uint64_t sweeps = 0;
  const uint64_t thin = every_instruction ? 1 : usual_thin;
  for (uint64_t instruction = 1 + state % thin; instruction < 100000; instruction += thin * sweep_step) {
    const Outcome outcome = interrupt(instruction);
    ++sweeps;
    EXPECT_EQ(outcome.problem, "") << "interrupted after instruction " << instruction;
    if (outcome.finished || !outcome.problem.empty())
      return sweeps;
  }
  ADD_FAILURE() << "the operation does not end";
  return sweeps;
}

// Whether any interruption makes the checks speak.
template <class Interrupt>
std::string first_problem(Interrupt&& interrupt)
{
  for (uint64_t instruction = 1; instruction < 100000; ++instruction) {
    const Outcome outcome = interrupt(instruction);
    if (!outcome.problem.empty() || outcome.finished)
      return outcome.problem;
  }
  return "";
}

TYPED_TEST(BroadcastKill, AWriterKilledAtEveryInstruction)
{
  uint64_t kills = 0;
  for (const uint64_t old : TypeParam::olds) {
    SCOPED_TRACE("old " + std::to_string(old));
    kills += sweep(old == TypeParam::olds[5] ? 1 : 47, old,
                   [&](uint64_t k) { return kill_writer<TypeParam>(publish<TypeParam>, old, k); });
  }
  std::printf("%lu kills\n", kills);
}

TYPED_TEST(BroadcastKill, AWriterStoppedAtEveryInstruction)
{
  uint64_t stops = 0;
  for (const uint64_t old : TypeParam::olds) {
    SCOPED_TRACE("old " + std::to_string(old));
    stops += sweep(old == TypeParam::olds[5] ? 7 : 47, old,
                   [&](uint64_t k) { return stop_writer<TypeParam>(publish<TypeParam>, old, k); });
  }
  std::printf("%lu stops\n", stops);
}

TYPED_TEST(BroadcastKill, ASubscriberKilledAtEveryInstruction)
{
  uint64_t kills = 0;
  for (const uint64_t old : {uint64_t{0}, TypeParam::olds[5]}) {
    SCOPED_TRACE("old " + std::to_string(old));
    kills += sweep(11, old,
                   [&](uint64_t k) { return interrupt_subscriber<TypeParam>(old, 2 * TypeParam::lap, k, SIGKILL); });
  }
  std::printf("%lu kills\n", kills);
}

TYPED_TEST(BroadcastKill, ASubscriberStoppedAtEveryInstructionAndOvertaken)
{
  uint64_t stops = 0;
  for (const uint64_t old : {uint64_t{1}, TypeParam::olds[5]}) {
    for (const uint64_t meanwhile :
         {uint64_t{0}, uint64_t{1}, TypeParam::lap, TypeParam::lap + 1, 3 * TypeParam::lap}) {
      SCOPED_TRACE("old " + std::to_string(old) + ", meanwhile " + std::to_string(meanwhile));
      stops += sweep(old != 1 && meanwhile == TypeParam::lap ? 5 : 47, old + meanwhile,
                     [&](uint64_t k) { return interrupt_subscriber<TypeParam>(old, meanwhile, k, SIGSTOP); });
    }
  }
  std::printf("%lu stops\n", stops);
}

// ---- The checks see what they are for: publications that are wrong in one way each.

using Words = std::atomic<uint64_t>;

// The words of a publish without the mark that the slot is being written.
void publish_without_busy(Elements::Channel& channel, Elements::Channel::Writer& writer,
                          const Elements::Content& content)
{
  const rtlane::detail::BroadcastView<Words> view(channel.channel().layout());
  std::byte* slot = view.slot(writer.next_number());
  rtlane::detail::store_torn(view.value(slot), &content.message, sizeof content.message);
  Elements::publish(writer, content);
}

// Number first, bytes later.
void publish_number_first(Elements::Channel& channel, Elements::Channel::Writer& writer,
                          const Elements::Content& content)
{
  const rtlane::detail::BroadcastView<Words> view(channel.channel().layout());
  view.seq(view.slot(writer.next_number()))
      .store(rtlane::detail::broadcast_word(view.writer->attaches, writer.next_number()), std::memory_order_relaxed);
  Elements::publish(writer, content);
}

void publish_tail_first(Elements::Channel& channel, Elements::Channel::Writer& writer, const Elements::Content& content)
{
  const rtlane::detail::BroadcastView<Words> view(channel.channel().layout());
  view.writer->tail.store(writer.next_number() + 1, std::memory_order_relaxed);
  Elements::publish(writer, content);
}

void publish_without_intent(Frames::Channel& channel, Frames::Channel::Writer& writer, const Frames::Content& content)
{
  const rtlane_channel_layout layout = channel.channel().layout();
  const rtlane::detail::FrameBroadcastView<Words> view(layout.base, layout.slots_offset, layout.capacity,
                                                       layout.frame_bytes_max);
  for (uint64_t i = 1; i <= 3; ++i)
    rtlane::detail::store_torn_word(view.word(view.writer->tail.load(std::memory_order_relaxed) + 8 * i), 0x0101);
  Frames::publish(writer, content);
}

class BroadcastKillControl : public BroadcastKill<Elements> {};

TEST_F(BroadcastKillControl, FindsAWriterWithoutTheBusyMark)
{
  const std::string problem =
      first_problem([](uint64_t k) { return kill_writer<Elements>(publish_without_busy, 9, k); });
  EXPECT_NE(problem.find("torn"), std::string::npos) << problem;
}

TEST_F(BroadcastKillControl, FindsANumberBeforeTheBytes)
{
  const std::string problem =
      first_problem([](uint64_t k) { return stop_writer<Elements>(publish_number_first, 9, k); });
  EXPECT_NE(problem.find("torn or wrong"), std::string::npos) << problem;
}

TEST_F(BroadcastKillControl, FindsATailBeforeTheNumber)
{
  EXPECT_NE(first_problem([](uint64_t k) { return kill_writer<Elements>(publish_tail_first, 9, k); }), "");
}

TEST_F(BroadcastKillControl, FindsAWriterWithoutAnIntent)
{
  EXPECT_NE(first_problem([](uint64_t k) { return kill_writer<Frames>(publish_without_intent, 30, k); }), "");
}

}  // namespace
}  // namespace rtlane::test
