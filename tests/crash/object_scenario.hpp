// What a process may be doing to an object when it is killed, who else is there, and what must hold afterwards.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <ios>

#include "crash/object_places.hpp"
#include "support/child.hpp"
#include "support/shared_page.hpp"
#include "support/shm.hpp"

namespace rtlane::test {

inline constexpr char kName[] = "object";
inline constexpr uint32_t kStamp = 0x52744c6e;

struct Scenario {
  const char* name;
  bool held;              // another process made the object and holds it
  bool orphan;            // the object's only process was killed
  bool hidden_when_done;  // afterwards nobody but the observer has it
  std::function<void(const TierPlace&)> prepare;
  std::function<void(const TierPlace&)> operation;
};

// Handles that outlive the operation.
inline Shm kept;

inline void stamp(const Shm& object)
{
  *object.as<uint32_t>() = kStamp;
}

inline const Scenario kScenarios[] = {
    {"create", false, false, false, [](const TierPlace&) {},
     [](const TierPlace& place) { kept = place.create(kName); }},
    {"create over an orphan", false, true, false, [](const TierPlace&) {},
     [](const TierPlace& place) { kept = place.create(kName); }},
    {"create what exists", true, false, false, [](const TierPlace&) {},
     [](const TierPlace& place) { kept = place.create(kName); }},
    {"open", true, false, false, [](const TierPlace&) {}, [](const TierPlace&) { kept = Shm::open(kName); }},
    {"open read-only", true, false, false, [](const TierPlace&) {},
     [](const TierPlace&) {
       const rtlane_shm_options options = read_only();
       kept = Shm::open(kName, &options);
     }},
    {"open an orphan", false, true, true, [](const TierPlace&) {}, [](const TierPlace&) { kept = Shm::open(kName); }},
    {"close one of two", true, false, false, [](const TierPlace&) { kept = Shm::open(kName); },
     [](const TierPlace&) { kept.close(); }},
    {"close the last", false, false, true,
     [](const TierPlace& place) {
       kept = place.create(kName);
       stamp(kept);
     },
     [](const TierPlace&) { kept.close(); }},
    {"exit as the last", false, false, true,
     [](const TierPlace& place) {
       kept = place.create(kName);
       stamp(kept);
       kept.leak();
     },
     [](const TierPlace&) { std::exit(0); }},
    {"gc of an orphan", false, true, true, [](const TierPlace&) {},
     [](const TierPlace&) { rtlane_gc(nullptr, nullptr); }},
    {"gc beside a live object", true, false, false, [](const TierPlace&) {},
     [](const TierPlace&) { rtlane_gc(nullptr, nullptr); }},
};

// Somebody who has the object and does as told.
struct Signals {
  std::atomic<int> ready{0};
  std::atomic<int> release{0};
  std::atomic<int> result{-1000};
};

inline Child start_holder(const TierPlace& place, Signals& signals)
{
  return Child::start([&] {
    place.enter();
    Shm object = place.create(kName);
    EXPECT_EQ(object.result, 0) << rtlane_error_message();
    if (object.result != 0)
      return;
    stamp(object);
    signals.ready = 1;
    EXPECT_TRUE(eventually([&] { return signals.release == 1; }));
    EXPECT_EQ(*object.as<uint32_t>(), kStamp);
    EXPECT_EQ(object.certificate().unlinked, 0u) << "a live object was removed";
    EXPECT_EQ(object.close(), 0) << rtlane_error_message();
  });
}

// Opens the name while the other one is stopped; keeps what it gets until told.
inline Child start_observer(const TierPlace& place, Signals& signals)
{
  return Child::start([&] {
    Shm object = Shm::open(kName);
    signals.result = object.result;
    signals.ready = 1;
    if (object.result != 0) {
      EXPECT_EQ(object.result, -ENOENT) << rtlane_error_message();
      return;
    }
    const rtlane_shm_certificate certificate = object.certificate();
    EXPECT_EQ(certificate.size_bytes, place.bytes()) << "a half-made object was opened";
    const uint32_t first = *object.as<uint32_t>();
    EXPECT_TRUE(first == 0 || first == kStamp) << std::hex << first;
    EXPECT_TRUE(all_zero(object.memory + 4, place.bytes() - 4));
    EXPECT_TRUE(eventually([&] { return signals.release == 1; }));
    EXPECT_EQ(object.certificate().unlinked, 0u) << "a live object was removed";
    EXPECT_EQ(*object.as<uint32_t>(), first);
    EXPECT_EQ(object.close(), 0) << rtlane_error_message();
  });
}

// Each in a process that has made no call yet.
inline int run_in_child(const std::function<void()>& body)
{
  return Child::start(body).wait();
}

inline void make_orphan(const TierPlace& place)
{
  Child child = Child::start([&] {
    Shm object = place.create(kName);
    if (object.result != 0)
      return 1;
    stamp(object);
    object.leak();
    raise(SIGKILL);
    return 0;
  });
  ASSERT_EQ(child.wait(), -SIGKILL);
}

inline void clean_up_somehow(const TierPlace& place, unsigned way)
{
  switch (way % 4) {
    case 0:
      EXPECT_EQ(run_in_child([] { EXPECT_GE(rtlane_gc(nullptr, nullptr), 0) << rtlane_error_message(); }), 0);
      break;
    case 1:
      EXPECT_EQ(run_in_child([&] {
                  const Shm other = Shm::create("another", 4096);
                  EXPECT_EQ(other.result, 0) << rtlane_error_message();
                  EXPECT_EQ(object_files(place.path()).size(), 1u) << "the new object only";
                }),
                0);
      break;
    case 2:
      EXPECT_EQ(run_in_child([&] {
                  const Shm again = place.create(kName);
                  EXPECT_EQ(again.result, 0) << "the name is not usable: " << rtlane_error_message();
                  if (again.result == 0) {
                    EXPECT_TRUE(all_zero(again.memory, place.bytes())) << "old content";
                  }
                }),
                0);
      break;
    default:
      EXPECT_EQ(run_in_child([] { EXPECT_EQ(Shm::open("no such object").result, -ENOENT); }), 0);
  }
}

}  // namespace rtlane::test
