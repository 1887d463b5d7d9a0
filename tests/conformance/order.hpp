// What a Worker is told to do, as it goes through its socket.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>

#include "conformance/worker.hpp"

namespace rtlane::conformance {

enum class Verb : int {
  create,
  open,
  close,
  set,
  reset,
  release_mutex,
  release_semaphore,
  wait,
  wait_any,
  write,
  read,
  end
};

struct Worker::Order {
  Verb verb = Verb::end;
  Kind kind = Kind::memory;
  Ending ending = Ending::calls_exit;
  HANDLE handle = nullptr;
  std::array<HANDLE, 20> handles = {};
  DWORD count = 0;
  DWORD timeout_ms = 0;
  std::array<LONG, 2> arguments = {};  // of a creation or a release
  std::size_t offset = 0;
  unsigned char value = 0;
  bool has_name = false;
  char name[1200] = "";

  void set_name(const char* text)
  {
    has_name = text != nullptr;
    if (has_name)
      std::strncpy(name, text, sizeof(name) - 1);
  }
};

}  // namespace rtlane::conformance
