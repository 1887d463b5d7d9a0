/*
 * semaphore.pml - semaphore (core/src/semaphore_state.hpp): counters `acquired` and `reserved` that never wrap, and the
 * futex word `released`: bit 0 = somebody sleeps or is about to, the rest counts released units modulo MOD.
 *
 *   take     acquired, released, acquired again; unchanged, and not what released says: CAS acquired one on
 *   release  reserved, then acquired; room: CAS reserved n on. Then no waiters: CAS released n on; waiters: one
 *            FUTEX_WAKE_OP adds n and wakes all, and when nobody slept another takes the bit off and wakes those since.
 *   prepare  a look as of take; sets the bit by a CAS of the value that was looked at, and sleeps on exactly that
 *
 * Modelled: every shared access as its own step (sequentially consistent), death between any two steps (futex.pml).
 * TAKERS processes wait once each; RELEASERS release UNITS each. The counters start at BASE, so that the count in the
 * word wraps while the model runs.
 *
 * Checked: never more taken than released; never more than MAXIMUM to be had; a release refuses only when it would pass
 * the maximum; when nobody can go on, no survivor sleeps while there is something to take, and `reserved` is ahead of
 * what was released by exactly what killed releases had in hand.
 * Not modelled: weak memory, MOD units released while a waiter is about to sleep, releases of more than 1023 units.
 *
 * Must be violated: -DSPLIT_WAKE  (change the word, then wake; a kill between)
 *                   -DWAKE_ONE    (wake one; killed before it runs)
 *                   -DCLEAR_ONLY  (the bit is taken off without waking those who just slept on it)
 *                   -DACQUIRED_FIRST (release looks at acquired before reserved: refuses what has room)
 *                   -DNO_RESERVE  (release looks at the room and adds without reserving)
 */
#ifndef TAKERS
#define TAKERS 2
#endif
#ifndef RELEASERS
#define RELEASERS 2
#endif
#ifndef UNITS
#define UNITS 1
#endif
#ifndef INITIAL
#define INITIAL 0
#endif
#ifndef MAXIMUM
#define MAXIMUM 2
#endif
#ifndef MOD
#define MOD 4
#endif
#ifndef BASE
#define BASE 3
#endif
#include "futex.pml"

#define COUNT(r)  ((r) >> 1)
#define FLAG_W    1
#define REFUSES   (v + UNITS - a > MAXIMUM)
#define ADD(r, n) (((r) + 2 * (n)) % (2 * MOD))

byte acquired = BASE;
byte reserved = BASE + INITIAL;
byte released = 2 * ((BASE + INITIAL) % MOD);

/* ghosts: the released counter without its modulus; units that killed releases had reserved and not released */
byte given = BASE + INITIAL;
byte in_hand;

proctype taker(byte me) {
  byte a, r;
  bool won;

accept_again:
  a = acquired;
  KILL_POINT;
  r = released;
  KILL_POINT;
  if :: acquired != a -> goto accept_again :: else fi;
  if
  :: COUNT(r) != a % MOD ->
     atomic {
       if
       :: acquired == a -> acquired = a + 1; won = true; assert(acquired <= given)
       :: else -> won = false
       fi
     };
     if :: won -> goto taken :: else -> goto accept_again fi
  :: else
  fi;
  if
  :: !(r & FLAG_W) ->
     atomic { if :: released == r -> released = r | FLAG_W; won = true :: else -> won = false fi };
     if :: !won -> goto accept_again :: else fi;
     KILL_POINT
  :: else
  fi;
  FUTEX_WAIT(me, released, r | FLAG_W);
  goto accept_again;
taken:
  KILL_POINT;
  FINISH(me, a = 0; r = 0; won = false)
}

proctype releaser(byte me) {
  byte v, a, r;
  bool won, woken, refuse;

accept_again:
#ifdef ACQUIRED_FIRST
  a = acquired;
  KILL_POINT;
  atomic { v = reserved; refuse = REFUSES; assert(!refuse || v + UNITS - acquired > MAXIMUM) };
#else
  v = reserved;
  KILL_POINT;
  atomic { a = acquired; refuse = REFUSES; assert(!refuse || reserved + UNITS - a > MAXIMUM) };
#endif
  KILL_POINT;
  if :: refuse -> goto refused :: else fi;
#ifdef NO_RESERVE
  reserved = reserved + UNITS;
  in_hand = in_hand + UNITS;
#else
  atomic {
    if
    :: reserved == v -> reserved = v + UNITS; in_hand = in_hand + UNITS; won = true
    :: else -> won = false
    fi
  };
  if :: !won -> goto accept_again :: else fi;
#endif
  KILL_POINT;
accept_add:
  r = released;
  KILL_POINT;
  if
  :: !(r & FLAG_W) ->
     atomic {
       if
       :: released == r ->
            released = ADD(r, UNITS); won = true;
            given = given + UNITS; in_hand = in_hand - UNITS; assert(given - acquired <= MAXIMUM)
       :: else -> won = false
       fi
     };
     if :: !won -> goto accept_add :: else fi
  :: else ->
#ifdef SPLIT_WAKE
     atomic {
       released = ADD(released, UNITS);
       given = given + UNITS; in_hand = in_hand - UNITS; assert(given - acquired <= MAXIMUM)
     };
     KILL_POINT;
     atomic { woken = asleep != 0; futex_wake() };
#else
     atomic {
       released = ADD(released, UNITS);
       given = given + UNITS; in_hand = in_hand - UNITS; assert(given - acquired <= MAXIMUM);
       woken = asleep != 0;
       futex_wake()
     };
#endif
     KILL_POINT;
     if
     :: !woken ->
#ifdef CLEAR_ONLY
        released = released & ~FLAG_W
#else
        atomic { released = released & ~FLAG_W; futex_wake() }
#endif
     :: else
     fi
  fi;
refused:
  KILL_POINT;
  FINISH(me, v = 0; a = 0; r = 0; won = false; woken = false; refuse = false)
}

active proctype judge() {
  byte i;

  atomic {
    REPEAT(i, TAKERS, run taker(i));
    REPEAT(i, RELEASERS, run releaser(7))
  };
  QUIET;
  assert(reserved == given + in_hand);
  assert(in_hand <= (KILLS) * UNITS);
  assert(given % MOD == COUNT(released));
  REPEAT(i, TAKERS,
    assert(HAS(asleep | done | dead, i));
    assert(!HAS(asleep, i) || given == acquired))
}
