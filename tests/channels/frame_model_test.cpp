// Random operations against std::deque, and every place at the ring's end with every length.
#include <gtest/gtest.h>

#include <deque>
#include <optional>
#include <random>
#include <string>

#include "frame_support.hpp"
#include "support/watchdog.hpp"

namespace {

using namespace rtlane::test;
using rtlane::Status;
using Producer = rtlane::detail::FrameProducerCore<>;
using Consumer = rtlane::detail::FrameConsumerCore<>;
using Ring = PlainFrameRing<>;

struct Case {
  std::uint64_t capacity;
  std::uint64_t align;
  std::uint64_t longest;
  std::uint64_t start;
};

// What the ring should do, told in the simplest way.
struct Model {
  struct Element {
    Bytes contents;
    std::uint64_t record;
    bool first_of_producer;
    bool seen;  // by a consumer that is gone
    bool counted;
  };
  std::deque<Element> waiting;
  std::uint64_t refused = 0;
  std::uint64_t redelivered = 0;
  bool closed = false;
  bool changed = false;    // the consumer has to say so
  bool met_one = false;    // a frame was taken or shown before
  bool met_first = false;  // the first waiting frame was met by the present consumer
  std::size_t shown = 0;   // by the present consumer
};

class Exerciser {
public:
  Exerciser(const Case& of, std::uint64_t seed)
      : random_(seed), case_(of), ring_(of.capacity, of.align, of.longest, of.start)
  {}

  void run(int steps)
  {
    for (int step = 0; step < steps && !::testing::Test::HasFailure(); ++step) {
      SCOPED_TRACE("step " + std::to_string(step));
      // Pushes or pops prevail for a while, so that the ring gets full and empty.
      if (below(50) == 0)
        bias_ = below(5);
      operation(below(24));
      check();
    }
  }

private:
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }

  void operation(std::uint64_t kind)
  {
    if (kind < 8)
      (below(5) < bias_ ? push_one() : pop_one());
    else if (kind < 12)
      (below(5) < bias_ ? push_batch() : show_batch());
    else if (kind < 14)
      peek_and_release();
    else if (kind < 16)
      take_some();
    else if (kind == 16)
      attach_or_leave_producer();
    else if (kind == 17)
      attach_or_leave_consumer();
    else if (kind == 18 && below(4) == 0)
      close();
    else
      ask_changed();
  }

  std::uint64_t record(std::uint64_t bytes) const { return (8 + bytes + case_.align - 1) / case_.align * case_.align; }
  std::uint64_t in_use() const
  {
    std::uint64_t sum = 0;
    for (const Model::Element& element : model_.waiting)
      sum += element.record;
    return sum;
  }

  Status expected_claim(std::uint64_t bytes, std::uint64_t staged)
  {
    if (!producer_ || ended_)
      return Status::closed;
    if (bytes > case_.longest)
      return Status::too_large;
    if (in_use() + staged + record(bytes) <= case_.capacity)
      return Status::ok;
    ++model_.refused;
    return Status::full;
  }

  void pushed(Bytes contents)
  {
    const std::uint64_t takes = record(contents.size());
    model_.waiting.push_back({std::move(contents), takes, first_, false, false});
    first_ = false;
  }

  std::uint64_t any_length()
  {
    return below(10) == 0 ? case_.longest : below(case_.longest + (below(20) == 0 ? 9 : 1));
  }

  void push_one()
  {
    const Bytes contents = frame(run_, number_++, any_length());
    Producer none;
    const Status expected = expected_claim(contents.size(), 0);
    ASSERT_EQ(push_frame(producer_ ? *producer_ : none, contents), expected);
    if (expected == Status::ok)
      pushed(contents);
  }

  // Claims, claims again, commits shorter, several with one commit, or thinks better of it.
  void push_batch()
  {
    if (!producer_)
      return;
    std::vector<Bytes> batch;
    std::uint64_t staged = 0;
    for (std::uint64_t more = 1 + below(4); more > 0; --more) {
      const std::uint64_t claimed = any_length();
      const Status expected = expected_claim(claimed, staged);
      std::byte* place = producer_->claim(claimed);
      ASSERT_EQ(place != nullptr, expected == Status::ok);
      if (place == nullptr) {
        ASSERT_EQ(producer_->last_status(), expected);
        break;
      }
      ASSERT_EQ(reinterpret_cast<std::uintptr_t>(place) % case_.align, 0u);
      if (below(4) == 0) {
        ASSERT_EQ(producer_->claim(claimed), place);
      }
      const std::uint64_t bytes = below(3) == 0 ? below(claimed + 1) : claimed;
      ASSERT_FALSE(producer_->stage(claimed + 1));
      fill_frame({place, bytes}, run_, number_);
      ASSERT_TRUE(producer_->stage(bytes));
      ASSERT_FALSE(producer_->stage(0));  // one claim, one frame
      batch.push_back(frame(run_, number_++, bytes));
      staged += record(bytes);
    }
    if (below(8) == 0) {
      producer_->discard();
      ASSERT_FALSE(producer_->commit());
      return;
    }
    ASSERT_EQ(producer_->commit(), !batch.empty());
    for (Bytes& contents : batch)
      pushed(std::move(contents));
  }

  Status expected_pop() const
  {
    if (!consumer_)
      return Status::closed;
    if (!model_.waiting.empty())
      return Status::ok;
    return model_.closed ? Status::closed : Status::empty;
  }

  // The model's side of meeting the first waiting frame.
  void met()
  {
    Model::Element& first = model_.waiting.front();
    if (first.seen && !first.counted) {
      ++model_.redelivered;
      first.counted = true;
    }
    if (model_.met_first)
      return;
    model_.met_first = true;
    if (!model_.met_one)
      first.first_of_producer = false;  // the first producer of all is no change, to nobody
    model_.changed = model_.changed || first.first_of_producer;
    model_.met_one = true;
  }

  void took()
  {
    model_.waiting.pop_front();
    model_.met_first = false;
    model_.shown -= model_.shown != 0 ? 1 : 0;
  }

  void pop_one()
  {
    Bytes got;
    Consumer none;
    const Status expected = expected_pop();
    ASSERT_EQ(pop_frame(consumer_ ? *consumer_ : none, got), expected);
    if (expected != Status::ok)
      return;
    ASSERT_EQ(got, model_.waiting.front().contents);
    ASSERT_EQ(consumer_->redelivered(), model_.waiting.front().seen);
    met();
    took();
  }

  void peek_and_release()
  {
    if (!consumer_)
      return;
    const Status expected = expected_pop();
    const auto found = consumer_->look();
    ASSERT_EQ(found.data != nullptr, expected == Status::ok);
    if (found.data == nullptr) {
      ASSERT_EQ(consumer_->last_status(), expected);
      ASSERT_FALSE(consumer_->take_shown(1));
      return;
    }
    consumer_->mark_shown();
    met();
    model_.shown = std::max<std::size_t>(model_.shown, 1);
    ASSERT_EQ(Bytes(found.data, found.data + found.bytes), model_.waiting.front().contents);
    ASSERT_EQ(consumer_->redelivered(), model_.waiting.front().seen);
    if (below(3) != 0) {
      ASSERT_TRUE(consumer_->take_shown(1));
      took();
    }
  }

  void show_batch()
  {
    if (!consumer_)
      return;
    std::vector<std::span<const std::byte>> batch(below(6));
    const std::size_t got = consumer_->show(batch);
    std::size_t wanted = 0;
    while (wanted < batch.size() && wanted < model_.waiting.size()) {
      const Model::Element& next = model_.waiting[wanted];
      if (wanted != 0 && (next.first_of_producer || next.seen != model_.waiting[0].seen))
        break;
      ++wanted;
    }
    ASSERT_EQ(got, wanted);
    if (got == 0) {
      if (!batch.empty()) {
        ASSERT_EQ(consumer_->last_status(), expected_pop());
      }
      return;
    }
    met();
    ASSERT_EQ(consumer_->redelivered(), model_.waiting.front().seen);
    for (std::size_t i = 0; i < got; ++i) {
      Model::Element& element = model_.waiting[i];
      ASSERT_EQ(Bytes(batch[i].begin(), batch[i].end()), element.contents);
      if (element.seen && !element.counted) {
        element.counted = true;
        ++model_.redelivered;
      }
    }
    model_.shown = std::max(model_.shown, got);
    ASSERT_EQ(consumer_->shown(), model_.shown);
  }

  void take_some()
  {
    if (!consumer_)
      return;
    const std::uint64_t count = below(model_.shown + 2);
    const bool possible = count != 0 && count <= model_.shown;
    const bool again = !model_.waiting.empty() && model_.waiting.front().seen;
    ASSERT_EQ(consumer_->take_shown(count), possible);
    if (!possible)
      return;
    ASSERT_EQ(consumer_->redelivered(), again);
    for (std::uint64_t i = 0; i < count; ++i)
      took();
  }

  void ask_changed()
  {
    if (!consumer_)
      return;
    ASSERT_EQ(consumer_->take_changed(), model_.changed);
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

  void attach_or_leave_producer()
  {
    if (producer_) {
      if (below(2) == 0)
        producer_->detach();  // else: killed
      else
        ++killed_;
      producer_.reset();
      return;
    }
    producer_.emplace(ring_.view());
    ended_ = false;
    model_.closed = false;
    first_ = true;
    ++run_;
    number_ = 0;
  }

  void attach_or_leave_consumer()
  {
    if (!consumer_) {
      consumer_.emplace(ring_.view());
      return;
    }
    // Shown and not taken: the next consumer gets them flagged, and hears of their producer again, then. What was
    // taken and not asked about is the next one's to tell.
    for (std::size_t i = 0; i < model_.shown; ++i)
      model_.waiting[i].seen = true;
    for (Model::Element& element : model_.waiting)
      element.counted = false;
    if (model_.met_first && model_.waiting.front().first_of_producer)
      model_.changed = false;
    model_.met_first = false;
    model_.shown = 0;
    if (below(2) == 0)
      consumer_->detach();
    consumer_.reset();
  }

  void check()
  {
    const auto& view = ring_.view();
    ASSERT_EQ(view.producer->tail - view.consumer->head, in_use());
    ASSERT_EQ(view.producer->refused, model_.refused);
    ASSERT_EQ(view.consumer->redelivered, model_.redelivered);
    ASSERT_EQ(view.producer->takeovers + (producer_ ? 0 : view.producer->attached.load()), killed_);
    if (producer_) {
      ASSERT_EQ(producer_->size_estimate(), in_use());
    }
    if (consumer_) {
      ASSERT_EQ(consumer_->size_estimate(), in_use());
    }
  }

  std::mt19937_64 random_;
  Case case_;
  Ring ring_;
  std::optional<Producer> producer_;
  std::optional<Consumer> consumer_;
  Model model_;
  std::uint64_t run_ = 0;
  std::uint64_t number_ = 0;
  std::uint64_t killed_ = 0;
  std::uint64_t bias_ = 3;
  bool first_ = true;
  bool ended_ = false;
};

TEST(FrameRingModel, DoesWhatADequeDoesAtEveryCapacityAndPosition)
{
  const Watchdog watchdog(110);
  const std::uint64_t seed = test_seed();
  SCOPED_TRACE("RTLANE_TEST_SEED=" + std::to_string(seed));
  const int steps = sanitized ? 2000 : 20000;
  struct Size {
    std::uint64_t capacity;
    std::uint64_t align;
    std::uint64_t longest;
  };
  for (const Size size : {Size{8, 8, 0}, Size{64, 8, 24}, Size{64, 8, 56}, Size{128, 16, 40}, Size{256, 64, 200},
                          Size{1024, 8, 500}, Size{4096, 128, 2000}}) {
    const std::uint64_t places = 8 * 0x10000;                  // frame_place comes round
    const std::uint64_t marks = (std::uint64_t{1} << 48) * 8;  // frame_mark comes round
    for (const std::uint64_t start : {std::uint64_t{0}, places, places - size.align, marks - size.align, marks,
                                      0 - size.align, 0 - size.capacity, 0 - size.capacity / 2}) {
      const std::uint64_t aligned = start / size.align * size.align;
      SCOPED_TRACE("capacity " + std::to_string(size.capacity) + ", align " + std::to_string(size.align) +
                   ", longest " + std::to_string(size.longest) + ", start " + std::to_string(aligned));
      Exerciser(Case{size.capacity, size.align, size.longest, aligned}, seed ^ (aligned * 31 + size.capacity))
          .run(steps);
      if (HasFailure())
        return;
    }
  }
}

// Published bugs 13 and 14: any place, any length. The frame lies within the area, in one piece, nothing else is
// touched; and a legal frame always fits into an empty ring.
TEST(FrameRingModel, EveryLengthFitsAtEveryPlaceOfAnEmptyRing)
{
  const Watchdog watchdog(110);
  std::uint64_t pairs = 0;
  for (const std::uint64_t align : {8, 16, 64}) {
    for (const std::uint64_t capacity : {64, 128, 256}) {
      const std::uint64_t longest = capacity - 8;
      // Once from 0, once across the end of the numbers.
      for (const std::uint64_t origin : {std::uint64_t{0}, 0 - std::max(align, capacity / 2)}) {
        for (std::uint64_t offset = 0; offset < capacity; offset += align) {
          for (std::uint64_t bytes = 0; bytes <= longest; ++bytes) {
            SCOPED_TRACE(std::to_string(bytes) + " bytes at " + std::to_string(offset) + " of " +
                         std::to_string(capacity));
            Ring ring(capacity, align, longest, origin + offset);
            const std::span<std::byte> area = ring.area();
            std::fill(area.begin(), area.end(), std::byte{0xa5});
            Producer producer(ring.view());
            Consumer consumer(ring.view());
            const Bytes contents = frame(7, offset, bytes);
            ASSERT_EQ(push_frame(producer, contents), Status::ok);
            const std::uint64_t record = ring.view().record_bytes(bytes);
            rtlane::detail::show_bytes(area.data(), area.size());
            for (std::uint64_t at = 0; at < area.size(); ++at) {
              const std::uint64_t begin = (origin + offset) % capacity + align - 8;
              if (at < begin || at >= begin + 8 + bytes) {
                ASSERT_EQ(area[at], std::byte{0xa5}) << at;
              }
            }
            // What is left is exactly the rest, whatever the place: a frame of that length fits, a longer one does not.
            const std::uint64_t rest = capacity - record;
            if (rest >= align) {
              const Bytes more = frame(8, offset, rest - 8);
              ASSERT_EQ(push_frame(producer, Bytes(rest - 7)), Status::full);
              ASSERT_EQ(push_frame(producer, more), Status::ok);
              ASSERT_EQ(push_frame(producer, {}), Status::full);
              Bytes got;
              ASSERT_EQ(pop_frame(consumer, got), Status::ok);
              ASSERT_EQ(got, contents);
              ASSERT_EQ(pop_frame(consumer, got), Status::ok);
              ASSERT_EQ(got, more);
            } else {
              Bytes got;
              ASSERT_EQ(pop_frame(consumer, got), Status::ok);
              ASSERT_EQ(got, contents);
            }
            ASSERT_EQ(producer.size_estimate(), 0u);
            ++pairs;
          }
        }
      }
    }
  }
  RecordProperty("pairs", std::to_string(pairs));
}

// 65534 producers later an epoch comes again; the frames of the older one are long gone by then.
TEST(FrameRingModel, EpochsComeRoundWithoutConfusion)
{
  Ring ring(64, 8, 24);
  Consumer consumer(ring.view());
  for (std::uint64_t i = 0; i < 140000; ++i) {
    Producer producer(ring.view());
    ASSERT_EQ(push_frame(producer, frame(1, i, 16)), Status::ok);
    Bytes got;
    ASSERT_EQ(pop_frame(consumer, got), Status::ok) << i;
    ASSERT_EQ(whole_frame(got)->number, i);
    ASSERT_EQ(consumer.take_changed(), i != 0) << i;
    producer.detach();
  }
}

}  // namespace
