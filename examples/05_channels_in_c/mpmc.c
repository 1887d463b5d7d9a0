/* Step 5, MPMC ring: two processes share the work that a third hands out, here one of them itself. */
#include <sched.h>

#include "pair.h"

enum { jobs = 1000 };

static rtlane_mpmc* ring;

/* Takes jobs until there will be no more; returns how many. */
static unsigned work(rtlane_mpmc* from)
{
  rtlane_mpmc_consumer* worker;
  struct sample job;
  unsigned done = 0;
  int status;

  must(rtlane_mpmc_consumer_attach(from, &worker));
  while ((status = rtlane_mpmc_try_pop(worker, &job)) != RTLANE_CLOSED) {
    if (status == RTLANE_OK)
      ++done;
    else if (status == RTLANE_EMPTY || status == RTLANE_BUSY)
      sched_yield();
    else
      must_be_ok(status);
  }
  rtlane_mpmc_consumer_detach(worker);
  return done;
}

static void work_there(void)
{
  rtlane_mpmc* same;
  must(rtlane_mpmc_open("examples/c/mpmc", &sample_type, NULL, &same));
  printf("the other one did %u jobs\n", work(same));
  fflush(stdout);
  rtlane_mpmc_close(same);
}

static void hand_out_and_work(void)
{
  rtlane_mpmc_producer* producer;
  uint64_t number;

  must(rtlane_mpmc_producer_attach(ring, &producer));
  for (number = 1; number <= jobs; ++number) {
    const struct sample job = sample_of(number);
    must_be_ok(rtlane_mpmc_try_push(producer, &job)); /* there is room for all of them */
  }
  rtlane_mpmc_end(producer);
  printf("this one did %u jobs\n", work(ring));
  fflush(stdout);
  rtlane_mpmc_producer_detach(producer);
}

int main(void)
{
  int result;
  must(rtlane_mpmc_create("examples/c/mpmc", jobs, 4, &sample_type, NULL, &ring));
  result = run_pair(hand_out_and_work, work_there);
  printf("%u jobs are left\n", (unsigned)rtlane_mpmc_size_estimate(ring));
  rtlane_mpmc_close(ring);
  return result;
}
