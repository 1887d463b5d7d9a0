// The tree the tests were built from.
#pragma once

#include "source_tree.hpp"

namespace hygiene {

inline const Tree& real_tree()
{
  static const Tree tree = read_tree(RTLANE_SOURCE_DIR);
  return tree;
}

}  // namespace hygiene
