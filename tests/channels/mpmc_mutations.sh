#!/bin/bash
# Breaks copies of the MPMC ring's algorithms and expects the single-threaded tests to notice. Some minutes.
#
#   tests/channels/mpmc_mutations.sh BUILD_FOLDER
set -euo pipefail
source=$(realpath "$(dirname "$0")/../..")
build=$(realpath "${1:?usage: mpmc_mutations.sh BUILD_FOLDER}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
library=$(find "$build" -name librtlane.a | head -1)
failed=0

# mutate NAME FILE OLD NEW: OLD must be there.
mutate() {
  local name=$1 file=$2 old=$3 new=$4
  rm -rf "$work/include"
  cp -r "$source/channels/include" "$work/include"
  python3 - "$work/include/rtlane/channels/$file" "$old" "$new" <<'PYTHON' || exit 2
import sys
path, old, new = sys.argv[1:]
text = open(path).read()
if old not in text:
    sys.exit(f"the mutation does not fit any more: {old}")
open(path, "w").write(text.replace(old, new, 1))
PYTHON
  local tests=(mpmc_model mpmc_interleaving mpmc_hostile)
  [[ $file == *isolated* ]] && tests=(mpmc_isolated_model mpmc_isolated_steps mpmc_interleaving mpmc_hostile)
  for test in "${tests[@]}"; do
    "${CXX:-c++}" -std=c++20 -O1 -w "-I$work/include" "-I$source/core/include" "-I$source/tests" \
      "-I$source/tests/channels" "$source/tests/channels/${test}_test.cpp" -o "$work/test" "$library" -lgtest \
      -lgtest_main -lpthread
    if ! timeout 120 "$work/test" > "$work/log" 2>&1; then
      printf '%-70s seen by %s\n' "$name" "$test"
      return
    fi
  done
  printf '%-70s NOT SEEN\n' "$name"
  failed=1
}

mutate 'one dead candidate is enough' mpmc_entry.hpp 'return Taker::living;' 'continue;'
mutate 'a living participant is repaired' mpmc_entry.hpp 'return alive_(entry);' 'return false;'
mutate 'nobody is repaired' mpmc_entry.hpp 'return alive_(entry);' 'return true;'
mutate 'a producer does not announce its ticket' mpmc_core.hpp 'pushing_->store(tail | mpmc_engaged, std::memory_order_release);' ''
mutate 'a consumer does not announce its ticket' mpmc_core.hpp 'popping_->store(head | mpmc_engaged, std::memory_order_release);' ''
mutate 'a lost race leaves its announcement of a push' mpmc_core.hpp 'pushing_->store(0, std::memory_order_release);  // N1, pairs with N2: the winner' '// '
mutate 'an entry is not swept' mpmc_entry.hpp 'if (!finish_push(pushing & ~mpmc_flags))' 'if (false)'
mutate 'a swept consumer keeps its hold' mpmc_entry.hpp 'mine_->popping.store(0, std::memory_order_release);' ''
mutate 'the sweep counts the last holder as living' mpmc_entry.hpp 'taker_of(position, true)' 'taker_of(position, false)'
mutate 'the sweep does not look for living candidates' mpmc_entry.hpp 'if (taker_of(position, true) == Taker::living)' 'if (false)'
mutate 'empty without a look at tail' mpmc_core.hpp 'if (pushers != mpmc_several)' 'if (true)'
mutate 'producers do not say that they are several' mpmc_core.hpp 'entry_.attach_pusher();' ''
mutate 'holds are not looked at' mpmc_entry.hpp 'mpmc_distance(tail, position + view_.lap()) >= 0)' 'false)'
mutate 'old holds are looked at' mpmc_entry.hpp 'mpmc_distance(tail, position + view_.lap()) >= 0)' 'true)'
mutate 'a void place at head is full' mpmc_core.hpp 'if (word == (head | mpmc_void)) {
      entry_.pass_void(head);
      return Next::again;' 'if (false) {
      return Next::again;'
mutate 'consumers do not pass a void place' mpmc_core.hpp 'entry_.pass_void(head);
        continue;' 'continue;'
mutate 'a claim is forgotten at detach' mpmc_core.hpp 'if (claimed_)
        slot_word()' 'if (false)
        slot_word()'
mutate 'close forgets to make consumers look at tail' mpmc_core.hpp 'entry_.view().common->pushers.store(mpmc_several, std::memory_order_release);' ''
mutate 'the limit is one too far' mpmc_entry.hpp 'return first + view_.lap();' 'return first + view_.lap() + mpmc_step;'
mutate 'positions are not checked' mpmc_core.hpp '!is_legal(word, head)' 'false'
mutate 'attempts are not bounded' mpmc_core.hpp 'attempt < mpmc_attempts; ++attempt' ';'

# The isolated mode.
entry=mpmc_isolated_entry.hpp
core=mpmc_isolated_core.hpp
mutate 'isolated: what a living consumer holds is taken back' $entry 'return entry >= view_.participant_count || alive_(entry);' 'return false;'
mutate 'isolated: nothing is taken back' $entry 'return entry >= view_.participant_count || alive_(entry);' 'return true;'
mutate 'isolated: an entry is not swept' $entry 'take_back(word, seen);
    }
    count(mine_->attaches);' '
    }
    count(mine_->attaches);'
mutate 'isolated: a consumer does not say what it takes' $core 'entry_.mine().taking.store(said, std::memory_order_relaxed);' ''
mutate 'isolated: a slot made ready by a dead producer counts as published' $entry 'word.store(isolated_free, std::memory_order_release);' 'return seen;'
mutate 'isolated: a successor frees all that is ready' $entry 'isolated_position_shift) == 0)
      return seen;' 'isolated_position_shift) == 0)
      ;'
mutate 'isolated: a ready slot does not say for which position' $core 'if (seen == isolated_ready(head)) [[likely]]' 'if ((seen & isolated_phase) == isolated_is_ready) [[likely]]'
mutate 'isolated: nobody helps tail' $core '} else {
        Entry::help(view.tail->tail, tail);' '} else {'
mutate 'isolated: only who takes an element moves head' $core 'cell.compare_exchange_strong(named' 'if (!mine) return Looked::again;
    cell.compare_exchange_strong(named'
mutate 'isolated: a stale head is not helped' $core 'Entry::help(view.head->head, head);  // head is stale' ''
mutate 'isolated: a slot in a hand counts as free' $entry 'if (word == isolated_free) {' 'if (word == isolated_free || (word & isolated_phase) == isolated_is_taken) {'
mutate 'isolated: a look at the oldest slot only' $entry 'return std::min(quota_, entry.view().participant_count);' 'return 1;'
mutate 'isolated: a gap is not closed' $entry 'order_[at] = order_[before];' ''
mutate 'isolated: the slots of a successor are in no order' $entry 'positions[a - first] < positions[b - first]' 'a > b'
mutate 'isolated: the end is not put into the ring' $core 'entry_.end();
  }

  [[nodiscard]] Status last_status()' '
  }

  [[nodiscard]] Status last_status()'
mutate 'isolated: the end is published over' $core '|| said == view.mask) {' ') {'
mutate 'isolated: consumers do not end what a closer began' $core 'if (entry_.view().common->closing.load(std::memory_order_relaxed) == 0)
            return' 'if (true)
            return'
mutate 'isolated: slot numbers are not checked' $core 'if (said - 1 >= view.slot_count()) [[unlikely]]' 'if (said - 1 >= view.mask - 1) [[unlikely]]'
mutate 'isolated: attempts are not bounded' $core 'attempt < mpmc_attempts; ++attempt' ';'
exit $failed
