// The project's files as the hygiene checks see them.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace hygiene {

// A file split by line into code and comments. What stands inside string literals is blank in `code`.
struct SourceFile {
  SourceFile(std::string path_from_root, std::string_view text);

  [[nodiscard]] bool is_in(std::string_view folder) const;  // "core/include"
  [[nodiscard]] bool has_extension(std::initializer_list<std::string_view> extensions) const;
  [[nodiscard]] bool is_c_family() const { return has_extension({".c", ".cpp", ".h", ".hpp"}); }

  std::string path;  // from the project's root, with '/'
  std::vector<std::string> lines;
  std::vector<std::string> code;
  std::vector<std::string> comments;
};

using Tree = std::vector<SourceFile>;

// The files of the top level and of the component folders; no build output.
Tree read_tree(const std::filesystem::path& root);

struct Finding {
  std::string path;
  std::size_t line = 0;  // from 1; 0 = the whole file
  std::string message;   // what is wrong, and what to write instead
};

using Findings = std::vector<Finding>;

// One finding per line, "path:line: message", as compilers print; "" when there are none.
std::string to_text(const Findings& findings);

}  // namespace hygiene
