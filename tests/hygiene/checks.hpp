// What the compiler cannot hold the sources to. Each check has a test with a seeded violation beside the test of the
// real tree.
#pragma once

#include <set>
#include <string>

#include "source_tree.hpp"

namespace hygiene {

// Includes point downward only: core <- channels <- rt; bench, examples and tests are leaves. Public headers include
// nothing of third parties but <tl/expected.hpp>.
Findings check_layering(const Tree& tree);

// In core, channels and rt: a statement with an acquire or release carries "A1, pairs with B2"; there is a B2 that says
// the same back; one of the two releases and the other acquires; and the pair ("A1 ... -> B2 ...") is in the table that
// begins the file or a header it includes. A relaxed operation has a comment.
Findings check_ordering_labels(const Tree& tree);

// Nobody's machine and nothing unfinished: paths of the checkout or of somebody's home, hosts that only some networks
// know, notes to self, conflict markers; and words with a better replacement.
Findings check_words(const Tree& tree, const std::string& root);

// Every .c and .cpp is named in the CMakeLists.txt of its folder or of one above: a forgotten test never fails.
Findings check_forgotten_sources(const Tree& tree);

// The functions declared with RTLANE_API in public headers, those the version map lists, those `nm -D` prints.
std::set<std::string> declared_functions(const Tree& tree);
std::set<std::string> listed_functions(const SourceFile& version_map);
std::set<std::string> exported_symbols(const std::string& nm_output);

// A line for each name that only one of the two sets has; "" when they are equal.
std::string difference(const std::set<std::string>& a, const std::string& name_of_a, const std::set<std::string>& b,
                       const std::string& name_of_b);

}  // namespace hygiene
