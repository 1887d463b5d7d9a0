// The live view on a terminal: one screen, drawn again in place.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>

#include <mutex>
#include <thread>

#include "demo.hpp"

namespace rtlane::test {
namespace {

using testing::HasSubstr;

// A terminal whose screen nobody looks at: what is written to it is kept.
class Terminal {
public:
  Terminal(unsigned short rows, unsigned short columns) : fd_(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC))
  {
    char name[64];
    if (fd_ < 0 || grantpt(fd_) != 0 || unlockpt(fd_) != 0 || ptsname_r(fd_, name, sizeof name) != 0)
      return;
    name_ = name;
    held_ = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);  // until then the reader would hear that nobody is there
    resize(rows, columns);
    reader_ = std::thread([this] { read_all(); });
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal()
  {
    close(held_);
    if (reader_.joinable())
      reader_.join();
    close(fd_);
  }

  bool works() const { return held_ >= 0; }
  void resize(unsigned short rows, unsigned short columns) const
  {
    const winsize size = {rows, columns, 0, 0};
    ioctl(fd_, TIOCSWINSZ, &size);
  }
  // Makes it the standard output of this process.
  bool take() const
  {
    setenv("TERM", "xterm", 1);
    const int fd = open(name_.c_str(), O_RDWR | O_NOCTTY);
    return fd >= 0 && dup2(fd, STDOUT_FILENO) == STDOUT_FILENO && close(fd) == 0;
  }

  std::string text() const
  {
    const std::lock_guard lock(mutex_);
    return text_;
  }
  bool wait_for(const std::string& part, std::size_t from = 0) const
  {
    return eventually([&] { return text().find(part, from) != std::string::npos; });
  }

private:
  void read_all()
  {
    char block[4096];
    for (ssize_t got = 0; (got = read(fd_, block, sizeof block)) > 0;) {
      const std::lock_guard lock(mutex_);
      text_.append(block, static_cast<std::size_t>(got));
    }
  }

  int fd_;
  int held_ = -1;
  std::string name_;
  mutable std::mutex mutex_;
  std::string text_;
  std::thread reader_;
};

// The lines of the last whole screen: from the last time it went up until the next.
std::vector<std::string> last_screen(const std::string& text)
{
  const std::size_t end = text.rfind("\x1b[10A");
  const std::size_t start = end == std::string::npos || end == 0 ? end : text.rfind("\x1b[10A", end - 1);
  std::vector<std::string> lines;
  if (start == std::string::npos)
    return lines;
  std::istringstream rest(text.substr(start + 5, end - start - 5));
  for (std::string line; std::getline(rest, line);)
    lines.push_back(line.substr(line.find_first_not_of('\r'), line.find("\x1b[K") - line.find_first_not_of('\r')));
  return lines;
}

TEST(DemoView, DrawsOneScreenInPlaceFollowsTheTerminalsSizeAndLeavesTheTableBelow)
{
  Watchdog watchdog(100);
  TempNamespace space;
  Terminal terminal(40, 100);
  if (!terminal.works())
    GTEST_SKIP() << "no pseudo-terminal can be had here: " << std::strerror(errno);
  RunningDemo demo({"--duration", "0"}, [&] { return terminal.take(); });
  ASSERT_TRUE(demo.wait_received(20));
  ASSERT_TRUE(eventually([&] { return last_screen(terminal.text()).size() == 10; })) << terminal.text();
  std::vector<std::string> lines = last_screen(terminal.text());
  EXPECT_EQ(lines[0], "rtlane demo: the host's wake-ups");
  EXPECT_EQ(lines[1], "  beside it    rtlane info test");
  EXPECT_THAT(lines[4], HasSubstr("latency now  p50 "));
  // nothing is judged yet
  EXPECT_THAT(lines[7], HasSubstr("after p50 -"));
  EXPECT_THAT(lines[8], HasSubstr("process " + std::to_string(demo.sensor())));

  kill(demo.sensor(), SIGSTOP);
  EXPECT_TRUE(terminal.wait_for("is stopped, not dead"));
  kill(demo.sensor(), SIGCONT);

  terminal.resize(40, 30);
  const auto longest = [&] {
    std::size_t most = 0;
    for (const std::string& line : last_screen(terminal.text()))
      most = std::max(most, line.size());
    return most;
  };
  EXPECT_TRUE(eventually([&] { return longest() == 29; })) << longest();

  // too few lines for a screen: a line a second
  terminal.resize(5, 100);
  EXPECT_TRUE(terminal.wait_for("  sent ", terminal.text().size()));

  demo.tool().signal(SIGTERM);
  EXPECT_EQ(demo.tool().wait().status, 0) << demo.tool().err();
  EXPECT_TRUE(terminal.wait_for("interrupted after "));
  EXPECT_TRUE(object_files(space.path()).empty());
}

TEST(DemoView, PlainMeansLinesAlsoOnATerminal)
{
  Watchdog watchdog(60);
  TempNamespace space;
  Terminal terminal(40, 100);
  if (!terminal.works())
    GTEST_SKIP() << "no pseudo-terminal can be had here: " << std::strerror(errno);
  const Outcome outcome = run_tool({"demo", "--duration", "1.5", "--plain"}, [&] { return terminal.take(); });
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_TRUE(terminal.wait_for("complete after "));
  EXPECT_EQ(terminal.text().find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace rtlane::test
