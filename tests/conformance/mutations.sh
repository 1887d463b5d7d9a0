#!/bin/bash
# Shows that the rows about names, sizes, handles and the last error can fail: breaks the iwin32 border. See
# mutation_frame.sh.
#
#   tests/conformance/mutations.sh BUILD_DIR
set -euo pipefail
. "$(dirname "$0")/mutation_frame.sh"

border() { mutation iwin32_border.cpp "$@"; }
memory() { mutation iwin32.cpp "$@"; }

border "a new object keeps the last error" \
  's/set_last_error\(result == 0 \? ERROR_SUCCESS : ERROR_ALREADY_EXISTS/if (result != 0) set_last_error(ERROR_ALREADY_EXISTS/' \
  "A01 A34 A35 D01 E01 F01"
border "an existing object answers errno's EEXIST" 's/ERROR_SUCCESS : ERROR_ALREADY_EXISTS/ERROR_SUCCESS : EEXIST/' \
  "A02 A32 D02 E03 E21 F03"
memory "a high size is ignored" 's/size_high != 0\)/false)/' "A08 A09"
memory "size 0 is refused before looking" 's/if \(size_high != 0\)/if (size_high != 0 || size_low == 0)/' "A06"
border "a name of another type is said to exist" 's/EPROTOTYPE, ERROR_INVALID_HANDLE/EPROTOTYPE, ERROR_ALREADY_EXISTS/' \
  "A13 A14 A15 B06 D03 E04 F04 H07 H08 H09"
memory "location is cleared before all is well" \
  '/SharedMemory/,/^}/s/(const ErrnoKeeper keeper;)/\1 if (location) *location = nullptr;/' "A16 B02"
border "a backslash is an ordinary character" 's/std::strchr\(name, .*\) != nullptr/false/' "A20 B09 D05 E05"
memory "location NULL is let through" 's/location == nullptr/false/' "A24 B08"
border "no memory has another number" 's/ENOMEM, ERROR_NOT_ENOUGH_MEMORY/ENOMEM, ERROR_OUTOFMEMORY/' "A27"
border "the pool has another number" 's/EDQUOT, ERROR_NOT_ENOUGH_MEMORY/EDQUOT, ERROR_COMMITMENT_LIMIT/' "A28"
border "wide names lose their upper bits" 's/(const auto point = static_cast<std::uint32_t>\(wide\[characters\])\)/\1 \& 0xff)/' \
  "A36"
border "a wide name may be one character longer" 's/characters == RTLANE_NAME_MAX/characters == RTLANE_NAME_MAX - 1/' \
  "A18 D05 E05"
border "a full object table has another number" 's/ENFILE, ERROR_NO_SYSTEM_RESOURCES/ENFILE, ERROR_TOO_MANY_OPEN_FILES/' "A39"
memory "open creates what is missing" \
  's/rtlane_shm_open\(name, \&options/rtlane_shm_create(name, 64, \&options/' "B02 B11"
border "the name NULL is empty" 's/fail\(EINVAL, "the name is NULL/fail(EBADF, "the name is NULL/' "B04 D06 E06 F05"
border "open of the empty name is a bad argument" 's/fail\(EBADF, "the name is empty/fail(EINVAL, "the name is empty/' \
  "B05 D06 E06 F05"
border "a missing name is a missing folder" 's/ENOENT, ERROR_FILE_NOT_FOUND/ENOENT, ERROR_PATH_NOT_FOUND/' \
  "B02 B12 D06 E06 F05"
border "open clears the last error" \
  '/^HANDLE open_answer/,/^}/s/return to_pointer/set_last_error(0); return to_pointer/' "B01 D06 E06 F05 H06"
memory "unmapping answers FALSE" '/^BOOL RtUnmap/,/^}/s/TRUE/FALSE/' "B13 B14 H12"
border "success sets the last error" '/^BOOL bool_answer/,/^}/s/return TRUE/return set_last_error(0), TRUE/' \
  "C01 D14 D20 E10 E15 F08 F11 H06"
memory "closing does nothing" 's/rtlane_close\(from_pointer\(handle\)\)/handle != nullptr ? 0 : -EBADF/' "C02 C04"
border "a handle's upper half is ignored" 's/if \(value < INT32_MIN.*/if (false)/' "C06 G05"
border "a sign in the upper half is refused" 's/value < INT32_MIN/value < 0/' "H11"
border "the last error is the process's" 's/constinit thread_local/constinit/' "H02 H03"
memory "the last error is errno" 's/return last_error\(\);/return static_cast<DWORD>(errno);/' "H01 A02"
memory "one spelling has a last error of its own" '/^VOID RtSetLastError/,/^}/s/set_last_error\(/static_cast<void>(/' "H04"
end_of_mutations
