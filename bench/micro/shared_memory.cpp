// Named memory, leases and the namespace. All are set-up calls: what they cost is mostly the kernel's.
#include <fmt/format.h>
#include <rtlane/channels/channels.h>
#include <rtlane/core/lease.h>
#include <rtlane/core/namespace.h>
#include <rtlane/core/shared_memory.hpp>

#include <array>
#include <string>

#include "micro.hpp"

namespace rtlane::bench::micro {
namespace {

constexpr std::uint64_t small_bytes = 4096;
constexpr std::uint64_t huge_page_bytes = 2 << 20;

// operation(memory) on an object with a name.
template <class Operation>
void add_on_memory(const std::string& name, Operation operation)
{
  add(name, [operation](State& state) {
    const auto memory = need(SharedMemory::create(object_name("shm"), small_bytes));
    repeat(state, [&] { return operation(memory); });
  });
}

void add_memory()
{
  for (const std::uint64_t size_bytes : {small_bytes, huge_page_bytes}) {
    add(fmt::format("shm/create,close/bytes:{}/alone", size_bytes), [size_bytes](State& state) {
      repeat(state, [&, name = object_name("shm")] { return need(SharedMemory::create(name, size_bytes)).created(); });
    });
    add(fmt::format("shm/create,close/unnamed/bytes:{}/alone", size_bytes), [size_bytes](State& state) {
      repeat(state, [&] { return need(SharedMemory::create("", size_bytes)).created(); });
    });
    // This process has it already, so its mapping is shared.
    add(fmt::format("shm/open,close/bytes:{}/alone", size_bytes), [size_bytes](State& state) {
      const std::string name = object_name("shm");
      const auto kept = need(SharedMemory::create(name, size_bytes));
      repeat(state, [&] { return !need(SharedMemory::open(name)).created(); });
    });
  }
  add("shm/open/missing/alone",
      [](State& state) { repeat(state, [name = object_name("missing")] { return !SharedMemory::open(name); }); });
  add_on_memory("shm/size/alone", [](const SharedMemory& memory) {
    std::uint64_t size_bytes = 0;
    return rtlane_shm_size(memory.handle(), &size_bytes) == 0 && size_bytes == small_bytes;
  });
  add_on_memory("shm/info,certificate/alone",
                [](const SharedMemory& memory) { return memory.certificate().size_bytes == small_bytes; });
}

void add_leases()
{
  add_on_memory("lease/acquire,release/alone", [](const SharedMemory& memory) {
    rtlane_lease lease{};
    need_c(rtlane_lease_acquire(memory.handle(), 0, &lease), "rtlane_lease_acquire");
    rtlane_lease_release(&lease);
    return true;
  });
  add_on_memory("lease/held/nobody/alone",
                [](const SharedMemory& memory) { return rtlane_lease_held(memory.handle(), 0) == 0; });
  add("lease/held/somebody/alone", [](State& state) {
    const auto memory = need(SharedMemory::create(object_name("shm"), small_bytes));
    rtlane_lease lease{};
    need_c(rtlane_lease_acquire(memory.handle(), 0, &lease), "rtlane_lease_acquire");
    repeat(state, [&] { return rtlane_lease_held(memory.handle(), 0) == 1; });
    rtlane_lease_release(&lease);
  });
}

void add_namespace()
{
  // Among whatever else is in the namespace.
  add_on_memory("namespace/list/alone", [](const SharedMemory&) {
    const auto visitor = [](const rtlane_namespace_entry*, void*) { return 0; };
    return rtlane_namespace_list(visitor, nullptr) >= 1;
  });
  add("namespace/path/alone", [](State& state) {
    std::array<char, 4096> path;
    repeat(state, [&] { return rtlane_namespace_path(path.data(), path.size()) == 0; });
  });
  add("api/version/alone", [](State& state) { repeat(state, [] { return used(rtlane_version()); }); });
  add("api/error_message/alone", [](State& state) { repeat(state, [] { return used(rtlane_error_message()); }); });
  add("api/status_name/alone",
      [](State& state) { repeat(state, [] { return used(rtlane_status_name(RTLANE_FULL)); }); });
}

}  // namespace

void add_shared_memory()
{
  add_memory();
  add_leases();
  add_namespace();
}

}  // namespace rtlane::bench::micro
