// The arguments of a command. CLI11 reads them, in options.cpp alone: it is all in its headers, and would take ten
// seconds in each source that includes them.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "command.hpp"

namespace CLI {  // NOLINT(readability-identifier-naming): not ours
class App;
class Option;
}  // namespace CLI

namespace rtlane::cli {

// The parts of a value between its commas, the empty ones too.
std::vector<std::string> split(const std::string& text);

// One of them, for as long as its command is there. Each call but count() returns the same option.
class Option {
public:
  Option() = default;
  explicit Option(CLI::Option* option) : option_(option) {}

  Option type_name(const std::string& name);  // what --help calls the value
  Option shows_default();                     // --help says what the place held before
  Option required();
  Option expects(int values);
  Option expects(int least, int most);
  Option separated_by_commas();
  Option may_be_repeated();
  Option needs(Option other);
  Option excludes(Option other);

  // The value is refused with a sentence unless it is a number from `least` to `most`. T: int, std::uint64_t, double.
  template <class T>
  Option in_range(T least, T most);
  Option one_of(std::vector<std::string> values);
  // `problem` says what is wrong with a value, nothing if it is good.
  Option check(std::function<std::string(const std::string& text)> problem);

  // How often it was given; 0 also for an option that is none.
  [[nodiscard]] std::size_t count() const;

private:
  CLI::Option* option_ = nullptr;
};

// What is named here is filled in by parse(), so it has to live as long.
class Command {
public:
  // The manual stands below the options in --help.
  Command(const std::string& description, const std::string& name, const std::string& manual);
  ~Command();
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;

  // T: std::string, int, unsigned, std::uint64_t, double, and vectors of std::string, int and std::size_t. A name
  // without dashes is a positional argument.
  template <class T>
  Option option(const std::string& names, T& place, const std::string& text);
  // The value goes to a function. T: std::uint64_t, std::vector<int>.
  template <class T>
  Option option_for(const std::string& names, std::function<void(const T& value)> use, const std::string& text);
  Option flag(const std::string& names, bool& place, const std::string& text);

  // Arguments that nothing is known of are no error, but are kept.
  void allow_others();
  [[nodiscard]] std::vector<std::string> others() const;

  [[nodiscard]] const std::string& name() const;

  // Reads the arguments. The value is the exit status when there is nothing left to do: help was asked for, or the
  // arguments are wrong.
  std::optional<int> parse(int argc, char** argv);

  // Says on stderr what went wrong, under the command's name, and returns `status`.
  int fail(const std::string& sentence, int status = finding) const;

private:
  std::unique_ptr<CLI::App> app_;
};

}  // namespace rtlane::cli
