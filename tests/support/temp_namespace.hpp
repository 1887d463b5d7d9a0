// A namespace directory of the test's own.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "support/undo.hpp"

namespace rtlane::test {

inline std::string make_directory(const std::string& parent)
{
  std::string path = parent + "/rtlane-test-XXXXXX";
  if (mkdtemp(path.data()) == nullptr)
    std::abort();
  return path;
}

// Makes an empty directory with mode 0700 and points RTLANE_DIR at it; removes it with all its content at the end, also
// when the test is killed. Make it before any object, since it starts a process.
class TempNamespace {
public:
  explicit TempNamespace(const std::string& parent = "/dev/shm")
      : path_(make_directory(parent)), undo_("rm -rf -- '" + path_ + "'")
  {
    if (const char* before = std::getenv("RTLANE_DIR")) {
      had_before_ = true;
      before_ = before;
    }
    setenv("RTLANE_DIR", path_.c_str(), 1);
  }

  TempNamespace(const TempNamespace&) = delete;
  TempNamespace& operator=(const TempNamespace&) = delete;

  ~TempNamespace()
  {
    if (had_before_)
      setenv("RTLANE_DIR", before_.c_str(), 1);
    else
      unsetenv("RTLANE_DIR");
  }

  const std::string& path() const { return path_; }

  // Sorted names of the files in the directory.
  std::vector<std::string> files() const
  {
    std::vector<std::string> names;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(path_, error))
      names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
  }

private:
  std::string path_;
  Undo undo_;
  std::string before_;
  bool had_before_ = false;
};

}  // namespace rtlane::test
