/*
 * multi_wait.pml - a wait for an auto-reset event and a mutex (core/src/wait.cpp, mutex_state.hpp). The mutex is an owner
 * word, which the kernel marks when its owner dies, and the futex word `gate`: bit 0 = somebody waits for several.
 *
 *   wait     try the event, try the mutex; announce at the event; announce at the gate, and look at the mutex once more;
 *            sleep while both words are what was announced
 *   unlock   the owner word, then a read-modify-write that reads the gate; the bit is on: FUTEX_WAKE_OP adds 1 to the
 *            gate (which takes the bit off and counts) and wakes all
 *
 * Modelled: every shared access as its own step (sequentially consistent), death between any two steps (futex.pml).
 * WAITERS processes wait for both and unlock what they got of the mutex; one owns the mutex at first and unlocks it;
 * SETS set the event once each. The slice, after which a sleeper looks again, is a step that is possible when somebody
 * died: nothing rings the gate then.
 *
 * Checked: when nobody can go on, no survivor sleeps while the mutex is free or the event is signaled; one owner at a
 * time; who takes the mutex of a dead owner is told.
 * Not modelled: weak memory, waiters of the mutex alone (the kernel passes it to them).
 *
 * Must be violated: -DANNOUNCE_LAST (the bit is set after the last look at the mutex)
 *                   -DNO_LOOK       (nor looked at again after the bit was set)
 *                   -DWAKE_ONE      (the one that is woken takes the event instead, or dies)
 *                   -DNO_SLICE      (a death between the two steps of unlock is never noticed)
 */
#ifndef WAITERS
#define WAITERS 2
#endif
#ifndef SETS
#define SETS 1
#endif
#include "futex.pml"

#define SIGNALED 1
#define FLAG_W   2

#define NOBODY   0
#define DIED     9
#define OWNER    7  /* its own number, and bit in dead and done */

byte event;
byte gate;
byte owner = OWNER + 1;  /* number of the process + 1 */

/* ghosts */
byte sets, by_set, inside;
bool left;  /* the mutex's owner died, nobody has been told yet */

/* death of a process that may own the mutex: the kernel's robust list */
#define DIE_WITH_MUTEX(me) \
  if :: owner == me + 1 -> owner = DIED; left = true; inside = 0 :: else fi

inline unlock(me) {
  assert(owner == me + 1 && inside == 1);
  atomic { owner = NOBODY; inside = 0 };
  KILL_POINT;
  g = gate;  /* adds 0 */
  KILL_POINT;
  if
  :: g & 1 ->
     atomic { gate++; futex_wake() }
  :: else
  fi;
  KILL_POINT
}

proctype waiter(byte me) {
  byte e, g;
  bool won;

accept_again:
  e = event;
  KILL_POINT;
  if
  :: e & SIGNALED ->
     atomic {
       if :: event == e -> event = e & ~SIGNALED; won = true; by_set++; assert(by_set <= sets) :: else -> won = false fi
     };
     if :: won -> goto taken :: else -> goto accept_again fi
  :: else
  fi;
  atomic {
    if
    :: owner == NOBODY || owner == DIED ->
         assert(inside == 0 && left == (owner == DIED));
         owner = me + 1; inside = 1; left = false; won = true
    :: else -> won = false
    fi
  };
  KILL_POINT;
  if :: won -> goto locked :: else fi;

  if
  :: !(e & FLAG_W) ->
     atomic { if :: event == e -> event = e | FLAG_W; won = true :: else -> won = false fi };
     KILL_POINT;
     if :: !won -> goto accept_again :: else fi
  :: else
  fi;
#ifdef ANNOUNCE_LAST
  if :: owner == NOBODY || owner == DIED -> goto accept_again :: else fi;
  KILL_POINT;
  atomic { gate = gate | 1; g = gate };
  KILL_POINT;
#else
  atomic { gate = gate | 1; g = gate };
  KILL_POINT;
#ifndef NO_LOOK
  if :: owner == NOBODY || owner == DIED -> goto accept_again :: else fi;
  KILL_POINT;
#endif
#endif
  atomic { if :: event == (e | FLAG_W) && gate == g -> asleep = asleep | BIT(me) :: else fi };
  if
  :: !HAS(asleep, me)
  :: atomic { (HAS(asleep, me) && stirs > 0) -> stirs--; asleep = asleep & ~BIT(me) }
#ifndef NO_SLICE
  :: atomic { (HAS(asleep, me) && dead != 0 && (owner == NOBODY || owner == DIED)) -> asleep = asleep & ~BIT(me) }
#endif
  :: atomic { (HAS(asleep, me) && kills > 0) -> kills--; asleep = asleep & ~BIT(me) }; goto died
  fi;
  KILL_POINT;
  goto accept_again;
locked:
  unlock(me);
taken:
  KILL_POINT;
  FINISH(me, e = 0; g = 0; won = false; DIE_WITH_MUTEX(me))
}

proctype first_owner() {
  byte g;

  KILL_POINT;
  unlock(OWNER);
  FINISH(OWNER, g = 0; DIE_WITH_MUTEX(OWNER))
}

proctype setter() {
  byte e;
  bool won;

accept_again:
  e = event;
  KILL_POINT;
  if
  :: e & FLAG_W -> atomic { event = SIGNALED; sets++; futex_wake() }
  :: else ->
     atomic { if :: event == e -> event = e | SIGNALED; won = true; sets++ :: else -> won = false fi };
     if :: !won -> goto accept_again :: else fi
  fi;
  KILL_POINT;
  FINISH(6, e = 0; won = false)
}

active proctype judge() {
  byte i;

  atomic {
    inside = 1;
    REPEAT(i, WAITERS, run waiter(i));
    REPEAT(i, SETS, run setter());
    run first_owner()
  };
  QUIET;
  REPEAT(i, WAITERS,
    assert(HAS(asleep | done | dead, i));
    assert(!HAS(asleep, i) || (owner != NOBODY && owner != DIED));
    assert(!HAS(asleep, i) || !(event & SIGNALED)))
}
