// Tells without a system call whether the calling thread entered the kernel and may have lost its CPU there.
//
//   rtlane::rt::PreemptionWitness witness;
//   witness.arm();
//   ...
//   if (witness.tripped()) { ask the kernel's counters what it was; witness.arm(); }
//
// The trap: each thread has a `struct rseq` that it shares with the kernel (restartable sequences, Linux 4.18; glibc
// registers it since 2.35). arm() points its rseq_cs at a critical section whose range never holds the thread's
// instruction pointer. When the kernel returns to the thread after it preempted, migrated or signalled it, it looks
// whether the section has to be aborted, finds that the thread is outside, and clears the pointer.
//
// A trip is a hint, no proof: some interrupts clear the pointer too (about ten a second on an idle CPU). The reverse
// holds: a thread whose trap is as armed was not switched away since. A page fault or a system call alone leaves it.
//
// Where the trap is not there (musl, old glibc or kernel, GLIBC_TUNABLES=glibc.pthread.rseq=0) is_available() is false,
// arm() does nothing and tripped() stays false.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#if __has_include(<sys/rseq.h>) && defined(__has_builtin)
#if __has_builtin(__builtin_thread_pointer)
#include <sys/rseq.h>
#define RTLANE_HAS_RSEQ 1
#endif
#endif

namespace rtlane::rt {
namespace detail {

#if defined(RTLANE_HAS_RSEQ)
// A critical section as the kernel reads it (struct rseq_cs, which old headers spell differently), and what it demands
// in front of the place where an aborted section goes on: the signature; without it the thread gets a SIGSEGV. No code
// is here, so no thread ever runs in the section.
struct alignas(32) RseqTrap {
  std::uint32_t version = 0;
  std::uint32_t flags = 0;
  std::uint64_t start_ip = reinterpret_cast<std::uintptr_t>(this);
  std::uint64_t post_commit_offset = 1;  // bytes from start_ip
  std::uint64_t abort_ip = reinterpret_cast<std::uintptr_t>(&landing);
  std::uint32_t signature = RSEQ_SIG;
  std::uint32_t landing = 0;

  RseqTrap() = default;
  RseqTrap(const RseqTrap&) = delete;
  RseqTrap& operator=(const RseqTrap&) = delete;
};
static_assert(offsetof(RseqTrap, start_ip) == 8 && offsetof(RseqTrap, abort_ip) == 24, "the kernel's layout");
static_assert(offsetof(RseqTrap, landing) == offsetof(RseqTrap, signature) + 4, "the signature is right in front");
#endif

}  // namespace detail

// Belongs to the thread that made it: made, used and destroyed there. One in a thread at a time, and no other user of
// rseq_cs beside it: a section that something else enters (tcmalloc, LTTng) reads as a trip, which costs time but
// claims nothing.
class PreemptionWitness {
public:
  PreemptionWitness() noexcept
  {
#if defined(RTLANE_HAS_RSEQ)
    constexpr std::size_t rseq_cs_offset = 8;  // of struct rseq
    if (__rseq_size >= rseq_cs_offset + sizeof(std::uint64_t)) {
      static const detail::RseqTrap trap;  // the kernel may read it as long as any thread is armed
      trap_ = reinterpret_cast<std::uintptr_t>(&trap);
      word_ = reinterpret_cast<std::uint64_t*>(static_cast<char*>(__builtin_thread_pointer()) + __rseq_offset +
                                               rseq_cs_offset);
    }
#endif
  }
  PreemptionWitness(const PreemptionWitness&) = delete;
  PreemptionWitness& operator=(const PreemptionWitness&) = delete;
  ~PreemptionWitness()
  {
    disarm();
  }

  [[nodiscard]] bool is_available() const noexcept
  {
    return trap_ != 0;
  }

  // Sets the trap, anew after it tripped. Wait-free; one store.
  void arm() noexcept
  {
    armed_ = trap_;
    write(trap_);
  }

  // Whether it tripped since arm(); false before the first. Wait-free; one load, of a line that only this thread and
  // the kernel on its CPU write.
  [[nodiscard]] bool tripped() const noexcept
  {
    // relaxed: the kernel writes it on behalf of this very thread; nothing else is read on the strength of it
    return std::atomic_ref<std::uint64_t>(*word_).load(std::memory_order_relaxed) != armed_;
  }

  // Takes the trap away. Wait-free.
  void disarm() noexcept
  {
    if (armed_ != 0 && !tripped())
      write(0);
    armed_ = 0;
  }

private:
  // relaxed: as tripped()
  void write(std::uint64_t value) noexcept
  {
    std::atomic_ref<std::uint64_t>(*word_).store(value, std::memory_order_relaxed);
  }

  std::uint64_t absent_ = 0;  // stands in for a word that is not there
  std::uint64_t* word_ = &absent_;
  std::uint64_t trap_ = 0;   // 0 = not available
  std::uint64_t armed_ = 0;  // what the word holds until it trips
};

}  // namespace rtlane::rt

#undef RTLANE_HAS_RSEQ
