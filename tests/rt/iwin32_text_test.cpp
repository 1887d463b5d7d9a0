#include <array>
#include <climits>
#include <clocale>
#include <cstdint>
#include <thread>
#include <vector>

#include "rt/iwin32.hpp"

namespace rtlane::test {
namespace {

class Iwin32Text : public Iwin32 {
protected:
  template <class Print>
  static std::string printed(Print&& print)
  {
    testing::internal::CaptureStdout();
    print();
    return testing::internal::GetCapturedStdout();
  }
};

TEST_F(Iwin32Text, PrintsAsPrintfDoes)
{
  int written = 0;
  EXPECT_EQ(printed([&] { written = RtPrintf("%d %s %5.2f|%x\n", -3, "text", 1.5, 255u); }), "-3 text  1.50|ff\n");
  EXPECT_EQ(written, 17);
}

TEST_F(Iwin32Text, PrintsWideTextAsUtf8BetweenNarrowText)
{
  int written = 0;
  EXPECT_EQ(printed([&] {
              RtPrintf("a ");
              written = RtWprintf(L"%d \u00FC\U0001F600 %s|%S|%ls|%hs|%-4c|%C|100%%", 7, L"wide\u20AC", "narrow", L"l",
                                  "h", L'\u00E4', 'c');
              RtPrintf(" b\n");
            }),
            "a 7 \xC3\xBC\xF0\x9F\x98\x80 wide\xE2\x82\xAC|narrow|l|h|\xC3\xA4   |c|100% b\n");
  EXPECT_EQ(written, 33);
}

TEST_F(Iwin32Text, NarrowArgumentsOfWideFormatsAreUtf8)
{
  EXPECT_EQ(printed([] {
              RtWprintf(L"[%S]\n",
                        "Gr\xC3\xBC\xC3\x9F"
                        "e");
            }),
            "[Gr\xC3\xBC\xC3\x9F"
            "e]\n");
}

TEST_F(Iwin32Text, APercentSignBeginsNothing)
{
  EXPECT_EQ(printed([] { RtWprintf(L"100%% sure, %%s, %d%%c|%s\n", 5, L"wide"); }), "100% sure, %s, 5%c|wide\n");
}

// A size of Windows, which gcc cannot check.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat"
#pragma GCC diagnostic ignored "-Wformat-extra-args"
TEST_F(Iwin32Text, I64IsTheSizeOfALargeInteger)
{
  const LARGE_INTEGER large = {.QuadPart = 123456789012};
  EXPECT_EQ(printed([&] { RtPrintf("%I64d|%s|%16I64x|%I32d\n", large.QuadPart, "text", large.QuadPart, -5); }),
            "123456789012|text|      1cbe991a14|-5\n");
  EXPECT_EQ(printed([&] { RtWprintf(L"%I64d|%s|%16I64x|%I32d\n", large.QuadPart, L"text", large.QuadPart, -5); }),
            "123456789012|text|      1cbe991a14|-5\n");
}
#pragma GCC diagnostic pop

TEST_F(Iwin32Text, WideTextThatIsTooLongIsNotPrinted)
{
  const std::wstring fits(4095, L'x');
  const std::wstring too_long(4096, L'x');
  int written = 0;
  EXPECT_EQ(printed([&] { written = RtWprintf(L"%s", fits.c_str()); }), std::string(4095, 'x'));
  EXPECT_EQ(written, 4095);
  EXPECT_EQ(printed([&] { written = RtWprintf(L"%s", too_long.c_str()); }), "");
  EXPECT_EQ(written, -1);
}

TEST_F(Iwin32Text, ReadsNumbers)
{
  EXPECT_EQ(RtAtoi(" -42x"), -42);
  EXPECT_EQ(RtAtoi("x"), 0);
  EXPECT_EQ(RtAtoi(nullptr), 0);
  EXPECT_EQ(RtAtoi("99999999999"), INT_MAX);
  EXPECT_EQ(RtAtoi("-99999999999999999999999"), INT_MIN);
  EXPECT_EQ(RtWtoi(L"\t17 apples"), 17);
  EXPECT_EQ(RtWtoi(nullptr), 0);
  EXPECT_EQ(RtWtoi(L"-99999999999"), INT_MIN);
}

TEST_F(Iwin32Text, KeepsErrno)
{
  errno = 77;
  RtAtoi("99999999999999999999999");
  EXPECT_EQ(errno, 77);
}

TEST(Iwin32Interlocked, AnswersTheNewValueOfASumAndTheOldOneOfTheRest)
{
  LONG value = 10;
  EXPECT_EQ(InterlockedIncrement(&value), 11);
  EXPECT_EQ(InterlockedDecrement(&value), 10);
  EXPECT_EQ(InterlockedExchangeAdd(&value, -4), 10);
  EXPECT_EQ(InterlockedExchange(&value, 12), 6);
  EXPECT_EQ(InterlockedCompareExchange(&value, 1, 99), 12);
  EXPECT_EQ(value, 12);
  EXPECT_EQ(InterlockedCompareExchange(&value, 0xF0, 12), 12);
  EXPECT_EQ(InterlockedAnd(&value, 0x3C), 0xF0);
  EXPECT_EQ(InterlockedOr(&value, 0x03), 0x30);
  EXPECT_EQ(InterlockedXor(&value, 0x31), 0x33);
  EXPECT_EQ(value, 2);
  value = INT32_MAX;
  EXPECT_EQ(InterlockedIncrement(&value), INT32_MIN);

  LONGLONG wide = INT64_C(1) << 40;
  EXPECT_EQ(InterlockedIncrement64(&wide), (INT64_C(1) << 40) + 1);
  EXPECT_EQ(InterlockedDecrement64(&wide), INT64_C(1) << 40);
  EXPECT_EQ(InterlockedExchangeAdd64(&wide, 5), INT64_C(1) << 40);
  EXPECT_EQ(InterlockedExchange64(&wide, -1), (INT64_C(1) << 40) + 5);
  EXPECT_EQ(InterlockedCompareExchange64(&wide, INT64_MIN, -1), -1);
  EXPECT_EQ(InterlockedAnd64(&wide, INT64_MIN), INT64_MIN);
  EXPECT_EQ(InterlockedOr64(&wide, 1), INT64_MIN);
  EXPECT_EQ(InterlockedXor64(&wide, 1), INT64_MIN + 1);
  EXPECT_EQ(wide, INT64_MIN);

  int a = 0;
  int b = 0;
  PVOID pointer = &a;
  EXPECT_EQ(InterlockedExchangePointer(&pointer, &b), &a);
  EXPECT_EQ(InterlockedCompareExchangePointer(&pointer, &a, &a), &b);
  EXPECT_EQ(InterlockedCompareExchangePointer(&pointer, &a, &b), &b);
  EXPECT_EQ(pointer, &a);
}

TEST(Iwin32Interlocked, LosesNothingBetweenThreads)
{
  static constexpr int rounds = 20'000;
  LONG up = 0;
  LONG down = 0;
  LONG sum = 0;
  LONGLONG bits = 0;
  LONG tickets = 0;
  std::array<LONG, 4> handed = {};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < rounds; ++round) {
        InterlockedIncrement(&up);
        InterlockedDecrement(&down);
        InterlockedExchangeAdd(&sum, 3);
        InterlockedXor64(&bits, INT64_C(1) << (16 * i));
        // What one exchanges in, one of all exchanges out.
        handed[static_cast<std::size_t>(i)] += InterlockedExchange(&tickets, 1);
        LONG seen = InterlockedCompareExchange(&sum, 0, 0);
        while (InterlockedCompareExchange(&sum, seen + 1, seen) != seen)
          seen = InterlockedCompareExchange(&sum, 0, 0);
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(up, 4 * rounds);
  EXPECT_EQ(down, -4 * rounds);
  EXPECT_EQ(sum, 4 * 4 * rounds);
  EXPECT_EQ(bits, 0);
  EXPECT_EQ(handed[0] + handed[1] + handed[2] + handed[3] + tickets, 4 * rounds);
}

}  // namespace
}  // namespace rtlane::test
