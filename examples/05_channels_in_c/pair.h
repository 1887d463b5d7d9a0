/* What the programs of step 5 have in common: two processes, and an end with a sentence when something is refused. */
#ifndef EXAMPLES_PAIR_H
#define EXAMPLES_PAIR_H

#include <rtlane/channels/channels.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* For set-up calls. */
static inline void must(int result)
{
  if (result < 0) {
    fprintf(stderr, "%s\n", rtlane_error_message());
    _exit(1);
  }
}

/* For data calls that cannot be refused here. */
static inline void must_be_ok(int status)
{
  if (status != RTLANE_OK) {
    fprintf(stderr, "the channel answers '%s'\n", rtlane_status_name(status));
    _exit(1);
  }
}

/* Runs one function in this process and the other in a child, which opens the channel by its name. */
static inline int run_pair(void (*here)(void), void (*there)(void))
{
  int status = 0;
  const pid_t child = fork();
  if (child == 0) {
    there();
    _exit(0);
  }
  if (child < 0)
    return 1;
  here();
  return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* The element of all of them. */
struct sample {
  uint64_t number;
  double value;
};

static const struct rtlane_field sample_fields[] = {
    RTLANE_FIELD(struct sample, number, RTLANE_FIELD_UINT, 1, ""),
    RTLANE_FIELD(struct sample, value, RTLANE_FIELD_FLOAT, 1, "V"),
};
static const struct rtlane_type sample_type = RTLANE_STRUCT_TYPE("Sample", struct sample, 8, sample_fields);

static inline struct sample sample_of(uint64_t number)
{
  const struct sample made = {number, 0.5 * (double)number};
  return made;
}

#endif
