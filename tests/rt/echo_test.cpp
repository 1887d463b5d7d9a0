// `rtlane echo` beside real writers of every kind of channel, and when there is nothing to see.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rtlane/core/sync.h>
#include <sys/ioctl.h>
#include <rtlane/channels/broadcast.hpp>
#include <rtlane/channels/frame_broadcast.hpp>
#include <rtlane/channels/frame_ring.hpp>
#include <rtlane/channels/mpmc_ring.hpp>
#include <rtlane/channels/pinned_snapshot.hpp>
#include <rtlane/channels/snapshot.hpp>
#include <rtlane/channels/spsc_ring.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <span>
#include <sstream>

#include "support/shared_page.hpp"
#include "support/shm.hpp"
#include "support/watchdog.hpp"
#include "tool.hpp"

namespace rtlane::test {

enum class Phase : std::uint8_t { idle, busy };
RTLANE_ENUM(Phase, idle, busy);

// Shows when it is torn: `twin` is number's mirror.
struct Tick {
  std::uint64_t number;
  Phase phase;
  float level[2];
  char tag[4];
  std::uint64_t twin;
};
RTLANE_TYPE(Tick, number, phase, RTLANE_UNIT(level, "V"), tag, twin);

namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

Tick tick(std::uint64_t number)
{
  return {number, number % 2 == 0 ? Phase::idle : Phase::busy, {0.5F, -1}, {'a', 'b', 0, 0}, ~number};
}

std::vector<std::string> lines_of(const std::string& text)
{
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);)
    lines.push_back(line);
  return lines;
}

std::vector<json> json_lines(const std::string& text)
{
  std::vector<json> documents;
  for (const std::string& line : lines_of(text))
    documents.push_back(json::parse(line));
  return documents;
}

// Of Ticks that a writer publishes at full speed: none is torn, none comes twice, and the losses explain the gaps.
void expect_sound(const std::vector<json>& lines, bool exact)
{
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const json& value = lines[i]["value"];
    ASSERT_EQ(value["twin"].get<std::uint64_t>(), ~value["number"].get<std::uint64_t>());
    ASSERT_EQ(value["phase"], value["number"].get<std::uint64_t>() % 2 == 0 ? "idle" : "busy");
    if (i == 0)
      continue;
    const auto step = lines[i]["seq"].get<std::uint64_t>() - lines[i - 1]["seq"].get<std::uint64_t>();
    ASSERT_GE(step, 1u);
    if (exact) {
      ASSERT_EQ(step, 1 + lines[i]["lost"].get<std::uint64_t>() + lines[i]["skipped"].get<std::uint64_t>());
    }
  }
}

class EchoTest : public ::testing::Test {
protected:
  // A process that publishes without end; `once` is called over and over after `prepare`.
  template <class Prepare>
  Child writer(Prepare&& prepare)
  {
    Child child = Child::start([&] {
      auto once = prepare();
      *ready_ = 1;
      for (std::uint64_t i = 0;; ++i)
        once(i);
    });
    EXPECT_TRUE(eventually([&] { return *ready_ != 0; }));
    return child;
  }

  const Watchdog watchdog_{100};
  const TempNamespace space_;
  SharedPage<std::atomic<int>> ready_;
};

TEST_F(EchoTest, PrintsTextJsonAndRowsOfWhatIsThere)
{
  auto ring = SpscRing<Tick>::create("ticks", 8);
  ASSERT_TRUE(ring) << ring.error().message;
  auto producer = ring->producer();
  for (std::uint64_t i = 0; i < 3; ++i)
    ASSERT_EQ(producer->try_push(tick(i)), Status::ok);
  producer->close();

  const Outcome text = run_tool({"echo", "ticks", "--from", "oldest"});
  EXPECT_EQ(text.status, 0) << text.err;
  EXPECT_EQ(lines_of(text.out)[1], "#1: number=1 phase=busy level=[0.5 -1] tag=\"ab\" twin=18446744073709551614");
  EXPECT_THAT(text.err, HasSubstr("3 shown, 0 lost (the stream has ended)"));

  const auto lines = json_lines(run_tool({"echo", "ticks", "--from", "oldest", "--json"}).out);
  ASSERT_EQ(lines.size(), 3u);
  expect_sound(lines, true);
  EXPECT_EQ(lines[2]["schema"], "rtlane.echo/1");
  EXPECT_EQ(lines[2]["seq"], 2);
  EXPECT_EQ(lines[2]["value"]["level"], json::parse("[0.5, -1.0]"));

  const auto rows = lines_of(run_tool({"echo", "ticks", "--from", "oldest", "--csv"}).out);
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[0], "seq,lost,skipped,number,phase,level[0],level[1],tag,twin");
  EXPECT_EQ(rows[3], "2,0,0,2,idle,0.5,-1,ab,18446744073709551613");

  const Outcome newest = run_tool({"echo", "ticks", "--once"});
  EXPECT_THAT(newest.out, StartsWith("#2: number=2"));
  EXPECT_EQ(newest.err, "");
  EXPECT_EQ(lines_of(run_tool({"echo", "ticks", "--from", "oldest", "-n", "2", "--items", "1"}).out)[1],
            "#1: number=1 phase=busy level=[0.5 ...] tag=\"ab\" twin=18446744073709551614");

  // Nothing was taken.
  auto consumer = ring->consumer();
  Tick taken{};
  for (std::uint64_t i = 0; i < 3; ++i) {
    ASSERT_EQ(consumer->try_pop(taken), Status::ok);
    EXPECT_EQ(taken.number, i);
  }
  EXPECT_EQ(ring->info().consumer_attaches, 1u);
}

TEST_F(EchoTest, MapsReadOnlyAndLeavesEveryByteAsItWas)
{
  auto snapshot = PinnedSnapshot<Tick>::create("ticks", 2);
  ASSERT_TRUE(snapshot) << snapshot.error().message;
  auto writer = snapshot->writer();
  ASSERT_EQ(writer->store(tick(1)), Status::ok);
  const Shm object = Shm::open("ticks");
  ASSERT_EQ(object.result, 0);
  const auto bytes = [&] {
    const auto* first = const_cast<const unsigned char*>(object.memory);
    return std::vector<unsigned char>(first, first + snapshot->certificate().mapped_bytes);
  };
  const auto before = bytes();
  Tool tool = Tool::start({"echo", "ticks"});
  ASSERT_TRUE(eventually([&] { return !tool.out().empty(); }));
  // Its handle has one page of the control file, and each lease would have another one (rtlane/core/lease.h).
  std::istringstream maps(read_file("/proc/" + std::to_string(tool.pid()) + "/maps"));
  int mapped = 0;
  int control_pages = 0;
  for (std::string line; std::getline(maps, line);) {
    if (line.find(space_.path()) == std::string::npos)
      continue;
    ++mapped;
    control_pages += line.find(" 00000000 ") != std::string::npos ? 1 : 0;
    EXPECT_THAT(line, HasSubstr(" r--s ")) << line;
  }
  EXPECT_GE(mapped, 2);
  EXPECT_EQ(control_pages, 1);
  EXPECT_EQ(snapshot->info().participants_alive, 0);
  tool.signal(SIGINT);
  const Outcome outcome = tool.wait();
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.out, StartsWith("#1 ("));
  EXPECT_THAT(outcome.err, HasSubstr("1 shown, 0 lost (interrupted)"));
  EXPECT_EQ(bytes(), before);
}

// Each with its writer at full speed, and ended by the count.
TEST_F(EchoTest, ShowsNothingTornOfAnyKindAtFullSpeed)
{
  const auto run = [&](const char* name, Child writer, bool exact) {
    SCOPED_TRACE(name);
    const Outcome outcome = run_tool({"echo", name, "--json", "--count", "200"});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    const auto lines = json_lines(outcome.out);
    EXPECT_EQ(lines.size(), 200u);
    expect_sound(lines, exact);
    writer.kill_now();
    *ready_ = 0;
  };
  run("spsc", writer([] {
        auto ring = SpscRing<Tick>::create("spsc", 64).value();
        auto producer = ring.producer().value();
        auto consumer = ring.consumer().value();
        return [ring, producer = std::move(producer), consumer = std::move(consumer)](std::uint64_t i) mutable {
          Tick taken;
          (void)producer.try_push(tick(i));
          (void)consumer.try_pop(taken);
        };
      }),
      true);
  run("mpmc", writer([] {
        auto ring = MpmcRing<Tick>::create("mpmc", 64).value();
        auto producer = ring.producer().value();
        auto consumer = ring.consumer().value();
        return [ring, producer = std::move(producer), consumer = std::move(consumer)](std::uint64_t i) mutable {
          Tick taken;
          (void)producer.try_push(tick(i));
          (void)consumer.try_pop(taken);
        };
      }),
      true);
  run("broadcast", writer([] {
        auto broadcast = Broadcast<Tick>::create("broadcast", 64).value();
        return [broadcast, writer = broadcast.writer().value()](std::uint64_t i) mutable {
          (void)writer.publish(tick(i));
        };
      }),
      true);
  run("snapshot", writer([] {
        auto snapshot = Snapshot<Tick>::create("snapshot").value();
        return [snapshot, writer = snapshot.writer().value()](std::uint64_t i) mutable { (void)writer.store(tick(i)); };
      }),
      true);
  run("pinned", writer([] {
        auto snapshot = PinnedSnapshot<Tick>::create("pinned", 2).value();
        // With a breath: without one a look without a pin may find every copy overtaken for long.
        return [snapshot, writer = snapshot.writer().value()](std::uint64_t i) mutable {
          (void)writer.store(tick(i));
          if (i % 64 == 0)
            usleep(50);
        };
      }),
      true);
}

TEST_F(EchoTest, FramesAreBytesOrWhatTheirTypeSays)
{
  auto plain = FrameRing::create("plain", 4096);
  ASSERT_TRUE(plain) << plain.error().message;
  auto producer = plain->producer();
  const unsigned char bytes[] = {0, 1, 2, 0xfe, 0xff};
  ASSERT_EQ(producer->try_push(std::as_bytes(std::span(bytes))), Status::ok);
  EXPECT_EQ(run_tool({"echo", "plain", "--once"}).out, "#0 (5 bytes): 0x000102feff\n");
  EXPECT_EQ(run_tool({"echo", "plain", "--once", "--bytes", "3"}).out, "#0 (5 bytes): 0x000102...\n");
  const json line = run_tool({"echo", "plain", "--once", "--json"}).json();
  EXPECT_EQ(line["length"], 5);
  EXPECT_EQ(line["bytes"], "0x000102feff");
  EXPECT_EQ(lines_of(run_tool({"echo", "plain", "--once", "--csv"}).out),
            (std::vector<std::string>{"seq,lost,skipped,length,bytes", "0,0,0,5,0x000102feff"}));

  rtlane_channel_spec spec = RTLANE_CHANNEL_SPEC_INIT;
  spec.kind = RTLANE_CHANNEL_FRAME_BROADCAST;
  spec.capacity = 4096;
  spec.type = &type_of<Tick>();
  rtlane_channel* made = nullptr;
  ASSERT_EQ(rtlane_channel_create("typed", &spec, nullptr, &made), 0) << rtlane_error_message();
  const ChannelRef channel(made);
  auto role = Role::acquire(channel, RTLANE_ROLE_PRODUCER);
  ASSERT_TRUE(role);
  const auto layout = channel.layout();
  detail::FrameBroadcastWriterCore<> writer{detail::FrameBroadcastView<std::atomic<std::uint64_t>>(
      layout.base, layout.slots_offset, layout.capacity, layout.frame_bytes_max)};
  const Tick value = tick(6);
  ASSERT_EQ(writer.publish(&value, sizeof value), Status::ok);
  ASSERT_EQ(writer.publish(bytes, sizeof bytes), Status::ok);
  writer.close();
  const auto lines = json_lines(run_tool({"echo", "typed", "--json", "--from", "oldest"}).out);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0]["value"]["number"], 6);
  EXPECT_EQ(lines[1]["bytes"], "0x000102feff");
  const auto rows = lines_of(run_tool({"echo", "typed", "--csv", "--from", "oldest"}).out);
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(std::count(rows[1].begin(), rows[1].end(), ','), std::count(rows[0].begin(), rows[0].end(), ','));
  EXPECT_EQ(std::count(rows[2].begin(), rows[2].end(), ','), std::count(rows[0].begin(), rows[0].end(), ','));
}

TEST_F(EchoTest, ARateSkipsAndCounts)
{
  const Child running = writer([] {
    auto broadcast = Broadcast<Tick>::create("ticks", 64).value();
    return [broadcast, writer = broadcast.writer().value()](std::uint64_t i) mutable {
      (void)writer.publish(tick(i));
      usleep(1000);
    };
  });
  const auto before = std::chrono::steady_clock::now();
  const Outcome outcome = run_tool({"echo", "ticks", "--json", "--rate", "20", "--count", "5"});
  const auto passed = std::chrono::steady_clock::now() - before;
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  const auto lines = json_lines(outcome.out);
  ASSERT_EQ(lines.size(), 5u);
  expect_sound(lines, true);
  EXPECT_GE(passed, std::chrono::milliseconds(200));
  std::uint64_t skipped = 0;
  for (const json& line : lines)
    skipped += line["skipped"].get<std::uint64_t>();
  EXPECT_GT(skipped, 20u);  // 200 ms of a writer that publishes every 1.1 ms, or slower on a busy machine
}

TEST_F(EchoTest, AnAgeComesWithASnapshotThatWasStoredWithATime)
{
  auto snapshot = Snapshot<Tick>::create("ticks");
  auto writer = snapshot->writer();
  ASSERT_EQ(writer->store(tick(1)), Status::ok);
  usleep(2000);
  const json line = run_tool({"echo", "ticks", "--once", "--json"}).json();
  EXPECT_GE(line["age_ns"].get<std::uint64_t>(), 2'000'000u);
  EXPECT_LT(line["age_ns"].get<std::uint64_t>(), 60'000'000'000u);
  EXPECT_THAT(run_tool({"echo", "ticks", "--once"}).out, HasSubstr(" old): number=1"));
  const auto rows = lines_of(run_tool({"echo", "ticks", "--once", "--csv"}).out);
  EXPECT_THAT(rows[0], StartsWith("seq,lost,skipped,age_ns,number"));
}

TEST_F(EchoTest, AKilledWritersLastElementIsShownAndASuccessorsToo)
{
  auto broadcast = Broadcast<Tick>::create("ticks", 16);
  ASSERT_TRUE(broadcast) << broadcast.error().message;
  Child child = Child::start([&] {
    auto mine = Broadcast<Tick>::open("ticks");
    auto writer = mine->writer();
    ASSERT_EQ(writer->publish(tick(0)), Status::ok);
    *ready_ = 1;
    for (;;)
      pause();
  });
  ASSERT_TRUE(eventually([&] { return *ready_ != 0; }));
  Tool tool = Tool::start({"echo", "ticks"});
  child.kill_now();
  ASSERT_TRUE(eventually([&] { return tool.err().find("the writer was killed") != std::string::npos; }));
  auto writer = broadcast->writer();
  ASSERT_TRUE(writer);
  ASSERT_EQ(writer->publish(tick(1)), Status::ok);
  ASSERT_TRUE(eventually([&] { return lines_of(tool.out()).size() == 2; }));
  writer->close();
  const Outcome outcome = tool.wait();
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("#0: number=0"), HasSubstr("#1: number=1")));
}

TEST_F(EchoTest, FollowGoesOnBehindTheEndUntilNobodyElseHoldsTheChannel)
{
  auto ring = std::make_unique<SpscRing<Tick>>(SpscRing<Tick>::create("ticks", 16).value());
  ring->producer()->close();
  Tool tool = Tool::start({"echo", "ticks", "--follow"});
  ASSERT_TRUE(eventually([&] {
    return read_file("/proc/" + std::to_string(tool.pid()) + "/maps").find(space_.path()) != std::string::npos;
  }));
  {
    auto producer = ring->producer();
    ASSERT_EQ(producer->try_push(tick(0)), Status::ok);
    ASSERT_TRUE(eventually([&] { return !tool.out().empty(); }));
  }
  ring.reset();
  const Outcome outcome = tool.wait();
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.err, HasSubstr("1 shown, 0 lost (nobody else holds the channel any more)"));
  EXPECT_TRUE(object_files(space_.path()).empty());
}

TEST_F(EchoTest, AReaderThatGoesAwayEndsItQuietly)
{
  const Child running = writer([] {
    auto broadcast = Broadcast<Tick>::create("ticks", 64).value();
    return [broadcast, writer = broadcast.writer().value()](std::uint64_t i) mutable {
      (void)writer.publish(tick(i));
      usleep(100);
    };
  });
  const auto with_pipe = [](std::size_t read_bytes) {
    int ends[2] = {-1, -1};
    EXPECT_EQ(pipe(ends), 0);
    Tool tool = Tool::start({"echo", "ticks"}, RTLANE_TOOL, [&] {
      close(ends[0]);
      return dup2(ends[1], 1) == 1 && close(ends[1]) == 0;
    });
    close(ends[1]);
    std::string text(read_bytes, '\0');
    for (std::size_t done = 0; done < read_bytes;) {
      const ssize_t got = read(ends[0], text.data() + done, read_bytes - done);
      if (got <= 0)
        break;
      done += static_cast<std::size_t>(got);
    }
    close(ends[0]);
    const Outcome outcome = tool.wait();
    EXPECT_EQ(outcome.status, 0);
    EXPECT_EQ(outcome.err, "");
  };
  with_pipe(100);
  with_pipe(0);

  // Ctrl-C while the pipe is full and nobody reads.
  int ends[2] = {-1, -1};
  ASSERT_EQ(pipe(ends), 0);
  Tool stuck = Tool::start({"echo", "ticks"}, RTLANE_TOOL, [&] { return dup2(ends[1], 1) == 1; });
  const auto waiting = [&] {
    int bytes = 0;
    return ioctl(ends[0], FIONREAD, &bytes) == 0 ? bytes : -1;
  };
  // Pages of a pipe need not be filled to the last byte.
  ASSERT_TRUE(eventually([&] {
    const int before = waiting();
    usleep(50'000);
    return before > 30'000 && waiting() == before;
  }));
  stuck.signal(SIGTERM);
  EXPECT_EQ(stuck.wait().status, 0);
  close(ends[0]);
  close(ends[1]);
}

TEST_F(EchoTest, WhatCannotBeShownIsAFailureThatSaysWhy)
{
  const auto refused = [](const std::string& name, const char* said) {
    const Outcome outcome = run_tool({"echo", name});
    EXPECT_EQ(outcome.status, 1) << name;
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err, AllOf(StartsWith("rtlane echo: "), HasSubstr(said)));
  };
  refused("nobody", "there is no object called 'nobody'");
  const Shm memory = Shm::create("memory", 100'000);
  ASSERT_EQ(memory.result, 0);
  memory.memory[5] = 1;
  refused("memory", "holds no channel");
  rtlane_handle event = 0;
  ASSERT_GE(rtlane_event_create("event", 1, 0, nullptr, &event), 0) << rtlane_error_message();
  refused("event", "'event' is an event, no channel");
  Child child = Child::start([] {
    auto ring = SpscRing<Tick>::create("orphan", 16);
    kill(getpid(), SIGKILL);
  });
  ASSERT_EQ(child.wait(), -SIGKILL);
  refused("orphan", "its processes were killed");

  auto ring = SpscRing<Tick>::create("damaged", 16);
  ASSERT_TRUE(ring);
  const Shm object = Shm::open("damaged");
  const auto layout = ring->channel().layout();
  auto* words = const_cast<std::uint64_t*>(object.as<std::uint64_t>());
  words[layout.slots_offset / 8] = 0x0001'0000'0000'0005;  // of another slot
  refused("damaged", "words in it that no writer writes");
  words[512 / 8] ^= 0xff;  // the table
  refused("damaged", "is damaged");
}

TEST_F(EchoTest, OutputThatCannotBeWrittenIsAFailure)
{
  auto ring = SpscRing<Tick>::create("ticks", 16);
  ASSERT_EQ(ring->producer()->try_push(tick(0)), Status::ok);
  const Outcome outcome = run_tool({"echo", "ticks"}, [] {
    const int full = open("/dev/full", O_WRONLY);
    return dup2(full, 1) == 1;
  });
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err, HasSubstr("standard output cannot be written: No space left on device"));
}

}  // namespace
}  // namespace rtlane::test
