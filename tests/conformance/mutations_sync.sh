#!/bin/bash
# Shows that the rows about events, mutexes, semaphores and waits can fail: breaks their border and the core behind it.
# See mutation_frame.sh.
#
#   tests/conformance/mutations_sync.sh BUILD_DIR
set -euo pipefail
. "$(dirname "$0")/mutation_frame.sh"

border() { mutation iwin32_sync.cpp "$@"; }
event() { mutation event_state.cpp "$@"; }
mutex() { mutation mutex_state.cpp "$@"; }
lock() { mutation robust_lock.cpp "$@"; }
semaphore() { mutation semaphore_state.cpp "$@"; }
waits() { mutation wait.cpp "$@"; }
calls() { mutation sync.cpp "$@"; }
contents() { mutation sync_object.cpp "$@"; }

# Names and handles.
calls "nameless objects have a name" '/create_sync\(rtlane_kind/,/^}/s/name != nullptr \? name : ""/name \&\& *name ? name : "?"/' \
  "D04 E05 F01"
calls "any handle will do" 's/pin.target\(\)->kind\(\) != kind_of<State>/false/' "D19 E14 F15"
border "one spelling opens another type" '/^HANDLE OpenEventW/,/^}/s/event_open/mutex_open/' "D06"
border "one spelling pulses by setting" '/^BOOL PulseEvent/,/^}/s/pulse/set/' "D16 D18 H14"
border "one spelling looks at the attributes" \
  '/^HANDLE CreateMutexW/,/^}/{s/LPSECURITY_ATTRIBUTES,/LPSECURITY_ATTRIBUTES a,/;s/return create_mutex/return a ? nullptr : create_mutex/}' \
  "H10"

# Events.
event "never initially set" 's/initially_set \? signaled : 0/0/' "D02 D07"
event "always initially set" 's/initially_set \? signaled : 0/signaled/' "D08"
event "all are auto-reset" 's/manual_reset = with_manual_reset \? 1 : 0/manual_reset = 0/' "D09 D12 D16"
event "all are manual-reset" 's/manual_reset = with_manual_reset \? 1 : 0/manual_reset = 1/' "D10 D11 D13 D17 G08 G18"
event "a wait leaves the signal" 's/now \& ~flag/now/' "D10 D11 D13 G08 G18"
event "a set wakes nobody" '/EventState::set/,/^}/s/futex_change_and_wake.*/word.fetch_or(signaled);/' "D11 D12 D20 G03 G07"
event "a set is forgotten with the next reset" '/EventState::set/,/^}/s/\? one_count : 0/? 0 : 0/' "D12"
event "a reset resets nothing" '/EventState::reset/,/^}/s/\(now \& signaled\) != 0/false/' "D12 D15 D20"
event "a pulse stays" 's/FUTEX_OP_ANDN, signaled \| waiters/FUTEX_OP_SET, signaled/' "D16"
event "a pulse releases nobody" '/EventState::pulse/,/^}/s/generation.fetch_add.*/;/;/EventState::pulse/,/^}/s/\? one_count : 0/? 0 : 0/' "D16 D17"
event "an auto-reset pulse releases everybody" 's/(const std::uint32_t flag = )/if (by_pulse) return {Taken::yes}; \1/' "D17"
event "a pulse without waiters does nothing" '/EventState::pulse/,/^}/s/now \& ~\(signaled \| waiters \| pulsed\)/now/' "D18"
calls "a set of a set event fails" '/^int rtlane_event_set/,/^}/s/state.set\(\);/if (state.word \& 1) return -EINVAL; state.set();/' \
  "D13 D14"

# Mutexes.
contents "always initially owned" 's/if \(initially_owned_ \&\&/if (/' "E01"
contents "never initially owned" 's/if \(initially_owned_ \&\&/if (false \&\&/' "E02 E21"
calls "creating an existing mutex owns it" \
  '/^int rtlane_mutex_create/,/^}/s/return create_sync(.*);/const int made = create_sync\1; if (made == 1 \&\& initially_owned) rtlane_wait(*handle, 0); return made;/' \
  "E03 E21"
mutex "anybody gets it" 's/finish\(state_.lock.try_lock\(\)\)/{Taken::yes}/' "E02 E07 E08 E10 E23"
mutex "it is not recursive" 's/state_.depth == UINT32_MAX/true/' "E09 E10 G09"
mutex "the first release frees it" 's/if \(depth > 1\)/if (false)/' "E10 E15 C15"
border "a release by others has another number" 's/set_last_error\(ERROR_NOT_OWNER\)/set_last_error(ERROR_ACCESS_DENIED)/' \
  "E01 E03 E11 E12 E13 E20"
border "a release by others succeeds" 's/set_last_error\(ERROR_NOT_OWNER\);/return TRUE;/' "E11 E12 E13"
mutex "an heir is not told" 's/error == 0 \? Taken::yes : Taken::abandoned/Taken::yes/' "E16 E17 E18 E19 E20 E21 E23 G14"
lock "a mutex is lost with its owner" 's/^  (un)?link\(\*this\);//' "E16 E18 E23"
lock "the mark of a dead owner is not read" 's/^  if \(!owner_died\(\)\)/  if (true)/' "E16 E17 E18 E19"
mutex "an heir inherits the depth" 's/state_.depth = 1;/++state_.depth;/' "E20"
lock "no priority is lent" 's/^  const int error = until == never.*/  rest_in_deadlock(until); return try_lock(); const int error = 0;/' "E22"
mutation shared_object.cpp "closing gives the mutex up" '/SharedObject::must_stay/,/^}/s/return kind/return false \&\& kind/' "C15"

# Semaphores.
semaphore "all begin without units" 's/store\(initial[^,]*,/store(0,/' "F01 F03 F06"
contents "any counts are good" 's/if \(maximum_ == 0 \|\|.*/if (false)/' "F02"
border "the counts are checked first" \
  's/return rtlane_semaphore_create\(/if (initial < 0 || maximum <= 0 || initial > maximum) return -EINVAL; return rtlane_semaphore_create(/' \
  "F03"
semaphore "a wait takes nothing" 's/taken, taken \+ 1,/taken, taken,/' "F01 F06 F14"
semaphore "there is always one" '/SemaphoreState::take/,/^}/s/return false/return true/' "F07"
semaphore "the count after is told" 's/previous = static_cast<std::uint32_t>\(room_used - taken\)/previous = static_cast<std::uint32_t>(room_used - taken + count)/' \
  "F08 F09"
semaphore "there is no maximum" 's/if \(taken <= room_used \&\& .*/if (false)/' "F03 F09"
semaphore "releases add one" 's/^  give\(count\);/  give(1);/' "F08 F11 F12 F13"
semaphore "a release wakes nobody" 's/if \(woken == 0\)/if (false)/;s/woken \+= futex_change_and_wake\(released, FUTEX_OP_ADD, step << 1\)/released.fetch_add(step << 1)/' \
  "F12"
semaphore "a large release adds half" 's/power \+ 1\)/power)/' "F12"
mutation iwin32_border.cpp "too many has another number" 's/EOVERFLOW, ERROR_TOO_MANY_POSTS/EOVERFLOW, ERROR_INVALID_PARAMETER/' \
  "F03 F09"
border "the count before is written on failure" 's/result == 0 \&\& previous != nullptr/previous != nullptr/' "F09 F10 F15"
border "the count before must be asked for" 's/std::uint32_t before = 0;/if (previous == nullptr) return FALSE; &/' "F11"
calls "nothing may be released" 's/if \(count == 0\)/if (false)/' "F10"
border "a negative count is a large one" 's/count < 0 \? 0 : //' "F10"

# Waits.
border "a wait of 0 sleeps" 's/: milliseconds \* ns_per_ms/: (milliseconds + 1) * ns_per_ms/' "G01"
border "milliseconds are shorter" 's/: milliseconds \* ns_per_ms/: milliseconds * ns_per_ms * 9 \/ 10/' "G02 G15 G04"
border "RTX's units are shorter" 's/ticks->QuadPart \* ns_per_tick/ticks->QuadPart * 90/' "G02"
border "a negative time has another number" 's/fail\(EINVAL, "the time-out/fail(EBADF, "the time-out/' "G02"
lock "waits go by the time of day" 's/FUTEX_LOCK_PI2, &end/FUTEX_LOCK_PI, \&end/' "G02"
border "for ever is short" 's/\? RTLANE_FOREVER : milliseconds/? 100 * ns_per_ms : milliseconds/' "G03 G15"
border "the longest time is for ever" 's/milliseconds == INFINITE/milliseconds >= 0xfffffff0u/' "G04"
border "milliseconds overflow" 's/: milliseconds \* ns_per_ms/: std::uint32_t(milliseconds * ns_per_ms)/' "G04"
waits "no handle is a bad argument" '/if \(!\*pin_\)/{n;s/EBADF/EINVAL/}' "G05 G13 A42"
waits "memory is a bad argument" 's/fail\(EBADF, (.*is the handle of something)/fail(EINVAL, \1/' "G06 G13"
waits "the highest index comes first" '/for \(;;\)/{n;s/i = 0; i < count; \+\+i/i = count; i-- > 0;/}' "G07 G08"
waits "several are taken" \
  's/if \(attempt.taken != Waitable::Taken::failed\)/for (std::uint32_t j = i + 1; j < count; ++j) (void)waited[j].try_take(); &/' \
  "G08"
waits "mutexes cannot be among several" 's/slice_ns = slice_ns == 0/return fail(EINVAL, "no"), slice_ns = slice_ns == 0/' \
  "G09 G14 G15 G17"
border "waiting for all has another number" 's/fail\(EINVAL, "bWaitAll/fail(EBADF, "bWaitAll/' "G10"
waits "a wrong count has another number" 's/fail\(EINVAL, (.*handles)/fail(EBADF, \1/' "G11 G12"
border "more than 16 are forgotten" 's/nullptr, count, timeout_ns/nullptr, count > 16 ? 16 : count, timeout_ns/' "G12"
waits "the first is taken before the last is looked at" \
  's/if \(const std::int64_t ns = waited/if (waited[i].try_take().taken == Waitable::Taken::yes) return index = i, 0; &/' "G13"
border "an abandoned mutex has no index" '/case RTLANE_WAIT_ABANDONED/{n;s/ \+ index//}' "G14"
mutation waitable.cpp "a close tells nobody" 's/kicks < kicks_max/kicks < 0/' "C13 C14 G16"
border "a close has no number" '/case -ECANCELED/{n;s/set_last_error.*//}' "C13 C14 G16 G17"
waits "a close has no index" '/ended\(\)\) \{/{n;s/index = i/index = 0/}' "C14 G17"
mutation waitable.cpp "a signal ends a wait" \
  's/futex_sleep\(sleep, until\);/if (futex_sleep(sleep, until) == -EINTR) return {Taken::failed, -ETIMEDOUT};/' "G19"
waits "a signal prolongs a wait" 's/sleep_alone\(deadline\)/sleep_alone(deadline == never ? never : deadline += 20000000)/' "G19"
mutation iwin32_memory.cpp "what does nothing says so" '/^BOOL Rt(LockKernel|EnablePortIo|DisablePortIo)/,/^}/s/TRUE/FALSE/' "H12"
mutation iwin32_memory.cpp "freeing answers FALSE" '/^BOOL RtFreeLockedMemory/,/^}/s/TRUE/FALSE/' "H13"
border "errno is not kept" 's/const ErrnoKeeper keeper;//' "H05"
end_of_mutations
