// What a demo ends with: the table and the JSON document.
#pragma once

#include <rtlane/core/shm.h>
#include <rtlane/channels/histogram.hpp>

#include <cstdint>
#include <string>

#include "demo/state.hpp"
#include "report.hpp"

namespace rtlane::demo {

// A copy of everything, so that it can be shown when the objects are gone.
struct Result {
  // How it ended: "complete", "interrupted", or a sentence about who died.
  std::string outcome;
  int status = 0;
  bool started = false;  // false: there are no figures

  Source source = Source::host;
  std::string imu_path;
  double speed = 1.0;
  std::int64_t period_ns = 0;
  std::int64_t margin_limit_ns = 0;
  double elapsed_s = 0.0;

  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  std::uint64_t lost = 0;
  std::uint64_t doubled = 0;
  std::uint64_t torn = 0;
  std::uint64_t unread = 0;  // sent, but not used by the controller when it died
  std::uint64_t full_waits = 0;
  std::uint64_t full_wait_ns = 0;
  std::uint64_t ticks = 0;
  std::uint64_t missed_ticks = 0;
  std::uint64_t sensor_missed_ticks = 0;
  std::uint64_t sensor_spin_ns = 0;
  Histogram latency;
  Histogram tick_late;
  Histogram replay_late;

  std::string ring;
  std::uint64_t capacity = 0;
  std::uint32_t tier = 0;  // of the ring, in the controller, as the next two
  std::uint64_t page_bytes = 0;
  std::uint64_t locked_bytes = 0;
  std::uint64_t mapped_bytes = 0;
  std::string page_reason;
  std::string page_fix;
  std::string lock_reason;
  std::string lock_fix;

  struct ChildSummary {
    std::int32_t pid = 0;
    std::int32_t policy = 0;
    std::int32_t priority = 0;
    std::int32_t cpu = -1;
    std::uint64_t faults = 0;
    std::string note;
  } sensor, controller;

  double roll_deg = 0.0;
  double pitch_deg = 0.0;
  double roll_max_deg = 0.0;
  double pitch_max_deg = 0.0;

  std::int64_t margin_ns = 0;
  Histogram before;
  Histogram after;

  // Takes the figures over. controller_finished: it has taken all it will ever take.
  void fill(const State& state, const rtlane_shm_certificate& ring_facts, bool controller_finished);
};

Result::ChildSummary summary_of(const ChildFacts& facts);

// "CPU 1, SCHED_FIFO 80"
std::string scheduling_text(const Result::ChildSummary& child);

std::string result_text(const Result& result);
cli::Json result_json(const Result& result);

}  // namespace rtlane::demo
