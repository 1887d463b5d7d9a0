// Step 1: memory with a name. Run it several times at once; each run adds its share to one counter.
// When the last run ends, in whatever way, the counter is gone: the next run starts from 0.
#include <rtlane/core/shared_memory.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <thread>

struct Counter {
  std::atomic<std::uint64_t> runs;
  std::atomic<std::uint64_t> steps;
};

int main()
{
  auto memory = rtlane::SharedMemory::create("examples/counter", sizeof(Counter));
  if (!memory) {
    std::fprintf(stderr, "%s\n", memory.error().message.c_str());
    return 1;
  }
  auto* counter = static_cast<Counter*>(memory->data());  // new memory is zeroed
  const auto run = static_cast<unsigned long long>(++counter->runs);
  std::printf("run %llu %s the counter\n", run, memory->created() ? "created" : "joined");

  for (int step = 0; step < 20; ++step) {
    ++counter->steps;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  std::printf("run %llu sees %llu steps of all\n", run, static_cast<unsigned long long>(counter->steps.load()));
}
