/* Named, handle-counted shared memory: the native C API.
 *
 * An object lives as long as a process holds a handle to it. The kernel closes the handles of a
 * process that ends in any way; with the last one the object and its name are gone. No daemon.
 *
 * Use this for memory of your own layout. For messages use a channel (rtlane/channels/), which
 * gives the memory a type and survives a peer that is killed in mid-operation. Sources written for
 * INtime or RTX use rtlane/core/iwin32.h, which names the same objects.
 *
 * Errors: every function returns 0, a positive value where stated, or a negative errno; then
 * rtlane_error_message() has the sentence. On failure nothing is left behind and no output
 * parameter is written. errno itself is not part of the contract.
 *
 * Threads: every function may be called from any thread. Those marked "set-up" run one at a time
 * within a process, take locks, allocate and enter the kernel: not for a real-time loop.
 *
 * Lifetime after a kill: the name is free at once for the next create. The memory of objects whose
 * every process was killed is given back by the next create in the namespace, by a process's first
 * call there (read-only opens aside: who only reads changes nothing), by rtlane_gc() or `rtlane gc`,
 * or at reboot. A process that ends by exit() or by returning from main gives its objects back itself.
 *
 * fork: the child shares its parent's objects and keeps them alive until it closes them, execs or
 * ends; memory locks are not inherited, so a child that wants them opens the object again. exec drops them.
 * Close-all-descriptors daemonizing is harmless: no descriptor is kept. posix_spawn() in another thread
 * in mid-call: see core/README.md.
 *
 * Environment, read at each call, but not by set-user-ID and set-group-ID programs:
 *   RTLANE_DIR          the namespace directory; default /dev/shm/rtlane-<euid>, made on first use
 *   RTLANE_MAX_HANDLES  handles of this process, 1..16383, default 16383
 *   RTLANE_MAX_OBJECTS  objects this process has open, 1..16383, default 8192
 *   RTLANE_POOL_BYTES   limit for the sum of the namespace's object sizes, a multiple of 4 MiB; 0 = none
 */
#ifndef RTLANE_CORE_SHM_H
#define RTLANE_CORE_SHM_H

#include <rtlane/core/api.h>

#include <stddef.h>
#include <stdint.h>

RTLANE_EXTERN_C_BEGIN

/* A handle of this process: 0 is none, others are >= 0x10000 and multiples of 4. A closed value is
 * refused (-EBADF) until its slot was reused 65535 times; slots are reused oldest first. */
typedef uint32_t rtlane_handle;

/* The longest name, in characters (code points; a byte that is not UTF-8 counts one and is kept). */
#define RTLANE_NAME_MAX 260

enum rtlane_kind {
  RTLANE_KIND_SHARED_MEMORY = 1,
  RTLANE_KIND_EVENT = 2,
  RTLANE_KIND_MUTEX = 3,
  RTLANE_KIND_SEMAPHORE = 4
};

/* What the pages of an object are. */
enum rtlane_tier {
  RTLANE_TIER_SMALL = 1,  /* the system's small pages (4 KiB) */
  RTLANE_TIER_THP = 2,    /* shared memory made of transparent huge pages */
  RTLANE_TIER_HUGETLB = 3 /* pages reserved by the administrator, in a hugetlbfs mount */
};

/* How much a property matters to the creator. */
enum rtlane_wish {
  RTLANE_PREFERRED = 0, /* fall back, and say so in the certificate */
  RTLANE_REQUIRED = 1,  /* fail instead */
  RTLANE_NEVER = 2
};

/* Options of create and open. Start from RTLANE_SHM_OPTIONS_INIT; a NULL pointer means just that. What only create
 * knows is ignored when the object exists. */
struct rtlane_shm_options {
  uint32_t struct_size; /* sizeof(struct rtlane_shm_options) */
  uint32_t huge;        /* create: enum rtlane_wish for huge pages. PREFERRED tries them from 2 MiB upward,
                           with less than 1/8 lost to rounding for pages of 1 GiB */
  uint32_t lock;        /* create and open: enum rtlane_wish for locking into memory in this process */
  int32_t numa_node;    /* create: the node that the memory comes from; -1 = the kernel's choice */
  uint64_t page_bytes;  /* create: only this page size (4096, 2 MiB, 1 GiB ...); 0 = any */
  uint32_t mode;        /* create: permission bits, with 0600 among them, set whatever the umask; 0 = 0600 */
  uint32_t gid;         /* create: owning group; UINT32_MAX = as the directory gives it */
  uint32_t read_only;   /* open: non-zero maps the memory PROT_READ */
  uint32_t exclusive;   /* create: non-zero fails with -EEXIST when the name is taken */
};

#define RTLANE_SHM_OPTIONS_INIT                                                                                 \
  {                                                                                                             \
    (uint32_t)sizeof(struct rtlane_shm_options), RTLANE_PREFERRED, RTLANE_PREFERRED, -1, 0, 0, UINT32_MAX, 0, 0 \
  }

/* What was really obtained: facts read back from the kernel, not what was asked for. */
struct rtlane_shm_certificate {
  uint32_t struct_size;         /* set by the caller to sizeof(struct rtlane_shm_certificate) */
  uint32_t kind;                /* enum rtlane_kind */
  uint32_t tier;                /* enum rtlane_tier */
  int32_t numa_node;            /* of the first page; -1 = unknown */
  uint64_t size_bytes;          /* as given to create */
  uint64_t mapped_bytes;        /* size_bytes rounded up to the page size obtained */
  uint64_t page_bytes;          /* of the mapping: what the kernel uses in this process */
  uint64_t locked_bytes;        /* of this process's mapping; hugetlb counts as locked */
  uint64_t attach_minor_faults; /* taken while this process attached */
  uint64_t attach_ns;           /* how long the attach took */
  uint64_t generation;          /* random; another object of the same name has another one */
  int64_t created_unix_ns;      /* CLOCK_REALTIME */
  int32_t creator_pid;          /* in the creator's PID namespace */
  uint32_t creator_uid;
  uint32_t mode; /* permission bits of the object */
  uint32_t gid;
  uint32_t read_only;    /* this handle's mapping is PROT_READ */
  uint32_t unlinked;     /* 1: somebody removed the file of a live object: nobody can open it any more */
  char name[1056];       /* UTF-8; "" = unnamed */
  char page_reason[256]; /* why the pages are not larger; "" = nothing fell back */
  char page_fix[256];    /* the command that would help; "" = none */
  char lock_reason[256]; /* why not all is locked; "" = it is */
  char lock_fix[256];
};

/* Creates the object called name with size_bytes of zeroed memory, or opens the one that exists
 * (its size then stays, size_bytes is ignored). The memory is allocated, mapped, faulted in and, as
 * options say, locked before the object can be seen by anybody. name NULL or "" makes an unnamed
 * object, which only this process and its fork children reach; its memory goes back at once with
 * the last of them. options may be NULL. address may be NULL.
 * Returns 0 when it created, 1 when the object existed.
 *   -EINVAL        name with a byte '\', size_bytes 0 for a new object, an option out of range,
 *                  a node that is not there, an environment variable that makes no sense, a namespace
 *                  directory that is not on a tmpfs
 *   -ENAMETOOLONG  more than RTLANE_NAME_MAX characters
 *   -EPROTOTYPE    the name is in use by an object of another kind
 *   -EEXIST        exclusive, and the name is taken
 *   -ENOMEM        not enough memory, file system room, cgroup allowance or huge pages (the numbers
 *                  are in the message), or a lock or huge pages required and refused
 *   -EDQUOT        more than RTLANE_POOL_BYTES
 *   -EMFILE        no free handle, or no free descriptor (the message says which); -ENFILE: no free object entry
 *   -EACCES        no permission, or the directory is refused (the message says why), or the name
 *                  is held by an orphan that may not be removed (it names the owner)
 *   -ENOSYS        /proc is not mounted, or the kernel's pages are not of 4 KiB
 *   -ESTALE        the namespace directory was removed meanwhile
 *   -EBADMSG       a file that is no rtlane object, or a damaged one, stands at the name's place
 *   -EPROTO        an object of another layout version or word size
 * Set-up. May block. */
RTLANE_API int rtlane_shm_create(const char* name, uint64_t size_bytes, const struct rtlane_shm_options* options,
                                 rtlane_handle* handle, void** address) RTLANE_NOEXCEPT;

/* Opens the object called name. Returns 0, -ENOENT when there is none, or as create; -EINVAL for a
 * name that is NULL or "". Set-up. May block. */
RTLANE_API int rtlane_shm_open(const char* name, const struct rtlane_shm_options* options, rtlane_handle* handle,
                               void** address) RTLANE_NOEXCEPT;

/* Closes one handle of any kind. With the process's last handle to the object the memory is
 * unmapped; with the last one of all processes the object is destroyed and its name is free on
 * return. Whoever can no longer open the file (no descriptor free, another user meanwhile) leaves it to the next
 * create. Returns 0 or -EBADF. Set-up. May block. */
RTLANE_API int rtlane_close(rtlane_handle handle) RTLANE_NOEXCEPT;

/* Stores the size that the object was created with. Returns 0, -EBADF, -EINVAL. Lock-free, no system call. Of a
 * handle that another thread closes meanwhile the call that comes last ends the object, and then is a set-up call. */
RTLANE_API int rtlane_shm_size(rtlane_handle handle, uint64_t* size_bytes) RTLANE_NOEXCEPT;

/* Fills *certificate (struct_size set by the caller), from what the kernel says now: reads the
 * process's smaps. Returns 0, -EBADF, -EINVAL. Set-up. */
RTLANE_API int rtlane_shm_info(rtlane_handle handle, struct rtlane_shm_certificate* certificate) RTLANE_NOEXCEPT;

RTLANE_EXTERN_C_END

#endif
