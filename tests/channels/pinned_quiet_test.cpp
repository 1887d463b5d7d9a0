// After attach: no system call and no allocation.
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <rtlane/channels/pinned_snapshot.hpp>

#include <csignal>

#include "ring_support.hpp"
#include "support/allocations.hpp"
#include "support/child.hpp"
#include "support/seccomp.hpp"
#include "support/temp_namespace.hpp"
#include "support/watchdog.hpp"

namespace {

using namespace rtlane::test;
using rtlane::Status;
using Snapshot = rtlane::PinnedSnapshot<Message>;

// Every data call in every state; returns the number of wrong answers.
int all_operations(Snapshot::Writer& writer, Snapshot::Reader& reader, int rounds)
{
  int wrong = 0;
  const auto expect = [&](bool right) { wrong += right ? 0 : 1; };
  Message got{};
  expect(reader.load(got) == Status::empty && !reader.load_ref());
  for (int round = 0; round < rounds; ++round) {
    const auto number = static_cast<std::uint64_t>(round);
    expect(writer.store(message(1, number)) == Status::ok);
    expect(reader.has_newer() == Status::ok && reader.load_newer(got) == Status::ok && got.number == number);
    expect(reader.load_newer(got) == Status::empty && reader.load(got) == Status::ok);
    Snapshot::Ref first = reader.load_ref();
    Message* place = writer.claim();
    *place = message(2, number);
    expect(writer.publish() && !writer.publish());
    Snapshot::Ref second = reader.load_ref();
    expect(first->run == 1 && second->run == 2 && reader.load(got) == Status::busy);
    first = std::move(second);
    expect(first->run == 2 && reader.load(got) == Status::ok);
    first.release();
  }
  writer.close();
  expect(reader.has_newer() == Status::closed && writer.store(got) == Status::closed);
  return wrong;
}

TEST(PinnedQuiet, DataCallsAllocateNothing)
{
  if (!allocations_are_seen)
    GTEST_SKIP() << "the sanitizer has a malloc of its own";
  const auto snapshot = Snapshot::in_memory(2).value();
  auto writer = snapshot.writer();
  auto reader = snapshot.reader();
  counting_allocations = true;
  void* volatile probe = std::malloc(1);  // the counter works
  std::free(probe);
  const int wrong = all_operations(*writer, *reader, 1000);
  counting_allocations = false;
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(allocations, 1u);
}

constexpr int no_filter = 77;

TEST(PinnedQuiet, DataCallsEnterTheKernelNever)
{
  if (sanitized)
    GTEST_SKIP() << "a sanitizer makes system calls of its own";
  const TempNamespace space;
  const Watchdog watchdog(60);
  for (const bool named : {false, true}) {
    for (const bool forbidden_call : {false, true}) {
      Child child = Child::start([&] {
        const auto snapshot = named ? Snapshot::create("quiet", 2) : Snapshot::in_memory(2);
        auto writer = snapshot->writer();
        auto reader = snapshot->reader();
        if (!forbid_calls())
          _exit(no_filter);
        const int wrong = all_operations(*writer, *reader, 10000);
        if (forbidden_call)
          syscall(SYS_getppid);
        _exit(wrong == 0 ? 0 : 1);
      });
      const int status = child.wait();
      if (status == no_filter)
        GTEST_SKIP() << "this kernel or container does not permit a seccomp filter";
      EXPECT_EQ(status, forbidden_call ? -SIGSYS : 0) << (named ? "named" : "private");
    }
  }
}

}  // namespace
