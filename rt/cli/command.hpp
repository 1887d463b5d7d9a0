// What every command of rtlane has in common, and rtlane-bench too: exit statuses, arguments, and the frame of main().
#pragma once

#include <optional>
#include <string>

namespace CLI {
class App;
}

namespace rtlane::cli {

// Exit statuses. A finding is what the command was asked to look for, or a failure; its text says which.
inline constexpr int good = 0;
inline constexpr int finding = 1;
inline constexpr int usage = 2;

// Reads the arguments. The value is the exit status when there is nothing left to do: help was asked
// for, or the arguments are wrong.
std::optional<int> parse(CLI::App& app, int argc, char** argv);

// Says on stderr what went wrong, under the command's name, and returns `status`.
int fail(const CLI::App& app, const std::string& sentence, int status = finding);

// The whole of main(): calls `run` and returns its exit status, or that of a failure: an exception, or standard output
// that could not be written. A reader of it that went away is no failure.
int run_program(const char* name, int argc, char** argv, int (*run)(int argc, char** argv));

}  // namespace rtlane::cli
