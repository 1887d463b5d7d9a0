// ZeroMQ over its ipc transport: a PUSH and a PULL socket on each side.
//
// As its manual says: PUSH and PULL for a one-way pipeline, since PAIR is for threads (zmq_socket(3)); one I/O thread,
// which is enough below a gigabyte a second (zmq_ctx_set(3)); ZMQ_SNDTIMEO and ZMQ_RCVTIMEO for the patience, high
// water marks for the capacity (of each socket, so that twice as many are on their way, and what the socket between
// them holds). The address is in the abstract namespace (zmq_ipc(7)), which leaves no file behind. The I/O thread has
// the policy and the CPU of the thread that made the end. Ends: one on each side.
#include <zmq.h>

#include <cerrno>
#include <memory>
#include <string>

#include "meeting.hpp"
#include "peer_infos.hpp"
#include "registration.hpp"

namespace rtlane::bench {
namespace {

struct EndContext {
  void operator()(void* context) const { zmq_ctx_term(context); }
};
struct CloseSocket {
  void operator()(void* socket) const { zmq_close(socket); }
};
using Context = std::unique_ptr<void, EndContext>;
using Socket = std::unique_ptr<void, CloseSocket>;

void must_work(bool good, const char* what)
{
  if (!good) [[unlikely]]
    die(std::string(zeromq_ipc_info.name) + ": " + what + ": " + zmq_strerror(zmq_errno()));
}

Socket make_socket(void* context, int type)
{
  Socket socket(zmq_socket(context, type));
  must_work(socket != nullptr, "zmq_socket");
  const auto set = [&](int option, int value) {
    must_work(zmq_setsockopt(socket.get(), option, &value, sizeof value) == 0, "zmq_setsockopt");
  };
  set(ZMQ_LINGER, 0);
  set(type == ZMQ_PUSH ? ZMQ_SNDHWM : ZMQ_RCVHWM, static_cast<int>(link_capacity));
  set(type == ZMQ_PUSH ? ZMQ_SNDTIMEO : ZMQ_RCVTIMEO, link_patience_ms);
  return socket;
}

template <class M>
class ZeromqLink {
public:
  static constexpr LinkInfo info = zeromq_ipc_info;

  explicit ZeromqLink(LinkRoom& room)
      : meeting_(room.shared.make<Meeting>()),
        there_("ipc://@" + room.name + "-there"),
        back_("ipc://@" + room.name + "-back")
  {}

  class End {
  public:
    End(Meeting& meeting, std::size_t side, const std::string& out, const std::string& in)
        : context_(zmq_ctx_new()),
          in_(make_socket(context_.get(), ZMQ_PULL)),
          out_(make_socket(context_.get(), ZMQ_PUSH))
    {
      must_work(zmq_bind(in_.get(), in.c_str()) == 0, "zmq_bind");
      meeting.meet(side, 1, std::string(info.name));
      must_work(zmq_connect(out_.get(), out.c_str()) == 0, "zmq_connect");
    }

    bool try_send(const M& message) { return was_done(zmq_send(out_.get(), &message, sizeof message, 0), "zmq_send"); }
    bool try_receive(M& message) { return was_done(zmq_recv(in_.get(), &message, sizeof message, 0), "zmq_recv"); }

  private:
    static bool was_done(int result, const char* what)
    {
      must_work(result >= 0 || errno == EAGAIN || errno == EINTR, what);
      return result == sizeof(M);
    }

    Context context_;  // ends after its sockets
    Socket in_;
    Socket out_;
  };

  End near_end() { return End(meeting_, Meeting::near_side, there_, back_); }
  End far_end() { return End(meeting_, Meeting::far_side, back_, there_); }

private:
  Meeting& meeting_;
  std::string there_;
  std::string back_;
};

}  // namespace

RTLANE_REGISTER_PEER(zeromq_ipc, ZeromqLink)

}  // namespace rtlane::bench
