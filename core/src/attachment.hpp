// An object's payload in this process: mapped, faulted in, locked, and the facts about it.
#pragma once

#include <rtlane/core/shm.h>

#include <cstdint>
#include <string>

#include "pages.hpp"

namespace rtlane::detail {

struct Attachment {
  Mapping mapping;
  std::uint64_t page_bytes = 0;  // obtained
  bool locked = false;
  std::uint64_t minor_faults = 0;
  std::uint64_t attach_ns = 0;
  bool inherited = false;   // this process is a fork child of the one that attached
  std::string page_reason;  // why this process maps smaller pages than the object has; "" = it does not
  std::string page_fix;
  std::string lock_reason;
  std::string lock_fix;
};

// What it took since it was made: page faults of this thread, and time.
class AttachMeter {
public:
  AttachMeter() noexcept;
  void stop(Attachment& attachment) const noexcept;

private:
  long minor_faults_;
  std::int64_t start_ns_;
};

// Maps an existing payload; attachment is written only on success. Returns 0, -ENOMEM with a sentence (no room for page
// tables, a lock required and refused).
int attach(int fd, std::uint64_t offset, std::uint64_t bytes, std::uint64_t page_bytes, rtlane_tier tier, bool writable,
           rtlane_wish lock, Attachment& attachment);

// Second half of an attach: attachment.mapping is mapped, with huge pages advised where they are wanted.
int fault_in_and_lock(std::uint64_t page_bytes, rtlane_tier tier, bool writable, rtlane_wish lock,
                      Attachment& attachment);

// Locks what is attached, as wished. Returns 0, or -ENOMEM with a sentence: required and refused; then the attachment
// stays as it was.
int lock_attachment(rtlane_tier tier, rtlane_wish lock, Attachment& attachment);

}  // namespace rtlane::detail
