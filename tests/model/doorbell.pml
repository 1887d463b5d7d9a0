/*
 * doorbell.pml - a channel's doorbell (channels/include/rtlane/channels/doorbell.hpp): a futex word, bit 0 = somebody
 * sleeps or is about to, the rest counts rings modulo MOD.
 *
 *   publish   a store, which stays in the ringer's store buffer until it drains (TSO)
 *   ring      a read-modify-write of the word, which drains the buffer; waiting: FUTEX_WAKE_OP adds 1 and wakes all
 *   wait      sets the bit by a read-modify-write, looks again, sleeps while the word is what it was then
 *
 * RINGERS processes publish ITEMS each; WAITERS wait until everything is published, as subscribers of a broadcast do.
 * Death between any two steps (futex.pml); what a dead ringer has in its store buffer is still written.
 *
 * Checked: when nobody can go on, a survivor sleeps only while something is missing, or when a ringer was killed
 * between its publication and its ring; and then it goes on after one look at the end of its slice.
 * Not modelled: MOD rings while a waiter is about to sleep.
 *
 * Must be violated: -DPLAIN_LOAD  (the ringer looks at the word by a load: its publication may still be in its buffer)
 *                   -DNO_LOOK     (the waiter sleeps without a look after it announced itself)
 *                   -DSPLIT_WAKE  (change the word, then wake; a kill between)
 *                   -DWAKE_ONE    (wake one; killed before it runs)
 *                   -DCLEAR_ONLY  (the ring takes the bit off and counts nothing)
 *                   -DNO_SLICE    (sleeps without end, and a kill between publication and ring)
 */
#ifndef RINGERS
#define RINGERS 1
#endif
#ifndef WAITERS
#define WAITERS 2
#endif
#ifndef ITEMS
#define ITEMS 2
#endif
#ifndef MOD
#define MOD 4
#endif
#include "futex.pml"

#define FLAG_W 1
#define ALL    (RINGERS * ITEMS)
#define RUNG(w) (((w) + 1) % (2 * MOD))

byte word;
byte published;  /* in memory */
bool buffer[RINGERS];

/* ghost: ringers that were killed with a publication they had not rung for */
byte owed;

/* store buffers drain at any time */
active proctype memory() {
  byte i;
end:
  do
  :: atomic { buffer[0] -> buffer[0] = false; published++ }
#if RINGERS > 1
  :: atomic { buffer[1] -> buffer[1] = false; published++ }
#endif
  od
}

#define DRAIN(me) if :: buffer[me] -> buffer[me] = false; published++ :: else fi

/* as KILL_POINT, of a ringer that owes a ring */
#define KILL_POINT_OWING if :: skip :: atomic { (kills > 0) -> kills--; owed++ }; goto died fi

proctype ringer(byte number; byte me) {
  byte i, w;

  do
  :: i == ITEMS -> break
  :: else ->
     i++;
     atomic { !buffer[number] -> buffer[number] = true };
     KILL_POINT_OWING;
#ifdef PLAIN_LOAD
     w = word;
#else
     atomic { DRAIN(number); w = word };
#endif
     KILL_POINT_OWING;
     if
     :: w & FLAG_W ->
#ifdef SPLIT_WAKE
        atomic { DRAIN(number); word = RUNG(word) };
        KILL_POINT;
        atomic { futex_wake() };
#else
#ifdef CLEAR_ONLY
        atomic { DRAIN(number); word = word & ~FLAG_W; futex_wake() };
#else
        atomic { DRAIN(number); word = RUNG(word); futex_wake() };
#endif
#endif
        KILL_POINT
     :: else
     fi
  od;
  FINISH(me, i = 0; w = 0)
}

proctype waiter(byte me) {
  byte w;

accept_again:
  atomic { word = word | FLAG_W; w = word };
  KILL_POINT;
#ifndef NO_LOOK
  if :: published == ALL -> goto got :: else fi;
  KILL_POINT;
#endif
  FUTEX_WAIT(me, word, w);
  if :: published == ALL -> goto got :: else fi;
  KILL_POINT;
  goto accept_again;
got:
  FINISH(me, w = 0)
}

active proctype judge() {
  byte i;

  atomic {
    REPEAT(i, WAITERS, run waiter(i));
    REPEAT(i, RINGERS, run ringer(i, WAITERS + i))
  };
  QUIET;
#ifdef NO_SLICE
  REPEAT(i, WAITERS, assert(!HAS(asleep, i) || published < ALL));
#else
  REPEAT(i, WAITERS,
    assert(HAS(asleep | done | dead, i));
    assert(!HAS(asleep, i) || published < ALL || owed > 0));
  /* the end of a slice */
  atomic { asleep = 0 };
  timeout;
  REPEAT(i, WAITERS, assert(!HAS(asleep, i) || published < ALL))
#endif
}
