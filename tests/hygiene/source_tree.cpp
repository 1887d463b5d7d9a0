#include "source_tree.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>

namespace hygiene {
namespace {

std::vector<std::string> split_lines(std::string_view text)
{
  std::vector<std::string> lines;
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

// Copies the text twice: once without comments and literals, once only the comments. Lines stay where they are.
class Splitter {
public:
  explicit Splitter(std::string_view text) : text_(text) {}

  void run()
  {
    while (at_ < text_.size()) {
      if (starts_with("//"))
        take_until("\n", comments_, code_);
      else if (starts_with("/*"))
        take_past("*/", comments_, code_);
      else if (starts_with("R\"") && !follows_a_word())
        take_raw_string();
      else if (text_[at_] == '"' || (text_[at_] == '\'' && !follows_a_word()))
        take_literal(text_[at_]);
      else
        put(code_, comments_);
    }
  }

  [[nodiscard]] std::vector<std::string> code() const { return split_lines(code_); }
  [[nodiscard]] std::vector<std::string> comments() const { return split_lines(comments_); }

private:
  [[nodiscard]] bool starts_with(std::string_view prefix) const { return text_.substr(at_).starts_with(prefix); }

  // 1'000'000 is a number; foo_R"x" is a string.
  [[nodiscard]] bool follows_a_word() const
  {
    return at_ > 0 && (std::isalnum(static_cast<unsigned char>(text_[at_ - 1])) != 0 || text_[at_ - 1] == '_');
  }

  void put(std::string& kept, std::string& blanked)
  {
    const char c = text_[at_++];
    kept += c;
    blanked += c == '\n' ? '\n' : ' ';
  }

  void blank()
  {
    const char c = text_[at_++];
    code_ += c == '\n' ? '\n' : ' ';
    comments_ += c == '\n' ? '\n' : ' ';
  }

  void take_until(std::string_view end, std::string& kept, std::string& blanked)
  {
    const std::size_t stop = std::min(text_.find(end, at_), text_.size());
    while (at_ < stop)
      put(kept, blanked);
  }

  void take_past(std::string_view end, std::string& kept, std::string& blanked)
  {
    const std::size_t found = text_.find(end, at_ + 2);
    const std::size_t stop = found == std::string_view::npos ? text_.size() : found + end.size();
    while (at_ < stop)
      put(kept, blanked);
  }

  void take_literal(char quote)
  {
    put(code_, comments_);
    while (at_ < text_.size() && text_[at_] != quote && text_[at_] != '\n') {
      if (text_[at_] == '\\' && at_ + 1 < text_.size())
        blank();
      blank();
    }
    if (at_ < text_.size() && text_[at_] == quote)
      put(code_, comments_);
  }

  void take_raw_string()
  {
    const std::size_t open = text_.find('(', at_);
    const std::string end = ")" + std::string(text_.substr(at_ + 2, open - at_ - 2)) + "\"";
    const std::size_t found = text_.find(end, at_);
    const std::size_t stop = found == std::string_view::npos ? text_.size() : found + end.size();
    while (at_ < stop)
      blank();
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string code_;
  std::string comments_;
};

std::string read_file(const std::filesystem::path& path)
{
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

}  // namespace

SourceFile::SourceFile(std::string path_from_root, std::string_view text)
    : path(std::move(path_from_root)), lines(split_lines(text))
{
  if (is_c_family()) {
    Splitter splitter(text);
    splitter.run();
    code = splitter.code();
    comments = splitter.comments();
  } else {
    code = lines;
    comments.resize(lines.size());
  }
}

bool SourceFile::is_in(std::string_view folder) const
{
  return path.starts_with(folder) && path.size() > folder.size() && path[folder.size()] == '/';
}

bool SourceFile::has_extension(std::initializer_list<std::string_view> extensions) const
{
  return std::any_of(extensions.begin(), extensions.end(),
                     [this](std::string_view extension) { return path.ends_with(extension); });
}

Tree read_tree(const std::filesystem::path& root)
{
  namespace fs = std::filesystem;
  Tree tree;
  const auto add = [&](const fs::directory_entry& entry) {
    if (entry.is_regular_file() && !entry.is_symlink())
      tree.emplace_back(fs::relative(entry.path(), root).generic_string(), read_file(entry.path()));
  };
  for (const auto& entry : fs::directory_iterator(root))
    add(entry);
  for (const char* folder : {".ci", "core", "channels", "rt", "bench", "examples", "tests"})
    if (fs::is_directory(root / folder))
      for (const auto& entry : fs::recursive_directory_iterator(root / folder))
        add(entry);
  std::sort(tree.begin(), tree.end(), [](const SourceFile& a, const SourceFile& b) { return a.path < b.path; });
  return tree;
}

std::string to_text(const Findings& findings)
{
  std::string text;
  for (const Finding& finding : findings)
    text += finding.path + ":" + std::to_string(finding.line) + ": " + finding.message + "\n";
  return text;
}

}  // namespace hygiene
