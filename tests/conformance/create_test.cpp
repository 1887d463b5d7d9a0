// Section A of the checklist: RtCreateSharedMemory. Limits and races are in create_limits_test.cpp.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "conformance/conformance.hpp"
#include "conformance/peer.hpp"

namespace rtlane::conformance {
namespace {

// Rows A13 to A15: the object is held by another process.
void expect_refused_for_name_of(Kind kind)
{
  Peer peer;
  ASSERT_NE(peer.create(kind, "taken").handle, nullptr);
  expect_refused(create("taken", 64), ERROR_INVALID_HANDLE);
  expect_refused(create_wide(L"taken", 64), ERROR_INVALID_HANDLE);
  EXPECT_NE(create("free", 64).handle, nullptr);
}

TEST_F(Conformance, A01_ANewNameGivesAHandleAnAddressAndLastErrorZero)
{
  const Memory memory = create("new", 10000);
  ASSERT_MADE(memory, ERROR_SUCCESS);
  for (std::size_t i = 0; i < 10000; ++i)
    memory.bytes()[i] = static_cast<unsigned char>(i);
  for (std::size_t i = 0; i < 10000; ++i)
    ASSERT_EQ(memory.bytes()[i], static_cast<unsigned char>(i));
}

TEST_F(Conformance, A02_TheSameNameInTheSameProcessGivesTheSameMemory)
{
  const Memory first = create("name", 64);
  ASSERT_MADE(first, ERROR_SUCCESS);
  const Memory second = create("name", 64);
  ASSERT_MADE(second, ERROR_ALREADY_EXISTS);
  EXPECT_TRUE(same_memory(first, second, 63));
}

TEST_F(Conformance, A03_TheSameNameInAnotherProcessGivesTheSameMemory)
{
  Peer peer;
  const Memory first = create("name", 64);
  ASSERT_MADE(first, ERROR_SUCCESS);
  const Peer::Answer second = peer.create("name", 64);
  ASSERT_NE(second.handle, nullptr);
  EXPECT_EQ(second.error, static_cast<DWORD>(ERROR_ALREADY_EXISTS));
  peer.write(second.handle, 63, 17);
  EXPECT_EQ(first.bytes()[63], 17);
  first.bytes()[0] = 99;
  EXPECT_EQ(peer.read(second.handle, 0), 99);
}

TEST_F(Conformance, A04_ASmallerSizeDoesNotCutAnExistingObject)
{
  Peer peer;
  const Memory first = create("name", 100000);
  ASSERT_MADE(first, ERROR_SUCCESS);
  first.bytes()[99999] = 5;
  const Memory second = create("name", 1);
  ASSERT_MADE(second, ERROR_ALREADY_EXISTS);
  EXPECT_EQ(second.bytes()[99999], 5);
  const Peer::Answer third = peer.create("name", 1);
  ASSERT_NE(third.handle, nullptr);
  EXPECT_EQ(peer.read(third.handle, 99999), 5);
  EXPECT_EQ(first.bytes()[99999], 5);
}

TEST_F(Conformance, A05_ALargerSizeDoesNotGrowAnExistingObject)
{
  Peer peer;
  const Memory first = create("name", 4096);
  ASSERT_MADE(first, ERROR_SUCCESS);
  const Peer::Answer larger = peer.create("name", 1 << 20);
  EXPECT_NE(larger.handle, nullptr);
  EXPECT_EQ(larger.error, static_cast<DWORD>(ERROR_ALREADY_EXISTS));
  const Memory second = create("name", 1 << 20);
  ASSERT_MADE(second, ERROR_ALREADY_EXISTS);
  rtlane_shm_certificate facts = {};
  facts.struct_size = sizeof(facts);
  ASSERT_EQ(rtlane_shm_info(static_cast<rtlane_handle>(reinterpret_cast<std::uintptr_t>(second.handle)), &facts), 0);
  EXPECT_EQ(facts.size_bytes, 4096u);
  EXPECT_EQ(facts.mapped_bytes, 4096u);
}

TEST_F(Conformance, A06_SizeZeroOpensAnExistingObject)
{
  const Memory first = create("name", 64);
  ASSERT_MADE(first, ERROR_SUCCESS);
  const Memory second = create("name", 0);
  ASSERT_MADE(second, ERROR_ALREADY_EXISTS);
  EXPECT_TRUE(same_memory(first, second));
}

TEST_F(Conformance, A07_ANewNameWithSizeZeroIsRefused)
{
  expect_refused(create("name", 0), ERROR_INVALID_PARAMETER);
  expect_refused(create(nullptr, 0), ERROR_INVALID_PARAMETER);
  EXPECT_EQ(files(), std::vector<std::string>());
}

TEST_F(Conformance, A08_ANewNameWithAHighSizeIsRefused)
{
  expect_refused(create("name", 64, PAGE_READWRITE, 1), ERROR_INVALID_PARAMETER);
  expect_refused(create("name", 64, PAGE_READWRITE, 0xffffffff), ERROR_INVALID_PARAMETER);
  EXPECT_EQ(files(), std::vector<std::string>());
}

TEST_F(Conformance, A09_AnExistingNameWithAHighSizeIsRefused)
{
  const Memory first = create("name", 64);
  ASSERT_MADE(first, ERROR_SUCCESS);
  expect_refused(create("name", 64, PAGE_READWRITE, 1), ERROR_INVALID_PARAMETER);
}

TEST_F(Conformance, A10_NameNullMakesANamelessObjectThatCannotBeFound)
{
  Peer peer;
  const Memory memory = create(nullptr, 64);
  ASSERT_MADE(memory, ERROR_SUCCESS);
  memory.bytes()[63] = 1;
  EXPECT_EQ(files(), std::vector<std::string>());
  for (const char* name : {"NULL", "(null)", "unnamed", " "})
    EXPECT_EQ(peer.open(name).error, static_cast<DWORD>(ERROR_FILE_NOT_FOUND)) << name;
}

TEST_F(Conformance, A11_NameNullTwiceMakesTwoObjects)
{
  const Memory first = create(nullptr, 64);
  const Memory second = create(nullptr, 64);
  ASSERT_MADE(first, ERROR_SUCCESS);
  ASSERT_MADE(second, ERROR_SUCCESS);
  EXPECT_FALSE(same_memory(first, second));
}

TEST_F(Conformance, A12_TheEmptyNameMakesANamelessObject)
{
  Peer peer;
  const Memory first = create("", 64);
  const Memory second = create_wide(L"", 64);
  ASSERT_MADE(first, ERROR_SUCCESS);
  ASSERT_MADE(second, ERROR_SUCCESS);
  EXPECT_FALSE(same_memory(first, second));
  EXPECT_EQ(peer.create("", 64).error, static_cast<DWORD>(ERROR_SUCCESS));
  EXPECT_EQ(files(), std::vector<std::string>());
}

TEST_F(Conformance, A13_TheNameOfAnEventIsRefused)
{
  expect_refused_for_name_of(Kind::event);
}

TEST_F(Conformance, A14_TheNameOfAMutexIsRefused)
{
  expect_refused_for_name_of(Kind::mutex);
}

TEST_F(Conformance, A15_TheNameOfASemaphoreIsRefused)
{
  expect_refused_for_name_of(Kind::semaphore);
}

TEST_F(Conformance, A16_ARefusalLeavesLocationUntouched)
{
  Peer peer;
  ASSERT_NE(peer.create(Kind::event, "event").handle, nullptr);
  VOID* location = untouched;
  EXPECT_EQ(RtCreateSharedMemoryA(0, 0, 64, "event", &location), nullptr);
  EXPECT_EQ(location, untouched);
  EXPECT_EQ(RtCreateSharedMemoryW(0, 0, 64, L"event", &location), nullptr);
  EXPECT_EQ(location, untouched);
  EXPECT_EQ(RtOpenSharedMemoryA(0, FALSE, "event", &location), nullptr);
  EXPECT_EQ(location, untouched);
  EXPECT_EQ(RtOpenSharedMemoryW(0, FALSE, L"event", &location), nullptr);
  EXPECT_EQ(location, untouched);
}

TEST_F(Conformance, A17_NamesThatDifferInCaseAreTwoObjects)
{
  const Memory lower = create("abc", 64);
  ASSERT_MADE(lower, ERROR_SUCCESS);
  const Memory upper = create("Abc", 64);
  ASSERT_MADE(upper, ERROR_SUCCESS);
  EXPECT_FALSE(same_memory(lower, upper));
}

TEST_F(Conformance, A18_ANameOf260CharactersWorks)
{
  Peer peer;
  const std::string bytes(260, 'n');
  const Memory memory = create(bytes.c_str(), 64);
  ASSERT_MADE(memory, ERROR_SUCCESS);
  EXPECT_EQ(peer.create(bytes.c_str(), 64).error, static_cast<DWORD>(ERROR_ALREADY_EXISTS));

  std::string characters;
  for (int i = 0; i < 260; ++i)
    characters += "\xF0\x9F\x9B\xB0";  // U+1F6F0, four bytes and one character
  const Memory wide = create_wide(std::wstring(260, L'\x1F6F0').c_str(), 64);
  ASSERT_MADE(wide, ERROR_SUCCESS);
  const Memory narrow = create(characters.c_str(), 64);
  ASSERT_MADE(narrow, ERROR_ALREADY_EXISTS);
  EXPECT_TRUE(same_memory(wide, narrow));
}

TEST_F(Conformance, A19_ANameOf261CharactersIsRefused)
{
  expect_refused(create(std::string(261, 'n').c_str(), 64), ERROR_FILENAME_EXCED_RANGE);
  expect_refused(create_wide(std::wstring(261, L'n').c_str(), 64), ERROR_FILENAME_EXCED_RANGE);
  expect_refused(create_wide(std::wstring(261, L'\xE9').c_str(), 64), ERROR_FILENAME_EXCED_RANGE);
  expect_refused(create(std::string(100000, 'n').c_str(), 64), ERROR_FILENAME_EXCED_RANGE);
  EXPECT_EQ(files(), std::vector<std::string>());
}

TEST_F(Conformance, A20_ANameWithABackslashIsRefused)
{
  for (const char* name : {"\\", "a\\b", "Global\\a", "Local\\a", "a\\"})
    expect_refused(create(name, 64), ERROR_PATH_NOT_FOUND);
  expect_refused(create_wide(L"Global\\a", 64), ERROR_PATH_NOT_FOUND);
  // Whatever else is wrong with it, in either form.
  expect_refused(create((std::string(261, 'n') + "\\").c_str(), 64), ERROR_PATH_NOT_FOUND);
  expect_refused(create_wide((std::wstring(261, L'n') + L"\\").c_str(), 64), ERROR_PATH_NOT_FOUND);
  EXPECT_EQ(files(), std::vector<std::string>());
}

TEST_F(Conformance, A21_OtherCharactersWorkAndLookAlikesAreDistinct)
{
  const std::vector<const char*> names = {
      "a/b",      "a_b",       "a b",  "a%2Fb", "a%2fb", "a.b",   "ab",   "/",   "//",  "/a/b",
      "a/b/",     ".",         "..",   "../a",  "...",   ".lock", " ",    " a",  "a ",  "~",
      "a~b",      "%",         "%%",   "\t",    "a\nb",  "\x01",  "\x7f", "*",   "?",   "\"",
      "\xC3\xA4", "a\xCC\x88", "\xFF", "\xFE",  "\xC3",  "$HOME", "a|b",  "a:b", "-rf", "x\xE2\x80\x8By",
      "xy"};
  Peer peer;
  std::vector<Memory> held;
  for (std::size_t i = 0; i < names.size(); ++i) {
    held.push_back(create(names[i], 64));
    SCOPED_TRACE(names[i]);
    ASSERT_MADE(held.back(), ERROR_SUCCESS);
    held.back().bytes()[0] = static_cast<unsigned char>(i + 1);
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    const Peer::Answer found = peer.open(names[i]);
    ASSERT_NE(found.handle, nullptr) << names[i];
    EXPECT_EQ(peer.read(found.handle, 0), i + 1) << names[i];
  }
}

TEST_F(Conformance, A22_LongNamesEqualInTheirFirst200CharactersAreTwoObjects)
{
  const std::string common(200, 'c');
  const Memory first = create((common + std::string(50, 'x')).c_str(), 64);
  const Memory second = create((common + std::string(50, 'y')).c_str(), 64);
  ASSERT_MADE(first, ERROR_SUCCESS);
  ASSERT_MADE(second, ERROR_SUCCESS);
  EXPECT_FALSE(same_memory(first, second));
}

TEST_F(Conformance, A23_AnyProtectionGivesMemoryThatCanBeReadAndWritten)
{
  for (const DWORD protect : {DWORD{0}, DWORD{PAGE_NOACCESS}, DWORD{PAGE_READONLY}, DWORD{PAGE_READWRITE},
                              DWORD{SHM_MAP_ALL_ACCESS}, DWORD{0xffffffff}}) {
    const Memory memory = create("name", 64, protect);
    ASSERT_MADE(memory, ERROR_SUCCESS);
    EXPECT_EQ(memory.bytes()[0], 0);
    memory.bytes()[0] = 1;
    EXPECT_EQ(memory.bytes()[0], 1);
  }
}

TEST_F(Conformance, A24_LocationNullIsRefused)
{
  for (const char* name : {static_cast<const char*>(nullptr), "name"}) {
    SetLastError(preset_error);
    EXPECT_EQ(RtCreateSharedMemoryA(PAGE_READWRITE, 0, 64, name, nullptr), nullptr);
    EXPECT_EQ(GetLastError(), static_cast<DWORD>(ERROR_INVALID_PARAMETER));
  }
  EXPECT_EQ(RtCreateSharedMemoryW(PAGE_READWRITE, 0, 64, L"name", nullptr), nullptr);
  EXPECT_EQ(GetLastError(), static_cast<DWORD>(ERROR_INVALID_PARAMETER));
  EXPECT_EQ(files(), std::vector<std::string>());
}

TEST_F(Conformance, A25_NewMemoryIsAllZero)
{
  constexpr DWORD size_bytes = 3 << 20;
  for (int round = 0; round < 3; ++round) {
    const Memory memory = create("name", size_bytes);
    ASSERT_MADE(memory, ERROR_SUCCESS);
    EXPECT_TRUE(test::all_zero(memory.bytes(), size_bytes));
    std::fill_n(memory.bytes(), size_bytes, 0xff);
  }
}

TEST_F(Conformance, A26_SizeOneWorks)
{
  const Memory memory = create("name", 1);
  ASSERT_MADE(memory, ERROR_SUCCESS);
  memory.bytes()[0] = 7;
  EXPECT_EQ(open("name").bytes()[0], 7);
}

TEST_F(Conformance, A31_TheAddressIsAlignedToAPage)
{
  for (const DWORD size_bytes : {DWORD{1}, DWORD{4097}, DWORD{3 << 20}}) {
    const Memory memory = create("name", size_bytes);
    ASSERT_MADE(memory, ERROR_SUCCESS);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory.location) % 4096, 0u);
    const Memory opened = open("name");
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(opened.location) % 4096, 0u);
  }
}

TEST_F(Conformance, A33_AfterTheLastCloseTheNameMakesANewZeroedObject)
{
  Peer peer;
  Memory first = create("name", 64);
  ASSERT_MADE(first, ERROR_SUCCESS);
  const Peer::Answer other = peer.open("name");
  ASSERT_NE(other.handle, nullptr);
  peer.write(other.handle, 0, 1);
  EXPECT_TRUE(first.close());
  EXPECT_NE(peer.close(other.handle).handle, nullptr);
  const Memory second = create("name", 64);
  ASSERT_MADE(second, ERROR_SUCCESS);
  EXPECT_EQ(second.bytes()[0], 0);
}

TEST_F(Conformance, A34_ANewObjectClearsTheLastError)
{
  SetLastError(0xdeadbeef);
  VOID* location = nullptr;
  const HANDLE handle = RtCreateSharedMemoryA(PAGE_READWRITE, 0, 64, "name", &location);
  EXPECT_EQ(GetLastError(), 0u);
  EXPECT_TRUE(CloseHandle(handle));
}

TEST_F(Conformance, A34_ANewObjectClearsAlreadyExistsOfTheCallBefore)
{
  const Memory first = create("first", 64);
  const Memory again = create("first", 64);
  ASSERT_MADE(again, ERROR_ALREADY_EXISTS);
  SetLastError(again.error);
  VOID* location = nullptr;
  const HANDLE handle = RtCreateSharedMemoryA(PAGE_READWRITE, 0, 64, "second", &location);
  EXPECT_EQ(GetLastError(), 0u);
  EXPECT_TRUE(CloseHandle(handle));
}

TEST_F(Conformance, A35_ANewObjectClearsAlreadyExistsOfAMutex)
{
  for (const Kind kind : {Kind::mutex, Kind::event, Kind::semaphore}) {
    const Object held = create(kind, "existing");
    const HANDLE again = creators(kind).front().call("existing");
    ASSERT_EQ(GetLastError(), DWORD{ERROR_ALREADY_EXISTS});
    VOID* location = nullptr;
    const HANDLE handle = RtCreateSharedMemoryA(PAGE_READWRITE, 0, 64, "memory", &location);
    EXPECT_EQ(GetLastError(), 0u);
    EXPECT_TRUE(CloseHandle(handle));
    EXPECT_TRUE(CloseHandle(again));
  }
}

TEST_F(Conformance, A36_NarrowAndWideNamesOfEqualTextAreOneObject)
{
  const struct {
    const char* narrow;
    const wchar_t* wide;
  } names[] = {{"name", L"name"},
               {"M\xC3\xBChle/\xE2\x82\xAC", L"M\xFChle/\x20AC"},
               {"\xF0\x9F\x9B\xB0", L"\x1F6F0"},
               {"\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF",
                L"\x7F\x80\x7FF\x800\xD7FF\xE000\xFFFF\x10000\x10FFFF"}};
  for (const auto& name : names) {
    SCOPED_TRACE(name.narrow);
    const Memory narrow = create(name.narrow, 64);
    ASSERT_MADE(narrow, ERROR_SUCCESS);
    const Memory wide = create_wide(name.wide, 64);
    ASSERT_MADE(wide, ERROR_ALREADY_EXISTS);
    EXPECT_TRUE(same_memory(narrow, wide));
    const Memory opened = open_wide(name.wide);
    ASSERT_MADE(opened, preset_error);
    EXPECT_TRUE(same_memory(narrow, opened));
  }
}

TEST_F(Conformance, A36_WideNamesThatAreNoTextAreRefused)
{
  const wchar_t surrogates[] = {L'a', static_cast<wchar_t>(0xD83D), static_cast<wchar_t>(0xDEF0), 0};
  const wchar_t lone[] = {static_cast<wchar_t>(0xDFFF), 0};
  const wchar_t beyond[] = {static_cast<wchar_t>(0x110000), 0};
  const wchar_t negative[] = {static_cast<wchar_t>(-1), 0};
  for (const wchar_t* name : {surrogates, lone, beyond, negative}) {
    expect_refused(create_wide(name, 64), ERROR_INVALID_NAME);
    expect_refused(open_wide(name), ERROR_INVALID_NAME);
  }
  EXPECT_EQ(files(), std::vector<std::string>());
}

TEST_F(Conformance, A37_SeveralHandlesInOneProcessReachTheSameBytes)
{
  const Memory first = create("name", 8192);
  const Memory second = create("name", 8192);
  const Memory third = open("name");
  ASSERT_MADE(first, ERROR_SUCCESS);
  ASSERT_MADE(second, ERROR_ALREADY_EXISTS);
  ASSERT_MADE(third, preset_error);
  for (const std::size_t offset : {0, 8191}) {
    EXPECT_TRUE(same_memory(first, second, offset));
    EXPECT_TRUE(same_memory(second, third, offset));
  }
}

TEST_F(Conformance, A40_HandlesFit32BitsAndStartAt0x10000)
{
  std::vector<Memory> held;
  for (int i = 0; i < 300; ++i) {
    held.push_back(create(i % 2 == 0 ? nullptr : "name", 64));
    const auto value = reinterpret_cast<std::uintptr_t>(held.back().handle);
    EXPECT_GE(value, 0x10000u);
    EXPECT_LE(value, 0xffffffffu);
  }
}

// Deviation: INtime's values are unique over the whole system, rtlane's within the process.
TEST_F(Conformance, A41_HandlesOfOneProcessAreDistinctAndOtherProcessesMayUseTheSameValues)
{
  Peer one;
  Peer other;
  std::set<HANDLE> values;
  std::vector<Memory> held;
  for (int i = 0; i < 300; ++i) {
    held.push_back(i == 0 ? create("name", 64) : open("name"));
    EXPECT_TRUE(values.insert(held.back().handle).second);
  }
  EXPECT_EQ(one.open("name").handle, other.open("name").handle);
}

// Deviation: in INtime the value works in every process.
TEST_F(Conformance, A42_AHandleValueOfAnotherProcessIsRefused)
{
  Peer peer;
  const Memory memory = create("name", 64);
  ASSERT_MADE(memory, ERROR_SUCCESS);
  const Peer::Answer closed = peer.close(memory.handle);
  EXPECT_EQ(closed.handle, nullptr);
  EXPECT_EQ(closed.error, static_cast<DWORD>(ERROR_INVALID_HANDLE));
  EXPECT_NE(peer.open("name").handle, nullptr);
}

TEST_F(Conformance, A42_AHandleValueOfAnotherProcessCannotBeWaitedForSetOrReleased)
{
  Peer peer;
  const Object event = create_event("event", TRUE);
  const Object mutex = create_mutex("mutex", TRUE);
  const Object semaphore = create_semaphore("semaphore", 1, 2);
  for (const HANDLE handle : {event.handle, mutex.handle, semaphore.handle}) {
    expect_answer(peer.wait(handle, 0), WAIT_FAILED, ERROR_INVALID_HANDLE);
    peer.start_wait(std::vector<HANDLE>{handle}, INFINITE);
    expect_answer(peer.finish(), WAIT_FAILED, ERROR_INVALID_HANDLE);
    expect_answer(peer.close(handle), FALSE, ERROR_INVALID_HANDLE);
  }
  expect_answer(peer.set(event.handle), FALSE, ERROR_INVALID_HANDLE);
  expect_answer(peer.reset(event.handle), FALSE, ERROR_INVALID_HANDLE);
  expect_answer(peer.release(mutex.handle), FALSE, ERROR_INVALID_HANDLE);
  expect_answer(peer.release(semaphore.handle, 1), FALSE, ERROR_INVALID_HANDLE);
  EXPECT_WAIT(WaitForSingleObject(event.handle, 0), WAIT_TIMEOUT);
  EXPECT_DONE(ReleaseMutex(mutex.handle));
}

TEST_F(Conformance, A42_AHandleValueOfAnotherProcessNamesThatProcessesOwnObject)
{
  Peer one;
  Peer other;
  const Peer::Answer ours = one.create("ours", 64);
  const Peer::Answer theirs = other.create("theirs", 64);
  ASSERT_EQ(ours.handle, theirs.handle) << "tables that fill alike give the same values";
  EXPECT_NE(other.close(ours.handle).handle, nullptr);
  EXPECT_NE(open("ours").handle, nullptr);
  EXPECT_EQ(open("theirs").handle, nullptr);
}

TEST_F(Conformance, A42_AHandleValueOfAnotherProcessSetsThatProcessesOwnEvent)
{
  Peer one;
  Peer other;
  const Object ours = create_event("ours", TRUE);
  const Object theirs = create_event("theirs", TRUE);
  const HANDLE value = one.open(Kind::event, "ours").handle;
  ASSERT_EQ(other.open(Kind::event, "theirs").handle, value) << "tables that fill alike give the same values";
  expect_answer(other.set(value), TRUE);
  EXPECT_WAIT(WaitForSingleObject(theirs.handle, 0), WAIT_OBJECT_0);
  EXPECT_WAIT(WaitForSingleObject(ours.handle, 0), WAIT_TIMEOUT);
  expect_answer(other.wait(value, 0), WAIT_OBJECT_0);
  expect_answer(one.wait(value, 0), WAIT_TIMEOUT);
}

}  // namespace
}  // namespace rtlane::conformance
