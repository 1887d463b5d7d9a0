#!/bin/bash
# Shows that the tests of the broadcasts can fail: seeds one mistake at a time in a copy of the headers and expects the
# named test program to notice. Changes nothing in the source tree. About two minutes.
#
#   tests/channels/broadcast_mutations.sh BUILD_DIR [PATTERN]   (a build in which rtlane_static is built; only mutations
#                                                                whose description matches PATTERN)
set -euo pipefail

build=$(realpath "${1:?usage: broadcast_mutations.sh BUILD_DIR [PATTERN]}")
pattern=${2:-.}
source=$(realpath "$(dirname "$0")/../..")
compiler=$(sed -n 's/^CMAKE_CXX_COMPILER:[A-Z]*=//p' "$build/CMakeCache.txt")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ulimit -c 0
wrong=0
count=0

# mutation TEST WHAT FILE SED_SCRIPT
mutation() {
  local test=$1 what=$2 file=$3 script=$4
  [[ $what =~ $pattern ]] || return 0
  count=$((count + 1))
  rm -rf "$work/include"
  cp -r "$source/channels/include" "$work/include"
  sed -E -i "$script" "$work/include/rtlane/channels/$file"
  if cmp -s "$work/include/rtlane/channels/$file" "$source/channels/include/rtlane/channels/$file"; then
    echo "STALE    $what: the script changes nothing"
    wrong=$((wrong + 1))
  elif ! "$compiler" -std=c++20 -O1 -w -I"$work/include" -I"$source/core/include" -I"$source/tests" \
    -I"$source/tests/channels" "$source/tests/channels/$test.cpp" "$build/librtlane.a" -lgmock -lgtest_main -lgtest \
    -pthread -o "$work/program" > "$work/log" 2>&1; then
    echo "STALE    $what: does not build"
    head -5 "$work/log"
    wrong=$((wrong + 1))
  elif timeout 20 "$work/program" --gtest_brief=1 > "$work/log" 2>&1; then
    echo "SURVIVED $what"
    wrong=$((wrong + 1))
  else
    echo "noticed  $what"
  fi
}

core=broadcast_core.hpp
inter=broadcast_interleaving_test
model=broadcast_model_test
mutation $inter "no busy mark" $core '/W1, pairs/s/.*//'
mutation $inter "busy mark after the bytes" $core '/W1, pairs/{h;d};/store_torn\(view_/{G}'
mutation $inter "no second look" $core '/relaxed: behind TR1/s/return .*;/return true;/'
mutation $inter "number before the bytes" $core '/W1, pairs/s/word \| broadcast_busy/word/'
mutation $inter "a successor that looks at tail only" $core 's/if \(broadcast_written\(view_\.seq\(view_\.slot\(number_\)\).*/if (false) {/'
mutation $inter "a successor that skips the number" $core 's/^(    cursor_ = view_\.slot\(number_\);)$/    ++number_;\1/'
mutation $inter "tail before the number" $core '/W3, pairs with J1/{/number_, std/{s/.*//}};/W1, pairs/s/^/    view_.writer->tail.store(number_ + 1, std::memory_order_release);\n/'
mutation $inter "a lapped subscriber takes the later element" $core 's/if \(broadcast_written\(word, number_\)\)/if (((word ^ (number_ + 1)) \& (view_.capacity - 1)) == 0 \&\& word != 0)/'
mutation $inter "busy is corrupt" $core '/ahead != 0 && ahead <=/s/^/  if (word \& broadcast_busy) return Status::corrupt;\n/'
mutation $inter "closed before the last element" $core 's/\(number_ \+ 1 - end\)/(number_ + 2 - end)/'
mutation $inter "a joiner is promised what is being overwritten" $core 's/      \+\+oldest;/      ;/'
mutation $model "no guard" $core 's/ \+ 1 \+ view_\.guard\(\)/ + 1/'
mutation $model "one lost too many" $core 's/ \+ 1 \+ view_\.guard\(\)/ + 2 + view_.guard()/'
mutation $model "the epoch does not grow" $core '/bump\(mine\.attaches\);/s/.*//'
mutation $model "a change is told of the first writer" $core 's/changed_ = met_one_;/changed_ = true;/'
mutation $model "a change is not told" $core 's/changed_ = met_one_;/;/'
mutation $model "a writer that attaches leaves the stream ended" $core '/common->end\.store\(0/s/.*//'
mutation $model "written compares 49 bits" broadcast_layout.hpp 's/\(number \+ 1\)\) & broadcast_low_mask\) == 0/(number + 1)) \& (broadcast_low_mask | broadcast_busy)) == 0/'
mutation $model "the rest of an element is not copied" torn_copy.hpp 's/std::memcpy\(target \+ 8 \* whole.*/;/'

core=frame_broadcast_core.hpp
inter=frame_broadcast_interleaving_test
model=frame_broadcast_model_test
mutation $inter "frames: no intent" $core '/intent\.store\(intent_, std/s/.*//'
mutation $inter "frames: intent after the bytes" $core '/intent\.store\(intent_, std/{h;d};/if \(\(\(position_ \^ next\)/{x;G}'
mutation $inter "frames: intent of the record only" $core 's/intent_ = next \+ 8;/intent_ = next;/;s/next \+ 8 - position_/next - position_/'
mutation $inter "frames: no second look" $core 's/return view_\.writer->intent\.load.*capacity;/return true;/'
mutation $inter "frames: a second look that is one word late" $core 's/- position <= view_\.capacity;/- position <= view_.capacity + 8;/'
mutation $inter "frames: a successor gives back what was spoilt" $core 's/\(spoilt <= most \? spoilt : most\)/8/'
mutation $inter "frames: a successor that skips a number" $core 's/^    number_ = load_torn_word\(view_\.word\(position_\)\);/    number_ = load_torn_word(view_.word(position_)) + 1;/'
mutation $inter "frames: tail before the record" $core '/tail\.store\(next/{h;d};/intent\.store\(intent_, std/{p;s/.*/    view_.writer->tail.store(next, std::memory_order_release);/}'
mutation $inter "frames: the next number after tail" $core '/store_torn_word\(view_\.word\(next\), number_\);/d;/tail\.store\(next/{p;s/.*/    store_torn_word(view_.word(next), number_);/}'
mutation $model "frames: no guard" $core 's/whole_segment\(1 \+ attempt\)/whole_segment(attempt)/'
mutation $model "frames: no mark" $core 's/view_\.mark\(next\)\.store.*/;/'
mutation $model "frames: the rest of a record at the ring's end is not written" $core 's/store_torn\(view_\.words, from \+ first.*/;/'
mutation $model "frames: the rest of a record at the ring's end is not read" $core 's/load_torn\(to \+ first.*/;/'
mutation $model "frames: a change is not told" $core 's/changed_ = epoch_ != frame_broadcast_epoch_none;/;/'
mutation $model "frames: a writer that attaches leaves the stream ended" $core '/common->end\.store\(0/s/.*//'

echo "$count mutations, $wrong not as expected"
[ "$wrong" -eq 0 ]
