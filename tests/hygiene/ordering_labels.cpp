#include <algorithm>
#include <cctype>
#include <map>
#include <regex>

#include "checks.hpp"

namespace hygiene {
namespace {

// The lines of one statement, from 0, and the comments that belong to it.
struct Statement {
  std::size_t first = 0;
  std::size_t last = 0;
  std::string comment;
};

struct Use {
  std::size_t line = 0;
  bool acquires = false;
  bool releases = false;
};

// label -> partner -> where
using Labels = std::map<std::string, std::map<std::string, Use>>;

const std::regex order_name(R"((?:memory_order(?:_|::)|__ATOMIC_)(relaxed|consume|acquire|release|acq_rel|seq_cst)\b)",
                            std::regex::icase);

bool is_blank(const std::string& text)
{
  return text.find_first_not_of(" \t\\") == std::string::npos;
}

bool ends_a_statement(const std::string& code)
{
  const std::size_t last = code.find_last_not_of(" \t\\");
  return last == std::string::npos || std::string(";{}:").find(code[last]) != std::string::npos || code[0] == '#';
}

bool is_comment_only(const SourceFile& file, std::size_t line)
{
  return is_blank(file.code[line]) && !is_blank(file.comments[line]);
}

// The comment lines that end just above `line`.
std::string comment_above(const SourceFile& file, std::size_t line)
{
  std::string comment;
  while (line > 0 && is_comment_only(file, line - 1))
    comment = file.comments[--line] + " " + comment;
  return comment;
}

Statement statement_around(const SourceFile& file, std::size_t line)
{
  Statement statement{line, line, ""};
  while (statement.first > 0 && !ends_a_statement(file.code[statement.first - 1]))
    --statement.first;
  while (statement.last + 1 < file.code.size() && !ends_a_statement(file.code[statement.last]))
    ++statement.last;
  statement.comment = comment_above(file, statement.first);
  for (std::size_t i = statement.first; i <= statement.last; ++i)
    statement.comment += " " + file.comments[i];
  return statement;
}

// Whether a comment above in the same paragraph says why its operations are relaxed: "// relaxed: ..." holds for all
// the lines below it up to the next blank one, be they stores in a row or a small function.
bool paragraph_says_relaxed(const SourceFile& file, std::size_t line)
{
  for (; line > 0 && !is_blank(file.lines[line - 1]); --line)
    if (is_comment_only(file, line - 1) && file.comments[line - 1].find("elaxed") != std::string::npos)
      return true;
  return false;
}

std::set<std::string> labels_in(const std::string& text)
{
  static const std::regex label(R"(\b[A-Z]{1,3}[0-9]+[a-z]?\b)");
  std::set<std::string> labels;
  for (std::sregex_iterator it(text.begin(), text.end(), label), end; it != end; ++it)
    labels.insert(it->str());
  return labels;
}

// "A1 and A2, pairs with B1, B2 and B3"; the order may stand behind the label: "A1 acquire, pairs with B1".
void read_labels(const Statement& statement, const Use& use, Labels& labels)
{
  static const std::regex note(
      R"(((?:[A-Z]{1,3}[0-9]+[a-z]?(?: acquire| release| acq_rel| seq_cst)?(?:, | and )?)+),? )"
      R"(pairs? with ((?:(?:, | and |,? or )?[A-Z]{1,3}[0-9]+[a-z]?\b)+))");
  for (std::sregex_iterator it(statement.comment.begin(), statement.comment.end(), note), end; it != end; ++it)
    for (const std::string& label : labels_in((*it)[1]))
      for (const std::string& partner : labels_in((*it)[2])) {
        Use& known = labels[label].emplace(partner, use).first->second;
        known.acquires |= use.acquires;
        known.releases |= use.releases;
      }
}

// The lines of the file's first comment that have an arrow.
std::vector<std::string> table_of(const SourceFile& file)
{
  std::vector<std::string> table;
  for (std::size_t i = 0; i < file.lines.size() && is_blank(file.code[i]); ++i)
    if (file.comments[i].find("->") != std::string::npos)
      table.push_back(file.comments[i]);
  return table;
}

bool table_has(const std::vector<std::string>& table, const std::string& a, const std::string& b)
{
  return std::any_of(table.begin(), table.end(), [&](const std::string& line) {
    const std::set<std::string> labels = labels_in(line);
    return labels.count(a) != 0 && labels.count(b) != 0;
  });
}

// What the orders named in the statement do to other threads' memory.
Use use_of(const SourceFile& file, const Statement& statement, std::size_t line)
{
  static const std::set<std::string> acquiring = {"acquire", "consume", "acq_rel", "seq_cst"};
  static const std::set<std::string> releasing = {"release", "acq_rel", "seq_cst"};
  Use use{line, false, false};
  for (std::size_t i = statement.first; i <= statement.last; ++i)
    for (std::sregex_iterator it(file.code[i].begin(), file.code[i].end(), order_name), end; it != end; ++it) {
      std::string order = it->str(1);
      std::transform(order.begin(), order.end(), order.begin(), [](unsigned char c) { return std::tolower(c); });
      use.acquires |= acquiring.count(order) != 0;
      use.releases |= releasing.count(order) != 0;
    }
  return use;
}

// Reads the labels of one file; complains of statements that have none.
Labels check_statements(const SourceFile& file, Findings& findings)
{
  Labels labels;
  std::size_t next = 0;
  for (std::size_t i = 0; i < file.code.size(); ++i) {
    if (i < next || !std::regex_search(file.code[i], order_name))
      continue;
    const Statement statement = statement_around(file, i);
    next = statement.last + 1;
    const Use use = use_of(file, statement, i + 1);

    bool orders_threads = use.acquires || use.releases;
    for (std::size_t line = statement.first; line <= statement.last; ++line)
      orders_threads &= file.code[line].find("atomic_signal_fence") == std::string::npos;
    if (orders_threads) {
      Labels here;
      read_labels(statement, use, here);
      if (here.empty())
        findings.push_back(
            {file.path, i + 1,
             "an acquire or release without a label: write \"// A1, pairs with B2\" at the line, and the "
             "pair into the table at the file's top"});
      read_labels(statement, use, labels);
    } else if (is_blank(statement.comment) && !paragraph_says_relaxed(file, statement.first)) {
      findings.push_back({file.path, i + 1, "a relaxed operation without a reason: say why in a comment at the line"});
    }
  }
  return labels;
}

// The files that `file` sees, itself included: a table may stand in a header that several sources share.
class Includes {
public:
  explicit Includes(const Tree& tree)
  {
    for (const SourceFile& file : tree)
      files_[file.path] = &file;
  }

  std::set<std::string> seen_by(const std::string& path) const
  {
    std::set<std::string> seen;
    visit(path, seen);
    return seen;
  }

  [[nodiscard]] const SourceFile& file(const std::string& path) const { return *files_.at(path); }

private:
  void visit(const std::string& path, std::set<std::string>& seen) const
  {
    static const std::regex include_line(R"re(^\s*#\s*include\s*[<"]([^>"]+)[>"])re");
    if (!seen.insert(path).second)
      return;
    std::smatch match;
    for (const std::string& line : files_.at(path)->lines)
      if (std::regex_search(line, match, include_line))
        for (const auto& [other, _] : files_)
          if (other.ends_with("/" + match.str(1)) && other.substr(0, other.find('/')) != "tests")
            visit(other, seen);
  }

  std::map<std::string, const SourceFile*> files_;
};

class PairChecker {
public:
  PairChecker(const Tree& tree, const std::map<std::string, Labels>& labels_of) : includes_(tree), labels_of_(labels_of)
  {
    for (const auto& [path, labels] : labels_of)
      if (!labels.empty())
        seen_by_[path] = includes_.seen_by(path);
  }

  void check(const std::string& path, const std::string& label, const std::string& partner, const Use& use,
             Findings& findings) const
  {
    const auto complain = [&](const std::string& what) { findings.push_back({path, use.line, what}); };
    const std::set<std::string> family = files_with_the_same_table(path, label, partner);
    if (family.empty())
      complain("no line with " + (use.releases ? label + " -> " + partner : partner + " -> " + label) +
               " in the table that begins this file or a header it includes");

    const Use* partner_use = nullptr;
    bool partner_exists = false;
    const auto look_into = [&](const std::string& other) {
      const auto found = labels_of_.at(other).find(partner);
      if (found == labels_of_.at(other).end())
        return;
      partner_exists = true;
      if (const auto answer = found->second.find(label); answer != found->second.end())
        partner_use = &answer->second;
    };
    for (const std::string& other : family)
      look_into(other);
    if (partner_use == nullptr)
      look_into(path);

    if (!partner_exists)
      complain(label + " pairs with " + partner + ", but no statement is labelled " + partner);
    else if (partner_use == nullptr)
      complain(label + " pairs with " + partner + ", but " + partner + " does not say \"pairs with " + label + "\"");
    else if (!(use.releases && partner_use->acquires) && !(use.acquires && partner_use->releases))
      complain(label + " pairs with " + partner + ", but one of a pair releases and the other acquires; these do not");
  }

private:
  // The files with labels that see a table with this pair which `path` sees too.
  std::set<std::string> files_with_the_same_table(const std::string& path, const std::string& label,
                                                  const std::string& partner) const
  {
    std::set<std::string> family;
    for (const std::string& holder : seen_by_.at(path))
      if (table_has(table_of(includes_.file(holder)), label, partner))
        for (const auto& [other, seen] : seen_by_)
          if (seen.count(holder) != 0)
            family.insert(other);
    return family;
  }

  Includes includes_;
  const std::map<std::string, Labels>& labels_of_;
  std::map<std::string, std::set<std::string>> seen_by_;
};

}  // namespace

Findings check_ordering_labels(const Tree& tree)
{
  Findings findings;
  std::map<std::string, Labels> labels_of;
  for (const SourceFile& file : tree)
    if (file.is_c_family() && (file.is_in("core") || file.is_in("channels") || file.is_in("rt")))
      labels_of[file.path] = check_statements(file, findings);

  const PairChecker checker(tree, labels_of);
  for (const auto& [path, labels] : labels_of)
    for (const auto& [label, partners] : labels)
      for (const auto& [partner, use] : partners)
        checker.check(path, label, partner, use, findings);
  return findings;
}

}  // namespace hygiene
