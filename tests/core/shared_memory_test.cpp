// The C++ owner.
#include <gtest/gtest.h>
#include <rtlane/core/shared_memory.hpp>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "support/shm.hpp"
#include "support/temp_namespace.hpp"

namespace rtlane::test {
namespace {

class SharedMemoryTest : public testing::Test {
protected:
  TempNamespace directory;
};

TEST_F(SharedMemoryTest, CreatesThenOpensTheSameMemory)
{
  auto made = SharedMemory::create("state", 100);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_TRUE(made->created());
  EXPECT_EQ(made->size_bytes(), 100U);
  auto again = SharedMemory::create("state", 5);
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->created());
  EXPECT_EQ(again->size_bytes(), 100U) << "an existing object keeps its size";
  auto opened = SharedMemory::open("state");
  ASSERT_TRUE(opened);
  std::memcpy(made->data(), "hello", sizeof "hello");
  EXPECT_STREQ(static_cast<char*>(opened->data()), "hello");
}

TEST_F(SharedMemoryTest, ExplainsWhyItFailed)
{
  const auto missing = SharedMemory::open("state");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ENOENT);
  EXPECT_NE(missing.error().message.find("state"), std::string::npos) << missing.error().message;
}

TEST_F(SharedMemoryTest, ANameWithANulIsRefusedAndNotCutShort)
{
  const std::string name("state\0two", 9);
  const auto made = SharedMemory::create(name, 100);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, EINVAL);
  EXPECT_NE(made.error().message.find("NUL"), std::string::npos) << made.error().message;
  ASSERT_TRUE(SharedMemory::create("other", 1));
  const auto opened = SharedMemory::open(name);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, EINVAL);
  EXPECT_TRUE(object_files(directory.path()).empty());
}

TEST_F(SharedMemoryTest, IsGoneWithItsLastOwner)
{
  {
    auto made = SharedMemory::create("state", 100);
    ASSERT_TRUE(made);
    SharedMemory moved = std::move(*made);
    EXPECT_FALSE(*made);
    EXPECT_EQ(made->data(), nullptr);
    EXPECT_TRUE(SharedMemory::open("state"));
    moved = SharedMemory();
    EXPECT_FALSE(SharedMemory::open("state")) << "assignment closes what was owned";
  }
  EXPECT_TRUE(object_files(directory.path()).empty());
}

TEST_F(SharedMemoryTest, CanBeExclusive)
{
  const auto made = SharedMemory::create("state", 100);
  const auto refused = SharedMemory::create("state", 100, {.exclusive = true});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, EEXIST);
  EXPECT_TRUE(SharedMemory::open("state")) << "the refusal disturbed the live object";
}

TEST_F(SharedMemoryTest, ReadOnlyViewsShowWhatTheOtherViewWrites)
{
  auto made = SharedMemory::create("state", 100);
  auto view = SharedMemory::open("state", {.read_only = true});
  ASSERT_TRUE(view) << view.error().message;
  EXPECT_NE(view->data(), made->data());
  EXPECT_EQ(view->certificate().read_only, 1U);
  std::memcpy(made->data(), "hello", sizeof "hello");
  EXPECT_STREQ(static_cast<char*>(view->data()), "hello");
  EXPECT_DEATH(*static_cast<volatile char*>(view->data()) = 'x', "");
}

TEST_F(SharedMemoryTest, ModeAndGroupAreSetWhateverTheUmask)
{
  const mode_t umask_before = umask(0777);
  const auto made = SharedMemory::create("state", 100, {.mode = 0640});
  umask(umask_before);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->certificate().mode, 0640U);
}

TEST_F(SharedMemoryTest, RefusesOptionsOutOfRange)
{
  EXPECT_EQ(SharedMemory::create("a", 1, {.mode = 01000}).error().code, EINVAL);
  EXPECT_EQ(SharedMemory::create("a", 1, {.mode = 0040}).error().code, EINVAL) << "the owner must read and write";
  EXPECT_EQ(SharedMemory::create("a", 1, {.numa_node = -2}).error().code, EINVAL);
  EXPECT_EQ(SharedMemory::create("a", 1, {.numa_node = 1000000}).error().code, EINVAL);
  EXPECT_EQ(SharedMemory::create("a", 1, {.page_bytes = 12345}).error().code, EINVAL);
  EXPECT_EQ(SharedMemory::create("a", 1, {.huge = RTLANE_NEVER, .page_bytes = 2 << 20}).error().code, EINVAL);
  EXPECT_EQ(SharedMemory::create("a", 0).error().code, EINVAL);
  EXPECT_EQ(SharedMemory::create("a", UINT64_MAX).error().code, ENOMEM);
  EXPECT_EQ(SharedMemory::create("a", UINT64_MAX / 2).error().code, ENOMEM);
  rtlane_shm_options options = RTLANE_SHM_OPTIONS_INIT;
  options.struct_size = 4;
  rtlane_handle handle = 77;
  EXPECT_EQ(rtlane_shm_create("a", 1, &options, &handle, nullptr), -EINVAL);
  EXPECT_EQ(handle, 77U);
  EXPECT_EQ(rtlane_shm_create("a", 1, nullptr, nullptr, nullptr), -EINVAL);
  EXPECT_TRUE(object_files(directory.path()).empty()) << "a refused create left something";
}

TEST_F(SharedMemoryTest, BindsToANodeThatIsThere)
{
  const auto made = SharedMemory::create("state", 1 << 16, {.numa_node = 0});
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->certificate().numa_node, 0);
}

}  // namespace
}  // namespace rtlane::test
