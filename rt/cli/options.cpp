#include "options.hpp"

#include <fmt/format.h>
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <type_traits>
#include <utility>

#include "output.hpp"

namespace rtlane::cli {

std::vector<std::string> split(const std::string& text)
{
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == ',')
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

Option Option::type_name(const std::string& name)
{
  option_->type_name(name);
  return *this;
}

Option Option::shows_default()
{
  option_->capture_default_str();
  return *this;
}

Option Option::required()
{
  option_->required();
  return *this;
}

Option Option::expects(int values)
{
  option_->expected(values);
  return *this;
}

Option Option::expects(int least, int most)
{
  option_->expected(least, most);
  return *this;
}

Option Option::separated_by_commas()
{
  option_->delimiter(',');
  return *this;
}

Option Option::may_be_repeated()
{
  option_->take_all();
  return *this;
}

Option Option::needs(Option other)
{
  option_->needs(other.option_);
  return *this;
}

Option Option::excludes(Option other)
{
  option_->excludes(other.option_);
  return *this;
}

template <class T>
Option Option::in_range(T least, T most)
{
  option_->check(CLI::Range(least, most));
  if constexpr (std::is_floating_point_v<T>) {
    // CLI11's ranges let "nan" pass.
    check([](const std::string& text) {
      return std::isfinite(std::strtod(text.c_str(), nullptr)) ? "" : text + " is not a finite number";
    });
  }
  return *this;
}
template Option Option::in_range(int, int);
template Option Option::in_range(std::uint64_t, std::uint64_t);
template Option Option::in_range(double, double);

Option Option::one_of(std::vector<std::string> values)
{
  option_->check(CLI::IsMember(std::move(values)));
  return *this;
}

Option Option::check(std::function<std::string(const std::string& text)> problem)
{
  option_->check(CLI::Validator([problem = std::move(problem)](std::string& text) { return problem(text); }, ""));
  return *this;
}

std::size_t Option::count() const
{
  return option_ == nullptr ? 0 : option_->count();
}

Command::Command(const std::string& description, const std::string& name, const std::string& manual)
    : app_(std::make_unique<CLI::App>(description, name))
{
  app_->footer(manual);
}

Command::~Command() = default;

template <class T>
Option Command::option(const std::string& names, T& place, const std::string& text)
{
  return Option(app_->add_option(names, place, text));
}
template Option Command::option(const std::string&, std::string&, const std::string&);
template Option Command::option(const std::string&, int&, const std::string&);
template Option Command::option(const std::string&, unsigned&, const std::string&);
template Option Command::option(const std::string&, std::uint64_t&, const std::string&);
template Option Command::option(const std::string&, double&, const std::string&);
template Option Command::option(const std::string&, std::vector<std::string>&, const std::string&);
template Option Command::option(const std::string&, std::vector<int>&, const std::string&);
template Option Command::option(const std::string&, std::vector<std::size_t>&, const std::string&);

template <class T>
Option Command::option_for(const std::string& names, std::function<void(const T&)> use, const std::string& text)
{
  return Option(app_->add_option_function<T>(names, use, text));
}
template Option Command::option_for(const std::string&, std::function<void(const std::uint64_t&)>, const std::string&);
template Option Command::option_for(const std::string&, std::function<void(const std::vector<int>&)>,
                                    const std::string&);

Option Command::flag(const std::string& names, bool& place, const std::string& text)
{
  return Option(app_->add_flag(names, place, text));
}

void Command::allow_others()
{
  app_->allow_extras();
}

std::vector<std::string> Command::others() const
{
  return app_->remaining();
}

const std::string& Command::name() const
{
  return app_->get_name();
}

std::optional<int> Command::parse(int argc, char** argv)
{
  try {
    app_->parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    say_out(app_->help());
    return good;
  } catch (const CLI::ParseError& error) {
    return fail(fmt::format("{}; '{} --help' is the manual", error.what(), name()), usage);
  }
  return std::nullopt;
}

int Command::fail(const std::string& sentence, int status) const
{
  say_err(fmt::format("{}: {}\n", name(), printable(sentence)));
  return status;
}

}  // namespace rtlane::cli
