/* What an element is made of: the field table of a channel, as plain C data.
 *
 * C++ users write RTLANE_TYPE(Imu, t_ns, gyro) (rtlane/channels/type_info.hpp) and get these tables
 * at compile time; C users fill them in with RTLANE_FIELD:
 *
 *   static const struct rtlane_field imu_fields[] = {
 *     RTLANE_FIELD(struct imu, t_ns, RTLANE_FIELD_INT, 1, "ns"),
 *     RTLANE_FIELD(struct imu, gyro, RTLANE_FIELD_FLOAT, 3, "deg/s"),
 *   };
 *   static const struct rtlane_type imu_type = RTLANE_STRUCT_TYPE("Imu", struct imu, imu_fields);
 *
 * Both give the same bytes in the segment, so a C program and a C++ program meet in one channel.
 * Two types are the same when name, size, alignment and every field agree, units and enumerators
 * included.
 *
 * The serialized table (in the segment, and what rtlane_table_* take) is self-contained: no
 * pointers, fixed-width little numbers in the machine's byte order, its layout in
 * rtlane/channels/type_table.hpp.
 */
#ifndef RTLANE_CHANNELS_TYPE_H
#define RTLANE_CHANNELS_TYPE_H

#include <rtlane/core/api.h>

#include <stddef.h>
#include <stdint.h>

RTLANE_EXTERN_C_BEGIN

/* The numbers are part of the layout. */
enum rtlane_field_kind {
  RTLANE_FIELD_INT = 1,       /* two's complement, 1, 2, 4 or 8 bytes */
  RTLANE_FIELD_UINT = 2,      /* 1, 2, 4 or 8 bytes */
  RTLANE_FIELD_FLOAT = 3,     /* IEEE 754, 4 or 8 bytes */
  RTLANE_FIELD_BOOL = 4,      /* 1 byte, 0 or 1 */
  RTLANE_FIELD_ENUM_INT = 5,  /* enumeration over a signed integer */
  RTLANE_FIELD_ENUM_UINT = 6, /* enumeration over an unsigned integer */
  RTLANE_FIELD_TEXT = 7,      /* char[element_bytes], ends at the first NUL if there is one */
  RTLANE_FIELD_BYTES = 8,     /* uninterpreted bytes */
  RTLANE_FIELD_STRUCT = 9     /* `nested` describes it */
};

/* Limits of a description; a table beyond them is refused with a sentence. */
#define RTLANE_TYPE_MAX_DEPTH 16          /* structs within structs */
#define RTLANE_TYPE_MAX_FIELDS 4096       /* of all structs together */
#define RTLANE_TYPE_MAX_ENUMERATORS 65536 /* of all fields together */
#define RTLANE_TYPE_MAX_NAME 255          /* bytes of one name or unit */
#define RTLANE_TYPE_MAX_BYTES 0x40000000  /* size of an element: 1 GiB */

struct rtlane_type;

struct rtlane_enumerator {
  const char* name;
  int64_t value; /* of an unsigned 64-bit enumeration: the same bits */
};

struct rtlane_field {
  const char* name;
  const char* unit;                            /* "" or NULL = none */
  uint32_t kind;                               /* enum rtlane_field_kind */
  uint32_t element_bytes;                      /* of one of `count` */
  uint32_t offset;                             /* in the struct, bytes */
  uint32_t count;                              /* 1, or the number of array elements (of all dimensions) */
  const struct rtlane_type* nested;            /* RTLANE_FIELD_STRUCT, else NULL */
  const struct rtlane_enumerator* enumerators; /* RTLANE_FIELD_ENUM_*; may be NULL */
  uint32_t enumerator_count;
};

/* Fields in ascending order of offset, without overlap. Gaps are padding and are not compared. */
struct rtlane_type {
  const char* name;
  uint32_t size_bytes;
  uint32_t align_bytes;
  const struct rtlane_field* fields;
  uint32_t field_count;
};

/* A field of kind INT, UINT, FLOAT, BOOL, or ENUM_* without names; count 1 or the array's length. */
#define RTLANE_FIELD(type, member, kind, count, unit)                                                               \
  {                                                                                                                 \
#member, unit, kind, (uint32_t)(sizeof(((type*)0)->member) / (count)), (uint32_t)offsetof(type, member), count, \
        NULL, NULL, 0                                                                                               \
  }
#define RTLANE_FIELD_CHARS(type, member) RTLANE_FIELD(type, member, RTLANE_FIELD_TEXT, 1, "")
#define RTLANE_FIELD_NAMED(type, member, kind, names)                                                          \
  {                                                                                                            \
#member, "", kind, (uint32_t)sizeof(((type*)0)->member), (uint32_t)offsetof(type, member), 1, NULL, names, \
        (uint32_t)(sizeof(names) / sizeof((names)[0]))                                                         \
  }
#define RTLANE_FIELD_OF(type, member, count, nested)                                    \
  {                                                                                     \
#member, "", RTLANE_FIELD_STRUCT, (uint32_t)(sizeof(((type*)0)->member) / (count)), \
        (uint32_t)offsetof(type, member), count, nested, NULL, 0                        \
  }
/* alignment is that of the strictest member, in bytes: C99 has no alignof. */
#define RTLANE_STRUCT_TYPE(name, type, alignment, fields)                                             \
  {                                                                                                   \
    name, (uint32_t)sizeof(type), alignment, fields, (uint32_t)(sizeof(fields) / sizeof((fields)[0])) \
  }

/* Writes the serialized table of *type to buffer (capacity bytes; NULL and 0 to ask for the size).
 * Returns the number of bytes it has, -EINVAL for a description that contradicts itself (the message
 * names the field), -ENOSPC when capacity is too small. Set-up. */
RTLANE_API int64_t rtlane_type_serialize(const struct rtlane_type* type, void* buffer, size_t capacity) RTLANE_NOEXCEPT;

/* Checks a serialized table from an untrusted place; the other rtlane_table_* do so too and answer
 * the same. table must be private memory (a copy): nobody may change it meanwhile.
 * Returns 0 or -EBADMSG. Set-up. */
RTLANE_API int rtlane_table_check(const void* table, size_t table_bytes) RTLANE_NOEXCEPT;

/* FNV-1a of the table's bytes: a short identity for people and logs. */
RTLANE_API uint64_t rtlane_table_hash(const void* table, size_t table_bytes) RTLANE_NOEXCEPT;

/* The layout on one line, NUL-terminated, cut to capacity: "Imu (32 bytes): t_ns int64 [ns] at 0,
 * gyro float32[3] [deg/s] at 8". Control characters are escaped. Returns the length it has uncut,
 * or -EBADMSG. Set-up. */
RTLANE_API int64_t rtlane_table_describe(const void* table, size_t table_bytes, char* text,
                                         size_t capacity) RTLANE_NOEXCEPT;

/* One element on one line: "t_ns=12 gyro=[0.5 1 -2] mode=run name=\"left\"". element may come from a
 * hostile writer; copy it out of shared memory first. Returns as describe; -EINVAL when
 * element_bytes is not the type's size. Set-up. */
RTLANE_API int64_t rtlane_table_format(const void* table, size_t table_bytes, const void* element, size_t element_bytes,
                                       char* text, size_t capacity) RTLANE_NOEXCEPT;

/* The first difference between two tables as a sentence naming the field: `theirs` is called "there",
 * `ours` "here". Returns the length it has uncut, 0 when they are equal, or -EBADMSG. Set-up. */
RTLANE_API int64_t rtlane_table_difference(const void* theirs, size_t their_bytes, const void* ours, size_t our_bytes,
                                           char* text, size_t capacity) RTLANE_NOEXCEPT;

RTLANE_EXTERN_C_END

#endif
