// A flag, a process-shared pthread mutex and a condition variable as a baton.
#pragma once

#include <pthread.h>

#include "../support/process.hpp"
#include "../support/shared_room.hpp"

namespace rtlane::bench {

class PthreadCondition {
public:
  static constexpr char name[] = "pthread/mutex+cond";

  explicit PthreadCondition(SharedRoom& room) : shared_(room.make<Shared>())
  {
    pthread_mutexattr_t for_mutex;
    pthread_mutexattr_init(&for_mutex);
    must_be_0(pthread_mutexattr_setpshared(&for_mutex, PTHREAD_PROCESS_SHARED), name);
    must_be_0(pthread_mutex_init(&shared_.mutex, &for_mutex), name);
    pthread_mutexattr_destroy(&for_mutex);
    pthread_condattr_t for_condition;
    pthread_condattr_init(&for_condition);
    must_be_0(pthread_condattr_setpshared(&for_condition, PTHREAD_PROCESS_SHARED), name);
    must_be_0(pthread_cond_init(&shared_.condition, &for_condition), name);
    pthread_condattr_destroy(&for_condition);
  }

  // Signals after unlocking, so that who wakes does not run into the mutex.
  void pass()
  {
    must_be_0(pthread_mutex_lock(&shared_.mutex), name);
    shared_.is_there = true;
    must_be_0(pthread_mutex_unlock(&shared_.mutex), name);
    must_be_0(pthread_cond_signal(&shared_.condition), name);
  }

  void take()
  {
    must_be_0(pthread_mutex_lock(&shared_.mutex), name);
    while (!shared_.is_there)
      must_be_0(pthread_cond_wait(&shared_.condition, &shared_.mutex), name);
    shared_.is_there = false;
    must_be_0(pthread_mutex_unlock(&shared_.mutex), name);
  }

private:
  struct Shared {
    pthread_mutex_t mutex;
    pthread_cond_t condition;
    bool is_there;
  };

  Shared& shared_;
};

}  // namespace rtlane::bench
