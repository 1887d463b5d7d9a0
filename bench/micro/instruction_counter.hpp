// Counts the instructions of one function by stepping through it. Where that is not possible (step_unavailable())
// nothing is counted.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

#include "../support/single_step.hpp"

namespace rtlane::bench::micro {

struct StepCounts {
  std::uint64_t own = 0;        // instructions in this program, into which rtlane is linked
  std::uint64_t calls = 0;      // times that it left for another library
  std::uint64_t elsewhere = 0;  // instructions there

  friend bool operator==(const StepCounts&, const StepCounts&) = default;
};

namespace detail {

// Of the function that is stepped. Written by a signal handler of the same thread.
inline StepCounts step_counts;
inline const unsigned char* step_at = nullptr;

void count_step(const unsigned char* next);

}  // namespace detail

// Not inlined and not specialized for the functions that it is called with: around each it takes the same.
template <class Scene, class Answer>
#if defined(__clang__)
[[gnu::noinline]]
#else
[[gnu::noipa]]
#endif
StepCounts
step_through(Answer (*function)(Scene&), Scene& scene, Answer& answer)
{
  detail::step_counts = {};
  detail::step_at = nullptr;
  single_step(&detail::count_step, [&] { answer = function(scene); });
  return detail::step_counts;
}

// For functions that answer nothing, at the cost of no instruction.
template <class Answer = int>
[[gnu::always_inline]] inline Answer no_answer()
{
  Answer answer;
  asm volatile("" : "=r"(answer));
  return answer;
}

// The instructions of function(scene) on a new scene after prepare(scene), without those that an empty function takes
// here: its call, its return, and the steps of what ends the stepping. is_right(scene, answer) says whether it did what
// it had to.
template <class Scene, class Answer>
StepCounts count_function(const std::string& name, void (*prepare)(Scene&), Answer (*function)(Scene&),
                          bool (*is_right)(Scene&, Answer))
{
  const auto once = [&](Answer (*called)(Scene&)) {
    const auto scene = std::make_unique<Scene>();
    prepare(*scene);
    Answer answer{};
    const StepCounts counts = step_through(called, *scene, answer);
    if (called == function && !is_right(*scene, answer))
      throw std::runtime_error(name + " does not answer as it must");
    return counts;
  };
  const auto empty = +[](Scene&) { return no_answer<Answer>(); };
  // The first call of a function of another library looks it up.
  once(function);
  const StepCounts around = once(empty);
  const StepCounts counts = once(function);
  if (counts != once(function) || around != once(empty))
    throw std::runtime_error(name + " does not take the same instructions twice");
  return {counts.own - around.own, counts.calls - around.calls, counts.elsewhere - around.elsewhere};
}

}  // namespace rtlane::bench::micro
