// After attach: no system call, no allocation.
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <rtlane/channels/frame_ring.hpp>

#include <span>

#include "frame_support.hpp"
#include "support/allocations.hpp"
#include "support/child.hpp"
#include "support/seccomp.hpp"
#include "support/temp_namespace.hpp"
#include "support/watchdog.hpp"

namespace {

using namespace rtlane::test;
using rtlane::FrameRing;
using rtlane::Status;

rtlane::FrameOptions packed()
{
  rtlane::FrameOptions options;
  options.memory = small_ring().memory;
  options.frame_align = 8;
  options.frame_bytes_max = 56;
  return options;
}

// Every data call in every state: empty, full, in between, closed. Returns the number of wrong answers.
int all_operations(FrameRing::Producer& producer, FrameRing::Consumer& consumer, int rounds)
{
  int wrong = 0;
  const auto expect = [&](bool right) { wrong += right ? 0 : 1; };
  std::byte contents[57] = {};
  std::byte out[57];
  const std::span<const std::byte> batch[3] = {{contents, 24}, {contents, 56}, {contents, 56}};
  std::span<const std::byte> shown[4];
  for (int round = 0; round < rounds; ++round) {
    expect(consumer.try_pop(out).status == Status::empty);
    expect(consumer.peek().data() == nullptr && consumer.last_status() == Status::empty);
    expect(producer.try_push({contents, 57}) == Status::too_large);
    expect(producer.claim(40).size() == 40);
    expect(producer.stage(8));
    expect(producer.claim(56).size() == 56);
    producer.discard();
    expect(!producer.commit());
    expect(producer.claim(40).size() == 40 && producer.commit(8));  // 16 of 128
    expect(producer.try_push_n(batch) == 2);                        // 112
    expect(producer.try_push({contents, 24}) == Status::full);
    expect(producer.used_bytes_estimate() == 112 && consumer.used_bytes_estimate() == 112);
    expect(consumer.try_pop({out, 7}).status == Status::too_small);
    expect(consumer.try_pop(out).bytes == 8);
    expect(consumer.peek().size() == 24);
    expect(consumer.peek_n(shown) == 2 && consumer.release_n(1));
    expect(consumer.release() && !consumer.release());
    expect(!consumer.redelivered() && !consumer.producer_changed());
  }
  producer.close();
  expect(consumer.try_pop(out).status == Status::closed);
  expect(producer.try_push({}) == Status::closed);
  return wrong;
}

TEST(FrameRingQuiet, DataCallsAllocateNothing)
{
  if (!allocations_are_seen)
    GTEST_SKIP() << "the sanitizer has a malloc of its own";
  const auto ring = FrameRing::in_memory(128, packed()).value();
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  counting_allocations = true;
  void* volatile probe = std::malloc(1);  // the counter works
  std::free(probe);
  const int wrong = all_operations(*producer, *consumer, 1000);
  counting_allocations = false;
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(allocations, 1u);
}

constexpr int no_filter = 77;

TEST(FrameRingQuiet, DataCallsEnterTheKernelNever)
{
  if (sanitized)
    GTEST_SKIP() << "a sanitizer makes system calls of its own";
  const TempNamespace space;
  const Watchdog watchdog(60);
  for (const bool forbidden_call : {false, true}) {
    Child child = Child::start([&] {
      const auto ring = FrameRing::create("quiet", 128, packed());
      auto producer = ring->producer();
      auto consumer = ring->consumer();
      if (!forbid_calls())
        _exit(no_filter);
      const int wrong = all_operations(*producer, *consumer, 100000);
      if (forbidden_call)
        syscall(SYS_getppid);
      _exit(wrong == 0 ? 0 : 1);
    });
    const int status = child.wait();
    if (status == no_filter)
      GTEST_SKIP() << "this kernel or container does not permit a seccomp filter";
    EXPECT_EQ(status, forbidden_call ? -SIGSYS : 0);  // the filter works, and was not needed
  }
}

}  // namespace
