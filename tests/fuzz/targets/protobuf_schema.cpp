// Hostile schemas of Protocol Buffers, by the first byte a .proto file or a set of descriptors. With one that
// is taken, a record of shop.Placed is read.
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "eventy/protobuf/protobuf.hpp"
#include "tests/fuzz/judge.hpp"

using namespace eventy;

namespace {

// A folder of this process, in memory where there is such a place.
class SchemaFolder {
 public:
  SchemaFolder() : path_("/dev/shm/eventy-fuzz-" + std::to_string(::getpid())) {
    std::filesystem::create_directories(path_);
  }
  ~SchemaFolder() { std::filesystem::remove_all(path_); }
  std::string with(const char* name, std::string_view bytes) const {
    for (const auto& old : std::filesystem::directory_iterator(path_)) std::filesystem::remove(old);
    std::ofstream(path_ + "/" + name, std::ios::binary) << bytes;
    return path_;
  }

 private:
  std::string path_;
};

// A record whose message has a text, a number and a list.
std::string record_of_placed() {
  const auto block = [](char field, const std::string& bytes) {
    return std::string{static_cast<char>(field << 3 | 2), static_cast<char>(bytes.size())} + bytes;
  };
  Record record(Kind::event, "urn:shop", "Placed", "urn:shop");
  auto bytes = encode(record, *protobuf::serializer()->make_encoder());
  bytes.resize(bytes.size() - 3);  // the empty map of its data
  const auto placed = "\x08\x07" + block(2, "note") + block(3, block(1, "sku")) + block(3, "");
  const auto any = block(1, "x/shop.Placed") + block(2, placed);
  return bytes + "\x92\x01" + static_cast<char>(any.size()) + any;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  static const SchemaFolder folder;
  static const auto record = record_of_placed();
  fuzz::Parts parts(fuzz::text_of(data, size));
  const bool is_text = parts.byte() == 't';
  const auto format = protobuf::serializer(folder.with(is_text ? "a.proto" : "a.desc", parts.rest()));
  if (!format) {
    fuzz::require(format.error().code == ErrorCode::configuration,
                  "what is wrong is a mistake in the schemas");
    return 0;
  }
  static const DecodeLimits limits{.max_elements = 1u << 12};
  fuzz::judge_records(**format, record, {.limits = limits, .extra_memory = 16 * fuzz::max_memory(size)});
  return 0;
}
