#!/bin/bash
# Shows that the tests of the snapshot can fail: seeds one mistake at a time in a copy of the headers and expects the
# named test program to notice. Changes nothing in the source tree. About a minute.
#
#   tests/channels/snapshot_mutations.sh BUILD_DIR [PATTERN]   (a build in which rtlane_static is built; only mutations
#                                                                whose description matches PATTERN)
set -euo pipefail

build=$(realpath "${1:?usage: snapshot_mutations.sh BUILD_DIR [PATTERN]}")
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

core=snapshot_core.hpp
inter=snapshot_interleaving_test
model=snapshot_model_test
hostile=snapshot_hostile_test
mutation $inter "no mark" $core '/header\.number\.store/s/.*//'
mutation $inter "mark after the words" $core '/header\.number\.store/{h;d};/store_torn\(view_\.value/{G}'
mutation $inter "latest before the words" $core '/header\.number\.store/s/^/    view_.writer->latest.store(n, std::memory_order_release);\n/'
mutation $inter "no second look" $core 's/if \(looks\.number != looks\.latest\)/if (false)/'
mutation $inter "second look before the words" $core '/looks\.number = header/{h;d};/const SnapshotSlot<Word>& header/{p;s/.*/    looks.number = header.number.load(std::memory_order_relaxed);/}'
mutation $inter "stamp of another value" $core '/const std::uint64_t stamp = load_torn_word/d;/if \(looks\.number != looks\.latest\)/,/return false/{/return false/s/$/\n    const std::uint64_t stamp = load_torn_word(view_.header(view_.slot(looks.latest + 1)).stamp);/}'
mutation $inter "a successor that skips a number" $core 's/sequence_ = view_\.writer->latest\.load\(std::memory_order_relaxed\)/& + 1/'
mutation $inter "a load that gives up at once" $core 's/attempts == snapshot_attempts_max/attempts == 1/'
mutation $inter "one attempt more" $core 's/attempts == snapshot_attempts_max/attempts == snapshot_attempts_max + 1/'
mutation $inter "closed though a newer value is there" $core 's/return end == sequence_ \+ 1 \&\& !newer\(\);/return end != 0;/'
mutation $hostile "a latest that falls is believed" $core 's/looks\.latest == 0 \|\| looks\.latest < sequence_/looks.latest == 0/'
mutation $hostile "a number of another slot is waited for" $core 's/\(ahead & view_\.mask\) != 0/false/'
mutation $hostile "loads without end" $core 's/if \(attempts == snapshot_attempts_max\)/if (false)/'
mutation $model "a writer that attaches leaves it closed" $core '/writer->end\.store\(0/s/.*//'
mutation $model "takeovers are not counted" $core '/bump\(line\.takeovers\);/s/.*/;/'
mutation $model "the rest behind whole words is lost" torn_copy.hpp 's/^    store\(done, bytes - done\);/    ;/'
mutation $model "a member that begins inside a word is read from its begin" torn_copy.hpp 's/\(&value\) \+ skip, count/(\&value), count/'

echo "$count mutations, $wrong not as expected"
[ "$wrong" -eq 0 ]
