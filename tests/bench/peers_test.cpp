// Every peer in every message size, as the benchmark uses it: what goes in comes out, whole, in order and once; what a
// peer leaves in the system goes with it, in whatever way its users end.
#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <mqueue.h>
#include <sched.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "bench/latency/candidates.hpp"
#include "bench/peers/descriptor.hpp"
#include "bench/peers/peers.hpp"
#include "support/child.hpp"
#include "support/sanitizer.hpp"
#include "support/shared_page.hpp"
#include "support/temp_namespace.hpp"
#include "support/watchdog.hpp"

namespace rtlane::bench {

// How googletest shows a parameter.
static void PrintTo(const AnyLinkMaker& link, std::ostream* out)
{
  *out << link.info.name << " with " << link.bytes << " bytes";
}

}  // namespace rtlane::bench

namespace rtlane::test {
namespace {

using bench::AnyEnd;
using bench::AnyLink;
using bench::AnyLinkMaker;
using bench::Reach;
using bench::Received;

std::vector<AnyLinkMaker> all_links()
{
  return bench::all_peer_links();
}

// The smallest and the largest message of each peer: what lies between is the same code.
std::vector<AnyLinkMaker> tested_links()
{
  std::vector<AnyLinkMaker> links = all_links();
  std::erase_if(links, [](const AnyLinkMaker& link) {
    return link.bytes != bench::message_sizes.front() && link.bytes != bench::message_sizes.back();
  });
  return links;
}

std::vector<AnyLinkMaker> one_of_each_peer()
{
  std::vector<AnyLinkMaker> links = all_links();
  std::erase_if(links, [](const AnyLinkMaker& link) { return link.bytes != bench::message_sizes.back(); });
  return links;
}

std::string test_name(const testing::TestParamInfo<AnyLinkMaker>& link)
{
  std::string name = std::string(link.param.info.name) + "_" + std::to_string(link.param.bytes);
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

constexpr std::size_t room_bytes = 4 << 20;  // enough for every link

// What the processes of a test tell one another.
struct Board {
  std::atomic<int> attached;
  std::atomic<std::uint64_t> accepted;
  std::atomic<std::uint64_t> received;
  std::array<std::atomic<std::uint64_t>, 2> received_of;  // each producer
  std::array<std::atomic<pid_t>, 3> sides;
};

using Side = std::function<void(AnyEnd&, Board&)>;

// Names of a directory's entries that hold one of the words.
void list_files(const std::string& directory, const std::vector<std::string>& words, std::set<std::string>& found)
{
  DIR* entries = opendir(directory.c_str());
  if (entries == nullptr)
    return;
  while (const dirent* entry = readdir(entries)) {
    const std::string name = entry->d_name;
    if (std::any_of(words.begin(), words.end(),
                    [&](const std::string& word) { return name.find(word) != std::string::npos; }))
      found.insert(directory + "/" + name);
  }
  closedir(entries);
}

// All that links of this name, and daemons, have in the system now.
std::set<std::string> traces(const std::string& link_name)
{
  std::set<std::string> found;
  list_files("/dev/shm", {link_name, "iceoryx"}, found);
  list_files("/tmp", {link_name, "roudi"}, found);
  for (const char* direction : {"-there", "-back"}) {
    const std::string queue = "/" + link_name + direction;
    if (const mqd_t opened = mq_open(queue.c_str(), O_RDONLY); opened >= 0) {
      found.insert("message queue " + queue);
      mq_close(opened);
    }
  }
  std::ifstream sockets("/proc/net/unix");
  for (std::string line; std::getline(sockets, line);) {
    if (line.find(link_name) != std::string::npos)
      found.insert("socket " + line.substr(line.rfind(' ') + 1));
  }
  std::set<std::string> processes;
  list_files("/proc", {""}, processes);
  for (const std::string& process : processes) {
    std::string command;
    if (std::getline(std::ifstream(process + "/comm"), command) && command == "iox-roudi")
      found.insert(command + " in " + process);
  }
  return found;
}

class Peers : public testing::TestWithParam<AnyLinkMaker> {
protected:
  void SetUp() override
  {
    if (GetParam().make == nullptr)
      GTEST_SKIP() << "not installed: " << GetParam().info.package;
    if (built_with_thread_sanitizer)
      GTEST_SKIP() << "the peers' libraries are not instrumented, so what they order looks like races";
    // A daemon is one for the machine, and these tests look at what is left on it: one of them runs at a time.
    only_one_ = bench::Descriptor(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    ASSERT_EQ(flock(only_one_.get(), LOCK_EX), 0);
    before_ = traces(name_);
  }

  [[nodiscard]] bool bounded() const { return GetParam().info.kind != "pubsub"; }

  // A process that makes the link, starts the sides and waits for them, as the benchmark does.
  Child start(const std::vector<Side>& near, const Side& far)
  {
    return Child::start([&] {
      {
        bench::SharedRoom shared(room_bytes);
        bench::LinkRoom room{shared, name_};
        const std::unique_ptr<AnyLink> link = GetParam().make(room);
        std::vector<std::function<void()>> bodies = {[&] { run([&] { return link->far_end(); }, far); }};
        for (const Side& side : near)
          bodies.emplace_back([&] { run([&] { return link->near_end(); }, side); });
        ends_ = static_cast<int>(bodies.size());
        if (GetParam().info.reach == Reach::processes)
          run_as_processes(bodies);
        else
          run_as_threads(bodies);
      }
      std::exit(HasFailure() ? 1 : 0);  // not _exit: a daemon is ended by a destructor
    });
  }

  void run_all(const std::vector<Side>& near, const Side& far)
  {
    EXPECT_EQ(start(near, far).wait(), 0);
    EXPECT_EQ(traces(name_), before_);
  }

  void expect_no_new_traces()
  {
    EXPECT_TRUE(eventually([&] { return traces(name_) == before_; }))
        << testing::PrintToString(traces(name_)) << ", before: " << testing::PrintToString(before_);
  }

  Board& board() { return *board_; }
  void expect_sides_to_be_killed() { ending_ = -SIGKILL; }

private:
  void run_as_processes(const std::vector<std::function<void()>>& bodies)
  {
    std::vector<Child> sides;
    for (const auto& body : bodies)
      sides.push_back(Child::start(body));
    for (Child& side : sides)
      EXPECT_EQ(side.wait(), ending_);
  }

  void run_as_threads(const std::vector<std::function<void()>>& bodies)
  {
    Child all = Child::start([&] {
      std::vector<std::thread> sides;
      for (const auto& body : bodies)
        sides.emplace_back(body);
      for (std::thread& side : sides)
        side.join();
    });
    EXPECT_EQ(all.wait(), ending_);
  }

  // An end stays until all are through: what one has sent may go with it.
  template <class MakeEnd>
  void run(const MakeEnd& make_end, const Side& side)
  {
    const std::unique_ptr<AnyEnd> end = make_end();
    board_->sides.at(static_cast<std::size_t>(board_->attached++)) = getpid();
    await_ends(ends_);
    side(*end, *board_);
    ++board_->attached;
    await_ends(2 * ends_);
  }
  void await_ends(int count)
  {
    while (board_->attached < count)
      sleep_us(100);
  }

  const std::string name_ = "rtlane-peers-test-" + std::to_string(getpid());
  bench::Descriptor only_one_;
  std::set<std::string> before_;
  TempNamespace space_;
  SharedPage<Board> board_;
  int ends_ = 0;
  int ending_ = 0;
};

constexpr std::uint64_t messages = 10'000;
constexpr std::uint64_t window = 8;  // below the smallest capacity, that of POSIX queues

void send(AnyEnd& end, std::uint64_t number)
{
  while (!end.try_send(number))
    sched_yield();
}

void expect_next(AnyEnd& end, std::uint64_t expected)
{
  std::uint64_t number = 0;
  Received received;
  while ((received = end.try_receive(number)) == Received::nothing)
    sched_yield();
  ASSERT_EQ(received, Received::whole);
  ASSERT_EQ(number, expected);
}

TEST_P(Peers, CarriesEveryMessageThereAndBackOnceAndInOrder)
{
  Watchdog watchdog(100);
  run_all({[](AnyEnd& end, Board&) {
            std::uint64_t sent = 0;
            for (std::uint64_t got = 1; got <= messages; ++got) {
              while (sent < messages && sent < got - 1 + window)
                send(end, ++sent);
              ASSERT_NO_FATAL_FAILURE(expect_next(end, got));
            }
            std::uint64_t number = 0;
            EXPECT_EQ(end.try_receive(number), Received::nothing);
          }},
          [](AnyEnd& end, Board&) {
            for (std::uint64_t got = 1; got <= messages; ++got) {
              ASSERT_NO_FATAL_FAILURE(expect_next(end, got));
              send(end, got);
            }
            std::uint64_t number = 0;
            EXPECT_EQ(end.try_receive(number), Received::nothing);
          });
}

TEST_P(Peers, SaysWhenThereIsNothingAndSleepsIfItSaysSo)
{
  Watchdog watchdog(100);
  const bool blocks = GetParam().info.blocks;
  const Side look = [blocks](AnyEnd& end, Board&) {
    const std::int64_t before = now_ns();
    std::uint64_t number = 0;
    EXPECT_EQ(end.try_receive(number), Received::nothing);
    if (blocks) {
      EXPECT_GE(now_ns() - before, bench::link_patience_ms * 1'000'000L / 2);
    }
  };
  run_all({look}, look);
}

// Nobody receives until the sender is told that there is no room; afterwards everything is there and it goes on.
TEST_P(Peers, SaysWhenItIsFullAndHasKeptWhatItTook)
{
  Watchdog watchdog(100);
  const bool is_bounded = bounded();
  run_all({[is_bounded](AnyEnd& end, Board& board) {
            const std::uint64_t most = is_bounded ? 1'000'000 : 2'000;
            std::uint64_t sent = 0;
            while (sent < most && end.try_send(sent + 1))
              ++sent;
            EXPECT_GT(sent, 0u);
            if (is_bounded) {
              EXPECT_LT(sent, most);
            }
            board.accepted = sent;
            while (board.received != sent)
              sched_yield();
            send(end, sent + 1);
          }},
          [is_bounded](AnyEnd& end, Board& board) {
            while (board.accepted == 0)
              sleep_us(100);
            std::uint64_t last = 0;
            while (last < board.accepted) {
              std::uint64_t number = 0;
              const Received received = end.try_receive(number);
              if (received == Received::nothing)
                continue;
              ASSERT_EQ(received, Received::whole);
              if (is_bounded) {
                ASSERT_EQ(number, last + 1);
              } else {
                ASSERT_GT(number, last);  // the oldest ones were lost
              }
              last = number;
            }
            board.received = last;
            expect_next(end, last + 1);
          });
}

TEST_P(Peers, TakesMessagesOfSeveralProducersIfItSaysSo)
{
  if (!GetParam().info.many)
    GTEST_SKIP() << GetParam().info.name << " has one end on each side";
  Watchdog watchdog(100);
  constexpr std::uint64_t each = 2'000;
  constexpr std::uint64_t limit = 1 << 16;
  const auto producer = [](std::size_t which) {
    return [which](AnyEnd& end, Board& board) {
      for (std::uint64_t sent = 1; sent <= each; ++sent) {
        send(end, which * limit + sent);
        while (sent - board.received_of[which] == window / 2)
          sched_yield();
      }
    };
  };
  run_all({producer(0), producer(1)}, [](AnyEnd& end, Board& board) {
    for (std::uint64_t all = 0; all < 2 * each;) {
      std::uint64_t number = 0;
      const Received received = end.try_receive(number);
      if (received == Received::nothing) {
        sched_yield();
        continue;
      }
      ASSERT_EQ(received, Received::whole);
      ASSERT_LT(number, 2 * limit);
      ASSERT_EQ(number % limit, ++board.received_of[number / limit]);
      ++all;
    }
  });
}

INSTANTIATE_TEST_SUITE_P(All, Peers, testing::ValuesIn(tested_links()), test_name);

class PeerKills : public Peers {
protected:
  // Both sides send and receive until they are killed.
  Child start_endless()
  {
    const Side near = [](AnyEnd& end, Board& board) {
      for (std::uint64_t number = 1;; ++number) {
        send(end, number);
        expect_next(end, number);
        board.received = number;
      }
    };
    const Side far = [](AnyEnd& end, Board&) {
      for (std::uint64_t number = 1;; ++number) {
        expect_next(end, number);
        send(end, number);
      }
    };
    return start({near}, far);
  }

  void await_traffic()
  {
    while (board().received < 10)
      sleep_us(100);
  }
};

TEST_P(PeerKills, NothingIsLeftWhenBothSidesAreKilled)
{
  Watchdog watchdog(100);
  expect_sides_to_be_killed();
  Child bench = start_endless();
  await_traffic();
  for (const std::size_t side : {0, 1})
    kill(board().sides[side], SIGKILL);
  EXPECT_EQ(bench.wait(), 0);
  expect_no_new_traces();
}

TEST_P(PeerKills, NothingIsLeftWhenTheBenchmarkIsKilled)
{
  Watchdog watchdog(100);
  Child bench = start_endless();
  await_traffic();
  bench.kill_now();
  expect_no_new_traces();
}

INSTANTIATE_TEST_SUITE_P(All, PeerKills, testing::ValuesIn(one_of_each_peer()), test_name);

TEST(PeerTable, HoldsEveryPeerInEverySize)
{
  const std::set<std::string> expected = {
      "boost/spsc_queue",  "boost/queue",       "boost/message_queue", "moodycamel/ConcurrentQueue",
      "atomic_queue/spsc", "atomic_queue/mpmc", "linux/eventfd+shm",   "moodycamel/ReaderWriterQueue",
      "ck/ring_spsc",      "ck/ring_mpmc",      "linux/seqpacket",     "xenium/vyukov_bounded_queue",
      "posix/mq",          "linux/pipe",        "iceoryx/pubsub",      "zeromq/ipc",
      "cyclonedds/pubsub",
  };
  const bench::Candidates candidates = bench::all_peers();
  const std::vector<AnyLinkMaker> links = all_links();
  ASSERT_EQ(candidates.size(), links.size());
  std::multiset<std::string> names;
  for (std::size_t i = 0; i < links.size(); ++i) {
    names.emplace(links[i].info.name);
    EXPECT_EQ(candidates[i].info.name, links[i].info.name);
    EXPECT_EQ(candidates[i].bytes, links[i].bytes);
    EXPECT_EQ(candidates[i].make == nullptr, links[i].make == nullptr) << links[i].info.name;
    if (links[i].make == nullptr) {
      EXPECT_NE(links[i].info.package, "") << links[i].info.name;
    }
  }
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()), expected);
  for (const std::string& name : expected)
    EXPECT_EQ(names.count(name), bench::message_sizes.size()) << name;
}

}  // namespace
}  // namespace rtlane::test
