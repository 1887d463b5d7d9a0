// The page of `rtlane-bench report` in a real browser.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "page.hpp"
#include "read_run.hpp"
#include "rt/tool.hpp"
#include "sample_run.hpp"
#include "support/browser.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

using nlohmann::json;

#define RTLANE_NEED_CHROMIUM   \
  if (chromium_path().empty()) \
  GTEST_SKIP() << "chromium is not installed: apt-get install chromium"

// A page of the sample in a file, with a browser that shows it.
class ReportInBrowser : public testing::Test {
protected:
  void open(Browser& browser, int width_px, bool dark)
  {
    const auto run = bench::report::read_run(sample_run(7).dump());
    ASSERT_TRUE(run) << run.error().message;
    const std::string file = scratch_.write("run.html", bench::report::page(*run, "run.json"));
    browser.set_width(width_px);
    browser.set_dark(dark);
    browser.open_file(file);
  }

private:
  Scratch scratch_;
};

TEST_F(ReportInBrowser, LoadsWithoutAMessageAndAsksForNothing)
{
  RTLANE_NEED_CHROMIUM;
  Watchdog watchdog(110);
  Browser browser;
  open(browser, 1280, false);
  EXPECT_EQ(browser.evaluate("document.querySelectorAll('section').length"), 13);
  EXPECT_GT(browser.evaluate("document.querySelectorAll('svg.chart').length"), 20);
  EXPECT_THAT(browser.events("Log.entryAdded"), testing::IsEmpty());
  EXPECT_THAT(browser.events("Runtime.consoleAPICalled"), testing::IsEmpty());
  EXPECT_THAT(browser.events("Runtime.exceptionThrown"), testing::IsEmpty());
  // The page itself.
  EXPECT_EQ(browser.events("Network.requestWillBeSent").size(), 1u);
}

// A policy that lets everything pass would let the test above pass too.
TEST_F(ReportInBrowser, ItsPolicyForbidsScriptsAndPictures)
{
  RTLANE_NEED_CHROMIUM;
  Watchdog watchdog(110);
  Browser browser;
  open(browser, 1280, false);
  EXPECT_EQ(browser.evaluate(R"js((() => {
    const script = document.createElement('script');
    script.textContent = 'window.ran = true';
    document.body.append(script);
    const picture = document.createElement('img');
    picture.src = 'data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=';
    document.body.append(picture);
    return window.ran === undefined;
  })())js"),
            true);
  EXPECT_EQ(browser.evaluate("document.querySelector('img').naturalWidth"), 0);
}

TEST_F(ReportInBrowser, OnAPhoneNothingIsWiderThanTheScreen)
{
  RTLANE_NEED_CHROMIUM;
  Watchdog watchdog(110);
  Browser browser;
  for (const int width : {360, 412, 760}) {
    open(browser, width, false);
    for (const bool unfolded : {false, true}) {
      if (unfolded)
        browser.evaluate("document.querySelectorAll('details').forEach(fold => fold.open = true)");
      EXPECT_LE(browser.evaluate("document.documentElement.scrollWidth"), width);
    }
    EXPECT_EQ(browser.evaluate("getComputedStyle(document.querySelector('svg.chart.narrow')).display"),
              width < 720 ? "block" : "none");
    EXPECT_EQ(browser.evaluate("getComputedStyle(document.querySelector('svg.chart.wide')).display"),
              width < 720 ? "none" : "block");
  }
}

// Every text that is seen, against what lies behind it: WCAG 2.1, 1.4.3 level AA.
constexpr char faint_texts[] = R"js((() => {
  const parts = colour => (colour.match(/[\d.]+/g) || []).map(Number);
  const luminance = rgb => {
    const [r, g, b] = rgb.map(c => c / 255).map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = element => {
    for (let e = element; e; e = e.parentElement) {
      const colour = parts(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] > 0.99)
        return colour.slice(0, 3);
    }
    return [255, 255, 255];
  };
  const faint = [];
  let seen = 0;
  for (const element of document.body.querySelectorAll('*')) {
    if (element.tagName === 'title' || element.tagName === 'desc' || element.getClientRects().length === 0 ||
        ![...element.childNodes].some(node => node.nodeType === 3 && node.data.trim()))
      continue;
    ++seen;
    const style = getComputedStyle(element);
    const front = luminance(parts(element.namespaceURI.endsWith('svg') ? style.fill : style.color).slice(0, 3));
    const back = luminance(behind(element));
    const contrast = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
    if (contrast < 4.5)
      faint.push(contrast.toFixed(2) + ' ' + element.tagName + ' ' + element.textContent.slice(0, 40));
  }
  return {seen: seen, faint: faint};
})())js";

TEST_F(ReportInBrowser, TextCanBeReadInLightAndDark)
{
  RTLANE_NEED_CHROMIUM;
  Watchdog watchdog(110);
  Browser browser;
  std::vector<json> backgrounds;
  for (const bool dark : {false, true}) {
    open(browser, 1280, dark);
    backgrounds.push_back(browser.evaluate("getComputedStyle(document.body).backgroundColor"));
    const json texts = browser.evaluate(faint_texts);
    EXPECT_GT(texts["seen"], 500);
    EXPECT_EQ(texts["faint"], json::array()) << (dark ? "dark" : "light");
  }
  EXPECT_NE(backgrounds[0], backgrounds[1]);
}

TEST_F(ReportInBrowser, EveryChartHasANameAndAText)
{
  RTLANE_NEED_CHROMIUM;
  Watchdog watchdog(110);
  Browser browser;
  open(browser, 1280, false);
  EXPECT_EQ(browser.evaluate(R"js([...document.querySelectorAll('svg.chart')].filter(chart => {
    const of = name => document.getElementById(chart.getAttribute(name));
    return chart.getAttribute('role') !== 'img' || !of('aria-labelledby')?.textContent.trim() ||
        !of('aria-describedby')?.textContent.trim();
  }).length)js"),
            0);
  EXPECT_EQ(browser.evaluate("new Set([...document.querySelectorAll('[id]')].map(e => e.id)).size == "
                             "document.querySelectorAll('[id]').length"),
            true);
}

// Labels of a chart do not lie on each other. Of the charts that are seen.
TEST_F(ReportInBrowser, LabelsOfAChartDoNotOverlap)
{
  RTLANE_NEED_CHROMIUM;
  Watchdog watchdog(110);
  Browser browser;
  for (const int width : {360, 1280}) {
    open(browser, width, false);
    EXPECT_EQ(browser.evaluate(R"js((() => {
      document.querySelectorAll('details').forEach(fold => fold.open = true);
      const clashes = [];
      for (const chart of document.querySelectorAll('svg.chart')) {
        const labels = [...chart.querySelectorAll('text')].map(t => [t, t.getBoundingClientRect()]).filter(l => l[1].width > 0);
        for (let i = 0; i < labels.length; ++i)
          for (let j = i + 1; j < labels.length; ++j) {
            const [a, b] = [labels[i][1], labels[j][1]];
            const x = Math.min(a.right, b.right) - Math.max(a.left, b.left);
            const y = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
            if (x > 1 && y > 3)
              clashes.push(labels[i][0].textContent + ' / ' + labels[j][0].textContent);
          }
      }
      return clashes;
    })())js"),
              json::array())
        << width;
    EXPECT_EQ(browser.evaluate(R"js([...document.querySelectorAll('svg.chart text')].filter(t => {
      const box = t.getBoundingClientRect();
      return box.width > 0 && (box.left < 0 || box.right > document.documentElement.clientWidth);
    }).map(t => t.textContent))js"),
              json::array())
        << width;
  }
}

}  // namespace
}  // namespace rtlane::test
