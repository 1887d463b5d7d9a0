#include "columns.hpp"

#include <rtlane/core/namespace.h>
#include <rtlane/rt/thread.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <random>
#include <span>
#include <thread>

#include "../support/process.hpp"
#include "../support/shared_room.hpp"

namespace rtlane::bench {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto look_time = 10ms;
// A try takes that long only if it hangs where nothing of it should: its link cannot be made or taken apart.
constexpr auto hang_time = 90s;
constexpr unsigned failures_max = 2;   // in a row
constexpr unsigned undecided_max = 5;  // then a try counts as it is

// Participants have worked for at least so long before the blow, which comes at a random instant of the time after.
constexpr std::uint64_t warm_up_ns = 500'000;
constexpr std::uint64_t random_ns = 1'000'000;

constexpr std::size_t columns_max = 9;

struct Shared {
  std::atomic<std::uint32_t> tries;  // of all columns
  std::atomic<std::uint32_t> beats;  // the same with those that did not count
  std::size_t column_count;
  std::array<Column, columns_max> columns;
  std::array<char, 300> failure;
  Board board;
};

void copy(const std::string& from, std::span<char> to)
{
  to[from.copy(to.data(), to.size() - 1)] = '\0';
}

TryPlan try_plan(const AnyLinkMaker& maker, const StallPlan& plan, const Placement& place, const Column& column,
                 std::uint64_t random)
{
  const std::vector<int> allowed = rt::allowed_cpus();
  // What the other producer does with its pauses has a CPU of its own where there is one.
  const auto third = std::find_if(allowed.begin(), allowed.end(),
                                  [&](int cpu) { return cpu != place.cpus.near && cpu != place.cpus.far; });
  const bool blocks = maker.info.blocks;
  return {column.victim,
          column.blow,
          place.threads || maker.info.reach == Reach::threads,
          blocks,
          place.cpus,
          third == allowed.end() ? place.cpus.far : *third,
          warm_up_ns + random % random_ns,
          stop_ns(plan, blocks, column.victim),
          plan.stuck_ns,
          delay_ns(plan, column.blow, blocks, column.victim)};
}

// Columns with kills, or those without. Each once in each turn, so that they see the same machine.
void measure(const AnyLinkMaker& maker, const StallPlan& plan, const Placement& place, bool kills, Shared& shared)
{
  if (maker.info.prepare != nullptr)
    maker.info.prepare();
  std::mt19937_64 random(plan.seed);
  std::array<std::chrono::duration<double>, columns_max> taken{};
  unsigned failures = 0;
  Column* killed = nullptr;  // the column of the latest try, if that was a kill
  for (unsigned turn = 0; turn < plan.tries; ++turn) {
    for (std::size_t i = 0; i < shared.column_count; ++i) {
      Column& column = shared.columns[i];
      if ((column.blow == Blow::kill) != kills || taken[i].count() > plan.column_s_max)
        continue;
      const auto start = Clock::now();
      for (unsigned undecided = 0;;) {
        const TryPlan one = try_plan(maker, plan, place, column, random());
        const TryOutcome outcome = run_try(maker, shared.board, one, place.clock);
        shared.beats.fetch_add(1, std::memory_order_relaxed);  // relaxed: only shown
        if (outcome.no_ends && killed != nullptr) {
          // What all links of the kind share, a daemon perhaps, has not got over it.
          killed->stuck = std::min(killed->stuck + 1, killed->tries);  // that try may count already
          copy("after it no new link could be set up: " + outcome.failure, killed->note);
          return;
        }
        if (!outcome.failure.empty()) {
          if (++failures < failures_max)
            continue;
          copy(outcome.failure, shared.failure);
          return;
        }
        failures = 0;
        if (outcome.undecided && !outcome.stuck && ++undecided < undecided_max)
          continue;
        column.add(outcome);
        killed = kills ? &column : nullptr;
        break;
      }
      taken[i] += Clock::now() - start;
      shared.tries.fetch_add(1, std::memory_order_relaxed);  // relaxed: only shown
    }
  }
}

// What libraries print of deaths that are caused on purpose helps nobody.
void be_quiet()
{
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  must(::dup2(nowhere, STDOUT_FILENO) >= 0 && ::dup2(nowhere, STDERR_FILENO) >= 0, "/dev/null");
}

void wait_for(pid_t process)
{
  while (::waitpid(process, nullptr, 0) < 0 && errno == EINTR) {
  }
}

// What a leader that did not come to its end has left. Its children are this process's by now (adopt_orphans()), and
// dead or dying with it.
void clean_up(Board& board)
{
  std::vector<pid_t> left = {board.host.load(std::memory_order_relaxed)};  // relaxed: its writer is dead
  for (PartState& part : board.parts)
    left.push_back(part.process.load(std::memory_order_relaxed));  // relaxed: as above
  for (const pid_t process : left) {
    siginfo_t info{};
    // A number that is no child of this process may be somebody else's by now.
    if (process == 0 || ::waitid(P_PID, static_cast<id_t>(process), &info, WEXITED | WNOHANG | WNOWAIT) != 0)
      continue;
    ::kill(process, SIGKILL);
    wait_for(process);
  }
}

// Runs body() in a process that is given up when no try ends.
template <class Body, class Show>
void run_leader(Body&& body, Shared& shared, Show&& show)
{
  const pid_t leader = start_process([&] {
    die_into(shared.failure);
    be_quiet();
    body();
    std::exit(0);  // not _Exit: a peer's daemon is ended by a destructor
  });
  std::uint32_t seen = 0;
  int status = 0;
  for (auto since = Clock::now(); ::waitpid(leader, &status, WNOHANG) != leader;) {
    std::this_thread::sleep_for(look_time);
    // relaxed: only shown, and looked at again and again
    show(shared.tries.load(std::memory_order_relaxed));
    if (const std::uint32_t beats = shared.beats.load(std::memory_order_relaxed); beats != seen) {
      seen = beats;
      since = Clock::now();
    } else if (Clock::now() - since > hang_time) {
      copy(fmt::format("no end of a try within {} s", hang_time / 1s), shared.failure);
      ::kill(leader, SIGKILL);
      wait_for(leader);
      break;
    }
  }
  if (WIFSIGNALED(status) && shared.failure[0] == '\0')
    copy(fmt::format("its process was killed by signal {}", WTERMSIG(status)), shared.failure);
  if (shared.failure[0] != '\0')
    clean_up(shared.board);
}

}  // namespace

void Column::add(const TryOutcome& outcome)
{
  ++tries;
  inside += outcome.inside ? 1 : 0;
  delayed += outcome.delayed ? 1 : 0;
  stuck += outcome.stuck ? 1 : 0;
  successors += outcome.successor == Successor::went_on ? 1 : 0;
  refused += outcome.successor == Successor::refused ? 1 : 0;
  longest_wait_ns = std::max(longest_wait_ns, outcome.longest_wait_ns);
  lost += outcome.lost;
  lost_most = std::max(lost_most, outcome.lost);
  doubled += outcome.doubled;
  torn += outcome.torn;
  if (note[0] == '\0')
    copy(outcome.note, note);
}

const Column* StallFigures::find(Victim victim, Blow blow) const
{
  const auto found = std::find_if(columns.begin(), columns.end(),
                                  [&](const Column& one) { return one.victim == victim && one.blow == blow; });
  return found == columns.end() ? nullptr : &*found;
}

std::vector<Victim> victims_of(const LinkInfo& info)
{
  std::vector<Victim> victims = {Victim::producer, Victim::consumer};
  if (info.many)
    victims.push_back(Victim::one_of_two_producers);
  return victims;
}

std::uint64_t stop_ns(const StallPlan& plan, bool blocks, Victim victim)
{
  return plan.stop_ns + 2 * patience_ns(blocks, victim);
}

std::uint64_t delay_ns(const StallPlan& plan, Blow blow, bool blocks, Victim victim)
{
  return patience_ns(blocks, victim) + (blow == Blow::kill ? plan.stuck_ns : plan.stop_ns) / 2;
}

StallFigures measure_columns(const AnyLinkMaker& maker, const StallPlan& plan, const Placement& place,
                             const std::function<void(std::size_t, std::size_t)>& show)
{
  SharedRoom room(sizeof(Shared) + cache_line_bytes);
  Shared& shared = room.make<Shared>();
  for (const Victim victim : victims_of(maker.info)) {
    for (const Blow blow : {Blow::none, Blow::stop, Blow::kill}) {
      Column& column = shared.columns[shared.column_count++];
      column.victim = victim;
      column.blow = blow;
    }
  }
  StallFigures figures;
  // Kills in a process of their own, which comes last: what they leave behind in a peer's daemon touches nothing else.
  for (const bool kills : {false, true}) {
    if (shared.failure[0] != '\0')
      break;
    run_leader([&] { measure(maker, plan, place, kills, shared); }, shared,
               [&](std::uint32_t done) { show(done, plan.tries * shared.column_count); });
  }
  figures.failure = shared.failure.data();
  rtlane_gc(nullptr, nullptr);  // what killed processes held is there until somebody looks
  for (std::size_t i = 0; i < shared.column_count; ++i)
    figures.columns.push_back(shared.columns[i]);
  return figures;
}

}  // namespace rtlane::bench
