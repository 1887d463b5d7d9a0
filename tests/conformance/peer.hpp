// Another program that calls the iwin32 border on command: this test's own executable, started anew by exec, so that it
// has nothing in common with the test but the namespace.
#pragma once

#include "conformance/worker.hpp"

namespace rtlane::conformance {

class Peer final : public Worker {
public:
  Peer();            // in the environment of this moment
  ~Peer() override;  // kills it

  // Ends the peer and waits for it. Fails the test when it ended otherwise. Only is_killed ends one that waits.
  void end(Ending ending);

  // By SIGSTOP; returns when it has stopped. SIGCONT.
  void stop() const;
  void go_on() const;

private:
  friend int run_peer();
};

// The peer's main(); argument is what main() finds in argv[1].
inline constexpr char peer_argument[] = "--peer";
int run_peer();

}  // namespace rtlane::conformance
