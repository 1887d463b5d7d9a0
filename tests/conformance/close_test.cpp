// Section C of the checklist: CloseHandle, RtCloseHandle and lifetime.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "conformance/conformance.hpp"
#include "conformance/peer.hpp"
#include "handle_table.hpp"
#include "support/mounts.hpp"

namespace rtlane::conformance {
namespace {

void expect_invalid(HANDLE handle)
{
  SetLastError(preset_error);
  EXPECT_EQ(CloseHandle(handle), FALSE) << handle;
  EXPECT_EQ(GetLastError(), static_cast<DWORD>(ERROR_INVALID_HANDLE)) << handle;
  SetLastError(preset_error);
  EXPECT_EQ(RtCloseHandle(handle), FALSE) << handle;
  EXPECT_EQ(GetLastError(), static_cast<DWORD>(ERROR_INVALID_HANDLE)) << handle;
}

// As if each handle of a process that ended had been closed: the name is free and the next object is a new one.
void expect_gone_and_zeroed_anew(const char* name)
{
  expect_refused(open(name), ERROR_FILE_NOT_FOUND);
  const Memory next = create(name, 64);
  ASSERT_MADE(next, ERROR_SUCCESS);
  EXPECT_TRUE(test::all_zero(next.bytes(), 64));
}

TEST_F(Conformance, C01_ClosingAValidHandleSucceedsAndKeepsTheLastError)
{
  Memory memory = create("name", 64);
  ASSERT_MADE(memory, ERROR_SUCCESS);
  SetLastError(preset_error);
  EXPECT_NE(CloseHandle(memory.handle), FALSE);
  EXPECT_EQ(GetLastError(), preset_error);
  memory = create("name", 64);
  SetLastError(preset_error);
  EXPECT_NE(RtCloseHandle(std::exchange(memory.handle, nullptr)), FALSE);
  EXPECT_EQ(GetLastError(), preset_error);
}

TEST_F(Conformance, C02_ClosingTheLastHandleDestroysTheObjectAtOnce)
{
  Memory memory = create("name", 64);
  memory.bytes()[0] = 1;
  EXPECT_EQ(files().size(), 1u);
  EXPECT_TRUE(memory.close());
  EXPECT_EQ(files(), std::vector<std::string>());
  expect_gone_and_zeroed_anew("name");
}

TEST_F(Conformance, C03_ClosingAnotherHandleKeepsTheObject)
{
  Peer peer;
  Memory first = create("name", 64);
  Memory second = open("name");
  const Peer::Answer theirs = peer.open("name");
  ASSERT_NE(theirs.handle, nullptr);
  first.bytes()[0] = 6;
  EXPECT_TRUE(first.close());
  EXPECT_EQ(open("name").bytes()[0], 6);
  EXPECT_TRUE(second.close());
  EXPECT_EQ(open("name").bytes()[0], 6);
  EXPECT_EQ(peer.read(theirs.handle, 0), 6);
}

TEST_F(Conformance, C04_ClosingTheSameHandleTwiceIsRefused)
{
  Memory first = create("name", 64);
  const Memory second = open("name");
  const HANDLE value = first.handle;
  EXPECT_TRUE(first.close());
  expect_invalid(value);
  EXPECT_NE(open("name").handle, nullptr);
}

TEST_F(Conformance, C05_ClosingNullIsRefused)
{
  expect_invalid(nullptr);
}

TEST_F(Conformance, C06_ClosingWhatIsNoHandleIsRefusedAndDoesNoHarm)
{
  const Memory memory = create("name", 64);
  ASSERT_MADE(memory, ERROR_SUCCESS);
  const auto good = reinterpret_cast<std::uintptr_t>(memory.handle);
  std::vector<std::uintptr_t> bad = {1, 4, 0xffff, 0x10000 + 0xfffc, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffc};
  for (const std::uintptr_t low_bits : {1, 2, 3})
    bad.push_back(good | low_bits);
  bad.push_back(good + 4);
  bad.push_back(good + 0x10000);
  bad.push_back(good | std::uintptr_t{1} << 32);
  bad.push_back(good | std::uintptr_t{0xfffffffe} << 32);
  if (good < 0x80000000)  // else this is the sign of a 32-bit value, which is right (H11)
    bad.push_back(good | std::uintptr_t{0xffffffff} << 32);
  bad.push_back(reinterpret_cast<std::uintptr_t>(memory.location));
  for (const std::uintptr_t value : bad)
    expect_invalid(reinterpret_cast<HANDLE>(value));
  expect_invalid(INVALID_HANDLE_VALUE);
  memory.bytes()[0] = 1;
  EXPECT_NE(open("name").handle, nullptr);
}

TEST_F(Conformance, C07_TheTwoNamesOfCloseAreSynonyms)
{
  BOOL (*const closers[])(HANDLE) = {CloseHandle, RtCloseHandle};
  for (const auto closer : closers) {
    VOID* location = nullptr;
    const HANDLE handle = RtCreateSharedMemoryA(PAGE_READWRITE, 0, 64, "name", &location);
    EXPECT_NE(closer(handle), FALSE);
    EXPECT_EQ(files(), std::vector<std::string>());
    expect_invalid(handle);
  }
}

TEST_F(Conformance, C07_AllKindsAndSpellingsAreClosedByEither)
{
  BOOL (*const closers[])(HANDLE) = {CloseHandle, RtCloseHandle};
  for (const Kind kind : kinds) {
    for (const Spelling& spelling : creators(kind)) {
      for (const auto closer : closers) {
        SCOPED_TRACE(spelling.what);
        Object object = made_by([&] { return spelling.call("name"); });
        ASSERT_MADE(object, ERROR_SUCCESS);
        const HANDLE handle = std::exchange(object.handle, nullptr);
        EXPECT_DONE(closer(handle));
        EXPECT_EQ(files(), std::vector<std::string>());
        expect_invalid(handle);
      }
    }
  }
}

TEST_F(Conformance, C08_AnOrderlyEndClosesTheHandles)
{
  for (const Ending ending : {Ending::returns_from_main, Ending::calls_exit}) {
    Peer peer;
    const Peer::Answer theirs = peer.create("name", 64);
    ASSERT_NE(peer.open("name").handle, nullptr);
    peer.write(theirs.handle, 0, 1);
    peer.end(ending);
    EXPECT_EQ(files(), std::vector<std::string>()) << "an orderly end gives the memory back itself";
    expect_gone_and_zeroed_anew("name");
  }
}

TEST_F(Conformance, C09_AnyEndClosesTheHandles)
{
  for (const Ending ending : endings) {
    SCOPED_TRACE(static_cast<int>(ending));
    Peer peer;
    const Peer::Answer theirs = peer.create("name", 64);
    ASSERT_NE(peer.open("name").handle, nullptr);
    peer.write(theirs.handle, 0, 1);
    peer.end(ending);
    expect_gone_and_zeroed_anew("name");
  }
}

TEST_F(Conformance, C10_TheObjectOutlivesItsCreatorWhileAnotherHoldsIt)
{
  for (const Ending ending : endings) {
    SCOPED_TRACE(static_cast<int>(ending));
    Peer creator;
    const Peer::Answer theirs = creator.create("name", 64);
    Memory ours = open("name");
    ASSERT_MADE(ours, preset_error);
    creator.write(theirs.handle, 0, 55);
    creator.end(ending);
    EXPECT_EQ(ours.bytes()[0], 55);
    const Memory again = create("name", 64);
    ASSERT_MADE(again, ERROR_ALREADY_EXISTS);
    EXPECT_TRUE(same_memory(ours, again));
    Peer later;
    const Peer::Answer found = later.open("name");
    ASSERT_NE(found.handle, nullptr);
    EXPECT_EQ(later.read(found.handle, 0), 55);
  }
}

TEST_F(Conformance, C11_WhenAllHoldersDieTheNameIsFreeAndTheNextObjectZeroed)
{
  for (const Ending ending : endings) {
    SCOPED_TRACE(static_cast<int>(ending));
    Peer first;
    Peer second;
    Peer third;
    const Peer::Answer theirs = first.create("name", 64);
    ASSERT_NE(second.open("name").handle, nullptr);
    ASSERT_NE(third.create("name", 64).handle, nullptr);
    first.write(theirs.handle, 0, 1);
    first.end(ending);
    second.end(Ending::is_killed);
    third.end(ending);
    const Memory next = create("name", 64);
    ASSERT_MADE(next, ERROR_SUCCESS);
    EXPECT_TRUE(test::all_zero(next.bytes(), 64));
    EXPECT_EQ(files().size(), 1u);
  }
}

TEST_F(Conformance, C12_TheMemoryOfANamelessObjectGoesWithItsProcess)
{
  const test::PrivateMount small("tmpfs", "size=16m");
  if (!small.problem().empty())
    GTEST_SKIP() << small.problem();
  const Setting elsewhere("RTLANE_DIR", small.path().c_str());
  const Setting tier("RTLANE_HUGE", "never");
  constexpr DWORD most = 10 << 20;
  for (const Ending ending : {Ending::is_killed, Ending::aborts, Ending::calls_exit}) {
    Peer owner;
    ASSERT_NE(owner.create(nullptr, most).handle, nullptr);
    expect_refused(create(nullptr, most), ERROR_NOT_ENOUGH_MEMORY);
    owner.end(ending);
    expect_made(create(nullptr, most), ERROR_SUCCESS);
  }
}

constexpr Kind waitable[] = {Kind::event, Kind::mutex, Kind::semaphore};

// Another process holds it so that nobody else can take it, or gives it away.
class Keeper {
public:
  explicit Keeper(Kind kind) : kind_(kind)
  {
    handle_ = (kind == Kind::event   ? peer_.create_event("name", false)
               : kind == Kind::mutex ? peer_.create_mutex("name", true)
                                     : peer_.create_semaphore("name", 0, 1))
                  .handle;
    EXPECT_NE(handle_, nullptr);
  }
  void give()
  {
    expect_answer(kind_ == Kind::event   ? peer_.set(handle_)
                  : kind_ == Kind::mutex ? peer_.release(handle_)
                                         : peer_.release(handle_, 1),
                  TRUE);
  }
  DWORD try_take() { return peer_.wait(handle_, 0).result; }

private:
  Kind kind_;
  Peer peer_;
  HANDLE handle_ = nullptr;
};

TEST_F(Conformance, C13_ClosingTheLastHandleOfAWaitedObjectEndsTheWait)
{
  for (const auto close : {RtCloseHandle, CloseHandle}) {
    for (const Kind kind : waitable) {
      SCOPED_TRACE(static_cast<int>(kind));
      Keeper keeper(kind);
      Thread thread;
      Object object = open(kind, "name");
      ASSERT_MADE(object, preset_error);
      thread.start_wait(object.handle, INFINITE);
      EXPECT_TRUE(soon([&] { return thread.sleeps(); }));
      EXPECT_DONE(close(std::exchange(object.handle, nullptr)));
      expect_answer(thread.finish(), WAIT_ABANDONED_0, ERROR_INVALID_HANDLE);
      // Nothing was taken.
      keeper.give();
      EXPECT_EQ(keeper.try_take(), DWORD{WAIT_OBJECT_0});
    }
  }
}

TEST_F(Conformance, C13_ClosingAnotherHandleOfAWaitedObjectDoesNotEndTheWait)
{
  for (const Kind kind : waitable) {
    SCOPED_TRACE(static_cast<int>(kind));
    Keeper keeper(kind);
    Thread thread;
    Object first = open(kind, "name");
    const Object second = open(kind, "name");
    thread.start_wait(first.handle, INFINITE);
    EXPECT_TRUE(soon([&] { return thread.sleeps(); }));
    EXPECT_TRUE(first.close());
    test::sleep_us(150000);
    EXPECT_FALSE(thread.answered());
    keeper.give();
    expect_answer(thread.finish(), WAIT_OBJECT_0);
    if (kind == Kind::mutex)
      expect_answer(thread.release(second.handle), TRUE);
  }
}

TEST_F(Conformance, C14_ClosingTheLastHandleOfAWaitedObjectEndsTheMultipleWait)
{
  for (const Kind kind : waitable) {
    for (const DWORD index : {0, 1}) {
      SCOPED_TRACE(static_cast<int>(kind));
      Keeper keeper(kind);
      Thread thread;
      const Object other = create_event("other", FALSE);
      Object object = open(kind, "name");
      thread.start_wait(index == 0 ? std::vector<HANDLE>{object.handle, other.handle}
                                   : std::vector<HANDLE>{other.handle, object.handle},
                        INFINITE);
      EXPECT_TRUE(soon([&] { return thread.sleeps(); }));
      EXPECT_TRUE(object.close());
      expect_answer(thread.finish(), WAIT_ABANDONED_0 + index, ERROR_INVALID_HANDLE);
      keeper.give();
      EXPECT_EQ(keeper.try_take(), DWORD{WAIT_OBJECT_0});
    }
  }
}

TEST_F(Conformance, C15_AnOwnerThatClosesItsMutexKeepsTheOwnership)
{
  Peer other;
  const HANDLE theirs = other.create_mutex("name").handle;
  // One of two handles.
  Object first = open(Kind::mutex, "name");
  Object second = open(Kind::mutex, "name");
  EXPECT_WAIT(WaitForSingleObject(first.handle, 0), WAIT_OBJECT_0);
  EXPECT_DONE(CloseHandle(std::exchange(first.handle, nullptr)));
  expect_answer(other.wait(theirs, 0), WAIT_TIMEOUT);
  // The last of the process.
  EXPECT_DONE(CloseHandle(std::exchange(second.handle, nullptr)));
  expect_answer(other.wait(theirs, 0), WAIT_TIMEOUT);
  // Until the release.
  Object third = open(Kind::mutex, "name");
  ASSERT_MADE(third, preset_error);
  EXPECT_WAIT(WaitForSingleObject(third.handle, 0), WAIT_OBJECT_0);
  EXPECT_DONE(ReleaseMutex(third.handle));
  expect_answer(other.wait(theirs, 0), WAIT_TIMEOUT);
  EXPECT_DONE(ReleaseMutex(third.handle));
  expect_answer(other.wait(theirs, 0), WAIT_OBJECT_0);
  expect_answer(other.release(theirs), TRUE);
}

TEST_F(Conformance, C15_AnOwnerThatClosedItsMutexAbandonsItWhenItEnds)
{
  Peer other;
  const HANDLE theirs = other.create_mutex("name").handle;
  for (const bool process : {false, true}) {
    std::unique_ptr<Worker> owner;
    if (process)
      owner = std::make_unique<Peer>();
    else
      owner = std::make_unique<Thread>();
    const HANDLE owned = owner->open(Kind::mutex, "name").handle;
    expect_answer(owner->wait(owned, 0), WAIT_OBJECT_0);
    expect_answer(owner->close(owned), TRUE);
    expect_answer(other.wait(theirs, 0), WAIT_TIMEOUT);
    owner.reset();
    expect_answer(other.wait(theirs, INFINITE), WAIT_ABANDONED);
    expect_answer(other.release(theirs), TRUE);
  }
}

TEST_F(Conformance, C16_AClosedHandleDoesNotReachALaterObject)
{
  Memory memory = create("old", 64);
  const HANDLE old = memory.handle;
  EXPECT_TRUE(memory.close());
  for (int i = 0; i < 600; ++i) {
    const Memory next = create("new", 64);
    ASSERT_NE(next.handle, old);
    ASSERT_EQ(CloseHandle(old), FALSE);
  }
}

TEST_F(Conformance, C16_AValueComesBackOnlyWhenItsSlotWasReused65535Times)
{
  struct Target final : detail::HandleTarget {
    [[nodiscard]] rtlane_kind kind() const noexcept override { return RTLANE_KIND_EVENT; }
  };
  const auto target = std::make_shared<Target>();
  // The least room there can be: all slots but one are taken for good.
  detail::HandleTable table;
  for (std::uint32_t i = 0; i < detail::handles_max - 1; ++i)
    table.add(target, false);
  const rtlane_handle old = table.add(target, false);
  const auto close = [&](rtlane_handle handle) {
    std::shared_ptr<detail::HandleTarget> ended;
    return table.remove(handle, ended);
  };
  EXPECT_EQ(close(old), 0);
  for (int reuse = 1; reuse < 65535; ++reuse) {
    const rtlane_handle next = table.add(target, false);
    ASSERT_NE(next, old) << "after " << reuse;
    ASSERT_EQ(close(old), -EBADF);
    ASSERT_EQ(close(next), 0);
  }
  EXPECT_EQ(table.add(target, false), old) << "the documented bound is not tight any more";
}

// Deviation: in INtime any process may close any handle.
TEST_F(Conformance, C17_AProcessCannotCloseAHandleOfAnother)
{
  Peer peer;
  const Peer::Answer theirs = peer.create("name", 64);
  ASSERT_NE(theirs.handle, nullptr);
  expect_invalid(theirs.handle);
  const Memory memory = open("name");
  ASSERT_MADE(memory, preset_error);
  peer.write(theirs.handle, 0, 1);
  EXPECT_EQ(memory.bytes()[0], 1);
}

}  // namespace
}  // namespace rtlane::conformance
