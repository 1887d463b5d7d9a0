// Owner of one handle to a named, handle-counted shared memory object.
//
//   auto memory = rtlane::SharedMemory::create("engine/state", sizeof(State));
//   if (!memory) return fail(memory.error().message);
//   auto* state = static_cast<State*>(memory->data());
//
// For messages use a channel instead. The contract of every call is in rtlane/core/shm.h; all are
// set-up calls, not for a real-time loop, except data(), size_bytes(), handle() (wait-free).
#pragma once

#include <rtlane/core/shm.h>
#include <rtlane/core/expected.hpp>
#include <rtlane/core/object_name.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

namespace rtlane {

struct ShmOptions {
  rtlane_wish huge = RTLANE_PREFERRED;
  rtlane_wish lock = RTLANE_PREFERRED;
  int numa_node = -1;
  std::uint64_t page_bytes = 0;
  std::uint32_t mode = 0;
  std::uint32_t gid = UINT32_MAX;
  bool read_only = false;
  bool exclusive = false;

  [[nodiscard]] rtlane_shm_options to_c() const
  {
    rtlane_shm_options options = RTLANE_SHM_OPTIONS_INIT;
    options.huge = huge;
    options.lock = lock;
    options.numa_node = numa_node;
    options.page_bytes = page_bytes;
    options.mode = mode;
    options.gid = gid;
    options.read_only = read_only ? 1 : 0;
    options.exclusive = exclusive ? 1 : 0;
    return options;
  }
};

class SharedMemory {
public:
  // Creates, or opens what exists: created() tells. An empty name makes an unnamed object.
  [[nodiscard]] static expected<SharedMemory> create(const std::string& name, std::uint64_t size_bytes,
                                                     const ShmOptions& options = {})
  {
    if (detail::has_nul(name))
      return unexpected(detail::error_of_nul());
    const rtlane_shm_options c_options = options.to_c();
    SharedMemory memory;
    const int result = rtlane_shm_create(name.c_str(), size_bytes, &c_options, &memory.handle_, &memory.data_);
    return finish(std::move(memory), result);
  }

  [[nodiscard]] static expected<SharedMemory> open(const std::string& name, const ShmOptions& options = {})
  {
    if (detail::has_nul(name))
      return unexpected(detail::error_of_nul());
    const rtlane_shm_options c_options = options.to_c();
    SharedMemory memory;
    const int result = rtlane_shm_open(name.c_str(), &c_options, &memory.handle_, &memory.data_);
    if (result == 0)
      return finish(std::move(memory), 1);
    return finish(std::move(memory), result);
  }

  SharedMemory() = default;
  SharedMemory(SharedMemory&& other) noexcept { swap(other); }
  SharedMemory& operator=(SharedMemory&& other) noexcept
  {
    SharedMemory(std::move(other)).swap(*this);
    return *this;
  }
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  ~SharedMemory() { close(); }

  // Closes the handle; the pointers got from data() are not to be used afterwards.
  void close() noexcept
  {
    if (handle_ != 0)
      rtlane_close(std::exchange(handle_, 0));
    data_ = nullptr;
    size_bytes_ = 0;
  }

  [[nodiscard]] void* data() const noexcept { return data_; }
  [[nodiscard]] std::uint64_t size_bytes() const noexcept { return size_bytes_; }
  [[nodiscard]] std::span<std::byte> bytes() const noexcept { return {static_cast<std::byte*>(data_), size_bytes_}; }
  [[nodiscard]] rtlane_handle handle() const noexcept { return handle_; }
  [[nodiscard]] bool created() const noexcept { return created_; }
  [[nodiscard]] explicit operator bool() const noexcept { return handle_ != 0; }

  // What was obtained. Zeroed when there is no handle.
  [[nodiscard]] rtlane_shm_certificate certificate() const
  {
    rtlane_shm_certificate facts{};
    facts.struct_size = sizeof facts;
    if (handle_ != 0)
      rtlane_shm_info(handle_, &facts);
    return facts;
  }

private:
  static expected<SharedMemory> finish(SharedMemory memory, int result)
  {
    if (result < 0)
      return unexpected(Error::from_c(result));
    memory.created_ = result == 0;
    rtlane_shm_size(memory.handle_, &memory.size_bytes_);
    return memory;
  }

  void swap(SharedMemory& other) noexcept
  {
    std::swap(handle_, other.handle_);
    std::swap(data_, other.data_);
    std::swap(size_bytes_, other.size_bytes_);
    std::swap(created_, other.created_);
  }

  rtlane_handle handle_ = 0;
  void* data_ = nullptr;
  std::uint64_t size_bytes_ = 0;
  bool created_ = false;
};

}  // namespace rtlane
