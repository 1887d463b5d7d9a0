#include "demo/result.hpp"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "demo/attitude.hpp"
#include "demo/margin.hpp"
#include "output.hpp"

namespace rtlane::demo {

using cli::bytes_text;
using cli::duration_text;
using cli::Json;

namespace {

// relaxed: the writers have ended, or each number is a fact of its own
template <class Number>
Number get(const std::atomic<Number>& word)
{
  return word.load(std::memory_order_relaxed);
}

const char* policy_text(std::int32_t policy)
{
  return policy == SCHED_FIFO ? "SCHED_FIFO" : policy == SCHED_RR ? "SCHED_RR" : "SCHED_OTHER";
}

std::vector<std::string> percentile_cells(const std::string& name, const Histogram& histogram)
{
  const auto at = [&](double percent) { return duration_text(histogram.percentile_ns(percent)); };
  if (histogram.count() == 0)
    return {name, "0", "-", "-", "-", "-"};
  return {name, fmt::format("{}", histogram.count()), at(50), at(99), at(99.9), duration_text(histogram.max_ns())};
}

Json percentile_json(const Histogram& histogram)
{
  return {{"count", histogram.count()},
          {"p50_ns", histogram.percentile_ns(50)},
          {"p99_ns", histogram.percentile_ns(99)},
          {"p99_9_ns", histogram.percentile_ns(99.9)},
          {"max_ns", histogram.max_ns()}};
}

Json child_json(const Result::ChildSummary& child)
{
  return {{"pid", child.pid}, {"policy", policy_text(child.policy)}, {"priority", child.priority},
          {"cpu", child.cpu}, {"page_faults", child.faults},         {"not_granted", child.note}};
}

std::string child_text(const char* name, const Result::ChildSummary& child)
{
  std::string text = fmt::format("  {:<12} process {}, {}, {} page fault{} while it ran\n", name, child.pid,
                                 scheduling_text(child), child.faults, child.faults == 1 ? "" : "s");
  for (std::string_view rest = child.note; !rest.empty();) {
    const std::size_t end = rest.find('\n');
    text += fmt::format("               {}\n", rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  return text;
}

double spin_share(const Result& result)
{
  return result.elapsed_s > 0 ? static_cast<double>(result.sensor_spin_ns) / (result.elapsed_s * 1e9) : 0.0;
}

}  // namespace

Result::ChildSummary summary_of(const ChildFacts& facts)
{
  Result::ChildSummary summary;
  if (facts.ready.load(std::memory_order_acquire) == 0)  // R2, pairs with R1
    return summary;
  summary.pid = facts.pid;
  summary.policy = facts.policy;
  summary.priority = facts.priority;
  summary.cpu = facts.cpu;
  summary.faults = get(facts.faults);
  summary.note.assign(facts.note, ::strnlen(facts.note, sizeof facts.note));
  return summary;
}

std::string scheduling_text(const Result::ChildSummary& child)
{
  std::string text = child.cpu >= 0 ? fmt::format("CPU {}, ", child.cpu) : "any CPU, ";
  text += policy_text(child.policy);
  return child.priority > 0 ? fmt::format("{} {}", text, child.priority) : text;
}

void Result::fill(const State& state, const rtlane_shm_certificate& ring_facts, bool controller_finished)
{
  const Plan& plan = state.plan;
  source = plan.source;
  imu_path = plan.imu_path;
  speed = plan.speed;
  period_ns = plan.period_ns;
  margin_limit_ns = plan.margin_limit_ns;
  ring = plan.ring;

  received = get(state.controller.received);
  lost = get(state.controller.lost);
  doubled = get(state.controller.doubled);
  torn = get(state.controller.torn);
  // A sensor killed between publishing and counting has sent one more than it counted.
  sent = std::max(get(state.sensor.sent), received + lost + torn);
  // What never came after the last one that did.
  (controller_finished ? lost : unread) += sent - received - lost - torn;

  full_waits = get(state.sensor.full_waits);
  full_wait_ns = get(state.sensor.full_wait_ns);
  ticks = get(state.controller.ticks);
  missed_ticks = get(state.controller.missed_ticks);
  sensor_missed_ticks = get(state.sensor.missed_ticks);
  sensor_spin_ns = get(state.sensor.spin_ns);
  latency = state.controller.latency.snapshot();
  tick_late = state.controller.tick_late.snapshot();
  replay_late = state.sensor.replay_late.snapshot();
  before = state.controller.before.snapshot();
  after = state.controller.after.snapshot();
  margin_ns = get(state.controller.margin_ns);
  roll_deg = get(state.controller.roll_deg);
  pitch_deg = get(state.controller.pitch_deg);
  roll_max_deg = get(state.controller.roll_max_deg);
  pitch_max_deg = get(state.controller.pitch_max_deg);

  sensor = summary_of(state.sensor);
  controller = summary_of(state.controller);
  const bool known = controller.pid != 0;
  tier = known ? state.controller.ring_tier : ring_facts.tier;
  page_bytes = known ? state.controller.ring_page_bytes : ring_facts.page_bytes;
  locked_bytes = known ? state.controller.ring_locked_bytes : ring_facts.locked_bytes;
  mapped_bytes = ring_facts.mapped_bytes;
  page_reason = ring_facts.page_reason;
  page_fix = ring_facts.page_fix;
  lock_reason = ring_facts.lock_reason;
  lock_fix = ring_facts.lock_fix;
}

std::string result_text(const Result& result)
{
  std::string text;
  const double rate_hz = result.period_ns > 0 ? 1e9 / static_cast<double>(result.period_ns) : 0.0;
  const bool whole = result.lost == 0 && result.torn == 0 && result.doubled == 0;
  text += fmt::format("\n{} after {:.1f} s{}\n", result.outcome, result.elapsed_s,
                      whole ? "" : ": BUT SAMPLES WERE LOST, TORN OR DOUBLED");
  text += result.source == Source::imu
              ? fmt::format("  source       {} at speed {:g}\n", cli::printable(result.imu_path), result.speed)
              : fmt::format("  source       host: the sensor's own wake-ups, {:g} Hz\n", rate_hz);
  text += fmt::format("  samples      sent {}, received {}, lost {}, torn {}, doubled {}{}\n", result.sent,
                      result.received, result.lost, result.torn, result.doubled,
                      result.unread > 0 ? fmt::format(", {} not used by the controller that died", result.unread) : "");
  text += fmt::format("  ticks        {} at {:g} Hz, missed {}\n", result.ticks, rate_hz, result.missed_ticks);
  if (result.full_waits > 0)
    text += fmt::format("  full ring    {} samples waited for room, {} in all; none was dropped\n", result.full_waits,
                        duration_text(result.full_wait_ns));
  if (result.sensor_missed_ticks > 0)
    text += fmt::format("  sensor       slept through {} of its own ticks\n", result.sensor_missed_ticks);

  std::vector<std::vector<std::string>> rows = {{"", "COUNT", "P50", "P99", "P99.9", "MAX"},
                                                percentile_cells("  latency (published to used)", result.latency),
                                                percentile_cells("  tick begins late by", result.tick_late)};
  if (result.source == Source::imu) {
    rows.push_back(percentile_cells("  replay late by", result.replay_late));
  } else {
    rows.push_back(percentile_cells("  sensor late, before (margin 0)", result.before));
    rows.push_back(percentile_cells(
        fmt::format("  sensor late, after (margin {})", duration_text(static_cast<std::uint64_t>(result.margin_ns))),
        result.after));
  }
  text += "\n" + cli::table_text(rows) + "\n";

  if (result.source == Source::imu)
    text += fmt::format(
        "  attitude     final roll {:.2f} deg, pitch {:.2f} deg; largest roll {:.2f} deg, pitch {:.2f} deg\n",
        result.roll_deg, result.pitch_deg, result.roll_max_deg, result.pitch_max_deg);
  else if (result.after.count() > 0)
    text += fmt::format("  loop         median error {} -> {}, p99 {} -> {}, for {:.1f} % of a CPU spent polling\n",
                        duration_text(result.before.percentile_ns(50)), duration_text(result.after.percentile_ns(50)),
                        duration_text(result.before.percentile_ns(99)), duration_text(result.after.percentile_ns(99)),
                        100.0 * spin_share(result));
  else
    text += "  loop         the run was too short to judge it\n";
  text += fmt::format("  memory       {} in pages of {} ({}), {} locked\n", bytes_text(result.mapped_bytes),
                      bytes_text(result.page_bytes), cli::tier_text(result.tier), bytes_text(result.locked_bytes));
  if (!result.page_reason.empty())
    text += fmt::format("               pages: {}{}{}\n", cli::printable(result.page_reason),
                        result.page_fix.empty() ? "" : "; to fix it: ", cli::printable(result.page_fix));
  if (!result.lock_reason.empty())
    text += fmt::format("               lock: {}{}{}\n", cli::printable(result.lock_reason),
                        result.lock_fix.empty() ? "" : "; to fix it: ", cli::printable(result.lock_fix));
  if (result.sensor.pid != 0)
    text += child_text("sensor", result.sensor);
  if (result.controller.pid != 0)
    text += child_text("controller", result.controller);
  return text;
}

Json result_json(const Result& result)
{
  Json json;
  json["schema"] = "rtlane.demo/1";
  json["source"] = result.source == Source::imu ? "imu" : "host";
  if (result.source == Source::imu) {
    json["file"] = result.imu_path;
    json["speed"] = result.speed;
  }
  json["outcome"] = result.outcome;
  json["status"] = result.status;
  json["elapsed_s"] = result.elapsed_s;
  json["rate_hz"] = result.period_ns > 0 ? 1e9 / static_cast<double>(result.period_ns) : 0.0;
  json["sent"] = result.sent;
  json["received"] = result.received;
  json["lost"] = result.lost;
  json["torn"] = result.torn;
  json["doubled"] = result.doubled;
  json["unread"] = result.unread;
  json["ticks"] = result.ticks;
  json["missed_ticks"] = result.missed_ticks;
  json["full_waits"] = result.full_waits;
  json["full_wait_ns"] = result.full_wait_ns;
  json["latency"] = percentile_json(result.latency);
  json["tick_late"] = percentile_json(result.tick_late);
  json["ring"] = result.ring;
  json["capacity"] = result.capacity;
  json["page_size"] = result.page_bytes;
  json["tier"] = cli::tier_text(result.tier);
  json["mapped_bytes"] = result.mapped_bytes;
  json["locked_bytes"] = result.locked_bytes;
  json["page_reason"] = result.page_reason;
  json["page_fix"] = result.page_fix;
  json["lock_reason"] = result.lock_reason;
  json["lock_fix"] = result.lock_fix;
  json["sensor"] = child_json(result.sensor);
  json["sensor"]["missed_ticks"] = result.sensor_missed_ticks;
  json["controller"] = child_json(result.controller);
  if (result.source == Source::imu) {
    json["replay_late"] = percentile_json(result.replay_late);
    json["attitude"] = {{"filter", "explicit complementary filter with bias (Mahony, Hamel, Pflimlin 2008)"},
                        {"kp", AttitudeFilter::kp},
                        {"ki", AttitudeFilter::ki},
                        {"roll_deg", result.roll_deg},
                        {"pitch_deg", result.pitch_deg},
                        {"roll_max_deg", result.roll_max_deg},
                        {"pitch_max_deg", result.pitch_max_deg}};
  } else {
    json["loop"] = {{"quantile", MarginController::quantile},    {"margin_ns", result.margin_ns},
                    {"margin_limit_ns", result.margin_limit_ns}, {"spin_share", spin_share(result)},
                    {"before", percentile_json(result.before)},  {"after", percentile_json(result.after)}};
  }
  return json;
}

}  // namespace rtlane::demo
