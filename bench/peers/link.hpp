// What a peer or a channel of ours has to offer to be measured: one adapter, a file each.
//
// A link carries messages both ways between a near side, which measures, and a far side. An adapter is a class template
//
//   template <class M>
//   class FooLink {
//   public:
//     static constexpr LinkInfo info = {...};
//
//     explicit FooLink(LinkRoom& room);   // before the two sides part: makes both directions
//
//     class End {                         // of one side; used by one thread; can be moved
//     public:
//       bool try_send(const M& message);     // false: there is no room now
//       bool try_receive(M& message);        // false: there is nothing now
//     };
//     End near_end();                     // in the process and thread that uses it; more than once
//     End far_end();                      // only where info.many says so
//   };
//
// M is a Message<bytes>; the adapter moves all of its bytes, as its users would: what can be lent in place may be
// filled and read in place. try_* of a peer that sleeps in the kernel (info.blocks) may sleep up to link_patience_ms,
// and returns false then. Nothing throws: what goes wrong ends the process by die() with a sentence.
//
// Reach: with Reach::processes the two sides are two processes, forked after the constructor (one may be the process
// that ran it); the room's memory is shared by them and lies at the same address. With Reach::threads they are threads
// of one process. A peer that needs set-up in each process does it in near_end() and far_end(), which run at the same
// time and may wait for each other. What lives once in a process (a runtime, a participant) is made there, so a process
// that has had an end of such a peer cannot fork another side of it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "../support/process.hpp"
#include "../support/shared_room.hpp"

namespace rtlane::bench {

// number first; every other word is a function of it, so that a torn message shows.
template <std::size_t bytes>
struct Message {
  static_assert(bytes >= 16 && bytes % 8 == 0);
  std::uint64_t number;
  std::array<std::uint64_t, bytes / 8 - 1> words;

  void fill(std::uint64_t its_number) noexcept
  {
    number = its_number;
    words.fill(~its_number);
  }
  [[nodiscard]] bool is_whole() const noexcept
  {
    std::uint64_t differing = 0;
    for (const std::uint64_t word : words)
      differing |= word ^ ~number;
    return differing == 0;
  }
};

// The sizes that are measured: a small sample, what just fits a line beside its sequence, a line, a pose, a block.
inline constexpr std::array<std::size_t, 5> message_sizes = {16, 48, 64, 256, 1024};

// Messages that each direction holds, where a peer lets one choose.
inline constexpr std::size_t link_capacity = 1024;

// How long a call that sleeps in the kernel may do so before it returns false.
inline constexpr int link_patience_ms = 50;

enum class Reach { processes, threads };

struct LinkInfo {
  std::string_view name;  // "boost/spsc_queue"
  std::string_view kind;  // what it promises: "spsc", "mpmc", "frames", "queue", "pipe", "socket", "pubsub", "latest"
  std::string_view package;  // the Debian package it comes from; "" = it is ours, or libc's
  Reach reach;
  bool blocks;        // who waits sleeps in the kernel
  bool many = false;  // each side may have several ends, in processes (threads) of their own
  // Starts what has to run beside all links of the kind. Called by the process that orders, before it forks who makes
  // one; what it cannot do, the link's constructor says.
  void (*prepare)() = nullptr;
};

// What a link is made from, before its sides part.
struct LinkRoom {
  SharedRoom& shared;  // zeroed memory that both sides see
  std::string name;    // of this link, for names in a namespace: unique in the system, only [a-z0-9-]
};

}  // namespace rtlane::bench
