// Short spellings for objects in tests.
#pragma once

#include <rtlane/core/namespace.h>
#include <rtlane/core/shm.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "support/temp_namespace.hpp"

namespace rtlane::test {

// One handle; closed at the end unless leak() was called.
struct Shm {
  int result = -1000;
  rtlane_handle handle = 0;
  volatile unsigned char* memory = nullptr;

  Shm() = default;
  Shm(Shm&& other) noexcept : result(other.result), handle(std::exchange(other.handle, 0)), memory(other.memory) {}
  Shm& operator=(Shm&& other) noexcept
  {
    close();
    result = other.result;
    handle = std::exchange(other.handle, 0);
    memory = other.memory;
    return *this;
  }
  ~Shm() { close(); }

  static Shm create(const char* name, uint64_t size_bytes, const rtlane_shm_options* options = nullptr)
  {
    Shm made;
    void* address = nullptr;
    made.result = rtlane_shm_create(name, size_bytes, options, &made.handle, &address);
    made.memory = static_cast<volatile unsigned char*>(address);
    return made;
  }
  static Shm open(const char* name, const rtlane_shm_options* options = nullptr)
  {
    Shm made;
    void* address = nullptr;
    made.result = rtlane_shm_open(name, options, &made.handle, &address);
    made.memory = static_cast<volatile unsigned char*>(address);
    return made;
  }

  int close()
  {
    const rtlane_handle closing = std::exchange(handle, 0);
    return closing == 0 ? 0 : rtlane_close(closing);
  }
  void leak() { handle = 0; }

  template <class T>
  volatile T* as() const
  {
    return reinterpret_cast<volatile T*>(memory);
  }

  rtlane_shm_certificate certificate() const
  {
    rtlane_shm_certificate filled = {};
    filled.struct_size = sizeof(filled);
    if (rtlane_shm_info(handle, &filled) != 0)
      filled.kind = 0;
    return filled;
  }
};

inline rtlane_shm_options shm_options()
{
  rtlane_shm_options options = RTLANE_SHM_OPTIONS_INIT;
  return options;
}

inline rtlane_shm_options small_pages()
{
  rtlane_shm_options options = shm_options();
  options.huge = RTLANE_NEVER;
  options.lock = RTLANE_NEVER;
  return options;
}

inline rtlane_shm_options read_only()
{
  rtlane_shm_options options = shm_options();
  options.read_only = 1;
  return options;
}

// The directory's files without the namespace's own lock file: control files, temporaries, whatever was left.
inline std::vector<std::string> object_files(const std::string& directory)
{
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    if (entry.path().filename() != ".lock")
      names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

inline bool all_zero(const volatile unsigned char* memory, size_t bytes)
{
  for (size_t i = 0; i < bytes; ++i) {
    if (memory[i] != 0)
      return false;
  }
  return true;
}

}  // namespace rtlane::test
