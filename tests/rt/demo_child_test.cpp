// One child of a demo alone, with the test in the monitor's place.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rtlane/core/lease.h>
#include <rtlane/channels/spsc_ring.hpp>

#include <new>

#include "demo.hpp"
#include "demo/samples.hpp"

namespace rtlane::test {
namespace {

using demo::HostSample;
using demo::Part;

TEST(DemoChild, ThatIsEndedBeforeTheStartReportsNoPageFaults)
{
  Watchdog watchdog(60);
  TempNamespace space;
  auto memory = SharedMemory::create("test.state", sizeof(demo::State));
  ASSERT_TRUE(memory) << memory.error().message;
  auto& state = *new (memory->data()) demo::State();
  state.plan.magic = demo::plan_magic;
  state.plan.sensor_cpu = state.plan.controller_cpu = -1;
  state.plan.monitor_pid = getpid();
  state.plan.period_ns = 1'000'000;
  std::string("test").copy(state.plan.ring, sizeof state.plan.ring - 1);
  auto ring = SpscRing<HostSample>::create("test", 64);
  ASSERT_TRUE(ring) << ring.error().message;
  rtlane_lease lease{};
  ASSERT_EQ(rtlane_lease_acquire(memory->handle(), static_cast<std::uint32_t>(Part::monitor), &lease), 0);

  Tool sensor = Tool::start({"demo-sensor", "test.state"});
  ASSERT_TRUE(eventually([&] { return state.sensor.ready.load() == 1; })) << sensor.err();
  demo::ask_stop(state, demo::Stop::asked);
  EXPECT_EQ(sensor.wait().status, 0) << sensor.err();
  EXPECT_EQ(state.sensor.finished.load(), 1u);
  EXPECT_EQ(state.sensor.sent.load(), 0u);
  EXPECT_EQ(state.sensor.faults.load(), 0u);
  rtlane_lease_release(&lease);
}

}  // namespace
}  // namespace rtlane::test
