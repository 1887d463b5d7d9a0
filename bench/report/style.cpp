#include "page.hpp"

namespace rtlane::bench::report {

// Colours are told apart in every kind of colour blindness by their lightness or, all of them, by a shape or a dash
// beside them (after Okabe and Ito, "Color Universal Design", 2008; darkened or lightened for contrast).
const char style[] = R"css(
:root {
  color-scheme: light dark;
  --page: #fbfbfa; --card: #ffffff; --ink: #1b1f24; --soft: #565d66; --edge: #d9dce0; --grid: #e6e8eb; --wash: #eef4fb;
  --ours: #0b5cad; --peer: #6a717b; --bad: #b3261e; --good: #1a6e3c; --warn: #8a5300;
  --host: #b85c00; --interrupt: #00796b; --preempted: #8e3a80; --stopped: #6d5a00; --fault: #2b6cb0; --inside: #c2201a;
  --clean: #8a939e; --observer: #565d66;
  --line-0: #0b5cad; --line-1: #c24e00; --line-2: #00796b; --line-3: #6a717b; --line-4: #8e3a80; --line-5: #6d5a00;
  --line-6: #4d7c0f; --line-7: #a8325e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #15181c; --card: #1c2025; --ink: #e7e9ec; --soft: #a7afb9; --edge: #343a42; --grid: #2a2f36; --wash: #1d2a3a;
    --ours: #6cb2f5; --peer: #98a1ac; --bad: #ff8a80; --good: #74cf98; --warn: #f0b35a;
    --host: #f29e4c; --interrupt: #4fc3b1; --preempted: #d794cb; --stopped: #d3c05a; --fault: #7fb4ff; --inside: #ff7169;
    --clean: #79828d; --observer: #a7afb9;
    --line-0: #6cb2f5; --line-1: #f29e4c; --line-2: #4fc3b1; --line-3: #98a1ac; --line-4: #d794cb; --line-5: #d3c05a;
    --line-6: #a3cf62; --line-7: #f08bb0;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 1040px; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; overflow-wrap: anywhere;
}
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .4rem; letter-spacing: -.01em; }
h2 { font-size: 1.3rem; line-height: 1.25; margin: 0 0 .6rem; }
h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; }
p { margin: .4rem 0; }
section { margin-top: 2.6rem; padding-top: 1.2rem; border-top: 1px solid var(--edge); }
#short { border-top: 0; margin-top: 1rem; padding-top: 0; }
a { color: var(--ours); }
.kicker, .label { margin: 0; color: var(--soft); font-size: .82rem; letter-spacing: .04em; text-transform: uppercase; }
.facts, .note { color: var(--soft); font-size: .9rem; }
.missing { color: var(--soft); font-style: italic; }
nav { margin: 1rem 0 1.6rem; font-size: .88rem; display: flex; flex-wrap: wrap; gap: .2rem .9rem; }
nav a { text-decoration: none; padding: .15rem 0; }
nav a:hover { text-decoration: underline; }
.lead { font-size: 1.12rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr)); gap: 1rem; margin-top: 1rem; }
.card { background: var(--card); border: 1px solid var(--edge); border-top: 3px solid var(--ours); border-radius: 6px; padding: 1rem 1.1rem; }
.card h3 { margin: 0 0 .6rem; font-size: 1.1rem; }
.card .label { margin-top: .9rem; }
.card h3 + .label { margin-top: 0; }
.card ul { margin: .2rem 0; padding-left: 1.1rem; }
.card .rank { margin: 0; }
.figure { margin: 0; }
.big { font-size: 2rem; font-weight: 650; line-height: 1.2; font-variant-numeric: tabular-nums; margin-right: .25rem; }
.verdict { font-weight: 600; }
.sentence { border-left: 3px solid var(--edge); padding-left: .7rem; color: var(--soft); }
.chip { display: inline-flex; align-items: center; gap: .25rem; white-space: nowrap; font-size: .9rem; }
.badge { display: inline-block; border: 1px solid var(--edge); border-radius: 4px; padding: 0 .35em; font-size: .75rem; font-weight: 400; color: var(--soft); white-space: nowrap; }
.badge.bad { color: var(--bad); border-color: var(--bad); }
.verdict-unaffected { color: var(--good); } .verdict-delayed { color: var(--warn); } .verdict-stuck { color: var(--bad); font-weight: 600; }
.box { overflow-x: auto; margin: .8rem 0; background: var(--card); border: 1px solid var(--edge); border-radius: 6px; }
table { border-collapse: collapse; width: 100%; font-size: .86rem; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
caption { text-align: left; padding: .5rem .7rem; color: var(--soft); }
th, td { padding: .35rem .55rem; text-align: left; vertical-align: top; border-top: 1px solid var(--grid); }
thead th { font-weight: 600; color: var(--soft); white-space: nowrap; }
tbody th { font-weight: 500; min-width: 10rem; position: sticky; left: 0; background: var(--card); border-right: 1px solid var(--grid); }
td.number, th.number { text-align: right; white-space: nowrap; }
.what { white-space: nowrap; }
tr.ours > * { background: var(--wash); }
tr.ours > th { font-weight: 650; }
.under { display: block; color: var(--soft); font-size: .8em; }
.needs { color: var(--soft); font-style: italic; }
.beyond, .beyond .under { color: var(--bad); }
#environment tbody th { font-weight: 400; color: var(--soft); }
#environment td { overflow-wrap: anywhere; min-width: 12rem; }
#stalls td:nth-child(4) { min-width: 13rem; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 460px), 1fr)); gap: 0 1.2rem; }
figure { margin: .4rem 0 1rem; }
figcaption { color: var(--soft); font-size: .9rem; margin: .6rem 0 .1rem; }
details { margin: .8rem 0; }
summary { cursor: pointer; color: var(--ours); padding: .3rem 0; }
.legend { list-style: none; margin: .4rem 0; padding: 0; display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; font-size: .86rem; color: var(--soft); }
.legend.narrow-only { display: none; }
.legend li { display: flex; align-items: center; gap: .35rem; }
.sign { flex: none; }
.worst { list-style: none; margin: .6rem 0; padding: 0; }
.worst li { border-top: 1px solid var(--grid); padding: .4rem 0; display: grid; grid-template-columns: 5rem 6.5rem 1fr; gap: 0 .6rem; align-items: start; }
.worst .duration { font-weight: 650; font-variant-numeric: tabular-nums; grid-row: span 2; }
.worst .chip { grid-row: span 2; padding-top: .1rem; }
.worst .place { color: var(--soft); font-size: .86rem; grid-column: 3; grid-row: 2; }
.worst p { margin: 0; grid-column: 3; grid-row: 1; font-size: .95rem; }
.chart { display: block; max-width: 100%; height: auto; overflow: visible; }
.chart.narrow { display: none; }
.chart text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; fill: var(--ink); paint-order: stroke; stroke: var(--page); stroke-width: 3px; stroke-linejoin: round; }
.chart text.tick { fill: var(--soft); font-size: 11px; }
.chart text.ours-name { font-weight: 700; }
.grid { stroke: var(--grid); stroke-width: 1; }
.reference { stroke: var(--ink); stroke-width: 1.2; stroke-dasharray: 3 3; }
.leader { stroke: var(--soft); stroke-width: .8; fill: none; }
.mark { stroke: var(--card); stroke-width: .8; }
.mark.ours { fill: var(--ours); } .mark.peer { fill: var(--peer); }
.mark.open { fill: var(--page); stroke-width: 2; }
.mark.open.ours { stroke: var(--ours); } .mark.open.peer { stroke: var(--peer); }
.whisker { stroke-width: 2; } .whisker.ours { stroke: var(--ours); } .whisker.peer { stroke: var(--peer); }
.bar.ours { fill: var(--ours); } .bar.peer { fill: var(--peer); } .bar.gap { fill: var(--clean); }
.bar.open { fill-opacity: .18; stroke: var(--peer); stroke-width: 1.5; }
.bar-whisker { stroke: var(--ink); stroke-width: 2; }
.mark.cause-clean { fill: var(--clean); } .mark.cause-host { fill: var(--host); } .mark.cause-interrupt { fill: var(--interrupt); }
.mark.cause-preempted { fill: var(--preempted); } .mark.cause-stopped { fill: var(--stopped); } .mark.cause-fault { fill: var(--fault); }
.mark.cause-inside { fill: var(--inside); } .mark.open.cause-observer { stroke: var(--observer); }
.between { fill: var(--line-0); fill-opacity: .1; stroke: none; }
.curve { fill: none; stroke-width: 1.6; stroke-linejoin: round; }
.curve.emphasised { stroke-width: 3; }
.curve.line-0 { stroke: var(--line-0); } .curve.line-1 { stroke: var(--line-1); } .curve.line-2 { stroke: var(--line-2); }
.curve.line-3 { stroke: var(--line-3); stroke-dasharray: 7 3; } .curve.line-4 { stroke: var(--line-4); stroke-dasharray: 2 3; }
.curve.line-5 { stroke: var(--line-5); stroke-dasharray: 9 3 2 3; } .curve.line-6 { stroke: var(--line-6); stroke-dasharray: 4 2; }
.curve.line-7 { stroke: var(--line-7); stroke-dasharray: 12 4; }
.mark.line-0 { fill: var(--line-0); } .mark.line-1 { fill: var(--line-1); } .mark.line-2 { fill: var(--line-2); } .mark.line-3 { fill: var(--line-3); }
.mark.line-4 { fill: var(--line-4); } .mark.line-5 { fill: var(--line-5); } .mark.line-6 { fill: var(--line-6); } .mark.line-7 { fill: var(--line-7); }
.mark.open.line-0 { fill: var(--page); stroke: var(--line-0); } .mark.open.line-1 { fill: var(--page); stroke: var(--line-1); }
.mark.open.line-2 { fill: var(--page); stroke: var(--line-2); } .mark.open.line-3 { fill: var(--page); stroke: var(--line-3); }
.mark.open.line-4 { fill: var(--page); stroke: var(--line-4); } .mark.open.line-5 { fill: var(--page); stroke: var(--line-5); }
.mark.open.line-6 { fill: var(--page); stroke: var(--line-6); } .mark.open.line-7 { fill: var(--page); stroke: var(--line-7); }
@media (max-width: 719px) {
  .chart.wide { display: none; }
  .chart.narrow { display: block; width: 100%; max-width: 460px; }
  .legend.narrow-only { display: flex; }
  .big { font-size: 1.7rem; }
  h1 { font-size: 1.4rem; }
  th, td { padding: .35rem .5rem; }
  tbody th { min-width: 8.2rem; max-width: 9.5rem; overflow-wrap: break-word; }
  .worst li { grid-template-columns: 5rem 1fr; }
  .worst .duration, .worst .chip { grid-row: auto; }
  .worst .place, .worst p { grid-column: 1 / -1; grid-row: auto; }
}
@media print {
  :root {
    color-scheme: light;
    --page: #fff; --card: #fff; --ink: #000; --soft: #444; --edge: #bbb; --grid: #ddd; --wash: #eef4fb; --ours: #0b5cad; --peer: #666;
  }
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav { display: none; }
  .box { overflow: visible; border: 0; }
  table { font-size: 7.5pt; }
  th, td { padding: 2pt 4pt; }
  details::details-content { content-visibility: visible; block-size: auto; }
  .card, figure, .worst li, tr { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  .chart.wide { display: block; } .chart.narrow { display: none; }
}
)css";

}  // namespace rtlane::bench::report
