// A reach into the object layer.
#pragma once

namespace rtlane::conformance {

// Uses up handle values of this process until the next ones have their highest bit set.
void age_handles();

}  // namespace rtlane::conformance
