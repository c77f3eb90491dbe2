#include "tests/fuzz/judge.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <variant>

namespace eventy::fuzz {

namespace {

// The bytes with something behind them that must not matter; exactly as long as a decoder may read.
class Padded {
 public:
  Padded(std::string_view bytes, char behind)
      : size_(bytes.size()), all_(new char[bytes.size() + value_padding]) {
    bytes.copy(all_.get(), bytes.size());
    std::fill_n(all_.get() + size_, value_padding, behind);
  }
  std::string_view view() const { return {all_.get(), size_}; }

 private:
  std::size_t size_;
  std::unique_ptr<char[]> all_;
};

struct Outcome {
  std::optional<Record> record = {};
  std::string text = {};  // of the record or of the error
};

Outcome decode_all(Decoder& decoder, std::string_view padded) {
  Outcome out;
  try {
    Record record(decoder.decode(padded));
    if (!decoder.context_is_empty()) decoder.read_context(record.context);
    read(decoder.data(), record.data, Absent::is_error);
    out.record = std::move(record);
  } catch (const DecodeError& e) {
    out.text = e.what();
  }
  return out;
}

Outcome outcome(Decoder& decoder, std::string_view bytes, char behind, std::size_t extra_memory = 0) {
  const Padded padded(bytes, behind);
  const MemoryWatch watch;
  auto out = decode_all(decoder, padded.view());
  require(watch.peak() <= max_memory(bytes.size()) + extra_memory, "decoding took more memory than it may");
  if (out.record) out.text = print(*out.record);
  return out;
}

struct Print {
  std::string& out;
  void operator()(std::nullptr_t) const { out += "null"; }
  void operator()(bool v) const { out += v ? "true" : "false"; }
  void operator()(std::int64_t v) const { out += std::to_string(v); }
  void operator()(std::uint64_t v) const { out += std::to_string(v); }
  void operator()(double v) const { out += "r" + std::to_string(std::bit_cast<std::uint64_t>(v)); }
  void operator()(const std::string& v) const { out += "t" + std::to_string(v.size()) + ":" + v; }
  void operator()(const std::vector<std::byte>& v) const {
    out += "b" + std::to_string(v.size()) + ":";
    out.append(reinterpret_cast<const char*>(v.data()), v.size());
  }
  void operator()(const ValueList& v) const {
    for (out += "["; const auto& item : v) std::visit(*this, item.is), out += ",";
    out += "]";
  }
  void operator()(const ValueMap& v) const {
    out += "{";
    for (const auto& [name, value] : v) (*this)(name), std::visit(*this, value.is), out += ",";
    out += "}";
  }
};

void print_envelope(const Print& print, const Record& r) {
  for (const auto* text : {&r.ns(), &r.name(), &r.protocol_version(), &r.version(), &r.source(), &r.uuid(),
                           &r.correlation_id(), &r.destination(), &r.request_uuid()})
    print(*text);
  for (const auto* text : {&r.partition_key(), &r.error_message()}) *text ? print(**text) : print(nullptr);
  r.error_code() ? print(*r.error_code()) : print(nullptr);
  print(r.ok());
  print(std::int64_t{r.date().time_since_epoch().count()});
}

}  // namespace

void fail(std::string_view what) {
  std::fprintf(stderr, "NOT KEPT: %.*s\n", static_cast<int>(what.size()), what.data());
  std::abort();
}

std::string print(const Record& record) {
  std::string out(to_string(record.kind()));
  const Print print{out};
  print_envelope(print, record);
  for (const auto& [urn, entry] : record.context) {
    print(urn);
    for (const auto& [name, value] : entry) print(name), std::visit(print, value);
  }
  print(record.data);
  return out;
}

std::string outcome_of(Decoder& decoder, std::string_view bytes) {
  return outcome(decoder, bytes, '\0').text;
}

void judge_records(const Serializer& format, std::string_view bytes, const Rules& rules) {
  const auto decoder = format.make_decoder(rules.limits);
  const auto first = outcome(*decoder, bytes, '\0', rules.extra_memory);
  require(outcome(*decoder, bytes, '"', rules.extra_memory).text == first.text,
          "what stands behind a record does not matter");
  if (!first.record) return;
  const Serializer& other = rules.again ? *rules.again : format;
  const auto again = encode(*first.record, *other.make_encoder());
  // Another format may count one level more than this one.
  const auto deep = other.make_decoder({.max_depth = 2 * DecodeLimits{}.max_depth});
  require(outcome(rules.again ? *deep : *decoder, again, '\0', rules.extra_memory).text == first.text,
          "what decodes is encoded and decoded as the same");
}

MemoryFile::MemoryFile(std::string_view bytes) : file_(::memfd_create("fuzz", MFD_CLOEXEC)) {
  require(file_ >= 0 && ::write(file_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()),
          "there is room for a file in memory");
}
MemoryFile::~MemoryFile() { ::close(file_); }
std::string MemoryFile::path() const { return "/proc/self/fd/" + std::to_string(file_); }

}  // namespace eventy::fuzz
