// Foreign, cut and damaged files in the namespace: an error that says what is wrong, and nothing else disturbed.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <atomic>
#include <cstring>
#include <fstream>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "support/child.hpp"
#include "support/mounts.hpp"
#include "support/shared_page.hpp"
#include "support/shm.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kName[] = "bad input";
constexpr size_t kBytes = 8192;

// Offsets of layout version 2 (object_header.hpp), written down independently.
struct Field {
  const char* name;
  off_t offset;
  size_t bytes;
};
constexpr Field kMagic = {"magic", 0, 8};
constexpr Field kVersion = {"layout_version", 8, 4};
constexpr Field kWordBits = {"word_bits", 12, 4};
constexpr Field kHeaderBytes = {"header_bytes", 16, 4};
constexpr Field kKind = {"kind", 20, 4};
constexpr Field kFields[] = {
    kMagic,
    kVersion,
    kWordBits,
    kHeaderBytes,
    kKind,
    {"generation", 24, 8},
    {"size_bytes", 32, 8},
    {"mapped_bytes", 40, 8},
    {"payload_offset", 48, 8},
    {"page_bytes", 56, 8},
    {"locked_bytes", 64, 8},
    {"payload_inode", 72, 8},
    {"created_unix_ns", 80, 8},
    {"creator_pid", 88, 4},
    {"creator_uid", 92, 4},
    {"tier", 96, 4},
    {"numa_node", 100, 4},
    {"name_bytes", 104, 4},
};
constexpr off_t kNameOffset = 624;

std::string content_of(const std::string& path)
{
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

class BadInputFiles : public ::testing::Test {
protected:
  void SetUp() override
  {
    // Where this name's control file lies is learned, not assumed.
    struct Learned {
      char file[512] = {};
    };
    SharedPage<Learned> learned;
    Child child = Child::start([&] {
      const Shm object = Shm::create(kName, kBytes);
      ASSERT_EQ(object.result, 0) << rtlane_error_message();
      ASSERT_EQ(object_files(place_.path()).size(), 1u);
      std::strncpy(learned->file, object_files(place_.path())[0].c_str(), sizeof(learned->file) - 1);
    });
    ASSERT_EQ(child.wait(), 0);
    path_ = place_.path() + "/" + learned->file;
    // A neighbour that must not notice anything.
    const rtlane_shm_options options = small_pages();
    neighbour_ = Shm::create("neighbour", kBytes, &options);
    ASSERT_EQ(neighbour_.result, 0) << rtlane_error_message();
    neighbour_.memory[0] = 77;
  }

  void TearDown() override
  {
    EXPECT_EQ(neighbour_.memory[0], 77);
    EXPECT_EQ(neighbour_.certificate().unlinked, 0u);
    Child child = Child::start([&] {
      neighbour_.close();
      EXPECT_EQ(Shm::open("neighbour").result, 0) << rtlane_error_message();
    });
    EXPECT_EQ(child.wait(), 0);
  }

  // Somebody who has the object; the damage is done to the file of a live object.
  Child start_holder()
  {
    signals_->store(0);
    Child holder = Child::start([&] {
      const rtlane_shm_options options = small_pages();
      Shm object = Shm::create(kName, kBytes, &options);
      signals_->store(object.result == 0 ? 1 : 99);
      // However long the test takes: it is killed with it.
      while (signals_->load() != 2)
        sleep_us(1000);
      object.leak();
    });
    EXPECT_TRUE(eventually([&] { return signals_->load() != 0; }));
    EXPECT_EQ(signals_->load(), 1);
    return holder;
  }

  // In a process of its own, as damage that is missed may end it.
  struct Answer {
    int open = 0;
    int create = 0;
    int status = 0;
    std::string open_message;
    std::string create_message;
  };
  Answer ask()
  {
    struct Text {
      int open = 0;
      int create = 0;
      char open_message[600] = {};
      char create_message[600] = {};
    };
    SharedPage<Text> text;
    Child child = Child::start([&] {
      text->open = Shm::open(kName).result;
      std::strncpy(text->open_message, text->open < 0 ? rtlane_error_message() : "", 599);
      const Shm made = Shm::create(kName, kBytes);
      text->create = made.result;
      std::strncpy(text->create_message, text->create < 0 ? rtlane_error_message() : "", 599);
      // Whatever was opened can be used over the whole of the size it claims.
      if (made.result >= 0) {
        const rtlane_shm_certificate certificate = made.certificate();
        unsigned sum = 0;
        for (uint64_t byte = 0; byte < certificate.size_bytes && byte < (64 << 20); byte += 256)
          sum += made.memory[byte];
        made.memory[0] = static_cast<unsigned char>(sum);
      }
    });
    Answer answer;
    answer.status = child.wait();
    answer.open = text->open;
    answer.create = text->create;
    answer.open_message = text->open_message;
    answer.create_message = text->create_message;
    return answer;
  }

  void overwrite(off_t offset, const void* bytes, size_t count)
  {
    const int fd = open(path_.c_str(), O_WRONLY | O_CLOEXEC);
    ASSERT_GE(fd, 0);
    EXPECT_EQ(pwrite(fd, bytes, count, offset), static_cast<ssize_t>(count));
    close(fd);
  }
  void overwrite(const Field& field, uint64_t value) { overwrite(field.offset, &value, field.bytes); }

  // The state under which a listing shows the file.
  uint32_t listed_state()
  {
    struct Found {
      const std::string& path;
      uint32_t state = 0;
      std::string problem;
    } found{path_, 0, ""};
    rtlane_namespace_list(
        [](const rtlane_namespace_entry* entry, void* context) {
          Found& wanted = *static_cast<Found*>(context);
          if (wanted.path == entry->path)
            wanted.state = entry->state;
          return 0;
        },
        &found);
    return found.state;
  }

  Watchdog watchdog_{100};
  TempNamespace place_;
  std::string path_;
  Shm neighbour_;
  SharedPage<std::atomic<int>> signals_;
};

TEST_F(BadInputFiles, AForeignFileAtTheNamesPlaceIsSaidAndLeftAlone)
{
  for (const std::string& content : {std::string(), std::string("x"), std::string("notes of somebody\n"),
                                     std::string(4095, 'a'), std::string(4096, '\0'), std::string(100000, 'b')}) {
    SCOPED_TRACE(content.size());
    std::ofstream(path_, std::ios::binary) << content;
    const Answer answer = ask();
    EXPECT_EQ(answer.status, 0);
    EXPECT_EQ(answer.open, -EBADMSG);
    EXPECT_EQ(answer.create, -EBADMSG);
    EXPECT_THAT(answer.open_message, AllOf(HasSubstr(path_), HasSubstr("no rtlane object")));
    EXPECT_THAT(answer.create_message, AllOf(HasSubstr(path_), HasSubstr("no rtlane object")));
    EXPECT_GE(rtlane_gc(nullptr, nullptr), 0);
    EXPECT_EQ(listed_state(), uint32_t{RTLANE_ENTRY_FOREIGN});
    EXPECT_EQ(content_of(path_), content) << "somebody's file was changed";
    EXPECT_EQ(unlink(path_.c_str()), 0);
  }
  EXPECT_EQ(ask().create, 0) << "when it is gone the name is free";
}

TEST_F(BadInputFiles, WhatIsNoRegularFileIsSaidAndLeftAlone)
{
  const auto expect_refused = [&](const char* what) {
    SCOPED_TRACE(what);
    const Answer answer = ask();
    EXPECT_EQ(answer.status, 0);
    EXPECT_EQ(answer.open, -EBADMSG) << answer.open_message;
    EXPECT_EQ(answer.create, -EBADMSG) << answer.create_message;
    EXPECT_THAT(answer.create_message, HasSubstr(path_));
    EXPECT_GE(rtlane_gc(nullptr, nullptr), 0);
    EXPECT_EQ(listed_state(), uint32_t{RTLANE_ENTRY_FOREIGN});
    EXPECT_EQ(access(path_.c_str(), F_OK) == 0 || errno == ENOENT, true);
  };
  ASSERT_EQ(mkdir(path_.c_str(), 0700), 0);
  expect_refused("a directory");
  ASSERT_EQ(rmdir(path_.c_str()), 0);
  // An open that waits for a writer would hang here.
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  expect_refused("a FIFO");
  ASSERT_EQ(unlink(path_.c_str()), 0);
  const std::string target = place_.path() + "/target";
  std::ofstream(target) << "precious";
  ASSERT_EQ(symlink(target.c_str(), path_.c_str()), 0);
  expect_refused("a symbolic link");
  EXPECT_EQ(content_of(target), "precious");
  ASSERT_EQ(unlink(path_.c_str()), 0);
  ASSERT_EQ(symlink("/dev/zero", path_.c_str()), 0);
  expect_refused("a symbolic link to a device");
  ASSERT_EQ(unlink(path_.c_str()), 0);
  const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path_.size() < sizeof(address.sun_path)) {
    std::strncpy(address.sun_path, path_.c_str(), sizeof(address.sun_path) - 1);
    ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    expect_refused("a socket");
    ASSERT_EQ(unlink(path_.c_str()), 0);
  }
  close(listener);
}

TEST_F(BadInputFiles, EachHeaderFieldOfALiveObjectDamaged)
{
  for (const Field& field : kFields) {
    for (const uint64_t value :
         {UINT64_C(0), UINT64_C(1), UINT64_C(3), UINT64_C(0x7fffffff), ~UINT64_C(0), UINT64_C(1) << 40}) {
      SCOPED_TRACE(std::string(field.name) + " = " + std::to_string(value));
      Child holder = start_holder();
      const std::string before = content_of(path_);
      overwrite(field, value);
      const bool changed = content_of(path_) != before;
      const Answer answer = ask();
      EXPECT_EQ(answer.status, 0) << "the opener died of it";
      const std::set<int> codes = {0, -EBADMSG, -EPROTO, -EPROTOTYPE, -ENOMEM, -EACCES, -ENOENT};
      EXPECT_TRUE(codes.count(answer.open) == 1) << answer.open << " " << answer.open_message;
      const std::string name = field.name;
      if (changed && name == "magic") {
        EXPECT_EQ(answer.open, -EBADMSG);
      }
      if (changed && (name == "layout_version" || name == "word_bits")) {
        EXPECT_EQ(answer.open, -EPROTO);
        EXPECT_EQ(answer.create, -EPROTO);
      }
      if (changed && (name == "header_bytes" || name == "page_bytes" || name == "payload_offset" ||
                      name == "name_bytes" || name == "size_bytes")) {
        // 1 and 3 are sizes that fit into the mapped bytes.
        if (!(name == "size_bytes" && (value == 1 || value == 3))) {
          EXPECT_EQ(answer.open, -EBADMSG) << answer.open_message;
        }
      }
      if (answer.open < 0) {
        EXPECT_THAT(answer.open_message, HasSubstr(kName));
      }
      EXPECT_EQ(holder.running(), true);
      holder.kill_now();
      // An orphan of any version can be replaced; what has lost its magic number is nobody's business.
      const Answer after = ask();
      if (changed && name == "magic") {
        EXPECT_EQ(after.create, -EBADMSG);
      } else {
        EXPECT_EQ(after.open, -ENOENT) << after.open_message;
        EXPECT_EQ(after.create, 0) << after.create_message;
      }
      unlink(path_.c_str());
    }
  }
}

TEST_F(BadInputFiles, AnotherVersionAndWordSizeAreNamed)
{
  {
    Child holder = start_holder();
    overwrite(kVersion, 1);
    const Answer answer = ask();
    EXPECT_EQ(answer.open, -EPROTO);
    EXPECT_THAT(answer.open_message, AllOf(HasSubstr("version 1"), HasSubstr("2")));
    EXPECT_EQ(listed_state(), uint32_t{RTLANE_ENTRY_OTHER_VERSION});
    EXPECT_EQ(rtlane_gc(nullptr, nullptr), 0) << "it lives";
    holder.kill_now();
    EXPECT_EQ(rtlane_gc(nullptr, nullptr), 1) << "orphans of any version can be removed";
  }
  Child holder = start_holder();
  overwrite(kWordBits, 32);
  const Answer answer = ask();
  EXPECT_EQ(answer.open, -EPROTO);
  EXPECT_THAT(answer.open_message, HasSubstr("32-bit"));
  holder.kill_now();
}

TEST_F(BadInputFiles, AnotherKindIsSaid)
{
  Child holder = start_holder();
  overwrite(kKind, RTLANE_KIND_MUTEX);
  const Answer answer = ask();
  EXPECT_EQ(answer.open, -EPROTOTYPE);
  EXPECT_EQ(answer.create, -EPROTOTYPE);
  EXPECT_THAT(answer.open_message, HasSubstr("mutex"));
  overwrite(kKind, RTLANE_KIND_SHARED_MEMORY);
  EXPECT_EQ(ask().open, 0) << "the refused opener took nothing";
  holder.kill_now();
}

TEST_F(BadInputFiles, AnotherNameInTheHeaderIsAnErrorAndNoMatch)
{
  Child holder = start_holder();
  overwrite(kNameOffset, "B", 1);
  const Answer answer = ask();
  EXPECT_EQ(answer.open, -EBADMSG);
  EXPECT_EQ(answer.create, -EBADMSG);
  EXPECT_THAT(answer.open_message, AllOf(HasSubstr("bad input"), HasSubstr("Bad input")));
  holder.kill_now();
}

TEST_F(BadInputFiles, AFileThatIsCutShortIsRefused)
{
  for (const off_t size : {0, 1, 8, 20, 4095, 4096, 4097, 4096 + 8191}) {
    SCOPED_TRACE(size);
    Child holder = start_holder();
    ASSERT_EQ(truncate(path_.c_str(), size), 0);
    const Answer answer = ask();
    EXPECT_EQ(answer.status, 0) << "the opener died of it";
    EXPECT_EQ(answer.open, -EBADMSG) << answer.open_message;
    EXPECT_EQ(answer.create, -EBADMSG) << answer.create_message;
    holder.kill_now();
    unlink(path_.c_str());
  }
}

// Any bytes at all in the header: an answer, never a death, and the neighbour is not disturbed.
TEST_F(BadInputFiles, RandomDamageToTheHeaderNeverKillsTheOpener)
{
  const char* given = std::getenv("RTLANE_TEST_SEED");
  const uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 0) : std::random_device()();
  std::printf("seed %lu (RTLANE_TEST_SEED)\n", seed);
  std::mt19937_64 random(seed);
  Child holder = start_holder();
  const std::string good = content_of(path_);
  for (int round = 0; round < 600; ++round) {
    std::string bad = good.substr(0, 4096);
    for (uint64_t flips = 1 + random() % 4; flips > 0; --flips) {
      // The fields more often than the text.
      const size_t byte = random() % (random() % 4 == 0 ? 4096 : 112);
      bad[byte] = static_cast<char>(random() % 3 == 0 ? bad[byte] ^ (1 << (random() % 8)) : random() % 256);
    }
    overwrite(0, bad.data(), bad.size());
    const Answer answer = ask();
    ASSERT_EQ(answer.status, 0) << "seed " << seed << ", round " << round << ": " << answer.open_message;
    if (access(path_.c_str(), F_OK) != 0)
      FAIL() << "seed " << seed << ", round " << round << ": a live object was removed";
  }
  overwrite(0, good.data(), 4096);
  EXPECT_EQ(ask().open, 0) << "with its header back it works";
  holder.kill_now();
}

TEST_F(BadInputFiles, ForeignFilesInTheDirectoryAreNeverTouched)
{
  const std::vector<std::string> names = {"README",
                                          "a~b",
                                          ".hidden",
                                          ".tmp-of-somebody",
                                          "x.tmp",
                                          std::string(200, 'n'),
                                          "looks~0123456789abcdef0123456789abcdef"};
  for (const std::string& name : names)
    std::ofstream(place_.path() + "/" + name) << name;
  mkdir((place_.path() + "/directory").c_str(), 0700);
  EXPECT_EQ(ask().create, 0);
  EXPECT_GE(rtlane_gc(nullptr, nullptr), 0);
  for (const std::string& name : names)
    EXPECT_EQ(content_of(place_.path() + "/" + name), name);
  EXPECT_EQ(access((place_.path() + "/directory").c_str(), F_OK), 0);
}

TEST_F(BadInputFiles, ALostLockFileIsMadeAgain)
{
  for (const bool as_directory : {false, true}) {
    std::remove((place_.path() + "/.lock").c_str());
    if (as_directory) {
      ASSERT_EQ(mkdir((place_.path() + "/.lock").c_str(), 0700), 0);
    }
    const Answer answer = ask();
    EXPECT_EQ(answer.status, 0);
    if (as_directory) {
      EXPECT_LT(answer.create, 0);
      EXPECT_THAT(answer.create_message, HasSubstr(".lock"));
    } else {
      EXPECT_EQ(answer.create, 0) << answer.create_message;
    }
  }
  ASSERT_EQ(rmdir((place_.path() + "/.lock").c_str()), 0);
}

TEST_F(BadInputFiles, ALiveObjectWhosePayloadWasRemovedIsSaidAndFreedWithItsHolder)
{
  const HugePages pages(4);
  if (!pages.problem().empty())
    GTEST_SKIP() << pages.problem();
  Child holder = Child::start([&] {
    rtlane_shm_options options = shm_options();
    options.huge = RTLANE_REQUIRED;
    Shm object = Shm::create(kName, 2 << 20, &options);
    signals_->store(object.result == 0 ? 1 : 99);
    eventually([&] { return signals_->load() == 2; });
  });
  ASSERT_TRUE(eventually([&] { return signals_->load() != 0; }));
  ASSERT_EQ(signals_->load(), 1);
  ASSERT_EQ(pages.payloads().size(), 1u);
  ASSERT_EQ(unlink(pages.payloads()[0].c_str()), 0);
  const Answer answer = ask();
  EXPECT_EQ(answer.open, -EACCES);
  EXPECT_THAT(answer.open_message, HasSubstr("huge"));
  holder.kill_now();
  EXPECT_EQ(ask().create, 0) << "a control file whose payload is gone is dead";
}

}  // namespace
}  // namespace rtlane::test
