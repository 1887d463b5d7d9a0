#include "page.hpp"

#include <fmt/format.h>

#include <array>

#include "figures.hpp"
#include "markup.hpp"
#include "sections.hpp"

namespace rtlane::bench::report {
namespace {

// A string of the environment, or "".
std::string environment_text(const Run& run, const char* key)
{
  return run.environment.is_object() && run.environment.contains(key) && run.environment[key].is_string()
             ? run.environment[key].get<std::string>()
             : std::string();
}

Markup masthead(const Run& run, const std::string& name)
{
  std::string facts;
  const auto add = [&](const std::string& label, const std::string& fact) {
    if (!fact.empty() && fact != absent)
      facts += (facts.empty() ? "" : " · ") + label + fact;
  };
  add("", run.started);
  add("ran ", seconds(run.duration_s));
  add("rtlane ", environment_text(run, "version"));
  add("", environment_text(run, "cpu_model"));
  add("", environment_text(run, "hypervisor"));
  add("topology ", environment_text(run, "topology"));
  add("", environment_text(run, "policy"));
  add("Linux ", environment_text(run, "kernel"));
  return element("header", element("p", {{"class", "kicker"}}, text("rtlane-bench " + run.command)) +
                               element("h1", "Worst case, whose it is, and how others do") +
                               element("p", {{"class", "facts"}}, text(facts.empty() ? name : facts)));
}

Markup navigation()
{
  static constexpr std::array<std::pair<const char*, const char*>, 13> places = {{{"short", "In short"},
                                                                                  {"comparison", "Beside each other"},
                                                                                  {"percentiles", "Percentiles"},
                                                                                  {"timeline", "Maxima over time"},
                                                                                  {"throughput", "Throughput"},
                                                                                  {"worst", "Worst samples"},
                                                                                  {"attribution", "Attribution"},
                                                                                  {"stalls", "Stalls and kills"},
                                                                                  {"noise", "Noise"},
                                                                                  {"floor", "Floor"},
                                                                                  {"method", "Method"},
                                                                                  {"environment", "Environment"},
                                                                                  {"figures", "All figures"}}};
  Markup items;
  for (const auto& [id, title] : places)
    items += element("a", {{"href", std::string("#") + id}}, text(title)) + text(" ");
  return element("nav", {{"aria-label", "Sections"}}, items);
}

}  // namespace

std::string page(const Run& run, const std::string& name)
{
  const Markup head =
      empty_element("meta", {{"charset", "utf-8"}}) +
      empty_element("meta", {{"http-equiv", "Content-Security-Policy"},
                             {"content", "default-src 'none'; style-src 'unsafe-inline'"}}) +
      empty_element("meta", {{"name", "viewport"}, {"content", "width=device-width, initial-scale=1"}}) +
      empty_element("meta", {{"name", "color-scheme"}, {"content", "light dark"}}) +
      element("title", "rtlane-bench: " + name) + element("style", Markup::trusted(style));
  const bool noise_only = run.command == "noise";
  Markup main;
  if (!noise_only)
    main += headline(run) + comparison_section(run) + percentile_section(run) + timeline_section(run) +
            throughput_section(run) + worst_section(run) + attribution_section(run) + stall_section(run);
  main += noise_section(run);
  if (!noise_only)
    main += floor_section(run);
  main += method_section() + environment_section(run);
  if (!noise_only)
    main += figures_section(run);
  const Markup body = masthead(run, name) + (noise_only ? Markup() : navigation()) + element("main", main);
  return "<!DOCTYPE html>\n" +
         element("html", {{"lang", "en"}}, element("head", head) + element("body", body)).source() + "\n";
}

}  // namespace rtlane::bench::report
