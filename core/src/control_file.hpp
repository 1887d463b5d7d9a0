// Control files: how processes agree on whether an object lives.
//
// States of a control file
//   nameless   being made (O_TMPFILE, or a locked temporary); nobody else can find it
//   held       it has its name, and at least one description read-locks byte 0
//   orphan     it has its name and nobody holds byte 0: its processes were killed
//   gone       its name is removed; a description may still be open on it
// Transitions
//   nameless -> held    the creator read-locks byte 0, then links: a killed creator leaves nothing
//   held -> held        an opener read-locks byte 0 while another holder's lock is seen
//   held -> orphan      the kernel drops the last holder's lock (kill, exec, _exit)
//   held|orphan -> gone somebody sees nobody on byte 0 and unlinks
//
// The last two steps and the opener's are decisions, and decisions on one file are made one at a time,
// under a write lock on byte 1 ("decision byte"): with it held, "nobody on byte 0" is stable, since
// byte 0 is only ever locked under it (or before the file has its name). A decider that is killed
// leaves the file as it was. After getting the lock the decider checks that the path still names
// this inode; else somebody else decided "gone" in the meantime.
//
// Why not the write lock on byte 0 itself as the question: an opener that waits for it gets it when
// the decider is *killed* before its unlink, and would take the orphan for a live object.
//
// Who may only read the file takes byte 1 for reading, which excludes removal just as well; such an opener
// recognizes orphans but cannot remove them.
//
// The payload file of a hugetlb object is locked before byte 0 of its control file is, and has its own rule
// (hugetlbfs.hpp). The kernel tears a killed holder down piece by piece, so the payload's lock may go before byte
// 0, and a sweeper take the payload. An opener that finds it missing therefore looks again until the object is an
// orphan; when it does not become one, the hugetlbfs cannot be seen from here.
#pragma once

#include <rtlane/core/namespace.h>
#include <sys/stat.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "namespace_directory.hpp"
#include "object_header.hpp"
#include "unique_fd.hpp"

namespace rtlane::detail {

// A control file that this process holds.
struct HeldControl {
  UniqueFd hold;     // read-locks byte 0; to be kept alive by a mapping of the control page
  UniqueFd payload;  // to map the payload from (hugetlb: read-locks byte 0 of the payload file)
  std::string payload_path;
  ObjectHeader header = {};
  struct stat status = {};
  bool writable = false;  // the descriptions are read-write
};

// Becomes a holder of the object called name, which file_name_for() put at file. Returns 0; -ENOENT when there is no
// object; -EACCES, -EBADMSG, -EPROTO with a sentence.
//   read    is content with read-only descriptions, and leaves an orphan alone
//   write   fails with -EACCES rather than come back with them; removes an orphan that it meets
//   create  as write, and an orphan that may not be removed is -EACCES too: its name cannot be had
enum class Access { read, write, create };
int join(const NamespaceDirectory& directory, const std::string& file, std::string_view name, Access access,
         HeldControl& held);

enum class Reclaimed { removed, nothing, held, busy, foreign, refused };

// Removes the object at file when nobody holds it. wait: for another decider, else answers busy.
// entry, if given, receives what is known of the object.
Reclaimed reclaim(const NamespaceDirectory& directory, const std::string& file, bool wait,
                  rtlane_namespace_entry* entry = nullptr);

// Reads the state of the object at file, taking no lock. False when the file is gone.
bool inspect(const NamespaceDirectory& directory, const std::string& file, rtlane_namespace_entry& entry);

// Removes every object, temporary and payload of the namespace that nobody holds; skips what somebody
// else decides on just now, and files for whose inode skip says true. Appends what it removed or could not.
void sweep(const NamespaceDirectory& directory, const std::function<bool(ino_t inode)>& skip,
           std::vector<rtlane_namespace_entry>* removed);

}  // namespace rtlane::detail
