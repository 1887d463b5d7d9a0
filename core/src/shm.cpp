#include <rtlane/core/shm.h>

#include <cerrno>
#include <cinttypes>
#include <cstring>
#include <string_view>

#include "border.hpp"
#include "environment.hpp"
#include "shared_object.hpp"

namespace rtlane::detail {
namespace {

int read_options(const rtlane_shm_options* given, rtlane_shm_options& options) noexcept
{
  options = RTLANE_SHM_OPTIONS_INIT;
  if (given == nullptr)
    return 0;
  if (given->struct_size != sizeof options)
    return fail(EINVAL, "options.struct_size is %" PRIu32 ", not %zu: start from RTLANE_SHM_OPTIONS_INIT",
                given->struct_size, sizeof options);
  options = *given;
  return 0;
}

// What create and open check alike before anything is done: where the handle goes, options, room for a handle.
int check_request(const rtlane_handle* handle, const rtlane_shm_options* given, rtlane_shm_options& options) noexcept
{
  if (handle == nullptr)
    return fail(EINVAL, "handle is NULL: the object could never be closed");
  if (const int error = read_options(given, options); error != 0)
    return error;
  std::uint64_t limit = 0;
  if (const int error = environment_number("RTLANE_MAX_HANDLES", 1, handles_max, handles_max, limit); error != 0)
    return error;
  return Process::instance().handles.check_room(static_cast<std::uint32_t>(limit));
}

void give(std::shared_ptr<SharedObject> object, bool read_only, rtlane_handle* handle, void** address)
{
  void* const memory = object->address(read_only);
  *handle = Process::instance().handles.add(std::move(object), read_only);
  if (address != nullptr)
    *address = memory;
}

// Does work(object, read_only) while the handle cannot end. Returns 0, or -EBADF with a sentence.
template <class Work>
int with_object(rtlane_handle handle, Work&& work)
{
  const HandleTable::Pin pin = Process::instance().handles.pin(handle);
  if (!pin)
    return -EBADF;
  const auto* object = dynamic_cast<const SharedObject*>(pin.target());
  if (object == nullptr)
    return fail(EBADF, "0x%08" PRIx32 " is the handle of something that has no memory", handle);
  work(*object, pin.read_only());
  return 0;
}

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
  return set_up_call([&] {
    // What it stands for ends here, inside the set-up call, when this was its last handle.
    std::shared_ptr<HandleTarget> ended;
    return Process::instance().handles.remove(handle, ended);
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
