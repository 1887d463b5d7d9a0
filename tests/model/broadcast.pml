/*
 * broadcast.pml - Broadcast (channels/include/rtlane/channels/broadcast_core.hpp): a writer that may be killed after every
 * shared access, its successors, and a subscriber that copies speculatively.
 *
 * Modelled: N slots with number, busy mark and two words of content; tail. Every shared access is its own step. The
 * two words of content are stored and loaded in either order, which is all that W1, W2 and the fences leave open.
 * WRITES numbers are published in all, KILLS writers are killed. The reader takes until everything is accounted for.
 *
 * Checked: what is taken as number n has both words of number n; numbers are taken in order, each once or counted as
 * lost; a number that was complete once is never written again; when the last writer is done and not killed, the
 * reader gets to the end (no number is missing for ever).
 * Not modelled: closing, epochs, hostile words, more than one reader (they write nothing, so they cannot meet).
 *
 * Must be violated: -DNO_BUSY     (the slot is not marked before its content is written)
 *                   -DNO_RECHECK  (the reader does not look at the number again)
 *                   -DSKIP        (a successor goes on behind the number at tail without a look at its slot)
 *                   -DREWRITE     (a successor writes the number at tail again without a look at its slot)
 */
#ifndef N
#define N 2
#endif
#ifndef WRITES
#define WRITES 5
#endif
#ifndef KILLS
#define KILLS 2
#endif
#define GUARD (N / 4)

/* 0: never written, else number + 1 */
byte seq[N];
bool busy[N];
byte low[N];
byte high[N];
byte tail;

byte kills = KILLS;
byte completed;       /* ghost: numbers below it were complete at some time */
bool writer_lives;
bool all_written;
bool reader_done;      /* ghost */

#define KILL_POINT if :: atomic { kills > 0 -> kills--; writer_lives = false; goto dead } :: skip fi

proctype writer() {
  byte n;
  byte s;

  n = tail;
  KILL_POINT;
#ifdef SKIP
  if :: n != 0 || seq[0] != 0 || busy[0] -> n++ :: else fi;
#else
#ifndef REWRITE
  if
  :: seq[n % N] == n + 1 && !busy[n % N] -> n++; KILL_POINT; tail = n
  :: else
  fi;
#endif
#endif
  KILL_POINT;
  do
  :: n < WRITES ->
     s = n % N;
#ifndef NO_BUSY
     atomic { seq[s] = n + 1; busy[s] = true };
     KILL_POINT;
#endif
     if
     :: low[s] = n + 1; KILL_POINT; high[s] = n + 1
     :: high[s] = n + 1; KILL_POINT; low[s] = n + 1
     fi;
     KILL_POINT;
     atomic {
       assert(n >= completed);  /* no number is used twice */
       assert(n <= completed);  /* and none is left out */
       seq[s] = n + 1; busy[s] = false; completed = n + 1
     };
     KILL_POINT;
     n++;
     tail = n;
     KILL_POINT
  :: else -> break
  od;
  atomic { all_written = true; n = 0; s = 0; goto over };
dead:
  atomic { n = 0; s = 0 };
over:
  skip
}

/* The kernel: a writer is started when there is none alive. */
proctype kernel() {
  do
  :: atomic { !writer_lives && !all_written -> writer_lives = true; run writer() }
  :: all_written -> break
  od
}

proctype reader() {
  byte n;
  byte s;
  byte was;
  bool marked;
  byte l;
  byte h;
  byte t;

  do
  :: n >= WRITES -> break
  :: else ->
     s = n % N;
     atomic { was = seq[s]; marked = busy[s] };
     if
     :: was == n + 1 && !marked ->
        if
        :: l = low[s]; h = high[s]
        :: h = high[s]; l = low[s]
        fi;
#ifndef NO_RECHECK
        atomic { marked = busy[s]; t = seq[s] };
        if
        :: t == was && !marked ->
           assert(l == n + 1 && h == n + 1);
           n++
        :: else -> goto lapped
        fi
#else
        assert(l == n + 1 && h == n + 1);
        n++
#endif
     :: was > n + 1 ->
lapped:
        t = tail;
        assert(t >= n + N);
        assert(t - N + 1 + GUARD > n);
        n = t - N + 1 + GUARD
     :: else ->  /* empty: waits until there is something, or for ever, which the judge would say */
        atomic { seq[s] > n + 1 || (seq[s] == n + 1 && !busy[s]) -> skip }
     fi;
     atomic { was = 0; marked = false; l = 0; h = 0; t = 0; s = 0 }
  od;
  atomic { assert(n == WRITES); reader_done = true }
}

/* Everybody has come to its end, or something hangs. */
proctype judge() {
  (timeout);
  assert(all_written);
  assert(completed == WRITES);
  assert(reader_done)
}

init {
  atomic { run kernel(); run reader(); run judge() }
}
