// What every iwin32 call does around its work: last error, errno, handles in pointers, names, environment.
#pragma once

#include <rtlane/core/iwin32.h>
#include <rtlane/core/shm.h>

#include <cerrno>

namespace rtlane::detail {

// The calling thread's.
DWORD last_error() noexcept;
void set_last_error(DWORD code) noexcept;

// The one place where a negative errno becomes a last error.
DWORD to_last_error(int result) noexcept;

// Ported code mixes these calls with libc's and must find its errno again (row H5).
class ErrnoKeeper {
public:
  ErrnoKeeper() = default;
  ErrnoKeeper(const ErrnoKeeper&) = delete;
  ErrnoKeeper& operator=(const ErrnoKeeper&) = delete;
  ~ErrnoKeeper() { errno = saved_; }

private:
  int saved_ = errno;
};

HANDLE to_pointer(rtlane_handle handle) noexcept;

// 0 for what cannot be a handle.
rtlane_handle from_pointer(HANDLE handle) noexcept;

// The options that iwin32 callers have no arguments for. Returns 0, or -EINVAL with a sentence.
int environment_options(rtlane_shm_options& options) noexcept;

// core/shm.h gives '\' the -EINVAL of any bad argument; iwin32 tells it apart. Returns 0, or -ENOTDIR with a sentence.
int refuse_backslash(const char* name) noexcept;

// What an open wants of a name. Returns 0, or a negative errno with a sentence.
int check_open_name(const char* name) noexcept;

// What a create or open answers: the handle, and the last error.
HANDLE create_answer(int result, rtlane_handle handle) noexcept;
HANDLE open_answer(int result, rtlane_handle handle) noexcept;

// FALSE with the last error for a negative errno, else TRUE.
BOOL bool_answer(int result) noexcept;

// A wide name in UTF-8. On the stack, so that running out of memory has one place less to happen.
class Utf8Name {
public:
  // Returns 0, or a negative errno with a sentence. NULL stays NULL.
  int convert(const wchar_t* wide) noexcept;

  [[nodiscard]] const char* get() const noexcept { return name_; }

private:
  const char* name_ = nullptr;
  char text_[RTLANE_NAME_MAX * 4 + 1];
};

}  // namespace rtlane::detail
