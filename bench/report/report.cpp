// rtlane-bench report: a document of rtlane-bench as a page for people.
#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "../benchmarks.hpp"
#include "../support/document_text.hpp"
#include "options.hpp"
#include "output.hpp"
#include "output_file.hpp"
#include "page.hpp"
#include "read_run.hpp"

namespace rtlane::bench {
namespace {

constexpr char manual[] =
    R"(RUN.json is what 'rtlane-bench latency', 'throughput', 'stalls', 'noise' and 'all' write by --json: a document of schema
"rtlane.bench/1"; '-' is standard input. The page is one HTML file that needs nothing else: no script, no fonts or
pictures from elsewhere. It shows what is in the document and trims nothing; what the document lacks it says.

The page is written to RUN.html beside RUN.json, and for '-' to standard output. An old file of that name keeps its
content until the new one is whole.

Exit status: 0 written; 1 it could not be; 2 wrong usage, or a document that cannot be read or understood: the sentence
has the path of the key that is wrong.)";

// "RUN.json" gives "RUN.html", "run" gives "run.html".
std::string page_beside(const std::string& document)
{
  static constexpr std::string_view ending = ".json";
  return (document.ends_with(ending) ? document.substr(0, document.size() - ending.size()) : document) + ".html";
}

}  // namespace

int report_page(int argc, char** argv)
{
  cli::Command command("A document of rtlane-bench as one HTML page.", "rtlane-bench report", manual);
  std::string document;
  std::string page_path;
  command.option("RUN.json", document, "The document; - is standard input").required();
  const cli::Option output =
      command.option("-o,--output", page_path, "Where the page goes; - is standard output (default: RUN.html)")
          .type_name("FILE.html");
  if (const auto status = command.parse(argc, argv))
    return *status;
  if (output.count() == 0)
    page_path = document == "-" ? "-" : page_beside(document);

  cli::OutputFile file;
  if (const auto opened = file.open(page_path); !opened)
    return command.fail(opened.error().message, cli::usage);
  if (file.is_same_file(document))
    return command.fail(fmt::format("-o {}: that is the document; name another file", page_path), cli::usage);
  const auto text = read_document_text(document);
  if (!text)
    return command.fail(text.error().message, cli::usage);
  const auto run = report::read_run(*text);
  if (!run)
    return command.fail(fmt::format("{}: {}", document, run.error().message), cli::usage);

  const std::string name = document == "-" ? "standard input" : document.substr(document.rfind('/') + 1);
  if (const int error = file.write(report::page(*run, name)); error != 0)
    return command.fail(fmt::format("the page could not be written to {}: {}", file.path(), std::strerror(error)));
  return cli::good;
}

}  // namespace rtlane::bench
