// A named object that this process has open: one per process and object, whatever the number of handles.
#pragma once

#include <rtlane/core/shm.h>
#include <sys/stat.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "attachment.hpp"
#include "contents.hpp"
#include "control_file.hpp"
#include "handle_table.hpp"
#include "namespace_directory.hpp"
#include "pages.hpp"
#include "waitable.hpp"

namespace rtlane::detail {

// "an event"
const char* kind_text(std::uint32_t kind) noexcept;

class SharedObject final : public HandleTarget {
public:
  // As rtlane_shm_create; existed tells which of the two happened. contents, if any, makes the payload of a new object.
  // Process::enter() first.
  static int create(rtlane_kind kind, std::string_view name, std::uint64_t size_bytes,
                    const rtlane_shm_options& options, std::shared_ptr<SharedObject>& object, bool& existed,
                    Contents* contents = nullptr);

  // As rtlane_shm_open. Process::enter() first.
  static int open(rtlane_kind kind, std::string_view name, const rtlane_shm_options& options,
                  std::shared_ptr<SharedObject>& object);

  // Lets go of the object, and removes it when this was the last holder of all.
  ~SharedObject() override;

  // The kernel does not pass memory locks on, and no other thread waits.
  void forget_in_fork_child() noexcept;

  // Stops holding the object but leaves the payload mapped. For a process that exits.
  void let_go() noexcept;

  [[nodiscard]] rtlane_kind kind() const noexcept override { return static_cast<rtlane_kind>(header_.kind); }
  [[nodiscard]] Waitable* waitable() noexcept override { return waitable_.get(); }

  // A mutex that a thread of this process owns: glibc and the kernel find it in that thread's list.
  [[nodiscard]] bool must_stay() const noexcept override;

  [[nodiscard]] const ObjectHeader& header() const noexcept { return header_; }
  [[nodiscard]] bool is_named() const noexcept { return !file_.empty(); }

  // nullptr when that view was never asked for.
  [[nodiscard]] void* address(bool read_only) const noexcept
  {
    return (read_only ? read_view_ : write_view_).mapping.address();
  }

  void certify(bool read_only, rtlane_shm_certificate& certificate) const;

  // Opens the control file afresh, for a lock of its own. Returns 0, -EINVAL for an unnamed object, -ESTALE
  // when a stranger removed the file, or -EACCES; with a sentence.
  int open_control_again(bool writable, UniqueFd& fd) const;

private:
  SharedObject(const NamespaceDirectory& directory, std::string file) noexcept
      : directory_(directory.path()), file_(std::move(file))
  {}

  // Takes over what join() or build() got. From here on the destructor gives it back.
  int adopt(HeldControl& control);

  [[nodiscard]] bool is_unlinked() const;

  // Makes sure that the view exists and is locked as wished.
  int provide_view(const rtlane_shm_options& options, UniqueFd payload);

  // For kinds that can be waited for.
  int provide_waitable();

  static int open_existing(const NamespaceDirectory& directory, const std::string& file, rtlane_kind kind,
                           std::string_view name, const rtlane_shm_options& options, Access access,
                           std::shared_ptr<SharedObject>& object);
  static int build_new(const NamespaceDirectory& directory, const std::string& file, int lock_file, rtlane_kind kind,
                       std::string_view name, std::uint64_t size_bytes, const rtlane_shm_options& options,
                       Contents* contents, std::shared_ptr<SharedObject>& object);

  std::string directory_;
  std::string file_;  // "" = unnamed
  std::string payload_path_;
  ObjectHeader header_ = {};
  struct stat status_ = {};  // of the control file
  Mapping control_;          // keeps the description that holds byte 0
  Attachment write_view_;
  Attachment read_view_;
  std::unique_ptr<Waitable> waitable_;  // nullptr for memory
};

}  // namespace rtlane::detail
