// Would ThreadSanitizer see an order that is missing? This program has its own copy of the events and semaphores, in
// which the orders are relaxed when it is built with RTLANE_TEST_RELAXED; the rest is the library's.
//
//   core_sync_race_relaxed auto_event|manual_event|semaphore      must be reported
//   core_sync_race_ordered auto_event|manual_event|semaphore      must not
#include "core/sync_threads.hpp"

#include <rtlane/core/namespace.h>

#include <algorithm>
#include <bit>
#include <cstdio>
#include <string_view>

#include "support/temp_namespace.hpp"

#ifdef RTLANE_TEST_RELAXED
#define memory_order_release memory_order_relaxed
#define memory_order_acquire memory_order_relaxed
#define memory_order_acq_rel memory_order_relaxed
#endif
#include "../../core/src/event_state.cpp"
#include "../../core/src/semaphore_state.cpp"

int main(int argc, char** argv)
{
  ::testing::InitGoogleTest(&argc, argv);
  const rtlane::test::TempNamespace space;
  const std::string_view way = argc == 2 ? argv[1] : "";
  if (way == "auto_event") {
    rtlane::test::event_ping_pong();
  } else if (way == "manual_event") {
    rtlane::test::manual_events();
  } else if (way == "semaphore") {
    rtlane::test::semaphore_guard();
  } else {
    std::fputs("which one? auto_event, manual_event or semaphore\n", stderr);
    return 2;
  }
  return 0;
}
