/*
 * snapshot.pml - the snapshot (channels/include/rtlane/channels/snapshot_core.hpp): K slots of two words, each with its
 * number, and `latest`.
 *
 *   store n  number of slot n % K = n; both words, in any order; latest = n
 *   load     n = latest; both words, in any order; the slot's number again: still n?
 *
 * Modelled: every shared access as its own step (sequentially consistent but for what is said), death of the writer
 * between any two of its steps, up to KILLS times, each followed by a successor that starts from `latest`; STORES
 * stores in all; one reader that loads LOADS times and may be anywhere in its copy all the time.
 * Weak memory: what a fence or a release keeps in order is a sequence here, what nothing keeps in order is a choice;
 * the variants take the fences away.
 *
 * Checked: a load that succeeds has both words of the value that was published under its number, which is not older
 * than that of the load before; an attempt fails only if K - 1 values were published within it and another was begun; when
 * the writers have ended (or died for good), a load succeeds at once and has the last value. A successor's number
 * follows `latest`.
 *
 * Must be violated: -DNO_RECHECK  (the slot's number is not looked at again)
 *                   -DMARK_LATE   (the number is written after the words: no fence in the writer)
 *                   -DCHECK_EARLY (the number is looked at before the words: no fence in the reader)
 *                   -DLATEST_EARLY (latest is written before the words: no release)
 *                   -DK=1         (a writer that dies takes the only value with it)
 */
#ifndef K
#define K 2
#endif
#ifndef STORES
#define STORES 5
#endif
#ifndef KILLS
#define KILLS 1
#endif
#ifndef LOADS
#define LOADS 2
#endif

byte number[K];
byte first[K];   /* a word holds VALUE(n, who) */
byte second[K];
byte latest;

byte kills = KILLS;
byte stores = STORES;
bool writing = true;

/* ghosts */
byte begun;      /* highest number that a store was begun with */
byte who = 1;    /* of the writer; a number stored by two writers has different words */
byte value[STORES + 2];  /* the words of the published number */

#define VALUE(n) ((n) * 8 + who)

#define KILL_POINT if :: skip :: atomic { (kills > 0) -> kills-- }; goto died fi

active proctype writer() {
  byte n;

successor:
  n = latest;
  do
  :: stores == 0 -> break
  :: stores > 0 ->
     atomic { stores--; n++ };
#ifdef LATEST_EARLY
     atomic { latest = n; value[n] = VALUE(n) };
     KILL_POINT;
#endif
#ifndef MARK_LATE
     atomic { number[n % K] = n; if :: begun < n -> begun = n :: else fi };
     KILL_POINT;
#endif
     if
     :: first[n % K] = VALUE(n); KILL_POINT; second[n % K] = VALUE(n)
     :: second[n % K] = VALUE(n); KILL_POINT; first[n % K] = VALUE(n)
     fi;
     KILL_POINT;
#ifdef MARK_LATE
     atomic { number[n % K] = n; if :: begun < n -> begun = n :: else fi };
     KILL_POINT;
#endif
#ifndef LATEST_EARLY
     atomic { assert(n == latest + 1); latest = n; value[n] = VALUE(n) };
     KILL_POINT;
#endif
  od;
  goto ended;
died:
  if
  :: atomic { who++; n = 0 }; goto successor
  :: skip  /* for good */
  fi;
ended:
  atomic { n = 0; writing = false }
}

/* one attempt; ok = it succeeded */
inline attempt() {
  n = latest;
#ifdef CHECK_EARLY
  atomic { check = number[n % K]; begun_at_check = begun; latest_at_check = latest };
#endif
  if
  :: a = first[n % K]; b = second[n % K]
  :: b = second[n % K]; a = first[n % K]
  fi;
#ifndef CHECK_EARLY
  atomic { check = number[n % K]; begun_at_check = begun; latest_at_check = latest };
#endif
#ifdef NO_RECHECK
  check = n;
#endif
  ok = (n != 0 && check == n);
  if
  :: ok ->
     assert(a == b);
     assert(a == value[n]);
     assert(n >= last);
     last = n
  :: else ->
     assert(n == 0 || (begun_at_check >= n + K && latest_at_check >= n + K - 1))
  fi;
  atomic { a = 0; b = 0; check = 0; begun_at_check = 0; latest_at_check = 0 }
}

active proctype reader() {
  byte n, a, b, check, last, i, begun_at_check, latest_at_check;
  bool ok;

  do
  :: i < LOADS -> attempt(); i++
  :: else -> break
  od;
  /* nobody writes any more */
  !writing;
  attempt();
  assert(latest == 0 || (ok && n == latest))
}
