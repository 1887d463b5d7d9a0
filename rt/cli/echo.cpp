// rtlane echo NAME
#include <fmt/format.h>
#include <rtlane/channels/observe.hpp>
#include <rtlane/channels/type_table.hpp>
#include <rtlane/rt/clock.hpp>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstring>
#include <optional>
#include <utility>

#include "attached.hpp"
#include "demo/process.hpp"
#include "echo_lines.hpp"
#include "options.hpp"
#include "output.hpp"
#include "subcommands.hpp"

namespace rtlane::cli {
namespace {

constexpr char manual[] =
    R"(Prints what goes through the channel NAME, a line for each element, decoded by the field table in the channel:

  #12: t_ns=120 gyro=[0.5 1 -2] mode=run name="left"
  #15 (2 lost): t_ns=150 gyro=[0.5 1 -1] mode=run name="left"

Nobody notices: the memory is mapped read-only, no role and no participant's place is taken, no element is consumed, no
word is written. What is copied while its writer may be at it is shown only when it is proved whole.

It begins with what was published last, and goes on until the stream is ended by its writer (--follow: goes on even
then), until nobody else holds the channel, after --count lines, or with Ctrl-C. A killed writer is waited for: another
one may take over.

What is not shown is counted: "lost" was gone before it could be copied, "skipped" was left out because of --rate.

  Snapshot, PinnedSnapshot    the latest value, whenever it is another one; values between two looks are lost
  Broadcast, FrameBroadcast   every element, as a subscriber; lost when the writer is a whole ring ahead
  SpscRing, MpmcRing          every element, also after it was consumed, until its slot is needed again (where stores are
                              not seen in order, as on AArch64: until it is consumed)
                              (of an isolated MpmcRing nothing can be shown yet, which is said)
  FrameRing                   frames that are waiting; what the consumer takes at once is lost, counted in bytes

The number after # counts the elements since the channel was made (snapshots: from 1; FrameRing: bytes). A frame is
decoded when the channel says more of its type than bytes and the length is the type's; else it is shown as bytes.

--json: one JSON object a line: {"schema": "rtlane.echo/1", "seq", "lost", "skipped", "age_ns" (of a snapshot that was
stored with a time), "length" (of a frame), "value": {field: value} or "bytes": "0x..."}. Floats that JSON does not have
are "nan", "inf", "-inf"; enums are their names, or numbers without one; text that is no UTF-8 has U+FFFD in it.
--csv: a heading, then a row for each: seq,lost,skipped[,age_ns][,length],FIELD...[,bytes]; arrays and structs have a
column for each value.

Exit status: 0 ended as said above; 1 there is no such channel, it is damaged, or standard output cannot be written
(that its reader went away is no failure); 2 wrong usage.)";

constexpr std::int64_t look_again_ns = 1'000'000;     // nothing new: how long to the next look
constexpr std::int64_t look_round_ns = 200'000'000;   // nothing new: how often to ask who is left
constexpr std::uint32_t text_items = 64;              // of an array, when --items does not say
constexpr std::uint32_t text_bytes = 64;              // of bytes, when --bytes does not say
constexpr std::size_t lines_at_once_bytes = 1 << 16;  // written before the next look
constexpr int hurries_max = 64;                       // looks without a rest when each finds losses only

struct Options {
  std::string name;
  std::uint64_t count = 0;  // 0: no end
  double rate_hz = 0;       // 0: no limit
  ObserveFrom from = ObserveFrom::newest;
  EchoStyle style = EchoStyle::text;
  Cut cut;
  bool follow = false;
};

// Why it came to an end.
enum class End { none, counted, interrupted, reader_gone, ended, alone, damaged, output_failed, no_memory };

class Echo {
public:
  Echo(const Options& options, const Entry& entry, const ChannelRef& channel, Observer observer, EchoLines lines,
       int signal_fd)
      : options_(options),
        entry_(entry),
        channel_(channel),
        observer_(std::move(observer)),
        lines_(std::move(lines)),
        output_(signal_fd)
  {}

  End run()
  {
    output_.text() += lines_.heading();
    End end = End::none;
    while (end == End::none)
      end = look();
    // What was shown before the end is not to be missed, and is not written twice.
    const End flushed = of(output_.flush());
    return flushed == End::none || end == End::interrupted ? end : flushed;
  }

  [[nodiscard]] int error() const { return output_.error(); }

  [[nodiscard]] std::string summary(End end) const
  {
    const bool bytes = channel_.layout().kind == RTLANE_CHANNEL_FRAME_RING;
    std::string text = fmt::format("{} shown, {}{} lost", shown_, lost_, bytes ? " bytes" : "");
    if (options_.rate_hz != 0)
      text += fmt::format(", {}{} skipped", skipped_, bytes ? " bytes" : "");
    const char* why = end == End::ended   ? "the stream has ended"
                      : end == End::alone ? "nobody else holds the channel any more"
                                          : "interrupted";
    return fmt::format("{} ({})", text, why);
  }

private:
  static End of(EchoOutput::State state)
  {
    switch (state) {
      case EchoOutput::State::interrupted:
        return End::interrupted;
      case EchoOutput::State::reader_gone:
        return End::reader_gone;
      case EchoOutput::State::failed:
        return End::output_failed;
      default:
        return End::none;
    }
  }

  // Writes what there is and rests.
  End rest(std::int64_t duration_ns)
  {
    hurries_ = 0;
    const End end = of(output_.flush());
    return end != End::none ? end : of(output_.sleep(duration_ns));
  }

  End look()
  {
    if (options_.rate_hz != 0 && shown_ != 0) {
      if (const std::int64_t wait_ns = due_ns_ - rt::now_ns(); wait_ns > 0)
        return rest(wait_ns);
      marks_.skipped += observer_.skip();
    }
    switch (observer_.next(seen_)) {
      case Status::ok:
        return show();
      case Status::lost:
        marks_.lost += seen_.lost;
        lost_ += seen_.lost;
        return ++hurries_ < hurries_max ? of(output_.sleep(0)) : rest(look_again_ns);
      case Status::closed:
        if (!options_.follow)
          return End::ended;
        return nothing_new();
      case Status::corrupt:
        return End::damaged;
      case Status::too_large:
        return End::no_memory;
      default:
        return nothing_new();
    }
  }

  End show()
  {
    marks_.lost += seen_.lost;
    lost_ += seen_.lost;
    skipped_ += marks_.skipped;
    lines_.append(output_.text(), seen_, marks_);
    marks_ = {};
    quiet_since_ns_ = 0;
    alone_ = 0;
    hurries_ = 0;
    ++shown_;
    if (options_.rate_hz != 0)
      due_ns_ = rt::now_ns() + static_cast<std::int64_t>(std::llround(1e9 / options_.rate_hz));
    if (shown_ == options_.count)
      return End::counted;
    return output_.text().size() < lines_at_once_bytes ? End::none : of(output_.flush());
  }

  End nothing_new()
  {
    const std::int64_t now_ns = rt::now_ns();
    if (quiet_since_ns_ == 0)
      quiet_since_ns_ = now_ns;
    if (now_ns - quiet_since_ns_ >= look_round_ns) {
      quiet_since_ns_ = now_ns;
      if (look_round())
        return End::alone;
    }
    return rest(look_again_ns);
  }

  // Whether nobody else holds the channel. It would be kept from being made anew by who only looks on.
  bool look_round()
  {
    // One reading can miss a lock: three in a row do not.
    alone_ = locks_of(entry_) <= 1 ? alone_ + 1 : 0;
    const bool killed = is_killed();
    if (killed && !killed_told_)
      say_err(fmt::format("rtlane echo: the {} was killed; waiting for another one\n",
                          rtlane_channel_role_name(channel_.layout().kind, RTLANE_ROLE_PRODUCER)));
    killed_told_ = killed;
    return alone_ >= 3;
  }

  [[nodiscard]] bool is_killed() const
  {
    const rtlane_channel_info info = channel_.info();
    return info.producer_alive == 0 && (info.marked & RTLANE_MARKED_PRODUCER) != 0;
  }

  const Options& options_;
  const Entry& entry_;
  ChannelRef channel_;
  Observer observer_;
  EchoLines lines_;
  EchoOutput output_;
  rtlane_observation seen_ = Observer::observation();
  EchoMarks marks_;  // for the next line
  std::uint64_t shown_ = 0;
  std::uint64_t lost_ = 0;
  std::uint64_t skipped_ = 0;
  std::int64_t due_ns_ = 0;          // of the next line
  std::int64_t quiet_since_ns_ = 0;  // 0: something new came last
  int hurries_ = 0;
  int alone_ = 0;
  bool killed_told_ = false;
};

// The channel's table and how its elements are written, or the sentence.
expected<EchoLines> lines_for(const ChannelRef& channel, const Options& options)
{
  const auto table = TypeTable::of(channel);
  if (!table)
    return unexpected(table.error());
  auto format = ElementFormat::of(*table, options.cut);
  if (!format)
    return unexpected(format.error());
  const rtlane_channel_layout layout = channel.layout();
  const bool frames = layout.frame_bytes_max != 0;
  // The types that the library gives to frames of which nothing is known.
  const bool plain = frames && table->name() == "Bytes";
  const bool stamped = layout.kind == RTLANE_CHANNEL_SNAPSHOT || layout.kind == RTLANE_CHANNEL_PINNED_SNAPSHOT;
  std::optional<TickClock> clock;
  if (stamped)
    clock = TickClock::calibrate(20'000'000);
  return EchoLines(options.style, std::move(*format), options.cut, frames, !plain, clock);
}

// How much of a frame has to be copied: what is shown of it, and an element whole. 0: all.
std::uint64_t frame_bytes_of(const ChannelRef& channel, const Options& options)
{
  const rtlane_channel_layout layout = channel.layout();
  return options.cut.bytes == 0 ? 0 : std::max<std::uint64_t>(options.cut.bytes, layout.element_bytes);
}

expected<Attached> attach_channel(const Entry& entry)
{
  const std::string name = entry.name;
  const auto refuse = [&](const std::string& what) { return unexpected(Error{ENOMSG, what}); };
  if (entry.kind != RTLANE_KIND_SHARED_MEMORY)
    return refuse(fmt::format("'{}' is {} {}, no channel", name, entry.kind == RTLANE_KIND_EVENT ? "an" : "a",
                              kind_text(entry.kind)));
  if (entry.state == RTLANE_ENTRY_ORPHAN)
    return refuse(
        fmt::format("nobody holds '{}', its processes were killed; 'rtlane gc' or the next create removes it", name));
  if (entry.state != RTLANE_ENTRY_LIVE)
    return refuse(fmt::format("'{}' cannot be looked into: {}: {}", name, state_text(entry.state), entry.problem));
  auto attached = attach(name);
  if (!attached)
    return attached;
  if (!attached->channel_problem.empty())
    return refuse(attached->channel_problem);
  if (!attached->channel)
    return refuse(
        fmt::format("'{}' holds no channel: it is shared memory of another use; 'rtlane info' describes it", name));
  return attached;
}

// Fills the options; the value is the exit status when there is nothing left to do.
std::optional<int> read_options(Command& command, int argc, char** argv, Options& options)
{
  bool once = false;
  bool json = false;
  bool csv = false;
  std::uint32_t items = text_items;
  std::uint32_t bytes = text_bytes;
  std::string from = "newest";
  command.option("NAME", options.name, "Full name of the channel");
  const Option count = command.option("-n,--count", options.count, "End after so many lines")
                           .in_range(std::uint64_t{1}, std::uint64_t{1} << 62);
  command.flag("-1,--once", once, "End after one line, as --count 1").excludes(count);
  command.option("-r,--rate", options.rate_hz, "At most so many lines a second; what comes between is skipped")
      .type_name("HZ")
      .in_range(1e-3, 1e6);
  command
      .option("--from", from,
              "Begin with the newest element (the default), with the oldest that is there (of a ring: that waits), or "
              "with the next")
      .one_of({"oldest", "newest", "next"});
  command.flag("-f,--follow", options.follow, "Go on when the stream is ended: another writer may come");
  const Option json_flag = command.flag("--json", json, "A JSON object a line");
  command.flag("--csv", csv, "A heading and a row for each element").excludes(json_flag);
  const Option items_option = command.option("--items", items,
                                             "Of an array show so many; 0: all (the default is 64, with "
                                             "--json and --csv all)");
  const Option bytes_option = command.option("--bytes", bytes,
                                             "Of bytes and frames show so many; 0: all (the default is 64, "
                                             "with --json and --csv all)");
  if (const auto status = command.parse(argc, argv))
    return status;
  if (options.name.empty())
    return command.fail("NAME is missing; 'rtlane echo --help' is the manual", usage);
  options.count = once ? 1 : options.count;
  options.style = json ? EchoStyle::json : csv ? EchoStyle::csv : EchoStyle::text;
  const bool whole = options.style != EchoStyle::text;
  options.cut.items = whole && items_option.count() == 0 ? 0 : items;
  options.cut.bytes = whole && bytes_option.count() == 0 ? 0 : bytes;
  options.from = from == "oldest" ? ObserveFrom::oldest : from == "next" ? ObserveFrom::next : ObserveFrom::newest;
  return std::nullopt;
}

}  // namespace

int echo(int argc, char** argv)
{
  Command command("Print the elements of a channel without disturbing it.", "rtlane echo", manual);
  Options options;
  if (const auto status = read_options(command, argc, argv, options))
    return *status;

  const int signal_fd = demo::take_signals({SIGINT, SIGTERM, SIGHUP});
  const auto entries = list_objects();
  if (!entries)
    return command.fail(entries.error().message);
  const auto entry = find_object(options.name, *entries);
  if (!entry)
    return command.fail(entry.error().message);
  const auto attached = attach_channel(*entry);
  if (!attached)
    return command.fail(attached.error().message);
  auto lines = lines_for(attached->channel, options);
  if (!lines)
    return command.fail(lines.error().message);
  auto observer = Observer::of(attached->channel, options.from, frame_bytes_of(attached->channel, options));
  if (!observer)
    return command.fail(observer.error().message);

  Echo run(options, *entry, attached->channel, std::move(*observer), std::move(*lines), signal_fd);
  const End end = run.run();
  switch (end) {
    case End::damaged:
      return command.fail(
          fmt::format("channel '{}' is damaged: there are words in it that no writer writes", options.name));
    case End::no_memory:
      return command.fail("no memory for a copy of an element");
    case End::output_failed:
      return command.fail(fmt::format("standard output cannot be written: {}", std::strerror(run.error())));
    case End::counted:
    case End::reader_gone:
      return good;
    default:
      return command.fail(run.summary(end), good);
  }
}

}  // namespace rtlane::cli
