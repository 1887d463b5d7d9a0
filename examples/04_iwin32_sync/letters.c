/* Step 4: two processes as an INtime or RTX manual would have them. A mailbox is shared memory; two semaphores count
 * its full and its empty places, a mutex guards them, and an event says that no more letters come. Nothing in this file
 * is rtlane's own: it is compiled there and here with another include folder.
 *
 *   letters read           any number of readers
 *   letters write 1000     one writer, which ends when all its letters were read
 */
#include <iwin32.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLACES 8

typedef struct {
  DWORD written;
  DWORD read;
  LONG letters[PLACES];
} MAILBOX;

static MAILBOX* mailbox;
static HANDLE area, guard, full, empty, closing;

static BOOL failed(const char* call)
{
  printf("%s failed, error %u\n", call, (unsigned)GetLastError());
  return FALSE;
}

/* Whoever comes first creates; the arguments of the others are ignored. */
static BOOL open_mailbox(void)
{
  PVOID location = NULL;

  area = RtCreateSharedMemory(PAGE_READWRITE, 0, sizeof(MAILBOX), TEXT("examples.letters"), &location);
  if (area == NULL)
    return failed("RtCreateSharedMemory");
  mailbox = (MAILBOX*)location;
  guard = RtCreateMutex(NULL, FALSE, TEXT("examples.letters.guard"));
  if (guard == NULL)
    return failed("RtCreateMutex");
  full = RtCreateSemaphore(NULL, 0, PLACES, TEXT("examples.letters.full"));
  empty = RtCreateSemaphore(NULL, PLACES, PLACES, TEXT("examples.letters.empty"));
  if (full == NULL || empty == NULL)
    return failed("RtCreateSemaphore");
  closing = RtCreateEvent(NULL, TRUE, FALSE, TEXT("examples.letters.closing"));
  if (closing == NULL)
    return failed("RtCreateEvent");
  return TRUE;
}

static BOOL enter(void)
{
  DWORD answer = RtWaitForSingleObject(guard, INFINITE);

  if (answer == WAIT_ABANDONED)
    /* Its owner was killed inside. Each counter moves last, so no letter is half there; what the owner had taken from a
     * semaphore is lost. */
    printf("another process ended while it had the mailbox\n");
  else if (answer != WAIT_OBJECT_0)
    return failed("RtWaitForSingleObject");
  return TRUE;
}

static BOOL write_letters(LONG count)
{
  LONG number;
  int place;

  for (number = 1; number <= count; ++number) {
    if (RtWaitForSingleObject(empty, INFINITE) != WAIT_OBJECT_0)
      return failed("RtWaitForSingleObject");
    if (!enter())
      return FALSE;
    mailbox->letters[mailbox->written % PLACES] = number;
    ++mailbox->written;
    RtReleaseMutex(guard);
    if (!RtReleaseSemaphore(full, 1, NULL))
      return failed("RtReleaseSemaphore");
  }
  /* When all places are empty, all was read. */
  for (place = 0; place < PLACES; ++place)
    RtWaitForSingleObject(empty, INFINITE);
  printf("wrote %d letters\n", (int)count);
  return RtSetEvent(closing);
}

static BOOL read_letters(void)
{
  HANDLE either[2];
  LONG number, letters = 0;
  double sum = 0;

  /* The first in the order given is taken: letters before the end. */
  either[0] = full;
  either[1] = closing;
  for (;;) {
    DWORD answer = RtWaitForMultipleObjects(2, either, FALSE, INFINITE);
    if (answer == WAIT_OBJECT_0 + 1)
      break;
    if (answer != WAIT_OBJECT_0)
      return failed("RtWaitForMultipleObjects");
    if (!enter())
      return FALSE;
    number = mailbox->letters[mailbox->read % PLACES];
    ++mailbox->read;
    RtReleaseMutex(guard);
    if (!RtReleaseSemaphore(empty, 1, NULL))
      return failed("RtReleaseSemaphore");
    ++letters;
    sum += number;
  }
  printf("read %d letters, the sum of their numbers is %.0f\n", (int)letters, sum);
  return TRUE;
}

int main(int argc, char** argv)
{
  BOOL good;

  if (argc == 3 && strcmp(argv[1], "write") == 0)
    good = open_mailbox() && write_letters((LONG)atoi(argv[2]));
  else if (argc == 2 && strcmp(argv[1], "read") == 0)
    good = open_mailbox() && read_letters();
  else {
    printf("usage: letters write COUNT | letters read\n");
    return 2;
  }
  CloseHandle(closing);
  CloseHandle(empty);
  CloseHandle(full);
  CloseHandle(guard);
  CloseHandle(area);
  return good ? 0 : 1;
}
