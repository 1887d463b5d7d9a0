#include "stalls_result.hpp"

#include <fmt/format.h>

#include <cmath>

#include "output.hpp"

namespace rtlane::bench {
namespace {

using cli::Json;

// Who is looked at.
const char* survivors_text(Victim victim)
{
  switch (victim) {
    case Victim::producer:
      return "the consumer";
    case Victim::consumer:
      return "the producer";
    case Victim::one_of_two_producers:
      return "the consumer or the other producer";
  }
  return "";
}

std::string count_text(std::uint64_t count, const char* what)
{
  return count == 0 ? fmt::format("no {}", what) : fmt::format("{} {}", count, what);
}

std::string losses_text(const Column& column, const LinkInfo& info)
{
  if (column.lost == 0 && column.doubled == 0 && column.torn == 0)
    return "Nothing was lost, doubled or torn.";
  return fmt::format("{} lost{}{}, {}, {}.", column.lost,
                     column.lost == 0 ? "" : fmt::format(" (at most {} in a try)", column.lost_most),
                     (info.kind == "pubsub" || info.kind == "latest") && column.lost != 0
                         ? ", also those that it overwrites by design"
                         : "",
                     count_text(column.doubled, "doubled"), count_text(column.torn, "torn"));
}

std::string successors_text(const Column& column)
{
  if (column.successors + column.refused == 0)
    return "";
  return column.refused == 0 ? fmt::format(" A new one in its place got on in {} tries.", column.successors)
                             : fmt::format(" A new one in its place got on in {} tries and gave up in {}.",
                                           column.successors, column.refused);
}

std::string sentence(const Column& column, const Column& control, const StallPlan& plan, const LinkInfo& info,
                     bool threads)
{
  const bool kill = column.blow == Blow::kill;
  const char* const survivors = survivors_text(column.victim);
  const std::string longest = cli::duration_text(column.longest_wait_ns);
  const std::uint64_t by_design_ns = patience_ns(info.blocks, column.victim);
  const std::string patience =
      by_design_ns == 0 ? "" : fmt::format(" (a call may sleep for {} by design)", cli::duration_text(by_design_ns));
  std::string what;
  switch (stall_verdict_of(column, control)) {
    case StallVerdict::unaffected:
      what =
          fmt::format("{} of {} tries {} had to wait for it: the longest wait was {}{}, and {} with nobody {}.",
                      column.delayed == 0 ? "in none" : fmt::format("in {}", column.delayed), column.tries, survivors,
                      longest, patience, cli::duration_text(control.longest_wait_ns), kill ? "killed" : "stopped");
      break;
    case StallVerdict::delayed:
      what = fmt::format("in {} of {} tries {} had to wait for it, for up to {} ({} with nobody stopped).",
                         column.delayed, column.tries, survivors, longest, cli::duration_text(control.longest_wait_ns));
      break;
    case StallVerdict::stuck:
      what = fmt::format("in {} of {} tries {}", column.stuck, column.tries,
                         column.note[0] != '\0'
                             ? fmt::format("nobody could go on ({}).", cli::printable(column.note.data()))
                             : fmt::format("{} or who came in its place made no headway for {} and was given up.",
                                           survivors, cli::duration_text(plan.stuck_ns)));
      break;
  }
  const std::string victim = column.victim == Victim::one_of_two_producers
                                 ? std::string("One of two producers")
                                 : fmt::format("The {}", victim_text(column.victim));
  const std::string halted = threads ? "halted in a signal handler" : "stopped";
  const std::string blow =
      kill ? (threads ? halted + " for ever" : "killed")
           : fmt::format("{} for {}", halted, cli::duration_text(stop_ns(plan, info.blocks, column.victim)));
  return fmt::format("{} was {} at a random instant, {} of {} times inside an operation: {} {}{}", victim, blow,
                     column.inside, column.tries, what, losses_text(column, info), successors_text(column));
}

}  // namespace

const char* victim_text(Victim victim)
{
  switch (victim) {
    case Victim::producer:
      return "producer";
    case Victim::consumer:
      return "consumer";
    case Victim::one_of_two_producers:
      return "one of two producers";
  }
  return "";
}

const char* stall_verdict_text(StallVerdict verdict)
{
  switch (verdict) {
    case StallVerdict::unaffected:
      return "unaffected";
    case StallVerdict::delayed:
      return "delayed";
    case StallVerdict::stuck:
      return "stuck";
  }
  return "";
}

StallVerdict stall_verdict_of(const Column& column, const Column& control)
{
  // Counts of rare things differ by their square roots without any cause.
  const auto more = [](std::uint32_t with, std::uint32_t without) {
    return static_cast<double>(with) > without + 2 * std::sqrt(static_cast<double>(without));
  };
  if (more(column.stuck, control.stuck))
    return StallVerdict::stuck;
  return more(column.delayed, control.delayed) ? StallVerdict::delayed : StallVerdict::unaffected;
}

Json stall_json(const Column& column, const Column& control, const StallPlan& plan, const LinkInfo& info, bool threads)
{
  Json json = {{"tries", column.tries}, {"victim", victim_text(column.victim)}, {"seed", plan.seed}};
  if (column.blow == Blow::stop)
    json["stop_ns"] = stop_ns(plan, info.blocks, column.victim);
  json["delayed_from_ns"] = delay_ns(plan, column.blow, info.blocks, column.victim);
  json["stuck_from_ns"] = plan.stuck_ns + patience_ns(info.blocks, column.victim);
  json["inside"] = column.inside;
  json["longest_wait_ns"] = column.longest_wait_ns;
  json["delayed"] = column.delayed;
  json["stuck"] = column.stuck;
  json["control"] = {{"tries", control.tries},
                     {"longest_wait_ns", control.longest_wait_ns},
                     {"delayed", control.delayed},
                     {"stuck", control.stuck}};
  json["lost"] = column.lost;
  json["lost_most"] = column.lost_most;
  json["doubled"] = column.doubled;
  json["torn"] = column.torn;
  if (column.blow == Blow::kill && !threads && column.victim != Victim::one_of_two_producers)
    json["successors"] = {{"went_on", column.successors}, {"gave_up", column.refused}};
  if (column.note[0] != '\0')
    json["note"] = cli::printable(column.note.data());
  json["verdict"] = stall_verdict_text(stall_verdict_of(column, control));
  json["sentence"] = sentence(column, control, plan, info, threads);
  return json;
}

}  // namespace rtlane::bench
