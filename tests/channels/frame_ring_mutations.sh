#!/bin/bash
# Shows that the thread tests can fail: weakens one acquire or release of the frame ring at a time, in a copy, and expects
# ThreadSanitizer to report a race in tests/channels/frame_threads_test.cpp. Changes nothing in the source tree.
#
#   tests/channels/frame_ring_mutations.sh BUILD_DIR [PATTERN]     (a build of the preset tsan; about a minute)
set -euo pipefail
# shellcheck source=tests/support/mutation_frame.sh
source "$(dirname "$0")/../support/mutation_frame.sh"
pattern=${2:-.}
header=rtlane/channels/frame_ring_core.hpp

# mutation WHAT SED_SCRIPT: weakened so, the tests must report a race; with an empty script they must not.
mutation() {
  local what=$1 script=$2
  [[ $what =~ $pattern ]] || return 0
  count=$((count + 1))
  mkdir -p "$work/include/rtlane/channels"
  sed -E "$script" "$source/channels/include/$header" > "$work/include/$header"
  if [ -n "$script" ] && cmp -s "$source/channels/include/$header" "$work/include/$header"; then
    complain "STALE    $what: the script changes nothing"
    return
  fi
  if ! "$compiler" -std=c++20 -O1 -g -fsanitize=thread -I"$work/include" -I"$source/channels/include" \
      -I"$source/core/include" -I"$source/tests" "$source/tests/channels/frame_threads_test.cpp" "$archive" \
      -lgtest_main -lgtest -pthread -o "$work/threads" 2> "$work/log"; then
    complain "STALE    $what: does not build"
    head -5 "$work/log"
    return
  fi
  # A test that depends on the moment gets five tries.
  local try
  for try in 1 2 3 4 5; do
    { timeout 300 "$work/threads" > "$work/log" 2>&1; } 2> /dev/null || true
    if grep -q 'WARNING: ThreadSanitizer: data race' "$work/log"; then
      [ -n "$script" ] && echo "noticed  $what (try $try)" || complain "REPORTED $what"
      return
    fi
  done
  [ -z "$script" ] && echo "quiet    $what" || complain "SURVIVED $what"
}

relax='s/memory_order_(release|acquire)/memory_order_relaxed/'

mutation "nothing weakened" ""
mutation "P2 of commit" "/\/\/ P2, pairs/$relax"
mutation "C1 of refresh" "/::refresh\(\)/,/^}/{/\/\/ C1, pairs/$relax}"
mutation "C1 of extend" "/::extend\(/,/^}/{/\/\/ C1, pairs/$relax}"
mutation "C2 of give_back" "/\/\/ C2, pairs/$relax"
mutation "P1 of make_room" "/\/\/ P1, pairs/$relax"
mutation "D1 of a producer" "/view_\.producer->attached\.store.*\/\/ D1/$relax"
mutation "A1 of a producer" "/view_\.producer->attached\.load/$relax"
mutation "D1 of a consumer" "/view_\.consumer->attached\.store.*\/\/ D1/$relax"
mutation "A1 of a consumer" "/mine\.attached\.load/$relax"
mutation "E1 of close" "/\/\/ E1, pairs/$relax"
mutation "E2 of an empty ring" "/\/\/ E2, pairs/$relax"

end_of_mutations
