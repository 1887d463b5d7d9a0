// Eclipse Cyclone DDS, by its C API: a topic for each direction, on the loopback interface.
//
// As its roundtrip example does (examples/roundtrip): reliable, a waitset for who waits, data written and taken by the
// threads that call. Keep-last with link_capacity samples, so that a reader that is too slow loses the oldest ones and
// a writer never waits for it. Discovery by unicast on lo only, so that no message leaves the machine; the
// configuration is given here, CYCLONEDDS_URI is not read. Shared memory is off, which is its default. The library's
// threads have the policy and the CPU of the thread that makes the first end in a process. Ends: any number on both
// sides. Each reader sees the messages of all writers of its direction.
#include <dds/dds.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <string>

#include "cyclonedds.h"
#include "meeting.hpp"
#include "peer_infos.hpp"
#include "registration.hpp"

namespace rtlane::bench {
namespace {

constexpr dds_domainid_t domain = 137;

constexpr char configuration[] = R"(<Domain>
  <General>
    <Interfaces><NetworkInterface name="lo"/></Interfaces>
    <AllowMulticast>false</AllowMulticast>
  </General>
  <Discovery>
    <ParticipantIndex>auto</ParticipantIndex>
    <MaxAutoParticipantIndex>49</MaxAutoParticipantIndex>
    <Peers><Peer address="127.0.0.1"/></Peers>
  </Discovery>
</Domain>)";

dds_return_t must_work(dds_return_t result, const char* what)
{
  if (result < 0) [[unlikely]]
    die(std::string(cyclonedds_pubsub_info.name) + ": " + what + ": " + dds_strretcode(result));
  return result;
}

// Of this process.
dds_entity_t participant()
{
  static std::once_flag once;
  static dds_entity_t made = 0;
  std::call_once(once, [] {
    must_work(dds_create_domain(domain, configuration), "dds_create_domain");
    made = must_work(dds_create_participant(domain, nullptr, nullptr), "dds_create_participant");
  });
  return made;
}

template <std::size_t bytes>
constexpr const dds_topic_descriptor_t* descriptor()
{
  if constexpr (bytes == sizeof(rtlane_bench_Words2))
    return &rtlane_bench_Words2_desc;
  else if constexpr (bytes == sizeof(rtlane_bench_Words6))
    return &rtlane_bench_Words6_desc;
  else if constexpr (bytes == sizeof(rtlane_bench_Words8))
    return &rtlane_bench_Words8_desc;
  else if constexpr (bytes == sizeof(rtlane_bench_Words32))
    return &rtlane_bench_Words32_desc;
  else
    return &rtlane_bench_Words128_desc;
}

struct DeleteQos {
  void operator()(dds_qos_t* qos) const { dds_delete_qos(qos); }
};
using Qos = std::unique_ptr<dds_qos_t, DeleteQos>;

Qos make_qos()
{
  Qos qos(dds_create_qos());
  dds_qset_reliability(qos.get(), DDS_RELIABILITY_RELIABLE, DDS_MSECS(link_patience_ms));
  dds_qset_history(qos.get(), DDS_HISTORY_KEEP_LAST, static_cast<int>(link_capacity));
  return qos;
}

// Deleted with what it holds.
class Entity {
public:
  Entity() = default;
  Entity(dds_return_t made, const char* what) : entity_(must_work(made, what)) {}
  Entity(Entity&& other) noexcept : entity_(std::exchange(other.entity_, 0)) {}
  Entity& operator=(Entity&& other) noexcept
  {
    std::swap(entity_, other.entity_);
    return *this;
  }
  ~Entity()
  {
    if (entity_ > 0)
      dds_delete(entity_);
  }

  [[nodiscard]] dds_entity_t get() const { return entity_; }

private:
  dds_entity_t entity_ = 0;
};

template <class M>
class CycloneDdsLink {
public:
  static constexpr LinkInfo info = cyclonedds_pubsub_info;

  explicit CycloneDdsLink(LinkRoom& room)
      : meeting_(room.shared.make<Meeting>()), there_(room.name + "_there"), back_(room.name + "_back")
  {
    // A topic's name has no '-'.
    for (std::string* name : {&there_, &back_})
      std::replace(name->begin(), name->end(), '-', '_');
  }

  class End {
  public:
    End(Meeting& meeting, std::size_t side, const std::string& out, const std::string& in)
    {
      const Qos qos = make_qos();
      const auto topic = [&](const std::string& name) {
        return Entity(dds_create_topic(participant(), descriptor<sizeof(M)>(), name.c_str(), qos.get(), nullptr),
                      "dds_create_topic");
      };
      out_topic_ = topic(out);
      in_topic_ = topic(in);
      writer_ = Entity(dds_create_writer(participant(), out_topic_.get(), qos.get(), nullptr), "dds_create_writer");
      reader_ = Entity(dds_create_reader(participant(), in_topic_.get(), qos.get(), nullptr), "dds_create_reader");
      came_ = Entity(dds_create_readcondition(reader_.get(), DDS_ANY_STATE), "dds_create_readcondition");
      waitset_ = Entity(dds_create_waitset(participant()), "dds_create_waitset");
      must_work(dds_waitset_attach(waitset_.get(), came_.get(), 0), "dds_waitset_attach");

      await(std::string(info.name) + " to find the other side", [&] {
        dds_publication_matched_status_t readers = {};
        dds_subscription_matched_status_t writers = {};
        must_work(dds_get_publication_matched_status(writer_.get(), &readers), "dds_get_publication_matched_status");
        must_work(dds_get_subscription_matched_status(reader_.get(), &writers), "dds_get_subscription_matched_status");
        return readers.current_count > 0 && writers.current_count > 0;
      });
      meeting.meet(side, 1, std::string(info.name));
    }

    bool try_send(const M& message)
    {
      const dds_return_t result = dds_write(writer_.get(), &message);
      return result != DDS_RETCODE_TIMEOUT && must_work(result, "dds_write") == 0;
    }

    bool try_receive(M& message)
    {
      if (take(message))
        return true;
      must_work(dds_waitset_wait(waitset_.get(), nullptr, 0, DDS_MSECS(link_patience_ms)), "dds_waitset_wait");
      return take(message);
    }

  private:
    bool take(M& message)
    {
      void* samples[] = {&message};
      dds_sample_info_t about;
      return must_work(dds_take(reader_.get(), samples, &about, 1, 1), "dds_take") == 1 && about.valid_data;
    }

    // Destroyed from the last to the first.
    Entity out_topic_;
    Entity in_topic_;
    Entity writer_;
    Entity reader_;
    Entity waitset_;
    Entity came_;
  };

  End near_end() { return End(meeting_, Meeting::near_side, there_, back_); }
  End far_end() { return End(meeting_, Meeting::far_side, back_, there_); }

private:
  Meeting& meeting_;
  std::string there_;
  std::string back_;
};

}  // namespace

RTLANE_REGISTER_PEER(cyclonedds_pubsub, CycloneDdsLink)

}  // namespace rtlane::bench
