#!/bin/bash
# Searches all states of one model.
#
#   tests/model/check.sh holds|fails MODEL [-DNAME=VALUE...]
#
# holds: there is no error, and the search was complete. fails: an assertion of the model is violated, which shows that
# holding means something. Exit status 77, with the reason, where there is no spin or no C compiler. OPTIMIZE: how, where
# a search takes longer than -O2, which takes five times as long as -O0.
set -euo pipefail

expected=${1:?usage: check.sh holds|fails MODEL [-DNAME=VALUE...]}
[ "$expected" = fails ] && quick=-O0 || quick=-O1
model=${2:?usage: check.sh holds|fails MODEL [-DNAME=VALUE...]}
shift 2
folder=$(realpath "$(dirname "$0")")

skip() {
  printf '%s: Skipped\n%s\n' "$model" "$1"
  exit 77
}
command -v spin > /dev/null || skip "spin is not installed (Debian: spin); it checks the models"
compiler=$(command -v "${CC:-gcc}" || command -v cc) || skip "there is no C compiler for the verifier that spin writes"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
spin -a "$@" "$folder/$model"
# The verifier is not ours, so neither are its warnings. -E: sleeping for good is no error by itself, the model says
# when it is. -a: a retry that goes on for ever is an error (labels accept_*).
"$compiler" "${OPTIMIZE:-$quick}" -w -DCOLLAPSE -DVECTORSZ=2048 -DMEMLIM=3000 -o pan pan.c
./pan -a -E -m500000 -w24 > log
cat log

if grep -qE 'max search depth too small|reached -DMEMLIM bound|Search not completed' log && [ "$expected" = holds ]; then
  echo "the search was not complete: take smaller parameters"
  exit 1
fi
case $expected in
  holds) grep -qE 'errors: 0$' log ;;
  fails) grep -qE 'errors: [1-9]' log && grep -q 'assertion violated' log ;;
  *) echo "expected is holds or fails, not '$expected'" && exit 2 ;;
esac || {
  echo "the model does not do what is expected: $expected"
  if [ -e "$model.trail" ]; then
    spin -t -p -g "$@" "$folder/$model" | tail -100
  fi
  exit 1
}
