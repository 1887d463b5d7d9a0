// POSIX message queues of the kernel.
//
// As mq_overview(7) says: a queue holds at most /proc/sys/fs/mqueue/msg_max messages, 10 by default, which is what this
// one takes where link_capacity is more. The coarse clock is enough for a deadline and costs next to nothing.
// The names are gone before the sides part; the queues live in the descriptors.
// Ends: any number on both sides.
#include <fcntl.h>
#include <mqueue.h>
#include <sys/stat.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <string>

#include "descriptor.hpp"
#include "peer_infos.hpp"
#include "queue_link.hpp"
#include "registration.hpp"

namespace rtlane::bench {
namespace {

timespec deadline()
{
  timespec time{};
  clock_gettime(CLOCK_REALTIME_COARSE, &time);
  time.tv_nsec += link_patience_ms * 1'000'000L;
  if (time.tv_nsec >= 1'000'000'000L) {
    time.tv_nsec -= 1'000'000'000L;
    ++time.tv_sec;
  }
  return time;
}

long capacity()
{
  long allowed = 10;
  std::ifstream("/proc/sys/fs/mqueue/msg_max") >> allowed;
  return std::min(allowed, static_cast<long>(link_capacity));
}

template <class M>
class Queue {
public:
  explicit Queue(const std::string& name)
  {
    mq_attr attributes = {};
    attributes.mq_maxmsg = capacity();
    attributes.mq_msgsize = sizeof(M);
    const mqd_t queue = mq_open(name.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR, &attributes);
    must(queue >= 0, posix_mq_info.name.data());
    mq_unlink(name.c_str());
    queue_ = Descriptor(queue);
  }

  bool try_send(const M& message)
  {
    const timespec until = deadline();
    return was_done(mq_timedsend(queue_.get(), reinterpret_cast<const char*>(&message), sizeof message, 0, &until));
  }

  bool try_receive(M& message)
  {
    const timespec until = deadline();
    return was_done(mq_timedreceive(queue_.get(), reinterpret_cast<char*>(&message), sizeof message, nullptr, &until));
  }

private:
  static bool was_done(ssize_t result)
  {
    must(result >= 0 || errno == ETIMEDOUT || errno == EINTR, posix_mq_info.name.data());
    return result >= 0;
  }

  Descriptor queue_;
};

template <class M>
class PosixMqLink : public OwnQueues<Queue<M>> {
public:
  static constexpr LinkInfo info = posix_mq_info;

  explicit PosixMqLink(LinkRoom& room) : OwnQueues<Queue<M>>("/" + room.name + "-there", "/" + room.name + "-back") {}
};

}  // namespace

RTLANE_REGISTER_PEER(posix_mq, PosixMqLink)

}  // namespace rtlane::bench
