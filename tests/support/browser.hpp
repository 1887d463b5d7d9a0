// A headless Chromium that opens a page, driven over the pipe of its DevTools protocol: no port, no driver program.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "support/child.hpp"
#include "support/temp_namespace.hpp"

namespace rtlane::test {

// Where Debian's package puts it, or "".
inline std::string chromium_path()
{
  for (const char* path : {"/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"}) {
    if (access(path, X_OK) == 0)
      return path;
  }
  return {};
}

// One page in a browser of its own, which ends with the scope. A Watchdog has to end a test whose browser hangs.
class Browser {
public:
  Browser() : profile_(make_directory("/tmp")), undo_("rm -rf -- '" + profile_ + "'")
  {
    int commands[2];
    int answers[2];
    if (pipe2(commands, O_CLOEXEC) != 0 || pipe2(answers, O_CLOEXEC) != 0)
      throw std::runtime_error("no pipe");
    child_ = Child::start([&] {
      // The protocol is spoken over descriptors 3 and 4. Copies out of their way first.
      const int in = fcntl(commands[0], F_DUPFD_CLOEXEC, 10);
      const int out = fcntl(answers[1], F_DUPFD_CLOEXEC, 10);
      const int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);
      dup2(in, 3);
      dup2(out, 4);
      dup2(quiet, 1);
      dup2(quiet, 2);
      const std::string chromium = chromium_path();
      const std::string profile = "--user-data-dir=" + profile_;
      // no-sandbox: it refuses to be root otherwise, and the page is our own.
      execl(chromium.c_str(), chromium.c_str(), "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-dev-shm-usage", "--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND",
            "--remote-debugging-pipe", profile.c_str(), "about:blank", nullptr);
      _exit(127);
    });
    close(commands[0]);
    close(answers[1]);
    to_ = commands[1];
    from_ = answers[0];
    const auto target = call("Target.createTarget", {{"url", "about:blank"}});
    session_ = call("Target.attachToTarget", {{"targetId", target["targetId"]}, {"flatten", true}})["sessionId"];
    for (const char* domain : {"Page", "Runtime", "Log", "Network"})
      call(std::string(domain) + ".enable");
  }
  Browser(const Browser&) = delete;
  Browser& operator=(const Browser&) = delete;
  ~Browser()
  {
    // In order, so that its helper processes end too before the profile is removed.
    try {
      session_.clear();
      call("Browser.close");
      child_.wait();
    } catch (const std::exception&) {
      child_.kill_now();
    }
    close(to_);
    close(from_);
  }

  void set_width(int px)
  {
    call("Emulation.setDeviceMetricsOverride",
         {{"width", px}, {"height", 800}, {"deviceScaleFactor", 1}, {"mobile", px < 600}});
  }
  void set_dark(bool dark)
  {
    call("Emulation.setEmulatedMedia",
         {{"features", {{{"name", "prefers-color-scheme"}, {"value", dark ? "dark" : "light"}}}}});
  }
  // Returns when the page has loaded.
  void open_file(const std::string& path)
  {
    call("Page.navigate", {{"url", "file://" + path}});
    while (evaluate("document.readyState") != "complete")
      usleep(10'000);
  }
  nlohmann::json evaluate(const std::string& expression)
  {
    const auto answer = call("Runtime.evaluate", {{"expression", expression}, {"returnByValue", true}});
    if (answer.contains("exceptionDetails"))
      throw std::runtime_error(answer["exceptionDetails"].dump());
    return answer["result"].value("value", nlohmann::json());
  }
  // What it has reported so far, e.g. Network.requestWillBeSent.
  std::vector<nlohmann::json> events(const std::string& method) const
  {
    std::vector<nlohmann::json> found;
    for (const auto& event : events_) {
      if (event["method"] == method)
        found.push_back(event["params"]);
    }
    return found;
  }

private:
  nlohmann::json call(const std::string& method, const nlohmann::json& parameters = nlohmann::json::object())
  {
    nlohmann::json message = {{"id", ++last_id_}, {"method", method}, {"params", parameters}};
    if (!session_.empty())
      message["sessionId"] = session_;
    std::string bytes = message.dump();
    bytes += '\0';
    for (std::size_t sent = 0; sent < bytes.size();) {
      const ssize_t written = write(to_, bytes.data() + sent, bytes.size() - sent);
      if (written <= 0)
        throw std::runtime_error("the browser has ended");
      sent += static_cast<std::size_t>(written);
    }
    for (;;) {
      const nlohmann::json answer = next();
      if (answer.value("id", 0) == last_id_) {
        if (answer.contains("error"))
          throw std::runtime_error(method + ": " + answer["error"].dump());
        return answer["result"];
      }
      if (answer.contains("method"))
        events_.push_back(answer);
    }
  }

  nlohmann::json next()
  {
    std::size_t end = 0;
    while ((end = buffer_.find('\0')) == std::string::npos) {
      char bytes[1 << 16];
      const ssize_t got = read(from_, bytes, sizeof bytes);
      if (got <= 0)
        throw std::runtime_error("the browser has ended");
      buffer_.append(bytes, static_cast<std::size_t>(got));
    }
    const auto message = nlohmann::json::parse(buffer_.substr(0, end));
    buffer_.erase(0, end + 1);
    return message;
  }

  std::string profile_;
  Undo undo_;
  Child child_;
  int to_ = -1;
  int from_ = -1;
  int last_id_ = 0;
  std::string session_;
  std::string buffer_;
  std::vector<nlohmann::json> events_;
};

}  // namespace rtlane::test
