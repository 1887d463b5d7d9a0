// Writes a sample document to standard output, to look at its report: bench_sample_run [SEED] | rtlane-bench report -
#include <cstdlib>
#include <iostream>

#include "sample_run.hpp"

int main(int argc, char** argv)
{
  std::cout << rtlane::test::sample_run(argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1).dump() << "\n";
  return std::cout.flush() ? 0 : 1;
}
