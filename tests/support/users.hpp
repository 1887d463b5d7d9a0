// Another user, for tests about permissions.
#pragma once

#include <grp.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>

namespace rtlane::test {

constexpr uid_t kOtherUid = 65533;  // no user of this number need exist
constexpr gid_t kSharedGid = 65532;

// Gives up root for good in this (child) process: user and group uid, and one more group if asked.
inline bool become(uid_t uid, gid_t extra_group = static_cast<gid_t>(-1))
{
  const bool done = setgroups(extra_group == static_cast<gid_t>(-1) ? 0 : 1, &extra_group) == 0 &&
                    setresgid(uid, uid, uid) == 0 && setresuid(uid, uid, uid) == 0;
  // The change cleared it.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  return done;
}

}  // namespace rtlane::test
