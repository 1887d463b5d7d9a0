#include "roudi.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fstream>
#include <sstream>

#include "descriptor.hpp"
#include "ending_roudis.hpp"
#include "link.hpp"

namespace rtlane::bench {
namespace {

constexpr char who[] = "iceoryx";

constexpr char directory_prefix[] = "/tmp/rtlane-roudi-";
// RouDi has 5 s to end, see below.
constexpr std::chrono::seconds patience{15};

// The guardian: a shell in a session of its own, since a forked copy of this process would hold its memory. $1 is the
// directory, whose name is the prefix of what processes register. Monitoring is off, because it takes processes whose
// keep-alive thread does not get the CPU for dead, as happens below a thread that polls with a real-time policy.
// RouDi 2.0.3 aborts when it is told to end and a process that had registered is gone; then what it names in its log
// and its fixed names are removed here. Descriptor 3 is the lock that says that the guardian and RouDi are there, for
// who comes next (ending_roudis.hpp). It hangs for ever on a lock that a process was killed with; then it is killed.
constexpr char guardian_script[] = R"(
ulimit -c 0
setpriv --pdeathsig TERM iox-roudi --monitoring-mode off --kill-delay 1 --config-file "$1/roudi.toml" \
  >"$1/log" 2>&1 </dev/null &
roudi=$!
read -r line
: >"$1/ending"
kill -TERM $roudi 2>/dev/null
( sleep 5; kill -KILL $roudi ) 2>/dev/null 3>&- &
killer=$!
wait $roudi
ending=$?
kill $killer 2>/dev/null
if [ $ending -ne 0 ] && grep -q 'ready for clients' "$1/log"; then
  sed -n 's/^Reserving .* \[\([^]/]*\)\]$/\1/p' "$1/log" | while read -r segment; do rm -f -- "/dev/shm/$segment"; done
  rm -f /tmp/roudi /tmp/roudi.lock /tmp/iox-unique-roudi.lock
fi
rm -rf -- "$1" "$1"-*
)";

// A pool for each message size: what two full queues and their ends hold, several times.
std::string pools()
{
  std::string text = "[general]\nversion = 1\n[[segment]]\n";
  for (const std::size_t bytes : message_sizes)
    text += "[[segment.mempool]]\nsize = " + std::to_string(bytes) + "\ncount = 4096\n";
  return text;
}

std::string read_whole(const std::string& path)
{
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// RouDi needs some CPU while the sides find each other, also when its user is pinned and has a real-time policy; and it
// is ended by a signal.
void be_ordinary()
{
  const sched_param none = {};
  sched_setscheduler(0, SCHED_OTHER, &none);
  cpu_set_t all;
  CPU_ZERO(&all);
  for (std::size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    CPU_SET(cpu, &all);
  sched_setaffinity(0, sizeof all, &all);
  sigset_t nothing;
  sigemptyset(&nothing);
  sigprocmask(SIG_SETMASK, &nothing, nullptr);
}

class Guardian {
public:
  // iceoryx puts its own sockets and locks into /tmp, whatever TMPDIR says.
  Guardian() : directory_(std::string(directory_prefix) + "XXXXXX"), owner_(getpid())
  {
    if (const std::string problem = await_ending_roudis(directory_prefix, patience); !problem.empty())
      die(problem);
    must(mkdtemp(directory_.data()) != nullptr, who);
    std::ofstream(directory_ + "/owner") << owner_ << '\n';
    std::ofstream(directory_ + "/roudi.toml") << pools();
    start_shell();
  }
  Guardian(const Guardian&) = delete;
  Guardian& operator=(const Guardian&) = delete;

  // Returns when RouDi has ended.
  ~Guardian()
  {
    if (getpid() != owner_)
      return;
    const char order = '\n';
    if (write(order_.get(), &order, 1) == 1)
      waitpid(shell_, nullptr, 0);
  }

  [[nodiscard]] const std::string& directory() const { return directory_; }

  void await_roudi() const
  {
    const timespec pause = {0, 10'000'000};
    std::string said;
    for (int pauses = 0; pauses < 1000; ++pauses) {
      said = read_whole(directory_ + "/log");
      if (said.find("RouDi is ready for clients") != std::string::npos ||
          said.find("is RouDi still running?") != std::string::npos)
        return;
      nanosleep(&pause, nullptr);
    }
    die("iox-roudi did not come up in 10 s (its package is iceoryx): " + said);
  }

private:
  // The shell reads its orders from a pipe: that ends when nobody is left who could write.
  void start_shell()
  {
    std::array<int, 2> order{};
    must(pipe2(order.data(), O_CLOEXEC) == 0, who);
    order_ = Descriptor(order[1]);
    const Descriptor order_for_shell(order[0]);
    shell_ = fork();
    must(shell_ >= 0, who);
    if (shell_ == 0) {
      setsid();
      be_ordinary();
      const int null = open("/dev/null", O_RDWR);
      if (dup2(order[0], 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
        _exit(127);
      if (dup2(open((directory_ + "/alive").c_str(), O_CREAT | O_RDWR, 0600), 3) < 0 || flock(3, LOCK_SH) != 0)
        _exit(127);
      for (int fd = 4; fd < 1024; ++fd)
        close(fd);
      execl("/bin/sh", "sh", "-c", guardian_script, "sh", directory_.c_str(), static_cast<char*>(nullptr));
      _exit(127);
    }
  }

  std::string directory_;
  pid_t owner_;
  Descriptor order_;
  pid_t shell_ = -1;
};

const Guardian& guardian()
{
  static const Guardian the_one;
  return the_one;
}

}  // namespace

void start_roudi()
{
  guardian();
}

void need_roudi()
{
  guardian().await_roudi();
}

const std::string& roudi_name_prefix()
{
  static const std::string prefix = guardian().directory().substr(guardian().directory().rfind('/') + 1) + "-";
  return prefix;
}

}  // namespace rtlane::bench
