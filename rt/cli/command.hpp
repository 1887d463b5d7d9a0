// What every program of rtlane has in common: exit statuses and the frame of main().
#pragma once

namespace rtlane::cli {

// Exit statuses. A finding is what the command was asked to look for, or a failure; its text says which.
inline constexpr int good = 0;
inline constexpr int finding = 1;
inline constexpr int usage = 2;

// The whole of main(): calls `run` and returns its exit status, or that of a failure: an exception, or standard output
// that could not be written. A reader of it that went away is no failure.
int run_program(const char* name, int argc, char** argv, int (*run)(int argc, char** argv));

}  // namespace rtlane::cli
