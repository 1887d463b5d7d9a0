/*
 * pinned_snapshot.pml - PinnedSnapshot: pins that are asked for, and a writer that helps.
 *
 * W pins (in the code two per reader; each is an operation of its own, so here every one is a process), S = W + 2
 * slots, one writer at a time. "latest" = sequence * 8 + slot. A pin is 0, ASKED + a word of latest, or HELD + one.
 *
 *   reader: ask for what latest says; latest still says it: confirm (ASKED -> HELD by compare and swap), copy, clear.
 *           It says something else: ask for that instead (compare and swap), at most MAXA times in all. Whenever a
 *           compare and swap fails the writer has put HELD + another word there: copy that one.
 *   writer: fill the slot chosen before; exchange latest; one pass over the pins: give the new value to who asks (at
 *           most TRIES compare and swaps each), and choose a slot that is neither pinned nor the latest.
 *           A new writer begins with a pass.
 *
 * Modelled: TSO store buffers, one entry each, for the stores that are no read-modify-write (clearing a pin; the others
 * in the variants that must fail), drained at any moment, by a read-modify-write and by process exit; the payload as two
 * steps with presence counters; death of a writer (KILLS) and of a reader (RKILLS) after every shared write, followed by
 * a successor; a successor of a reader clears the pin first.
 * Checked: there is always a slot to choose; no slot is read while it is written or written while it is read; a reader
 * gets the value that belongs to the word it accepted, and nothing older than what was the latest when it began; it
 * needs at most MAXA attempts.
 * Not modelled: memory weaker than TSO; writers that live when they are displaced (the kernel's lease excludes it).
 *
 * Parameters: W      pins (1..2)            NR     reads of each reader
 *             NW     publications of the first writer      NW2   of each successor; sequences must stay below 32
 *             KILLS  writers that may die   RKILLS readers that may die
 *             MAXA   attempts (3)           TRIES  compare and swaps for one pin in one pass (3)
 * Must be violated: -DPLAIN_ASK        asking is a plain store
 *                   -DPLAIN_PUBLISH    publishing is a plain store
 *                   -DNO_CONFIRM       the pin is used without asking whether the writer gave another one
 *                   -DNO_HELP          the writer gives nothing: no bound
 *                   -DNO_FIRST_PASS    a successor publishes before it has helped
 *                   -DSWEEP_LIVE       somebody clears the pin of a reader that lives
 *                   -DSPARE=1          S = W + 1
 *                   MAXA=2, TRIES=2
 */
#ifndef W
#define W 1
#endif
#ifndef NR
#define NR 1
#endif
#ifndef NW
#define NW 5
#endif
#ifndef NW2
#define NW2 2
#endif
#ifndef KILLS
#define KILLS 0
#endif
#ifndef RKILLS
#define RKILLS 0
#endif
#ifndef MAXA
#define MAXA 3
#endif
#ifndef TRIES
#define TRIES 3
#endif
#ifndef SPARE
#define SPARE 2
#endif

#ifdef NO_FIRST_PASS
#define HELPS (!successor || n < NW2)
#else
#define HELPS true
#endif

#define S     (W + SPARE)
#define ASKED 256
#define HELD  512

#define SLOT_OF(word) ((word) % 8)
#define SEQ_OF(word)  (((word) % 256) / 8)
#define PHASE(word)   ((word) / 256 * 256)

byte latest = 8;                      /* sequence 1 in slot 0 */
byte latest_buf;  bit latest_pending;
short pin[W];
bit pin_pending[W];                   /* a 0 that is on its way; in PLAIN_ASK: pin_buf */
short pin_buf[W];

byte content[S];
byte readers_in[S], writers_in[S];
byte kills = KILLS, rkills = RKILLS;
bool writer_died, writer_done;
#ifdef SWEEP_LIVE
bool swept;
#endif

#define DIES(budget)   if :: skip :: atomic { budget > 0 -> budget-- }; goto died fi
#define DRAIN_LATEST   if :: latest_pending -> latest = latest_buf; latest_pending = 0 :: else fi
#define DRAIN_PIN(r)   if :: pin_pending[r] -> pin[r] = pin_buf[r]; pin_pending[r] = 0; pin_buf[r] = 0 :: else fi
#define STORE_PIN(r, v) atomic { (!pin_pending[r]); pin_buf[r] = v; pin_pending[r] = 1 }

proctype store_buffers() {
end:
  do
  :: atomic { latest_pending -> latest = latest_buf; latest_pending = 0 }
  :: atomic { pin_pending[0] -> DRAIN_PIN(0) }
#if W > 1
  :: atomic { pin_pending[1] -> DRAIN_PIN(1) }
#endif
#ifdef SWEEP_LIVE
  :: atomic { (!swept && pin[0] != 0) -> pin[0] = 0; swept = true }
#endif
  od
}

proctype writer(byte n; bool successor) {
  byte newest, s, i, used, tries;
  short word;

  newest = latest;
  goto choose;                        /* before the first publication */
  do
  :: n > 0 ->
     n--;
     assert(readers_in[s] == 0);
     writers_in[s]++;
     if :: skip :: atomic { kills > 0 -> kills--; writers_in[s]-- }; goto died fi;
     assert(readers_in[s] == 0);
     atomic { content[s] = SEQ_OF(newest) + 1; writers_in[s]--; newest = (SEQ_OF(newest) + 1) * 8 + s };
#ifdef PLAIN_PUBLISH
     atomic { (!latest_pending); latest_buf = newest; latest_pending = 1 };
#else
     latest = newest;
#endif
     DIES(kills);
choose:
     used = 1 << SLOT_OF(newest);
     i = 0;
     do
     :: i < W ->
        word = pin[i];
        tries = 0;
#ifndef NO_HELP
        do
        :: PHASE(word) == ASKED && tries < TRIES && HELPS ->
           atomic {
             if
             :: pin[i] == word -> DRAIN_LATEST; pin[i] = HELD + newest; word = 0
             :: else -> word = pin[i]; tries++
             fi
           };
           DIES(kills)
        :: else -> break
        od;
#endif
        atomic {
          if :: word != 0 -> used = used | (1 << SLOT_OF(word)) :: else fi;
          word = 0; tries = 0;
          i++
        }
     :: else -> break
     od;
     atomic {
       s = 0;
       do :: s < S && (used >> s) % 2 == 1 -> s++ :: else -> break od;
       assert(s < S);
       used = 0; i = 0
     }
  :: else -> break
  od;
  goto fin;
died:
  writer_died = true;
fin:
  atomic { DRAIN_LATEST; writer_done = true }
}

/* Copies what HELD + word names. */
#define COPY(word) \
  readers_in[SLOT_OF(word)]++; \
  assert(writers_in[SLOT_OF(word)] == 0); \
  if :: skip :: atomic { rkills > 0 -> rkills--; readers_in[SLOT_OF(word)]-- }; goto died fi; \
  assert(writers_in[SLOT_OF(word)] == 0 && content[SLOT_OF(word)] == SEQ_OF(word)); \
  assert(SEQ_OF(word) >= floor); \
  readers_in[SLOT_OF(word)]--

proctype reader(byte r; byte n) {
  byte seen, again, floor, attempts;
  short word;

  do
  :: n > 0 ->
     n--;
     atomic { seen = latest; floor = SEQ_OF(seen); attempts = 1 };
#ifdef PLAIN_ASK
     STORE_PIN(r, ASKED + seen);
#else
     atomic { DRAIN_PIN(r); pin[r] = ASKED + seen };
#endif
     DIES(rkills);
     do
     :: again = latest;
        if
        :: again == seen ->
#ifdef NO_CONFIRM
           word = HELD + seen;
#else
           atomic {
             DRAIN_PIN(r);
             if :: pin[r] == ASKED + seen -> pin[r] = HELD + seen; word = HELD + seen
                :: else -> word = pin[r]
             fi
           };
#endif
           break
        :: again != seen && attempts < MAXA ->
           attempts++;
           atomic {
             DRAIN_PIN(r);
             if :: pin[r] == ASKED + seen -> pin[r] = ASKED + again
                :: else -> word = pin[r]
             fi;
             seen = again; again = 0
           };
           if :: word != 0 -> break :: else fi;
           DIES(rkills)
        :: else ->
           word = pin[r];
           assert(PHASE(word) == HELD);   /* or it needs one attempt more */
           break
        fi
     od;
     DIES(rkills);
#ifndef NO_CONFIRM
     assert(PHASE(word) == HELD);
#endif
     COPY(word);
     STORE_PIN(r, 0);
     d_step { seen = 0; again = 0; word = 0; floor = 0; attempts = 0 };
     DIES(rkills)
  :: else -> break
  od;
  goto fin;
died:
  /* The entry's next holder clears the pin, then reads. */
  atomic { DRAIN_PIN(r); seen = 0; again = 0; word = 0; floor = 0; attempts = 0 };
  STORE_PIN(r, 0);
  run reader(r, n + 1);
fin:
  skip
}

active proctype main() {
  byte i;

  atomic {
    content[0] = 1;
    run store_buffers();
    run writer(NW, false);
    do :: i < W -> run reader(i, NR); i++ :: else -> break od
  };
  do
  :: atomic { writer_done && writer_died -> writer_done = false; writer_died = false; run writer(NW2, true) }
  :: atomic { writer_done && !writer_died -> break }
  od
}
