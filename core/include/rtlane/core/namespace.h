/* The namespace as an operator sees it: listing what exists and removing what nobody holds. */
#ifndef RTLANE_CORE_NAMESPACE_H
#define RTLANE_CORE_NAMESPACE_H

#include <rtlane/core/sync.h>

RTLANE_EXTERN_C_BEGIN

enum rtlane_entry_state {
  RTLANE_ENTRY_LIVE = 1,          /* somebody holds it */
  RTLANE_ENTRY_ORPHAN = 2,        /* nobody does: the next create or gc removes it, whatever its version or damage */
  RTLANE_ENTRY_FOREIGN = 3,       /* a file that is no rtlane object, or a damaged one in use: left alone */
  RTLANE_ENTRY_OTHER_VERSION = 4, /* in use by programs with another layout version: left alone */
  RTLANE_ENTRY_UNREADABLE = 5     /* you may not open it; mapped_bytes is the memory that its file has */
};

/* One file of the namespace. Text and numbers come from the object's header unless said otherwise. */
struct rtlane_namespace_entry {
  uint32_t struct_size;
  uint32_t state; /* enum rtlane_entry_state */
  uint32_t kind;
  uint32_t tier; /* what the creator obtained */
  uint64_t size_bytes;
  uint64_t mapped_bytes;
  uint64_t page_bytes;
  uint64_t locked_bytes; /* of the creator's mapping when it created */
  uint64_t generation;
  int64_t created_unix_ns;
  int32_t creator_pid;
  uint32_t creator_uid;
  uint32_t mode; /* of the file */
  uint32_t uid;  /* of the file */
  uint32_t gid;  /* of the file */
  uint32_t reserved;
  uint64_t device; /* of the control file: st_dev, st_ino, as /proc/locks and /proc/PID/maps name it */
  uint64_t inode;
  char name[1056];
  char path[768];         /* of the control file */
  char payload_path[768]; /* of the hugetlb file; "" = the payload is in the control file */
  char page_reason[256];  /* of the creator, as in its certificate: why the pages are not larger */
  char page_fix[256];
  char lock_reason[256]; /* of the creator: why not all was locked; "" = it was */
  char lock_fix[256];
  struct rtlane_sync_state sync; /* of an event, a mutex or a semaphore, as rtlane_sync_get_state() */
  char problem[256];             /* what is wrong with the file, or why an orphan could not be removed */
};

/* Called for each entry; a non-zero answer ends the walk. */
typedef int (*rtlane_namespace_visitor)(const struct rtlane_namespace_entry* entry, void* context);

/* Visits every object of the namespace without attaching to any. Takes no lock but asks for them,
 * so it disturbs nobody. Returns the number visited, or a negative errno as rtlane_shm_create does
 * for the directory; a namespace that does not exist has 0. Set-up. */
RTLANE_API int rtlane_namespace_list(rtlane_namespace_visitor visitor, void* context) RTLANE_NOEXCEPT;

/* Removes every object, temporary file and hugetlb payload of the namespace that nobody holds; never
 * touches a live one. visitor (may be NULL) is called for each one removed, and for each orphan that
 * could not be (problem says why). Returns the number removed, or a negative errno. Set-up. */
RTLANE_API int rtlane_gc(rtlane_namespace_visitor visitor, void* context) RTLANE_NOEXCEPT;

/* Copies the path of the namespace directory into path (capacity bytes). Returns 0 or -ENAMETOOLONG. */
RTLANE_API int rtlane_namespace_path(char* path, size_t capacity) RTLANE_NOEXCEPT;

RTLANE_EXTERN_C_END

#endif
