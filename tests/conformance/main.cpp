#include <gtest/gtest.h>

#include <cstring>

#include "conformance/peer.hpp"

int main(int argc, char** argv)
{
  if (argc > 1 && std::strcmp(argv[1], rtlane::conformance::peer_argument) == 0)
    return rtlane::conformance::run_peer();
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
