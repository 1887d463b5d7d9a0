#include "participant.hpp"

#include <rtlane/rt/noise.hpp>

#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "../support/process.hpp"

namespace rtlane::bench {
namespace {

constexpr long look_ns = 50'000;
constexpr long pause_ns = 50'000;

// A message says whose it is.
constexpr unsigned part_shift = 56;

void sleep_ns(long ns)
{
  const timespec time{0, ns};
  ::nanosleep(&time, nullptr);
}

Order order_of(const Board& board)
{
  return board.order.load(std::memory_order_acquire);  // G2, pairs with G1
}

// Tells the board of every operation, and how long it took. What that costs lies outside them.
class Watch {
public:
  Watch(Board& board, PartState& state, const TickClock& clock)
      : board_(board),
        state_(state),
        clock_(clock),
        meter_({}, clock, {.threshold_ns = wait_threshold_ns, .attribute_ns = wait_threshold_ns})
  {
    meter_.begin();
  }

  // The thread slept because it wanted to.
  void resume() { meter_.resume(); }

  template <class Operation>
  auto operation(Operation&& run)
  {
    if (meter_.poll(ticks()))
      add(state_.pause_count, state_.pauses, meter_.last(), meter_.last().length_ticks);
    const std::uint64_t begin = ticks();
    state_.inside_since.store(begin, std::memory_order_relaxed);  // relaxed: whoever looks sees it soon enough
    const auto answer = run();
    const std::uint64_t end = ticks();
    state_.inside_since.store(0, std::memory_order_relaxed);  // relaxed: as above
    if (meter_.poll(end)) {
      const rt::Gap& gap = meter_.last();
      // Who sleeps inside an operation does so on the channel's behalf; who waits for a CPU or a disk does not.
      add(state_.wait_count, state_.waits, gap,
          gap.moved.majflt > 0 ? gap.length_ticks : clock_.ticks_of_ns(gap.moved.run_delay_ns));
    } else if (in_window(begin, end) && end - begin > longest_) {
      longest_ = end - begin;
      state_.longest_ticks.store(longest_, std::memory_order_relaxed);  // relaxed: ordered by B1, or its writer is dead
    }
    state_.operations.store(++operations_, std::memory_order_relaxed);  // relaxed: as inside_since
    return answer;
  }

private:
  [[nodiscard]] bool in_window(std::uint64_t begin, std::uint64_t end) const
  {
    // relaxed: when it is seen a moment late, an operation of that moment is missed
    const std::uint64_t from = board_.window_begin.load(std::memory_order_relaxed);
    const std::uint64_t to = board_.window_end.load(std::memory_order_relaxed);
    return from != 0 && end > from && (to == 0 || begin < to);
  }

  void add(std::atomic<std::uint32_t>& count, std::array<Wait, PartState::waits_max>& waits, const rt::Gap& gap,
           std::uint64_t excused_ticks)
  {
    if (!in_window(gap.begin_ticks, gap.begin_ticks + gap.length_ticks))
      return;
    const std::uint32_t at = count.load(std::memory_order_relaxed);  // relaxed: only this thread writes it
    if (at == PartState::waits_max)
      return;
    waits[at] = {gap.begin_ticks, gap.length_ticks, std::min(excused_ticks, gap.length_ticks)};
    count.store(at + 1, std::memory_order_release);  // W1, pairs with W2
  }

  Board& board_;
  PartState& state_;
  const TickClock& clock_;
  rt::GapMeter meter_;
  std::uint64_t longest_ = 0;
  std::uint64_t operations_ = 0;
};

// Of the victim, whom nobody asks how long he waited: as little as possible beside the operations, so that the blow
// falls into them.
class Glance {
public:
  explicit Glance(PartState& state) : state_(state) {}

  void resume() {}

  template <class Operation>
  auto operation(Operation&& run)
  {
    // relaxed throughout: as in Watch
    state_.inside_since.store(1, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);  // not moved into the operation by the compiler
    const auto answer = run();
    std::atomic_signal_fence(std::memory_order_seq_cst);
    state_.inside_since.store(0, std::memory_order_relaxed);
    state_.operations.store(++operations_, std::memory_order_relaxed);
    return answer;
  }

private:
  PartState& state_;
  std::uint64_t operations_ = 0;
};

template <class AnyWatch>
void send_messages(AnyEnd& end, Board& board, const Role& role, AnyWatch& watch)
{
  Stream& stream = board.stream(role.part);
  const bool dated = role.part == Part::other_producer;
  for (std::uint64_t number = 1; number <= role.messages_max; ++number) {
    if (number > role.messages_fast) {
      sleep_ns(pause_ns);
      watch.resume();
    }
    if (dated)
      board.ages.tried_ticks[number].store(ticks(), std::memory_order_relaxed);  // relaxed: as longest_ticks
    const std::uint64_t message = static_cast<std::uint64_t>(role.part) << part_shift | number;
    do {
      if (order_of(board) >= Order::end_producers)
        return;
    } while (!watch.operation([&] { return end.try_send(message); }));
    stream.sent.store(number, std::memory_order_relaxed);  // relaxed: as longest_ticks
  }
}

template <class AnyWatch>
void receive_messages(AnyEnd& end, Board& board, AnyWatch& watch)
{
  while (order_of(board) < Order::end_all) {
    std::uint64_t message = 0;
    const Received received = watch.operation([&] { return end.try_receive(message); });
    if (received == Received::nothing)
      continue;
    // relaxed throughout: one consumer at a time writes, and who reads does so after its end
    const std::uint64_t part = message >> part_shift;
    const std::uint64_t number = message & ((std::uint64_t{1} << part_shift) - 1);
    if (received == Received::torn || part >= part_count || number == 0 || number > Stream::numbers_max) {
      board.torn.store(board.torn.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
      continue;
    }
    Stream& stream = board.streams[part];
    const std::uint8_t times = stream.times[number].load(std::memory_order_relaxed);
    if (times < UINT8_MAX)
      stream.times[number].store(static_cast<std::uint8_t>(times + 1), std::memory_order_relaxed);
    if (times == 0)
      stream.received.store(stream.received.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    if (part == static_cast<std::uint64_t>(Part::other_producer) && number <= Ages::numbers_max)
      board.ages.came_ticks[number].store(ticks(), std::memory_order_relaxed);
  }
}

Board* board_of_halted = nullptr;

void halt(int)
{
  const int error = errno;
  const auto self = static_cast<pid_t>(::syscall(SYS_gettid));
  for (PartState& part : board_of_halted->parts) {
    // relaxed throughout: nothing depends on what else was written
    if (part.thread.load(std::memory_order_relaxed) == self)
      part.halted.store(1, std::memory_order_relaxed);
  }
  while (board_of_halted->let_go.load(std::memory_order_relaxed) == 0)
    sleep_ns(look_ns);
  errno = error;
}

}  // namespace

namespace {

template <class AnyWatch>
void work(AnyEnd& end, Board& board, const Role& role, AnyWatch& watch)
{
  PartState& state = board.of(role.part);
  state.stage.store(Stage::attached, std::memory_order_release);  // B1, pairs with B2
  while (order_of(board) == Order::wait)
    sleep_ns(look_ns);
  watch.resume();
  if (role.receives)
    receive_messages(end, board, watch);
  else
    send_messages(end, board, role, watch);
  state.stage.store(Stage::finished, std::memory_order_release);  // B1, pairs with B2
  // What one side has sent may go with its end.
  while (order_of(board) != Order::leave)
    sleep_ns(look_ns);
}

}  // namespace

void take_part(AnyLink& link, Board& board, const Role& role, const TickClock& clock)
{
  PartState& state = board.of(role.part);
  state.thread.store(static_cast<pid_t>(::syscall(SYS_gettid)), std::memory_order_relaxed);  // relaxed: ordered by B1
  pin(role.cpu);
  const std::unique_ptr<AnyEnd> end = role.receives ? link.far_end() : link.near_end();
  if (role.victim) {
    Glance glance(state);
    work(*end, board, role, glance);
  } else {
    Watch watch(board, state, clock);
    work(*end, board, role, watch);
  }
}

int halt_signal()
{
  return SIGRTMIN + 3;
}

void halt_threads_on_signal(Board& board)
{
  board_of_halted = &board;
  struct sigaction action = {};
  action.sa_handler = halt;
  action.sa_flags = SA_RESTART;
  must(::sigaction(halt_signal(), &action, nullptr) == 0, "sigaction");
}

}  // namespace rtlane::bench
