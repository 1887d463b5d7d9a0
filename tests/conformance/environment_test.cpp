// What stands around the rows: RTLANE_HUGE, RTLANE_LOCK and RTLANE_MODE, which iwin32 callers have no arguments for,
// and the last errors for files and users that INtime does not know.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>

#include "conformance/conformance.hpp"
#include "support/child.hpp"
#include "support/shared_page.hpp"

namespace rtlane::conformance {
namespace {

class Iwin32Environment : public Conformance {
protected:
  static rtlane_shm_certificate certificate(const Memory& memory)
  {
    rtlane_shm_certificate facts = {};
    facts.struct_size = sizeof(facts);
    EXPECT_EQ(rtlane_shm_info(static_cast<rtlane_handle>(reinterpret_cast<std::uintptr_t>(memory.handle)), &facts), 0);
    return facts;
  }
  // The sentence names the variable, what it is and what it may be.
  static void expect_sentence(const char* variable, const char* value, const char* remedy)
  {
    const std::string sentence = rtlane_error_message();
    for (const char* part : {variable, value, remedy})
      EXPECT_NE(sentence.find(part), std::string::npos) << sentence;
  }
};

TEST_F(Iwin32Environment, ABadWishIsRefusedByCreateAndOpenWithASentence)
{
  const Memory memory = create("name", 64);
  ASSERT_MADE(memory, ERROR_SUCCESS);
  for (const char* variable : {"RTLANE_HUGE", "RTLANE_LOCK"}) {
    for (const char* value : {"maybe", "Never", "1", "never ", "no"}) {
      const Setting setting(variable, value);
      expect_refused(create("name", 64), ERROR_INVALID_PARAMETER);
      expect_sentence(variable, value, "preferred, required or never");
      expect_refused(open("name"), ERROR_INVALID_PARAMETER);
      expect_sentence(variable, value, "preferred, required or never");
    }
  }
}

TEST_F(Iwin32Environment, ABadModeIsRefusedWithASentence)
{
  for (const char* value : {"0", "1000", "888", "0x1ff", "rw", "660 ", "-1", "77777777777777777777777"}) {
    const Setting setting("RTLANE_MODE", value);
    expect_refused(create("name", 64), ERROR_INVALID_PARAMETER);
    expect_sentence("RTLANE_MODE", value, "octal");
  }
}

TEST_F(Iwin32Environment, AnEmptyVariableIsAsGoodAsNone)
{
  const Setting huge("RTLANE_HUGE", "");
  const Setting lock("RTLANE_LOCK", "");
  const Setting mode("RTLANE_MODE", "");
  const Memory memory = create("name", 64);
  ASSERT_MADE(memory, ERROR_SUCCESS);
  EXPECT_EQ(certificate(memory).mode, 0600u);
}

TEST_F(Iwin32Environment, TheModeIsTheFilesWhateverTheUmask)
{
  const mode_t before = umask(0777);
  for (const char* value : {"660", "0640", "777", "600"}) {
    const Setting setting("RTLANE_MODE", value);
    const Memory memory = create("name", 64);
    expect_made(memory, ERROR_SUCCESS);
    struct stat status = {};
    const std::string path = directory() + "/" + files().at(0);
    EXPECT_EQ(stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777u, std::stoul(value, nullptr, 8));
    EXPECT_EQ(certificate(memory).mode, std::stoul(value, nullptr, 8));
  }
  umask(before);
}

TEST_F(Iwin32Environment, NeverLockedMemoryIsNotLocked)
{
  const Setting lock("RTLANE_LOCK", "never");
  const Setting huge("RTLANE_HUGE", "never");
  const Memory created = create("name", 8192);
  ASSERT_MADE(created, ERROR_SUCCESS);
  EXPECT_EQ(certificate(created).locked_bytes, 0u);
}

TEST_F(Iwin32Environment, RequiredLockedMemoryIsLockedWhole)
{
  const Setting lock("RTLANE_LOCK", "required");
  const Memory memory = create("name", 8192);
  if (memory.handle == nullptr && memory.error == ERROR_NOT_ENOUGH_MEMORY)
    GTEST_SKIP() << rtlane_error_message();
  ASSERT_MADE(memory, ERROR_SUCCESS);
  EXPECT_EQ(certificate(memory).locked_bytes, certificate(memory).mapped_bytes);
  EXPECT_GE(certificate(memory).locked_bytes, 8192u);
}

TEST_F(Iwin32Environment, ALockThatIsRequiredAndRefusedIsAnErrorAndAPreferredOneIsNot)
{
  if (geteuid() != 0)
    GTEST_SKIP() << "only root can change to a user without the right to lock";
  auto child = test::Child::start([] {
    const rlimit none = {0, 0};
    ASSERT_EQ(setrlimit(RLIMIT_MEMLOCK, &none), 0);
    ASSERT_EQ(setgid(65534), 0);
    ASSERT_EQ(setuid(65534), 0);
    const std::string own = test::make_directory("/dev/shm");
    {
      const Setting elsewhere("RTLANE_DIR", own.c_str());
      const Setting huge("RTLANE_HUGE", "never");
      {
        const Setting lock("RTLANE_LOCK", "required");
        expect_refused(create("name", 4096), ERROR_NOT_ENOUGH_MEMORY);
      }
      const Memory memory = create("name", 4096);
      expect_made(memory, ERROR_SUCCESS);
      EXPECT_EQ(certificate(memory).locked_bytes, 0u);
      EXPECT_STRNE(certificate(memory).lock_reason, "");
      const Setting lock("RTLANE_LOCK", "required");
      expect_refused(open("name"), ERROR_NOT_ENOUGH_MEMORY);
    }
    std::filesystem::remove_all(own);
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(Iwin32Environment, NeverHugeMeansSmallPages)
{
  const Setting huge("RTLANE_HUGE", "never");
  const Memory memory = create("name", 4 << 20);
  ASSERT_MADE(memory, ERROR_SUCCESS);
  EXPECT_EQ(certificate(memory).tier, static_cast<std::uint32_t>(RTLANE_TIER_SMALL));
}

TEST_F(Iwin32Environment, RequiredHugeGivesHugePagesOrIsRefused)
{
  const Setting huge("RTLANE_HUGE", "required");
  const Memory memory = create("name", 4 << 20);
  if (memory.handle == nullptr) {
    expect_refused(memory, ERROR_NOT_ENOUGH_MEMORY);
    EXPECT_EQ(files(), std::vector<std::string>());
  } else {
    EXPECT_GE(certificate(memory).page_bytes, 2u << 20);
  }
}

TEST_F(Iwin32Environment, AForeignFileAtTheNamesPlaceIsFileInvalid)
{
  std::string path;
  {
    const Memory memory = create("name", 64);
    ASSERT_MADE(memory, ERROR_SUCCESS);
    path = directory() + "/" + files().at(0);
  }
  std::ofstream(path) << std::string(8192, 'x');
  expect_refused(create("name", 64), ERROR_FILE_INVALID);
  expect_refused(open("name"), ERROR_FILE_INVALID);
  EXPECT_TRUE(std::filesystem::remove(path)) << "a foreign file must be left alone";
}

// A live object that a later version of the library made: its control page with another layout version, held.
TEST_F(Iwin32Environment, AnObjectOfAnotherLayoutVersionIsFileInvalid)
{
  std::string path;
  std::string content(8192, '\0');
  {
    const Memory memory = create("name", 64);
    ASSERT_MADE(memory, ERROR_SUCCESS);
    path = directory() + "/" + files().at(0);
    std::ifstream(path, std::ios::binary).read(content.data(), static_cast<std::streamsize>(content.size()));
  }
  content[8] = static_cast<char>(content[8] + 100);  // layout_version
  std::ofstream(path, std::ios::binary) << content;
  const int holder = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(holder, 0);
  struct flock lock = {};
  lock.l_type = F_RDLCK;
  lock.l_len = 1;
  ASSERT_EQ(fcntl(holder, F_OFD_SETLK, &lock), 0);
  expect_refused(create("name", 64), ERROR_FILE_INVALID);
  EXPECT_NE(std::string(rtlane_error_message()).find("version"), std::string::npos) << rtlane_error_message();
  expect_refused(open("name"), ERROR_FILE_INVALID);
  close(holder);
}

TEST_F(Iwin32Environment, AnObjectOfAnotherUserIsAccessDenied)
{
  if (geteuid() != 0)
    GTEST_SKIP() << "only root can change to another user";
  ASSERT_EQ(chmod(directory().c_str(), 0755), 0);
  // Started before the object is there: a child that inherits it needs no permission.
  test::SharedPage<std::atomic<bool>> created;
  auto child = test::Child::start([&] {
    ASSERT_EQ(setgid(65534), 0);
    ASSERT_EQ(setuid(65534), 0);
    ASSERT_TRUE(test::eventually([&] { return created->load(); }));
    expect_refused(open("name"), ERROR_ACCESS_DENIED);
    expect_refused(create("name", 64), ERROR_ACCESS_DENIED);
    expect_refused(create("other", 64), ERROR_ACCESS_DENIED);
  });
  const Memory memory = create("name", 64);
  *created = true;
  ASSERT_MADE(memory, ERROR_SUCCESS);
  EXPECT_EQ(child.wait(), 0);
}

}  // namespace
}  // namespace rtlane::conformance
