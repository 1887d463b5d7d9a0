/*
 * frame_broadcast.pml - FrameBroadcast (channels/include/rtlane/channels/frame_broadcast_core.hpp): a writer that may be
 * killed after every shared access, its successors, and a subscriber that copies speculatively.
 *
 * Modelled: a ring of C words; a record is its number, its length and so many words of content, the next record's number
 * behind it; tail and intent. Every shared access is its own step, sequentially consistent. FRAMES are published, each of
 * length 0 or LONGEST; KILLS writers are killed. A lapped reader goes on at tail.
 *
 * Checked: what is taken as frame n is whole and of number n; a lapped reader finds the number of the place where it goes
 * on; a successor goes on with the number after the last published one; the reader gets to the end.
 * Not modelled: the marks of the segments, closing, epochs, hostile words, weak memory.
 *
 * Must be violated: -DNO_INTENT   (the writer does not say how far it is going to write)
 *                   -DNO_RECHECK  (the reader does not look at intent after its copy)
 *                   -DFALLS       (a successor's shorter frame lowers intent)
 *                   -DNUMBER_LATE (the next record's number is written after tail)
 */
#ifndef C
#define C 8
#endif
#ifndef FRAMES
#define FRAMES 6
#endif
#ifndef LONGEST
#define LONGEST 2
#endif
#ifndef KILLS
#define KILLS 1
#endif
#define HEAD 2

byte ring[C];
byte tail;
byte intent;

byte kills = KILLS;
byte published; /* ghost: how many */
bool writer_lives;
bool all_written;
bool reader_done;

#define KILL_POINT if :: atomic { kills > 0 -> kills--; writer_lives = false; goto dead } :: skip fi

proctype writer() {
  byte p;
  byte n;
  byte next;
  byte length;
  byte i;
  byte spoilt;

  p = tail;
  n = ring[p % C];
  spoilt = intent;
  assert(n == published);
  do
  :: n < FRAMES ->
     if :: length = 0 :: length = LONGEST fi;
     next = p + HEAD + length;
#ifndef NO_INTENT
#ifdef FALLS
     intent = next + 1;
#else
     atomic { if :: spoilt > next + 1 -> intent = spoilt :: else -> intent = next + 1 fi };
#endif
#endif
     KILL_POINT;
     ring[(p + 1) % C] = length;
     KILL_POINT;
     i = 0;
     do
     :: i < length -> ring[(p + HEAD + i) % C] = 100 + n; i++; KILL_POINT
     :: else -> break
     od;
     n++;
#ifdef NUMBER_LATE
     atomic { tail = next; published = n };
     KILL_POINT;
     ring[next % C] = n;
#else
     ring[next % C] = n;
     KILL_POINT;
     atomic { tail = next; published = n };
#endif
     p = next;
     KILL_POINT
  :: else -> break
  od;
  atomic { all_written = true; p = 0; n = 0; next = 0; length = 0; i = 0; spoilt = 0; goto over };
dead:
  atomic { p = 0; n = 0; next = 0; length = 0; i = 0; spoilt = 0 };
over:
  skip
}

proctype kernel() {
  do
  :: atomic { !writer_lives && !all_written -> writer_lives = true; run writer() }
  :: all_written -> break
  od
}

proctype reader() {
  byte c;
  byte n;
  byte t;
  byte number;
  byte length;
  byte i;
  bool torn;

  do
  :: n >= FRAMES -> break
  :: else ->
     atomic { tail != c -> t = tail };
     if
     :: t - c > C -> goto lapped
     :: else
     fi;
     number = ring[c % C];
     length = ring[(c + 1) % C];
     torn = number != n || length > LONGEST || length + HEAD > t - c;
     i = 0;
     do
     :: !torn && i < length -> torn = torn || ring[(c + HEAD + i) % C] != 100 + n; i++
     :: else -> break
     od;
#ifndef NO_RECHECK
     if
     :: intent - c > C -> goto lapped
     :: else
     fi;
#endif
     assert(!torn);
     c = c + HEAD + length;
     n++;
     goto next_round;
lapped:
     t = tail;
     number = ring[t % C];
     if
     :: intent - t > C -> skip /* busy: tries again */
     :: else ->
        assert(number > n);
        atomic { assert(number <= published); n = number; c = t }
     fi;
next_round:
     atomic { t = 0; number = 0; length = 0; i = 0; torn = false }
  od;
  reader_done = true
}

/* Everybody has come to its end, or something hangs. */
proctype judge() {
  (timeout);
  assert(all_written);
  assert(published == FRAMES);
  assert(reader_done)
}

init {
  atomic { run kernel(); run reader(); run judge() }
}
