// Every call that the public headers of channels and core offer has a benchmark in rtlane-micro. What is offered is
// read from the headers, so a new call without a benchmark is found here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>

#include "../hygiene/checks.hpp"
#include "../hygiene/real_tree.hpp"
#include "bench/public_calls.hpp"
#include "rt/tool.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

const Families families = {
    {"wait.hpp", {"sync", ""}},       {"tick_clock.hpp", {"clock", ""}},  {"TickClock", {"clock", ""}},
    {"SpscRing", {"spsc", "ring"}},   {"Producer", {"spsc", "producer"}}, {"Consumer", {"spsc", "consumer"}},
    {"Histogram", {"histogram", ""}}, {"ChannelRef", {"channel", ""}},    {"Role", {"role", ""}},
    {"Event", {"event", ""}},         {"Mutex", {"mutex", ""}},           {"Semaphore", {"semaphore", ""}},
    {"SyncObject", {"sync", ""}},     {"SharedMemory", {"shm", ""}},
};

const std::set<std::string> headers_of_calls = {
    "channels/histogram.hpp", "channels/participants.hpp", "channels/spsc_ring.hpp", "core/event.hpp",
    "core/mutex.hpp",         "core/semaphore.hpp",        "core/shared_memory.hpp", "core/sync_object.hpp",
    "core/tick_clock.hpp",    "core/tick_clock.hpp",       "core/wait.hpp",
};

// Headers that offer nothing to call at run time, and why.
const std::map<std::string, std::string> headers_without_calls = {
    {"channels/broadcast_core.hpp", "the inside of broadcast.hpp and of the C calls"},
    {"channels/broadcast_layout.hpp", "a layout"},
    {"channels/channel_header.hpp", "a layout"},
    {"channels/channel_object.hpp", "what the channels' templates inherit"},
    {"channels/doorbell.hpp", "the inside of ring() and of waiting calls"},
    {"channels/field_value.hpp", "for who writes elements out"},
    {"channels/frame_broadcast_core.hpp", "the inside of frame_broadcast.hpp and of the C calls"},
    {"channels/frame_broadcast_layout.hpp", "a layout"},
    {"channels/frame_poison.hpp", "for AddressSanitizer"},
    {"channels/frame_ring_core.hpp", "the inside of frame_ring.hpp and of the C calls"},
    {"channels/frame_ring_layout.hpp", "a layout"},
    {"channels/mpmc_core.hpp", "the inside of mpmc_ring.hpp and of the C calls"},
    {"channels/mpmc_entry.hpp", "the inside of mpmc_ring.hpp and of the C calls"},
    {"channels/mpmc_isolated_core.hpp", "the inside of mpmc_ring.hpp and of the C calls"},
    {"channels/mpmc_isolated_entry.hpp", "the inside of mpmc_ring.hpp and of the C calls"},
    {"channels/mpmc_isolated_layout.hpp", "a layout"},
    {"channels/mpmc_layout.hpp", "a layout"},
    {"channels/mpmc_modes.hpp", "the inside of mpmc_ring.hpp and of the C calls"},
    {"channels/observe.hpp", "for tools that look on"},
    {"channels/pinned_core.hpp", "the inside of pinned_snapshot.hpp and of the C calls"},
    {"channels/pinned_layout.hpp", "a layout"},
    {"channels/snapshot_core.hpp", "the inside of snapshot.hpp and of the C calls"},
    {"channels/snapshot_layout.hpp", "a layout"},
    {"channels/torn_copy.hpp", "the inside of snapshots and broadcasts"},
    {"channels/for_each_macro.hpp", "macros"},
    {"channels/spsc_core.hpp", "the inside of spsc_ring.hpp and of the C calls"},
    {"channels/spsc_layout.hpp", "a layout"},
    {"channels/status.hpp", "names of numbers"},
    {"channels/type_info.hpp", "works at compile time"},
    {"channels/type_table.hpp", "a layout"},
    {"core/cache_line.hpp", "a constant"},
    {"core/expected.hpp", "the type of errors"},
    {"core/object_name.hpp", "the inside of create and open"},
    {"core/shm_safe.hpp", "a concept"},
};

// Channels whose calls have no benchmark yet: their headers, and the families of their calls in C.
const std::set<std::string> headers_to_come = {
    "channels/broadcast.hpp",      "channels/frame_broadcast.hpp", "channels/frame_ring.hpp",
    "channels/idle.hpp",           "channels/mpmc_ring.hpp",       "channels/pinned_snapshot.hpp",
    "channels/snapshot_bound.hpp", "channels/snapshot.hpp",        "channels/snapshot_group.hpp",
};
const std::set<std::string> families_to_come = {"broadcast", "frame", "mpmc", "pinned", "snapshot"};

// Classes with calls of which none does anything, and why.
const std::map<std::string, std::string> classes_without_calls = {
    {"ShmOptions", "arguments"},
    {"SyncOptions", "arguments"},
    {"WaitResult", "an answer"},
};

// Calls that have no benchmark, and why.
const std::map<std::string, std::string> not_measured = {
    {"spsc/producer.capacity", "reads a member"},
    {"spsc/consumer.capacity", "reads a member"},
    {"spsc/push_until", "try_push, when it need not wait"},
    {"spsc/pop_until", "try_pop, when it need not wait"},
    {"channel/get", "reads a member"},
    {"role/channel", "reads a member"},
    {"observer/open", "for tools that look on"},
    {"observer/close", "for tools that look on"},
    {"observer/next", "for tools that look on"},
    {"observer/skip", "for tools that look on"},
    {"sync/handle", "reads a member"},
    {"sync/created", "reads a member"},
    {"sync/to_string", "names of numbers"},
    {"shm/data", "reads a member"},
    {"shm/size_bytes", "reads a member"},
    {"shm/bytes", "reads a member"},
    {"shm/handle", "reads a member"},
    {"shm/created", "reads a member"},
    {"semaphore/max", "a constant"},
    {"clock/calibrate", "sleeps for as long as it is told to"},
    {"clock/ticks_per_ns", "reads a member"},
    {"clock/frequency_hz", "reads a member"},
    {"clock/source", "a constant"},
    {"namespace/gc", "depends on what killed processes have left behind"},
    {"iwin32/RtUnmapSharedMemory", "does nothing"},
    {"channel/kind_name", "names of numbers"},
    {"channel/role_name", "names of numbers"},
    {"deadline/after", "monotonic/now_ns"},
    {"doorbell/sleep", "a system call"},
    {"doorbell/wake", "a system call"},
    {"monotonic/now_ns", "clock_gettime"},
    {"role/acquire_any", "role/acquire"},
    {"role/index", "reads a member"},
    {"spsc_c/consumer_ring", "one word, or a system call"},
    {"spsc_c/from_channel", "spsc_c/open without the channel"},
    {"spsc_c/pop_until", "try_pop, when it need not wait"},
    {"spsc_c/producer_ring", "one word, or a system call"},
    {"spsc_c/push_until", "try_push, when it need not wait"},
};

// Benchmarks of what is no single call of those headers.
const std::set<std::string> more_than_calls = {
    "spsc/stream", "spsc/round_trip", "clock/now_ns", "spsc/info", "spsc/certificate",  // inherited
};

std::string name_of(const hygiene::SourceFile& file)
{
  return file.path.substr(file.path.find("/include/rtlane/") + std::string("/include/rtlane/").size());
}

// The public headers of core and channels with that ending.
hygiene::Tree public_headers(std::string_view ending)
{
  hygiene::Tree headers;
  for (const hygiene::SourceFile& file : hygiene::real_tree()) {
    if ((file.is_in("core/include") || file.is_in("channels/include")) && file.has_extension({ending}))
      headers.push_back(file);
  }
  return headers;
}

hygiene::Tree cxx_headers()
{
  hygiene::Tree headers = public_headers(".hpp");
  std::erase_if(headers, [](const auto& file) { return headers_of_calls.count(name_of(file)) == 0; });
  return headers;
}

Calls offered()
{
  Calls calls = calls_of_cxx(cxx_headers(), families);
  calls.merge(calls_of_c(hygiene::declared_functions(public_headers(".h"))));
  std::erase_if(calls,
                [](const std::string& call) { return families_to_come.count(call.substr(0, call.find('/'))) != 0; });
  return calls;
}

// A call that an event, a mutex or a semaphore has from its base is one of sync.
std::string declared_as(const std::string& call, const Calls& all)
{
  const std::string family = call.substr(0, call.find('/'));
  const bool derived = family == "event" || family == "mutex" || family == "semaphore";
  const std::string inherited = "sync" + call.substr(family.size());
  return derived && all.count(call) == 0 && all.count(inherited) != 0 ? inherited : call;
}

Calls measured()
{
  const Outcome outcome = run_tool({"--benchmark_list_tests"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  std::istringstream lines(outcome.out);
  std::vector<std::string> names;
  for (std::string line; std::getline(lines, line);)
    names.push_back(line);
  const Calls all = offered();
  Calls calls;
  for (const std::string& call : calls_of_benchmarks(names))
    calls.insert(declared_as(call, all));
  return calls;
}

Calls without(const Calls& all, const Calls& some)
{
  Calls rest;
  std::set_difference(all.begin(), all.end(), some.begin(), some.end(), std::inserter(rest, rest.end()));
  return rest;
}

Calls keys(const std::map<std::string, std::string>& reasons)
{
  Calls all;
  for (const auto& [key, reason] : reasons)
    all.insert(key);
  return all;
}

TEST(MicroCalls, EveryCallOfThePublicHeadersHasABenchmark)
{
  const Watchdog watchdog(60);
  EXPECT_THAT(without(without(offered(), measured()), keys(not_measured)), IsEmpty())
      << "add a benchmark to bench/micro whose name has the call, or say here why there is none";
}

TEST(MicroCalls, BenchmarksNameCallsThatThereAre)
{
  const Watchdog watchdog(60);
  EXPECT_THAT(without(without(measured(), offered()), more_than_calls), IsEmpty());
}

TEST(MicroCalls, WhatIsNotMeasuredExistsAndHasNoBenchmark)
{
  const Watchdog watchdog(60);
  EXPECT_THAT(without(keys(not_measured), offered()), IsEmpty());
  EXPECT_THAT(without(keys(not_measured), without(keys(not_measured), measured())), IsEmpty());
}

TEST(MicroCalls, EveryPublicHeaderAndClassIsKnownHere)
{
  Calls headers;
  for (const hygiene::SourceFile& file : public_headers(".hpp"))
    headers.insert(name_of(file));
  EXPECT_THAT(without(without(without(headers, headers_of_calls), keys(headers_without_calls)), headers_to_come),
              IsEmpty())
      << "a new header: does it offer calls?";
  EXPECT_THAT(without(headers_of_calls, headers), IsEmpty());
  EXPECT_THAT(without(keys(headers_without_calls), headers), IsEmpty());
  EXPECT_THAT(without(headers_to_come, headers), IsEmpty());

  Calls known = keys(classes_without_calls);
  for (const auto& [name, family] : families)
    known.insert(name);
  EXPECT_EQ(classes_of(cxx_headers()), known);
}

// ---- the reader itself

TEST(MicroCalls, ReadsThePublicMembersOfAClass)
{
  const hygiene::SourceFile header("core/include/rtlane/core/a.hpp", R"h(
class Door : public Hole {
public:
  explicit Door(int width);
  Door(const Door&) = delete;
  ~Door();
  // void in_a_comment();
  [[nodiscard]] static expected<Door> create(const std::string& name, int width) { return helper(name); }
  bool open() noexcept { return knock(1); }
  template <class Rep, class Period>
  [[nodiscard]] bool open_for(const std::chrono::duration<Rep, Period>& time);
  [[nodiscard]] explicit operator bool() const;
  const char* name() const;

protected:
  void paint();

private:
  void rust();
};
)h");
  EXPECT_THAT(calls_of_cxx({header}, {{"Door", {"door", ""}}}),
              ElementsAre("door/create", "door/name", "door/open", "door/open_for"));
  EXPECT_THAT(calls_of_cxx({header}, {{"Gate", {"door", ""}}}), IsEmpty());
  EXPECT_THAT(classes_of({header}), ElementsAre("Door"));
}

TEST(MicroCalls, TellsCallsOfTheSameNameApartByTheirOwner)
{
  const hygiene::SourceFile header("core/include/rtlane/core/a.hpp", R"h(
namespace detail {
inline int hidden(int a);
}  // namespace detail

template <class T>
class alignas(64) Pipe<T>::In {
public:
  int size() const;
  bool put(const T& value);
};
struct Out {
  int size() const;
};
inline int outside(int a);
)h");
  EXPECT_THAT(calls_of_cxx({header}, {{"In", {"pipe", "in"}}, {"Out", {"pipe", "out"}}, {"a.hpp", {"free", ""}}}),
              ElementsAre("free/outside", "pipe/in.size", "pipe/out.size", "pipe/put"));
}

TEST(MicroCalls, TakesSpellingsOfOneCallTogether)
{
  EXPECT_THAT(
      calls_of_c({"RtOpenA", "RtOpenW", "OpenA", "OpenW", "RtSet", "Set", "rtlane_spsc_try_push", "rtlane_event_set",
                  "rtlane_wait_any", "rtlane_close"}),
      ElementsAre("event/set", "iwin32/RtOpen", "iwin32/RtSet", "shm/close", "spsc_c/try_push", "sync/wait_any"));
}

TEST(MicroCalls, FindsTheCallsInNamesOfBenchmarks)
{
  EXPECT_THAT(calls_of_benchmarks({"spsc/try_push,try_pop/bytes:16/same_thread", "event/set/alone", "nonsense"}),
              ElementsAre("event/set", "spsc/try_pop", "spsc/try_push"));
}

TEST(MicroCalls, TheHeadersOfferWhatEverybodyKnows)
{
  const Calls calls = offered();
  for (const char* call : {"spsc/try_push", "spsc/try_pop_n", "spsc/peek", "spsc_c/claim", "event/set", "mutex/unlock",
                           "semaphore/try_release", "sync/wait_any_for", "sync/wait", "shm/create", "lease/held",
                           "iwin32/RtWaitForSingleObject", "histogram/record", "role/acquire", "table/check"})
    EXPECT_THAT(calls, Contains(call));
}

}  // namespace
}  // namespace rtlane::test
