#include "object_name.hpp"

#include <rtlane/core/shm.h>

#include <algorithm>
#include <cerrno>

#include "error.hpp"

namespace rtlane::detail {
namespace {

constexpr std::size_t readable_bytes_max = 200;
constexpr std::size_t hash_digits = 32;
constexpr char digits[] = "0123456789abcdef";

__extension__ using Hash = unsigned __int128;

// Fowler, Noll, Vo: FNV-1a with 128 bits.
Hash fnv1a(std::string_view text) noexcept
{
  constexpr Hash prime = (Hash{1} << 88) | 0x13b;
  Hash hash = (Hash{0x6c62272e07bb0142} << 64) | 0x62b821756295c58d;
  for (const char c : text)
    hash = (hash ^ static_cast<unsigned char>(c)) * prime;
  return hash;
}

bool is_plain(char c) noexcept
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

// Bytes of the UTF-8 sequence that begins the text; 1 for a byte that begins none.
std::size_t sequence_bytes(std::string_view text) noexcept
{
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  std::size_t length = 1;
  unsigned char second_min = 0x80;
  unsigned char second_max = 0xbf;
  if (first >= 0xc2 && first <= 0xdf) {
    length = 2;
  } else if (first >= 0xe0 && first <= 0xef) {
    length = 3;
    if (first == 0xe0)
      second_min = 0xa0;  // shorter forms exist
    if (first == 0xed)
      second_max = 0x9f;  // surrogates
  } else if (first >= 0xf0 && first <= 0xf4) {
    length = 4;
    if (first == 0xf0)
      second_min = 0x90;
    if (first == 0xf4)
      second_max = 0x8f;
  }
  if (length == 1 || text.size() < length || byte(1) < second_min || byte(1) > second_max)
    return 1;
  for (std::size_t i = 2; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80)
      return 1;
  }
  return length;
}

}  // namespace

int check_name(std::string_view name) noexcept
{
  if (name.find('\\') != std::string_view::npos)
    return fail(EINVAL, "the object name has a '\\' at byte %zu: names may hold any character but that one",
                name.find('\\'));
  std::size_t characters = 0;
  for (std::string_view rest = name; !rest.empty(); rest.remove_prefix(sequence_bytes(rest)))
    ++characters;
  if (characters > RTLANE_NAME_MAX)
    return fail(ENAMETOOLONG, "the object name has %zu characters: at most %d are allowed", characters,
                RTLANE_NAME_MAX);
  return 0;
}

FileName file_name_for(std::string_view name)
{
  std::string text;
  for (const char c : name) {
    // A leading '.' would hide the file, and is what temporaries begin with.
    if (is_plain(c) && !(c == '.' && text.empty())) {
      text += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      text += {'%', digits[byte >> 4], digits[byte & 15]};
    }
    if (text.size() >= readable_bytes_max)
      break;
  }
  text.resize(std::min(text.size(), readable_bytes_max));
  const Hash hash = fnv1a(name);
  text += '~';
  for (int shift = 124; shift >= 0; shift -= 4)
    text += digits[static_cast<unsigned>(hash >> shift) & 15];
  // Byte 0 of the lock file is the pool's; an off_t has 63 bits.
  return {std::move(text), 1 + static_cast<std::uint64_t>(hash >> 66)};
}

bool is_object_file_name(std::string_view file) noexcept
{
  if (file.size() <= hash_digits || file[file.size() - hash_digits - 1] != '~' || file.front() == '.')
    return false;
  const std::string_view hash = file.substr(file.size() - hash_digits);
  return hash.find_first_not_of(digits) == std::string_view::npos;
}

}  // namespace rtlane::detail
