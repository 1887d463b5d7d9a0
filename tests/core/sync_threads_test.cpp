// Plain data handed between threads of one process: right here, and clean under ThreadSanitizer.
// sync_race_control.cpp shows that it would see an order that is missing.
#include "core/sync_threads.hpp"

#include "support/temp_namespace.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

class SyncThreads : public ::testing::Test {
protected:
  Watchdog watchdog_{100};
  TempNamespace space_;
};

TEST_F(SyncThreads, AutoResetEventsThereAndBack)
{
  event_ping_pong();
}

TEST_F(SyncThreads, ManualResetEvents)
{
  manual_events();
}

TEST_F(SyncThreads, ASemaphoreOfOneUnit)
{
  semaphore_guard();
}

TEST_F(SyncThreads, AMutexAloneAndAmongSeveral)
{
  mutex_guard();
}

}  // namespace
}  // namespace rtlane::test
