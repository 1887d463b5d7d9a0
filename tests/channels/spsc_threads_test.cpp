// Two threads of one process: order, wholeness, and no data race (run under ThreadSanitizer).
#include <gtest/gtest.h>
#include <rtlane/channels/spsc_ring.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "ring_support.hpp"
#include "support/temp_namespace.hpp"
#include "support/watchdog.hpp"

namespace {

using namespace rtlane::test;
using rtlane::SpscRing;
using rtlane::Status;
using Ring = SpscRing<Message>;

// With two CPUs for everything a failed try gives the other side its turn.
void give_way()
{
  std::this_thread::yield();
}

enum class Way { copy, in_place, batch };

void push_all(Ring::Producer& producer, std::uint64_t count, Way way, std::uint64_t run = 1)
{
  std::vector<Message> batch;
  for (std::uint64_t i = 0; i < count;) {
    std::uint64_t done = 0;
    if (way == Way::copy) {
      done = producer.try_push(message(run, i)) == Status::ok ? 1 : 0;
    } else if (way == Way::in_place) {
      if (Message* place = producer.claim()) {
        *place = message(run, i);
        done = producer.publish() ? 1 : 0;
      }
    } else {
      batch.resize(std::min<std::uint64_t>(5, count - i));
      for (std::uint64_t k = 0; k < batch.size(); ++k)
        batch[k] = message(run, i + k);
      done = producer.try_push_n(batch);
    }
    if (done == 0)
      give_way();
    i += done;
  }
}

struct Taken {
  std::uint64_t count = 0;
  std::uint64_t wrong_order = 0;
  std::uint64_t torn = 0;
  std::uint64_t sum = 0;

  void note(const Message& got)
  {
    wrong_order += got.number != count ? 1 : 0;
    torn += whole(got) ? 0 : 1;
    sum += got.mixed[0];
    ++count;
  }
};

// Until the stream's end.
Taken take_all(Ring::Consumer& consumer, Way way)
{
  Taken taken;
  std::vector<Message> batch(7);
  while (true) {
    Status status = Status::ok;
    if (way == Way::copy) {
      Message got{};
      status = consumer.try_pop(got);
      if (status == Status::ok)
        taken.note(got);
    } else if (way == Way::in_place) {
      const Message* seen = consumer.peek();
      status = seen != nullptr ? Status::ok : consumer.last_status();
      if (seen != nullptr) {
        taken.note(*seen);
        consumer.release();
      }
    } else {
      const std::size_t got = consumer.try_pop_n(batch);
      status = got != 0 ? Status::ok : consumer.last_status();
      for (std::size_t i = 0; i < got; ++i)
        taken.note(batch[i]);
    }
    if (status == Status::closed)
      return taken;
    if (status != Status::ok) {
      EXPECT_EQ(status, Status::empty);
      give_way();
    }
  }
}

void stream(const Ring& ring, std::uint64_t count, Way in, Way out)
{
  auto producer = ring.producer();  // before the first look: until then a stream that ended before has ended
  auto consumer = ring.consumer();
  ASSERT_TRUE(producer && consumer);
  std::thread sender([sending = std::move(*producer), count, in]() mutable {
    push_all(sending, count, in);
    sending.close();
  });
  const Taken taken = take_all(*consumer, out);
  sender.join();
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < count; ++i)
    sum += message(1, i).mixed[0];
  EXPECT_EQ(taken.count, count);
  EXPECT_EQ(taken.wrong_order, 0u);
  EXPECT_EQ(taken.torn, 0u);
  EXPECT_EQ(taken.sum, sum);
}

constexpr std::uint64_t messages = sanitized ? 20000 : 200000;

TEST(SpscThreads, DeliverEveryMessageWholeAndInOrder)
{
  const Watchdog watchdog(110);
  for (const std::uint64_t capacity : {1, 2, 8, 1024}) {
    for (const Way in : {Way::copy, Way::in_place, Way::batch}) {
      for (const Way out : {Way::copy, Way::in_place, Way::batch}) {
        SCOPED_TRACE("capacity " + std::to_string(capacity) + " ways " + std::to_string(static_cast<int>(in)) +
                     std::to_string(static_cast<int>(out)));
        stream(Ring::in_memory(capacity).value(), capacity < 8 ? messages / 20 : messages, in, out);
      }
    }
  }
}

TEST(SpscThreads, DeliverThroughANamedRingToo)
{
  const TempNamespace space;
  const Watchdog watchdog(110);
  const auto made = Ring::create("threads", 64, small_ring());
  ASSERT_TRUE(made) << made.error().message;
  for (const Way way : {Way::copy, Way::in_place, Way::batch})
    stream(*made, messages, way, way);
}

TEST(SpscThreads, DeliverAcrossTheWrap)
{
  const Watchdog watchdog(110);
  for (const std::uint64_t start : {(std::uint64_t{1} << 48) - 1000, UINT64_MAX - 1000}) {
    rtlane::SpscOptions options;
    options.start_position = start;
    stream(Ring::in_memory(16, options).value(), 5000, Way::copy, Way::copy);
  }
}

// Roles wander from thread to thread; each hand-over orders the memory (ThreadSanitizer would tell).
TEST(SpscThreads, EndpointsMayBeTakenByOneThreadAfterAnother)
{
  const TempNamespace space;
  const Watchdog watchdog(110);
  for (const bool named : {false, true}) {
    const auto made = named ? Ring::create("relay", 8, small_ring()) : Ring::in_memory(8);
    ASSERT_TRUE(made);
    constexpr std::uint64_t runs = 20;
    const std::uint64_t each = sanitized ? 200 : 2000;
    std::atomic<std::uint64_t> torn{0};
    std::atomic<std::uint64_t> count{0};
    std::atomic<std::uint64_t> changes{0};
    std::thread senders([&] {
      for (std::uint64_t run = 1; run <= runs; ++run) {
        std::thread([&] {
          auto producer = made->producer();
          ASSERT_TRUE(producer);
          push_all(*producer, each, Way::copy, run);
          if (run == runs)
            producer->close();
        }).join();
      }
    });
    std::uint64_t next = 0;
    std::uint64_t run = 1;
    bool closed = false;
    while (!closed) {
      std::thread([&] {
        auto consumer = made->consumer();
        ASSERT_TRUE(consumer);
        Message got{};
        for (int i = 0; i < 100;) {
          const Status status = consumer->try_pop(got);
          if (status == Status::closed) {
            closed = true;
            return;
          }
          if (status != Status::ok) {
            give_way();
            continue;
          }
          ++i;
          if (next == each) {
            next = 0;
            ++run;
          }
          EXPECT_EQ(got.number, next);
          EXPECT_EQ(got.run, run);
          changes += consumer->producer_changed() ? 1 : 0;
          ++next;
          ++count;
          torn += whole(got) ? 0 : 1;
        }
      }).join();
    }
    senders.join();
    EXPECT_EQ(count, runs * each);
    EXPECT_EQ(torn, 0u);
    EXPECT_EQ(changes, runs - 1);
    EXPECT_EQ(made->info().producer_takeovers, 0u);
  }
}

TEST(SpscThreads, AMonitorsNumbersNeverFall)
{
  const Watchdog watchdog(110);
  for (const std::uint64_t capacity : {1, 4, 256}) {
    const auto ring = Ring::in_memory(capacity).value();
    auto producer = ring.producer();
    auto consumer = ring.consumer();
    const std::uint64_t count = messages / 4;
    std::thread sender([&] {
      push_all(*producer, count, Way::batch);
      producer->close();
    });
    std::thread taker([&] { EXPECT_EQ(take_all(*consumer, Way::batch).count, count); });
    std::uint64_t published = 0;
    std::uint64_t consumed = 0;
    while (consumed < count) {
      const auto info = ring.info();
      EXPECT_GE(info.published, published);
      EXPECT_GE(info.consumed, consumed);
      EXPECT_LE(info.published, count);
      EXPECT_LE(info.depth, capacity);
      EXPECT_EQ(info.published, info.consumed + info.depth);
      published = info.published;
      consumed = info.consumed;
      give_way();
    }
    sender.join();
    taker.join();
  }
}

// ---- what orders the memory at a hand-over is the ring itself: the tokens here are passed by relaxed words, and only
// ThreadSanitizer can see whether anything is missing.

using Core = rtlane::detail::SpscProducerCore<>;
using ConsumerCore = rtlane::detail::SpscConsumerCore<>;
using View = rtlane::detail::SpscView<std::atomic<std::uint64_t>>;

void wait_for(const std::atomic<int>& token, int value)
{
  while (token.load(std::memory_order_relaxed) != value)
    give_way();
}

TEST(SpscThreads, AProducersSuccessorMayWriteWhereItWrote)
{
  const Watchdog watchdog(60);
  const auto ring = Ring::in_memory(2).value();
  const View view(ring.channel().layout());
  std::atomic<int> token{0};
  const auto write_unpublished = [&](int mine) {
    wait_for(token, mine);
    Core core(view);
    *reinterpret_cast<Message*>(core.claim()) = message(1, static_cast<std::uint64_t>(mine));
    core.detach();
    token.store(mine + 1, std::memory_order_relaxed);
  };
  std::thread first(write_unpublished, 0);
  std::thread second(write_unpublished, 1);
  first.join();
  second.join();
  EXPECT_EQ(ring.info().depth, 0u);
  EXPECT_EQ(ring.info().producer_takeovers, 0u);
}

TEST(SpscThreads, AConsumersSuccessorMayGiveBackWhatItRead)
{
  const Watchdog watchdog(60);
  const auto ring = Ring::in_memory(1).value();
  const View view(ring.channel().layout());
  Core producer(view);
  ASSERT_NE(producer.claim(), nullptr);
  producer.publish();
  std::atomic<int> token{0};
  std::atomic<unsigned> sum{0};
  const auto look_and_pass_on = [&](int mine) {
    wait_for(token, mine);
    ConsumerCore core(view);
    sum.fetch_add(std::to_integer<unsigned>(*core.look()), std::memory_order_relaxed);
    if (mine == 1) {
      core.step();
      core.give_back();
    }
    core.detach();
    token.store(mine + 1, std::memory_order_relaxed);
  };
  std::thread first(look_and_pass_on, 0);
  std::thread second(look_and_pass_on, 1);
  std::byte* place = nullptr;
  while ((place = producer.claim()) == nullptr)
    give_way();
  *place = std::byte{7};
  first.join();
  second.join();
}

TEST(SpscThreads, AProducerThatAttachesMayWriteWhatWasTakenBefore)
{
  const Watchdog watchdog(60);
  const auto ring = Ring::in_memory(1).value();
  const View view(ring.channel().layout());
  Core first(view);
  ASSERT_NE(first.claim(), nullptr);
  first.publish();
  first.detach();
  std::atomic<int> token{0};
  std::atomic<unsigned> sum{0};
  std::thread taker([&] {
    ConsumerCore core(view);
    sum.fetch_add(std::to_integer<unsigned>(*core.look()), std::memory_order_relaxed);
    core.step();
    core.give_back();
    token.store(1, std::memory_order_relaxed);
  });
  wait_for(token, 1);
  Core second(view);
  ASSERT_NE(second.claim(), nullptr);
  *second.claim() = std::byte{7};
  taker.join();
}

TEST(SpscThreads, WhoHearsClosedSeesWhatTheProducerDidBefore)
{
  const Watchdog watchdog(60);
  const auto ring = Ring::in_memory(4).value();
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  int beside = 0;
  std::thread sender([&] {
    beside = 42;
    producer->close();
  });
  Message got{};
  while (consumer->try_pop(got) != Status::closed)
    give_way();
  EXPECT_EQ(beside, 42);
  sender.join();
}

// The same for what makes and ends a channel. Nothing but the named pair of words orders what these threads do.

TEST(SpscThreads, ARolesNextHolderSeesWhatTheLastOneDid)
{
  const Watchdog watchdog(60);
  const auto ring = Ring::in_memory(2).value();
  rtlane_channel* channel = ring.channel().get();
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> token{0};
    int beside = 0;
    std::thread first([&] {
      rtlane_role* role = nullptr;
      EXPECT_EQ(rtlane_role_acquire(channel, RTLANE_ROLE_PRODUCER, &role), 0);
      token.store(1, std::memory_order_relaxed);
      beside = 1;
      rtlane_role_release(role);
    });
    std::thread second([&] {
      wait_for(token, 1);
      rtlane_role* role = nullptr;
      while (rtlane_role_acquire(channel, RTLANE_ROLE_PRODUCER, &role) == -EBUSY)
        give_way();
      EXPECT_EQ(beside, 1);
      beside = 2;
      rtlane_role_release(role);
    });
    first.join();
    second.join();
  }
}

TEST(SpscThreads, WhoLetsGoOfAChannelLastFreesWhatTheOthersWrote)
{
  const Watchdog watchdog(60);
  for (int round = 0; round < 20; ++round) {
    rtlane::ChannelRef first = Ring::in_memory(2).value().channel();
    rtlane::ChannelRef second = first;
    const auto writer = [](rtlane::ChannelRef channel, std::uint64_t slot) {
      return [mine = std::move(channel), slot]() mutable {
        const rtlane_channel_layout layout = mine.layout();
        static_cast<std::byte*>(layout.base)[layout.slots_offset + slot * layout.slot_stride_bytes] = std::byte{1};
        mine = rtlane::ChannelRef();
      };
    };
    std::thread one(writer(std::move(first), 0));
    std::thread other(writer(std::move(second), 1));
    one.join();
    other.join();
  }
}

// A type whose table takes its time to be written, so that others come in the middle of it.
const rtlane_type& type_with_a_long_table()
{
  static const std::vector<rtlane_enumerator> names(20000, {"name", 1});
  static const rtlane_field field{
      "value", "", RTLANE_FIELD_ENUM_INT, 4, 0, 1, nullptr, names.data(), static_cast<std::uint32_t>(names.size())};
  static const rtlane_type type{"Long", 4, 4, &field, 1};
  return type;
}

template <class Call>
void until_there(Call call)
{
  rtlane_channel* channel = nullptr;
  int result = 0;
  while ((result = call(&channel)) == -EAGAIN)
    give_way();
  EXPECT_GE(result, 0) << rtlane_error_message();
  std::size_t table_bytes = 0;
  const void* table = rtlane_channel_table(channel, &table_bytes);
  EXPECT_EQ(rtlane_table_check(table, table_bytes), 0) << rtlane_error_message();
  rtlane_channel_unref(channel);
}

TEST(SpscThreads, AChannelThatAnotherThreadMakesIsSeenWhole)
{
  const TempNamespace space;
  const Watchdog watchdog(110);
  rtlane_channel_spec spec = RTLANE_CHANNEL_SPEC_INIT;
  spec.type = &type_with_a_long_table();
  const rtlane_shm_options options = small_ring().memory.to_c();
  const auto create = [&](rtlane_channel** channel) {
    rtlane_channel_spec wanted = spec;
    wanted.capacity = 2;
    return rtlane_channel_create("made", &wanted, &options, channel);
  };
  const auto open = [&](rtlane_channel** channel) { return rtlane_channel_open("made", &spec, &options, channel); };
  std::uint64_t bytes = 0;
  {
    rtlane_channel* channel = nullptr;
    ASSERT_EQ(create(&channel), 0) << rtlane_error_message();
    bytes = rtlane::ChannelRef(channel).layout().total_bytes;
  }
  for (int round = 0; round < 10; ++round) {
    // Nobody waits for the object itself.
    const auto memory = rtlane::SharedMemory::create("made", bytes, small_ring().memory);
    ASSERT_TRUE(memory && memory->created());
    std::vector<std::thread> threads;
    threads.emplace_back([&] { until_there(open); });
    threads.emplace_back([&] { until_there(create); });
    threads.emplace_back([&] { until_there(create); });
    for (std::thread& thread : threads)
      thread.join();
  }
}

// Exactly one of many threads gets a role.
TEST(SpscThreads, OneThreadGetsARoleWhenManyAsk)
{
  const TempNamespace space;
  const Watchdog watchdog(110);
  for (const bool named : {false, true}) {
    const auto made = named ? Ring::create("crowd", 8, small_ring()) : Ring::in_memory(8);
    ASSERT_TRUE(made);
    for (int round = 0; round < 50; ++round) {
      std::atomic<int> winners{0};
      std::atomic<int> asked{0};
      std::vector<std::thread> crowd;
      for (int i = 0; i < 4; ++i) {
        crowd.emplace_back([&] {
          auto producer = made->producer();
          winners += producer ? 1 : 0;
          ++asked;
          while (asked < 4)  // nobody lets go before everybody has asked
            give_way();
        });
      }
      for (std::thread& thread : crowd)
        thread.join();
      ASSERT_EQ(winners, 1);
    }
  }
}

}  // namespace
