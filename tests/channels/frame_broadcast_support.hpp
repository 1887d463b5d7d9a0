// A frame broadcast in plain memory, and frames whose every byte says which they are.
#pragma once

#include <rtlane/channels/frame_broadcast_core.hpp>

#include <cstdint>
#include <string>
#include <vector>

#include "broadcast_support.hpp"

namespace rtlane::test {

using Bytes = std::vector<unsigned char>;

inline constexpr std::uint64_t frame_ring_offset = 512;

// As a maker of a channel does it: zeroed memory, and the start position where it is not 0. The first frame's number is
// for tests.
template <class Word>
void start_frame_broadcast_at(const detail::FrameBroadcastView<Word>& view, std::uint64_t position,
                              std::uint64_t number)
{
  // relaxed: nobody else has the memory yet
  view.writer->tail.store(position, std::memory_order_relaxed);
  view.writer->intent.store(position, std::memory_order_relaxed);
  view.common->first.store(position, std::memory_order_relaxed);
  view.word(position).store(number, std::memory_order_relaxed);
}

template <class Word = std::atomic<std::uint64_t>>
class FrameBroadcastMemory {
public:
  explicit FrameBroadcastMemory(std::uint64_t capacity, std::uint64_t longest = UINT64_MAX, std::uint64_t start = 0,
                                std::uint64_t number = 0)
      : words_((frame_ring_offset + capacity) / 8), view(words_.data(), frame_ring_offset, capacity, longest)
  {
    start_frame_broadcast_at(view, start, number);
  }

private:
  std::vector<std::uint64_t> words_;

public:
  detail::FrameBroadcastView<Word> view;
};

// 0 to `longest` bytes; the first says who wrote it, the others follow from it and the number.
inline Bytes frame_of(std::uint64_t run, std::uint64_t number, std::uint64_t longest)
{
  Bytes made(mix(number * 3 + run) % (longest + 1));
  for (std::size_t i = 0; i < made.size(); ++i)
    made[i] = static_cast<unsigned char>(i == 0 ? run : mix(run * 1000003 + number * 64 + i / 8) >> (i % 8 * 8));
  return made;
}

// "" = it is the frame of that number, written by whoever its first byte names.
inline std::string frame_problem(const unsigned char* bytes, std::size_t length, std::uint64_t number,
                                 std::uint64_t longest)
{
  if (length == 0)
    return "";
  const Bytes wanted = frame_of(bytes[0], number, longest);
  if (wanted.size() != length)
    return "frame " + std::to_string(number) + " has the length " + std::to_string(length) + " instead of " +
           std::to_string(wanted.size());
  if (std::memcmp(bytes, wanted.data(), length) != 0)
    return "frame " + std::to_string(number) + " is torn";
  return "";
}

}  // namespace rtlane::test
