// rtlane-bench export: the histograms and figures of a document in the formats of other tools.
#include <fmt/format.h>

#include <cstring>
#include <ctime>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "../benchmarks.hpp"
#include "../support/document.hpp"
#include "../support/hgrm.hpp"
#include "../support/hlog.hpp"
#include "csv.hpp"
#include "histograms.hpp"
#include "options.hpp"
#include "output.hpp"
#include "output_file.hpp"

namespace rtlane::bench {
namespace {

constexpr char manual[] =
    R"(RUN.json is a document of schema rtlane.bench/1. At least one of the formats has to be asked for.

--hgrm DIR   a file for each histogram, DIR/NAME.hgrm, as HdrHistogram prints percentiles, in ns; DIR is made if needed.
             NAME is that of the result with its bytes and mode, "-service" for service times of an open loop, and
             noise-cpuN.
--hlog FILE  an interval log of HdrHistogram (version 1.3): a line for each histogram, tagged with NAME, in ns. All cover
             the whole run.
--csv FILE   a row for each result.

HdrHistogram has no 32 buckets a power of two. Two significant digits are taken, whose buckets are cut where ours are:
what its readers state as a value is exactly the bound of our bucket. hdr-histogram-js prints of the .hlog what is in the
.hgrm, if it is told to count with 64 bits.

Files are whole or what they were before. Exit status: 0 written; 1 a file could not be written; 2 wrong usage, or a file
that is no such document, or holds no histogram for --hgrm and --hlog.)";

// "2026-11-25T20:00:00Z"
std::int64_t start_unix_s(const Place& document)
{
  const Place started = document.at("started");
  const std::string text = started.text();
  std::tm utc{};
  const char* const end = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &utc);
  if (end == nullptr || (*end != 'Z' && *end != '.') || text.back() != 'Z')
    started.refuse("is no time like 2026-11-25T20:00:00Z");
  return timegm(&utc);
}

struct File {
  std::string path;
  std::string text;
};

}  // namespace

int export_run(int argc, char** argv)
{
  cli::Command command("Histograms and figures of a run in the formats of other tools.", "rtlane-bench export", manual);
  std::string run;
  std::string hgrm_folder;
  std::string hlog_file;
  std::string csv_file;
  command.option("RUN.json", run, "Document of the run").required();
  command.option("--hgrm", hgrm_folder, "Folder for percentile files").type_name("DIR");
  command.option("--hlog", hlog_file, "HdrHistogram interval log").type_name("FILE");
  command.option("--csv", csv_file, "Table of the results").type_name("FILE");
  if (const auto status = command.parse(argc, argv))
    return *status;
  if (hgrm_folder.empty() && hlog_file.empty() && csv_file.empty())
    return command.fail("nothing to write: give --hgrm DIR, --hlog FILE or --csv FILE", cli::usage);

  std::vector<File> files;
  try {
    const cli::Json json = read_document(run);
    const Place document(json, run);
    const std::vector<NamedHistogram> histograms = histograms_of(document);
    if (histograms.empty() && !(hgrm_folder.empty() && hlog_file.empty()))
      document.refuse("holds no histogram");
    if (!hgrm_folder.empty()) {
      for (const NamedHistogram& one : histograms)
        files.push_back({hgrm_folder + "/" + one.name + ".hgrm", hgrm_text(one.histogram)});
    }
    if (!hlog_file.empty()) {
      std::string log = hlog_head(start_unix_s(document));
      for (const NamedHistogram& one : histograms)
        log += hlog_line(one.name, 0, document.find_number("duration_s").value_or(0), one.histogram);
      files.push_back({hlog_file, log});
    }
    if (!csv_file.empty())
      files.push_back({csv_file, csv_text(document)});
  } catch (const BadDocument& bad) {
    return command.fail(bad.what(), cli::usage);
  }

  if (!hgrm_folder.empty()) {
    std::error_code error;
    std::filesystem::create_directories(hgrm_folder, error);
    if (error)
      return command.fail(fmt::format("{}: the folder cannot be made: {}", hgrm_folder, error.message()));
  }
  for (const File& file : files) {
    cli::OutputFile output;
    if (const auto opened = output.open(file.path); !opened)
      return command.fail(opened.error().message);
    if (const int error = output.write(file.text); error != 0)
      return command.fail(fmt::format("{}: cannot be written: {}", file.path, std::strerror(error)));
  }
  return cli::good;
}

}  // namespace rtlane::bench
