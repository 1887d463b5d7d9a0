// Objects of the kinds whose own calls are not there yet, made through the object layer, and other reaches into it.
#pragma once

#include <rtlane/core/iwin32.h>
#include <rtlane/core/shm.h>

namespace rtlane::conformance {

// Creates a small object of the given kind. NULL when the object layer refuses. CloseHandle closes it.
HANDLE create_other_kind(rtlane_kind kind, const char* name);

// Uses up handle values of this process until the next ones have their highest bit set.
void age_handles();

}  // namespace rtlane::conformance
