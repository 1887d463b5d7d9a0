#include "significance.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numbers>
#include <numeric>
#include <random>
#include <utility>

namespace rtlane::bench {
namespace {

using Values = std::vector<double>;

Values logarithms(std::span<const double> values)
{
  Values logs;
  logs.reserve(values.size());
  for (const double value : values)
    logs.push_back(std::log(value));
  return logs;
}

double median_in_place(Values& values)
{
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return values.size() % 2 == 1 ? *middle : (*middle + *std::max_element(values.begin(), middle)) / 2;
}

// Twice the ranks of a, then of b, within both: whole numbers also where equal values share a rank.
std::vector<std::size_t> doubled_ranks(std::span<const double> a, std::span<const double> b)
{
  Values all(a.begin(), a.end());
  all.insert(all.end(), b.begin(), b.end());
  Values sorted = all;
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::size_t> ranks;
  for (const double value : all) {
    const auto [first, last] = std::equal_range(sorted.begin(), sorted.end(), value);
    ranks.push_back(static_cast<std::size_t>(first - sorted.begin() + 1 + last - sorted.begin()));
  }
  return ranks;
}

constexpr std::size_t exact_until = 60;

// ways[k][s]: in how many ways k of the ranks have the sum s. Whole numbers far beyond 2^53 lose digits only.
double exact_rank_sum_p(const std::vector<std::size_t>& ranks, std::size_t taken)
{
  const std::size_t total = std::accumulate(ranks.begin(), ranks.end(), std::size_t{0});
  std::vector<Values> ways(taken + 1, Values(total + 1));
  ways[0][0] = 1;
  std::size_t reached = 0;
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    reached += ranks[i];
    for (std::size_t k = std::min(i + 1, taken); k > 0; --k)
      for (std::size_t sum = ranks[i]; sum <= reached; ++sum)
        ways[k][sum] += ways[k - 1][sum - ranks[i]];
  }
  const std::size_t observed =
      std::accumulate(ranks.begin(), ranks.begin() + static_cast<std::ptrdiff_t>(taken), std::size_t{0});
  // The mean is taken * (n + 1): in doubled ranks a whole number.
  const auto distance = [&, mean = taken * (ranks.size() + 1)](std::size_t sum) {
    return sum > mean ? sum - mean : mean - sum;
  };
  double all = 0;
  double extreme = 0;
  for (std::size_t sum = 0; sum <= total; ++sum) {
    all += ways[taken][sum];
    if (distance(sum) >= distance(observed))
      extreme += ways[taken][sum];
  }
  return extreme / all;
}

double normal_rank_sum_p(const std::vector<std::size_t>& ranks, std::size_t taken)
{
  const auto n = static_cast<double>(ranks.size());
  const auto of_a = static_cast<double>(taken);
  const double sum = static_cast<double>(std::accumulate(
                         ranks.begin(), ranks.begin() + static_cast<std::ptrdiff_t>(taken), std::size_t{0})) /
                     2;
  std::map<std::size_t, double> equal;
  for (const std::size_t rank : ranks)
    ++equal[rank];
  double ties = 0;
  for (const auto& [rank, count] : equal)
    ties += count * count * count - count;
  const double variance = of_a * (n - of_a) / 12 * (n + 1 - ties / (n * (n - 1)));
  if (variance <= 0)
    return 1;
  const double distance = std::max(0.0, std::abs(sum - of_a * (n + 1) / 2) - 0.5);
  return std::erfc(distance / std::sqrt(2 * variance));
}

// ---- the shift test

struct Shift {
  double difference = 0;  // of the medians, b - a
  double statistic = 0;
};

// Distances of all launches to their side's median.
Values residuals(std::span<const double> a, double median_a, std::span<const double> b, double median_b)
{
  Values distances;
  distances.reserve(a.size() + b.size());
  for (const double value : a)
    distances.push_back(value - median_a);
  for (const double value : b)
    distances.push_back(value - median_b);
  return distances;
}

Shift shift_of(std::span<const double> a, std::span<const double> b)
{
  const double median_a = median_of(a);
  const double median_b = median_of(b);
  Values distances = residuals(a, median_a, b, median_b);
  for (double& distance : distances)
    distance = std::abs(distance);
  const auto place = static_cast<std::ptrdiff_t>((3 * distances.size() + 3) / 4 - 1);
  std::nth_element(distances.begin(), distances.begin() + place, distances.end());
  const double scatter = distances[static_cast<std::size_t>(place)] *
                         std::sqrt(1 / static_cast<double>(a.size()) + 1 / static_cast<double>(b.size()));
  const double difference = median_b - median_a;
  const double statistic = difference == 0 ? 0
                           : scatter == 0  ? std::numeric_limits<double>::infinity()
                                           : std::abs(difference) / scatter;
  return {difference, statistic};
}

// The same numbers everywhere: those of the standard library's distributions differ between libraries.
class Random {
public:
  explicit Random(std::uint64_t seed) : bits_(seed) {}

  double uniform() { return static_cast<double>(bits_() >> 11) * 0x1p-53; }
  double exponential() { return -std::log1p(-uniform()); }
  double normal() { return std::sqrt(2 * exponential()) * std::cos(2 * std::numbers::pi * uniform()); }
  std::size_t index(std::size_t size)
  {
    return std::min(size - 1, static_cast<std::size_t>(uniform() * static_cast<double>(size)));
  }

private:
  std::mt19937_64 bits_;
};

constexpr std::size_t simulations = 40'000;

// The statistic for sides of these sizes without a difference, sorted, for each kind of scatter.
const std::vector<Values>& statistics_without_difference(std::size_t size_a, std::size_t size_b)
{
  static std::map<std::pair<std::size_t, std::size_t>, std::vector<Values>> known;
  std::vector<Values>& found = known[{std::min(size_a, size_b), std::max(size_a, size_b)}];
  if (!found.empty())
    return found;
  Values a(size_a), b(size_b);
  for (const double disturbed : {0.0, 0.1}) {
    Random random(comparison_seed);
    const auto draw = [&] { return random.normal() * (random.uniform() < disturbed ? 10 : 1); };
    Values statistics;
    for (std::size_t i = 0; i < simulations; ++i) {
      for (double& value : a)
        value = draw();
      for (double& value : b)
        value = draw();
      statistics.push_back(shift_of(a, b).statistic);
    }
    std::sort(statistics.begin(), statistics.end());
    found.push_back(std::move(statistics));
  }
  return found;
}

// The part of all pairs, one launch of each side, that go against b > a; equal ones do by half.
double contradicting_part(std::span<const double> a, std::span<const double> b)
{
  double against = 0;
  for (const double of_a : a)
    for (const double of_b : b)
      against += of_b < of_a ? 1 : of_b == of_a ? 0.5 : 0;
  return against / static_cast<double>(a.size() * b.size());
}

}  // namespace

double median_of(std::span<const double> values)
{
  Values copy(values.begin(), values.end());
  return median_in_place(copy);
}

double mann_whitney_p(std::span<const double> a, std::span<const double> b)
{
  const std::vector<std::size_t> ranks = doubled_ranks(a, b);
  return ranks.size() <= exact_until ? exact_rank_sum_p(ranks, a.size()) : normal_rank_sum_p(ranks, a.size());
}

double shift_p(std::span<const double> a, std::span<const double> b)
{
  const Values log_a = logarithms(a);
  const Values log_b = logarithms(b);
  const Shift shift = shift_of(log_a, log_b);
  const double against = contradicting_part(log_a, log_b);
  if ((shift.difference > 0 ? against : 1 - against) > 0.25)
    return 1;
  double p = 0;
  for (const Values& statistics : statistics_without_difference(a.size(), b.size())) {
    const auto larger = statistics.end() - std::lower_bound(statistics.begin(), statistics.end(), shift.statistic);
    p = std::max(p, (static_cast<double>(larger) + 1) / (static_cast<double>(statistics.size()) + 1));
  }
  return p;
}

double decision_p(std::span<const double> a, std::span<const double> b)
{
  return std::min(a.size(), b.size()) < rank_test_from ? shift_p(a, b) : mann_whitney_p(a, b);
}

std::vector<double> holm(const std::vector<double>& p)
{
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) { return p[i] < p[j]; });
  std::vector<double> corrected(p.size());
  double largest = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    largest = std::max(largest, p[order[i]] * static_cast<double>(order.size() - i));
    corrected[order[i]] = std::min(1.0, largest);
  }
  return corrected;
}

std::array<double, 2> ratio_interval(std::span<const double> a, std::span<const double> b)
{
  const Values log_a = logarithms(a);
  const Values log_b = logarithms(b);
  const double median_a = median_of(log_a);
  const double median_b = median_of(log_b);
  Values distances = residuals(log_a, median_a, log_b, median_b);
  // The two medians lie nearer to their launches than the true ones do.
  const auto count = static_cast<double>(distances.size());
  for (double& distance : distances)
    distance *= std::sqrt(count / (count - 2));
  Random random(comparison_seed);
  Values drawn;
  const auto median_again = [&](std::size_t size) {
    drawn.resize(size);
    for (double& distance : drawn)
      distance = distances[random.index(distances.size())];
    return median_in_place(drawn);
  };
  constexpr std::size_t resamples = 4'000;
  Values differences;
  differences.reserve(resamples);
  for (std::size_t i = 0; i < resamples; ++i) {
    const double again_b = median_again(b.size());
    differences.push_back(median_b - median_a + again_b - median_again(a.size()));
  }
  std::sort(differences.begin(), differences.end());
  return {std::exp(differences[resamples / 40]), std::exp(differences[resamples - 1 - resamples / 40])};
}

}  // namespace rtlane::bench
