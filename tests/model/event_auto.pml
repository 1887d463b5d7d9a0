/*
 * event_auto.pml - auto-reset event (core/src/event_state.hpp): flags signaled, waiters and pulsed in one futex word,
 * and a generation that counts the pulses that met waiters.
 *
 * Modelled: every shared access as its own step (sequentially consistent), a wait as begin, try, prepare, sleep; death
 * between any two steps (futex.pml). WAITERS processes wait once; SETS set, PULSES pulse and RESETS reset once each.
 *
 * Checked: when nobody can go on, no survivor sleeps while the event is signaled, nor, of those that slept when it came,
 * while a pulse is there; a set releases at most one wait and so does a pulse; without a set nobody finds the event signaled.
 * Not modelled: weak memory, a generation that wraps, kick() of a close.
 *
 * Must be violated: -DSPLIT_WAKE  (change the word, then wake; a kill between)
 *                   -DWAKE_ONE    (wake one; killed before it runs)
 *                   -DUNCONDITIONAL_SLEEP (the word is not compared when going to sleep)
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
#define PULSED   4

byte word;
byte generation;
byte mark[WAITERS];

/* ghosts: how many sets and pulses had their effect, how many waits each released; who slept at the last pulse */
byte sets, pulses, by_set, by_pulse, meant;

inline expect_word(was, becomes) {
  atomic { if :: word == was -> word = becomes; won = true :: else -> won = false fi }
}

proctype waiter(byte me) {
  byte w;
  bool won;

  mark[me] = generation;
  KILL_POINT;
accept_again:
  w = word;
  KILL_POINT;
  if
  :: w & SIGNALED ->
     atomic {
       if
       :: word == w -> word = w & ~SIGNALED; won = true; by_set++; assert(by_set <= sets)
       :: else -> won = false
       fi
     };
     if :: won -> goto taken :: else -> goto accept_again fi
  :: !(w & SIGNALED) && (w & PULSED) ->
     if
     :: mark[me] != generation ->
        KILL_POINT;
        atomic {
          if
          :: word == w -> word = w & ~PULSED; won = true; by_pulse++; assert(by_pulse <= pulses)
          :: else -> won = false
          fi
        };
        if :: won -> goto taken :: else -> goto accept_again fi
     :: else
     fi
  :: else
  fi;
  KILL_POINT;
  if
  :: !(w & FLAG_W) -> expect_word(w, w | FLAG_W); if :: !won -> goto accept_again :: else fi
  :: else
  fi;
  KILL_POINT;
#ifdef UNCONDITIONAL_SLEEP
  FUTEX_WAIT(me, 0, 0);
#else
  FUTEX_WAIT(me, word, w | FLAG_W);
#endif
  goto accept_again;
taken:
  KILL_POINT;
  FINISH(me, w = 0; won = false; mark[me] = 0)
}

proctype setter(byte me) {
  byte w;
  bool won;

accept_again:
  w = word;
  KILL_POINT;
  if
  :: w & FLAG_W ->
#ifdef SPLIT_WAKE
     atomic {
       if :: word == w -> word = SIGNALED; won = true; sets++ :: else -> won = false fi
     };
     if :: !won -> goto accept_again :: else fi;
     KILL_POINT;
     atomic { futex_wake() }
#else
     atomic { word = SIGNALED; sets++; futex_wake() }
#endif
  :: else ->
     atomic { if :: word == w -> word = w | SIGNALED; won = true; sets++ :: else -> won = false fi };
     if :: !won -> goto accept_again :: else fi
  fi;
  KILL_POINT;
  FINISH(me, w = 0; won = false)
}

proctype pulser(byte me) {
  byte w, slept;
  bool won;

accept_again:
  w = word;
  KILL_POINT;
  if
  :: w & FLAG_W ->
     atomic { generation++; slept = asleep };
     KILL_POINT;
     atomic { word = PULSED; pulses++; meant = slept & asleep; futex_wake() }
  :: else ->
     expect_word(w, w & ~(SIGNALED | PULSED));
     if :: !won -> goto accept_again :: else fi
  fi;
  KILL_POINT;
  FINISH(me, w = 0; won = false; slept = 0)
}

proctype resetter(byte me) {
  byte w;
  bool won;

accept_again:
  w = word;
  KILL_POINT;
  expect_word(w, w & ~SIGNALED);
  if :: !won -> goto accept_again :: else fi;
  KILL_POINT;
  FINISH(me, w = 0; won = false)
}

active proctype judge() {
  byte i;

  atomic {
    REPEAT(i, WAITERS, run waiter(i));
    REPEAT(i, SETS, run setter(7));
    REPEAT(i, PULSES, run pulser(7));
    REPEAT(i, RESETS, run resetter(7))
  };
  QUIET;
  assert(SETS > 0 || !(word & SIGNALED));
  REPEAT(i, WAITERS,
    assert(HAS(asleep | done | dead, i));
    assert(!HAS(asleep, i) || !(word & SIGNALED));
    assert(!HAS(asleep & meant, i) || !(word & PULSED)))
}
