// What a reader wants in ten seconds: the worst case, whose fault it was, and how we compare.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "blocks.hpp"
#include "chart.hpp"
#include "figures.hpp"
#include "sections.hpp"

namespace rtlane::bench::report {
namespace {

const char* verdict_of(Cause cause)
{
  switch (cause) {
    case Cause::clean:
      return "the channel's own: nobody took time from either side";
    case Cause::host:
      return "the host's, not the channel's: nothing in the guest explains the gap";
    case Cause::interrupt:
      return "an interrupt's, not the channel's";
    case Cause::preempted:
      return "not the channel's: another thread had the CPU";
    case Cause::stopped:
      return "not the channel's: the thread was stopped or slept";
    case Cause::fault:
      return "a page fault's";
    case Cause::observer:
      return "the benchmark's own: it read counters";
    case Cause::inside:
      return "the channel's until proven otherwise: nothing explains most of it";
  }
  return "";
}

struct Worst {
  const Result* result = nullptr;
  double ns = 0.0;
  const WorstSample* sample = nullptr;  // if the document tells about it
};

Worst worst_of(const Results& results)
{
  Worst worst;
  for (const Result* result : results) {
    const auto& latency = result->latency();
    double ns = latency ? latency->max.value_or(0.0) : 0.0;
    const WorstSample* sample = result->worst.empty() ? nullptr : &result->worst.front();
    if (sample != nullptr)
      ns = std::max(ns, sample->ns);
    if (ns > worst.ns)
      worst = {result, ns, sample};
  }
  return worst;
}

// The largest of a figure of the attribution.
Figure most_of(const Results& results, Figure Attribution::*figure)
{
  Figure most;
  for (const Result* result : results) {
    if (result->attributed && (*result->attributed).*figure)
      most = std::max(most.value_or(0.0), *((*result->attributed).*figure));
  }
  return most;
}

bool overlap(const Spread& a, const Spread& b)
{
  return a.p10 && a.p90 && b.p10 && b.p90 && *a.p10 <= *b.p90 && *b.p10 <= *a.p90;
}

// "lowest of all peers: boost/spsc_queue 1.08×"
Markup comparison_line(const char* what, const Result& ours, const Result& peer)
{
  const bool close = overlap(ours.ratio->spread, peer.ratio->spread);
  return element("li", text(std::string(what) + ": ") + element("b", peer.name) +
                           text(" " + times(peer.ratio->spread.median) + (close ? " (the spreads overlap)" : "")) +
                           badges(peer));
}

Markup comparison(const Run& run, const Result& ours)
{
  Results rivals = select(run, [&](const Result& other) {
    return other.mode == ours.mode && other.bytes == ours.bytes && std::isfinite(ratio_of(other));
  });
  sort_by_ratio(rivals);
  const auto place = std::find(rivals.begin(), rivals.end(), &ours) - rivals.begin();
  std::erase_if(rivals, [](const Result* rival) { return rival->ours(); });
  if (rivals.empty())
    return paragraph("No peer was measured beside it.");
  const auto lowest = [&](const std::function<bool(const Result&)>& wanted) -> const Result* {
    const auto found = std::find_if(rivals.begin(), rivals.end(), [&](const Result* rival) { return wanted(*rival); });
    return found == rivals.end() ? nullptr : *found;
  };
  const Result* all = rivals.front();
  const Result* processes = lowest([](const Result& rival) { return !rival.in_process; });
  const Result* same_kind = lowest([&](const Result& rival) { return rival.kind == ours.kind; });
  Markup lines = comparison_line("lowest peer", ours, *all);
  if (processes != nullptr && processes != all)
    lines += comparison_line("lowest between processes", ours, *processes);
  if (same_kind != nullptr && same_kind != all && same_kind != processes)
    lines += comparison_line(("lowest " + ours.kind).c_str(), ours, *same_kind);
  return element("p", {{"class", "rank"}},
                 text(fmt::format("Place {} of {} at this size.", place + 1,
                                  select(run,
                                         [&](const Result& other) {
                                           return other.mode == ours.mode && other.bytes == ours.bytes &&
                                                  std::isfinite(ratio_of(other));
                                         })
                                      .size()))) +
         element("ul", lines);
}

Markup worst_block(const Worst& worst, const Results& results)
{
  if (worst.result == nullptr)
    return missing("No maximum was measured.");
  const Figure clean = most_of(results, &Attribution::clean_max_ns);
  const Figure channel = most_of(results, &Attribution::channel_max_ns);
  Markup block = element("p", {{"class", "label"}}, text("worst case"));
  Markup figure = element("span", {{"class", "big"}}, text(duration(worst.ns)));
  if (worst.sample != nullptr)
    figure += text(" ") + cause_chip(worst.sample->cause);
  block += element("p", {{"class", "figure"}}, figure);
  if (worst.sample != nullptr) {
    block += element("p", {{"class", "verdict"}}, text(verdict_of(worst.sample->cause)));
    if (!worst.sample->sentence.empty())
      block += element("p", {{"class", "sentence"}}, text(worst.sample->sentence));
  } else {
    block += note("The document does not say what took that time.");
  }
  if (channel)
    block += paragraph("At most the channel's, of any sample: " + duration(channel) + ".");
  // Documents from before there was a channel maximum left out every sample that was held up.
  if (clean)
    block += paragraph((channel ? "Without all time in which a side was held up, the largest: "
                                : "Of the samples that nobody took time from, the largest: ") +
                       duration(clean) + ".");
  return block;
}

Markup card(const Run& run, const Results& results)
{
  Results sized = results;
  std::stable_sort(sized.begin(), sized.end(),
                   [](const Result* a, const Result* b) { return a->bytes.value_or(0) < b->bytes.value_or(0); });
  const auto first =
      std::find_if(sized.begin(), sized.end(), [](const Result* r) { return std::isfinite(ratio_of(*r)); });
  Markup content = element("h3", results.front()->name);
  if (first == sized.end()) {
    content += missing("No ratio to the floor was measured.");
  } else {
    const Result& result = **first;
    const Ratio& ratio = *result.ratio;
    content += element("p", {{"class", "label"}}, text("round trip, " + size(result.bytes)));
    content += element("p", {{"class", "figure"}},
                       element("span", {{"class", "big"}}, text(times(ratio.spread.median))) +
                           text(" the floor; rounds p10 to p90: " + range(ratio.spread.p10, ratio.spread.p90)));
    std::string others;
    for (const Result* other : sized) {
      if (other != &result && std::isfinite(ratio_of(*other)))
        others +=
            fmt::format("{}{} {}", others.empty() ? "" : ", ", size(other->bytes), times(other->ratio->spread.median));
    }
    if (!others.empty())
      content += note(others);
  }
  content += worst_block(worst_of(sized), sized);
  if (first != sized.end())
    content += element("p", {{"class", "label"}}, text("beside others")) + comparison(run, **first);
  return element("article", {{"class", "card"}}, content);
}

}  // namespace

Markup headline(const Run& run)
{
  const Results ours = select(run, [](const Result& result) { return result.ours() && result.mode == "closed"; });
  Markup cards;
  std::vector<std::string> names;
  for (const Result* result : ours) {
    if (std::find(names.begin(), names.end(), result->name) != names.end())
      continue;
    names.push_back(result->name);
    cards += card(
        run, select(run, [&](const Result& other) { return other.name == result->name && other.mode == "closed"; }));
  }
  const Worst worst = worst_of(ours);
  Markup content;
  if (worst.result != nullptr) {
    std::string lead =
        fmt::format("The worst round trip over our channels took {} ({})", duration(worst.ns), title_of(*worst.result));
    if (worst.sample != nullptr)
      lead += std::string("; ") + verdict_of(worst.sample->cause);
    content += element("p", {{"class", "lead"}}, text(lead + "."));
  }
  content += cards.empty()
                 ? missing("This document has no round trips over channels of rtlane, so there is no headline.")
                 : element("div", {{"class", "cards"}}, cards);
  return section("short", "In short", content);
}

}  // namespace rtlane::bench::report
