#!/bin/bash
# Shows that the conformance tests can fail: breaks the iwin32 border in one way at a time, in a copy, and expects
# the tests of the row to notice. Changes nothing in the source tree.
#
#   tests/conformance/mutations.sh BUILD_DIR      (a build in which conformance_test is built)
set -euo pipefail

build=$(realpath "${1:?usage: mutations.sh BUILD_DIR}")
source=$(realpath "$(dirname "$0")/../..")
border=$source/core/src/iwin32.cpp
compiler=$(sed -n 's/^CMAKE_CXX_COMPILER:[A-Z]*=//p' "$build/CMakeCache.txt")
mapfile -t objects < <(find "$build/tests/conformance" -name '*.o')
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ulimit -c 0
survivors=0
count=0

# mutation WHAT SED_SCRIPT TESTS: every test that the filter TESTS names must fail with the mutated border.
mutation() {
  local what=$1 script=$2 tests=$3 test
  count=$((count + 1))
  sed -E "$script" "$border" > "$work/iwin32.cpp"
  if cmp -s "$border" "$work/iwin32.cpp"; then
    echo "STALE    $what: the script changes nothing"
    survivors=$((survivors + 1))
    return
  fi
  if ! "$compiler" -std=c++20 -O0 -D_GNU_SOURCE -I"$source/core/include" -I"$source/core/src" -c "$work/iwin32.cpp" \
      -o "$work/iwin32.o" 2> "$work/log" ||
    ! "$compiler" "$work/iwin32.o" "${objects[@]}" "$build/librtlane.a" -lgtest -pthread -o "$work/mutant" 2> "$work/log"; then
    echo "STALE    $what: does not build"
    head -5 "$work/log"
    survivors=$((survivors + 1))
    return
  fi
  for test in $tests; do
    # The braces keep bash from reporting a crash of the mutant, which is one way to notice.
    if { "$work/mutant" --gtest_brief=1 --gtest_filter="Conformance.${test}_*" > "$work/log" 2>&1; } 2> /dev/null; then
      echo "SURVIVED $what: $test did not notice"
      survivors=$((survivors + 1))
    elif grep -q ': Failure' "$work/log"; then
      echo "noticed  $what: $test"
    else
      echo "BROKEN   $what: $test ended oddly"
      tail -5 "$work/log"
      survivors=$((survivors + 1))
    fi
  done
}

mutation "a new object keeps the last error" \
  's/last_error = result == 0 \? ERROR_SUCCESS : ERROR_ALREADY_EXISTS/if (result != 0) last_error = ERROR_ALREADY_EXISTS/' \
  "A01 A34"
mutation "an existing object answers errno's EEXIST" 's/ERROR_SUCCESS : ERROR_ALREADY_EXISTS/ERROR_SUCCESS : EEXIST/' \
  "A02 A32"
mutation "a high size is ignored" 's/size_high != 0\)/false)/' "A08 A09"
mutation "size 0 is refused before looking" \
  's/if \(size_high != 0\)/if (size_high != 0 || size_low == 0)/' "A06"
mutation "a name of another type is said to exist" 's/EPROTOTYPE, ERROR_INVALID_HANDLE/EPROTOTYPE, ERROR_ALREADY_EXISTS/' \
  "A13 A14 A15 B06"
mutation "location is cleared before all is well" \
  's/(const ErrnoKeeper keeper;)/\1 if (location) *location = nullptr;/;/close_handle\(HANDLE/,/^}/s/ if \(location.*//' "A16 B02"
mutation "a backslash is an ordinary character" 's/std::strchr\(name, .*\) != nullptr/false/' "A20 B09"
mutation "location NULL is let through" 's/location == nullptr/false/' "A24 B08"
mutation "no memory has another number" 's/ENOMEM, ERROR_NOT_ENOUGH_MEMORY/ENOMEM, ERROR_OUTOFMEMORY/' "A27"
mutation "the pool has another number" 's/EDQUOT, ERROR_NOT_ENOUGH_MEMORY/EDQUOT, ERROR_COMMITMENT_LIMIT/' "A28"
mutation "wide names lose their upper bits" 's/(const auto point = static_cast<std::uint32_t>\(wide\[characters\])\)/\1 \& 0xff)/' \
  "A36"
mutation "a full object table has another number" 's/ENFILE, ERROR_NO_SYSTEM_RESOURCES/ENFILE, ERROR_TOO_MANY_OPEN_FILES/' "A39"
mutation "open creates what is missing" \
  's/rtlane_shm_open\(name, \&options/rtlane_shm_create(name, 64, \&options/' "B02 B11"
mutation "open of NULL makes a nameless object" \
  's/if \(name == nullptr\)/if (false)/;s/\*name == /name \&\& *name == /;s/rtlane_shm_open\(name, \&options/rtlane_shm_create(name, 64, \&options/' "B04"
mutation "open of the empty name is a bad argument" 's/fail\(EBADF, "the name is empty/fail(EINVAL, "the name is empty/' "B05"
mutation "open clears the last error" \
  '/^HANDLE open_answer/,/^}/s/return to_pointer/last_error = 0; return to_pointer/' "B01 H06"
mutation "unmapping answers FALSE" '/^BOOL RtUnmap/,/^}/s/TRUE/FALSE/' "B13 B14 H12"
mutation "closing sets the last error" '/^BOOL close_handle/,/^}/s/return TRUE/last_error = 0; return TRUE/' "C01"
mutation "closing does nothing" 's/const int result = rtlane_close\(.*/const int result = handle ? 0 : -EBADF;/' "C02 C04"
mutation "a handle's upper half is ignored" 's/if \(value < INT32_MIN.*/if (false)/' "C06"
mutation "a sign in the upper half is refused" 's/value < INT32_MIN/value < 0/' "H11"
mutation "the last error is the process's" 's/constinit thread_local/constinit/' "H02 H03"
mutation "the last error is errno" 's/return last_error;/return static_cast<DWORD>(errno);/' "H01 A02"
mutation "errno is not kept" 's/errno = saved_;/(void)saved_;/' "H05"

echo "$count mutations, $survivors not noticed"
[[ $survivors == 0 ]]
