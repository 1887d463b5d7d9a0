// The subcommands of rtlane-bench, benchmarks and what is done with their documents: a function each, as a subcommand
// of rtlane has it. argv[0] is the benchmark's name; the value is the exit status.
#pragma once

namespace rtlane::bench {

int all(int argc, char** argv);
int latency(int argc, char** argv);
int throughput(int argc, char** argv);
int stalls(int argc, char** argv);
int hand_over(int argc, char** argv);
int noise(int argc, char** argv);
int compare(int argc, char** argv);
int export_run(int argc, char** argv);
int report_page(int argc, char** argv);

}  // namespace rtlane::bench
