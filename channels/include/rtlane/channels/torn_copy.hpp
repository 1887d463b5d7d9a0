// Copies of bytes that the other side may write at the same time. The copy may come out torn; who made it finds out
// afterwards from a word that the writer changed *before* it wrote the bytes.
//
// In C++ such bytes must be atomic words, or the copy is a data race. They are relaxed, so on x86-64 and on aarch64 a
// word is a plain load or store; the order comes from one fence on each side.
//
//   writer:  mark.store(...)             reader:  load_torn(copy, words)
//            fence_before_store_torn()            fence_after_load_torn()
//            store_torn(words)                    mark.load(relaxed) unchanged? Then the copy is whole.
//
// Ordering
//   TW1 fence, release  ->  TR1 fence, acquire    a copy with one of the writer's words in it sees the writer's mark
//
// ThreadSanitizer does not follow fences. In its build, and only there, each word's store is a release and each load an
// acquire instead (TW2 release -> TR2 acquire): the same promise, which it can check.
//
// Compilers never join two atomic words. On x86-64 the reader therefore loads 16 bytes at a time, in assembler: what it
// reads is no access in the sense of C++, so no data race; the CPU performs loads of any width in program order; and
// the second look finds out about a torn one, so no width needs to be atomic. Faster than words of 8 bytes: 1 KiB in 26
// instead of 37 ticks, 64 bytes in 2.3 instead of 2.8. ThreadSanitizer's build has the words.
//
// Word is std::atomic<std::uint64_t>; tests put another one in its place.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#if defined(__SANITIZE_THREAD__)
#define RTLANE_TORN_COPY_WITHOUT_FENCES 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RTLANE_TORN_COPY_WITHOUT_FENCES 1
#endif
#endif

namespace rtlane::detail {

// Whole words that hold `bytes` bytes.
constexpr std::uint64_t torn_words(std::uint64_t bytes) noexcept
{
  return (bytes + 7) / 8;
}

// To be called between the mark and store_torn: no word is written before the mark is.
inline void fence_before_store_torn() noexcept
{
#if !defined(RTLANE_TORN_COPY_WITHOUT_FENCES)
  std::atomic_thread_fence(std::memory_order_release);  // TW1, pairs with TR1
#endif
}

// To be called between load_torn and the second look at the mark: every word was read before.
inline void fence_after_load_torn() noexcept
{
#if !defined(RTLANE_TORN_COPY_WITHOUT_FENCES)
  std::atomic_thread_fence(std::memory_order_acquire);  // TR1, pairs with TW1
#endif
}

template <class Word>
void store_torn_word(Word& to, std::uint64_t value) noexcept
{
#if defined(RTLANE_TORN_COPY_WITHOUT_FENCES)
  to.store(value, std::memory_order_release);  // TW2, pairs with TR2
#else
  to.store(value, std::memory_order_relaxed);   // relaxed: behind TW1
#endif
}

template <class Word>
[[nodiscard]] std::uint64_t load_torn_word(const Word& from) noexcept
{
#if defined(RTLANE_TORN_COPY_WITHOUT_FENCES)
  return from.load(std::memory_order_acquire);  // TR2, pairs with TW2
#else
  return from.load(std::memory_order_relaxed);  // relaxed: before TR1
#endif
}

// Writes torn_words(bytes) words in ascending order; what is left of the last one is 0.
template <class Word>
[[gnu::always_inline]] inline void store_torn(Word* to, const void* from, std::size_t bytes) noexcept
{
  const auto* source = static_cast<const std::byte*>(from);
  std::size_t done = 0;
  const auto store = [&](std::size_t at, std::size_t count) {
    std::uint64_t value = 0;
    std::memcpy(&value, source + at, count);
    store_torn_word(to[at / 8], value);
  };
  for (; done + 32 <= bytes; done += 32) {  // compilers do not unroll it at -O2
    store(done, 8);
    store(done + 8, 8);
    store(done + 16, 8);
    store(done + 24, 8);
  }
  for (; done + 8 <= bytes; done += 8)
    store(done, 8);
  if (done != bytes)
    store(done, bytes - done);
}

#if defined(__x86_64__) && !defined(RTLANE_TORN_COPY_WITHOUT_FENCES)
// As much of `bytes` as comes in pieces of 16; returns how much that was.
[[gnu::always_inline]] inline std::size_t load_torn_wide(std::byte* to, const void* from, std::size_t bytes) noexcept
{
  using Wide [[gnu::vector_size(16)]] = long long;
  const auto* source = static_cast<const std::byte*>(from);
  std::size_t done = 0;
  // Variables and not an array, which g++ would put into memory on the way.
  const auto put = [&](const Wide& part, std::size_t at) { std::memcpy(to + done + at, &part, sizeof part); };
  for (; done + 64 <= bytes; done += 64) {
    Wide a, b, c, d;
    asm volatile(
        "movups (%[from]), %[a]\n\t"
        "movups 16(%[from]), %[b]\n\t"
        "movups 32(%[from]), %[c]\n\t"
        "movups 48(%[from]), %[d]"
        : [a] "=&x"(a), [b] "=&x"(b), [c] "=&x"(c), [d] "=x"(d)
        : [from] "r"(source + done), "m"(*reinterpret_cast<const char(*)[64]>(source + done)));
    put(a, 0);
    put(b, 16);
    put(c, 32);
    put(d, 48);
  }
  for (; done + 16 <= bytes; done += 16) {
    Wide a;
    asm volatile("movups %[from], %[a]"
                 : [a] "=x"(a)
                 : [from] "m"(*reinterpret_cast<const char(*)[16]>(source + done)));
    put(a, 0);
  }
  return done;
}
#endif

// Reads torn_words(bytes) words and writes `bytes` bytes. Inlined, so that a constant size leaves no loop.
template <class Word>
[[gnu::always_inline]] inline void load_torn(void* to, const Word* from, std::size_t bytes) noexcept
{
  auto* target = static_cast<std::byte*>(to);
  std::size_t done = 0;
#if defined(__x86_64__) && !defined(RTLANE_TORN_COPY_WITHOUT_FENCES)
  if constexpr (std::is_same_v<Word, std::atomic<std::uint64_t>>)
    done = load_torn_wide(target, from, bytes);
#endif
  const auto load = [&](std::size_t at, std::size_t count) {
    const std::uint64_t value = load_torn_word(from[at / 8]);
    std::memcpy(target + at, &value, count);
  };
  for (; done + 8 <= bytes; done += 8)
    load(done, 8);
  if (done != bytes)
    load(done, bytes - done);
}

// The same for `bytes` bytes that begin `offset` bytes behind the first word, wherever that is in a word.
template <class Word>
void load_torn_part(void* to, const Word* from, std::size_t offset, std::size_t bytes) noexcept
{
  auto* target = static_cast<std::byte*>(to);
  from += offset / 8;
  if (const std::size_t skip = offset % 8; skip != 0) {
    const std::uint64_t value = load_torn_word(*from++);
    const std::size_t count = bytes < 8 - skip ? bytes : 8 - skip;
    std::memcpy(target, reinterpret_cast<const std::byte*>(&value) + skip, count);
    target += count;
    bytes -= count;
  }
  if (bytes != 0)
    load_torn(target, from, bytes);
}

}  // namespace rtlane::detail
