// MpmcRing in both modes: SIGKILL after every instruction of every operation, alone, while it repairs, and two in turn;
// SIGSTOP after every instruction.
//
// Checked for each fill (empty, one, full - 1, full): everything that completed calls pushed is there, whole, once and
// in order; of the killed call's elements a prefix; at most the one element that it had in hand is gone; the ring takes
// its whole capacity again; nobody waits for ever. While a participant is stopped nothing of it is repaired; isolated,
// the others also use the ring as if it were not there.
//
// The soak test has every instruction, fill and pair; this one all instructions of single calls, samples of the rest,
// and of the isolated mode fewer, as its steps are those of mpmc_interleaving_test.cpp.
#include <gtest/gtest.h>

#include <cctype>
#include <random>
#include <tuple>

#include "crash/mpmc_scenario.hpp"
#include "support/temp_namespace.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

#if defined(RTLANE_TEST_EVERY_INSTRUCTION)
constexpr bool kEverything = true;
#else
constexpr bool kEverything = false;
#endif

class MpmcKill : public ::testing::Test {
protected:
  void SetUp() override
  {
    if (const char* reason = step_unavailable())
      GTEST_SKIP() << reason;
  }

  Watchdog watchdog_{kEverything ? 3500 : 110};
  TempNamespace space_;
};

// Large, so there is one; whoever starts a child takes it.
StepReport& fresh_report()
{
  static SharedPage<StepReport> page;
  page->instructions = 0;
  page->events = 0;
  page->system_calls = 0;
  page->quiet_changes = 0;
  page->interrupted = 0;
  page->finished = 0;
  return *page;
}

struct Outcome {
  std::string problem;
  bool finished = false;
};

// What the ring is like before the operation, beside its fill.
enum class Before { quiet, dead_producer, dead_consumer };

using IsolatedRingView = rtlane::detail::IsolatedView<std::atomic<uint64_t>>;

bool is_isolated(const MpmcTestRing& ring)
{
  return ring.channel().layout().mode == RTLANE_MODE_ISOLATED;
}

StepPlan plan_of(const MpmcOperation& operation, uint64_t at, int signal)
{
  return operation.by_event ? StepPlan{0, at, signal} : StepPlan{at, 0, signal};
}

void note_the_killed(const MpmcOperation& operation, const MpmcResult& result, uint64_t run, Account& account)
{
  const bool finished = result.returned != 0;
  if (operation.side == Side::pushes)
    account.pushed(run, finished ? result.count.load() : 0, finished ? result.count.load() : operation.count);
  else {
    account_for_popper(operation, result, static_cast<int>(run), account);
    account.may_lose(finished ? 0 : 1);
  }
}

// Fills the ring, and leaves a killed participant's trace in it. Returns a problem or "".
std::string prepare(const MpmcTestRing& ring, MpmcTestRing::Producer& survivor, uint64_t fill, Before before,
                    Account& account)
{
  for (uint64_t i = 0; i < fill; ++i) {
    if (survivor.try_push(message(2, i)) != Status::ok)
      return "cannot fill";
  }
  if (before == Before::quiet)
    return "";
  SharedPage<Message> taken;
  Child killed = Child::start([&] {
    if (before == Before::dead_producer) {
      auto producer = ring.producer();
      Message* claimed = producer->claim();
      if (is_isolated(ring)) {
        // As it is just before the publication.
        const IsolatedRingView view = rtlane::detail::isolated_view(ring.channel().layout());
        IsolatedRingView::word_of(reinterpret_cast<std::byte*>(claimed) - view.value_offset) =
            rtlane::detail::isolated_ready(view.tail->tail);
      }
    } else {
      auto consumer = ring.consumer();
      if (const Message* shown = consumer->peek())
        *taken = *shown;
    }
    raise(SIGKILL);
  });
  killed.wait();
  if (before == Before::dead_consumer && fill > 0)
    account.took(9, *taken);
  return "";
}

Outcome kill_once(const MpmcOperation& operation, uint64_t fill, Before before, uint64_t at,
                  uint32_t mode = RTLANE_MODE_SHARED)
{
  const MpmcTestRing ring = make_mpmc_ring(mode);
  SharedPage<MpmcResult> result;
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  Account account;
  account.pushed(2, 0, fill);
  if (std::string problem = prepare(ring, *producer, fill, before, account); !problem.empty())
    return {problem, false};
  Child child = start_mpmc(ring, operation, plan_of(operation, at, SIGKILL), fresh_report(), *result, 1, true);
  if (const int status = child.wait(); status != -SIGKILL)
    return {"the child ended with " + std::to_string(status), false};
  note_the_killed(operation, *result, 1, account);
  return {take_all_and_fill(*producer, *consumer, account, fill), result->returned != 0};
}

// Kills after 1, 2, ... until the operation is over; returns how many that were.
template <class Kill>
uint64_t sweep(bool by_event, Kill&& kill, uint64_t step = sweep_step, uint64_t event_step = 1)
{
  for (uint64_t at = 1; at < 100000; at += by_event ? event_step : step) {
    const Outcome outcome = kill(at);
    EXPECT_EQ(outcome.problem, "") << "killed after " << (by_event ? "event " : "instruction ") << at;
    if (outcome.finished || !outcome.problem.empty())
      return at;
  }
  ADD_FAILURE() << "the operation does not end";
  return 0;
}

// Whether anything was taken from whom it belonged to.
template <class View>
bool repaired(const View& view)
{
  for (uint32_t i = 0; i < view.participant_count; ++i) {
    if (view.participants[i].recovered != 0 || view.participants[i].orphaned != 0)
      return true;
  }
  return false;
}

// Beside a stopped participant: what the survivor pushes comes out, in full laps, and no answer but the ring's own. The
// stopped one may hold one of its slots.
std::string use_isolated(MpmcTestRing::Producer& producer, MpmcTestRing::Consumer& consumer, Account& account,
                         uint64_t& pushed)
{
  Message element = {};
  for (int lap = 0; lap < 3; ++lap) {
    Status status = Status::ok;
    for (uint64_t i = 0; i <= kMpmcCapacity + kMpmcBatch && (status = consumer.try_pop(element)) == Status::ok; ++i)
      account.took(0, element);
    if (status != Status::empty)
      return std::string("beside a stopped participant try_pop answers ") + to_string(status);
    uint64_t room = 0;
    while ((status = producer.try_push(message(2, pushed))) == Status::ok)
      ++pushed, ++room;
    if (status != Status::full || room + 1 < kMpmcCapacity)
      return std::string("beside a stopped participant try_push answers ") + to_string(status) + " after " +
             std::to_string(room);
  }
  return "";
}

// While it is stopped the others use the ring for many calls, long enough to ask the kernel more than once; then it
// goes on as if nothing had happened.
std::string use_shared(MpmcTestRing::Producer& producer, MpmcTestRing::Consumer& consumer, Account& account,
                       uint64_t& pushed)
{
  Message element = {};
  for (int i = 0; i < 40; ++i) {
    const Status status = consumer.try_pop(element);
    if (status == Status::ok)
      account.took(0, element);
    else if (status != Status::empty && status != Status::busy)
      return std::string("beside a stopped participant try_pop answers ") + to_string(status);
    if (i % 4 == 0)
      continue;
    const Status answer = producer.try_push(message(2, pushed));
    if (answer == Status::ok)
      ++pushed;
    else if (answer != Status::full && answer != Status::busy)
      return std::string("beside a stopped participant try_push answers ") + to_string(answer);
  }
  return "";
}

Outcome stop_once(const MpmcOperation& operation, uint64_t fill, uint64_t at, uint32_t mode)
{
  const MpmcTestRing ring = make_mpmc_ring(mode);
  SharedPage<MpmcResult> result;
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  Account account;
  account.pushed(2, 0, fill + 1000);
  if (operation.side == Side::pushes)
    account.pushed(1, 0, operation.count);
  if (std::string problem = prepare(ring, *producer, fill, Before::quiet, account); !problem.empty())
    return {problem, false};
  Child child = start_mpmc(ring, operation, plan_of(operation, at, SIGSTOP), fresh_report(), *result, 1, false);
  const bool stopped = child.wait_stopped();
  uint64_t pushed = fill;
  if (stopped) {
    const auto use = is_isolated(ring) ? use_isolated : use_shared;
    if (const std::string problem = use(*producer, *consumer, account, pushed); !problem.empty())
      return {problem, false};
    child.signal(SIGCONT);
  }
  if (const int status = child.wait(); status != 0)
    return {"the child ended with " + std::to_string(status), false};
  note_the_killed(operation, *result, 1, account);
  const rtlane_channel_layout layout = ring.channel().layout();
  if (is_isolated(ring) ? repaired(rtlane::detail::isolated_view(layout)) : repaired(rtlane::detail::mpmc_view(layout)))
    return {"what a living participant had was repaired", false};
  return {take_all_and_fill(*producer, *consumer, account, pushed), !stopped};
}

using OperationAndMode = std::tuple<const MpmcOperation*, uint32_t>;

class MpmcKillEach : public MpmcKill, public ::testing::WithParamInterface<OperationAndMode> {
protected:
  const MpmcOperation& operation_ = *std::get<0>(GetParam());
  const uint32_t mode_ = std::get<1>(GetParam());
  const bool sparse_ = !kEverything && mode_ == RTLANE_MODE_ISOLATED;
};

TEST_P(MpmcKillEach, AtEveryInstruction)
{
  const MpmcOperation& operation = operation_;
  if (sparse_ && operation.by_event)
    GTEST_SKIP() << "attaching is killed in MpmcKillRepair, in the soak test also here";
  uint64_t kills = 0;
  for (const uint64_t fill : kMpmcFills) {
    if (!kEverything && (operation.by_event ? fill != 1 : operation.count > 1 && fill != 1 && fill != kMpmcCapacity))
      continue;
    if (sparse_ && fill != 1)
      continue;
    SCOPED_TRACE(std::string(operation.name) + ", fill " + std::to_string(fill));
    kills += sweep(
        operation.by_event, [&](uint64_t at) { return kill_once(operation, fill, Before::quiet, at, mode_); },
        sparse_ && &operation != &kMpmcOperations[0] && &operation != &kMpmcOperations[3] ? 7 : sweep_step);
  }
  std::printf("%lu kills\n", kills);
}

TEST_P(MpmcKillEach, StoppedAtEveryInstructionItIsNeverRepaired)
{
  const MpmcOperation& operation = operation_;
  if (operation.by_event)
    GTEST_SKIP() << "attaching is set-up; its data calls are stopped in the others";
  uint64_t stops = 0;
  for (const uint64_t fill : kMpmcFills) {
    SCOPED_TRACE(std::string(operation.name) + ", fill " + std::to_string(fill));
    if (!kEverything && fill != 1 && (sparse_ || fill != kMpmcCapacity - 1))
      continue;
    stops += sweep(
        false, [&](uint64_t at) { return stop_once(operation, fill, at, mode_); }, kEverything ? 1 : 5);
  }
  std::printf("%lu stops\n", stops);
}

std::vector<const MpmcOperation*> pointers(const auto& operations)
{
  std::vector<const MpmcOperation*> all;
  for (const MpmcOperation& operation : operations)
    all.push_back(&operation);
  return all;
}

std::string test_name(const ::testing::TestParamInfo<OperationAndMode>& of)
{
  std::string name = std::get<1>(of.param) == RTLANE_MODE_ISOLATED ? "Isolated_" : "";
  for (const char* at = std::get<0>(of.param)->name; *at != 0; ++at) {
    if (std::isalnum(static_cast<unsigned char>(*at)) != 0)
      name += *at;
  }
  return name;
}

const auto modes = ::testing::Values(uint32_t{RTLANE_MODE_SHARED}, uint32_t{RTLANE_MODE_ISOLATED});

INSTANTIATE_TEST_SUITE_P(All, MpmcKillEach, ::testing::Combine(::testing::ValuesIn(pointers(kMpmcOperations)), modes),
                         test_name);

using MpmcKillRepair = MpmcKillEach;

TEST_P(MpmcKillRepair, WhileItRepairsWhatAnotherKilledOneLeft)
{
  const MpmcOperation& operation = operation_;
  if (sparse_ && operation.attached)
    GTEST_SKIP()
        << "isolated, only who gets the dead one's entry finds what it left; the soak test kills the others too";
  uint64_t kills = 0;
  for (const Before before : {Before::dead_producer, Before::dead_consumer}) {
    if (sparse_ && (before == Before::dead_producer) != (operation.side == Side::pushes))
      continue;
    for (const uint64_t fill : {uint64_t{0}, kMpmcCapacity - 1}) {
      SCOPED_TRACE(std::string(operation.name) + ", fill " + std::to_string(fill) +
                   (before == Before::dead_producer ? ", after a producer" : ", after a consumer"));
      if (sparse_ && fill == 0)
        continue;
      kills += sweep(
          operation.by_event, [&](uint64_t at) { return kill_once(operation, fill, before, at, mode_); }, sweep_step,
          sparse_ ? 3 : 1);
    }
  }
  std::printf("%lu kills\n", kills);
}

INSTANTIATE_TEST_SUITE_P(All, MpmcKillRepair, ::testing::Combine(::testing::ValuesIn(pointers(kMpmcRepairs)), modes),
                         test_name);

// Two participants are killed one after the other, at random places; nobody repairs in between but the second.
TEST_F(MpmcKill, TwoParticipantsInTurn)
{
  const uint64_t seed = test_seed();
  std::printf("RTLANE_TEST_SEED=%lu\n", seed);
  std::mt19937_64 random(seed);
  const uint64_t pairs = test_count("RTLANE_TEST_PAIRS", kEverything ? 20000 : sanitized ? 40 : 200);
  for (uint64_t pair = 0; pair < pairs; ++pair) {
    const MpmcOperation& first = kMpmcOperations[random() % 6];
    const MpmcOperation& second = kMpmcOperations[random() % 6];
    const uint64_t fill = kMpmcFills[random() % 4];
    const uint64_t one = 1 + random() % (first.count == 1 ? 70 : 180);
    const uint64_t two = 1 + random() % (second.count == 1 ? 70 : 180);
    SCOPED_TRACE(std::string(first.name) + " after " + std::to_string(one) + ", " + second.name + " after " +
                 std::to_string(two) + ", fill " + std::to_string(fill) + ", seed " + std::to_string(seed));
    const MpmcTestRing ring = make_mpmc_ring(pair % 3 == 0 ? RTLANE_MODE_ISOLATED : RTLANE_MODE_SHARED);
    SharedPage<MpmcResult> results[2];
    auto producer = ring.producer();
    auto consumer = ring.consumer();
    Account account;
    account.pushed(2, 0, fill);
    ASSERT_EQ(prepare(ring, *producer, fill, Before::quiet, account), "");
    start_mpmc(ring, first, plan_of(first, one, SIGKILL), fresh_report(), *results[0], 1, true).wait();
    start_mpmc(ring, second, plan_of(second, two, SIGKILL), fresh_report(), *results[1], 4, true).wait();
    note_the_killed(first, *results[0], 1, account);
    note_the_killed(second, *results[1], 4, account);
    ASSERT_EQ(take_all_and_fill(*producer, *consumer, account, fill), "");
  }
}

// ---- Wrong on purpose: the checks above must find these.

using View = rtlane::detail::MpmcView<std::atomic<uint64_t>>;

template <class Kill>
std::string first_problem(Kill&& kill)
{
  for (uint64_t at = 1; at < 1000; ++at) {
    const Outcome outcome = kill(at);
    if (!outcome.problem.empty())
      return outcome.problem;
    if (outcome.finished)
      break;
  }
  return "";
}

TEST_F(MpmcKill, FindsAProducerThatPublishesBeforeItWrites)
{
  const MpmcOperation wrong = {"publish, then write", Side::pushes, 1, true, false, [](MpmcPlace& place) {
                                 const View view = rtlane::detail::mpmc_view(place.ring.channel().layout());
                                 const uint64_t tail = view.tail->tail.fetch_add(4);
                                 std::byte* slot = view.slot(tail);
                                 View::word_of(slot).store(tail | rtlane::detail::mpmc_written);
                                 std::memcpy(slot + view.value_offset, &place.elements[0], sizeof(Message));
                                 place.result.count = 1;
                               }};
  EXPECT_NE(first_problem([&](uint64_t at) { return kill_once(wrong, 1, Before::quiet, at); }), "");
}

TEST_F(MpmcKill, FindsAnIsolatedProducerThatPublishesBeforeItWrites)
{
  const MpmcOperation wrong = {
      "publish, then write", Side::pushes, 1, true, false, [](MpmcPlace& place) {
        const IsolatedRingView view = rtlane::detail::isolated_view(place.ring.channel().layout());
        auto* element = reinterpret_cast<std::byte*>(place.producer.claim());
        const auto slot = static_cast<uint64_t>(element - view.value_offset - view.slots) / view.stride;
        const uint64_t tail = view.tail->tail;
        IsolatedRingView::word_of(view.slot(slot)) = rtlane::detail::isolated_ready(tail);
        view.cell(tail) = view.base(tail) | (slot + 1);
        std::memcpy(element, &place.elements[0], sizeof(Message));
        view.tail->tail = tail + 1;
        place.result.count = 1;
      }};
  const std::string problem =
      first_problem([&](uint64_t at) { return kill_once(wrong, 1, Before::quiet, at, RTLANE_MODE_ISOLATED); });
  EXPECT_NE(problem.find("torn"), std::string::npos) << problem;
}

TEST_F(MpmcKill, FindsAProducerThatDoesNotAnnounceItsTicket)
{
  const MpmcOperation wrong = {"push unannounced", Side::pushes, 1, true, false, [](MpmcPlace& place) {
                                 const View view = rtlane::detail::mpmc_view(place.ring.channel().layout());
                                 const uint64_t tail = view.tail->tail.fetch_add(4);
                                 std::byte* slot = view.slot(tail);
                                 std::memcpy(slot + view.value_offset, &place.elements[0], sizeof(Message));
                                 View::word_of(slot).store(tail | rtlane::detail::mpmc_written);
                                 place.result.count = 1;
                               }};
  const std::string problem = first_problem([&](uint64_t at) { return kill_once(wrong, 1, Before::quiet, at); });
  EXPECT_NE(problem.find("corrupt"), std::string::npos) << problem;
}

TEST_F(MpmcKill, FindsAConsumerThatForgetsAnElement)
{
  const MpmcOperation wrong = {"pop two, copy one", Side::pops, 1, true, false, [](MpmcPlace& place) {
                                 const View view = rtlane::detail::mpmc_view(place.ring.channel().layout());
                                 place.result.count = place.consumer.try_pop(place.result.out[0]) == Status::ok;
                                 view.head->head.fetch_add(4);
                               }};
  EXPECT_NE(first_problem([&](uint64_t at) { return kill_once(wrong, 3, Before::quiet, at); }), "");
}

}  // namespace
}  // namespace rtlane::test
