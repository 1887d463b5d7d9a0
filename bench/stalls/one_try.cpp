#include "one_try.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "../peers/link_room.hpp"
#include "collect.hpp"
#include "own_time.hpp"
#include "participant.hpp"

namespace rtlane::bench {
namespace {

using namespace std::chrono_literals;

constexpr auto look_time = 300us;
constexpr auto attach_time = 30s;  // of a first end: a peer's daemon may have to be found
constexpr auto leave_time = 1s;
constexpr std::uint64_t successor_attach_ns = 5'000'000'000;
constexpr std::uint64_t sample_ns = 1'000'000;
constexpr std::uint64_t settle_ns = 20'000'000;  // in which a message that was sent has come
constexpr std::uint64_t more_messages = 5;       // of it that have to come after the blow
constexpr std::uint64_t successor_messages = 256;

void sleep_ns(std::uint64_t ns)
{
  std::this_thread::sleep_for(std::chrono::nanoseconds(ns));
}

class Try {
public:
  Try(const AnyLinkMaker& maker, Board& board, const TryPlan& plan, const TickClock& clock)
      : maker_(maker), board_(board), plan_(plan), clock_(clock)
  {}

  TryOutcome run()
  {
    board_.clear();
    start();
    if (!outcome_.failure.empty())
      return end();
    give(Order::go);
    sleep_ns(plan_.before_ns);
    for (const Part part : parts_) {
      if (has_ended(part)) {
        outcome_.failure = sentence();
        return end();
      }
    }
    strike();
    if (plan_.blow == Blow::kill)
      follow_kill();
    else
      follow_stop();
    finish();
    return end();
  }

private:
  enum class Headway { made, none, ended };

  // ---- starting and ending

  [[nodiscard]] Role role(Part part) const
  {
    const Part victim = victim_part();
    switch (part) {
      case Part::producer:
      case Part::consumer:
        return {part,
                part == Part::consumer,
                part == victim,
                part == victim ? plan_.cpus.far : plan_.cpus.near,
                Stream::numbers_max,
                Stream::numbers_max / 2};
      case Part::other_producer:
        return {part, false, false, plan_.other_cpu, Ages::numbers_max, 0};
      case Part::successor:
        return {part, victim == Part::consumer, true, plan_.cpus.far, successor_messages, successor_messages};
    }
    return {};
  }

  [[nodiscard]] Part victim_part() const { return plan_.victim == Victim::consumer ? Part::consumer : Part::producer; }
  [[nodiscard]] bool crowd() const { return plan_.victim == Victim::one_of_two_producers; }

  [[nodiscard]] std::vector<Part> survivors() const
  {
    std::vector<Part> left = parts_;
    std::erase(left, victim_part());
    std::erase(left, Part::successor);
    return left;
  }

  void start()
  {
    parts_ = {Part::consumer, Part::producer};
    if (crowd())
      parts_.push_back(Part::other_producer);
    if (plan_.threads) {
      board_.host.store(host_ = start_process([&] {
                          die_into(board_.failure);
                          const Made made(maker_);
                          halt_threads_on_signal(board_);
                          std::vector<std::thread> threads;
                          for (const Part part : parts_)
                            threads.emplace_back([&, part] { take_part(*made.link, board_, role(part), clock_); });
                          for (std::thread& thread : threads)
                            thread.join();
                        }),
                        std::memory_order_relaxed);  // relaxed: for who finds this process ended
    } else {
      made_.emplace(maker_);
      for (const Part part : parts_)
        start_part(part);
    }
    const auto deadline = std::chrono::steady_clock::now() + attach_time;
    for (const Part part : parts_) {
      while (board_.of(part).stage.load(std::memory_order_acquire) == Stage::absent) {  // B2, pairs with B1
        if (has_ended(part)) {
          outcome_.failure = sentence();
          return;
        }
        if (std::chrono::steady_clock::now() > deadline) {
          outcome_.failure = fmt::format("its ends did not find each other within {} s", attach_time / 1s);
          outcome_.no_ends = true;
          return;
        }
        std::this_thread::sleep_for(look_time);
      }
    }
  }

  struct Made {
    explicit Made(const AnyLinkMaker& maker) : shared(link_bytes(maker.bytes))
    {
      LinkRoom room{shared, link_name(maker.info, maker.bytes)};
      link = maker.make(room);
    }
    SharedRoom shared;
    std::unique_ptr<AnyLink> link;
  };

  void start_part(Part part)
  {
    process(part) = start_process([&] {
      die_into(board_.failure);
      take_part(*made_->link, board_, role(part), clock_);
    });
    // relaxed: for who finds this process ended
    board_.of(part).process.store(process(part), std::memory_order_relaxed);
  }

  TryOutcome end()
  {
    give(Order::leave);
    const auto deadline = std::chrono::steady_clock::now() + leave_time;
    std::vector<pid_t*> left = {&host_};
    for (pid_t& one : processes_)
      left.push_back(&one);
    for (pid_t* const one : left) {
      const bool hopeless = outcome_.stuck || !outcome_.failure.empty() || (host_ != 0 && plan_.blow == Blow::kill);
      while (*one != 0 && !hopeless && std::chrono::steady_clock::now() < deadline && !reap(*one, WNOHANG))
        std::this_thread::sleep_for(look_time);
      if (*one != 0) {
        ::kill(*one, SIGKILL);
        reap(*one, 0);
      }
    }
    return std::move(outcome_);
  }

  // ---- processes

  [[nodiscard]] pid_t& process(Part part) { return processes_[static_cast<std::size_t>(part)]; }

  // Whether it has ended; then it is 0.
  static bool reap(pid_t& process, int flags)
  {
    pid_t answer = 0;
    while ((answer = ::waitpid(process, nullptr, flags)) < 0 && errno == EINTR) {
    }
    if (answer == 0)
      return false;
    process = 0;
    return true;
  }

  [[nodiscard]] bool has_ended(Part part)
  {
    pid_t& whose = plan_.threads ? host_ : process(part);
    return whose == 0 || reap(whose, WNOHANG);
  }

  [[nodiscard]] std::string sentence() const
  {
    return board_.failure[0] != '\0' ? std::string(board_.failure.data()) : "a participant ended";
  }

  [[nodiscard]] pid_t thread(Part part)
  {
    return board_.of(part).thread.load(std::memory_order_relaxed);  // relaxed: ordered by B1
  }

  // ---- the blow

  void strike()
  {
    const Part victim = victim_part();
    PartState& state = board_.of(victim);
    for (const Part part : survivors())
      own_times_.add(thread(part));
    board_.window_begin.store(ticks(), std::memory_order_relaxed);  // relaxed: as in participant.cpp
    if (plan_.blow == Blow::none)
      return;
    if (plan_.threads) {
      ::syscall(SYS_tgkill, host_, thread(victim), halt_signal());
      while (state.halted.load(std::memory_order_relaxed) == 0 && !has_ended(victim))  // relaxed: only waited for
        std::this_thread::sleep_for(look_time);
    } else if (plan_.blow == Blow::stop) {
      ::kill(process(victim), SIGSTOP);
      int status = 0;
      while (::waitpid(process(victim), &status, WUNTRACED) < 0 && errno == EINTR) {
      }
      if (!WIFSTOPPED(status)) {
        process(victim) = 0;
        outcome_.failure = sentence();
        return;
      }
    } else {
      ::kill(process(victim), SIGKILL);
      reap(process(victim), 0);
    }
    // relaxed: the kernel has stopped it
    outcome_.inside = state.inside_since.load(std::memory_order_relaxed) != 0;
    if (plan_.blow == Blow::kill)
      std::erase(parts_, victim);
  }

  void follow_stop()
  {
    if (!outcome_.failure.empty())
      return;
    for (const auto end = std::chrono::steady_clock::now() + std::chrono::nanoseconds(plan_.stop_ns);
         std::chrono::steady_clock::now() < end;) {
      sleep_ns(std::min(plan_.stop_ns, sample_ns));
      static_cast<void>(own_times_.look_least_ns());
    }
    board_.window_end.store(ticks(), std::memory_order_relaxed);  // relaxed: as in participant.cpp
    own_ns_ = own_times_.look_least_ns();
    board_.let_go.store(1, std::memory_order_relaxed);  // relaxed: only waited for
    if (plan_.blow == Blow::stop && !plan_.threads)
      ::kill(process(victim_part()), SIGCONT);
    for (const Part part : parts_)
      judge(await_operation(part));
    if (crowd() && !outcome_.stuck)
      judge(await_flow(Part::other_producer, sent(Part::other_producer), more_messages));
  }

  void follow_kill()
  {
    sleep_ns(settle_ns / 10);
    for (const Part part : parts_)
      judge(await_operation(part));
    if (outcome_.stuck)
      return;
    if (crowd())
      judge(await_flow(Part::other_producer, sent(Part::other_producer), more_messages));
    else if (!plan_.threads)
      succeed();
  }

  // Somebody comes in the victim's place.
  void succeed()
  {
    if (victim_part() == Part::producer)
      drain();
    const std::uint64_t before = received(Part::producer);
    start_part(Part::successor);
    const PartState& state = board_.of(Part::successor);
    std::optional<OwnTime> time;
    while (state.stage.load(std::memory_order_acquire) == Stage::absent) {  // B2, pairs with B1
      if (has_ended(Part::successor)) {
        outcome_.successor = Successor::refused;
        outcome_.note = sentence();
        return;
      }
      if (!time)
        time.emplace(process(Part::successor));
      if (time->look_ns() > successor_attach_ns) {
        outcome_.stuck = true;
        outcome_.note = "a successor could not attach";
        return;
      }
      std::this_thread::sleep_for(look_time);
    }
    parts_.push_back(Part::successor);
    judge(victim_part() == Part::producer ? await_flow(Part::successor, 0, successor_messages)
                                          : await_flow(Part::producer, before, successor_messages));
    if (!outcome_.stuck)
      outcome_.successor = Successor::went_on;
  }

  void judge(Headway headway)
  {
    if (headway == Headway::made)
      return;
    outcome_.stuck = true;
    if (headway == Headway::ended)
      outcome_.note = sentence();
  }

  // ---- who gets on

  // Until done(), which `needed` work for. Nobody is stuck before all who take part have had the time: who waits for
  // somebody who waits for a CPU does not wait for the victim. progress() starts the time anew when it changes.
  template <class Done, class Progress>
  Headway await(std::initializer_list<Part> needed, Done&& done, Progress&& progress)
  {
    OwnTimes times;
    for (const Part part : parts_)
      times.add(thread(part));
    for (std::uint64_t before = progress(); !done();) {
      for (const Part part : needed) {
        if (has_ended(part))
          return Headway::ended;
      }
      if (const std::uint64_t now = progress(); now != before) {
        before = now;
        times.restart();
      }
      if (times.look_least_ns() > plan_.stuck_ns + patience_ns(plan_.blocks, plan_.victim))
        return Headway::none;
      std::this_thread::sleep_for(look_time);
    }
    return Headway::made;
  }

  [[nodiscard]] bool has_finished(Part part) const
  {
    return board_.of(part).stage.load(std::memory_order_acquire) == Stage::finished;  // B2, pairs with B1
  }

  // Until it has finished an operation, or all that it had to do.
  Headway await_operation(Part part)
  {
    const PartState& state = board_.of(part);
    // relaxed: looked at again and again
    const auto operations = [&] { return state.operations.load(std::memory_order_relaxed); };
    const std::uint64_t before = operations();
    return await(
        {part}, [&] { return operations() != before || has_finished(part); }, operations);
  }

  Headway await_end(Part part)
  {
    return await(
        {part}, [&] { return has_finished(part); }, [] { return std::uint64_t{0}; });
  }

  [[nodiscard]] Part receiver() const
  {
    return plan_.blow == Blow::kill && plan_.victim == Victim::consumer ? Part::successor : Part::consumer;
  }

  [[nodiscard]] std::uint64_t received(Part of)
  {
    return board_.stream(of).received.load(std::memory_order_relaxed);  // relaxed: looked at again and again
  }
  [[nodiscard]] std::uint64_t sent(Part of)
  {
    return board_.stream(of).sent.load(std::memory_order_relaxed);  // relaxed: as above
  }

  // Until so many messages of that producer have come beyond the first `start`; fewer when it has ended.
  Headway await_flow(Part of, std::uint64_t start, std::uint64_t more)
  {
    const auto is_enough = [&] {
      return received(of) >= start + more || (has_finished(of) && (received(of) > start || received(of) >= sent(of)));
    };
    return await({of, receiver()}, is_enough, [&] { return received(of); });
  }

  // Until everything has come that was accepted, or nothing comes any more.
  void drain()
  {
    OwnTime time(thread(receiver()));
    const auto total = [&](auto&& of) { return of(Part::producer) + of(Part::other_producer) + of(Part::successor); };
    const auto came = [&] { return total([&](Part part) { return received(part); }); };
    const auto all = [&] { return total([&](Part part) { return sent(part); }); };
    for (std::uint64_t before = came();
         before < all() && time.look_ns() < settle_ns + patience_ns(plan_.blocks, plan_.victim);) {
      if (has_ended(receiver()))
        return;
      std::this_thread::sleep_for(look_time);
      if (const std::uint64_t now = came(); now != before) {
        before = now;
        time.restart();
      }
    }
  }

  void give(Order order)
  {
    board_.order.store(order, std::memory_order_release);  // G1, pairs with G2
  }

  // Everybody comes to an end, and what was found out is put together.
  void finish()
  {
    if (!outcome_.failure.empty())
      return;
    const bool somebody_receives = std::find(parts_.begin(), parts_.end(), receiver()) != parts_.end();
    if (!outcome_.stuck) {
      give(Order::end_producers);
      for (const Part part : parts_) {
        if (!role(part).receives)
          judge(await_end(part));
      }
      if (somebody_receives)
        drain();
      give(Order::end_all);
      if (somebody_receives)
        judge(await_end(receiver()));
    }
    collect(board_, plan_, clock_, survivors(), own_ns_, outcome_);
    if (!outcome_.stuck && somebody_receives)
      count_lost(board_, outcome_);
  }

  const AnyLinkMaker& maker_;
  Board& board_;
  const TryPlan& plan_;
  const TickClock& clock_;
  TryOutcome outcome_;
  std::vector<Part> parts_;   // who can do something
  OwnTimes own_times_;        // of the survivors, since the blow
  std::uint64_t own_ns_ = 0;  // the least of them at the end of the stop
  std::optional<Made> made_;
  pid_t host_ = 0;                             // of the threads
  std::array<pid_t, part_count> processes_{};  // 0: none, or it has ended
};

}  // namespace

TryOutcome run_try(const AnyLinkMaker& maker, Board& board, const TryPlan& plan, const TickClock& clock)
{
  return Try(maker, board, plan, clock).run();
}

}  // namespace rtlane::bench
