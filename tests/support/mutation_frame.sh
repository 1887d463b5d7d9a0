# What the scripts share that break copies of the sources in one way at a time and expect tests to notice. A script that
# sources this is called with a build directory in which the tests are built. Nothing changes in the source tree.

build=$(realpath "${1:?usage: $0 BUILD_DIR}")
source=$(realpath "$(dirname "$0")/../..")
compiler=$(sed -n 's/^CMAKE_CXX_COMPILER:[A-Z]*=//p' "$build/CMakeCache.txt")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ulimit -c 0
survivors=0
count=0

archive=$build/librtlane.a
[ -e "$archive" ] || archive=$build/librtlane_static.a

complain() {
  echo "$1"
  survivors=$((survivors + 1))
}

# objects_of PART: the object files of the tests with PART in their path, as the build makes them today. Its folders keep
# those of sources that are no more.
objects_of() {
  sed -n "s,.* -o \(tests/[^ ]*$1[^ ]*\.o\) .*,$build/\1,p" "$build/compile_commands.json"
}

# mutation_in_unit WHAT FILE SED_SCRIPT UNIT PROGRAM FILTER: with the changed core/src/FILE, which UNIT (a .cpp) is or
# includes, PROGRAM's tests that FILTER names must fail. Nothing is done when WHAT does not match $pattern.
mutation_in_unit() {
  local what=$1 file=$2 script=$3 unit=$4 program=$5 filter=$6
  [[ $what =~ $pattern ]] || return 0
  count=$((count + 1))
  rm -rf "$work/src"
  cp -r "$source/core/src" "$work/src"
  sed -E -i "$script" "$work/src/$file"
  if cmp -s "$source/core/src/$file" "$work/src/$file"; then
    complain "STALE    $what: the script changes nothing"
    return
  fi
  local objects
  mapfile -t objects < <(objects_of "/$program\.dir/")
  if ! "$compiler" -std=c++20 -O2 -D_GNU_SOURCE -I"$source/core/include" -c "$work/src/$unit" -o "$work/mutated.o" \
      2> "$work/log" ||
    ! "$compiler" "$work/mutated.o" "${objects[@]}" "$archive" -lgmock -lgtest_main -lgtest -pthread \
      -o "$work/$program" 2> "$work/log"; then
    complain "STALE    $what: does not build"
    head -5 "$work/log"
    return
  fi
  # The braces keep bash from reporting a crash, which is one way to notice.
  if { timeout 300 "$work/$program" --gtest_filter="$filter" > "$work/log" 2>&1; } 2> /dev/null; then
    if grep -q 'SKIPPED' "$work/log"; then
      echo "skipped  $what: $(grep -m1 -A1 'Skipped' "$work/log" | tail -1)"
    else
      complain "SURVIVED $what: $program $filter"
    fi
  else
    echo "noticed  $what: $(grep -m1 -oE "${said:-no words}|\[  FAILED  \] [A-Za-z/]+\.[A-Za-z/]+|watchdog" "$work/log" || echo "$program ended by a signal")"
  fi
}

# The last command of a script.
end_of_mutations() {
  echo "$count mutations, $survivors not noticed or stale"
  [ "$survivors" -eq 0 ]
}
