#!/bin/bash
# Shows that the thread tests can fail: weakens one acquire or release of the channels at a time, in a copy, and expects
# ThreadSanitizer to report a race in tests/channels/spsc_threads_test.cpp. Those that no test of one process can notice
# are listed with the argument that stands for the test; one that is noticed after all is told. Changes nothing in the
# source tree. Takes a few minutes.
#
#   tests/channels/mutations.sh BUILD_DIR [PATTERN]     (a build of the preset tsan in which the channels' tests are built;
#                                                        only mutations whose description matches PATTERN)
set -euo pipefail

build=$(realpath "${1:?usage: mutations.sh BUILD_DIR [PATTERN]}")
pattern=${2:-.}
source=$(realpath "$(dirname "$0")/../..")
compiler=$(sed -n 's/^CMAKE_CXX_COMPILER:[A-Z]*=//p' "$build/CMakeCache.txt")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ulimit -c 0
wrong=0
count=0

flags=(-std=c++20 -O1 -g -fsanitize=thread -fno-omit-frame-pointer)
if "$compiler" --version | grep -q 'Free Software Foundation'; then
  flags+=(-fno-builtin-memcpy -Wno-tsan)
fi
includes=(-I"$source/core/include" -I"$source/core/src" -I"$source/channels/src" -I"$source/tests"
  -I"$source/tests/channels")

complain() {
  echo "$1"
  wrong=$((wrong + 1))
}

# compile OUT SOURCE: with the headers in $work/include.
compile() {
  "$compiler" "${flags[@]}" -I"$work/include" "${includes[@]}" -c "$2" -o "$1" 2>> "$work/log"
}

# build_program NAME...: the tests with these of the copied sources.
build_program() {
  : > "$work/log"
  local name objects=()
  for name in "$@"; do
    compile "$work/$name.o" "$work/src/$name.cpp" || return 1
    objects+=("$work/$name.o")
  done
  "$compiler" "${flags[@]}" "$work/threads.o" "${objects[@]}" "$build/librtlane.a" -lgmock -lgtest_main -lgtest -pthread \
    -o "$work/program" 2>> "$work/log"
}

# run: 0 when ThreadSanitizer reports a race.
run() {
  { TSAN_OPTIONS=halt_on_error=1 timeout 300 "$work/program" > "$work/log" 2>&1; } 2> /dev/null || true
  grep -q 'WARNING: ThreadSanitizer: data race' "$work/log"
}

# mutation EXPECTED WHAT FILE SED_SCRIPT: EXPECTED is "noticed", or why it cannot be.
mutation() {
  local expected=$1 what=$2 file=$3 script=$4
  [[ $what =~ $pattern ]] || return 0
  count=$((count + 1))
  rm -rf "$work/include" "$work/src"
  cp -r "$source/channels/include" "$work/include"
  cp -r "$source/channels/src" "$work/src"
  local copy=$work/src/$file objects=("${file%.cpp}")
  if [[ $file == *.hpp ]]; then
    copy=$work/include/rtlane/channels/$file
    objects=(channel_info spsc)
  fi
  local before
  before=$(cksum < "$copy")
  sed -E -i "$script" "$copy"
  if [ "$before" = "$(cksum < "$copy")" ]; then
    complain "STALE    $what: the script changes nothing"
    return
  fi
  if [[ $file == *.hpp || ! -e $work/threads.o ]]; then
    : > "$work/log"
    if ! compile "$work/threads.o" "$source/tests/channels/spsc_threads_test.cpp"; then
      complain "STALE    $what: does not build"
      head -5 "$work/log"
      return
    fi
  fi
  if ! build_program "${objects[@]}"; then
    complain "STALE    $what: does not build"
    head -5 "$work/log"
  elif run; then
    if [ "$expected" = noticed ]; then
      echo "noticed  $what: $(grep -oE '^\[ RUN      \] .*' "$work/log" | tail -1 | cut -c14-)"
    else
      complain "NOTICED  $what, which was thought to be impossible: $expected"
    fi
  elif [ "$expected" = noticed ]; then
    complain "SURVIVED $what"
  else
    echo "argued   $what: $expected"
  fi
  if [[ $file == *.hpp ]]; then
    rm -f "$work/threads.o"  # it has the mutated header
  fi
}

core=spsc_core.hpp
relax='s/memory_order_(release|acquire|acq_rel)/memory_order_relaxed/'

# Elements and their slots
mutation noticed "P2 of publish" $core "/\/\/ P2, pairs/$relax"
mutation noticed "C1 of look" $core "/const std::uint64_t word = .*\/\/ C1, pairs/$relax"
mutation noticed "C1 of continues" $core "/return seq_of\(cursor_\)\.load/$relax"
mutation noticed "C2 of give_back" $core "/\/\/ C2, pairs/$relax"
mutation noticed "P1 of make_room" $core "/const std::uint64_t head = .*\/\/ P1, pairs/$relax"
mutation noticed "P1 of an attach" $core "/head_cache_ = .*\/\/ P1, pairs/$relax"

# Who comes after whom
mutation noticed "D1 of a producer" $core "/view_\.producer->attached\.store.*\/\/ D1/$relax"
mutation noticed "A1 of a producer" $core "/view_\.producer->attached\.load/$relax"
mutation noticed "D1 of a consumer" $core "/view_\.consumer->attached\.store.*\/\/ D1/$relax"
mutation noticed "A1 of a consumer" $core "/mine\.attached\.load/$relax"
mutation noticed "RF2 of a role given back" role.cpp "/\/\/ RF2, pairs/$relax"
mutation noticed "RF1 of a role taken" role.cpp "s/1, std::memory_order_acquire,/1, std::memory_order_relaxed,/"

# End of a stream and of a channel
mutation noticed "E1 of close" $core "/\/\/ E1, pairs/$relax"
mutation noticed "E2 of an empty ring" $core "/\/\/ E2, pairs/$relax"
mutation noticed "U1 without order" channel.cpp "/\/\/ U1, pairs/$relax"
mutation noticed "U1 without release" channel.cpp "/\/\/ U1, pairs/s/memory_order_acq_rel/memory_order_acquire/"
mutation noticed "U1 without acquire" channel.cpp "/\/\/ U1, pairs/s/memory_order_acq_rel/memory_order_release/"

# A channel that is being made
mutation noticed "H1 of a maker" channel.cpp "/magic\.store\(channel_magic.*\/\/ H1/$relax"
mutation noticed "H2 of an opener" channel.cpp "/^int wait_until_made/,/^}/{/\/\/ H2, pairs/$relax}"
mutation noticed "H2 of a creator that waits" channel.cpp "/^int make_or_wait/,/^}/{/\/\/ H2, pairs/$relax}"
mutation "the lease orders the makers too, in one process by a mutex" "H2 of a maker" channel.cpp \
  "/^int make\(/,/^}/{/\/\/ H2, pairs/$relax}"
mutation "whoever hands the channel to a thread orders it" "H1 of private memory" channel.cpp \
  "/magic_of\(made->base\)\.store/$relax"

# A monitor
mutation "it reads nothing but words; what could go wrong is a number, on a machine that reorders loads" \
  "I1 of a monitor" $core "/\/\/ I1, pairs/$relax"

echo "$count mutations, $wrong not as expected"
[ "$wrong" -eq 0 ]
