// The iwin32 border of processes.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>

#include "command_line.hpp"
#include "process_object.hpp"

namespace rtlane::rt::detail {
namespace {

int create_process(const char* application, const char* command_line, DWORD flags, LPPROCESS_INFORMATION information)
{
  return set_up_call([&] {
    if ((flags & ~DWORD{NTX_PROC_XM | NTX_PROC_NOTXM}) != 0)
      return fail(EINVAL, "dwCreationFlags is 0x%x: it is 0; a process cannot be made suspended",
                  static_cast<unsigned>(flags));
    std::vector<std::string> words;
    if (command_line != nullptr)
      words = words_of(command_line);
    if (words.empty() && application != nullptr)
      words.emplace_back(application);
    if (words.empty() || (application != nullptr ? *application == '\0' : words.front().empty()))
      return fail(EINVAL, "neither lpApplicationName nor lpCommandLine names a program");
    if (const int error = information != nullptr ? check_handle_room(2) : 0; error != 0)
      return error;
    pid_t pid = 0;
    if (const int error = spawn(application != nullptr ? application : words.front().c_str(), words, pid); error != 0)
      return error;
    int error = 0;
    try {
      auto process = std::make_shared<WatchedProcess>(pid, true);
      error = process->open();
      if (error == 0 && information == nullptr)
        error = WatchedProcess::watch(process);
      if (error == 0 && information != nullptr) {
        auto whole = std::make_shared<ProcessObject>(process, false);
        auto thread = std::make_shared<ProcessObject>(process, true);
        error = WatchedProcess::watch(process);
        if (error == 0)
          *information = {give_handle(std::move(whole)), give_handle(std::move(thread)), static_cast<DWORD>(pid),
                          static_cast<DWORD>(pid)};
      }
    } catch (const std::bad_alloc&) {
      error = fail(ENOMEM, "out of memory");
    }
    // Nothing is half done. Where the program ignores SIGCHLD the id may be another's by now.
    if (error != 0 && ::waitpid(pid, nullptr, WNOHANG) == 0) {
      ::kill(pid, SIGKILL);
      while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
      }
    }
    return error;
  });
}

HANDLE open_process(DWORD id)
{
  const ErrnoKeeper keeper;
  HANDLE handle = nullptr;
  const int result = set_up_call([&] {
    const auto pid = static_cast<pid_t>(id);
    if (pid <= 0)
      return fail(EINVAL, "%d is not the id of a process", static_cast<int>(pid));
    if (const int error = check_handle_room(1); error != 0)
      return error;
    auto process = std::make_shared<WatchedProcess>(pid, false);
    if (const int error = process->open(); error != 0)
      return error;
    auto object = std::make_shared<ProcessObject>(process, false);
    if (const int error = WatchedProcess::watch(process); error != 0)
      return error;
    handle = give_handle(std::move(object));
    return 0;
  });
  if (result < 0)
    set_last_error(to_last_error(result));
  return handle;
}

template <class Work>
BOOL with_process(HANDLE handle, Work&& work)
{
  const ErrnoKeeper keeper;
  return bool_answer(guarded_call([&] {
    const std::shared_ptr<ProcessObject> object = target_of<ProcessObject>(handle, "process");
    if (object == nullptr)
      return -EBADF;
    if (object->is_first_thread())
      return fail(EBADF, "%p is the handle of a thread, not of a process", handle);
    return work(object->process());
  }));
}

BOOL terminate(HANDLE handle, UINT code)
{
  if (handle == ::GetCurrentProcess())
    ::_exit(static_cast<int>(code));
  return with_process(handle, [&](WatchedProcess& process) { return process.terminate(code); });
}

BOOL get_exit_code(HANDLE handle, LPDWORD place)
{
  if (place == nullptr)
    return bool_answer(fail(EINVAL, "lpExitCode is NULL"));
  if (handle == ::GetCurrentProcess()) {
    *place = STILL_ACTIVE;
    return TRUE;
  }
  return with_process(handle, [&](WatchedProcess& process) { return process.exit_code(*place); });
}

[[noreturn]] void exit_process(UINT code)
{
  // exit() is not made for two threads; but what atexit() registered may end the process anew, and so may a child that
  // it forks.
  static std::atomic<std::uint64_t> exiting{0};  // process id:32 | thread id:32
  const std::uint64_t process = static_cast<std::uint64_t>(::getpid()) << 32;
  const std::uint64_t me = process | static_cast<std::uint32_t>(::gettid());
  std::uint64_t first = exiting.load(std::memory_order_relaxed);  // relaxed: it only decides who goes first
  while (first != me) {
    if (first >> 32 == process >> 32)
      ::pause();
    else if (exiting.compare_exchange_weak(first, me, std::memory_order_relaxed))  // relaxed: as above
      break;
  }
  std::exit(static_cast<int>(code));
}

}  // namespace
}  // namespace rtlane::rt::detail

using namespace rtlane::rt::detail;

BOOL RtCreateProcessA(LPCSTR lpApplicationName, LPSTR lpCommandLine, LPSECURITY_ATTRIBUTES, LPSECURITY_ATTRIBUTES, BOOL,
                      DWORD dwCreationFlags, LPVOID, LPCSTR, LPSTARTUPINFOA,
                      LPPROCESS_INFORMATION lpProcessInformation) noexcept
{
  const ErrnoKeeper keeper;
  return bool_answer(create_process(lpApplicationName, lpCommandLine, dwCreationFlags, lpProcessInformation));
}

BOOL RtCreateProcessW(LPCWSTR lpApplicationName, LPWSTR lpCommandLine, LPSECURITY_ATTRIBUTES, LPSECURITY_ATTRIBUTES,
                      BOOL, DWORD dwCreationFlags, LPVOID, LPCWSTR, LPSTARTUPINFOW,
                      LPPROCESS_INFORMATION lpProcessInformation) noexcept
{
  const ErrnoKeeper keeper;
  return bool_answer(guarded_call([&] {
    std::string application;
    std::string command_line;
    if (const int error = lpApplicationName != nullptr ? to_utf8(lpApplicationName, application) : 0; error != 0)
      return error;
    if (const int error = lpCommandLine != nullptr ? to_utf8(lpCommandLine, command_line) : 0; error != 0)
      return error;
    return create_process(lpApplicationName != nullptr ? application.c_str() : nullptr,
                          lpCommandLine != nullptr ? command_line.c_str() : nullptr, dwCreationFlags,
                          lpProcessInformation);
  }));
}

HANDLE OpenProcess(DWORD, BOOL, DWORD dwProcessId) noexcept
{
  return open_process(dwProcessId);
}

HANDLE RtOpenProcess(DWORD, BOOL, DWORD dwProcessId) noexcept
{
  return open_process(dwProcessId);
}

BOOL TerminateProcess(HANDLE hProcess, UINT uExitCode) noexcept
{
  return terminate(hProcess, uExitCode);
}

BOOL RtTerminateProcess(HANDLE hProcess, UINT uExitCode) noexcept
{
  return terminate(hProcess, uExitCode);
}

BOOL GetExitCodeProcess(HANDLE hProcess, LPDWORD lpExitCode) noexcept
{
  return get_exit_code(hProcess, lpExitCode);
}

BOOL RtGetExitCodeProcess(HANDLE hProcess, LPDWORD lpExitCode) noexcept
{
  return get_exit_code(hProcess, lpExitCode);
}

VOID ExitProcess(UINT uExitCode) noexcept
{
  exit_process(uExitCode);
}

VOID RtExitProcess(UINT uExitCode) noexcept
{
  exit_process(uExitCode);
}

HANDLE GetCurrentProcess() noexcept
{
  return reinterpret_cast<HANDLE>(static_cast<std::intptr_t>(-1));
}

DWORD GetCurrentProcessId() noexcept
{
  return static_cast<DWORD>(::getpid());
}
