// The buffer that the writer of a format appends to. Belongs to one thread.
#pragma once

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

namespace eventy {

// Appends to a string through a pointer. Until finish() the string is longer than its contents.
class StringAppender {
 public:
  void attach(std::string& out) {
    out_ = &out;
    at_ = end_ = out.data() + out.size();
  }
  void finish() {
    out_->resize(static_cast<std::size_t>(at_ - out_->data()));
    end_ = at_;
  }

  // Returns space for `count` more characters; advance() adds those that were written.
  char* room(std::size_t count) {
    if (static_cast<std::size_t>(end_ - at_) < count) [[unlikely]]
      grow(count);
    return at_;
  }
  void advance(std::size_t count) { at_ += count; }
  void append(std::string_view text) {
    if (text.empty()) return;  // its data() may be null, which memcpy must not get
    std::memcpy(room(text.size()), text.data(), text.size());
    at_ += text.size();
  }
  template <std::size_t N>
  void append_literal(const char (&text)[N]) {
    std::memcpy(room(N - 1), text, N - 1);
    at_ += N - 1;
  }
  void put(char c) { *room(1) = c, ++at_; }
  char& last() { return at_[-1]; }
  void drop_last() { --at_; }

 private:
  void grow(std::size_t count);

  std::string* out_ = nullptr;
  char *at_ = nullptr, *end_ = nullptr;
};

}  // namespace eventy
