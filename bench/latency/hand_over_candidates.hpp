// What takes part in the hand-over benchmark: batons, of which there is one each way, and locks.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "../support/shared_room.hpp"

namespace rtlane::bench {

enum class CandidateKind {
  asleep,     // a baton that is kept until the other process has fallen asleep
  at_once,    // a baton that is passed on without delay
  lock,       // held for a moment
  long_lock,  // held until the other process has had to block
};

class Candidate {
public:
  Candidate() = default;
  Candidate(const Candidate&) = delete;
  Candidate& operator=(const Candidate&) = delete;
  virtual ~Candidate() = default;

  // "rtlane/event": who it is of comes first.
  [[nodiscard]] virtual const char* name() const = 0;
  [[nodiscard]] virtual CandidateKind kind() const = 0;

  // Before each segment, while the other process serves none.
  virtual void prepare() = 0;

  // The measuring process's side of a segment: adds a sample for each round trip of two hand-overs, in ticks, for that
  // long and until there are some.
  virtual void measure(std::uint64_t duration_ticks, std::vector<std::uint64_t>& samples) = 0;

  // The other process's side.
  virtual void serve() = 0;

  // Pass and take, or lock and unlock, while nobody else is there: adds samples of trips_per_sample such pairs. Not for
  // batons that are kept: there is nothing to keep them for.
  virtual void measure_alone(std::uint64_t duration_ticks, std::vector<std::uint64_t>& samples) = 0;
};

// Long enough that the other process has come to wait for a lock.
inline constexpr std::uint64_t lock_hold_ns = 2000;
// Long enough that it has fallen asleep, or has at least had the kernel wait.
inline constexpr std::uint64_t long_hold_ns = 10000;

// All of them; rtlane's are those whose names begin with "rtlane/".
std::vector<std::unique_ptr<Candidate>> make_candidates(SharedRoom& room, double ticks_per_ns);

}  // namespace rtlane::bench
