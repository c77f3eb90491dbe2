// The configuration as a whole: one TOML file, or none, and what the command line puts over it. Hands out
// Sections and knows where each value came from. Throws Failure (ErrorCode::configuration).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "eventy/node.hpp"

namespace eventy {

class Document {
 public:
  // A value from the command line: `option` is how an error names it.
  struct Override {
    std::string option, section, key, value;
    enum class Kind : std::uint8_t { toml_or_text, text } kind = Kind::toml_or_text;
  };
  // `--set a.b=c`.
  static Override parse_set(const std::string& argument);

  Document(const std::optional<std::string>& path, const std::vector<Override>& overrides);
  ~Document();
  Document(const Document&) = delete;
  Document& operator=(const Document&) = delete;

  Section section(const std::string& name);  // the same object's view each time; known from now on
  // Reads a text of a section that somebody else owns; does not make the key known.
  std::optional<std::string> text_at(const std::string& section, std::string_view key) const;
  void finish() const;                      // throws if there is a section that nobody asked for
  std::vector<std::string> absent() const;  // `section.key` that was asked for and took its default

 private:
  friend struct Section::Impl;
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

// The entry of `known` that is nearest to what was written, if any is near.
std::optional<std::string> nearest(std::string_view written, const std::vector<std::string>& known);

}  // namespace eventy
