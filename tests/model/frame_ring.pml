/*
 * frame_ring.pml - the frame ring's index algorithm (channels/include/rtlane/channels/frame_ring_core.hpp) over CAP cells.
 *
 *   push     writes header and contents of one or two frames (of one or two cells each) behind tail, then stores tail
 *   pop      when head is not tail: reads the header, copies cell by cell, then stores head
 *
 * Modelled: every shared access as its own step (sequentially consistent), positions modulo 2 * CAP, the private copies
 * of the other side's index, KILLS deaths of the producer and as many of the consumer between any two steps, each
 * followed by a successor that starts from tail or head with nothing else. FRAMES frames with numbers 1, 2, ... are
 * sent; a successor goes on with the number after the last committed one.
 *
 * Checked: what the consumer copied is whole and the next frame in order, nothing twice and nothing lost but the one
 * frame whose taking was published by a consumer that was killed before it could hand it over; a frame that fits by the
 * bytes in use is never refused; at the end everything has arrived.
 * Not modelled: weak memory (ThreadSanitizer and the mutations), alignment, the room behind the ring's end.
 *
 * Must be violated: -DTAIL_FIRST (tail is stored before the header is written)
 *                   -DHEAD_FIRST (head is stored before the copy is finished)
 *                   -DCONTENTS_LAST (tail is stored before the contents are written)
 *                   -DSUCCESSOR_AT_HEAD (a producer's successor starts from head)
 */
#ifndef CAP
#define CAP 4
#endif
#ifndef FRAMES
#define FRAMES 4
#endif
#ifndef KILLS
#define KILLS 1
#endif

#define NUMBERS (2 * CAP)
#define USED(t, h) (((t) + NUMBERS - (h)) % NUMBERS)
/* frames with odd numbers take one cell (the header), those with even numbers two */
#define CELLS(n) (2 - (n) % 2)

byte tail;
byte head;
byte cell[CAP];      /* a header holds the frame's number, contents 100 + number; 0: never written */

/* ghosts */
byte committed;      /* the last frame committed */
byte taken;          /* the last frame whose taking was published */
byte got;            /* the last frame handed over */
bool in_hand;        /* a frame was taken and is not handed over yet */
byte producer_kills = KILLS;
byte consumer_kills = KILLS;

#define PRODUCER_KILL_POINT if :: skip :: atomic { producer_kills > 0 -> producer_kills--; goto killed } fi
#define CONSUMER_KILL_POINT if :: skip :: atomic { consumer_kills > 0 -> consumer_kills--; goto killed } fi

active proctype producer() {
  byte position, cached, number, first, frame, batch;

killed:
  /* the successor knows nothing but the shared words */
  atomic { batch = 0; frame = 0; number = 0; first = 0 };
#ifdef SUCCESSOR_AT_HEAD
  atomic { position = head; cached = head };
#else
  position = tail;
  cached = head;
#endif
again:
  atomic {
    number = committed + 1;   /* the application's own knowledge: what was committed */
    first = position;
    if
    :: number > FRAMES -> goto done
    :: number <= FRAMES -> batch = 1
    :: number + 1 <= FRAMES -> batch = 2
    fi
  };
  frame = 0;
  do
  :: frame < batch ->
     if
     :: USED(position, cached) + CELLS(number + frame) > CAP ->
        cached = head;
        PRODUCER_KILL_POINT;
        if
        :: USED(position, cached) + CELLS(number + frame) > CAP -> break   /* refused */
        :: else
        fi
     :: else
     fi;
#ifdef TAIL_FIRST
     tail = (position + CELLS(number + frame)) % NUMBERS;
     committed = number + frame;
     PRODUCER_KILL_POINT;
#endif
     assert(USED(position, head) + CELLS(number + frame) <= CAP);
     cell[position % CAP] = number + frame;
     PRODUCER_KILL_POINT;
#ifdef CONTENTS_LAST
     tail = (position + CELLS(number + frame)) % NUMBERS;
     committed = number + frame;
     PRODUCER_KILL_POINT;
#endif
     if
     :: CELLS(number + frame) == 2 -> cell[(position + 1) % CAP] = 100 + number + frame; PRODUCER_KILL_POINT
     :: else
     fi;
     position = (position + CELLS(number + frame)) % NUMBERS;
     frame++
  :: else -> break
  od;
  if
  :: frame > 0 ->
#if !defined(TAIL_FIRST) && !defined(CONTENTS_LAST)
     atomic { tail = position; committed = number + frame - 1 };
#endif
     PRODUCER_KILL_POINT
  :: else -> cached != head || USED(position, head) + CELLS(number) <= CAP   /* sleeps until there is room */
  fi;
  goto again;
done:
  skip
}

active proctype consumer() {
  byte position, cached, number, copy;

killed:
  atomic { number = 0; copy = 0; in_hand = false };
  position = head;
  cached = position;
again:
  if
  :: position == cached ->
     if :: taken == FRAMES -> goto done :: else fi;
     cached = tail;
     CONSUMER_KILL_POINT;
     if
     :: position == cached -> tail != position || taken == FRAMES; goto again   /* sleeps until there is a frame */
     :: else
     fi
  :: else
  fi;
  number = cell[position % CAP];
  CONSUMER_KILL_POINT;
  assert(number == taken + 1);
  assert(CELLS(number) <= USED(cached, position));
#ifdef HEAD_FIRST
  atomic { head = (position + CELLS(number)) % NUMBERS; taken = number; in_hand = true };
  CONSUMER_KILL_POINT;
#endif
  if
  :: CELLS(number) == 2 -> copy = cell[(position + 1) % CAP]; CONSUMER_KILL_POINT; assert(copy == 100 + number)
  :: else
  fi;
  position = (position + CELLS(number)) % NUMBERS;
#ifndef HEAD_FIRST
  atomic { head = position; taken = number; in_hand = true };
#endif
  CONSUMER_KILL_POINT;
  /* handed over: behind the last one, or one behind a frame that a killed predecessor had in hand */
  atomic {
    assert(number > got && number - got <= 1 + KILLS - consumer_kills);
    got = number;
    in_hand = false
  };
  goto again;
done:
  skip
}

active proctype judge() {
  timeout;
  assert(committed == FRAMES && taken == FRAMES);
  assert(head == tail);
  assert(got + KILLS - consumer_kills >= FRAMES)
}
