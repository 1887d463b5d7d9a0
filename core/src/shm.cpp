#include <rtlane/core/shm.h>
#include <time.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <utility>

#include "object_calls.hpp"

namespace rtlane::detail {
namespace {

// Not for ever: another thread may have opened the object again, or was ended inside a wait (TerminateThread).
constexpr int last_looks = 100;
constexpr timespec between_last_looks = {0, 50'000};

int create_shared_memory(const char* name, std::uint64_t size_bytes, const rtlane_shm_options* given,
                         rtlane_handle* handle, void** address)
{
  rtlane_shm_options options;
  if (const int error = check_request(handle, given, options); error != 0)
    return error;
  std::shared_ptr<SharedObject> object;
  bool existed = false;
  if (const int error = SharedObject::create(RTLANE_KIND_SHARED_MEMORY, name != nullptr ? name : "", size_bytes,
                                             options, object, existed);
      error != 0)
    return error;
  give(std::move(object), options.read_only != 0, handle, address);
  return existed ? 1 : 0;
}

int open_shared_memory(const char* name, const rtlane_shm_options* given, rtlane_handle* handle, void** address)
{
  rtlane_shm_options options;
  if (const int error = check_request(handle, given, options); error != 0)
    return error;
  std::shared_ptr<SharedObject> object;
  if (const int error = SharedObject::open(RTLANE_KIND_SHARED_MEMORY, name != nullptr ? name : "", options, object);
      error != 0)
    return error;
  give(std::move(object), options.read_only != 0, handle, address);
  return 0;
}

}  // namespace
}  // namespace rtlane::detail

using namespace rtlane::detail;

int rtlane_shm_create(const char* name, uint64_t size_bytes, const rtlane_shm_options* options, rtlane_handle* handle,
                      void** address) noexcept
{
  return set_up_call([&] { return create_shared_memory(name, size_bytes, options, handle, address); });
}

int rtlane_shm_open(const char* name, const rtlane_shm_options* options, rtlane_handle* handle, void** address) noexcept
{
  return set_up_call([&] { return open_shared_memory(name, options, handle, address); });
}

int rtlane_close(rtlane_handle handle) noexcept
{
  const NoCancellation not_now;
  std::shared_ptr<HandleTarget> waited;
  std::uint64_t closes_before = 0;
  const int result = set_up_call([&] {
    std::shared_ptr<HandleTarget> ended;
    const int error = Process::instance().handles.remove(handle, ended, &waited);
    // What nobody waits for, also not through a handle that was closed before, ends here, inside the set-up call.
    if (ended != nullptr && ended.use_count() == 2)
      waited.reset();
    if (waited != nullptr)
      closes_before = waited->waitable()->count_close();
    Process::instance().retire(std::move(ended));
    return error;
  });
  if (waited == nullptr)
    return result;
  waited->waitable()->end_waits(closes_before);
  // Waits that were about to end or to sleep have it for some microseconds more: the name is free on return.
  for (int looks = 0; looks < last_looks && waited.use_count() > 1; ++looks)
    ::nanosleep(&between_last_looks, nullptr);
  return set_up_call([&] {
    Process::instance().retire(std::move(waited));
    return 0;
  });
}

int rtlane_shm_size(rtlane_handle handle, uint64_t* size_bytes) noexcept
{
  return guarded_call([&] {
    if (size_bytes == nullptr)
      return fail(EINVAL, "size_bytes is NULL");
    return with_object(handle, [&](const SharedObject& object, bool) { *size_bytes = object.header().size_bytes; });
  });
}

int rtlane_shm_info(rtlane_handle handle, rtlane_shm_certificate* certificate) noexcept
{
  return set_up_call([&] {
    if (certificate == nullptr || certificate->struct_size != sizeof *certificate)
      return fail(EINVAL, "certificate is NULL, or its struct_size is not sizeof(struct rtlane_shm_certificate)");
    return with_object(handle,
                       [&](const SharedObject& object, bool read_only) { object.certify(read_only, *certificate); });
  });
}
