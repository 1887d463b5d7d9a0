// The built `rtlane` as tests use it: started with arguments, its output kept in files, its end waited for.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "support/child.hpp"
#include "support/temp_namespace.hpp"
#include "support/users.hpp"

namespace rtlane::test {

inline std::string read_file(const std::string& path)
{
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A directory for the files of one test, removed at the end also when the test is killed.
class Scratch {
public:
  Scratch() : path_(make_directory("/tmp")), undo_("rm -rf -- '" + path_ + "'") {}
  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }
  std::string write(const std::string& name, const std::string& text) const
  {
    std::ofstream(file(name), std::ios::binary) << text;
    return file(name);
  }

private:
  std::string path_;
  Undo undo_;
};

struct Outcome {
  int status = -1000;  // exit status, or minus the signal
  std::string out;
  std::string err;

  nlohmann::json json() const { return nlohmann::json::parse(out); }
};

// A running tool. Leads a process group of its own, as a shell's foreground job does.
class Tool {
public:
  // `prepare` runs in the new process when its output is redirected already; false ends it with status 77.
  static Tool start(const std::vector<std::string>& arguments, const std::string& program = RTLANE_TOOL,
                    const std::function<bool()>& prepare = {})
  {
    Tool tool;
    const std::string out = tool.scratch_->file("out");
    const std::string err = tool.scratch_->file("err");
    tool.child_ = Child::start([&] {
      setpgid(0, 0);
      // Whatever the caller of the tests ignores, as nohup and a shell's background do.
      for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE})
        std::signal(number, SIG_DFL);
      const int out_fd = open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
      const int err_fd = open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
      if (dup2(out_fd, 1) < 0 || dup2(err_fd, 2) < 0)
        _exit(126);
      close(out_fd);
      close(err_fd);
      if (prepare && !prepare())
        _exit(77);
      std::vector<char*> argv = {const_cast<char*>("rtlane")};
      for (const std::string& argument : arguments)
        argv.push_back(const_cast<char*>(argument.c_str()));
      argv.push_back(nullptr);
      execv(program.c_str(), argv.data());
      _exit(127);
    });
    setpgid(tool.child_.pid(), tool.child_.pid());  // by both: whoever comes first
    return tool;
  }

  pid_t pid() const { return child_.pid(); }
  void signal(int number) const { child_.signal(number); }
  void signal_group(int number) const { kill(-child_.pid(), number); }
  std::string out() const { return read_file(scratch_->file("out")); }
  std::string err() const { return read_file(scratch_->file("err")); }

  Outcome wait()
  {
    Outcome outcome;
    outcome.status = child_.wait();
    outcome.out = out();
    outcome.err = err();
    return outcome;
  }

private:
  std::unique_ptr<Scratch> scratch_ = std::make_unique<Scratch>();
  Child child_;
};

inline Outcome run_tool(const std::vector<std::string>& arguments, const std::function<bool()>& prepare = {})
{
  return Tool::start(arguments, RTLANE_TOOL, prepare).wait();
}

// The same as another user, which only root can become. That user need not be able to enter the folder of the build.
inline Outcome run_tool_as(uid_t uid, const std::vector<std::string>& arguments,
                           const std::function<bool()>& prepare = {})
{
  const Scratch scratch;
  std::filesystem::permissions(scratch.path(), std::filesystem::perms(0755));
  std::filesystem::copy_file(RTLANE_TOOL, scratch.file("rtlane"));
  std::filesystem::permissions(scratch.file("rtlane"), std::filesystem::perms(0755));
  return Tool::start(arguments, scratch.file("rtlane"), [&] { return (!prepare || prepare()) && become(uid); }).wait();
}

}  // namespace rtlane::test
