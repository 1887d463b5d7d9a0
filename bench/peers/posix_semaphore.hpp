// A process-shared sem_t as a baton.
#pragma once

#include <semaphore.h>

#include "../support/process.hpp"
#include "../support/shared_room.hpp"

namespace rtlane::bench {

class PosixSemaphore {
public:
  static constexpr char name[] = "posix/sem";

  explicit PosixSemaphore(SharedRoom& room) : semaphore_(room.make<sem_t>())
  {
    must(sem_init(&semaphore_, 1, 0) == 0, name);
  }

  void pass() { must(sem_post(&semaphore_) == 0, name); }
  void take() { must(sem_wait(&semaphore_) == 0, name); }

private:
  sem_t& semaphore_;
};

}  // namespace rtlane::bench
