/*
 * event_manual.pml - manual-reset event (core/src/event_state.hpp): flags signaled and waiters in one futex word, and a
 * generation that counts the sets and pulses that met waiters. A wait is over when the event is signaled or when the
 * generation moved since the wait began.
 *
 * Modelled: as in event_auto.pml. WAITERS processes wait once; SETS set, PULSES pulse and RESETS reset once each.
 *
 * Checked: when nobody can go on, no survivor sleeps while the event is signaled; whoever slept when a set or a pulse
 * began that had its effect is released, also when it was reset before they ran.
 * Not modelled: weak memory, a generation that wraps, kick() of a close.
 *
 * Must be violated: -DSPLIT_WAKE    (change the word, then wake; a kill between)
 *                   -DWAKE_ONE      (wake one)
 *                   -DNO_GENERATION (set and reset: those asleep look at the word only)
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
byte generation;

/* ghost: who slept at a signal and is to be released by it */
byte owed;

inline expect_word(was, becomes) {
  atomic { if :: word == was -> word = becomes; won = true :: else -> won = false fi }
}

proctype waiter(byte me) {
  byte w, mark;
  bool won;

  mark = generation;
  KILL_POINT;
accept_again:
  w = word;
  KILL_POINT;
  if
  :: w & SIGNALED -> goto taken
  :: else
  fi;
#ifndef NO_GENERATION
  if
  :: mark != generation -> goto taken
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
  FINISH(me, w = 0; won = false; mark = 0)
}

/* set and pulse with waiters: the generation, then the word together with the wake-ups */
inline signal_waiters(becomes) {
  atomic { generation++; slept = asleep };
  KILL_POINT;
#ifdef SPLIT_WAKE
  atomic { word = becomes; owed = owed | (slept & asleep) };
  KILL_POINT;
  atomic { futex_wake() }
#else
  atomic { word = becomes; owed = owed | (slept & asleep); futex_wake() }
#endif
}

proctype setter(byte me) {
  byte w, slept;
  bool won;

accept_again:
  w = word;
  KILL_POINT;
  if
  :: w & FLAG_W -> signal_waiters(SIGNALED)
  :: else -> expect_word(w, w | SIGNALED); if :: !won -> goto accept_again :: else fi
  fi;
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
  :: w & FLAG_W -> signal_waiters(0)
  :: else -> expect_word(w, w & ~SIGNALED); if :: !won -> goto accept_again :: else fi
  fi;
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
     expect_word(w, w & ~SIGNALED);
     if :: !won -> goto accept_again :: else fi;
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
    assert(!HAS(asleep & owed, i)))
}
