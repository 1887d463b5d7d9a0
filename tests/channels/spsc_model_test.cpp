// Random operations against std::deque, all capacities and positions near the wraps included.
#include <gtest/gtest.h>
#include <rtlane/channels/spsc_ring.hpp>

#include <deque>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "ring_support.hpp"
#include "support/watchdog.hpp"

namespace {

using namespace rtlane::test;
using rtlane::SpscOptions;
using rtlane::SpscRing;
using rtlane::Status;

struct Case {
  std::uint64_t capacity;
  std::uint64_t start;
};

// What the ring should do, told in the simplest way.
struct Model {
  struct Element {
    Message message;
    bool first_of_producer;
    bool peeked;  // by a consumer that is gone
  };
  std::deque<Element> waiting;
  std::uint64_t refused = 0;
  std::uint64_t redelivered = 0;
  std::uint64_t taken = 0;
  bool closed = false;
  bool changed = false;  // producer_changed() has to say so
  bool met_one = false;  // an element was taken or shown before
  bool shown = false;    // the first waiting element was shown to the present consumer
};

class Exerciser {
public:
  Exerciser(const Case& of, std::uint64_t seed) : random_(seed), ring_(make(of)), capacity_(ring_.capacity()) {}

  void run(int steps)
  {
    for (int step = 0; step < steps && !::testing::Test::HasFailure(); ++step) {
      SCOPED_TRACE("step " + std::to_string(step));
      // Pushes or pops prevail for a while, so that the ring gets full and empty.
      if (below(50) == 0)
        bias_ = below(5);
      operation(below(20));
      check();
    }
  }

private:
  static SpscRing<Message> make(const Case& of)
  {
    SpscOptions options;
    options.start_position = of.start;
    return SpscRing<Message>::in_memory(of.capacity, options).value();
  }

  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }

  void operation(std::uint64_t kind)
  {
    if (kind < 8)
      (below(5) < bias_ ? push_some() : pop_some());
    else if (kind < 10)
      push_batch();
    else if (kind < 12)
      pop_batch();
    else if (kind < 14)
      claim_and_publish();
    else if (kind < 16)
      peek_and_release();
    else if (kind == 16)
      attach_or_detach_producer();
    else if (kind == 17)
      attach_or_detach_consumer();
    else if (kind == 18 && below(4) == 0)
      close();
    else
      ask_changed();
  }

  bool room() const { return model_.waiting.size() < capacity_; }

  void pushed()
  {
    model_.waiting.push_back({message(run_, number_++), first_, false});
    first_ = false;
  }

  Status expected_push_status()
  {
    if (!producer_ || ended_)
      return Status::closed;
    if (room())
      return Status::ok;
    ++model_.refused;
    return Status::full;
  }

  void push_some()
  {
    const Status expected = expected_push_status();
    EXPECT_EQ(producer_ ? producer_->try_push(message(run_, number_)) : none_producer_.try_push(message(0, 0)),
              expected);
    if (expected == Status::ok)
      pushed();
  }

  void push_batch()
  {
    if (!producer_)
      return;
    std::vector<Message> batch(below(2 * capacity_ + 2));
    for (std::size_t i = 0; i < batch.size(); ++i)
      batch[i] = message(run_, number_ + i);
    const std::size_t fits = ended_ ? 0 : std::min<std::size_t>(batch.size(), capacity_ - model_.waiting.size());
    if (!ended_ && fits < batch.size())
      ++model_.refused;
    EXPECT_EQ(producer_->try_push_n(batch), fits);
    for (std::size_t i = 0; i < fits; ++i)
      pushed();
  }

  void claim_and_publish()
  {
    if (!producer_)
      return;
    const Status expected = expected_push_status();
    Message* place = producer_->claim();
    ASSERT_EQ(place != nullptr, expected == Status::ok);
    if (place == nullptr) {
      EXPECT_EQ(producer_->last_status(), expected);
      return;
    }
    *place = message(run_, number_);
    if (below(3) != 0) {
      EXPECT_TRUE(producer_->publish());
      pushed();
    }
  }

  // The model's side of showing the first waiting element.
  void shown()
  {
    if (model_.shown)
      return;
    model_.shown = true;
    model_.redelivered += model_.waiting.front().peeked ? 1 : 0;
    if (!model_.met_one)
      model_.waiting.front().first_of_producer = false;  // the first producer of all is no change, to nobody
    if (model_.waiting.front().first_of_producer)
      model_.changed = true;
    model_.met_one = true;
  }

  void took()
  {
    model_.waiting.pop_front();
    model_.shown = false;
    ++model_.taken;
  }

  Status expected_pop_status() const
  {
    if (!consumer_)
      return Status::closed;
    if (!model_.waiting.empty())
      return Status::ok;
    return model_.closed ? Status::closed : Status::empty;
  }

  void expect_same(const Message& got)
  {
    const Message& wanted = model_.waiting.front().message;
    EXPECT_EQ(got.run, wanted.run);
    EXPECT_EQ(got.number, wanted.number);
    EXPECT_TRUE(whole(got));
  }

  void pop_some()
  {
    Message got{};
    const Status expected = expected_pop_status();
    ASSERT_EQ(consumer_ ? consumer_->try_pop(got) : none_consumer_.try_pop(got), expected);
    if (expected != Status::ok)
      return;
    expect_same(got);
    EXPECT_EQ(consumer_->redelivered(), model_.waiting.front().peeked);
    shown();
    took();
  }

  void pop_batch()
  {
    if (!consumer_)
      return;
    std::vector<Message> batch(below(capacity_ + 2));
    const std::size_t got = consumer_->try_pop_n(batch);
    ASSERT_LE(got, batch.size());
    std::size_t wanted = 0;
    while (wanted < batch.size() && wanted < model_.waiting.size()) {
      const Model::Element& next = model_.waiting[wanted];
      const bool differs = next.first_of_producer || next.peeked != model_.waiting[0].peeked;
      if (wanted != 0 && differs)
        break;
      ++wanted;
    }
    ASSERT_EQ(got, wanted);
    if (got != 0) {
      EXPECT_EQ(consumer_->redelivered(), model_.waiting.front().peeked);
    } else if (!batch.empty()) {
      EXPECT_EQ(consumer_->last_status(), expected_pop_status());
    }
    for (std::size_t i = 0; i < got; ++i) {
      expect_same(batch[i]);
      shown();
      took();
    }
  }

  void peek_and_release()
  {
    if (!consumer_)
      return;
    const Status expected = expected_pop_status();
    const Message* seen = consumer_->peek();
    ASSERT_EQ(seen != nullptr, expected == Status::ok);
    if (seen == nullptr) {
      EXPECT_EQ(consumer_->last_status(), expected);
      EXPECT_FALSE(consumer_->release());
      return;
    }
    expect_same(*seen);
    shown();
    EXPECT_EQ(consumer_->redelivered(), model_.waiting.front().peeked);
    peeked_ = true;
    if (below(3) != 0) {
      EXPECT_TRUE(consumer_->release());
      took();
      peeked_ = false;
    }
  }

  void ask_changed()
  {
    if (!consumer_)
      return;
    EXPECT_EQ(consumer_->producer_changed(), model_.changed);
    model_.changed = false;
  }

  void close()
  {
    if (!producer_)
      return;
    producer_->close();
    ended_ = true;
    model_.closed = true;
  }

  void attach_or_detach_producer()
  {
    if (producer_) {
      producer_.reset();
      return;
    }
    auto attached = ring_.producer();
    ASSERT_TRUE(attached);
    producer_.emplace(std::move(*attached));
    ended_ = false;
    model_.closed = false;
    first_ = true;
    ++run_;
    number_ = 0;
  }

  void attach_or_detach_consumer()
  {
    if (consumer_) {
      // Shown and not released: the next consumer gets it flagged, and hears of its producer again, then. What was
      // taken and not asked about is the next one's to tell.
      if (peeked_ && model_.shown)
        model_.waiting.front().peeked = true;
      if (model_.shown && model_.waiting.front().first_of_producer)
        model_.changed = false;
      model_.shown = false;
      peeked_ = false;
      consumer_.reset();
      return;
    }
    auto attached = ring_.consumer();
    ASSERT_TRUE(attached);
    consumer_.emplace(std::move(*attached));
  }

  void check()
  {
    if (!model_.shown)
      peeked_ = false;
    const auto info = ring_.info();
    EXPECT_EQ(info.depth, model_.waiting.size());
    EXPECT_EQ(info.consumed, model_.taken);
    EXPECT_EQ(info.refused, model_.refused);
    EXPECT_EQ(info.redelivered, model_.redelivered);
    EXPECT_EQ(info.closed != 0, model_.closed);
    if (producer_ && !ended_) {
      EXPECT_EQ(producer_->size_estimate(), model_.waiting.size());
    }
    if (consumer_) {
      EXPECT_EQ(consumer_->size_estimate(), model_.waiting.size());
    }
  }

  std::mt19937_64 random_;
  SpscRing<Message> ring_;
  std::uint64_t capacity_;
  std::optional<SpscRing<Message>::Producer> producer_;
  std::optional<SpscRing<Message>::Consumer> consumer_;
  SpscRing<Message>::Producer none_producer_;
  SpscRing<Message>::Consumer none_consumer_;
  Model model_;
  std::uint64_t run_ = 0;
  std::uint64_t number_ = 0;
  std::uint64_t bias_ = 3;
  bool first_ = true;
  bool ended_ = false;
  bool peeked_ = false;
};

TEST(SpscModel, DoesWhatADequeDoesAtEveryCapacityAndPosition)
{
  const Watchdog watchdog(110);
  const std::uint64_t seed = test_seed();
  SCOPED_TRACE("RTLANE_TEST_SEED=" + std::to_string(seed));
  const int steps = sanitized ? 3000 : 30000;
  const std::uint64_t low48 = std::uint64_t{1} << 48;
  for (const std::uint64_t capacity : {1, 2, 3, 4, 7, 8, 16, 64}) {
    // Zeroed slots look most like written ones where position + 1 is a multiple of 2^48.
    for (const std::uint64_t start :
         {std::uint64_t{0}, low48 - 1, low48 - 2, low48 - 9, low48, 7 * low48 - 1, UINT64_MAX, UINT64_MAX - 5}) {
      SCOPED_TRACE("capacity " + std::to_string(capacity) + ", start " + std::to_string(start));
      Exerciser(Case{capacity, start}, seed ^ (start * 31 + capacity)).run(steps);
      if (HasFailure())
        return;
    }
  }
}

TEST(SpscModel, AnEmptyRingIsEmptyAtEveryStart)
{
  const std::uint64_t low48 = std::uint64_t{1} << 48;
  for (const std::uint64_t capacity : {1, 2, 8}) {
    for (std::uint64_t start = low48 - 20; start != low48 + 20; ++start) {
      SpscOptions options;
      options.start_position = start;
      const auto ring = SpscRing<Message>::in_memory(capacity, options).value();
      auto consumer = ring.consumer();
      Message got{};
      ASSERT_EQ(consumer->try_pop(got), Status::empty) << start;
      auto producer = ring.producer();
      ASSERT_EQ(producer->size_estimate(), 0u) << start;
      ASSERT_EQ(consumer->try_pop(got), Status::empty) << start;
      ASSERT_EQ(producer->try_push(message(1, start)), Status::ok);
      ASSERT_EQ(consumer->try_pop(got), Status::ok);
      ASSERT_EQ(got.number, start);
    }
  }
}

// 65534 producers later an epoch comes again; the elements of the older one are long gone by then.
TEST(SpscModel, EpochsComeRoundWithoutConfusion)
{
  const Watchdog watchdog(110);
  const auto ring = SpscRing<std::uint64_t>::in_memory(2).value();
  auto consumer = ring.consumer();
  std::uint64_t got = 0;
  for (std::uint64_t i = 0; i < 140000; ++i) {
    auto producer = ring.producer();
    ASSERT_TRUE(producer);
    ASSERT_EQ(producer->try_push(i), Status::ok);
    ASSERT_EQ(consumer->try_pop(got), Status::ok) << i;
    ASSERT_EQ(got, i);
    ASSERT_EQ(consumer->producer_changed(), i != 0) << i;
  }
}

}  // namespace
