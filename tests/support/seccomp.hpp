// A process for which one kind of system call fails, to walk the paths of kernels and file systems we do not have here,
// or that may make none.
#pragma once

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
#include <string>

#include "support/child.hpp"

namespace rtlane::test {

// From now on every system call of this thread with number `call`, and in whose argument number `argument` all bits of
// `mask` are set (mask 0: always), fails with `error`. Inherited by children; cannot be taken back. False = refused.
inline bool refuse_call(long call, unsigned argument, uint32_t mask, int error)
{
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(call), 0, 4),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(offsetof(seccomp_data, args) + 8 * argument)),
      BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, mask, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<uint32_t>(error)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog filter = {sizeof(program) / sizeof(program[0]), program};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

// As on a file system without O_TMPFILE (NFS, older overlayfs).
inline bool refuse_tmpfile()
{
  return refuse_call(SYS_openat, 2, O_TMPFILE, EOPNOTSUPP);
}

// From now on every system call of this thread but write and exit_group kills the process (SIGSYS). False = refused.
inline bool forbid_calls()
{
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
  };
  sock_fprog filter = {sizeof(program) / sizeof(program[0]), program};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

// Why filters cannot be used here; "" = they can. Tried in a child.
inline std::string seccomp_problem()
{
  Child child = Child::start([] { return refuse_tmpfile() && open(".", O_TMPFILE | O_RDWR, 0600) < 0 ? 0 : 1; });
  return child.wait() == 0 ? "" : "seccomp filters are refused here";
}

}  // namespace rtlane::test
