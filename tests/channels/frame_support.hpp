// Frame rings over plain memory, and frames that show when they are torn or another's.
#pragma once

#include <rtlane/channels/frame_ring_core.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include "ring_support.hpp"

namespace rtlane::test {

using Bytes = std::vector<std::byte>;

// The contents of frame `number` of producer `run`, written to `to`. From 16 bytes on they begin with the two.
inline void fill_frame(std::span<std::byte> to, std::uint64_t run, std::uint64_t number)
{
  for (std::size_t at = 0; at < to.size(); at += 8) {
    const std::uint64_t word =
        to.size() >= 16 && at < 16 ? (at == 0 ? run : number) : mix(run * 1000003 + number * 257 + at);
    std::memcpy(to.data() + at, &word, std::min<std::size_t>(8, to.size() - at));
  }
}

inline Bytes frame(std::uint64_t run, std::uint64_t number, std::size_t bytes)
{
  Bytes made(bytes);
  fill_frame(made, run, number);
  return made;
}

struct FrameName {
  std::uint64_t run = 0;
  std::uint64_t number = 0;
};

// Who wrote a frame of 16 bytes or more; nothing when it is not whole.
inline std::optional<FrameName> whole_frame(std::span<const std::byte> frame)
{
  FrameName name;
  if (frame.size() < 16)
    return std::nullopt;
  std::memcpy(&name.run, frame.data(), 8);
  std::memcpy(&name.number, frame.data() + 8, 8);
  for (std::size_t at = 16; at < frame.size(); at += 8) {
    const std::uint64_t word = mix(name.run * 1000003 + name.number * 257 + at);
    if (std::memcmp(frame.data() + at, &word, std::min<std::size_t>(8, frame.size() - at)) != 0)
      return std::nullopt;
  }
  return name;
}

// A ring in plain memory.
template <class Word = std::atomic<std::uint64_t>>
class PlainFrameRing {
public:
  using View = detail::FrameRingView<Word>;

  PlainFrameRing(std::uint64_t capacity, std::uint64_t align, std::uint64_t longest, std::uint64_t start = 0)
      : memory_((512 + View::area_bytes(capacity, align, longest) + 256) / 8, 0)
  {
    auto* base = reinterpret_cast<std::byte*>(memory_.data());
    base += -reinterpret_cast<std::uintptr_t>(base) % 128;
    view_ = View(base, base + 512, capacity, align, longest);
    view_.producer->tail.store(start, std::memory_order_relaxed);
    view_.consumer->head.store(start, std::memory_order_relaxed);
    view_.consumer->peeked_until.store(start, std::memory_order_relaxed);
  }

  const View& view() const { return view_; }
  // All bytes frames may lie in.
  std::span<std::byte> area() const
  {
    return {view_.contents - view_.align_mask - 1,
            View::area_bytes(view_.capacity(), view_.align_mask + 1, view_.frame_bytes_max)};
  }

private:
  std::vector<std::uint64_t> memory_;
  View view_;
};

// The calls of FrameRing's endpoints, over a core.
template <class Core>
Status push_frame(Core& producer, std::span<const std::byte> contents)
{
  std::byte* place = producer.claim(contents.size());
  if (place == nullptr)
    return producer.last_status();
  if (!contents.empty())
    std::memcpy(place, contents.data(), contents.size());
  producer.stage(contents.size());
  producer.commit();
  return Status::ok;
}

template <class Core>
Status pop_frame(Core& consumer, Bytes& out)
{
  const detail::FrameBytes found = consumer.look();
  if (found.data == nullptr)
    return consumer.last_status();
  out.assign(found.data, found.data + found.bytes);
  consumer.take();
  return Status::ok;
}

}  // namespace rtlane::test
