#!/bin/bash
# Shows that the lifetime, race, kill, memory, bad input and waiting tests can fail: breaks core in one way at a time, in a copy,
# and expects the named tests to notice. Changes nothing in the source tree. Takes about 20 minutes; as root, with huge
# pages to be had, for those that say so.
#
#   tests/core/mutations.sh BUILD_DIR [PATTERN]     (a build in which the core_* and crash_object_soak tests are built;
#                                                    only mutations whose description matches PATTERN)
set -euo pipefail

pattern=${2:-.}
. "$(dirname "$0")/../support/mutation_frame.sh"

# mutation WHAT FILE SED_SCRIPT PROGRAM FILTER: PROGRAM's tests that FILTER names must fail with the changed FILE.
mutation() { mutation_in_unit "$1" "$2" "$3" "$2" "$4" "$5"; }

# Who may become a holder, and when
mutation "an opener does not hold what it opened" control_file.cpp \
  '/Cannot be refused/,/unlock/s/lock_try\(fd, Lock::read, holder_byte\)/0/' core_lifetime 'LifetimeKill.*'
mutation "an opener does not look at the inode again" control_file.cpp \
  '/^int join/,/^}/s/if \(!names_inode\(directory.fd\(\), file.c_str\(\), fd\)\)/if (false)/' \
  crash_object 'Tiers/ObjectStop.*/SmallPages'
mutation "an opener takes an orphan for alive" control_file.cpp \
  '/^int join/,/^}/s/others == Lock::none/false/' core_lifetime 'LifetimeKill.*'
mutation "an opener decides without the decision lock" control_file.cpp \
  '/^int join/,/^}/s/lock_wait\(fd, opened.writable \? Lock::write : Lock::read, decision_byte\)/0/' \
  core_race_soak 'Race.*:-*Huge*'
mutation "a creator links before it holds" builder.cpp \
  '/^int publish/,/^}/s/lock_wait\(control.hold.get\(\), Lock::read, holder_byte\)/0/' core_lifetime 'LifetimeKill.*'

# Who removes
mutation "a closer does not look" shared_object.cpp \
  '/^void SharedObject::let_go/,/^}/s/reclaim\(directory, file_, true\);/{}/' core_lifetime 'LifetimeProcess.*'
mutation "a closer removes without looking who holds" control_file.cpp \
  '/^Reclaimed reclaim/,/^}/s/lock_held_by_others\(fd, holder_byte\) != Lock::none/false/' \
  core_lifetime 'LifetimeKill.*'
mutation "a remover does not look again under the lock" control_file.cpp \
  '/if \(!names_inode\(directory.fd\(\), file.c_str\(\), fd\)\)$/{n;n;s/lock_held_by_others\(fd, holder_byte\) != Lock::none/false/}' \
  core_race_soak 'Race.*:-*Huge*'
mutation "a remover does not look at the inode" control_file.cpp \
  '/^Reclaimed reclaim/,/^}/s/if \(!names_inode\(directory.fd\(\), file.c_str\(\), fd\)\)/if (false)/' \
  crash_object 'Tiers/ObjectStop.*/SmallPages'
mutation "a remover decides without the decision lock" control_file.cpp \
  '/^Reclaimed reclaim/,/^}/s/wait \? lock_wait\(fd, Lock::write, decision_byte\) : lock_try\(fd, Lock::write, decision_byte\)/wait ? 0 : 0/' \
  core_race_soak 'Race.*:-*Huge*'
mutation "exit gives nothing back" process.cpp 's/std::atexit\(at_exit\);//' core_lifetime 'LifetimeProcess.*'
mutation "nobody sweeps" control_file.cpp '/^void sweep/,/^}/s/if \(skip\(inode\)\)/if (true || inode == 0)/' core_lifetime 'LifetimeKill.*'
mutation "the sweep leaves temporaries" control_file.cpp \
  '/^void sweep/,/^}/s/is_temporary_name\(file.c_str\(\)\)/false/' crash_object_soak \
  'Tiers/ObjectKill.AtEach*/SmallPagesWithoutTmpfile'
mutation "a payload is left when its object goes" control_file.cpp \
  '/^int remove_dead/,/^}/s/remove_payload\(.*\);/{}/' crash_object_soak 'Tiers/ObjectKill.AtEach*/HugetlbPages'

# Processes
mutation "a fork child does not keep the object" shared_object.cpp \
  's/(control_\);)$/\1 ::madvise(control_.address(), control_.bytes(), 10);/;s/#include <fcntl.h>/#include <fcntl.h>\n#include <sys\/mman.h>/' \
  core_lifetime 'LifetimeProcess.*'
mutation "a descriptor keeps the lock" shared_object.cpp 's/control.hold.reset\(\);/control.hold.release();/' \
  core_lifetime 'LifetimeProcess.*'
mutation "memory is made before it is zero" builder.cpp \
  '/^int publish/,/^}/s/control.writable = true;/control.writable = true; static_cast<char*>(payload.attachment.mapping.address())[9] = 1;/' \
  core_lifetime 'LifetimeKill.*'

# Memory
mutation "pages are not faulted in" pages.cpp '/^int fault_in/,/^}/s/while \(::madvise.*/while (false) {/' core_memory \
  'MemoryPages.NoFault*'
mutation "no question before the allocation" room.cpp '/^int check_room/,/^}/s/struct rlimit limit = .*/return 0; struct rlimit limit = {};/' \
  core_memory 'MemoryShortage.OverTheFile*'
mutation "cgroup limits are not asked" room.cpp 's/return check_cgroups\(new_bytes\);/return 0;/' core_memory \
  'MemoryShortage.UnderACgroup*'
mutation "locking is claimed, not done" pages.cpp 's/::syscall\(SYS_mlock2, range.address, range.bytes, 0\)/0/' core_certificate \
  'Certificate.EveryAttach*'

mutation "a fork child claims its parent's locks" process.cpp 's/live->forget_in_fork_child\(\);/(void)live;/' core_certificate \
  'Certificate.AForkChildHas*'
mutation "no room for a page is told as the kernel tells it" pages.cpp 's/return "no memory is left.*/return std::strerror(-error);/' \
  core_memory 'MemoryShortage.PagesThatCannot*'
mutation "unreadable objects do not count in the pool" shared_object.cpp 's/ \|\| entry.state == RTLANE_ENTRY_UNREADABLE//' \
  core_badinput 'BadInputUsers.WhatMayNot*'

# Payload directories
mutation "a payload directory is its maker's alone" hugetlbfs.cpp \
  '/^int make_payload_directory/,/^}/s/if \(is_as_open_as\(status, directory\)\)/if (true)/' core_payload 'Payload.Members*'
mutation "a stranger's payload directory is used" hugetlbfs.cpp 's/return status.st_uid == 0 \? 0 : -EACCES;/return 0;/' \
  core_payload 'Payload.APayloadDirectory*'
mutation "payloads that nobody holds stay" hugetlbfs.cpp 's/if \(!is_payload_directory_name\(name\)\)/if (true)/' core_payload \
  'Payload.PayloadsOfAVanished*'
mutation "live payloads of other namespaces are swept" hugetlbfs.cpp \
  '/^void sweep_directory/,/^}/s/lock_try\(payload.get\(\), Lock::write, 0\) == 0/true/' core_payload 'Payload.LivePayloads*'

mutation "files of others beside the payloads are swept" hugetlbfs.cpp 's/if \(!is_payload_name\(file\) .*/if (false)/' core_payload \
  'Payload.FilesOfOthers*'
mutation "directories of others are swept" hugetlbfs.cpp 's/if \(!is_payload_directory_name\(name\)\)/if (false)/;s/if \(!is_payload_name\(file\) .*/if (false)/' \
  core_payload 'Payload.FilesOfOthers*'
mutation "what is mounted over a hugetlbfs is swept" hugetlbfs.cpp \
  's/if \(!mount_fd \|\| !is_on_hugetlbfs.*/if (!mount_fd)/;s/entry.mnt_dir, &file_system\) == 0 &&/entry.mnt_dir, \&file_system) == 0 || true ||/' core_payload 'Payload.AFileSystemMounted*'
mutation "empty payload directories stay" hugetlbfs.cpp 's/if \(mine && ::flock.*/if (false)/' core_payload 'Payload.EmptyDirectories*'
mutation "payload directories in use are removed" hugetlbfs.cpp \
  's/::unlinkat\(mount_fd.get\(\), name.c_str\(\), AT_REMOVEDIR\)/(sweep_directory(fd.get(), "", removed), ::system(("rm -rf " + mount.path + "\/" + name).c_str()))/;s/#include <cstring>/#include <cstring>\n#include <cstdlib>/' \
  core_payload 'Payload.EmptyDirectories*'
mutation "only the first mount is tried" builder.cpp '/^void add_hugetlb/,/^}/s/if \(mount.page_bytes == page_bytes\)/if (mount.page_bytes == page_bytes \&\& candidates.size() == before)/' \
  core_payload 'Payload.AMountThatIsReadOnly*'
mutation "a temporary of a payload stays" builder.cpp \
  '/^struct Payload/,/^};/s/  UniqueFd huge_directory;.*//;/^struct Payload/,/^};/s/(  Temporary huge; .*)/\1\n  UniqueFd huge_directory;/' core_payload 'Payload.NothingIsLeft*'
mutation "a mount that is not there is waited for" hugetlbfs.cpp 's/int result = -ENODEV;/int result = 0;/' core_payload 'Payload.WithoutTheMount*'

mutation "a copy of a control file takes the payload" hugetlbfs.cpp \
  's/\(owner == PayloadOwner::this_process \|\| lock_try\(payload.get\(\), Lock::write, 0\) == 0\) &&//' core_payload 'Payload.GarbageThat*'

# Threads
mutation "a fork child keeps the descriptor of a question" process.cpp 's/instance\(\).close_inherited_questions\(\);//' core_threads \
  'Threads.AForkChild*'
mutation "the main thread is looked at" namespace_directory.cpp 's/thread-self/self/' core_threads 'Threads.EverythingWorks*'
mutation "pins of the parent's threads count in a fork child" process.cpp \
  's/instance\(\).handles.forget_pins_in_fork_child\(\);//' core_threads 'Threads.AForkChild*'

# Handles
mutation "a pinned handle ends when it is closed" handle_table.cpp 's/if \(\(before & pins_mask\) == 0\)/if (true || before)/' core_units \
  'HandleTableTest.RefusesWhatIsClosedWhilePinned*'
mutation "a closed handle can be pinned" handle_table.cpp 's/slot->state.fetch_and\(~open_bit,/slot->state.fetch_and(~std::uint64_t{0},/' core_units \
  'HandleTableTest.RefusesWhatIsClosedWhilePinned*'
mutation "the last pin ends nothing" handle_table.cpp 's/if \(\(state & \(open_bit \| pins_mask\)\) != 0\)/if (true || state)/' core_units \
  'HandleTableTest.RefusesWhatIsClosedWhilePinned*'
mutation "a slot is used again while it is pinned" handle_table.cpp \
  's/  if \(\(before & pins_mask\) == 0\)/  if (pins_mask != 0 || before)/' core_units 'HandleTableTest.ASlotThatIsStillPinned*'
mutation "generations stand still" handle_table.cpp 's/slot.generation == UINT16_MAX \? 1 : .*/slot.generation;/' core_units 'HandleTableTest.*'
mutation "a set-up call can be cancelled" shm.cpp \
  's/return set_up_call\(\[&\] \{ return (create_shared_memory\(.*\)); \}\);/return \1;/' core_threads 'Threads.ACancelled*'
mutation "asking for a lease is a set-up call" lease.cpp 's/return guarded_call/return set_up_call/' core_threads 'Threads.Asking*'
mutation "asking for a size is a set-up call" shm.cpp 's/return guarded_call/return set_up_call/' core_threads 'Threads.Asking*'

# Certificate
mutation "a fork child is not faulted in" shared_object.cpp 's/if \(view.mapping && view.inherited\)/if (false)/' core_certificate \
  'Certificate.AForkChildThat*'
mutation "a lock that was taken back is believed" shared_object.cpp \
  's/return lock == RTLANE_NEVER \? 0 : lock_attachment.*/return 0;/' core_certificate 'Certificate.LocksThat*'
mutation "a refused attach stays" attachment.cpp '/^int attach/,/^}/s/    return error;/    { attachment = std::move(made); return error; }/' \
  core_certificate 'Certificate.ARefusedOpen*'
mutation "openers do not lock" attachment.cpp '/^int attach/,/^}/s/writable, lock, made/writable, RTLANE_NEVER, made/' core_certificate \
  'Certificate.EveryAttach*'
mutation "memory is not bound to its node" pages.cpp 's/if \(::syscall\(SYS_mbind.*/if (false \&\&/;s/^ +MPOL_MF_MOVE \| MPOL_MF_STRICT\) != 0\)/ true)/' \
  core_certificate 'Certificate.ANumaNode*'
mutation "who may not look calls it unlinked" shared_object.cpp 's/return errno == ENOENT \|\| errno == ENOTDIR;/return true;/' \
  core_certificate 'Certificate.WhoMayNot*'
mutation "an opener with small pages is told the creator's reason" attachment.cpp 's/attachment.page_reason = .*/std::string unused =/' \
  core_certificate 'Certificate.AnOpenerThat*'
mutation "the kernel's bookkeeping is forgotten" room.cpp 's/return bytes \+ bytes \/ 128 .*/return bytes;/' core_memory \
  'MemoryShortage.JustUnder*'

mutation "a lock that is there is made again or refused" attachment.cpp 's/ \|\| page_facts\(range, tier\).locked\)/)/' core_certificate \
  'Certificate.WhatIsLocked*'
mutation "a refused lock is noted as made" attachment.cpp '/^int lock_attachment/,/^}/s/  std::string reason;/  attachment.inherited = false; std::string reason;/' \
  core_certificate 'Certificate.ALockThat*'

# Bad input
mutation "damage is not looked for" control_file.cpp \
  '/^const char\* damage/,/^}/s/if \(header.header_bytes != control_bytes\)/return nullptr; if (header.header_bytes != control_bytes)/' \
  core_badinput 'BadInputFiles.*'
mutation "any version will do" control_file.cpp 's/header.layout_version != object_layout_version/false/' core_badinput \
  'BadInputFiles.*'
mutation "the full name is not compared" control_file.cpp 's/name_of\(held.header\) != name/false/' core_badinput \
  'BadInputFiles.AnotherName*'
mutation "a shared directory need not be setgid" namespace_directory.cpp 's/\(status.st_mode & S_ISGID\) == 0/false/' core_badinput \
  'BadInputAccess.ASharedDirectoryThatIsNotSetgid'
mutation "a namespace may lie on a disk" namespace_directory.cpp 's/if \(file_system.f_type != TMPFS_MAGIC\)/if (false)/' core_badinput \
  'BadInputAccess.ADirectoryThatIsNotOnATmpfs'
mutation "the umask decides" namespace_directory.cpp '/^int make_directory/,/^}/s/return ::chmod.*/return 0;/' core_badinput \
  'BadInputAccess.TheUmask*'
mutation "readers sweep" shared_object.cpp 's/options.read_only == 0 && Process/Process/' core_objects 'Namespace.WhoOnlyReads*'
mutation "readers remove the orphan they meet" control_file.cpp 's/access == Access::read \|\| !opened.writable/!opened.writable/' core_objects \
  'Namespace.WhoOnlyReads*'
mutation "a copy is taken for an object" control_file.cpp 's/if \(content != Content::good \|\| .*/if (true)/' core_objects \
  'Namespace.ACopy*'
mutation "a missing /proc is told as something else" namespace_directory.cpp 's/\? -ENOSYS/? -EIO/' core_badinput \
  'BadInputAccess.WithoutProc*'
mutation "only the first namespace is swept" shared_object.cpp \
  's/swept.count\(\{directory.device\(\), directory.inode\(\)\}\) == 0/swept.empty()/' core_objects 'Namespace.TheFirstCall*'
mutation "a damaged orphan is called foreign" control_file.cpp \
  '/^rtlane_entry_state state_of/,/^}/s/if \(!held\)/if (!held \&\& content == Content::good)/' core_objects 'Namespace.ADamaged*'
mutation "a directory of anybody is trusted" namespace_directory.cpp \
  '/^int check_trust/,/^}/s/const uid_t me = .*/const uid_t me = ::geteuid(); if (me < 0x7fffffff) return 0;/' core_badinput \
  'BadInput*'

# Events, mutexes, semaphores and waits
mutation "a pulse is for those who come later too" event_state.cpp 's/generation.load\(std::memory_order_acquire\) != mark;/generation.load(std::memory_order_acquire) != mark + 99;/' \
  core_sync 'SyncState.APulse*'
mutation "a manual set is forgotten by its reset" event_state.cpp '/^void EventState::set/,/^}/s/\? one_count : 0/? 0 : 0/' \
  core_sync 'SyncState.ManualSetAndResetRelease*'
mutation "a pulse leaves the event set" event_state.cpp 's/FUTEX_OP_SET, pulsed/FUTEX_OP_SET, signaled/' \
  core_sync 'SyncState.APulse*'
mutation "an auto-reset event stays set" event_state.cpp '/EventWaitable::try_take/,/^}/s/compare_exchange_weak\(now, now \& ~flag/compare_exchange_weak(now, now/' \
  core_sync 'SyncState.AutoReset*'
mutation "a semaphore has no maximum" semaphore_state.cpp 's/count > maximum \|\| room_used - taken > maximum - count/count == 0/' \
  core_sync 'SyncState.ASemaphore*'
mutation "the count ends with its word" semaphore_state.cpp 's/units_mask = UINT32_MAX >> 1/units_mask = UINT32_MAX/' \
  core_sync 'SyncState.TheCount*'
mutation "a large release is cut by the operand" semaphore_state.cpp 's/units_of_one_step = 1023/units_of_one_step = 4000/' \
  core_sync 'SyncState.AnyCount*'
mutation "a release without sleepers leaves the mark" semaphore_state.cpp 's/if \(woken == 0\)/if (false)/' \
  core_sync 'SyncState.ARelease*'
mutation "closing ends no wait" waitable.cpp 's/closes_.fetch_add\(1/closes_.fetch_add(0/' core_sync 'Kinds/SyncWaitClose.Ends*/AutoReset'
mutation "closing one handle of two ends the waits" handle_table.cpp 's/const bool last = --slot->target->open_handles_ == 0/--slot->target->open_handles_; const bool last = true/' \
  core_sync 'Kinds/SyncWaitCloseGivable.OfOne*/AutoReset'
mutation "a fork child waits for the parent's waiters" waitable.cpp 's/waiting.store\(0/waiting.store(1/' core_sync \
  'SyncState.NobodyWaits*'
mutation "a close waits for later waits" waitable.cpp 's/return closes \& 1;/return 0 * closes;/' core_sync 'SyncState.AClose*'
mutation "a fork child has its parent's thread id" robust_lock.cpp 's/^    if \(self.id != 0\)$/    if (false)/' core_sync 'RobustLockTest.AFork*:SyncMutex.BelongsToTheThread*'
mutation "an owned mutex is unmapped" process.cpp 's/target.use_count\(\) > 1 \|\| !target->must_stay\(\)/true/' core_sync 'SyncMutex.Stays*'
mutation "an owned mutex stays for ever" process.cpp 's/place->use_count\(\) == 1 \&\& target.must_stay\(\)/true/' core_sync \
  'SyncMutex.EndsAt*'
mutation "a failed creation keeps the lock" sync_object.cpp '/^void MutexContents::discard/,/^}/s/if \(initially_owned_\)/if (false)/' \
  core_sync 'SyncMutex.AFailed*'
mutation "a mutex crosses PID namespaces" sync_object.cpp '/^int check_namespace/,/^}/s/kind != RTLANE_KIND_MUTEX/true/' core_sync \
  'SyncMutex.BelongsToOnePid*'
mutation "an owner that does not exist is waited for" mutex_state.cpp 's/case ESRCH:/case 999:/;s/case ETIMEDOUT:/case ETIMEDOUT: case ESRCH:/' core_sync \
  'SyncMutex.AnOwner*'
mutation "a dead owner's count is inherited" mutex_state.cpp 's/state_.depth = 1;/++state_.depth;/' core_sync 'SyncMutex.PassesOn*'

mutation "the list of robust locks leads forward only" robust_lock.cpp 's/^    word_at\(entry - .*/    (void)previous;/' core_sync \
  'RobustLockTest.StandsIn*'
mutation "a lock is marked as one without inheritance" robust_lock.cpp 's/list.next = reinterpret_cast<robust_list\*>\(entry \| priority_inheriting\)/list.next = reinterpret_cast<robust_list*>(entry)/' \
  core_sync 'RobustLockTest.*'
mutation "a lock is in no list" robust_lock.cpp 's/^  (un)?link\(\*this\);//' core_sync 'RobustLockTest.EveryOne*'
mutation "a lock stays in the list" robust_lock.cpp 's/^  unlink\(\*this\);//' core_sync 'RobustLockTest.StandsIn*'
mutation "a lock stays named as the pending one" robust_lock.cpp 's/list_op_pending = nullptr/list_op_pending = self.list->list_op_pending/' core_sync \
  'RobustLockTest.*'
mutation "every later owner is told of the dead one" robust_lock.cpp 's/^  word.fetch_and\(.*//' core_sync 'RobustLockTest.IsPassedOn*'
mutation "the wait for a lock ends early" robust_lock.cpp 's/FUTEX_LOCK_PI2, &end/FUTEX_LOCK_PI, \&end/' core_sync 'RobustLockTest.WaitsUntil*'
mutation "a circle is waited for" robust_lock.cpp 's/error == EAGAIN \|\| error == EINTR/error == EDEADLK/' core_sync 'RobustLockTest.Tells*'
mutation "a thread that is alone has a timer" mutex_state.cpp 's/__libc_single_threaded == 0/true/' core_sync 'SyncMutex.AThreadThat*'
mutation "a thread among others has none" mutex_state.cpp 's/__libc_single_threaded == 0/false/' core_sync 'SyncMutex.AThreadThat*'
mutation "nobody notices the close among threads" mutex_state.cpp 's/__libc_single_threaded == 0/false/' core_sync 'Kinds/SyncWaitClose.Ends*/Mutex'

end_of_mutations
