/* The Interlocked family: atomic operations on aligned integers and pointers, each a full barrier, as on Windows.
 *
 * All are lock-free and without a system call. LONG has 32 bits: a `long` of the program's own does not fit.
 * They also work on shared memory.
 */
#ifndef RTLANE_RT_IWIN32_INTERLOCKED_H
#define RTLANE_RT_IWIN32_INTERLOCKED_H

#include <rtlane/core/iwin32_types.h>

/* The __sync builtins are full barriers on every machine, which sequentially consistent atomics are not. */
#define RTLANE_INTERLOCKED(suffix, type)                                                                           \
  /* Adds or takes 1; answers the new value. */                                                                    \
  static inline type InterlockedIncrement##suffix(type volatile* Addend)                                           \
  {                                                                                                                \
    return __sync_add_and_fetch(Addend, (type)1);                                                                  \
  }                                                                                                                \
  static inline type InterlockedDecrement##suffix(type volatile* Addend)                                           \
  {                                                                                                                \
    return __sync_sub_and_fetch(Addend, (type)1);                                                                  \
  }                                                                                                                \
  /* The rest answers the old value. */                                                                            \
  static inline type InterlockedExchangeAdd##suffix(type volatile* Addend, type Value)                             \
  {                                                                                                                \
    return __sync_fetch_and_add(Addend, Value);                                                                    \
  }                                                                                                                \
  static inline type InterlockedAnd##suffix(type volatile* Destination, type Value)                                \
  {                                                                                                                \
    return __sync_fetch_and_and(Destination, Value);                                                               \
  }                                                                                                                \
  static inline type InterlockedOr##suffix(type volatile* Destination, type Value)                                 \
  {                                                                                                                \
    return __sync_fetch_and_or(Destination, Value);                                                                \
  }                                                                                                                \
  static inline type InterlockedXor##suffix(type volatile* Destination, type Value)                                \
  {                                                                                                                \
    return __sync_fetch_and_xor(Destination, Value);                                                               \
  }                                                                                                                \
  /* Stores Exchange if the value is Comperand. */                                                                 \
  static inline type InterlockedCompareExchange##suffix(type volatile* Destination, type Exchange, type Comperand) \
  {                                                                                                                \
    return __sync_val_compare_and_swap(Destination, Comperand, Exchange);                                          \
  }                                                                                                                \
  static inline type InterlockedExchange##suffix(type volatile* Target, type Value)                                \
  {                                                                                                                \
    type before = __atomic_load_n(Target, __ATOMIC_RELAXED); /* relaxed: the exchange is the barrier */            \
    for (;;) {                                                                                                     \
      const type seen = __sync_val_compare_and_swap(Target, before, Value);                                        \
      if (seen == before)                                                                                          \
        return before;                                                                                             \
      before = seen;                                                                                               \
    }                                                                                                              \
  }

RTLANE_INTERLOCKED(, LONG)
RTLANE_INTERLOCKED(64, LONGLONG)
#undef RTLANE_INTERLOCKED

static inline PVOID InterlockedCompareExchangePointer(PVOID volatile* Destination, PVOID Exchange, PVOID Comperand)
{
  return __sync_val_compare_and_swap(Destination, Comperand, Exchange);
}

static inline PVOID InterlockedExchangePointer(PVOID volatile* Target, PVOID Value)
{
  PVOID before = __atomic_load_n(Target, __ATOMIC_RELAXED); /* relaxed: the exchange is the barrier */
  for (;;) {
    PVOID const seen = __sync_val_compare_and_swap(Target, before, Value);
    if (seen == before)
      return before;
    before = seen;
  }
}

#endif
