#include "run_options.hpp"

#include <rtlane/rt/memory_lock.hpp>
#include <rtlane/rt/thread.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <iterator>
#include <set>

#include "../channels/channels.hpp"
#include "../peers/peers.hpp"
#include "../support/environment.hpp"
#include "../support/process.hpp"
#include "../support/statistics.hpp"
#include "../support/tick_offset.hpp"
#include "options.hpp"

namespace rtlane::bench {
namespace {

using cli::Json;

constexpr int orderer_above = 10;
constexpr double tick_offset_max_ns = 200;
constexpr double floor_bin_ns = 250;

std::vector<std::string> channel_names()
{
  std::vector<std::string> names;
  for (const Candidate& candidate : all_channels()) {
    const std::string name(candidate.info.name.substr(candidate.info.name.find('/') + 1));
    if (std::find(names.begin(), names.end(), name) == names.end())
      names.push_back(name);
  }
  return names;
}

}  // namespace

void RunOptions::add_choice_to(cli::Command& command)
{
  command
      .option(
          "--channel", channels,
          "Channels of rtlane, of " + fmt::format("{}", fmt::join(channel_names(), ", ")) + ", or none (default: all)")
      .separated_by_commas();
  std::vector<std::string> sizes;
  std::transform(message_sizes.begin(), message_sizes.end(), std::back_inserter(sizes),
                 [](std::size_t size) { return std::to_string(size); });
  command.option("--bytes", bytes, "Message sizes, of " + fmt::format("{}", fmt::join(message_sizes, ", ")))
      .shows_default()
      .separated_by_commas()
      .check(whole_number)
      .one_of(sizes);
  command
      .option("--peers", peers,
              "none, in-process (queues of one process), all, or names as boost/spsc_queue,linux/pipe")
      .shows_default();
  add_cpu_options(command, cpus, "far");
  command.flag("--threads", threads, "Two threads of one process instead of two processes");
}

void RunOptions::add_to(cli::Command& command)
{
  add_choice_to(command);
  command
      .option("--priority", priority, "SCHED_FIFO priority of both sides where permitted; 0 = leave the policy alone")
      .shows_default()
      .in_range(0, 80);
  command.option("--rounds", plan.rounds, "Rounds: each candidate once in each").shows_default().in_range(1, 1'000'000);
  command.option("--launches", launches, "How often all workers are started anew, with all rounds; compare wants 5")
      .shows_default()
      .in_range(1, 1000);
  command.option("--segment-ms", plan.segment_ms, "Length of a candidate's segment").shows_default().in_range(1, 100);
  command.option("--threshold-ns", threshold_ns, "A side that does not get on for so long has a stall")
      .shows_default()
      .in_range(300, 1'000'000);
  command.option("--seed", plan.seed, "Of the order of the candidates in each round, and of other random choices")
      .shows_default()
      .check(whole_number);
}

std::optional<int> RunOptions::settle(const cli::Command& command)
{
  const std::vector<std::string> known = channel_names();
  for (const std::string& channel : channels) {
    if (channel != "none" && std::find(known.begin(), known.end(), channel) == known.end())
      return command.fail(fmt::format("--channel: there is no '{}', only {} and none", channel, fmt::join(known, ", ")),
                          cli::usage);
  }
  if (peers != "none" && peers != "in-process" && peers != "all") {
    const Candidates all = all_peers();
    for (const std::string& name : cli::split(peers)) {
      if (std::none_of(all.begin(), all.end(), [&](const Candidate& peer) { return peer.info.name == name; })) {
        std::set<std::string_view> names;
        for (const Candidate& peer : all)
          names.insert(peer.info.name);
        return command.fail(
            fmt::format("--peers: there is no '{}', only none, in-process, all, and {}", name, fmt::join(names, ", ")),
            cli::usage);
      }
    }
  }
  // Each size once, in the order of the command line: a result is found by its size.
  std::set<std::size_t> seen;
  bytes.erase(std::remove_if(bytes.begin(), bytes.end(), [&](std::size_t size) { return !seen.insert(size).second; }),
              bytes.end());
  return choose_cpus(command, cpus, "both sides poll");
}

std::optional<int> RunOptions::check_rate(const cli::Command& command, double rate_hz) const
{
  const double least = 1000.0 / static_cast<double>(plan.segment_ms);
  if (std::isfinite(rate_hz) && rate_hz >= least)
    return std::nullopt;
  return command.fail(fmt::format("--rate {}: not one message is due in a segment of {} ms; take {} or more", rate_hz,
                                  plan.segment_ms, std::ceil(least)),
                      cli::usage);
}

template <class Table>
Table RunOptions::chosen(std::size_t message_bytes, const Table& of_ours, const Table& of_peers) const
{
  Table all;
  for (const auto& candidate : of_ours) {
    const std::string_view name = candidate.info.name.substr(candidate.info.name.find('/') + 1);
    if (candidate.bytes == message_bytes &&
        (channels.empty() || std::find(channels.begin(), channels.end(), name) != channels.end()))
      all.push_back(candidate);
  }
  const std::vector<std::string> names = cli::split(peers);
  for (const auto& peer : of_peers) {
    if (peer.bytes == message_bytes &&
        (peers == "all" || (peers == "in-process" && peer.info.reach == Reach::threads) ||
         std::find(names.begin(), names.end(), peer.info.name) != names.end()))
      all.push_back(peer);
  }
  return all;
}

Candidates RunOptions::candidates(std::size_t message_bytes) const
{
  return chosen(message_bytes, all_channels(), all_peers());
}

AnyLinks RunOptions::links(std::size_t message_bytes) const
{
  return chosen(message_bytes, all_channel_links(), all_peer_links());
}

RunPlace::RunPlace(const RunOptions& options)
    : placement{options.cpus, options.priority, options.threads, TickClock::calibrate(), options.threshold_ns}
{
  adopt_orphans();
  std::vector<std::string> refused;
  if (placement.fifo_priority != 0) {
    sched_param parameter{};
    parameter.sched_priority = placement.fifo_priority + orderer_above;
    // Workers start as ordinary threads: what a peer starts in them before they pin themselves must not starve others.
    if (::sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &parameter) != 0) {
      refused.push_back(rt::detail::why_no_fifo(errno, parameter.sched_priority));
      placement.fifo_priority = 0;
    }
  }
  const TickOffset offset = measure_tick_offset(options.cpus.near, options.cpus.far, placement.clock);
  ticks_agree_ =
      TickClock::is_invariant() && offset.low_ns >= -tick_offset_max_ns && offset.high_ns <= tick_offset_max_ns;
  if (offset.low_ns > tick_offset_max_ns || offset.high_ns < -tick_offset_max_ns)
    refused.push_back(
        fmt::format("the tick counters of CPUs {} and {} differ by {:.0f} to {:.0f} ns: one-way times and causes are "
                    "not to be trusted",
                    options.cpus.near, options.cpus.far, offset.low_ns, offset.high_ns));
  // The workers lock theirs as well; what they may is what this process may.
  const rt::MemoryLockGrant memory = rt::lock_memory(worker_memory());
  refused.insert(refused.end(), memory.refused.begin(), memory.refused.end());
  environment = environment_json();
  environment["cpus"] = {options.cpus.near, options.cpus.far};
  environment["topology"] = topology_of(options.cpus.near, options.cpus.far);
  environment["policy"] =
      placement.fifo_priority == 0 ? "SCHED_OTHER" : fmt::format("SCHED_FIFO {}", placement.fifo_priority);
  environment["memory_locked"] = memory.refused.empty();
  environment["refused"] = refused;
  environment["tick"] = tick_json(placement.clock);
  environment["tick"]["offset_ns"] = {offset.low_ns, offset.high_ns};
}

Json new_document(const char* command, std::uint64_t seed, const RunPlace& place)
{
  return {{"schema", "rtlane.bench/1"}, {"command", command},    {"seed", seed},
          {"started", utc_now()},       {"duration_s", nullptr}, {"environment", place.environment}};
}

namespace {

template <class Entry>
Json result_of(const Entry& entry, const RunPlace& place, const char* mode)
{
  Json result = {{"name", entry.info.name},
                 {"kind", entry.info.kind},
                 {"bytes", entry.bytes},
                 {"topology", place.environment["topology"]},
                 {"mode", mode},
                 {"in_process", entry.info.reach == Reach::threads || place.placement.threads},
                 {"blocks", entry.info.blocks}};
  if (entry.make == nullptr)
    result["skipped"] =
        fmt::format("{0} was not there when rtlane-bench was built: apt-get install {0}", entry.info.package);
  return result;
}

}  // namespace

Json new_result(const Candidate& candidate, const RunPlace& place, const char* mode)
{
  return result_of(candidate, place, mode);
}

Json new_result(const AnyLinkMaker& link, const RunPlace& place, const char* mode)
{
  return result_of(link, place, mode);
}

void FloorRatios::add(double ratio, double floor_ns)
{
  all_.push_back(ratio);
  (floor_ns < floor_bin_ns ? below_ : from_).push_back(ratio);
}

Json FloorRatios::json() const
{
  const auto bin = [](const std::vector<double>& ratios) -> Json {
    return {{"median", ratios.empty() ? Json(nullptr) : Json(quantile(ratios, 0.5))}, {"rounds", ratios.size()}};
  };
  Json json = all_.empty() ? Json{{"median", nullptr}, {"p10", nullptr}, {"p90", nullptr}} : spread(all_);
  json["below_250ns"] = bin(below_);
  json["from_250ns"] = bin(from_);
  return json;
}

Json FloorRecord::json() const
{
  const auto below = std::count_if(rounds_ns.begin(), rounds_ns.end(), [](double ns) { return ns < floor_bin_ns; });
  return {{"rounds", rounds_ns.size()},
          {"dropped_rounds", dropped},
          {"rtt_ns",
           {{"p10", quantile(rounds_ns, 0.1)}, {"p50", quantile(rounds_ns, 0.5)}, {"p90", quantile(rounds_ns, 0.9)}}},
          {"below_250ns", {{"rounds", below}}},
          {"from_250ns", {{"rounds", static_cast<std::ptrdiff_t>(rounds_ns.size()) - below}}}};
}

void for_each_launch(const Candidates& candidates, const RunOptions& options, const RunPlace& place,
                     const std::string& what, std::vector<Json>& results, FloorRecord& floor,
                     const std::function<void(Rounds&, const std::string&)>& run)
{
  if (candidates.empty())
    return;
  for (Json& result : results) {
    if (!result.contains("skipped"))
      result["dropped_rounds"] = 0;
  }
  for (unsigned launch = 1; launch <= options.launches; ++launch) {
    Rounds rounds(candidates, place.placement, options.plan);
    run(rounds, options.launches == 1 ? what : fmt::format("{}, launch {} of {}", what, launch, options.launches));
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      if (!rounds.has_pair(i))
        continue;
      if (rounds.pair(i).failed() && !results[i].contains("failed"))
        results[i]["failed"] = rounds.pair(i).failure();
      results[i]["dropped_rounds"] = results[i]["dropped_rounds"].get<unsigned>() + rounds.dropped(i);
      floor.dropped += rounds.dropped(i);
    }
    floor.rounds_ns.insert(floor.rounds_ns.end(), rounds.floors_ns().begin(), rounds.floors_ns().end());
  }
}

bool any_failed(const Json& document)
{
  const Json& results = document["results"];
  return std::any_of(results.begin(), results.end(), [](const Json& one) {
    const bool ours = one["name"].get<std::string>().starts_with("rtlane/");
    return one.contains("failed") && (ours || one["mode"] != "kill");
  });
}

}  // namespace rtlane::bench
