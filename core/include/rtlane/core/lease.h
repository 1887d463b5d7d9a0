/* Leases: proof by the kernel that a participant of an object is alive.
 *
 * A lease is number `index` of an object, held by at most one participant of all processes. The
 * kernel drops it after the last thread of the holding process is gone, however it ended, in any
 * PID namespace; nothing is ever decided by a time-out. A stopped process holds its leases.
 *
 * How: a write lock on byte RTLANE_LEASE_BYTE + index of the object's control file, through an open
 * file description of its own. One page mapped from that description keeps it alive, so no
 * descriptor is kept (closing all descriptors does no harm), and MADV_DONTFORK keeps it from fork
 * children: handles are inherited, leases are not.
 */
#ifndef RTLANE_CORE_LEASE_H
#define RTLANE_CORE_LEASE_H

#include <rtlane/core/shm.h>

RTLANE_EXTERN_C_BEGIN

/* Part of the layout: byte 0 is the handle lock, byte 1 serializes opening and removal. */
#define RTLANE_LEASE_BYTE 64
#define RTLANE_LEASE_MAX 4032

/* Opaque. All zero = none. */
typedef struct rtlane_lease {
  void* page_;
  uint64_t owner_;
} rtlane_lease;

/* Takes lease number index (0..RTLANE_LEASE_MAX-1) of the named object behind handle. The lease
 * does not keep the object alive: keep the handle. But it keeps its memory: release it before the
 * last close, or the memory goes back only then.
 * Returns 0; -EBUSY somebody alive holds it; -EINVAL index out of range, or an unnamed object;
 * -EBADF; -EACCES no permission to write; -ESTALE the object's file was removed by a stranger.
 * Set-up. Never waits for the holder. */
RTLANE_API int rtlane_lease_acquire(rtlane_handle handle, uint32_t index, rtlane_lease* lease) RTLANE_NOEXCEPT;

/* Gives the lease back and zeroes *lease. A no-op for an empty lease and in a fork child of the
 * holder. Set-up. */
RTLANE_API void rtlane_lease_release(rtlane_lease* lease) RTLANE_NOEXCEPT;

/* Asks the kernel whether somebody holds lease number index: 1 = yes (also when it is this process),
 * 0 = no, or a negative errno as acquire. Takes nothing and waits for no set-up call and no fork() of this
 * process. Bounded: four system calls; -EMFILE when the process has no descriptor free. Of a handle that
 * another thread closes meanwhile the call that comes last ends the object, and then is a set-up call. */
RTLANE_API int rtlane_lease_held(rtlane_handle handle, uint32_t index) RTLANE_NOEXCEPT;

RTLANE_EXTERN_C_END

#endif
