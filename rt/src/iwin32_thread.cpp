// The iwin32 border of threads: arguments in, handle and last error out.
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>

#include "process_object.hpp"
#include "thread_object.hpp"
#include "thread_priority.hpp"

namespace rtlane::rt::detail {
namespace {

HANDLE create_thread(SIZE_T stack_bytes, LPTHREAD_START_ROUTINE routine, LPVOID parameter, DWORD flags, LPDWORD id)
{
  const ErrnoKeeper keeper;
  HANDLE handle = nullptr;
  const int result = set_up_call([&] {
    if (routine == nullptr)
      return fail(EINVAL, "lpStartAddress is NULL: pass the function that the thread is to run");
    if ((flags & ~DWORD{CREATE_SUSPENDED | STACK_SIZE_PARAM_IS_A_RESERVATION}) != 0)
      return fail(EINVAL, "dwCreationFlags is 0x%x: it is 0 or CREATE_SUSPENDED", static_cast<unsigned>(flags));
    if (const int error = check_handle_room(1); error != 0)
      return error;
    std::shared_ptr<ThreadObject> thread;
    if (const int error = ThreadObject::start({routine, parameter, nullptr, stack_bytes}, thread); error != 0)
      return error;
    try {
      handle = give_handle(thread->target());
    } catch (...) {
      thread->call_off();
      throw;
    }
    if (id != nullptr)
      *id = static_cast<DWORD>(thread->tid());
    if ((flags & CREATE_SUSPENDED) == 0)
      thread->resume();
    return 0;
  });
  if (result < 0)
    set_last_error(to_last_error(result));
  return handle;
}

// Does work(thread) while it cannot end, alone in this process if set_up; its negative errno becomes the last error.
template <class Work>
int with_thread(HANDLE handle, Work&& work)
{
  const ErrnoKeeper keeper;
  const int result = guarded_call([&] {
    const std::shared_ptr<ThreadObject> thread = thread_of(handle);
    return thread != nullptr ? work(*thread) : -EBADF;
  });
  if (result < 0)
    set_last_error(to_last_error(result));
  return result;
}

template <class Work>
int with_thread_alone(HANDLE handle, Work&& work)
{
  return with_thread(handle, [&](ThreadObject& thread) { return set_up_call([&] { return work(thread); }); });
}

DWORD count_answer(int result)
{
  return result < 0 ? 0xFFFFFFFFu : static_cast<DWORD>(result);
}

DWORD resume(HANDLE handle)
{
  return count_answer(with_thread(handle, [](ThreadObject& thread) { return thread.resume(); }));
}

DWORD suspend(HANDLE handle)
{
  return count_answer(with_thread(handle, [](ThreadObject& thread) { return thread.suspend(); }));
}

BOOL terminate(HANDLE handle, DWORD code)
{
  return with_thread(handle, [&](ThreadObject& thread) { return thread.terminate(code); }) < 0 ? FALSE : TRUE;
}

[[noreturn]] void exit_thread(DWORD code)
{
  ThreadObject* const thread = ThreadObject::here();
  if (thread != nullptr && thread->can_exit())
    thread->exit(code);
  if (thread != nullptr)
    thread->note_exit_code(code);
  ::pthread_exit(nullptr);
}

}  // namespace
}  // namespace rtlane::rt::detail

using namespace rtlane::rt::detail;

HANDLE CreateThread(LPSECURITY_ATTRIBUTES, SIZE_T dwStackSize, LPTHREAD_START_ROUTINE lpStartAddress,
                    LPVOID lpParameter, DWORD dwCreationFlags, LPDWORD lpThreadId) noexcept
{
  return create_thread(dwStackSize, lpStartAddress, lpParameter, dwCreationFlags, lpThreadId);
}

HANDLE RtCreateThread(LPSECURITY_ATTRIBUTES, SIZE_T dwStackSize, LPTHREAD_START_ROUTINE lpStartAddress,
                      LPVOID lpParameter, DWORD dwCreationFlags, LPDWORD lpThreadId) noexcept
{
  return create_thread(dwStackSize, lpStartAddress, lpParameter, dwCreationFlags, lpThreadId);
}

VOID ExitThread(DWORD dwExitCode)
{
  exit_thread(dwExitCode);
}

VOID RtExitThread(DWORD dwExitCode)
{
  exit_thread(dwExitCode);
}

DWORD ResumeThread(HANDLE hThread) noexcept
{
  return resume(hThread);
}

DWORD RtResumeThread(HANDLE hThread) noexcept
{
  return resume(hThread);
}

DWORD SuspendThread(HANDLE hThread) noexcept
{
  return suspend(hThread);
}

DWORD RtSuspendThread(HANDLE hThread) noexcept
{
  return suspend(hThread);
}

BOOL TerminateThread(HANDLE hThread, DWORD dwExitCode) noexcept
{
  return terminate(hThread, dwExitCode);
}

BOOL RtTerminateThread(HANDLE hThread, DWORD dwExitCode) noexcept
{
  return terminate(hThread, dwExitCode);
}

BOOL GetExitCodeThread(HANDLE hThread, LPDWORD lpExitCode) noexcept
{
  const ErrnoKeeper keeper;
  return bool_answer(guarded_call([&] {
    if (lpExitCode == nullptr)
      return fail(EINVAL, "lpExitCode is NULL");
    // The first thread of another process ends with it.
    if (const auto process = first_thread_of(hThread); process != nullptr)
      return process->exit_code(*lpExitCode);
    const std::shared_ptr<ThreadObject> thread = thread_of(hThread);
    if (thread == nullptr)
      return -EBADF;
    *lpExitCode = thread->exit_code();
    return 0;
  }));
}

HANDLE GetCurrentThread() noexcept
{
  return reinterpret_cast<HANDLE>(static_cast<std::intptr_t>(-2));
}

HANDLE RtGetCurrentThread() noexcept
{
  return GetCurrentThread();
}

DWORD GetCurrentThreadId() noexcept
{
  return static_cast<DWORD>(::gettid());
}

HANDLE OpenThread(DWORD, BOOL, DWORD dwThreadId) noexcept
{
  const ErrnoKeeper keeper;
  HANDLE handle = nullptr;
  const int result = set_up_call([&] {
    const auto tid = static_cast<pid_t>(dwThreadId);
    const std::shared_ptr<ThreadObject> thread = tid == ::gettid() ? ThreadObject::current() : ThreadObject::find(tid);
    if (thread == nullptr)
      return fail(EINVAL, "%d is no thread of this process that CreateThread or RtCreateTimer made and that runs",
                  static_cast<int>(tid));
    if (const int error = check_handle_room(1); error != 0)
      return error;
    handle = give_handle(thread->target());
    return 0;
  });
  if (result < 0)
    set_last_error(to_last_error(result));
  return handle;
}

BOOL RtSetThreadPriority(HANDLE hThread, int nPriority) noexcept
{
  return with_thread_alone(hThread, [&](ThreadObject& thread) { return set_rtx_priority(thread, nPriority); }) == 0;
}

int RtGetThreadPriority(HANDLE hThread) noexcept
{
  int priority = THREAD_PRIORITY_ERROR_RETURN;
  with_thread_alone(hThread, [&](ThreadObject& thread) { return get_rtx_priority(thread, priority); });
  return priority;
}

BOOL SetThreadPriority(HANDLE hThread, int nPriority) noexcept
{
  return with_thread_alone(hThread, [&](ThreadObject& thread) { return set_win32_priority(thread, nPriority); }) == 0;
}

int GetThreadPriority(HANDLE hThread) noexcept
{
  int priority = THREAD_PRIORITY_ERROR_RETURN;
  with_thread_alone(hThread, [&](ThreadObject& thread) { return get_win32_priority(thread, priority); });
  return priority;
}

BOOL RtSetThreadTimeQuantum(HANDLE hThread, DWORD dwQuantumInMS) noexcept
{
  return with_thread_alone(hThread, [&](ThreadObject& thread) { return set_quantum_ms(thread, dwQuantumInMS); }) == 0;
}

DWORD RtGetThreadTimeQuantum(HANDLE hThread) noexcept
{
  DWORD quantum_ms = 0xFFFFFFFFu;
  with_thread_alone(hThread, [&](ThreadObject& thread) { return get_quantum_ms(thread, quantum_ms); });
  return quantum_ms;
}

DWORD GetCurrentProcessorNumber() noexcept
{
  const int cpu = ::sched_getcpu();
  return cpu < 0 ? 0 : static_cast<DWORD>(cpu);
}
