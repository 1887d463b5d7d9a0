// Tests that run over a ring in private memory and over a named one.
#pragma once

#include <gtest/gtest.h>
#include <rtlane/channels/spsc_ring.hpp>

#include <memory>
#include <stdexcept>

#include "ring_support.hpp"
#include "support/temp_namespace.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {

enum class Place { private_memory, named };

class InBothPlaces : public ::testing::TestWithParam<Place> {
protected:
  template <class T = std::uint64_t>
  SpscRing<T> make(std::uint64_t capacity, SpscOptions options = small_ring())
  {
    auto made = GetParam() == Place::named ? SpscRing<T>::create("ring", capacity, options)
                                           : SpscRing<T>::in_memory(capacity, options);
    if (!made)
      throw std::runtime_error(made.error().message);
    return *made;
  }

  std::unique_ptr<TempNamespace> space_ = GetParam() == Place::named ? std::make_unique<TempNamespace>() : nullptr;
  Watchdog watchdog_{60};
};

inline auto both_places()
{
  return ::testing::Values(Place::private_memory, Place::named);
}

inline const char* place_name(const ::testing::TestParamInfo<Place>& of)
{
  return of.param == Place::named ? "Named" : "PrivateMemory";
}

}  // namespace rtlane::test
