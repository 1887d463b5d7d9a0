#include "attachment.hpp"

#include <sys/resource.h>
#include <time.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "error.hpp"
#include "text_file.hpp"

namespace rtlane::detail {
namespace {

long thread_minor_faults() noexcept
{
  struct rusage usage = {};
  ::getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_minflt;
}

std::int64_t monotonic_ns() noexcept
{
  struct timespec now = {};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

AttachMeter::AttachMeter() noexcept : minor_faults_(thread_minor_faults()), start_ns_(monotonic_ns()) {}

void AttachMeter::stop(Attachment& attachment) const noexcept
{
  attachment.minor_faults = static_cast<std::uint64_t>(thread_minor_faults() - minor_faults_);
  attachment.attach_ns = static_cast<std::uint64_t>(monotonic_ns() - start_ns_);
}

int attach(int fd, std::uint64_t offset, std::uint64_t bytes, std::uint64_t page_bytes, rtlane_tier tier, bool writable,
           rtlane_wish lock, Attachment& attachment)
{
  const AttachMeter meter;
  Attachment made;
  if (const int error = Mapping::map_file(fd, offset, bytes, page_bytes, writable, made.mapping); error != 0)
    return fail(ENOMEM, "cannot map %s: %s", human_bytes(bytes).c_str(), Mapping::map_problem(error));
  if (tier == RTLANE_TIER_THP)
    advise_huge(made.mapping.range());
  if (const int error = fault_in_and_lock(page_bytes, tier, writable, lock, made); error != 0)
    return error;
  meter.stop(made);
  attachment = std::move(made);
  return 0;
}

int fault_in_and_lock(std::uint64_t page_bytes, rtlane_tier tier, bool writable, rtlane_wish lock,
                      Attachment& attachment)
{
  const Range range = attachment.mapping.range();
  if (const int error = fault_in(range, writable); error != 0)
    return fail(ENOMEM, "cannot fault in %s: %s", human_bytes(range.bytes).c_str(), fault_in_problem(error));
  if (const int error = lock_attachment(tier, lock, attachment); error != 0)
    return error;
  attachment.page_bytes = page_bytes;
  attachment.page_reason.clear();
  attachment.page_fix.clear();
  if (tier == RTLANE_TIER_THP) {
    // The pages are huge already; this process's page tables may not know yet.
    int error = 0;
    if (!maps_huge_pages(range))
      error = collapse_to_huge(range);
    if (!maps_huge_pages(range)) {
      attachment.page_bytes = small_page_bytes;
      attachment.page_reason = std::string("this process maps the object's huge pages as small ones: ") +
                               (error != 0 ? std::strerror(-error) : "the kernel keeps them apart");
      attachment.page_fix = "prctl(PR_SET_THP_DISABLE, 0) in this program, Linux 6.1 or newer";
    }
  }
  return 0;
}

int lock_attachment(rtlane_tier tier, rtlane_wish lock, Attachment& attachment)
{
  // hugetlb pages are never swapped, locked or not.
  bool locked = tier == RTLANE_TIER_HUGETLB;
  const Range range = attachment.mapping.range();
  std::string reason;
  std::string fix;
  if (lock == RTLANE_NEVER) {
    if (!locked) {
      reason = "not asked for";
      fix = "lock = RTLANE_PREFERRED in the options, or RTLANE_LOCK=preferred for RtCreateSharedMemory";
    }
  } else if (lock_in_memory(range, reason, fix) == 0 || page_facts(range, tier).locked) {
    // Locked already, and by now without the privilege to do it again: locked all the same.
    locked = true;
    reason.clear();
    fix.clear();
  } else if (lock == RTLANE_REQUIRED) {
    return fail(ENOMEM, "the memory is to be locked and cannot be: %s; %s", reason.c_str(), fix.c_str());
  }
  attachment.locked = locked;
  attachment.inherited = false;
  attachment.lock_reason = std::move(reason);
  attachment.lock_fix = std::move(fix);
  return 0;
}

}  // namespace rtlane::detail
