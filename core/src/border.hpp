// What every exported function does around its work.
#pragma once

#include <pthread.h>

#include <cerrno>
#include <exception>
#include <new>
#include <utility>

#include "error.hpp"
#include "process.hpp"

namespace rtlane::detail {

// No thread is cancelled inside: the unwinding would end the process at the first noexcept.
class NoCancellation {
public:
  NoCancellation() noexcept { ::pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before_); }
  NoCancellation(const NoCancellation&) = delete;
  NoCancellation& operator=(const NoCancellation&) = delete;
  ~NoCancellation() { ::pthread_setcancelstate(before_, nullptr); }

private:
  int before_ = PTHREAD_CANCEL_ENABLE;
};

// Runs work(); what it throws becomes an error code.
template <class Work>
int guarded_call(Work&& work) noexcept
{
  const NoCancellation not_now;
  try {
    return std::forward<Work>(work)();
  } catch (const std::bad_alloc&) {
    return fail(ENOMEM, "out of memory");
  } catch (const std::exception& exception) {
    return fail(EIO, "unexpected: %s", exception.what());
  }
}

// The same, alone in this process.
template <class Work>
int set_up_call(Work&& work) noexcept
{
  return guarded_call([&] {
    Process& process = Process::instance();
    const std::unique_lock lock = process.enter();
    process.retire_kept();
    return std::forward<Work>(work)();
  });
}

}  // namespace rtlane::detail
