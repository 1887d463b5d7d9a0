// Another program that calls the iwin32 border on command: this test's own executable, started anew by exec, so that it
// has nothing in common with the test but the namespace.
#pragma once

#include <rtlane/core/iwin32.h>
#include <rtlane/core/shm.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace rtlane::conformance {

enum class Ending { returns_from_main, calls_exit, calls_underscore_exit, aborts, crashes, is_killed };

class Peer {
public:
  struct Answer {
    HANDLE handle;
    DWORD error;  // the peer's last error, 0xdeadbeef before the call
  };

  Peer();  // in the environment of this moment
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  ~Peer();  // kills it

  Answer create(const char* name, DWORD size_bytes);  // name may be NULL
  Answer open(const char* name);
  Answer close(HANDLE handle);                                   // handle is non-NULL when it succeeded
  Answer create_other_kind(rtlane_kind kind, const char* name);  // through the object layer

  // A byte of the memory behind one of the peer's handles.
  void write(HANDLE handle, std::size_t offset, unsigned char value);
  unsigned char read(HANDLE handle, std::size_t offset);

  // Ends the peer and waits for it. Fails the test when it ended otherwise.
  void end(Ending ending);

private:
  struct Order;
  Answer ask(const Order& order);

  pid_t pid_ = -1;
  int socket_ = -1;

  friend int run_peer();
};

// The peer's main(); argument is what main() finds in argv[1].
inline constexpr char peer_argument[] = "--peer";
int run_peer();

}  // namespace rtlane::conformance
