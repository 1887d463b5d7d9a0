// The pages that objects really get: huge ones where the host has them, small ones with the reason where not, and no
// fault after the attach in either.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <memory>
#include <string>

#include "support/child.hpp"
#include "support/mounts.hpp"
#include "support/sanitizer.hpp"
#include "support/seccomp.hpp"
#include "support/shared_page.hpp"
#include "support/shm.hpp"
#include "support/smaps.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StrNe;

constexpr uint64_t kHugePage = UINT64_C(2) << 20;
constexpr char kName[] = "memory pages";
constexpr long kMadvCollapse = 25;  // not in the headers of Debian 12

rtlane_shm_options huge(uint32_t wish)
{
  rtlane_shm_options options = shm_options();
  options.huge = wish;
  return options;
}

// A namespace on a tmpfs of its own, as root; huge is the mount's option.
struct TmpfsNamespace {
  explicit TmpfsNamespace(const char* options) : mount("tmpfs", options)
  {
    if (mount.problem().empty())
      place = std::make_unique<TempNamespace>(mount.path());
  }
  PrivateMount mount;
  std::unique_ptr<TempNamespace> place;
};

long faults()
{
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt + usage.ru_majflt;
}

// A million operations over the whole object, each on another page than the one before; the faults they took.
long faults_of_a_million_operations(volatile unsigned char* memory, uint64_t bytes, bool writing)
{
  uint64_t position = 0;
  unsigned sum = 0;
  long before = 0;
  for (int i = -1000; i < 1000000; ++i) {
    if (i == 0)
      before = faults();
    position = (position + 4096 * 7 + 64) % bytes;
    if (writing)
      memory[position] = static_cast<unsigned char>(i);
    else
      sum += memory[position];
  }
  const long taken = faults() - before;
  volatile unsigned keep = sum;
  (void)keep;
  return taken;
}

// Creator, opener and read-only opener in processes of their own.
void expect_no_faults(uint64_t bytes, const rtlane_shm_options& creating, uint32_t tier)
{
  if (built_with_sanitizer)
    GTEST_SKIP() << "the sanitizer's own memory faults";
  Shm object = Shm::create(kName, bytes, &creating);
  ASSERT_EQ(object.result, 0) << rtlane_error_message();
  ASSERT_EQ(object.certificate().tier, tier) << object.certificate().page_reason;
  EXPECT_EQ(faults_of_a_million_operations(object.memory, bytes, true), 0) << "creator";
  EXPECT_EQ(faults_of_a_million_operations(object.memory, bytes, false), 0) << "creator, reading";
  Child opener = Child::start([&] {
    object.close();
    const Shm opened = Shm::open(kName);
    ASSERT_EQ(opened.result, 0) << rtlane_error_message();
    EXPECT_EQ(faults_of_a_million_operations(opened.memory, bytes, true), 0) << "opener";
  });
  EXPECT_EQ(opener.wait(), 0);
  Child reader = Child::start([&] {
    object.close();
    const rtlane_shm_options options = read_only();
    const Shm opened = Shm::open(kName, &options);
    ASSERT_EQ(opened.result, 0) << rtlane_error_message();
    EXPECT_EQ(faults_of_a_million_operations(opened.memory, bytes, false), 0) << "read-only opener";
  });
  EXPECT_EQ(reader.wait(), 0);
}

TEST(MemoryPages, HugetlbPagesAreReallyUsed)
{
  const Watchdog watchdog(60);
  const HugePages pages(4);
  if (!pages.problem().empty())
    GTEST_SKIP() << pages.problem();
  const TempNamespace place;
  const unsigned free_before = HugePages::free_pages();
  const auto expect_huge = [](const Shm& object) {
    EXPECT_EQ(smaps_kb(object.memory, "KernelPageSize"), 2048);
    EXPECT_EQ(smaps_kb(object.memory, "MMUPageSize"), 2048);
    const rtlane_shm_certificate certificate = object.certificate();
    EXPECT_EQ(certificate.tier, uint32_t{RTLANE_TIER_HUGETLB});
    EXPECT_EQ(certificate.page_bytes, kHugePage);
    EXPECT_EQ(certificate.mapped_bytes, 2 * kHugePage);
    EXPECT_EQ(certificate.size_bytes, 2 * kHugePage - 5);
    EXPECT_EQ(certificate.locked_bytes, 2 * kHugePage) << "hugetlb counts as locked";
    EXPECT_STREQ(certificate.page_reason, "");
  };
  const rtlane_shm_options options = huge(RTLANE_REQUIRED);
  Shm object = Shm::create(kName, 2 * kHugePage - 5, &options);
  ASSERT_EQ(object.result, 0) << rtlane_error_message();
  expect_huge(object);
  EXPECT_EQ(HugePages::free_pages(), free_before - 2);
  EXPECT_TRUE(all_zero(object.memory, 2 * kHugePage));
  object.memory[0] = 17;
  object.memory[2 * kHugePage - 6] = 18;
  Child other = Child::start([&] {
    object.close();
    const Shm opened = Shm::open(kName);
    ASSERT_EQ(opened.result, 0) << rtlane_error_message();
    expect_huge(opened);
    EXPECT_EQ(opened.memory[0], 17);
    EXPECT_EQ(opened.memory[2 * kHugePage - 6], 18);
  });
  EXPECT_EQ(other.wait(), 0);
  EXPECT_EQ(object.close(), 0);
  EXPECT_EQ(HugePages::free_pages(), free_before) << "all pages are given back";
  EXPECT_THAT(object_files(place.path()), IsEmpty());
}

TEST(MemoryPages, TheDefaultTakesHugetlbFromTwoMiBUpwardAndSmallPagesBelow)
{
  const Watchdog watchdog(60);
  const HugePages pages(2);
  if (!pages.problem().empty())
    GTEST_SKIP() << pages.problem();
  const TempNamespace place;
  const Shm large = Shm::create("large", kHugePage);
  ASSERT_EQ(large.result, 0) << rtlane_error_message();
  EXPECT_EQ(smaps_kb(large.memory, "KernelPageSize"), 2048) << large.certificate().page_reason;
  const Shm little = Shm::create("little", kHugePage - 1);
  ASSERT_EQ(little.result, 0) << rtlane_error_message();
  EXPECT_EQ(little.certificate().tier, uint32_t{RTLANE_TIER_SMALL});
}

TEST(MemoryPages, TransparentHugePagesAreReallyUsed)
{
  const Watchdog watchdog(60);
  const TmpfsNamespace tmpfs("size=64m,huge=advise");
  if (!tmpfs.mount.problem().empty())
    GTEST_SKIP() << tmpfs.mount.problem();
  const auto expect_huge = [](const Shm& object) {
    EXPECT_GE(smaps_kb(object.memory, "ShmemPmdMapped"), 4096);
    const rtlane_shm_certificate certificate = object.certificate();
    EXPECT_EQ(certificate.tier, uint32_t{RTLANE_TIER_THP});
    EXPECT_EQ(certificate.page_bytes, kHugePage);
    EXPECT_EQ(certificate.mapped_bytes, 2 * kHugePage);
  };
  const rtlane_shm_options options = huge(RTLANE_REQUIRED);
  Shm object = Shm::create(kName, 2 * kHugePage, &options);
  ASSERT_EQ(object.result, 0) << rtlane_error_message();
  expect_huge(object);
  EXPECT_THAT(object.certificate().page_reason, HasSubstr("hugetlb")) << "would be better, and is not there";
  EXPECT_THAT(object.certificate().page_fix, StrNe(""));
  object.memory[kHugePage] = 19;
  Child other = Child::start([&] {
    object.close();
    const Shm opened = Shm::open(kName);
    ASSERT_EQ(opened.result, 0) << rtlane_error_message();
    expect_huge(opened);
    EXPECT_EQ(opened.memory[kHugePage], 19);
  });
  EXPECT_EQ(other.wait(), 0);
}

// Whatever this host's /dev/shm gives, the certificate tells the truth about it.
TEST(MemoryPages, TheCertificateAgreesWithTheKernelWhereverWeAre)
{
  const Watchdog watchdog(60);
  const TempNamespace place;
  const Shm object = Shm::create(kName, 2 * kHugePage);
  ASSERT_EQ(object.result, 0) << rtlane_error_message();
  const rtlane_shm_certificate certificate = object.certificate();
  const long kernel_kb = smaps_kb(object.memory, "KernelPageSize");
  const long pmd_kb = smaps_kb(object.memory, "ShmemPmdMapped");
  switch (certificate.tier) {
    case RTLANE_TIER_HUGETLB:
      EXPECT_GE(kernel_kb, 2048);
      break;
    case RTLANE_TIER_THP:
      EXPECT_GE(pmd_kb, 4096);
      break;
    default:
      EXPECT_EQ(certificate.page_bytes, static_cast<uint64_t>(kernel_kb) * 1024);
      EXPECT_THAT(certificate.page_reason, StrNe("")) << "huge pages were preferred and nothing says why not";
  }
  std::printf("here: %s pages; %s\n",
              certificate.tier == RTLANE_TIER_HUGETLB ? "hugetlb"
              : certificate.tier == RTLANE_TIER_THP   ? "transparent huge"
                                                      : "small",
              certificate.page_reason);
}

TEST(MemoryPages, SmallPagesComeWithTheReasonAndWithWhatWouldHelp)
{
  const Watchdog watchdog(60);
  if (const std::string problem = seccomp_problem(); !problem.empty())
    GTEST_SKIP() << problem;
  const TmpfsNamespace tmpfs("size=64m,huge=never");
  if (!tmpfs.mount.problem().empty())
    GTEST_SKIP() << tmpfs.mount.problem();
  Child child = Child::start([] {
    ASSERT_TRUE(refuse_call(SYS_madvise, 2, kMadvCollapse, EINVAL));  // as before Linux 6.1
    const Shm object = Shm::create(kName, kHugePage);
    ASSERT_EQ(object.result, 0) << rtlane_error_message();
    const rtlane_shm_certificate certificate = object.certificate();
    EXPECT_EQ(certificate.tier, uint32_t{RTLANE_TIER_SMALL});
    EXPECT_EQ(certificate.page_bytes, 4096u);
    EXPECT_EQ(smaps_kb(object.memory, "KernelPageSize"), 4);
    EXPECT_EQ(smaps_kb(object.memory, "ShmemPmdMapped"), 0);
    EXPECT_THAT(certificate.page_reason, StrNe(""));
    EXPECT_THAT(certificate.page_fix, StrNe(""));

    const rtlane_shm_options options = huge(RTLANE_REQUIRED);
    EXPECT_EQ(Shm::create("required", kHugePage, &options).result, -ENOMEM);
    EXPECT_THAT(rtlane_error_message(), HasSubstr("huge"));
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_THAT(object_files(tmpfs.place->path()), IsEmpty()) << "the refused one left something";
}

TEST(MemoryPages, TooFewHugetlbPagesFallBackOrFailAndLoseNone)
{
  const Watchdog watchdog(60);
  const HugePages pages(3);
  if (!pages.problem().empty())
    GTEST_SKIP() << pages.problem();
  const TempNamespace place;
  const unsigned free_before = HugePages::free_pages();
  rtlane_shm_options options = huge(RTLANE_REQUIRED);
  options.page_bytes = kHugePage;
  Shm first = Shm::create("first", (free_before - 1) * kHugePage, &options);
  ASSERT_EQ(first.result, 0) << rtlane_error_message();
  options = huge(RTLANE_PREFERRED);
  Shm second = Shm::create("second", 2 * kHugePage, &options);
  ASSERT_EQ(second.result, 0) << rtlane_error_message();
  EXPECT_NE(second.certificate().tier, uint32_t{RTLANE_TIER_HUGETLB});
  EXPECT_THAT(second.certificate().page_reason, HasSubstr("1 "));
  EXPECT_EQ(HugePages::free_pages(), 1u) << "a failed try keeps no page";
  EXPECT_EQ(first.close(), 0);
  EXPECT_EQ(second.close(), 0);
  EXPECT_EQ(HugePages::free_pages(), free_before);
}

TEST(MemoryPages, NoFaultInAMillionOperationsOnSmallPages)
{
  const Watchdog watchdog(60);
  const TempNamespace place;
  rtlane_shm_options options = huge(RTLANE_NEVER);
  expect_no_faults(16 * kHugePage, options, RTLANE_TIER_SMALL);
  // Without a lock too: faulting in is one thing, locking another.
  options.lock = RTLANE_NEVER;
  expect_no_faults(16 * kHugePage, options, RTLANE_TIER_SMALL);
}

TEST(MemoryPages, NoFaultInAMillionOperationsOnTransparentHugePages)
{
  const Watchdog watchdog(60);
  const TmpfsNamespace tmpfs("size=128m,huge=advise");
  if (!tmpfs.mount.problem().empty())
    GTEST_SKIP() << tmpfs.mount.problem();
  expect_no_faults(16 * kHugePage, huge(RTLANE_REQUIRED), RTLANE_TIER_THP);
}

TEST(MemoryPages, NoFaultInAMillionOperationsOnHugetlbPages)
{
  const Watchdog watchdog(60);
  const HugePages pages(16);
  if (!pages.problem().empty())
    GTEST_SKIP() << pages.problem();
  const TempNamespace place;
  expect_no_faults(16 * kHugePage, huge(RTLANE_REQUIRED), RTLANE_TIER_HUGETLB);
}

TEST(MemoryPages, ANumaNodeThatIsNotThereIsRefused)
{
  const TempNamespace place;
  rtlane_shm_options options = shm_options();
  options.numa_node = 99;
  EXPECT_EQ(Shm::create(kName, 4096, &options).result, -EINVAL);
  EXPECT_THAT(rtlane_error_message(), HasSubstr("99"));
  options.numa_node = -2;
  EXPECT_EQ(Shm::create(kName, 4096, &options).result, -EINVAL);
  EXPECT_THAT(object_files(place.path()), IsEmpty());
}

}  // namespace
}  // namespace rtlane::test
