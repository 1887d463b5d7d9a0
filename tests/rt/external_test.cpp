#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tool.hpp"

namespace rtlane::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// The tool in a folder of its own, as an installation has it.
class Installed {
public:
  Installed()
  {
    fs::create_directories(scratch_.file("bin"));
    fs::create_directories(scratch_.file("libexec/rtlane"));
    fs::copy_file(RTLANE_TOOL, program());
  }
  std::string program() const { return scratch_.file("bin/rtlane"); }
  void add_script(const std::string& name, const std::string& text, fs::perms mode = fs::perms::owner_all) const
  {
    fs::permissions(scratch_.write(name, "#!/bin/sh\n" + text), mode);
  }
  Outcome run(const std::vector<std::string>& arguments) const { return Tool::start(arguments, program()).wait(); }

private:
  Scratch scratch_;
};

TEST(External, AProgramBesideTheToolIsRunWithItsArgumentsAndStatus)
{
  const Installed installed;
  installed.add_script("bin/rtlane-hello", "echo \"hello $1 $2\"; exit 7\n");
  const Outcome outcome = installed.run({"hello", "dear", "--world"});
  EXPECT_EQ(outcome.status, 7);
  EXPECT_EQ(outcome.out, "hello dear --world\n");
}

TEST(External, AProgramInLibexecIsFoundToo)
{
  const Installed installed;
  installed.add_script("libexec/rtlane/rtlane-hidden", "echo found\n");
  EXPECT_EQ(installed.run({"hidden"}).out, "found\n");
}

TEST(External, BuiltInCommandsGoFirst)
{
  const Installed installed;
  installed.add_script("bin/rtlane-ls", "echo the script ran\n");
  EXPECT_EQ(installed.run({"ls", "--help"}).out.find("the script ran"), std::string::npos);
}

TEST(External, AMissingBenchSaysWhatToBuild)
{
  const Installed installed;
  const Outcome outcome = installed.run({"bench"});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_THAT(outcome.err, HasSubstr("rtlane-bench"));
  EXPECT_THAT(outcome.err, HasSubstr("RTLANE_BUILD_BENCH"));
}

TEST(External, AMissingMicroSaysWhatToInstallAndBuild)
{
  const Installed installed;
  const Outcome outcome = installed.run({"micro"});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_THAT(outcome.err, HasSubstr("rtlane-micro"));
  EXPECT_THAT(outcome.err, HasSubstr("libbenchmark-dev"));
}

TEST(External, AProgramThatCannotBeRunSaysWhy)
{
  const Installed installed;
  installed.add_script("bin/rtlane-locked", "echo never\n", fs::perms::owner_read);
  const Outcome outcome = installed.run({"locked"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err, HasSubstr("rtlane-locked cannot be run: Permission denied"));
}

}  // namespace
}  // namespace rtlane::test
