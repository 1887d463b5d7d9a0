// How many machine instructions the hot operations take: counted by single-stepping them, so the same in every run, on
// a busy machine and without a performance counter. What is counted: bench/README.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "report.hpp"

namespace rtlane::bench::micro {

struct InstructionCount {
  std::string operation;
  std::size_t bytes = 0;           // of the element; 0 = there is none
  std::uint64_t instructions = 0;  // of rtlane, without those of an empty function
  std::uint64_t calls = 0;         // into libraries that are not rtlane
  std::uint64_t elsewhere = 0;     // instructions there: which they are is up to the C library and the CPU
};

// What the counts hold for: compiler, architecture, options, in one line.
std::string built_by();

// Counts every operation. Throws Failure when one does not answer as it must or does not take the same twice.
std::vector<InstructionCount> count_instructions();

// The table as bench/micro/instructions.txt has it.
std::string instructions_text(const std::vector<InstructionCount>& counts);
cli::Json instructions_document(const std::vector<InstructionCount>& counts);

}  // namespace rtlane::bench::micro
