# The frame of mutations.sh and mutations_sync.sh, which source it with a build directory in which conformance_test is
# built: breaks copies of sources in one way at a time and expects rows to notice. Changes nothing in the source
# tree. Mutants are linked against the prebuilt objects; some run at once.

. "$(dirname "$0")/../support/mutation_frame.sh"
# Many rows fail by waiting in vain.
export RTLANE_TEST_PATIENCE_MS=1000

try_mutation() {
  local dir=$1 file=$2 what=$3 script=$4 rows=$5 row
  local original=$source/core/src/$file
  [[ -e $original ]] || original=$source/rt/src/$file
  mkdir "$dir"
  sed -E "$script" "$original" > "$dir/$file"
  if cmp -s "$original" "$dir/$file"; then
    echo "STALE    $what: the script changes nothing"
    return
  fi
  if ! "$compiler" -std=c++20 -O0 -D_GNU_SOURCE -I"$source/core/include" -I"$source/rt/include" -I"$source/core/src" \
      -I"$source/rt/src" -c "$dir/$file" \
      -o "$dir/mutated.o" 2> "$dir/log" ||
    ! "$compiler" "$dir/mutated.o" "$work/tests.o" "$archive" -lgtest -pthread -o "$dir/mutant" 2> "$dir/log"; then
    echo "STALE    $what: does not build"
    head -5 "$dir/log"
    return
  fi
  for row in $rows; do
    # Ends with the first failure. The braces keep bash from reporting how.
    if { timeout -s KILL 30 "$dir/mutant" --gtest_break_on_failure --gtest_filter="*.${row}_*" > "$dir/log" 2>&1; } \
        2> /dev/null; then
      if grep -q 'SKIPPED' "$dir/log"; then
        echo "skipped  $what: $row cannot be tried here"
      else
        echo "SURVIVED $what: $row did not notice"
      fi
    elif grep -q ': Failure' "$dir/log"; then
      echo "noticed  $what: $row"
    else
      echo "BROKEN   $what: $row ended oddly"
      tail -5 "$dir/log"
    fi
  done
  rm -rf "$dir"
}

# mutation FILE WHAT SED_SCRIPT ROWS: some test of each row of ROWS must fail with the mutated FILE of core/src or rt/src.
mutation() {
  count=$((count + 1))
  while (($(jobs -rp | wc -l) >= $(nproc) + 2)); do
    wait -n || true
  done
  try_mutation "$work/$count" "$@" > "$work/$count.out" &
}

# Reports; the last command of a script.
end_of_mutations() {
  wait
  for ((i = 1; i <= count; ++i)); do
    cat "$work/$i.out"
  done | tee "$work/report"
  local survivors
  survivors=$(grep -c -E '^(STALE|SURVIVED|BROKEN)' "$work/report" || true)
  echo "$count mutations, $survivors not noticed"
  [[ $survivors == 0 ]]
}

mapfile -t objects < <(objects_of conformance/)
ld -r -o "$work/tests.o" "${objects[@]}"
