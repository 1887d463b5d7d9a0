// A pthread mutex that promises what rtlane's does: process-shared, robust, priority-inheriting.
#pragma once

#include <pthread.h>

#include "../support/process.hpp"
#include "../support/shared_room.hpp"

namespace rtlane::bench {

class PthreadRobustMutex {
public:
  static constexpr char name[] = "pthread/robust-pi-mutex";

  explicit PthreadRobustMutex(SharedRoom& room) : mutex_(room.make<pthread_mutex_t>())
  {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    must_be_0(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), name);
    must_be_0(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST), name);
    must_be_0(pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT), name);
    must_be_0(pthread_mutex_init(&mutex_, &attributes), name);
    pthread_mutexattr_destroy(&attributes);
  }

  void lock() { must_be_0(pthread_mutex_lock(&mutex_), name); }
  void unlock() { must_be_0(pthread_mutex_unlock(&mutex_), name); }

private:
  pthread_mutex_t& mutex_;
};

}  // namespace rtlane::bench
