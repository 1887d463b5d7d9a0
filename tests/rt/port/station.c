/* As it would stand in a project for RTX: nothing here knows of rtlane. */
#include <RtApi.h>
#include <SDKDDKVer.h>
#include <stdio.h>
#include <tchar.h>
#include <windows.h>

typedef struct {
  LONG ticks;
  LONG sum;
} STATION;

static STATION* station;
static HANDLE done;
static CRITICAL_SECTION guard;

static VOID RTFCNDCL TimerHandler(PVOID context)
{
  EnterCriticalSection(&guard);
  station->sum += *(LONG*)context;
  LeaveCriticalSection(&guard);
  if (InterlockedIncrement(&station->ticks) == 5)
    RtSetEvent(done);
}

static DWORD WINAPI Worker(LPVOID parameter)
{
  UNREFERENCED_PARAMETER(parameter);
  if (RtWaitForSingleObject(done, INFINITE) != WAIT_OBJECT_0)
    ExitThread(1);
  ExitThread(42);
}

int _tmain(int argc, _TCHAR* argv[])
{
  HANDLE memory, timer, thread;
  LARGE_INTEGER period, before, after;
  LONG step = 2;
  DWORD id = 0, code = 0;

  if (argc != 2 || _tcscmp(argv[1], _T("run")) != 0) {
    RtPrintf("usage: station run\n");
    ExitProcess(2);
  }
  memory = RtCreateSharedMemory(PAGE_READWRITE, 0, sizeof(STATION), _T("port/station"), (VOID**)&station);
  if (memory == NULL || GetLastError() == ERROR_ALREADY_EXISTS) {
    RtPrintf("RtCreateSharedMemory error = %d\n", GetLastError());
    ExitProcess(1);
  }
  ZeroMemory(station, sizeof(STATION));
  InitializeCriticalSection(&guard);
  done = RtCreateEvent(NULL, FALSE, FALSE, _T("port/done"));
  thread = CreateThread(NULL, 0, Worker, NULL, CREATE_SUSPENDED, &id);
  timer = RtCreateTimer(NULL, 0, TimerHandler, &step, RT_PRIORITY_MAX, CLOCK_FASTEST);
  if (done == NULL || thread == NULL || timer == NULL)
    ExitProcess(1);
  RtSetThreadPriority(thread, RT_PRIORITY_MIN + 10);

  period.QuadPart = 20000; /* 2 ms */
  RtGetClockTime(CLOCK_FASTEST, &before);
  ResumeThread(thread);
  if (!RtSetTimerRelative(timer, &period, &period))
    ExitProcess(1);
  RtWaitForSingleObject(thread, INFINITE);
  RtGetClockTime(CLOCK_FASTEST, &after);
  RtCancelTimer(timer, NULL);
  RtDeleteTimer(timer);
  GetExitCodeThread(thread, &code);

  if (after.QuadPart - before.QuadPart < 5 * period.QuadPart)
    RtPrintf("too early\n");
  RtPrintf("%s: at least 5 ticks: %d, of 2 each: %d, worker said %u\n", "station", station->ticks >= 5,
           station->sum == 2 * station->ticks, code);
  RtCloseHandle(thread);
  RtCloseHandle(done);
  DeleteCriticalSection(&guard);
  RtCloseHandle(memory);
  ExitProcess(0);
  return 0;
}
