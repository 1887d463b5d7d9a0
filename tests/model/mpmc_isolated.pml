/*
 * mpmc_isolated.pml - MpmcRing, mode isolated: private slots, a cell of the ring publishes the number of one.
 *
 * Modelled: every shared access as its own step (sequentially consistent); cell and slot word each as one unit; the
 * payload copies as two steps under a counter of those inside. After every shared write a participant may be killed,
 * or be stopped for good: survivors learn of a death only through dead[], of a stop never. A dead participant's entry
 * may be used again: the successor sweeps it, then goes on as another sender. Producer 0 may end the stream. At the end
 * a drainer, alone, empties the ring and takes over the entries of the dead.
 *
 * Checked: a payload is never accessed by two at once; a slot in a living consumer's hand is changed by nobody else;
 * an element is published at the true tail and taken at the true head, so the order is that of the publications;
 * nothing twice; everything published is delivered, or is in the hand of one who was killed or stopped, at most one
 * each; whoever answers "empty" or "closed" was right at that moment, and nothing is published after "closed"; the
 * cell at tail is never one lap behind, so a publication is never refused for lack of a cell; at the end all slots are
 * free but those in the hands of the stopped. Whoever was stopped where, the drainer alone needs at most two retries for
 * each element.
 * Not modelled: weak memory, attempt bounds, the order in which a producer tries its slots.
 *
 * Parameters: NP, NC   producers and consumers, 1..2 each       K   slots of each producer (1..2)
 *             N        cells, at least NP * K + 2
 *             KP       messages per producer (1..7)
 *             KILLS    how many may be killed       STOPS   how many may be stopped for good
 *             REUSE=1  a dead one's entry gets a successor   CLOSE=1  producer 0 ends the stream
 * Must be violated: -DREPAIR_LIVE   what a living consumer holds may be taken back (a time-out)
 *                   -DNO_REPAIR     nobody takes back what a dead consumer held
 *                   -DBLIND         the slot is made ready for a position whose cell was not looked at
 *                   -DNO_POSITION   a ready slot does not say for which position
 *                   -DHEAD_FIRST    head goes on before the cell is empty
 *                   -DNO_SWEEP      a successor takes what its predecessor had not published for published
 *                   -DSWEEP_ALL     a successor frees all that is ready
 *                   -DLOOK_ONCE     a successor does not look at the slot again after the cell
 *                   -DTIGHT         as many cells as slots
 *                   -DCLOSE_BY_FLAG the end has no place in the ring
 *                   -DNO_HELP       only who took an element moves head
 */
#ifndef NP
#define NP 1
#endif
#ifndef NC
#define NC 1
#endif
#ifndef K
#define K 1
#endif
#ifndef N
#ifdef TIGHT
#define N (NP * K)
#else
#define N (NP * K + 2)
#endif
#endif
#ifndef KP
#define KP 2
#endif
#ifndef KILLS
#define KILLS 1
#endif
#ifndef STOPS
#define STOPS 0
#endif
#ifndef REUSE
#define REUSE 0
#endif
#ifndef CLOSE
#define CLOSE 0
#endif

/* participants: 0, 1 producers; 2, 3 consumers; DRAINER runs alone at the end */
#define DRAINER 4

#define FREE  0
#define READY 1
#define TAKEN 2
#define END   99

#define LAP(pos) ((pos) / N)
#define IDX(pos) ((pos) % N)
#define SLOTS    (NP * K)

typedef Cell { byte lap; byte code };                  /* code: 0 empty, slot + 1, or END */
typedef Slot { byte phase; byte pos; byte owner; byte value; byte inside };
Cell cell[N];
Slot slot[SLOTS];
byte head, tail;
byte taking[5];                                        /* slot + 1 that the consumer is about to take, or took last */
bit closing;
bool dead[5], done[5];
byte kills = KILLS, stops = STOPS;

/* ghost state; message id = sender * 8 + number + 1, senders 0..3 (2, 3: successors) */
#define MSG(p, n) ((p) * 8 + (n) + 1)
#define PUBLISHED 1
#define IN_HAND   2
#define DELIVERED 3
byte msg_state[32];
byte last_taken[4];
byte waiting;
byte victims;
bool said_closed;

#define KILL_POINT                                                                   \
  if                                                                                 \
  :: skip                                                                            \
  :: atomic { kills > 0 -> kills--; victims++ }; goto died                           \
  :: atomic { stops > 0 -> stops--; victims++ }; goto stopped                        \
  fi
#define KILL_IN_PAYLOAD(i)                                                           \
  if                                                                                 \
  :: skip                                                                            \
  :: atomic { kills > 0 -> kills--; victims++; slot[i].inside-- }; goto died         \
  :: atomic { stops > 0 -> stops--; victims++ }; goto stopped                        \
  fi

#ifdef REPAIR_LIVE
#define MAY_REPAIR(p) (true)
#else
#ifdef NO_REPAIR
#define MAY_REPAIR(p) (false)
#else
#define MAY_REPAIR(p) (dead[p])
#endif
#endif

#ifdef NO_POSITION
#define IS_READY(s, p) (slot[s].phase == READY)
#else
#define IS_READY(s, p) (slot[s].phase == READY && slot[s].pos == (p))
#endif

#define HELP(hint, from) atomic { if :: hint == from -> hint = from + 1 :: else fi }

inline load_cell(pos) { atomic { xlap = cell[IDX(pos)].lap; xcode = cell[IDX(pos)].code } }
inline empty_cell(pos) {
  atomic {
    if
    :: cell[IDX(pos)].lap == xlap && cell[IDX(pos)].code == xcode -> cell[IDX(pos)].lap = xlap + 1; cell[IDX(pos)].code = 0
    :: else
    fi
  }
}

/* Puts the end behind the last element. Whoever sees that the stream is being closed does it. */
inline put_end() {
  do
#ifdef CLOSE_BY_FLAG
  :: break
#endif
  :: t = tail;
     load_cell(t);
     if
     :: xlap == LAP(t) && xcode == END -> break
     :: xlap == LAP(t) && xcode == 0 ->
        atomic {
          if
          :: cell[IDX(t)].lap == xlap && cell[IDX(t)].code == 0 -> assert(tail == t); cell[IDX(t)].code = END
          :: else
          fi
        }
     :: xlap > LAP(t) || (xlap == LAP(t) && xcode != 0 && xcode != END) -> HELP(tail, t)
     :: xlap < LAP(t) -> assert(false)
     fi
  od;
  t = 0; xlap = 0; xcode = 0
}

/* What a dead consumer held, in slot si. */
inline take_back(si) {
  atomic {
    if
    :: slot[si].phase == TAKEN && MAY_REPAIR(slot[si].owner) ->
         slot[si].phase = FREE; slot[si].pos = 0; slot[si].owner = 0
    :: else
    fi
  }
}

/* The last holder of this slab may have been killed before it published what it had made ready. */
inline sweep_slot(si) {
  atomic { t = slot[si].pos; won = (slot[si].phase == READY) };
  if
  :: won ->
#ifndef SWEEP_ALL
     load_cell(t);
     if
     :: xlap == LAP(t) && xcode == si + 1 -> won = false
     :: else
#ifndef LOOK_ONCE
          won = (slot[si].phase == READY && slot[si].pos == t)
#endif
     fi;
#endif
#ifndef NO_SWEEP
     if
     :: won -> atomic { slot[si].phase = FREE; slot[si].pos = 0; slot[si].owner = 0 }
     :: else
     fi
#endif
  :: else
  fi;
  atomic { t = 0; won = false; xlap = 0; xcode = 0 }
}

proctype producer(byte me) {
  byte t, sent, si, k, xlap, xcode, sender;
  bool won;

  sender = me;
attach:
  k = 0;
  do
  :: k < K -> sweep_slot(me * K + k); KILL_POINT; k++
  :: else -> break
  od;
  k = 0;
  do
  :: sent < KP ->
     if :: closing -> goto gone :: else fi;
     k = 0;
     do
     :: k >= K -> k = 0; goto gone                     /* full: gives up, nobody is waited for */
     :: else ->
        if
        :: slot[me * K + k].phase == FREE -> break
        :: else ->
           take_back(me * K + k);
           if :: slot[me * K + k].phase == FREE -> break :: else -> k++ fi
        fi
     od;
     si = me * K + k; k = 0;
     atomic { slot[si].inside++; assert(slot[si].inside == 1) };
     KILL_IN_PAYLOAD(si);
     atomic { slot[si].value = MSG(sender, sent); slot[si].inside-- };
     KILL_POINT;
publish:
     t = tail;
#ifdef BLIND
     atomic { slot[si].phase = READY; slot[si].pos = t };
     KILL_POINT;
#endif
     load_cell(t);
     if
     :: xlap == LAP(t) && xcode == 0 ->
#ifndef BLIND
        atomic { slot[si].phase = READY; slot[si].pos = t };
        KILL_POINT;
#endif
        atomic {                                       /* the push's linearization point */
          if
          :: cell[IDX(t)].lap == xlap && cell[IDX(t)].code == 0 ->
               assert(tail == t); assert(!said_closed);
               cell[IDX(t)].code = si + 1;
               msg_state[MSG(sender, sent)] = PUBLISHED; waiting++; won = true
          :: else -> won = false
          fi
        };
        if
        :: won -> won = false; KILL_POINT; HELP(tail, t); KILL_POINT
        :: else -> goto publish
        fi
     :: xlap == LAP(t) && xcode == END ->
        atomic { slot[si].phase = FREE; slot[si].pos = 0 };
        goto gone
     :: xlap > LAP(t) || (xlap == LAP(t) && xcode != 0 && xcode != END) ->
        HELP(tail, t);
        goto publish
     :: xlap < LAP(t) -> assert(false)                 /* no cell */
     fi;
     atomic { sent++; t = 0; xlap = 0; xcode = 0; si = 0 }
  :: else -> break
  od;
gone:
#if CLOSE
  if
  :: me == 0 -> closing = 1; KILL_POINT; put_end(); KILL_POINT
  :: else
  fi;
#endif
  goto fin;
died:
  atomic { dead[me] = true; t = 0; sent = 0; si = 0; k = 0; xlap = 0; xcode = 0; won = false };
#if REUSE
  if
  :: skip -> goto fin
  :: sender < 2 -> skip
  fi;
  atomic { dead[me] = false; sender = me + 2 };        /* the lease is the successor's */
  goto attach;
#endif
stopped:
fin:
  done[me] = true
}

/* result: 0 = empty or closed, 1 = look again, 2 = taken */
inline pop_once(me) {
  result = 1;
  h = head;
  atomic { load_cell(h); seen = waiting };
  if
  :: xlap == LAP(h) && xcode == 0 ->
     assert(seen == 0);                                /* "empty" is true */
     if
     :: closing ->
#ifdef CLOSE_BY_FLAG
        said_closed = true; result = 0
#else
        put_end(); KILL_POINT
#endif
     :: else -> result = 0
     fi
  :: xlap == LAP(h) && xcode == END -> assert(seen == 0); said_closed = true; result = 0
  :: xlap > LAP(h) -> HELP(head, h)
  :: xlap < LAP(h) -> assert(false)
  :: xlap == LAP(h) && xcode != 0 && xcode != END ->
     si = xcode - 1;
     won = false;
     if
     :: atomic { IS_READY(si, h) -> y = slot[si].pos };
        taking[me] = si + 1;
        KILL_POINT;
        atomic {                                       /* the pop's linearization point */
          if
          :: slot[si].phase == READY && slot[si].pos == y ->
               slot[si].phase = TAKEN; slot[si].owner = me; won = true;
               assert(head == h);
               m = slot[si].value;
               assert(m != 0); assert(msg_state[m] == PUBLISHED); msg_state[m] = IN_HAND; waiting--;
               assert(last_taken[(m - 1) / 8] < (m - 1) % 8 + 1);
               last_taken[(m - 1) / 8] = (m - 1) % 8 + 1
          :: else
          fi
        }
     :: else
     fi;
     if :: won -> KILL_POINT :: else fi;
#ifdef NO_HELP
     if
     :: won -> empty_cell(h); HELP(head, h)
     :: else
     fi;
#else
#ifdef HEAD_FIRST
     HELP(head, h);
     KILL_POINT;
     empty_cell(h);
#else
     empty_cell(h);                                    /* anybody may do these two */
     KILL_POINT;
     HELP(head, h);
#endif
#endif
     if
     :: won ->
        KILL_POINT;
        atomic { slot[si].inside++; assert(slot[si].inside == 1) };
        KILL_IN_PAYLOAD(si);
        atomic { assert(slot[si].value == m); slot[si].inside-- };
        KILL_POINT;
        atomic {
          assert(slot[si].phase == TAKEN && slot[si].owner == me);
          slot[si].phase = FREE; slot[si].pos = 0; slot[si].owner = 0; msg_state[m] = DELIVERED
        };
        KILL_POINT;
        result = 2
     :: else
     fi;
  fi;
  atomic { h = 0; xlap = 0; xcode = 0; si = 0; y = 0; m = 0; won = false; seen = 0 }
}

proctype consumer(byte me) {
  byte h, t, xlap, xcode, y, si, m, result, seen;
  bool won, again;

attach:
  if                                                   /* what the last holder of this entry held */
  :: taking[me] != 0 ->
     atomic {
       si = taking[me] - 1;
       if
       :: slot[si].phase == TAKEN && slot[si].owner == me ->
            slot[si].phase = FREE; slot[si].pos = 0; slot[si].owner = 0
       :: else
       fi;
       si = 0
     }
  :: else
  fi;
  do
  :: pop_once(me);
     if
     :: done[0] && done[1] && result == 0 -> break
     :: else
     fi
  od;
  goto fin;
died:
  atomic { dead[me] = true; h = 0; t = 0; xlap = 0; xcode = 0; y = 0; si = 0; m = 0; won = false; result = 0; seen = 0 };
#if REUSE
  if
  :: skip -> goto fin
  :: !again -> again = true
  fi;
  dead[me] = false;
  goto attach;
#endif
stopped:
fin:
  done[me] = true
}

active proctype drainer() {
  byte h, t, xlap, xcode, y, si, m, result, seen, i, lost, retries;
  bool won;

  atomic {
    if :: NP > 0 -> run producer(0) :: else -> done[0] = true fi;
    if :: NP > 1 -> run producer(1) :: else -> done[1] = true fi;
    if :: NC > 0 -> run consumer(2) :: else -> done[2] = true fi;
    if :: NC > 1 -> run consumer(3) :: else -> done[3] = true fi
  };
  (done[0] && done[1] && done[2] && done[3]);
  kills = 0; stops = 0;
  do
  :: pop_once(DRAINER);
     if
     :: result == 0 -> break
     :: result == 1 -> retries++; assert(retries <= 2)
     :: else -> retries = 0
     fi
  od;

  i = 1;
  do
  :: i < 32 ->
     assert(msg_state[i] != PUBLISHED);
     if :: msg_state[i] == IN_HAND -> lost++ :: else fi;
     i++
  :: else -> break
  od;
  assert(lost <= victims);

  i = 0; lost = 0;                                     /* the whole room comes back */
  do
  :: i < SLOTS ->
     take_back(i);
     if :: dead[i / K] -> sweep_slot(i) :: else fi;
     if
     :: slot[i].phase != FREE && !(slot[i].phase == TAKEN && !dead[slot[i].owner]) &&
        !(slot[i].phase == READY && !dead[i / K]) -> lost++
     :: else
     fi;
     i++
  :: else -> break
  od;
  assert(lost == 0);
  goto fin;
died:
stopped:
  assert(false);
fin:
  skip
}
