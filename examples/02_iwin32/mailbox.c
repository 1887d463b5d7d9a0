/* Step 2: a program as an INtime or RTX manual would have it, unchanged but for the include.
 *
 *   mailbox put 42      leaves a number in the mailbox and waits for Enter, so that the object lives
 *   mailbox get         takes the number
 */
#include <rtlane/core/iwin32.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  DWORD full;
  LONG number;
} MAILBOX;

int main(int argc, char** argv)
{
  PVOID location = NULL;
  HANDLE area;

  if (argc == 3 && strcmp(argv[1], "put") == 0) {
    area = RtCreateSharedMemory(PAGE_READWRITE, 0, sizeof(MAILBOX), TEXT("examples.mailbox"), &location);
    if (area == NULL) {
      printf("RtCreateSharedMemory failed, error %u\n", (unsigned)GetLastError());
      return 1;
    }
    printf("%s\n", GetLastError() == ERROR_ALREADY_EXISTS ? "the mailbox existed" : "a new mailbox");
    ((MAILBOX*)location)->number = (LONG)atoi(argv[2]);
    ((MAILBOX*)location)->full = 1;
    printf("put %d\n", (int)((MAILBOX*)location)->number);
    fflush(stdout);
    getchar();
  } else if (argc == 2 && strcmp(argv[1], "get") == 0) {
    area = RtOpenSharedMemory(SHM_MAP_ALL_ACCESS, FALSE, TEXT("examples.mailbox"), &location);
    if (area == NULL) {
      printf("no mailbox, error %u\n", (unsigned)GetLastError());
      return 1;
    }
    if (((MAILBOX*)location)->full)
      printf("got %d\n", (int)((MAILBOX*)location)->number);
    else
      printf("the mailbox is empty\n");
  } else {
    printf("usage: mailbox put NUMBER | mailbox get\n");
    return 2;
  }
  CloseHandle(area);
  return 0;
}
