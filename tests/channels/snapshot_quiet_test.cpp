// After attach: no system call, no allocation.
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <rtlane/channels/snapshot.hpp>
#include <rtlane/channels/snapshot_group.hpp>

#include <csignal>
#include <cstdlib>

#include "ring_support.hpp"
#include "support/allocations.hpp"
#include "support/child.hpp"
#include "support/seccomp.hpp"
#include "support/temp_namespace.hpp"
#include "support/watchdog.hpp"

namespace {

using namespace rtlane::test;
using rtlane::Status;
using Messages = rtlane::SnapshotGroup<Message>;

// Every data call in every state. Returns the number of wrong answers.
int all_operations(Messages::Writer& writer, Messages::Reader& reader, Messages::KeepingReader& keeping, int rounds)
{
  int wrong = 0;
  const auto expect = [&](bool right) { wrong += right ? 0 : 1; };
  Message got{};
  expect(reader.load(got) == Status::empty && keeping.update() == Status::empty && keeping.last() == nullptr);
  for (int round = 1; round <= rounds; ++round) {
    const auto number = static_cast<std::uint64_t>(round);
    writer.cycle() = message(1, number);
    writer.set<&Message::run>(std::uint64_t{1});
    expect(writer.publish() == Status::ok && writer.sequence() == number);
    expect(reader.newer() && !reader.closed());
    expect(reader.load_newer(got) == Status::ok && got.number == number && whole(got));
    expect(reader.load_newer(got) == Status::empty);
    std::uint64_t one = 0;
    expect(reader.load_members<&Message::number>(one) == Status::ok && one == number);
    expect(keeping.update() == Status::ok && keeping.last()->number == number);
    expect(keeping.age_ticks() != rtlane::age_unknown && reader.sequence() == number && reader.overtaken() == 0);
  }
  writer.close();
  expect(writer.publish() == Status::closed && reader.closed() && reader.load_newer(got) == Status::closed);
  return wrong;
}

TEST(SnapshotQuiet, DataCallsAllocateNothing)
{
  if (!allocations_are_seen)
    GTEST_SKIP() << "the sanitizer has a malloc of its own";
  const auto snapshot = Messages::in_memory(4).value();
  auto writer = snapshot.group_writer();
  auto reader = snapshot.reader();
  auto keeping = snapshot.keeping_reader();
  counting_allocations = true;
  void* volatile probe = std::malloc(1);  // the counter works
  std::free(probe);
  const int wrong = all_operations(*writer, reader, keeping, 1000);
  counting_allocations = false;
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(allocations, 1u);
}

TEST(SnapshotQuiet, DataCallsEnterTheKernelNever)
{
  if (sanitized)
    GTEST_SKIP() << "a sanitizer makes system calls of its own";
  const TempNamespace space;
  const Watchdog watchdog(60);
  constexpr int no_filter = 77;
  for (const bool forbidden_call : {false, true}) {
    Child child = Child::start([&] {
      rtlane::SnapshotOptions options;
      options.memory = small_ring().memory;
      const auto snapshot = Messages::create("quiet", 4, options);
      auto writer = snapshot->group_writer();
      auto reader = snapshot->reader();
      auto keeping = snapshot->keeping_reader();
      if (!forbid_calls())
        _exit(no_filter);
      const int wrong = all_operations(*writer, reader, keeping, 100000);
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
