// The subcommands of rtlane: one file each. argv[0] is the subcommand's name; the value is the exit status.
#pragma once

namespace rtlane::cli {

int ls(int argc, char** argv);
int info(int argc, char** argv);
int echo(int argc, char** argv);
int gc(int argc, char** argv);
int demo(int argc, char** argv);
int demo_sensor(int argc, char** argv);      // started by demo
int demo_controller(int argc, char** argv);  // started by demo

}  // namespace rtlane::cli
