// A user's program in C++: one ring, one object, as the README shows them.
#include <rtlane/channels/spsc_ring.hpp>
#include <rtlane/core/shared_memory.hpp>

#include <cstdint>
#include <cstdio>

struct Sample {
  std::int64_t t_ns;
  float value[3];
};
RTLANE_TYPE(Sample, RTLANE_UNIT(t_ns, "ns"), value);

static int fail(const std::string& message)
{
  std::fprintf(stderr, "user: %s\n", message.c_str());
  return 1;
}

int main()
{
  auto memory = rtlane::SharedMemory::create("package/memory", 4096);
  if (!memory)
    return fail(memory.error().message);
  if (rtlane::SharedMemory::open("package/nothing"))
    return fail("an object that nobody made was opened");

  auto ring = rtlane::SpscRing<Sample>::create("package/ring", 8);
  if (!ring)
    return fail(ring.error().message);
  auto producer = ring->producer();
  auto consumer = ring->consumer();
  if (!producer || !consumer)
    return fail("a free role was refused");
  Sample out{};
  if (consumer->try_pop(out) != rtlane::Status::empty)
    return fail("an empty ring is not empty");
  if (producer->try_push({42, {1, 2, 3}}) != rtlane::Status::ok)
    return fail("an empty ring refuses an element");
  if (consumer->try_pop(out) != rtlane::Status::ok || out.t_ns != 42 || out.value[2] != 3)
    return fail("the element did not arrive as it was sent");
  std::printf("rtlane %s works\n", rtlane_version());
  return 0;
}
