// The subcommands of rtlane: one file each, and what they have in common.
#pragma once

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <cstdio>
#include <optional>
#include <string>

namespace rtlane::cli {

// Exit statuses. A finding is what the command was asked to look for, or a failure; its text says which.
inline constexpr int good = 0;
inline constexpr int finding = 1;
inline constexpr int usage = 2;

// argv[0] is the subcommand's name. Returns the exit status.
int ls(int argc, char** argv);
int info(int argc, char** argv);
int gc(int argc, char** argv);
int demo(int argc, char** argv);
int demo_sensor(int argc, char** argv);      // started by demo
int demo_controller(int argc, char** argv);  // started by demo

// Reads the arguments. The value is the exit status when there is nothing left to do: help was asked
// for, or the arguments are wrong.
std::optional<int> parse(CLI::App& app, int argc, char** argv);

// Says on stderr what went wrong, under the command's name, and returns `status`.
int fail(const CLI::App& app, const std::string& sentence, int status = finding);

}  // namespace rtlane::cli
