// Locks on single bytes of a file, owned by an open file description (fcntl F_OFD_*).
//
// The kernel drops them when the last reference to the description goes: a descriptor, or a mapping
// made from it. They work across PID namespaces and know nothing of processes and time.
#pragma once

#include <fcntl.h>
#include <sys/types.h>

#include <cerrno>

namespace rtlane::detail {

enum class Lock : short { none = F_UNLCK, read = F_RDLCK, write = F_WRLCK };

inline struct flock one_byte(Lock lock, off_t byte) noexcept
{
  struct flock request = {};
  request.l_type = static_cast<short>(lock);
  request.l_whence = SEEK_SET;
  request.l_start = byte;
  request.l_len = 1;
  return request;
}

// Sleeps in the kernel until the lock is ours: a spinning SCHED_FIFO waiter would starve the holder.
// Returns 0 or -errno (-EBADF: the lock needs an access mode that the description lacks).
inline int lock_wait(int fd, Lock lock, off_t byte) noexcept
{
  struct flock request = one_byte(lock, byte);
  while (::fcntl(fd, F_OFD_SETLKW, &request) != 0) {
    if (errno != EINTR)
      return -errno;
  }
  return 0;
}

// Returns 0, or -EAGAIN when another description's lock is in the way.
inline int lock_try(int fd, Lock lock, off_t byte) noexcept
{
  struct flock request = one_byte(lock, byte);
  if (::fcntl(fd, F_OFD_SETLK, &request) == 0)
    return 0;
  return errno == EACCES ? -EAGAIN : -errno;
}

inline void unlock(int fd, off_t byte) noexcept
{
  struct flock request = one_byte(Lock::none, byte);
  ::fcntl(fd, F_OFD_SETLK, &request);
}

// What other descriptions hold on the byte. Takes nothing, and works on a read-only descriptor.
inline Lock lock_held_by_others(int fd, off_t byte) noexcept
{
  struct flock request = one_byte(Lock::write, byte);
  if (::fcntl(fd, F_OFD_GETLK, &request) != 0)
    return Lock::write;  // cannot be asked: assume the worst, so that nothing is removed
  return static_cast<Lock>(request.l_type);
}

}  // namespace rtlane::detail
