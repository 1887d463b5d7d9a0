/*
 * mpmc.pml - MpmcRing: tickets whose takers are known by what they announce on their own line before.
 *
 * Modelled: every shared access as its own step (sequentially consistent); the payload copies as two steps under a
 * counter of those inside; death of a participant after every shared write. Survivors learn of a death only through
 * dead[], that is only when it is true. A dead participant's entry may be used again: the successor sweeps it, then
 * goes on as another sender. A producer keeps the limit that it has found (free_until) from one push to the next.
 * At the end a drainer empties the ring.
 *
 * Checked: a payload is never accessed by two at once; a ticket's taker finds its slot as it left it; per-producer
 * FIFO; nothing twice; everything pushed is delivered, or was taken by a consumer that died (at most one per death);
 * whoever answers "empty" was right at one moment of the call; an open ticket always has a participant that announced
 * it; at the end nothing is left and head has reached tail.
 * Not modelled: weak memory, attempt bounds, liveness, close.
 *
 * Parameters: NP, NC   producers and consumers, 1..2 each       N   slots
 *             KP       messages per producer (1..7)
 *             KILLS    how many participants may die
 *             REUSE=1  a dead producer's entry gets a successor, which pushes KP messages as well
 * Must be violated: -DREPAIR_LIVE  a living participant's ticket may be repaired (a time-out)
 *                   -DNO_REPAIR    nobody repairs
 *                   -DPUSH_LATE    a producer announces its ticket after it has taken it
 *                   -DPOP_LATE     a consumer likewise
 *                   -DANY_DEAD     one dead candidate is enough, though a living one announced the same ticket
 *                   -DFORGETFUL    a successor clears its predecessor's announcement without resolving the ticket
 *                   -DNEVER_TAIL   "empty" without a look at tail, though several push
 */
#ifndef NP
#define NP 1
#endif
#ifndef NC
#define NC 1
#endif
#ifndef N
#define N 2
#endif
#ifndef KP
#define KP 2
#endif
#ifndef KILLS
#define KILLS 1
#endif
#ifndef REUSE
#define REUSE 0
#endif

/* participants: 0, 1 producers; 2, 3 consumers; DRAINER runs alone at the end */
#define DRAINER     4
#define FINISHED(x) (done[x])                          /* for good; without a successor to come */
#define MANY        9
#define NOBODY      9

#define IDX(pos) ((pos) % N)

/* A slot word names a ticket (plus one, 0 = none yet) and says written or void. */
typedef Slot { byte ticket1; bool is_void };
Slot slot[N];
#define WRITTEN(t) (slot[IDX(t)].ticket1 == (t) + 1 && !slot[IDX(t)].is_void)
#define VOID(t)    (slot[IDX(t)].ticket1 == (t) + 1 && slot[IDX(t)].is_void)
#define OPEN(t)    (slot[IDX(t)].ticket1 < (t) + 1)

byte head, tail;
byte pushing[2];       /* ticket + 1 that the producer is about to take, or has, or had; 0 = none */
byte popping[5];       /* likewise of a consumer; cleared when it has its copy */
byte pushers;          /* 0, the only entry that ever pushed + 1, or MANY */
bool dead[5], done[5];
byte kills = KILLS;

/* ghost state; message id = sender * 8 + number + 1, senders 0..3 (2, 3: successors) */
#define MSG(p, n) ((p) * 8 + (n) + 1)
#define NONE      0
#define PUSHED    1
#define TAKEN     2
#define DELIVERED 3
byte payload[N];
byte inside[N];
byte msg_state[32];
byte last_taken[4];
byte waiting;          /* messages in state PUSHED */

#define KILL_POINT         if :: skip :: atomic { (kills > 0) -> kills-- }; goto died fi
#define KILL_IN_PAYLOAD(i) if :: skip :: atomic { (kills > 0) -> kills--; inside[i]-- }; goto died fi

#ifdef REPAIR_LIVE
#define MAY_REPAIR(p) (true)
#else
#ifdef NO_REPAIR
#define MAY_REPAIR(p) (false)
#else
#define MAY_REPAIR(p) (dead[p])
#endif
#endif

/* CAS(head, h, h + 1) by anybody */
inline pass_void(h) { atomic { if :: head == h -> head = h + 1 :: else fi } }

/* Ticket t is taken and its slot was seen open. Voids it when all that announced it are dead. skip_entry: whose
   predecessor is known to be dead. unresolved = a living one may own it. */
inline settle(t, skip_entry) {
  any_dead = false; any_alive = false; i = 0;
  do
  :: i < NP ->
     if
     :: pushing[i] == t + 1 ->
        if
        :: i == skip_entry || MAY_REPAIR(i) -> any_dead = true
        :: else -> any_alive = true
        fi
     :: else
     fi;
     i++
  :: else -> break
  od;
  i = 0;
#ifdef ANY_DEAD
  any_alive = any_alive && !any_dead;
#endif
  if
  :: any_dead && !any_alive ->
     atomic { if :: OPEN(t) -> slot[IDX(t)].ticket1 = t + 1; slot[IDX(t)].is_void = true :: else fi }
  :: !any_dead && !any_alive ->
     assert(!OPEN(t))                                  /* nobody announced it: it must have been finished meanwhile */
  :: else
  fi;
  unresolved = any_alive; any_dead = false; any_alive = false
}

proctype producer(byte me) {
  byte t, free_until, sent, h, limit, holder, v, i, sender;
  bool won, any_dead, any_alive, unresolved;

  sender = me;
attach:
  atomic { if :: pushers == 0 -> pushers = me + 1 :: else fi };
  if :: pushers != me + 1 -> pushers = MANY :: else fi;
  do
  :: sent < KP ->
retry:
     t = tail;
     if
     :: t < free_until -> skip
     :: else ->
        h = head;
        if :: h > t -> goto retry :: else fi;          /* t is stale */
        limit = h; holder = NOBODY; i = 2;
        do
        :: i < 5 ->
           atomic {
             v = popping[i];
             if
             :: v != 0 && v - 1 < limit && v - 1 + N >= t -> limit = v - 1; holder = i
             :: else
             fi
           };
           i++
        :: else -> break
        od;
        i = 0; v = 0;
        free_until = limit + N;
        if
        :: t < free_until -> skip
        :: else ->
           if
           :: holder != NOBODY ->
              if
              :: MAY_REPAIR(holder) ->
                 atomic { if :: popping[holder] == limit + 1 -> popping[holder] = 0 :: else fi }
              :: else
              fi
           :: else ->                                  /* full, but for a void ticket at head */
              if
              :: VOID(h) -> pass_void(h)
              :: OPEN(h) -> settle(h, NOBODY)
              :: else
              fi
           fi;
           h = 0; limit = 0; holder = 0;
           goto retry
        fi;
        h = 0; limit = 0; holder = 0
     fi;
#ifndef PUSH_LATE
     pushing[me] = t + 1;
     KILL_POINT;
#endif
     atomic { if :: tail == t -> tail = t + 1; won = true :: else -> won = false fi };
     if
     :: !won -> pushing[me] = 0; KILL_POINT; goto retry
     :: else
     fi;
     KILL_POINT;
#ifdef PUSH_LATE
     pushing[me] = t + 1;
     KILL_POINT;
#endif
     atomic { inside[IDX(t)]++; assert(inside[IDX(t)] == 1) };
     KILL_IN_PAYLOAD(IDX(t));
     atomic { payload[IDX(t)] = MSG(sender, sent); inside[IDX(t)]-- };
     KILL_POINT;
     atomic {                                          /* publish; pushing[me] stays until the next push */
       assert(OPEN(t));
       slot[IDX(t)].ticket1 = t + 1; slot[IDX(t)].is_void = false;
       msg_state[MSG(sender, sent)] = PUSHED; waiting++
     };
     KILL_POINT;
     sent++
  :: else -> break
  od;
  goto fin;
died:
  atomic { dead[me] = true; t = 0; free_until = 0; sent = 0; won = false };
#if REUSE
  if
  :: skip -> goto fin
  :: sender < 2 -> skip
  fi;
  atomic { dead[me] = false; sender = me + 2 };       /* the lease is the successor's */
  t = pushing[me];
#ifndef FORGETFUL
  if
  :: t != 0 && tail > t - 1 ->
     if
     :: OPEN(t - 1) -> settle(t - 1, me)
     :: else
     fi
  :: else
  fi;
#endif
  t = 0;
  KILL_POINT;
  if :: unresolved -> atomic { unresolved = false; dead[me] = true }; goto fin :: else fi;  /* takes another entry */
  pushing[me] = 0;
  KILL_POINT;
  goto attach;
#endif
fin:
  done[me] = true
}

/* result: 0 = empty, 1 = busy or progress was made */
inline pop_once(me) {
  h = head;
  if
  :: WRITTEN(h) ->
#ifndef POP_LATE
     popping[me] = h + 1;
     KILL_POINT;
#endif
     atomic {                                          /* the pop's linearization point */
       if
       :: head == h ->
            head = h + 1; won = true;
            assert(WRITTEN(h));
            m = payload[IDX(h)];
            assert(m != 0); assert(msg_state[m] == PUSHED); msg_state[m] = TAKEN; waiting--;
            assert(last_taken[(m - 1) / 8] < (m - 1) % 8 + 1);
            last_taken[(m - 1) / 8] = (m - 1) % 8 + 1
       :: else -> won = false
       fi
     };
     if
     :: won ->
        KILL_POINT;
#ifdef POP_LATE
        popping[me] = h + 1;
        KILL_POINT;
#endif
        atomic { inside[IDX(h)]++; assert(inside[IDX(h)] == 1) };
        KILL_IN_PAYLOAD(IDX(h));
        atomic { assert(payload[IDX(h)] == m); inside[IDX(h)]-- };
        KILL_POINT;
        atomic { popping[me] = 0; msg_state[m] = DELIVERED };
        m = 0;
        KILL_POINT
     :: else -> popping[me] = 0; KILL_POINT
     fi;
     result = 1
  :: VOID(h) -> pass_void(h); KILL_POINT; result = 1
  :: OPEN(h) ->
     atomic { several = (pushers == MANY); seen = waiting };
     if
     :: !OPEN(h) -> result = 1
     :: else ->
#ifdef NEVER_TAIL
        several = false;
#endif
        if
        :: !several -> assert(seen == 0); result = 0   /* one pushes, in order: nothing is behind an open slot */
        :: else ->
           atomic { t = tail; seen = waiting };
           if
           :: t == h -> assert(seen == 0); result = 0
           :: t > h ->
              result = 1;
              if
              :: OPEN(h) -> settle(h, NOBODY); KILL_POINT
              :: else
              fi
           fi
        fi
     fi;
     t = 0; seen = 0; several = false
  :: slot[IDX(h)].ticket1 > h + 1 -> result = 1        /* h is stale */
  fi;
  h = 0
}

proctype consumer(byte me) {
  byte h, t, m, result, i, seen;
  bool won, several, any_dead, any_alive, unresolved;

  do
  :: pop_once(me);
     if
     :: FINISHED(0) && FINISHED(1) && result == 0 -> break
     :: else
     fi
  od;
  goto fin;
died:
  atomic { dead[me] = true };
fin:
  done[me] = true
}

active proctype drainer() {
  byte h, t, m, result, i, lost, seen;
  bool won, several, any_dead, any_alive, unresolved;

  atomic {
    if :: NP > 0 -> run producer(0) :: else -> done[0] = true fi;
    if :: NP > 1 -> run producer(1) :: else -> done[1] = true fi;
    if :: NC > 0 -> run consumer(2) :: else -> done[2] = true fi;
    if :: NC > 1 -> run consumer(3) :: else -> done[3] = true fi
  };
  (FINISHED(0) && FINISHED(1) && FINISHED(2) && FINISHED(3));
  kills = 0;
  pushers = MANY;                                      /* as the next producer's attach would have it */
  do
  :: pop_once(DRAINER);
     if
     :: result == 0 -> break
#ifdef NO_REPAIR
     :: OPEN(head) -> break
#endif
     :: else
     fi
  od;

  i = 1;
  do
  :: i < 32 ->
     assert(msg_state[i] != PUSHED);
     if :: msg_state[i] == TAKEN -> lost++ :: else fi;
     i++
  :: else -> break
  od;
  assert(lost <= KILLS);
  assert(head == tail);
  goto fin;
died:
  assert(false);
fin:
  skip
}
