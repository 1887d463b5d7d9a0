// Whether two groups of launches differ, by more than launches of one program do among themselves.
//
// A launch gives one number, above 0. What is compared is the logarithm, so that "a fifth slower" is the same distance
// at 100 ns and at 3 ms, and A against B gives what B against A gives. Launches are few, and some of them meet a
// disturbance that the others do not; so everything rests on medians, and two tests share the work:
//
// * The Mann-Whitney U test (1947) uses nothing but the order of the launches, so it holds for every distribution. But
//   five against five cannot give less than p = 0.008, and one disturbed launch on the wrong side makes that 0.15: not
//   enough for a verdict as soon as there are several comparisons to correct for.
// * The shift test sets the difference of the two medians against the scatter about them. What that scatter is like has
//   to be supposed: shift_p() says how.
//
// decision_p() takes the second below rank_test_from launches a side and the first from there: by the number of
// launches alone, never by what they say.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace rtlane::bench {

// Of every random choice here. Two comparisons of the same files say the same.
inline constexpr std::uint64_t comparison_seed = 20'251'125;

inline constexpr std::size_t rank_test_from = 15;

// Two-sided p of the Mann-Whitney U test; neither side is empty. Up to 60 launches in all it is exact: the part of all
// ways to deal the values out to the two sides that give a rank sum at least as far from its mean. Equal values have
// the mean of their ranks, and the ways are counted with these very ranks, so ties are exact too. Above 60: the normal
// distribution, corrected for ties and for continuity.
double mann_whitney_p(std::span<const double> a, std::span<const double> b);

// Two-sided p for the difference of the medians of the logarithms; both sides have at least two. The statistic is that
// difference by sqrt(1/n + 1/m) times the scatter: of all distances of launches to their side's median that which three
// quarters do not exceed, so that a fifth of the launches may be disturbed by any amount. Its distribution is simulated
// for launches without a difference, which scatter normally, and again with a tenth of them ten times further off; p is
// the larger of the two. Heavier tails than these make p larger than it has to be; scatter with a hard edge and no
// tails at all (uniform) makes it too small, by a factor of three at most, which launches of programs were not seen to
// have.
//
// p is 1 where more than a quarter of the pairs of launches, one of each side, contradict the difference: sides that
// share two modes would pass for a shift else.
double shift_p(std::span<const double> a, std::span<const double> b);

// What a verdict rests on: one of the two above.
double decision_p(std::span<const double> a, std::span<const double> b);

// The p values corrected for their number by Holm's method (1979), in the same order: taking those at most 0.05 gives
// one false alarm or more in at most one of 20 families in which there is nothing to find, whatever they have in
// common.
std::vector<double> holm(const std::vector<double>& p);

// Interval for median(b) / median(a) with 95 % confidence, by the bootstrap over launches (Efron, 1979): each of 4000
// times every side gets launches anew, which are its median and one distance drawn from those of all launches to their
// side's median. Drawing them from both sides supposes that both scatter alike, as the shift test does. Both sides have
// at least two.
std::array<double, 2> ratio_interval(std::span<const double> a, std::span<const double> b);

double median_of(std::span<const double> values);

}  // namespace rtlane::bench
