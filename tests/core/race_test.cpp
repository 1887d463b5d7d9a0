// 64 processes create, open and close one name as fast as they can, while some of them are killed at any moment.
//
// What must hold: one creator per generation; nobody holds memory whose name is gone; nobody sees what another
// generation wrote; nothing is left at the end. The idle time between two uses is steered so that about one process
// holds the object at a time: then most generations begin and end in a crowd. One long generation would prove nothing,
// so too few of them fail the test.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>

#include <algorithm>
#include <atomic>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "support/child.hpp"
#include "support/mounts.hpp"
#include "support/sanitizer.hpp"
#include "support/seccomp.hpp"
#include "support/shared_page.hpp"
#include "support/shm.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

constexpr char kName[] = "race";
constexpr size_t kWorkers = 64;
constexpr size_t kGenerationMax = 1 << 20;
constexpr int64_t kHoldUs = 200;

// The object's memory: every word is 0 or the generation that wrote it.
struct Content {
  static constexpr size_t kWords = 500;
  std::atomic<uint64_t> creators;
  std::atomic<uint64_t> words[kWords];
};
constexpr uint64_t kBytes = 4096;
static_assert(sizeof(Content) <= kBytes);

struct Slot {
  std::atomic<int64_t> hold_begin_ns{0};  // 0 = holds nothing
};

struct Board {
  std::atomic<bool> stop{false};
  std::atomic<int64_t> idle_us{20000};
  std::atomic<int64_t> held_ns{0};
  std::atomic<uint64_t> creates{0};
  std::atomic<uint64_t> opens{0};
  std::atomic<uint64_t> read_only_opens{0};
  std::atomic<uint64_t> misses{0};
  std::atomic<uint64_t> forks{0};
  std::atomic<uint64_t> suicides{0};
  std::atomic<uint64_t> generation_count{0};
  std::atomic<uint64_t> generations[kGenerationMax]{};
  Slot slots[kWorkers];
  std::atomic<uint32_t> complaint_count{0};
  char complaints[8][400]{};

  [[gnu::format(printf, 2, 3)]] void complain(const char* format, ...)
  {
    const uint32_t index = complaint_count.fetch_add(1);
    if (index < 8) {
      va_list arguments;
      va_start(arguments, format);
      std::vsnprintf(complaints[index], sizeof(complaints[index]), format, arguments);
      va_end(arguments);
    }
  }
};

#ifdef RTLANE_TEST_LONG
constexpr uint64_t kGenerationsMin = 1000;
#else
constexpr uint64_t kGenerationsMin = 100;
#endif

struct RaceOptions {
  int64_t duration_ms = 20 * kGenerationsMin;  // at least
  uint64_t generations_min = kGenerationsMin;
  int64_t give_up_ms = 60000;  // a busy machine may take longer for so many generations
  uint64_t bytes = kBytes;
  uint32_t huge = RTLANE_NEVER;
  bool refuse_tmpfile = false;
  bool expect_tier_hugetlb = false;
};

class Worker {
public:
  Worker(Board& board, size_t index, const RaceOptions& options, const std::string& directory, uint64_t seed)
      : board_(board), slot_(board.slots[index]), options_(options), directory_(directory), random_(seed)
  {}

  int run()
  {
    if (options_.refuse_tmpfile && !refuse_tmpfile()) {
      board_.complain("seccomp is refused");
      return 0;
    }
    idle();
    while (!board_.stop)
      round();
    return 0;
  }

private:
  bool chance(unsigned percent) { return random_() % 100 < percent; }
  int64_t about(int64_t us) { return us <= 0 ? 0 : static_cast<int64_t>(random_() % static_cast<uint64_t>(2 * us)); }
  void idle() { sleep_us(about(board_.idle_us)); }

  void round()
  {
    rtlane_shm_options options = small_pages();
    options.huge = options_.huge;
    const unsigned dice = static_cast<unsigned>(random_() % 100);
    const bool creating = dice < 60;
    options.read_only = !creating && dice < 80;
    Shm object = creating ? Shm::create(kName, options_.bytes, &options) : Shm::open(kName, &options);
    if (object.result == -ENOENT && !creating) {
      ++board_.misses;
      idle();
      return;
    }
    if (object.result < 0 || (object.result == 1 && !creating)) {
      board_.complain("%s answered %d: %s", creating ? "create" : "open", object.result, rtlane_error_message());
      idle();
      return;
    }
    slot_.hold_begin_ns = now_ns();
    ++(creating && object.result == 0 ? board_.creates : options.read_only ? board_.read_only_opens : board_.opens);
    use(object, creating && object.result == 0, options.read_only != 0);
    const unsigned end = static_cast<unsigned>(random_() % 100);
    if (end < 8)
      leave_to_a_fork_child(object);
    if (end < 12) {
      ++board_.suicides;
      object.leak();
      kill(getpid(), SIGKILL);
    }
    if (end < 14)
      std::exit(0);  // its handlers give the object back
    if (const int error = object.close(); error != 0)
      board_.complain("close answered %d: %s", error, rtlane_error_message());
    board_.held_ns += now_ns() - slot_.hold_begin_ns.exchange(0);
    idle();
  }

  void use(const Shm& object, bool created, bool reading)
  {
    Content& content = *reinterpret_cast<Content*>(const_cast<unsigned char*>(object.memory));
    const rtlane_shm_certificate certificate = object.certificate();
    const uint64_t generation = certificate.generation;
    if (options_.expect_tier_hugetlb && certificate.tier != RTLANE_TIER_HUGETLB)
      board_.complain("no huge page: %s", certificate.page_reason);
    if (created) {
      if (const uint64_t others = content.creators.fetch_add(1); others != 0)
        board_.complain("generation %016lx has %lu creators", generation, others + 1);
      const uint64_t index = board_.generation_count.fetch_add(1);
      if (index < kGenerationMax)
        board_.generations[index] = generation;
    }
    check(content, generation);
    if (!reading)
      content.words[random_() % Content::kWords] = generation;
    sleep_us(about(kHoldUs));
    check(content, generation);
    check_name(object, generation);
  }

  void check(const Content& content, uint64_t generation)
  {
    for (size_t i = 0; i < Content::kWords; ++i) {
      const uint64_t word = content.words[i];
      if (word != 0 && word != generation) {
        board_.complain("generation %016lx sees %016lx, which another one wrote", generation, word);
        return;
      }
    }
    if (content.creators > 1)
      board_.complain("generation %016lx has %lu creators", generation, content.creators.load());
  }

  // While we hold it, the name leads to our object and to no other.
  void check_name(const Shm& object, uint64_t generation)
  {
    if (object.certificate().unlinked != 0)
      board_.complain("generation %016lx is held, and its certificate says unlinked", generation);
    bool found = false;
    for (const std::string& file : object_files(directory_)) {
      if (file.rfind("race~", 0) != 0)
        continue;
      uint64_t header[4] = {};
      const int fd = open((directory_ + "/" + file).c_str(), O_RDONLY | O_CLOEXEC);
      if (fd < 0 || pread(fd, header, sizeof(header), 0) != sizeof(header))
        board_.complain("generation %016lx is held, and its file cannot be read", generation);
      else if (header[3] != generation)
        board_.complain("generation %016lx is held, and the name leads to %016lx", generation, header[3]);
      if (fd >= 0)
        close(fd);
      found = true;
    }
    if (!found)
      board_.complain("generation %016lx is held, and it has no file", generation);
  }

  // The object goes on living in a child, which ends it in one of three ways; its parent is free of it.
  void leave_to_a_fork_child(Shm& object)
  {
    const unsigned way = static_cast<unsigned>(random_() % 3);
    const int64_t hold_us = about(kHoldUs);
    const pid_t child = fork();
    if (child == 0) {
      const int64_t begin = now_ns();
      const uint64_t generation = object.certificate().generation;
      sleep_us(hold_us);
      check(*reinterpret_cast<Content*>(const_cast<unsigned char*>(object.memory)), generation);
      check_name(object, generation);
      if (way == 0 && object.close() != 0)
        board_.complain("close in a fork child: %s", rtlane_error_message());
      board_.held_ns += now_ns() - begin;
      object.leak();
      if (way == 1)
        std::exit(0);
      if (way == 2)
        kill(getpid(), SIGKILL);
      _exit(0);
    }
    ++board_.forks;
  }

  Board& board_;
  Slot& slot_;
  const RaceOptions& options_;
  const std::string& directory_;
  std::mt19937_64 random_;
};

void race(const RaceOptions& options, const std::string& parent = "/dev/shm")
{
  const Watchdog watchdog(110);
  const TempNamespace place(parent);
  const SharedPage<Board> board;
  prctl(PR_SET_CHILD_SUBREAPER, 1);  // fork children of killed workers are waited for at the end
  const char* seed_text = std::getenv("RTLANE_TEST_SEED");
  uint64_t seed = seed_text != nullptr ? std::strtoull(seed_text, nullptr, 0) : std::random_device()();
  std::printf("seed %lu (RTLANE_TEST_SEED)\n", seed);
  std::mt19937_64 random(seed);

  // An instrumented build is many times slower, and there to find wrong accesses.
  const uint64_t generations_min = options.generations_min / (built_with_sanitizer ? 50 : 1);

  const auto start = [&](size_t index) {
    const uint64_t worker_seed = random();
    return Child::start(
        [&, index, worker_seed] { return Worker(*board, index, options, place.path(), worker_seed).run(); });
  };
  std::vector<Child> workers;
  for (size_t i = 0; i < kWorkers; ++i)
    workers.push_back(start(i));

  const int64_t begin = now_ns();
  int64_t last_ns = begin;
  int64_t last_held_ns = 0;
  // In the beginning, when the idle time is not steered yet, all come at once: that is not counted.
  int64_t crowd_begin_ns = 0;
  int64_t crowd_held_ns = 0;
  uint64_t kills = 0;
  uint64_t ends = 0;
  const auto going_on = [&] {
    const int64_t elapsed_ms = (now_ns() - begin) / 1000000;
    return board->complaint_count == 0 &&
           (elapsed_ms < options.duration_ms ||
            (board->generation_count < generations_min && elapsed_ms < options.give_up_ms));
  };
  while (going_on()) {
    sleep_us(2000);
    if (random() % 2 == 0) {
      workers[random() % kWorkers].signal(SIGKILL);
      ++kills;
    }
    for (size_t i = 0; i < kWorkers; ++i) {
      int status = 0;
      if (waitpid(workers[i].pid(), &status, WNOHANG) != workers[i].pid())
        continue;
      workers[i].forget();
      ++ends;
      if (status != 0 && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
        board->complain("a worker ended with status 0x%x", static_cast<unsigned>(status));
      if (const int64_t since = board->slots[i].hold_begin_ns.exchange(0); since != 0)
        board->held_ns += now_ns() - since;
      workers[i] = start(i);
    }
    if (crowd_begin_ns == 0 && board->generation_count >= generations_min / 4) {
      crowd_begin_ns = now_ns();
      crowd_held_ns = board->held_ns;
    }
    // Steer the idle time once in 100 ms by the mean number of holders in that time.
    const int64_t now = now_ns();
    if (now - last_ns >= 100000000) {
      const int64_t held = board->held_ns;
      const double mean = static_cast<double>(held - last_held_ns) / static_cast<double>(now - last_ns);
      last_ns = now;
      last_held_ns = held;
      const double factor = std::clamp(mean / 0.9, 0.6, 1.6);
      board->idle_us =
          std::clamp<int64_t>(static_cast<int64_t>(static_cast<double>(board->idle_us) * factor), 100, 1000000);
    }
  }
  const double mean_holders =
      static_cast<double>(board->held_ns - crowd_held_ns) / static_cast<double>(now_ns() - crowd_begin_ns);
  board->stop = true;
  for (Child& worker : workers) {
    if (const int status = worker.wait(); status != 0 && status != -SIGKILL)
      board->complain("a worker ended with status %d", status);
  }
  while (waitpid(-1, nullptr, 0) > 0) {
  }
  prctl(PR_SET_CHILD_SUBREAPER, 0);

  const uint64_t generations = board->generation_count;
  std::printf(
      "%lu generations, mean holders %.2f, %lu creates, %lu opens, %lu read-only opens, %lu found nothing, "
      "%lu fork children, %lu kills from outside, %lu from inside, %lu process ends\n",
      generations, mean_holders, board->creates.load(), board->opens.load(), board->read_only_opens.load(),
      board->misses.load(), board->forks.load(), kills, board->suicides.load(), ends);
  for (uint32_t i = 0; i < std::min<uint32_t>(board->complaint_count, 8); ++i)
    ADD_FAILURE() << board->complaints[i];
  EXPECT_EQ(board->complaint_count, 0u);

  ASSERT_LT(generations, kGenerationMax);
  std::set<uint64_t> distinct;
  for (uint64_t i = 0; i < generations; ++i)
    distinct.insert(board->generations[i]);
  EXPECT_EQ(distinct.size(), generations) << "two creators of one generation";
  EXPECT_GE(generations, generations_min) << "too few to prove anything";
  EXPECT_GT(mean_holders, 0.3) << "not a crowd";
  // The aim is about one; a machine that is busy with other things delays closing. All 64 at once would be one
  // long generation.
  if (!built_with_sanitizer) {
    EXPECT_LT(mean_holders, 10.0) << "generations are too long to prove anything";
  }
  EXPECT_GT(board->opens + board->read_only_opens, generations / 10);

  Child last = Child::start([&] {
    Shm object = Shm::create(kName, kBytes);
    EXPECT_EQ(object.result, 0) << rtlane_error_message();
    EXPECT_TRUE(all_zero(object.memory, kBytes));
    EXPECT_EQ(object.close(), 0) << rtlane_error_message();
    EXPECT_THAT(object_files(place.path()), ::testing::IsEmpty()) << "a leak";
  });
  EXPECT_EQ(last.wait(), 0);
}

TEST(Race, SixtyFourProcessesOnOneName)
{
  race(RaceOptions());
}

TEST(Race, WhereTheFileSystemRefusesUnnamedTemporaryFiles)
{
  if (const std::string problem = seccomp_problem(); !problem.empty())
    GTEST_SKIP() << problem;
  RaceOptions options;
  options.duration_ms /= 2;
  options.generations_min /= 2;
  options.refuse_tmpfile = true;
  race(options);
}

TEST(Race, WithPayloadsInHugePages)
{
  const HugePages pages(96);
  if (!pages.problem().empty())
    GTEST_SKIP() << pages.problem();
  const unsigned free_before = HugePages::free_pages();
  RaceOptions options;
  options.duration_ms /= 2;
  options.generations_min /= 2;
  options.bytes = 2 << 20;
  options.huge = RTLANE_REQUIRED;
  options.expect_tier_hugetlb = true;
  race(options);
  EXPECT_THAT(pages.payloads(), ::testing::IsEmpty());
  EXPECT_EQ(HugePages::free_pages(), free_before) << "huge pages are lost";
}

}  // namespace
}  // namespace rtlane::test
