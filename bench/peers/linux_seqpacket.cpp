// A pair of unix sockets that keep messages apart.
//
// As unix(7) and socket(7) say: SOCK_SEQPACKET keeps boundaries and order; SO_RCVTIMEO and SO_SNDTIMEO let one call
// sleep with a time-out; SO_SNDBUF bounds what is on its way, and the kernel gives at most /proc/sys/net/core/wmem_max
// (each small message takes nearly 1 KiB of it), so the capacity is below link_capacity by default.
// Ends: any number on both sides.
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>

#include "descriptor.hpp"
#include "peer_infos.hpp"
#include "registration.hpp"

namespace rtlane::bench {
namespace {

template <class M>
class SeqpacketLink {
public:
  static constexpr LinkInfo info = linux_seqpacket_info;

  explicit SeqpacketLink(LinkRoom&)
  {
    std::array<int, 2> ends{};
    must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) == 0, info.name.data());
    near_ = Descriptor(ends[0]);
    far_ = Descriptor(ends[1]);
    for (const int end : ends) {
      const timeval patience = {0, link_patience_ms * 1000};
      must(setsockopt(end, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0, info.name.data());
      must(setsockopt(end, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0, info.name.data());
      const int wanted_bytes = link_capacity * (sizeof(M) + 1024);
      must(setsockopt(end, SOL_SOCKET, SO_SNDBUF, &wanted_bytes, sizeof wanted_bytes) == 0, info.name.data());
    }
  }

  class End {
  public:
    explicit End(int socket) : socket_(socket) {}

    bool try_send(const M& message) { return was_done(send(socket_, &message, sizeof message, MSG_NOSIGNAL)); }
    bool try_receive(M& message) { return was_done(recv(socket_, &message, sizeof message, 0)); }

  private:
    static bool was_done(ssize_t result)
    {
      must(result >= 0 || errno == EAGAIN || errno == EINTR, info.name.data());
      return result == sizeof(M);
    }

    int socket_;
  };

  End near_end() { return End(near_.get()); }
  End far_end() { return End(far_.get()); }

private:
  Descriptor near_;
  Descriptor far_;
};

}  // namespace

RTLANE_REGISTER_PEER(linux_seqpacket, SeqpacketLink)

}  // namespace rtlane::bench
