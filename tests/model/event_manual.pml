/*
 * event_manual.pml - manual-reset event (core/src/event_state.hpp): flags signaled and waiters, and a count of the sets
 * and pulses that met waiters, all in one futex word. A wait is over when the event is signaled or when the count moved
 * since the wait began.
 *
 * Modelled: as in event_auto.pml. WAITERS processes wait once; SETS set, PULSES pulse and RESETS reset once each.
 *
 * Checked: when nobody can go on, no survivor sleeps while the event is signaled; whoever slept when a set or a pulse
 * began that had its effect is released, also when it was reset before they ran; and when nobody was killed nobody sleeps
 * whose wait is over.
 * Not modelled: weak memory, a count that wraps, kick() of a close.
 *
 * Must be violated: -DSPLIT_WAKE    (change the word, then wake; a kill between)
 *                   -DWAKE_ONE      (wake one)
 *                   -DNO_COUNT      (set and reset: those asleep look at the flag only)
 *                   -DCOUNT_APART   (the count is another word: the futex word comes back to what a waiter expects
 *                                    that is about to sleep)
 */
#ifndef WAITERS
#define WAITERS 2
#endif
#ifndef SETS
#define SETS 1
#endif
#ifndef PULSES
#define PULSES 0
#endif
#ifndef RESETS
#define RESETS 0
#endif
#include "futex.pml"

#define SIGNALED 1
#define FLAG_W   2

byte word;
byte mark[WAITERS];
#ifdef COUNT_APART
byte count;
#define COUNT(w)        count
#define COUNTED(w)      (w)
#define MOVE_COUNT      count++
#define SET(w)          SIGNALED
#else
#define COUNT(w)        ((w) / 4)
#define COUNTED(w)      ((w) + 4)
#define MOVE_COUNT      skip
#define SET(w)          ((w) | SIGNALED)
#endif

/* ghost: who slept at a signal and is to be released by it */
byte owed;

inline expect_word(was, becomes) {
  atomic { if :: word == was -> word = becomes; won = true :: else -> won = false fi }
}

proctype waiter(byte me) {
  byte w;
  bool won;

  mark[me] = COUNT(word);
  KILL_POINT;
accept_again:
  w = word;
  KILL_POINT;
  if
  :: w & SIGNALED -> goto taken
  :: else
  fi;
#ifndef NO_COUNT
  if
  :: mark[me] != COUNT(w) -> goto taken
  :: else
  fi;
  KILL_POINT;
#endif
  if
  :: !(w & FLAG_W) -> expect_word(w, w | FLAG_W); if :: !won -> goto accept_again :: else fi
  :: else
  fi;
  KILL_POINT;
  FUTEX_WAIT(me, word, w | FLAG_W);
  goto accept_again;
taken:
  owed = owed & ~BIT(me);
  KILL_POINT;
  FINISH(me, w = 0; won = false; mark[me] = 0)
}

/* set and pulse with waiters: the count, then the flags together with the wake-ups */
inline signal_waiters(becomes) {
  atomic {
    if
    :: word == w -> word = COUNTED(w); MOVE_COUNT; slept = asleep; won = true
    :: else -> won = false
    fi
  };
  if
  :: won ->
     KILL_POINT;
#ifdef SPLIT_WAKE
     atomic { word = becomes; owed = owed | (slept & asleep) };
     KILL_POINT;
     atomic { futex_wake() }
#else
     atomic { word = becomes; owed = owed | (slept & asleep); futex_wake() }
#endif
  :: else
  fi
}

proctype setter(byte me) {
  byte w, slept;
  bool won;

accept_again:
  w = word;
  KILL_POINT;
  if
  :: (w & (FLAG_W | SIGNALED)) == FLAG_W -> signal_waiters(SET(word))
  :: else -> expect_word(w, w | SIGNALED)
  fi;
  if :: !won -> goto accept_again :: else fi;
  KILL_POINT;
  FINISH(me, w = 0; won = false; slept = 0)
}

proctype pulser(byte me) {
  byte w, slept;
  bool won;

accept_again:
  w = word;
  KILL_POINT;
  if
  :: (w & (FLAG_W | SIGNALED)) == FLAG_W -> signal_waiters(word & ~(SIGNALED | FLAG_W))
  :: else -> expect_word(w, w & ~(SIGNALED | FLAG_W))
  fi;
  if :: !won -> goto accept_again :: else fi;
  KILL_POINT;
  FINISH(me, w = 0; won = false; slept = 0)
}

/* resets RESETS times, in a row */
proctype resetter(byte me) {
  byte w, i;
  bool won;

  do
  :: i < RESETS ->
accept_again:
     w = word;
     KILL_POINT;
     if
     :: w & SIGNALED -> expect_word(w, w & ~(SIGNALED | FLAG_W)); if :: !won -> goto accept_again :: else fi
     :: else
     fi;
     KILL_POINT;
     i++
  :: else -> break
  od;
  FINISH(me, w = 0; won = false; i = 0)
}

active proctype judge() {
  byte i;

  atomic {
    REPEAT(i, WAITERS, run waiter(i));
    REPEAT(i, SETS, run setter(7));
    REPEAT(i, PULSES, run pulser(7));
    if :: RESETS > 0 -> run resetter(7) :: else fi
  };
  QUIET;
  REPEAT(i, WAITERS,
    assert(HAS(asleep | done | dead, i));
    assert(!HAS(asleep, i) || !(word & SIGNALED));
    assert(!HAS(asleep, i) || dead != 0 || mark[i] == COUNT(word));
    assert(!HAS(asleep & owed, i)))
}
