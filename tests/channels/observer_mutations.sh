#!/bin/bash
# Shows that the tests of observers can fail: seeds one mistake at a time in a copy of a source and expects them to
# notice. About a minute.
#
#   tests/channels/observer_mutations.sh BUILD_DIR [PATTERN]   (a build in which channels_kinds is built; only mutations
#                                                               whose description matches PATTERN)
set -euo pipefail

pattern=${2:-.}
. "$(dirname "$0")/../support/mutation_frame.sh"

# mutation WHAT FILTER FILE SED_SCRIPT
mutation() {
  local what=$1 filter=$2 file=$3 script=$4
  [[ $what =~ $pattern ]] || return 0
  count=$((count + 1))
  rm -rf "$work/src"
  cp -r "$source/channels/src" "$work/src"
  sed -E -i "$script" "$work/src/$file"
  local objects
  mapfile -t objects < <(objects_of "/channels_kinds\.dir/observer")
  if cmp -s "$source/channels/src/$file" "$work/src/$file"; then
    complain "STALE    $what: the script changes nothing"
  elif ! "$compiler" -std=c++20 -O2 -w -I"$source/core/include" -I"$source/channels/include" -I"$source/core/src" \
      -c "$work/src/$file" -o "$work/mutated.o" 2> "$work/log" ||
    ! "$compiler" "$work/mutated.o" "${objects[@]}" "$archive" -lgmock -lgtest_main -lgtest -pthread \
      -o "$work/program" 2> "$work/log"; then
    complain "STALE    $what: does not build"
    head -5 "$work/log"
  elif { timeout 60 "$work/program" --gtest_filter="$filter" --gtest_brief=1 > "$work/log" 2>&1; } 2> /dev/null; then
    complain "SURVIVED $what"
  else
    echo "noticed  $what: $(grep -m1 -oE "\[  FAILED  \] [A-Za-z]+\.[A-Za-z]+" "$work/log" || echo "ended by a signal")"
  fi
}

all='Observ*'
rings=observe_rings.cpp
mutation "an SPSC element that was taken is never in doubt" $all $rings 's/return stores_are_seen_in_order && !spsc_published.*/return true;/'
mutation "the SPSC loss is told one too small" $all $rings 's/\? distance : 0;/? distance - 1 : 0;/'
mutation "an MPMC element that was taken is never in doubt" $all $rings 's/return stores_are_seen_in_order && mpmc_distance.*/return true;/'
mutation "a place of nobody is an element" $all $rings 's/if \(word == \(position_ \| mpmc_void\)\)/if (false)/'
mutation "skip leaves out the newest, too" $all $rings 's/position_ = until - 1;/position_ = until;/'
mutation "a pinned copy is not looked at again" $all observe_values.cpp 's/if \(now == seen\)/if (true)/'
mutation "replaced values are not counted" $all observe_values.cpp 's/sight.number - shown_ - 1/0/'
mutation "a frame is shown though the consumer has passed it" $all observe_frames.cpp '/copy_observed\(to/,/if \(!sound\)/{s/if \(passed\(\)\)/if (false)/}'

end_of_mutations
