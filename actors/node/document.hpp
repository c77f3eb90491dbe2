// The whole configuration: one TOML file, or none, and the overrides of the command line. It hands out
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
  // A value from the command line; errors name it by `option`.
  struct Override {
    std::string option, section, key, value;
    enum class Kind : std::uint8_t { toml_or_text, text } kind = Kind::toml_or_text;
  };
  // Parses `--set a.b=c`.
  static Override parse_set(const std::string& argument);

  Document(const std::optional<std::string>& path, const std::vector<Override>& overrides);
  ~Document();
  Document(const Document&) = delete;
  Document& operator=(const Document&) = delete;

  // Repeated calls return the same section. It is known from the first call on.
  Section section(const std::string& name);
  // Reads a text of a section that another caller reads; does not mark the key as known.
  std::optional<std::string> text_at(const std::string& section, std::string_view key) const;
  void finish() const;  // throws if there is a section that was never requested
  // `section.key` of the values that were requested and took their default.
  std::vector<std::string> absent() const;

 private:
  friend struct Section::Impl;
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

// The entry of `known` that is most similar to `written`, if any is similar.
std::optional<std::string> nearest(std::string_view written, const std::vector<std::string>& known);

}  // namespace eventy
