// Section B of the checklist: RtOpenSharedMemory and RtUnmapSharedMemory.
#include <csignal>
#include <string>
#include <vector>

#include "conformance/conformance.hpp"
#include "conformance/peer.hpp"
#include "support/child.hpp"

namespace rtlane::conformance {
namespace {

TEST_F(Conformance, B01_OpeningAnExistingObjectGivesItsMemoryAndKeepsTheLastError)
{
  Peer peer;
  const Peer::Answer theirs = peer.create("name", 64);
  ASSERT_NE(theirs.handle, nullptr);
  peer.write(theirs.handle, 63, 42);
  const Memory memory = open("name");
  ASSERT_MADE(memory, preset_error);
  EXPECT_EQ(memory.bytes()[63], 42);
  const Memory wide = open_wide(L"name");
  ASSERT_MADE(wide, preset_error);
  EXPECT_TRUE(same_memory(memory, wide));
}

TEST_F(Conformance, B02_OpeningAMissingNameIsRefusedAndCreatesNothing)
{
  expect_refused(open("missing"), ERROR_FILE_NOT_FOUND);
  expect_refused(open_wide(L"missing"), ERROR_FILE_NOT_FOUND);
  EXPECT_EQ(files(), std::vector<std::string>());
  expect_made(create("missing", 64), ERROR_SUCCESS);
}

TEST_F(Conformance, B03_OpeningInTheWrongCaseIsRefused)
{
  const Memory memory = create("name", 64);
  ASSERT_MADE(memory, ERROR_SUCCESS);
  expect_refused(open("Name"), ERROR_FILE_NOT_FOUND);
  expect_refused(open_wide(L"NAME"), ERROR_FILE_NOT_FOUND);
}

TEST_F(Conformance, B04_OpeningNameNullIsRefused)
{
  const Memory nameless = create(nullptr, 64);
  expect_refused(open(nullptr), ERROR_INVALID_PARAMETER);
  expect_refused(open_wide(nullptr), ERROR_INVALID_PARAMETER);
}

TEST_F(Conformance, B05_OpeningTheEmptyNameIsRefused)
{
  const Memory nameless = create("", 64);
  expect_refused(open(""), ERROR_INVALID_HANDLE);
  expect_refused(open_wide(L""), ERROR_INVALID_HANDLE);
}

TEST_F(Conformance, B06_OpeningTheNameOfAnotherTypeIsRefused)
{
  Peer peer;
  ASSERT_NE(peer.create(Kind::event, "event").handle, nullptr);
  ASSERT_NE(peer.create(Kind::mutex, "mutex").handle, nullptr);
  ASSERT_NE(peer.create(Kind::semaphore, "semaphore").handle, nullptr);
  for (const char* name : {"event", "mutex", "semaphore"})
    expect_refused(open(name), ERROR_INVALID_HANDLE);
  for (const wchar_t* name : {L"event", L"mutex", L"semaphore"})
    expect_refused(open_wide(name), ERROR_INVALID_HANDLE);
}

TEST_F(Conformance, B07_AnyAccessAndInheritanceGivesMemoryThatCanBeReadAndWritten)
{
  const Memory created = create("name", 64);
  ASSERT_MADE(created, ERROR_SUCCESS);
  unsigned char value = 0;
  for (const DWORD access : {DWORD{0}, DWORD{SHM_MAP_READ}, DWORD{SHM_MAP_WRITE}, DWORD{SHM_MAP_ALL_ACCESS},
                             DWORD{0x100000}, DWORD{0xffffffff}}) {
    for (const BOOLEAN inherit : {BOOLEAN{FALSE}, BOOLEAN{TRUE}, BOOLEAN{0xff}}) {
      const Memory memory = open("name", access, inherit);
      ASSERT_MADE(memory, preset_error);
      memory.bytes()[0] = ++value;
      EXPECT_EQ(created.bytes()[0], value);
    }
  }
}

TEST_F(Conformance, B07_AnyAccessWorksInAProcessThatOnlyOpens)
{
  Peer peer;
  ASSERT_NE(peer.create("name", 64).handle, nullptr);
  for (const DWORD access : {DWORD{0}, DWORD{SHM_MAP_READ}}) {
    const Memory memory = open("name", access);
    ASSERT_MADE(memory, preset_error);
    memory.bytes()[0] = 1;
  }
}

TEST_F(Conformance, B08_LocationNullIsRefused)
{
  const Memory memory = create("name", 64);
  SetLastError(preset_error);
  EXPECT_EQ(RtOpenSharedMemoryA(SHM_MAP_ALL_ACCESS, FALSE, "name", nullptr), nullptr);
  EXPECT_EQ(GetLastError(), static_cast<DWORD>(ERROR_INVALID_PARAMETER));
  SetLastError(preset_error);
  EXPECT_EQ(RtOpenSharedMemoryW(SHM_MAP_ALL_ACCESS, FALSE, L"name", nullptr), nullptr);
  EXPECT_EQ(GetLastError(), static_cast<DWORD>(ERROR_INVALID_PARAMETER));
}

TEST_F(Conformance, B09_ANameThatIsTooLongOrHasABackslashIsRefused)
{
  expect_refused(open(std::string(261, 'n').c_str()), ERROR_FILENAME_EXCED_RANGE);
  expect_refused(open_wide(std::wstring(261, L'n').c_str()), ERROR_FILENAME_EXCED_RANGE);
  expect_refused(open("a\\b"), ERROR_PATH_NOT_FOUND);
  expect_refused(open_wide(L"a\\b"), ERROR_PATH_NOT_FOUND);
  expect_refused(open(std::string(260, 'n').c_str()), ERROR_FILE_NOT_FOUND);
}

TEST_F(Conformance, B10_AnObjectCanBeOpenedAfterItsCreatorClosedWhileOthersHoldIt)
{
  Peer creator;
  Peer holder;
  const Peer::Answer created = creator.create("name", 64);
  creator.write(created.handle, 0, 8);
  ASSERT_NE(holder.open("name").handle, nullptr);
  ASSERT_NE(creator.close(created.handle).handle, nullptr);
  const Memory memory = open("name");
  ASSERT_MADE(memory, preset_error);
  EXPECT_EQ(memory.bytes()[0], 8);
}

TEST_F(Conformance, B11_OpeningAfterTheLastCloseIsRefused)
{
  Peer peer;
  Memory memory = create("name", 64);
  const Peer::Answer theirs = peer.open("name");
  EXPECT_TRUE(memory.close());
  ASSERT_NE(peer.close(theirs.handle).handle, nullptr);
  expect_refused(open("name"), ERROR_FILE_NOT_FOUND);
  EXPECT_EQ(peer.open("name").error, static_cast<DWORD>(ERROR_FILE_NOT_FOUND));
}

TEST_F(Conformance, B12_OpeningAfterTheOnlyHolderWasKilledIsRefused)
{
  Peer peer;
  ASSERT_NE(peer.create("name", 64).handle, nullptr);
  peer.end(Ending::is_killed);
  expect_refused(open("name"), ERROR_FILE_NOT_FOUND);
}

TEST_F(Conformance, B13_UnmappingAnswersTrueAndKeepsTheLastError)
{
  const Memory memory = create("name", 64);
  SetLastError(preset_error);
  EXPECT_EQ(RtUnmapSharedMemory(memory.location), TRUE);
  EXPECT_EQ(GetLastError(), preset_error);
}

TEST_F(Conformance, B14_UnmappingNullOrGarbageAnswersTrueAndDoesNoHarm)
{
  int local = 5;
  SetLastError(preset_error);
  EXPECT_EQ(RtUnmapSharedMemory(nullptr), TRUE);
  EXPECT_EQ(RtUnmapSharedMemory(untouched), TRUE);
  EXPECT_EQ(RtUnmapSharedMemory(&local), TRUE);
  EXPECT_EQ(RtUnmapSharedMemory(INVALID_HANDLE_VALUE), TRUE);
  EXPECT_EQ(GetLastError(), preset_error);
  EXPECT_EQ(local, 5);
}

TEST_F(Conformance, B15_AfterUnmappingTheMemoryIsUsableUntilTheHandleIsClosed)
{
  const Memory memory = create("name", 64);
  ASSERT_MADE(memory, ERROR_SUCCESS);
  memory.bytes()[0] = 3;
  EXPECT_TRUE(RtUnmapSharedMemory(memory.location));
  EXPECT_EQ(memory.bytes()[0], 3);
  memory.bytes()[1] = 4;
  EXPECT_EQ(open("name").bytes()[1], 4);
}

TEST_F(Conformance, B16_UnmappingDoesNotAffectOtherProcesses)
{
  Peer peer;
  const Memory memory = create("name", 64);
  const Peer::Answer theirs = peer.open("name");
  ASSERT_NE(theirs.handle, nullptr);
  EXPECT_TRUE(RtUnmapSharedMemory(memory.location));
  peer.write(theirs.handle, 0, 77);
  EXPECT_EQ(peer.read(theirs.handle, 0), 77);
  EXPECT_EQ(memory.bytes()[0], 77);
}

TEST_F(Conformance, B17_ClosingOneOfSeveralHandlesKeepsTheMemoryAtItsAddress)
{
  Memory first = create("name", 64);
  Memory second = open("name");
  ASSERT_MADE(first, ERROR_SUCCESS);
  ASSERT_MADE(second, preset_error);
  volatile unsigned char* const bytes = first.bytes();
  bytes[0] = 9;
  EXPECT_TRUE(first.close());
  EXPECT_EQ(bytes[0], 9);
  bytes[1] = 10;
  EXPECT_EQ(second.bytes()[1], 10);

  Memory third = open("name");
  volatile unsigned char* const later = third.bytes();
  EXPECT_TRUE(second.close());
  EXPECT_EQ(later[1], 10);
  EXPECT_EQ(bytes[1], 10);
}

TEST_F(Conformance, B18_AfterTheLastHandleThePointerIsInvalidAndPeersAreUnaffected)
{
  Peer peer;
  Memory first = create("name", 64);
  Memory second = open("name");
  const Peer::Answer theirs = peer.open("name");
  ASSERT_NE(theirs.handle, nullptr);
  volatile unsigned char* const bytes = first.bytes();
  bytes[0] = 11;
  const auto reads_it = [bytes] {
    std::signal(SIGSEGV, SIG_DFL);  // sanitizers would turn it into an exit with a report
    return bytes[0] == 11 ? 0 : 1;
  };
  EXPECT_TRUE(first.close());
  EXPECT_EQ(test::Child::start(reads_it).wait(), 0);
  EXPECT_TRUE(second.close());
  EXPECT_EQ(test::Child::start(reads_it).wait(), -SIGSEGV);
  EXPECT_EQ(peer.read(theirs.handle, 0), 11);
  EXPECT_EQ(open("name").bytes()[0], 11);
}

}  // namespace
}  // namespace rtlane::conformance
