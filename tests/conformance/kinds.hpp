// The four types of named objects, and what the rows about names want of each of them in all its spellings.
#pragma once

#include <rtlane/core/iwin32.h>

#include <vector>

namespace rtlane::conformance {

enum class Kind { memory, event, mutex, semaphore };
inline constexpr Kind kinds[] = {Kind::memory, Kind::event, Kind::mutex, Kind::semaphore};

// A call that takes a name, with arguments that are right. The wide forms get the same ASCII text.
struct Spelling {
  const char* what;
  HANDLE (*call)(const char* name);
};
// The first is the one with Rt in narrow characters, the last Win32's (memory: RTX's) in wide ones.
const std::vector<Spelling>& creators(Kind kind);
const std::vector<Spelling>& openers(Kind kind);

// Each spelling of create makes a new object (last error 0), which each spelling finds (183), here and in another
// process. D1, D2, E1, E3, F1, F3.
void expect_all_spellings_meet(Kind kind);

// Objects of the other types held by another process, and by this one: NULL and 6 from create and open. D3, E4, F4.
void expect_other_types_refused(Kind kind);

// NULL and "" make objects of their own, which leave no name behind. D4, E5.
void expect_nameless(Kind kind);

// Case, 260 and 261 characters, backslash. D5, E5.
void expect_name_rules(Kind kind);

// Existing: =, missing: 2, NULL: 87. D6, E6, F5.
void expect_opening(Kind kind);

}  // namespace rtlane::conformance
