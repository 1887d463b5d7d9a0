#include "echo_lines.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <utility>

#include "output.hpp"

namespace rtlane::cli {

EchoLines::EchoLines(EchoStyle style, ElementFormat format, Cut cut, bool frames, bool decoded,
                     std::optional<TickClock> clock)
    : style_(style), format_(std::move(format)), cut_(cut), frames_(frames), decoded_(decoded), clock_(clock)
{}

std::string EchoLines::heading() const
{
  if (style_ != EchoStyle::csv)
    return "";
  std::string row = "seq,lost,skipped";
  if (clock_)
    row += ",age_ns";
  if (frames_)
    row += ",length";
  if (decoded_) {
    for (const std::string& name : format_.columns())
      row += "," + csv_cell(name);
  }
  if (frames_)
    row += ",bytes";
  return row + "\n";
}

void EchoLines::append(std::string& out, const rtlane_observation& seen, const EchoMarks& marks) const
{
  switch (style_) {
    case EchoStyle::text:
      return append_text(out, seen, marks);
    case EchoStyle::json:
      return append_json(out, seen, marks);
    case EchoStyle::csv:
      return append_row(out, seen, marks);
  }
}

std::optional<std::uint64_t> EchoLines::age_ns(const rtlane_observation& seen) const
{
  const std::uint64_t age = ticks() - seen.stamp_ticks;
  if (!clock_ || seen.stamp_ticks == 0 || age > UINT64_MAX / 2)
    return std::nullopt;
  return clock_->ns(age);
}

// Whether the whole copy is one element of the type.
bool EchoLines::fits(const rtlane_observation& seen) const
{
  return decoded_ && seen.length == format_.element_bytes() && seen.byte_count == seen.length;
}

void EchoLines::append_text(std::string& out, const rtlane_observation& seen, const EchoMarks& marks) const
{
  std::string notes;
  const auto note = [&](const std::string& text) { notes += (notes.empty() ? " (" : ", ") + text; };
  if (const auto age = age_ns(seen))
    note(duration_text(*age) + " old");
  if (frames_)
    note(fmt::format("{} bytes", seen.length));
  if (marks.lost != 0)
    note(fmt::format("{} lost", marks.lost));
  if (marks.skipped != 0)
    note(fmt::format("{} skipped", marks.skipped));
  out += fmt::format("#{}{}{}: ", seen.number, notes, notes.empty() ? "" : ")");
  const std::span bytes(static_cast<const std::byte*>(seen.bytes), seen.byte_count);
  if (fits(seen)) {
    format_.append_text(out, bytes);
  } else {
    const std::size_t shown = cut_.bytes == 0 ? bytes.size() : std::min<std::size_t>(bytes.size(), cut_.bytes);
    out += hex_text(bytes.first(shown), 0, false);
    if (shown < seen.length)
      out += "...";
  }
  out += '\n';
}

void EchoLines::append_json(std::string& out, const rtlane_observation& seen, const EchoMarks& marks) const
{
  Json line = {{"schema", "rtlane.echo/1"}, {"seq", seen.number}, {"lost", marks.lost}, {"skipped", marks.skipped}};
  if (const auto age = age_ns(seen))
    line["age_ns"] = *age;
  if (frames_)
    line["length"] = seen.length;
  const std::span bytes(static_cast<const std::byte*>(seen.bytes), seen.byte_count);
  if (fits(seen))
    line["value"] = format_.json(bytes);
  else
    line["bytes"] = hex_text(bytes, cut_.bytes, false);
  // replace: text that is no UTF-8
  out += line.dump(-1, ' ', false, Json::error_handler_t::replace);
  out += '\n';
}

void EchoLines::append_row(std::string& out, const rtlane_observation& seen, const EchoMarks& marks) const
{
  out += fmt::format("{},{},{}", seen.number, marks.lost, marks.skipped);
  if (clock_) {
    const auto age = age_ns(seen);
    out += age ? fmt::format(",{}", *age) : ",";
  }
  if (frames_)
    out += fmt::format(",{}", seen.length);
  const std::span bytes(static_cast<const std::byte*>(seen.bytes), seen.byte_count);
  if (fits(seen))
    format_.append_cells(out, bytes);
  else if (decoded_)
    out.append(format_.columns().size(), ',');
  if (frames_)
    out += fits(seen) ? "," : "," + hex_text(bytes, cut_.bytes, false);
  out += '\n';
}

// ---- standard output

namespace {

constexpr std::size_t piece_bytes = 4096;  // a pipe that has room at all has room for so much (PIPE_BUF)

}  // namespace

EchoOutput::State EchoOutput::flush()
{
  std::string_view rest = text_;
  State state = State::fine;
  while (!rest.empty() && state == State::fine) {
    pollfd ready[] = {{STDOUT_FILENO, POLLOUT, 0}, {signal_fd_, POLLIN, 0}};
    if (poll(ready, std::size(ready), -1) < 0 && errno != EINTR)
      break;
    if (ready[0].revents == 0) {
      state = ready[1].revents != 0 ? State::interrupted : State::fine;
      continue;
    }
    const ssize_t written = write(STDOUT_FILENO, rest.data(), std::min(rest.size(), piece_bytes));
    if (written >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EPIPE) {
      state = State::reader_gone;
    } else if (errno != EINTR && errno != EAGAIN) {
      error_ = errno;
      state = State::failed;
    }
  }
  text_.clear();
  return state == State::fine ? sleep(0) : state;  // a fast stream gives no other time to hear a signal
}

EchoOutput::State EchoOutput::sleep(std::int64_t duration_ns)
{
  pollfd ready[] = {{STDOUT_FILENO, 0, 0}, {signal_fd_, POLLIN, 0}};
  const timespec timeout{static_cast<time_t>(duration_ns / 1'000'000'000),
                         static_cast<long>(duration_ns % 1'000'000'000)};
  if (ppoll(ready, std::size(ready), &timeout, nullptr) <= 0)
    return State::fine;
  if (ready[1].revents != 0)
    return State::interrupted;
  if ((ready[0].revents & (POLLERR | POLLHUP)) != 0)
    return State::reader_gone;
  // Closed: it is told when something is to be written. Nothing is waited for, so wait.
  const timespec rest = timeout;
  nanosleep(&rest, nullptr);
  return State::fine;
}

}  // namespace rtlane::cli
