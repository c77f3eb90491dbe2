#include "eventy/protobuf/protobuf.hpp"

#include <google/protobuf/util/message_differencer.h>

#include "eventy/core/value_codec.hpp"
#include "eventy/protobuf/message.hpp"
#include "tests/bench/serializers/formats.hpp"
#include "tests/bench/serializers/protobuf_by_hand.hpp"

namespace eventy::benchmark {

bool same_message(const google::protobuf::Message& a, const google::protobuf::Message& b) {
  return google::protobuf::util::MessageDifferencer::Equals(a, b);
}

namespace {

// The same records with data as generated messages.
template <class Message, class Data>
Samples<Message> as_messages(const Samples<Data>& samples) {
  Samples<Message> out{.name = samples.name, .records = samples.records};
  for (const Record& r : out.records) out.envelopes.push_back(r.envelope());
  for (std::size_t i = 0; i < out.records.size(); ++i)
    out.wholes.push_back(
        {&out.envelopes[i], out.records[i].context, from_value<Message>(to_value(samples.wholes[i].data))});
  return out;
}

template <class Data>
bool run(const char* format, const Samples<Data>& samples, const Options& options) {
  const auto by = std::make_shared<GeneratedRecord>();
  Way<Data> generated{"generated classes alone",
                      [by](std::string_view bytes, Whole<Data>& out) { by->decode(bytes, out); },
                      [by](const Whole<Data>& record, std::string& out) { by->encode(record, out); }, 1.3};
  return Contest<Data>(format, samples, {ours<Data>(*protobuf::serializer()), generated}).run(options);
}

}  // namespace

bool run_protobuf(const Options& options) {
  const auto small = as_messages<bench::Clicked>(small_samples());
  const auto large = as_messages<bench::Placed>(large_samples());
  bool met = run("Protobuf, structs", small_samples(), options);
  met = run("Protobuf, structs", large_samples(), options) && met;
  met = run("Protobuf, messages", small, options) && met;
  return run("Protobuf, messages", large, options) && met;
}

}  // namespace eventy::benchmark
