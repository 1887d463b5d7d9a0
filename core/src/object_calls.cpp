#include "object_calls.hpp"

#include <cerrno>

#include "environment.hpp"

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

}  // namespace

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

}  // namespace rtlane::detail
