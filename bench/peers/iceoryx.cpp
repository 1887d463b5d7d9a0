// Eclipse iceoryx: publish and subscribe by handing over chunks of shared memory; its daemon RouDi connects the ports.
//
// As its own latency benchmark does (iceperf): who waits polls take(), and both ports are connected before the start.
// Queues of 256 samples, the most that a subscriber may have (SubscriberOptions); a full one loses its oldest sample,
// since the alternative makes the publisher wait inside the call. A message is copied into a loaned chunk and out of
// it. Ends: any number on both sides. Each subscriber sees the messages of all publishers of its direction.
#include <iceoryx_hoofs/log/logmanager.hpp>
#include <iceoryx_posh/popo/publisher.hpp>
#include <iceoryx_posh/popo/subscriber.hpp>
#include <iceoryx_posh/runtime/posh_runtime.hpp>
#include <memory>
#include <string>

#include "meeting.hpp"
#include "peer_infos.hpp"
#include "registration.hpp"
#include "roudi.hpp"

namespace rtlane::bench {
namespace {

void need_runtime()
{
  static const pid_t owner = [] {
    const std::string name = roudi_name_prefix() + std::to_string(getpid());
    iox::log::LogManager::GetLogManager().SetDefaultLogLevel(iox::log::LogLevel::kError,
                                                             iox::log::LogLevelOutput::kHideLogLevel);
    iox::runtime::PoshRuntime::initRuntime(iox::RuntimeName_t(iox::cxx::TruncateToCapacity, name));
    return getpid();
  }();
  if (owner != getpid())
    die("iceoryx/pubsub: a process that uses iceoryx has forked: a runtime belongs to one process");
}

iox::capro::ServiceDescription service(const std::string& link, const char* direction)
{
  return {"rtlane-bench", iox::capro::IdString_t(iox::cxx::TruncateToCapacity, link),
          iox::capro::IdString_t(iox::cxx::TruncateToCapacity, direction)};
}

iox::popo::SubscriberOptions subscriber_options()
{
  iox::popo::SubscriberOptions options;
  options.queueCapacity = 256;
  return options;
}

template <class M>
class IceoryxLink {
public:
  static constexpr LinkInfo info = [] {
    LinkInfo with_daemon = iceoryx_pubsub_info;
    with_daemon.prepare = &start_roudi;
    return with_daemon;
  }();

  explicit IceoryxLink(LinkRoom& room) : meeting_(room.shared.make<Meeting>()), name_(room.name) { need_roudi(); }

  class End {
  public:
    End(Meeting& meeting, std::size_t side, const std::string& link, const char* out, const char* in)
    {
      need_runtime();
      publisher_ = std::make_unique<iox::popo::Publisher<M>>(service(link, out));
      subscriber_ = std::make_unique<iox::popo::Subscriber<M>>(service(link, in), subscriber_options());
      await("iceoryx/pubsub to find the other side", [&] {
        return publisher_->hasSubscribers() && subscriber_->getSubscriptionState() == iox::SubscribeState::SUBSCRIBED;
      });
      meeting.meet(side, 1, std::string(info.name));
    }

    bool try_send(const M& message) { return !publisher_->publishCopyOf(message).has_error(); }

    bool try_receive(M& message)
    {
      bool came = false;
      subscriber_->take().and_then([&](auto& sample) {
        message = *sample;
        came = true;
      });
      return came;
    }

  private:
    std::unique_ptr<iox::popo::Publisher<M>> publisher_;
    std::unique_ptr<iox::popo::Subscriber<M>> subscriber_;
  };

  End near_end() { return End(meeting_, Meeting::near_side, name_, "there", "back"); }
  End far_end() { return End(meeting_, Meeting::far_side, name_, "back", "there"); }

private:
  Meeting& meeting_;
  std::string name_;
};

}  // namespace

RTLANE_REGISTER_PEER(iceoryx_pubsub, IceoryxLink)

}  // namespace rtlane::bench
