// What a new object's payload holds before anybody can see it.
#pragma once

namespace rtlane::detail {

class Contents {
public:
  Contents() = default;
  Contents(const Contents&) = delete;
  Contents& operator=(const Contents&) = delete;
  virtual ~Contents() = default;

  // Writes them into the zeroed payload. Returns 0, or a negative errno with a sentence.
  virtual int make(void* payload) = 0;

  // Takes back what make() did outside the payload, which will not become an object.
  virtual void discard(void* payload) noexcept = 0;
};

}  // namespace rtlane::detail
