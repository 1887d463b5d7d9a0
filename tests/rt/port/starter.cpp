// As it would stand in a project for INtime, built with UNICODE: nothing here knows of rtlane.
#include <iwin32.h>
#include <tchar.h>
#include <windows.h>

static DWORD WINAPI Count(LPVOID parameter)
{
  for (int i = 0; i < 1000; ++i)
    InterlockedExchangeAdd(static_cast<LONG*>(parameter), 2);
  return 0;
}

// Starts the program that is its argument, and says how it ended.
int main(int argc, char* argv[])
{
  LONG total = 0;
  HANDLE threads[2];
  for (HANDLE& thread : threads)
    thread = CreateThread(NULL, 0, Count, &total, 0, NULL);
  for (HANDLE& thread : threads) {
    WaitForSingleObject(thread, INFINITE);
    CloseHandle(thread);
  }
  _tprintf(_T("counted %d with %s threads\n"), total, _T("two"));

  if (argc != 2)
    ExitProcess(2);
  TCHAR command[MAX_PATH] = {0};
  for (size_t i = 0; argv[1][i] != '\0' && i + 1 < MAX_PATH; ++i)
    command[i] = argv[1][i];
  _tcscat(command, _T(" run"));
  STARTUPINFO startup;
  PROCESS_INFORMATION process;
  if (!RtCreateProcess(NULL, command, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &process)) {
    _tprintf(_T("RtCreateProcess error = %u\n"), GetLastError());
    ExitProcess(1);
  }
  DWORD code = STILL_ACTIVE;
  WaitForSingleObject(process.hProcess, INFINITE);
  GetExitCodeProcess(process.hProcess, &code);
  _tprintf(_T("it ended with %u\n"), code);
  CloseHandle(process.hThread);
  CloseHandle(process.hProcess);
  return 0;
}
