// Memory and signals between a test and its fork children that do not depend on rtlane.
#pragma once

#include <sys/mman.h>
#include <time.h>

#include <cstdint>
#include <cstdlib>
#include <new>

namespace rtlane::test {

// A T, value-initialized, in anonymous memory shared with fork children.
template <class T>
class SharedPage {
public:
  SharedPage()
  {
    void* memory = mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
      std::abort();
    value_ = new (memory) T();
  }
  SharedPage(const SharedPage&) = delete;
  SharedPage& operator=(const SharedPage&) = delete;
  ~SharedPage() { munmap(value_, sizeof(T)); }

  T* operator->() const { return value_; }
  T& operator*() const { return *value_; }

private:
  T* value_;
};

inline int64_t now_ns()
{
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

inline void sleep_us(int64_t microseconds)
{
  const timespec pause = {microseconds / 1000000, (microseconds % 1000000) * 1000};
  nanosleep(&pause, nullptr);
}

// Polls until condition() holds; false when it does not within the time-out, which is only there to end a hang.
template <class Condition>
bool eventually(Condition&& condition, int64_t timeout_ms = 20000)
{
  const int64_t end = now_ns() + timeout_ms * 1000000;
  while (!condition()) {
    if (now_ns() > end)
      return false;
    sleep_us(50);
  }
  return true;
}

}  // namespace rtlane::test
