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

template <class Data, class By>
Way<Data> way(const char* name, double goal) {
  const auto by = std::make_shared<By>();
  return {name, [by](std::string_view bytes, Whole<Data>& out) { by->decode(bytes, out); },
          [by](const Whole<Data>& record, std::string& out) { by->encode(record, out); }, goal};
}

template <class Data>
bool run_structs(const Samples<Data>& samples, const Options& options) {
  return Contest<Data>(
             "Protobuf, structs", samples,
             {ours<Data>(*protobuf::serializer()), way<Data, GeneratedRecord>("generated Record", 1.3)})
      .run(options);
}

template <class Message, class OneType, class Data>
bool run_messages(const Samples<Data>& samples, const Options& options) {
  const auto messages = as_messages<Message>(samples);
  return Contest<Message>("Protobuf, messages", messages,
                          {ours<Message>(*protobuf::serializer()),
                           way<Message, GeneratedForOneType<OneType>>("generated for one type", 1.3),
                           way<Message, GeneratedRecord>("generated Record with Any", 0)})
      .run(options);
}

}  // namespace

bool run_protobuf(const Options& options) {
  bool met = run_structs(small_samples(), options);
  met = run_structs(large_samples(), options) && met;
  met = run_messages<bench::Clicked, bench::ClickedRecord>(small_samples(), options) && met;
  return run_messages<bench::Placed, bench::PlacedRecord>(large_samples(), options) && met;
}

}  // namespace eventy::benchmark
