/*
 * futex.pml - what the models share: one futex word, its sleepers, and death.
 *
 * The kernel compares and goes to sleep in one step, and changes and wakes in one step (FUTEX_WAKE_OP). A process may
 * be killed between any two steps of its call, also asleep, and also woken but before it runs. Nobody is told.
 *
 * A model defines PROCESSES first, writes its processes with KILL_POINT after every step that others can see or that
 * saw others, and ends each with FINISH. `judge` of the model calls quiet(): from then on nobody is killed or stirred,
 * and when nobody can go on the assertions are about those who sleep for good.
 */
#ifndef KILLS
#define KILLS 1
#endif
/* how often somebody wakes for nothing: signals, time-outs that look again */
#ifndef STIRS
#define STIRS 1
#endif

#define BIT(i)     (1 << (i))
#define HAS(set, i) (((set) & BIT(i)) != 0)

byte asleep;  /* bit i: process i sleeps */
byte dead;
byte done;
byte kills = KILLS;
byte stirs = STIRS;

/* the kill budget must be taken atomically, or the budget itself races */
#define KILL_POINT if :: skip :: atomic { (kills > 0) -> kills-- }; goto died fi

/* FUTEX_WAIT: sleeps while word == value; goes on when woken, or when the word had another value */
#define FUTEX_WAIT(me, word, value)                                                    \
  atomic { if :: (word) == (value) -> asleep = asleep | BIT(me) :: else fi };          \
  if                                                                                   \
  :: !HAS(asleep, me)                                                                  \
  :: atomic { (HAS(asleep, me) && stirs > 0) -> stirs--; asleep = asleep & ~BIT(me) }  \
  :: atomic { (HAS(asleep, me) && kills > 0) -> kills--; asleep = asleep & ~BIT(me) }; \
     goto died                                                                         \
  fi;                                                                                  \
  KILL_POINT

#ifdef WAKE_ONE
/* wrong: the only wake-up may go to somebody who dies of a kill before it runs */
inline futex_wake() {
  if
  :: HAS(asleep, 0) -> asleep = asleep & ~BIT(0)
  :: HAS(asleep, 1) -> asleep = asleep & ~BIT(1)
  :: HAS(asleep, 2) -> asleep = asleep & ~BIT(2)
  :: asleep == 0
  fi
}
#else
inline futex_wake() { asleep = 0 }
#endif

/* the end of every process; FORGET sets its variables to 0, so that ends which are alike are one state */
#define FINISH(me, FORGET)                   \
  atomic { done = done | BIT(me); FORGET };  \
  goto fin;                                  \
died:                                        \
  atomic { dead = dead | BIT(me); FORGET };  \
fin:                                         \
  skip

#define REPEAT(i, n, body) i = 0; do :: i < (n) -> body; i++ :: else -> break od

/* first step of a judge; what follows runs when nobody else can */
#define QUIET atomic { kills = 0; stirs = 0 }; timeout
