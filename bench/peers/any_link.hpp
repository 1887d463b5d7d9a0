// A link behind an interface, for what does not time single calls: what others see when a participant is stopped or
// killed, and tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "link.hpp"

namespace rtlane::bench {

enum class Received { nothing, whole, torn };

// One end; used by one thread.
class AnyEnd {
public:
  AnyEnd() = default;
  AnyEnd(const AnyEnd&) = delete;
  AnyEnd& operator=(const AnyEnd&) = delete;
  virtual ~AnyEnd() = default;

  // A message of that number. false: there is no room now.
  virtual bool try_send(std::uint64_t number) = 0;

  // number is that of the message, if one came.
  virtual Received try_receive(std::uint64_t& number) = 0;
};

// Made before the sides part; the ends are made and destroyed by who uses them.
class AnyLink {
public:
  AnyLink() = default;
  AnyLink(const AnyLink&) = delete;
  AnyLink& operator=(const AnyLink&) = delete;
  virtual ~AnyLink() = default;

  virtual std::unique_ptr<AnyEnd> near_end() = 0;
  virtual std::unique_ptr<AnyEnd> far_end() = 0;
};

struct AnyLinkMaker {
  LinkInfo info;
  std::size_t bytes;
  std::unique_ptr<AnyLink> (*make)(LinkRoom& room);  // nullptr: the peer's package is missing
};

using AnyLinks = std::vector<AnyLinkMaker>;

namespace detail {

template <class End, class M>
class AnyEndOf final : public AnyEnd {
public:
  explicit AnyEndOf(End end) : end_(std::move(end)) {}

  bool try_send(std::uint64_t number) override
  {
    message_.fill(number);
    return end_.try_send(message_);
  }

  Received try_receive(std::uint64_t& number) override
  {
    if (!end_.try_receive(message_))
      return Received::nothing;
    number = message_.number;
    return message_.is_whole() ? Received::whole : Received::torn;
  }

private:
  End end_;
  M message_ = {};
};

template <template <class> class Link, class M>
class AnyLinkOf final : public AnyLink {
public:
  explicit AnyLinkOf(LinkRoom& room) : link_(room) {}

  std::unique_ptr<AnyEnd> near_end() override { return std::make_unique<End>(link_.near_end()); }
  std::unique_ptr<AnyEnd> far_end() override { return std::make_unique<End>(link_.far_end()); }

private:
  using End = AnyEndOf<decltype(std::declval<Link<M>&>().near_end()), M>;

  Link<M> link_;
};

template <template <class> class Link, std::size_t bytes>
std::unique_ptr<AnyLink> make_any_link(LinkRoom& room)
{
  return std::make_unique<AnyLinkOf<Link, Message<bytes>>>(room);
}

}  // namespace detail

// One for each of message_sizes.
template <template <class> class Link>
void add_link(AnyLinks& all)
{
  [&]<std::size_t... i>(std::index_sequence<i...>)
  {
    (all.push_back(
         {Link<Message<message_sizes[i]>>::info, message_sizes[i], &detail::make_any_link<Link, message_sizes[i]>}),
     ...);
  }
  (std::make_index_sequence<message_sizes.size()>{});
}

}  // namespace rtlane::bench
