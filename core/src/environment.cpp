#include "environment.hpp"

#include <sys/auxv.h>

#include <cerrno>
#include <cinttypes>
#include <cstdlib>

#include "error.hpp"

namespace rtlane::detail {

const char* environment_text(const char* variable) noexcept
{
  // Not secure_getenv: that refuses programs with file capabilities too, which RT programs are given to lock memory.
  // As they were at exec: programs change their ids later, in either direction.
  if (::getauxval(AT_UID) != ::getauxval(AT_EUID) || ::getauxval(AT_GID) != ::getauxval(AT_EGID))
    return nullptr;
  const char* text = std::getenv(variable);
  return text != nullptr && *text != '\0' ? text : nullptr;
}

int environment_number(const char* variable, std::uint64_t least, std::uint64_t most, std::uint64_t fallback,
                       std::uint64_t& value) noexcept
{
  const char* text = environment_text(variable);
  if (text == nullptr) {
    value = fallback;
    return 0;
  }
  const int saved_errno = errno;
  char* end = nullptr;
  errno = 0;
  const unsigned long long number = std::strtoull(text, &end, 10);
  const bool overflow = errno == ERANGE;
  errno = saved_errno;
  if (overflow || *end != '\0' || *text < '0' || *text > '9' || number < least || number > most)
    return fail(EINVAL, "%s is '%s': it must be a whole number from %" PRIu64 " to %" PRIu64, variable, text, least,
                most);
  value = number;
  return 0;
}

int environment_pool_bytes(std::uint64_t& bytes) noexcept
{
  std::uint64_t value = 0;
  if (const int error = environment_number("RTLANE_POOL_BYTES", 0, UINT64_MAX / 2, 0, value); error != 0)
    return error;
  if (value % pool_unit_bytes != 0)
    return fail(EINVAL, "RTLANE_POOL_BYTES is %" PRIu64 ": it must be a multiple of 4 MiB (%" PRIu64 " bytes)", value,
                pool_unit_bytes);
  bytes = value;
  return 0;
}

}  // namespace rtlane::detail
