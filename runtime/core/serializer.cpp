#include "eventy/core/serializer.hpp"

#include <atomic>
#include <stdexcept>

namespace eventy {

namespace {

// Encoders cache a context by its version. Turns count theirs from 1; these numbers never meet them.
std::uint64_t next_context_version() {
  static std::atomic<std::uint64_t> last{first_version_of_encode};
  return last.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

std::string encode(const Record& record, Encoder& encoder) {
  auto envelope = record.envelope();
  // A response begins its life without destination and request_uuid; the encoder would trust that.
  if (auto rule = broken_rule(envelope)) throw std::invalid_argument(*rule);
  OutgoingContext context;
  if (!record.context.empty()) context.common = &record.context;
  context.version = next_context_version();
  std::string out;
  write(encoder.begin(envelope, context, out), record.data);
  encoder.end();
  return out;
}

Record decode(std::string_view bytes, Decoder& decoder) {
  std::string padded;
  padded.reserve(bytes.size() + value_padding);
  padded.append(bytes).append(value_padding, '\0');
  Record record(decoder.decode(std::string_view(padded).substr(0, bytes.size())));
  if (!decoder.context_is_empty()) decoder.read_context(record.context);
  read(decoder.data(), record.data, Absent::is_error);
  return record;
}

}  // namespace eventy
