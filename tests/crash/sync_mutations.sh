#!/bin/bash
# Shows that the kill and stress tests of events, semaphores and mutexes can fail: breaks core in one way at a time, in a
# copy, and expects the named tests to notice. Changes nothing in the source tree. Takes about 10 minutes.
#
#   tests/crash/sync_mutations.sh BUILD_DIR [PATTERN]     (a build with crash_sync, crash_sync_soak and crash_sync_stress;
#                                                          only mutations whose description matches PATTERN)
set -euo pipefail

pattern=${2:-.}
. "$(dirname "$0")/../support/mutation_frame.sh"

# The words of a failure that say what went wrong.
said='"[^"]*(lost wake-up|hang|own|told|set|taken|rest|released|signal|unlock)[^"]*"|(lost wake-up|released several|not exclusive)'

# mutation WHAT FILE SED_SCRIPT UNIT PROGRAM FILTER
mutation() { mutation_in_unit "$@"; }

# Waking one: it may be killed before it runs
for unit in event_state.cpp semaphore_state.cpp; do
  mutation "only one is woken, in $unit" futex.hpp 's/FUTEX_WAKE_OP, INT_MAX, 0/FUTEX_WAKE_OP, 1, 0/' $unit crash_sync \
    'Survivors/SyncKill.WhoIsWoken*'
done
# Nor do the others come to sleep with their flag off. (A semaphore's stays on: without kills it loses none.)
mutation "only one is woken under stress" futex.hpp 's/FUTEX_WAKE_OP, INT_MAX, 0/FUTEX_WAKE_OP, 1, 0/' event_state.cpp \
  crash_sync_stress 'SyncStress.*'

# Two steps instead of one: killed between them
split='::syscall(SYS_futex, \&WORD, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0)'
mutation "set changes the word and then wakes" event_state.cpp \
  "s/futex_change_and_wake\(word, manual_reset != 0 .*/{ word = manual_reset != 0 ? word | signaled : signaled; ${split/WORD/word}; }/" event_state.cpp \
  crash_sync 'Survivors/SyncKill.WhoSignals*'
mutation "release changes the word and then wakes" semaphore_state.cpp \
  "s/woken \+= futex_change_and_wake\(released, FUTEX_OP_ADD, step << 1\);/released += step << 1; woken += static_cast<int>(${split/WORD/released});/" \
  semaphore_state.cpp crash_sync 'Survivors/SyncKill.WhoSignals*'
mutation "nobody is woken by a release" semaphore_state.cpp \
  's/woken \+= futex_change_and_wake\(released, FUTEX_OP_ADD, step << 1\);/released += step << 1;/;s/futex_change_and_wake\(released, FUTEX_OP_ANDN, waiters\);/released \&= ~waiters;/' \
  semaphore_state.cpp crash_sync_stress 'SyncStress.Semaphore'

# Events
mutation "a pulse leaves the event set" event_state.cpp 's/FUTEX_OP_SET, pulsed/FUTEX_OP_SET, signaled/' \
  event_state.cpp crash_sync 'Survivors/SyncKill.WhoIsPulsed*'
mutation "a manual pulse is not remembered" event_state.cpp \
  's/return word \/ EventState::one_count != mark;/return false;/' event_state.cpp \
  crash_sync_stress 'SyncStress.ManualResetEvent'
mutation "one signal is taken twice" event_state.cpp \
  's/if \(state_.word.compare_exchange_weak\(now, now & ~flag,/if (now = state_.word.fetch_and(~flag) \& ~flag; state_.word.compare_exchange_weak(now, now \& ~flag,/' \
  event_state.cpp crash_sync_stress 'SyncStress.AutoResetEvent'
mutation "nobody says that he sleeps" event_state.cpp 's/now \| EventState::waiters,$/now,/;s/, now \| EventState::waiters\}/, now}/' \
  event_state.cpp crash_sync_stress 'SyncStress.AutoResetEvent'

# Semaphores
mutation "one unit is taken twice" semaphore_state.cpp \
  's/if \(acquired.compare_exchange_weak\(taken, taken \+ 1,/if (taken = acquired.fetch_add(1) + 1; acquired.compare_exchange_weak(taken, taken,/' \
  semaphore_state.cpp crash_sync_stress 'SyncStress.Semaphore'
mutation "units are given before there is room" semaphore_state.cpp \
  's/^  std::uint64_t room_used = /  give(count); std::uint64_t room_used = /;s/^  give\(count\);$//' semaphore_state.cpp \
  crash_sync 'Survivors/SyncKill.WhoSignals*'
mutation "nobody says that he sleeps on a semaphore" semaphore_state.cpp \
  's/word \| SemaphoreState::waiters,$/word,/;s/, word \| SemaphoreState::waiters\}/, word}/' semaphore_state.cpp \
  crash_sync_stress 'SyncStress.Semaphore'

# Mutexes
mutation "nobody is told of a dead owner" mutex_state.cpp 's/error == 0 \? Taken::yes : Taken::abandoned/Taken::yes/' \
  mutex_state.cpp crash_sync 'Survivors/SyncKill.WhoUnlocks*'
for call in lock try_lock unlock; do
  mutation "a lock is pending in no $call" robust_lock.cpp "/^int RobustLock::$call\(/,/^}/s/^  const Pending pending.*//" robust_lock.cpp \
    crash_sync 'Survivors/SyncKill.*'
done
mutation "a lock is not pending until it is free" robust_lock.cpp \
  '/^int RobustLock::unlock/,/^}/s/^  unlink\(\*this\);/  unlink(*this); self.list->list_op_pending = nullptr;/' robust_lock.cpp crash_sync_soak \
  'SurvivorsSoak/SyncKill.WhoUnlocks*/0'
mutation "waits for several never look again" mutex_state.hpp 's/mutex_gate_slice_ns = .*;/mutex_gate_slice_ns = 3600000000000;/' \
  mutex_state.cpp crash_sync 'Survivors/SyncKill.WhoUnlocks*'
mutation "nobody rings the gate, and they never look again" mutex_state.hpp \
  's/mutex_gate_slice_ns = .*;/mutex_gate_slice_ns = 3600000000000;/;s/waiters = 1;/waiters = 0;/' mutex_state.cpp \
  crash_sync 'Survivors/SyncKill.WhoGoes*'
mutation "the depth of a dead owner stays" mutex_state.cpp 's/^      state_.depth = 1;/      ++state_.depth;/' mutex_state.cpp \
  crash_sync 'Survivors/SyncKill.WhoUnlocks*'

end_of_mutations
