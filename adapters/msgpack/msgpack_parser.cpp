#include <msgpack.hpp>

#include <limits>
#include <string>

#include "eventy/core/decoding.hpp"
#include "eventy/core/utf8.hpp"
#include "msgpack_reader.hpp"
#include "timestamp.hpp"

namespace eventy::msgpack::detail {

namespace {

constexpr std::size_t many_tokens = 1u << 16;  // more are freed when values need an eighth of them or less

// Writes the tape while the library's parser reads the bytes. A visit that returns false stops the parser.
class Builder : public ::msgpack::null_visitor {
 public:
  Builder(const DecodeLimits& limits, std::size_t bytes, std::vector<Token>& tape,
          std::vector<std::size_t>& open)
      : limits_(limits), bytes_(bytes), tape_(tape), open_(open) {}

  bool visit_nil() { return put({.tag = Tag::null, .integer = 0}); }
  bool visit_boolean(bool v) { return put({.tag = Tag::boolean, .integer = v}); }
  bool visit_positive_integer(std::uint64_t v) {
    if (v > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
      return put({.tag = Tag::unsigned_integer, .unsigned_integer = v});
    }
    return put({.tag = Tag::integer, .integer = static_cast<std::int64_t>(v)});
  }
  bool visit_negative_integer(std::int64_t v) { return put({.tag = Tag::integer, .integer = v}); }
  bool visit_float32(float v) { return put({.tag = Tag::real, .real = v}); }
  bool visit_float64(double v) { return put({.tag = Tag::real, .real = v}); }
  bool visit_str(const char* v, std::uint32_t size) {
    if (!is_utf8({v, size})) return stop("a text is not UTF-8");
    name_is_next_ = false;
    return put({.tag = Tag::text, .size = size, .start = v});
  }
  bool visit_bin(const char* v, std::uint32_t size) {
    return put({.tag = Tag::bytes, .size = size, .start = v});
  }
  bool visit_ext(const char* v, std::uint32_t size) {
    const bool is_stamp =
        size > 0 && static_cast<std::int8_t>(*v) == timestamp_type && is_timestamp({v + 1, size - 1});
    if (!is_stamp) return put({.tag = Tag::extension, .integer = 0});
    const auto instant = instant_of({v + 1, size - 1});
    if (!instant) return put({.tag = Tag::beyond, .integer = 0});
    return put({.tag = Tag::instant, .integer = instant->time_since_epoch().count()});
  }
  bool start_array(std::uint32_t items) { return open(Tag::list, items, items); }
  bool end_array() { return close(); }
  bool start_map(std::uint32_t members) { return open(Tag::map, members, std::size_t{members} * 2); }
  bool start_map_key() { return name_is_next_ = true; }
  bool end_map() { return close(); }
  void parse_error(std::size_t, std::size_t at) { stop("not MessagePack", at); }
  void insufficient_bytes(std::size_t, std::size_t at) {
    stop("the bytes end too early, within a value", at);
  }

  [[noreturn]] void fail() const { throw DecodeError(error_.empty() ? "not MessagePack" : error_); }

 private:
  bool put(Token token) {
    if (name_is_next_) [[unlikely]]
      return stop("the name of a member must be text");
    tape_.push_back(token);
    return true;
  }
  // Each value takes at least one byte, so the values announced cannot be more than the bytes.
  bool open(Tag tag, std::size_t elements, std::size_t values) {
    claimed_ += values;
    elements_ += elements;
    if (claimed_ > bytes_) return stop("the bytes end too early: a map or list announces more");
    if (elements_ > limits_.max_elements) {
      return stop("more elements (members and items) than the limit of " +
                  std::to_string(limits_.max_elements));
    }
    if (open_.size() == limits_.max_depth) {
      return stop("maps and lists are nested deeper than the limit of " + std::to_string(limits_.max_depth));
    }
    open_.push_back(tape_.size());
    return put({.tag = tag, .behind = 0});
  }
  bool close() {
    tape_.push_back({});
    tape_[open_.back()].behind = tape_.size();
    open_.pop_back();
    return true;
  }
  bool stop(std::string reason) {
    error_ = std::move(reason);
    return false;
  }
  void stop(const char* reason, std::size_t at) {
    if (error_.empty()) error_ = std::string(reason) + ", at byte " + std::to_string(at);
  }

  const DecodeLimits& limits_;
  std::size_t bytes_, claimed_ = 0, elements_ = 0;
  bool name_is_next_ = false;
  std::vector<Token>& tape_;
  std::vector<std::size_t>& open_;
  std::string error_;
};

}  // namespace

Place empty_map() {
  static const Token tape[] = {{.tag = Tag::map, .behind = 2}, {}, {}};
  return {tape, 0};
}

Place Document::parse(std::string_view bytes) {
  eventy::detail::refuse_size(bytes, limits_.max_bytes);
  if (tape_.capacity() > many_tokens && tape_.size() < tape_.capacity() / 8) tape_ = {};
  tape_.clear();
  open_.clear();
  Builder builder(limits_, bytes.size(), tape_, open_);
  std::size_t end = 0;
  if (!::msgpack::parse(bytes.data(), bytes.size(), end, builder)) builder.fail();
  if (end != bytes.size()) throw DecodeError(std::to_string(bytes.size() - end) + " bytes are left over");
  tape_.push_back({});
  return {tape_.data(), 0};
}

}  // namespace eventy::msgpack::detail
