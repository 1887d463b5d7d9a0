// What the exported functions about objects of any kind do alike.
#pragma once

#include <rtlane/core/shm.h>

#include <cinttypes>
#include <memory>
#include <utility>

#include "border.hpp"
#include "shared_object.hpp"

namespace rtlane::detail {

// What create and open check before anything is done: where the handle goes, options, room for a handle.
int check_request(const rtlane_handle* handle, const rtlane_shm_options* given, rtlane_shm_options& options) noexcept;

// Makes the handle that the caller asked for.
void give(std::shared_ptr<SharedObject> object, bool read_only, rtlane_handle* handle, void** address);

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

}  // namespace rtlane::detail
