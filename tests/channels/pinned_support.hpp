// Memory for pinned snapshots without a channel around it, and endpoints over it for tests of the core.
#pragma once

#include <rtlane/channels/pinned_core.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "ring_support.hpp"

namespace rtlane::test {

template <class Word>
using PinnedWriter = rtlane::detail::PinnedWriterCore<Word>;
template <class Word>
using PinnedReader = rtlane::detail::PinnedReaderCore<Word>;

constexpr std::uint64_t pinned_stride(std::uint64_t value_bytes)
{
  return (8 + value_bytes + 7) / 8 * 8;
}
constexpr std::uint64_t pinned_bytes(unsigned readers, std::uint64_t value_bytes)
{
  return rtlane::detail::pinned_control_bytes(readers) +
         rtlane::detail::pinned_slot_count(readers) * pinned_stride(value_bytes);
}

template <class Word>
rtlane::detail::PinnedView<Word> pinned_view(void* memory, unsigned readers, std::uint64_t value_bytes)
{
  auto* base = static_cast<std::byte*>(memory);
  return {base, base + rtlane::detail::pinned_control_bytes(readers), readers, pinned_stride(value_bytes), 8};
}

// Zeroed, private to the process.
template <class Word>
class PinnedMemory {
public:
  PinnedMemory(unsigned readers, std::uint64_t value_bytes)
      : bytes_((pinned_bytes(readers, value_bytes) + 127) / 128 * 128),
        memory_(std::aligned_alloc(128, bytes_)),
        view_(pinned_view<Word>(memory_.get(), readers, value_bytes))
  {
    std::memset(memory_.get(), 0, bytes_);
  }

  const rtlane::detail::PinnedView<Word>& view() const { return view_; }
  void clear() { std::memset(memory_.get(), 0, bytes_); }

private:
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  std::uint64_t bytes_;
  std::unique_ptr<void, Free> memory_;
  rtlane::detail::PinnedView<Word> view_;
};

template <class Word, class T>
bool store(PinnedWriter<Word>& writer, const T& value, std::uint64_t stamp = 0)
{
  std::byte* place = writer.claim();
  if (place == nullptr)
    return false;
  std::memcpy(place, &value, sizeof(T));
  writer.publish(stamp);
  return true;
}

template <class Word, class T>
Status load(PinnedReader<Word>& reader, T& out)
{
  const unsigned pin = reader.pin();
  if (pin == rtlane::detail::pinned_no_pin)
    return reader.last_status();
  std::memcpy(&out, reader.value(pin), sizeof(T));
  reader.unpin(pin);
  return Status::ok;
}

// With every reader holding two values of its own and the latest besides, there is one slot left: none has leaked, and
// what is held stays as it is. All pins must be free before. "" = so it is.
template <class Word>
std::string all_slots_usable(PinnedWriter<Word>& writer, PinnedReader<Word>* readers, unsigned count)
{
  const std::uint64_t base = writer.sequence() * 1000;
  std::uint64_t number = 0;
  for (unsigned i = 0; i < count * 2; ++i) {
    store(writer, message(9, base + number++));
    if (readers[i / 2].pin() == rtlane::detail::pinned_no_pin)
      return "reader " + std::to_string(i / 2) + " cannot pin: " + to_string(readers[i / 2].last_status());
  }
  for (int i = 0; i < 5; ++i)
    store(writer, message(9, base + number++));
  for (unsigned i = 0; i < count * 2; ++i) {
    Message held{};
    std::memcpy(&held, readers[i / 2].value(i % 2), sizeof held);
    if (!whole(held) || held.number != base + i)
      return "a held value was overwritten";
    readers[i / 2].unpin(i % 2);
  }
  return "";
}

}  // namespace rtlane::test
