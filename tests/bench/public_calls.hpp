// The calls that the public headers offer, under the names by which benchmarks know them: "spsc/try_push", "event/set",
// "iwin32/RtSetEvent".
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "../hygiene/source_tree.hpp"

namespace rtlane::test {

using Calls = std::set<std::string>;

// Where the calls of a class of C++ belong. Where several classes of a family have a call of the same name, `owner.`
// goes before it.
struct Family {
  std::string name;
  std::string owner;
};
using Families = std::map<std::string, Family>;

// Public member functions of the classes and, under the file name of the header, functions outside of any. A class that
// `families` does not name is left out.
Calls calls_of_cxx(const hygiene::Tree& headers, const Families& families);

// The classes with public member functions, and the file names of headers with others.
std::set<std::string> classes_of(const hygiene::Tree& headers);

// The calls behind the exported functions of C. The many spellings of iwin32 (A, W, with and without Rt) are one call.
Calls calls_of_c(const std::set<std::string>& functions);

// The calls in the names of benchmarks: FAMILY/CALL[,CALL...]/...
Calls calls_of_benchmarks(const std::vector<std::string>& names);

}  // namespace rtlane::test
