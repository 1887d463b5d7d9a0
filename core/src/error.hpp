// The thread's error sentence, set where an error is found.
#pragma once

namespace rtlane::detail {

// Stores the sentence for rtlane_error_message() and returns -code (a positive errno value goes in).
// No memory is allocated: also fit for running out of it.
[[gnu::format(printf, 2, 3)]] int fail(int code, const char* format, ...) noexcept;

}  // namespace rtlane::detail
