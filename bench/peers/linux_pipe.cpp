// Pipes.
//
// As pipe(7) says: writes of up to PIPE_BUF bytes are atomic, and a pipe's size can be set (at most to
// /proc/sys/fs/pipe-max-size, else the default stays). A read that sleeps has no time-out, so who finds nothing sleeps
// in poll() and reads again: one call more after the wake-up than a blocking read, none where messages are waiting.
// Ends: any number on both sides.
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "descriptor.hpp"
#include "peer_infos.hpp"
#include "queue_link.hpp"
#include "registration.hpp"

namespace rtlane::bench {
namespace {

template <class M>
class Pipe {
  static_assert(sizeof(M) <= PIPE_BUF);

public:
  Pipe()
  {
    std::array<int, 2> ends{};
    must(pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) == 0, linux_pipe_info.name.data());
    in_ = Descriptor(ends[0]);
    out_ = Descriptor(ends[1]);
    fcntl(out_.get(), F_SETPIPE_SZ, static_cast<int>(link_capacity * sizeof(M)));
  }

  bool try_send(const M& message)
  {
    if (put(message))
      return true;
    sleep_until_ready(out_.get(), POLLOUT);
    return put(message);
  }

  bool try_receive(M& message)
  {
    if (get(message))
      return true;
    sleep_until_ready(in_.get(), POLLIN);
    return get(message);
  }

private:
  bool put(const M& message) { return was_done(write(out_.get(), &message, sizeof message)); }
  bool get(M& message) { return was_done(read(in_.get(), &message, sizeof message)); }

  static bool was_done(ssize_t result)
  {
    must(result >= 0 || errno == EAGAIN || errno == EINTR, linux_pipe_info.name.data());
    return result == sizeof(M);
  }

  Descriptor in_;
  Descriptor out_;
};

template <class M>
class PipeLink : public OwnQueues<Pipe<M>> {
public:
  static constexpr LinkInfo info = linux_pipe_info;

  explicit PipeLink(LinkRoom&) {}
};

}  // namespace

RTLANE_REGISTER_PEER(linux_pipe, PipeLink)

}  // namespace rtlane::bench
