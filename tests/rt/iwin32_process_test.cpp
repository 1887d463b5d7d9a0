#include <gmock/gmock.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "command_line.hpp"
#include "rt/iwin32.hpp"
#include "rt/tool.hpp"
#include "support/users.hpp"

namespace rtlane::test {
namespace {

using rt::detail::words_of;
using testing::ElementsAre;

class Iwin32Process : public Iwin32 {};

// A program that was started. It is killed at the end.
struct Started {
  PROCESS_INFORMATION information = {};
  BOOL done = FALSE;
  Handle process;
  Handle thread;
  bool kill_at_end = true;

  explicit Started(std::string command_line, const char* application = nullptr)
      : done(RtCreateProcessA(application, command_line.data(), nullptr, nullptr, FALSE, 0, nullptr, nullptr, nullptr,
                              &information)),
        process(information.hProcess),
        thread(information.hThread)
  {}

  Started(const Started&) = delete;
  Started& operator=(const Started&) = delete;
  ~Started()
  {
    if (kill_at_end)
      TerminateProcess(process.get(), 1);
  }

  DWORD exit_code() const
  {
    DWORD code = preset_error;
    EXPECT_TRUE(GetExitCodeProcess(process.get(), &code)) << rtlane_error_message();
    return code;
  }
};

// Lets a shell go on when the test says so.
class Gate {
public:
  // The shell's words that wait for it, no longer than a test may take.
  std::string closed() const
  {
    return "i=0; while [ ! -e " + scratch_.file("open") + " ] && [ $i -lt 6000 ]; do sleep 0.01; i=$((i + 1)); done";
  }
  void open() const { std::ofstream(scratch_.file("open")) << "open"; }

private:
  Scratch scratch_;
};

std::string state_of(DWORD pid)
{
  return status_of("/proc/" + std::to_string(pid) + "/status", "State").substr(0, 1);
}

TEST_F(Iwin32Process, ACommandLineIsReadAsOnWindows)
{
  EXPECT_THAT(words_of(""), ElementsAre());
  EXPECT_THAT(words_of("  a \t b  "), ElementsAre("a", "b"));
  EXPECT_THAT(words_of(R"("a b" c"d e"f "")"), ElementsAre("a b", "cd ef", ""));
  EXPECT_THAT(words_of(R"(a\b\\c \"x\" "\"y z\"")"), ElementsAre(R"(a\b\\c)", "\"x\"", "\"y z\""));
  EXPECT_THAT(words_of(R"("a\\" b \\\"c)"), ElementsAre(R"(a\)", "b", R"(\"c)"));
  EXPECT_THAT(words_of(R"("open end)"), ElementsAre("open end"));
}

TEST_F(Iwin32Process, IsSignaledWhenItHasEndedAndTellsItsCode)
{
  const Gate gate;
  const Started sleeper("sh -c \"" + gate.closed() + "; exit 7\"");
  ASSERT_TRUE(sleeper.done) << rtlane_error_message();
  EXPECT_EQ(sleeper.exit_code(), DWORD{STILL_ACTIVE});
  EXPECT_EQ(WaitForSingleObject(sleeper.process.get(), 1), WAIT_TIMEOUT);
  gate.open();
  EXPECT_EQ(sleeper.information.dwProcessId, sleeper.information.dwThreadId);
  EXPECT_EQ(WaitForSingleObject(sleeper.process.get(), INFINITE), WAIT_OBJECT_0);
  EXPECT_EQ(WaitForSingleObject(sleeper.thread.get(), INFINITE), WAIT_OBJECT_0);
  EXPECT_EQ(sleeper.exit_code(), 7u);
  DWORD code = 0;
  EXPECT_TRUE(GetExitCodeThread(sleeper.thread.get(), &code));
  EXPECT_EQ(code, 7u);
  EXPECT_TRUE(eventually([&] { return state_of(sleeper.information.dwProcessId).empty(); })) << "it is a zombie";
}

TEST_F(Iwin32Process, IsWaitedForTogetherWithOthers)
{
  const Started first("sleep 100");
  const Started second("sh -c \"exit 3\"");
  const Handle event(RtCreateEventA(nullptr, FALSE, FALSE, nullptr));
  const HANDLE all[] = {event.get(), first.process.get(), second.process.get()};
  EXPECT_EQ(WaitForMultipleObjects(3, all, FALSE, INFINITE), WAIT_OBJECT_0 + 2);
  EXPECT_EQ(second.exit_code(), 3u);
  EXPECT_TRUE(TerminateProcess(first.process.get(), 0xABCD1234));
  EXPECT_EQ(WaitForMultipleObjects(2, all, FALSE, INFINITE), WAIT_OBJECT_0 + 1);
  EXPECT_EQ(first.exit_code(), 0xABCD1234u);
  EXPECT_REFUSED(TerminateProcess(first.process.get(), 1), FALSE, ERROR_ACCESS_DENIED);
  EXPECT_REFUSED(TerminateProcess(first.thread.get(), 1), FALSE, ERROR_INVALID_HANDLE);
}

TEST_F(Iwin32Process, OneThatASignalEndedHas128PlusItsNumber)
{
  const Started killed("sh -c \"kill -TERM $$\"");
  EXPECT_EQ(WaitForSingleObject(killed.process.get(), INFINITE), WAIT_OBJECT_0);
  EXPECT_EQ(killed.exit_code(), 128u + SIGTERM);
}

TEST_F(Iwin32Process, GetsItsWordsAndItsName)
{
  const Scratch scratch;
  const std::string script = scratch.write("script", "printf '%s|' \"$0\" \"$@\" > '" + scratch.file("words") + "'");
  const Started program("shell -c \". " + script + "\" zero \"one two\" \"\"", "/bin/sh");
  ASSERT_TRUE(program.done) << rtlane_error_message();
  EXPECT_EQ(WaitForSingleObject(program.process.get(), INFINITE), WAIT_OBJECT_0);
  EXPECT_EQ(program.exit_code(), 0u);
  EXPECT_EQ(read_file(scratch.file("words")), "zero|one two||");
}

TEST_F(Iwin32Process, AWideNameIsUtf8)
{
  const Scratch scratch;
  const std::string program = scratch.write("t\xC3\xBCr", "#!/bin/sh\nexit 12\n");
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  const std::string folder = scratch.path();
  const std::wstring wide = std::wstring(folder.begin(), folder.end()) + L"/t\u00FCr";
  PROCESS_INFORMATION information = {};
  ASSERT_TRUE(
      RtCreateProcessW(wide.c_str(), nullptr, nullptr, nullptr, FALSE, 0, nullptr, nullptr, nullptr, &information))
      << rtlane_error_message();
  const Handle process(information.hProcess);
  const Handle thread(information.hThread);
  EXPECT_EQ(WaitForSingleObject(process.get(), INFINITE), WAIT_OBJECT_0);
  DWORD code = 0;
  EXPECT_TRUE(RtGetExitCodeProcess(process.get(), &code));
  EXPECT_EQ(code, 12u);
  wchar_t no_text[] = {L'a', static_cast<wchar_t>(0xD800), 0};
  EXPECT_REFUSED(RtCreateProcessW(no_text, nullptr, nullptr, nullptr, FALSE, 0, nullptr, nullptr, nullptr, nullptr),
                 FALSE, ERROR_INVALID_NAME);
}

TEST_F(Iwin32Process, WhoAsksForNoHandlesLeavesNoZombie)
{
  const Scratch scratch;
  std::string command =
      "sh -c \"echo $$ > " + scratch.file("part") + "; mv " + scratch.file("part") + " " + scratch.file("pid") + "\"";
  ASSERT_TRUE(RtCreateProcessA(nullptr, command.data(), nullptr, nullptr, FALSE, 0, nullptr, nullptr, nullptr, nullptr))
      << rtlane_error_message();
  ASSERT_TRUE(eventually([&] { return !read_file(scratch.file("pid")).empty(); }));
  const auto pid = static_cast<DWORD>(std::stoul(read_file(scratch.file("pid"))));
  EXPECT_TRUE(eventually([&] { return state_of(pid).empty(); }));
  EXPECT_TRUE(eventually([] { return threads_of_this_process() == 1; }));
}

TEST_F(Iwin32Process, ClosingItsHandlesAtOnceLeavesNoZombie)
{
  const Gate gate;
  DWORD pid = 0;
  {
    Started program("sh -c \"" + gate.closed() + "\"");
    program.kill_at_end = false;
    pid = program.information.dwProcessId;
    ASSERT_NE(state_of(pid), "");
  }
  gate.open();
  EXPECT_TRUE(eventually([&] { return state_of(pid).empty(); }));
  EXPECT_TRUE(eventually([] { return threads_of_this_process() == 1; }));
}

// It may have ended and be forgotten before RtCreateProcess has looked at it.
TEST_F(Iwin32Process, IsStartedAlsoWhereTheProgramIgnoresItsEnd)
{
  Child child = Child::start([] {
    signal(SIGCHLD, SIG_IGN);
    for (int round = 0; round < 50; ++round) {
      char command[] = "true";
      PROCESS_INFORMATION process = {};
      ASSERT_TRUE(RtCreateProcessA(nullptr, command, nullptr, nullptr, FALSE, 0, nullptr, nullptr, nullptr, &process))
          << rtlane_error_message();
      EXPECT_EQ(WaitForSingleObject(process.hProcess, INFINITE), WAIT_OBJECT_0);
      EXPECT_TRUE(CloseHandle(process.hProcess));
      EXPECT_TRUE(CloseHandle(process.hThread));
    }
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(Iwin32Process, WhatCannotBeStartedIsRefusedForItsReason)
{
  const Scratch scratch;
  const std::string text = scratch.write("text", "no program");
  SetLastError(preset_error);
  const Started missing("no-such-program-at-all");
  EXPECT_FALSE(missing.done);
  EXPECT_EQ(GetLastError(), DWORD{ERROR_FILE_NOT_FOUND});
  EXPECT_EQ(missing.information.hProcess, nullptr);
  const Started unfit(text);
  EXPECT_FALSE(unfit.done);
  EXPECT_EQ(GetLastError(), DWORD{ERROR_ACCESS_DENIED});
  const std::string broken = scratch.write("broken", std::string("\x7f") + "ELF and nothing more");
  std::filesystem::permissions(broken, std::filesystem::perms::owner_all);
  const Started no_format(broken);
  EXPECT_FALSE(no_format.done);
  EXPECT_EQ(GetLastError(), DWORD{ERROR_BAD_EXE_FORMAT}) << rtlane_error_message();
  for (const char* nothing : {"", "  ", "\"\""}) {
    SetLastError(preset_error);
    const Started none(nothing);
    EXPECT_FALSE(none.done);
    EXPECT_EQ(GetLastError(), DWORD{ERROR_INVALID_PARAMETER});
  }
  EXPECT_REFUSED(
      RtCreateProcessA("true", nullptr, nullptr, nullptr, FALSE, CREATE_SUSPENDED, nullptr, nullptr, nullptr, nullptr),
      FALSE, ERROR_INVALID_PARAMETER);
}

TEST_F(Iwin32Process, WithoutRoomForItsHandlesNoneIsStarted)
{
  const Scratch scratch;
  setenv("RTLANE_MAX_HANDLES", "2", 1);
  const Handle event(RtCreateEventA(nullptr, FALSE, FALSE, nullptr));
  const Started refused("sh -c \"echo > " + scratch.file("ran") + "\"");
  EXPECT_FALSE(refused.done);
  EXPECT_EQ(GetLastError(), DWORD{ERROR_NO_SYSTEM_RESOURCES});
  unsetenv("RTLANE_MAX_HANDLES");
  sleep_us(20'000);
  EXPECT_FALSE(std::filesystem::exists(scratch.file("ran")));
}

TEST_F(Iwin32Process, StartsWithNoSignalBlockedAndOrdinaryPriority)
{
  const Scratch scratch;
  Child child = Child::start([&] {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, nullptr);
    RtSetThreadPriority(GetCurrentThread(), 1);
    for (const char* file : {"status", "stat"}) {
      const Started program("cp /proc/self/" + std::string(file) + " " + scratch.file(file));
      EXPECT_EQ(WaitForSingleObject(program.process.get(), INFINITE), WAIT_OBJECT_0);
    }
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(status_of(scratch.file("status"), "SigBlk"), "0000000000000000");
  // Behind the name in parentheses the policy is field 41 of proc(5), counted from 3.
  std::string stat = read_file(scratch.file("stat"));
  std::istringstream fields(stat.substr(stat.rfind(')') + 2));
  std::string field;
  for (int i = 3; i <= 41; ++i)
    fields >> field;
  EXPECT_EQ(field, "0");
}

TEST_F(Iwin32Process, AnyProcessIsOpenedByItsId)
{
  Child child = Child::start([] {
    pause();
    return 0;
  });
  const Handle opened(OpenProcess(PROCESS_ALL_ACCESS, FALSE, static_cast<DWORD>(child.pid())));
  ASSERT_NE(opened.get(), nullptr) << rtlane_error_message();
  DWORD code = 0;
  EXPECT_TRUE(GetExitCodeProcess(opened.get(), &code));
  EXPECT_EQ(code, DWORD{STILL_ACTIVE});
  EXPECT_EQ(WaitForSingleObject(opened.get(), 10), WAIT_TIMEOUT);
  child.signal(SIGTERM);
  EXPECT_EQ(WaitForSingleObject(opened.get(), INFINITE), WAIT_OBJECT_0);
  EXPECT_TRUE(RtGetExitCodeProcess(opened.get(), &code));
  EXPECT_EQ(code, 128u + SIGTERM);
  // It is the program's own child: nobody else has waited for it.
  EXPECT_EQ(child.wait(), -SIGTERM);
  EXPECT_TRUE(GetExitCodeProcess(opened.get(), &code));
}

TEST_F(Iwin32Process, TheWatcherOfAStrangerEndsWithTheHandle)
{
  const Child child = Child::start([] { pause(); });
  {
    const Handle opened(RtOpenProcess(0, FALSE, static_cast<DWORD>(child.pid())));
    EXPECT_EQ(threads_of_this_process(), 2u);
  }
  EXPECT_TRUE(eventually([] { return threads_of_this_process() == 1; }));
}

TEST_F(Iwin32Process, TheCodeOfAStrangerIsToldToItsParentOnly)
{
  SharedPage<std::atomic<pid_t>> stranger;
  const Child parent = Child::start([&] {
    const Child inner = Child::start([] { pause(); });
    *stranger = inner.pid();
    pause();
  });
  ASSERT_TRUE(eventually([&] { return *stranger != 0; }));
  const Handle opened(OpenProcess(0, FALSE, static_cast<DWORD>(stranger->load())));
  ASSERT_NE(opened.get(), nullptr);
  kill(*stranger, SIGKILL);
  EXPECT_EQ(WaitForSingleObject(opened.get(), INFINITE), WAIT_OBJECT_0);
  DWORD code = 77;
  EXPECT_REFUSED(GetExitCodeProcess(opened.get(), &code), FALSE, ERROR_NOT_SUPPORTED);
  EXPECT_EQ(code, 77u);
}

TEST_F(Iwin32Process, NonsenseIsRefused)
{
  Child gone = Child::start([] {});
  const auto pid = static_cast<DWORD>(gone.pid());
  EXPECT_EQ(gone.wait(), 0);
  EXPECT_REFUSED(OpenProcess(0, FALSE, pid), nullptr, ERROR_INVALID_PARAMETER);
  EXPECT_REFUSED(OpenProcess(0, FALSE, 0), nullptr, ERROR_INVALID_PARAMETER);
  EXPECT_REFUSED(OpenProcess(0, FALSE, 0xFFFFFFFF), nullptr, ERROR_INVALID_PARAMETER);
  DWORD code = 0;
  EXPECT_REFUSED(GetExitCodeProcess(nullptr, &code), FALSE, ERROR_INVALID_HANDLE);
  EXPECT_REFUSED(GetExitCodeProcess(GetCurrentProcess(), nullptr), FALSE, ERROR_INVALID_PARAMETER);
  const Handle event(RtCreateEventA(nullptr, FALSE, FALSE, nullptr));
  EXPECT_REFUSED(TerminateProcess(event.get(), 1), FALSE, ERROR_INVALID_HANDLE);
}

TEST_F(Iwin32Process, AnotherUsersProcessIsNotKilled)
{
  if (geteuid() != 0)
    GTEST_SKIP() << "only root may become another user";
  const Child other = Child::start([] { pause(); });
  Child child = Child::start([&] {
    ASSERT_TRUE(become(kOtherUid));
    const Handle opened(OpenProcess(0, FALSE, static_cast<DWORD>(other.pid())));
    ASSERT_NE(opened.get(), nullptr);
    EXPECT_REFUSED(TerminateProcess(opened.get(), 1), FALSE, ERROR_ACCESS_DENIED);
    DWORD code = 0;
    EXPECT_TRUE(GetExitCodeProcess(opened.get(), &code));
    EXPECT_EQ(code, DWORD{STILL_ACTIVE});
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(Iwin32Process, ThisProcessKnowsItself)
{
  EXPECT_EQ(GetCurrentProcessId(), static_cast<DWORD>(getpid()));
  DWORD code = 0;
  EXPECT_TRUE(GetExitCodeProcess(GetCurrentProcess(), &code));
  EXPECT_EQ(code, DWORD{STILL_ACTIVE});
}

TEST_F(Iwin32Process, ExitProcessEndsInOrderAndTerminateProcessAtOnce)
{
  static SharedPage<std::atomic<int>> registered;
  const auto start = [](int ending) {
    *registered = 0;
    return Child::start([=] {
      std::atexit([] { ++*registered; });
      static auto busy = [] {
        for (;;)
          sleep_us(1000);
        return 0;
      };
      start_thread(busy);
      if (ending == 0)
        ExitProcess(31);
      else if (ending == 1)
        TerminateProcess(GetCurrentProcess(), 32);
      else
        TerminateProcess(OpenProcess(0, FALSE, GetCurrentProcessId()), 33);
    });
  };
  EXPECT_EQ(start(0).wait(), 31);
  EXPECT_EQ(*registered, 1);
  EXPECT_EQ(start(1).wait(), 32);
  EXPECT_EQ(*registered, 0);
  EXPECT_EQ(start(2).wait(), 33);
  EXPECT_EQ(*registered, 0);
}

TEST_F(Iwin32Process, WhatRunsAtTheEndMayEndTheProcessAnew)
{
  Child child = Child::start([] {
    std::atexit([] { ExitProcess(34); });
    ExitProcess(1);
  });
  EXPECT_EQ(child.wait(), 34);
}

TEST_F(Iwin32Process, TwoThreadsMayExitAtOnce)
{
  for (int round = 0; round < 10; ++round) {
    Child child = Child::start([] {
      static auto body = []() -> int { RtExitProcess(5); };
      start_thread(body);
      ExitProcess(5);
    });
    EXPECT_EQ(child.wait(), 5);
  }
}

TEST_F(Iwin32Process, AForkChildWaitsThroughInheritedHandles)
{
  SKIP_FORK_OF_THREADS();
  const Gate gate;
  const Started program("sh -c \"" + gate.closed() + "\"");
  Child child = Child::start([&] {
    EXPECT_EQ(WaitForSingleObject(program.process.get(), 1), WAIT_TIMEOUT);
    gate.open();
    EXPECT_EQ(WaitForSingleObject(program.process.get(), INFINITE), WAIT_OBJECT_0);
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(WaitForSingleObject(program.process.get(), INFINITE), WAIT_OBJECT_0);
  EXPECT_EQ(program.exit_code(), 0u);
}

TEST_F(Iwin32Process, ItsObjectsAreGoneWhenItHasEnded)
{
  const Handle mutex(RtCreateMutexA(nullptr, FALSE, "process/mutex"));
  SharedPage<std::atomic<int>> owned;
  Child child = Child::start([&] {
    EXPECT_EQ(WaitForSingleObject(mutex.get(), INFINITE), WAIT_OBJECT_0);
    *owned = 1;
    Sleep(INFINITE);
  });
  ASSERT_TRUE(eventually([&] { return *owned == 1; }));
  const Handle process(OpenProcess(0, FALSE, static_cast<DWORD>(child.pid())));
  ASSERT_TRUE(TerminateProcess(process.get(), 0));
  EXPECT_EQ(WaitForSingleObject(process.get(), INFINITE), WAIT_OBJECT_0);
  EXPECT_EQ(WaitForSingleObject(mutex.get(), 0), WAIT_ABANDONED);
  EXPECT_TRUE(ReleaseMutex(mutex.get()));
}

// The thread of the library that watches a process is the only one left.
TEST_F(Iwin32Process, AProcessWithoutThreadsOfItsOwnCanBeAskedToEnd)
{
  if (test::built_with_thread_sanitizer)
    GTEST_SKIP() << "ThreadSanitizer does not survive the end of the main thread";
  Child lonely = Child::start([] {
    std::signal(SIGTERM, SIG_DFL);
    if (OpenProcess(0, FALSE, static_cast<DWORD>(getppid())) == nullptr)
      _exit(1);
    // As ExitThread, but googletest would catch its unwinding.
    syscall(SYS_exit, 5);
  });
  const std::string status = "/proc/" + std::to_string(lonely.pid()) + "/status";
  ASSERT_TRUE(eventually([&] {
    std::ifstream file(status);
    for (std::string line; std::getline(file, line);) {
      if (line.rfind("State:", 0) == 0)
        return line.find('Z') != std::string::npos;
    }
    return false;
  }));
  lonely.signal(SIGTERM);
  EXPECT_EQ(lonely.wait(), -SIGTERM);
}

}  // namespace
}  // namespace rtlane::test
