// The configuration, parsed: it hands out Sections and knows where each value came from. Throws Failure
// (ErrorCode::configuration).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "eventy/config.hpp"

namespace eventy {

class Document {
 public:
  explicit Document(const Config& config);
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

// Sets a value as `--set SECTION.KEY=VALUE` of a command line says. Throws Failure (configuration).
void set_from_argument(Config& config, const std::string& argument);

// The entry of `known` that is most similar to `written`, if any is similar.
std::optional<std::string> nearest(std::string_view written, const std::vector<std::string>& known);

}  // namespace eventy
