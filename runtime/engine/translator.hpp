// Turns the bytes of records into attempts: envelope, handlers, key. Owned by one PartitionEngine; one
// thread.
#pragma once

#include "attempt.hpp"
#include "eventy/engine/formats.hpp"

namespace eventy {

class Translator {
 public:
  explicit Translator(const ServiceRuntime& runtime);

  // Begins an attempt at a record, which lasts until the next read(). False: it is a response to another
  // service. Throws DecodeError; then the attempt has the record and its place, and no envelope.
  bool read(const RecordView& record, Attempt& into);
  // Finds the handlers that take the record.
  void match(Attempt& attempt) const;
  // Finds the key as handlers see it. The key of a response is its requester's, and is taken out of the
  // context. False: the context of a response lacks it. An input that is no record keeps its key. Throws
  // DecodeError.
  bool find_key(Attempt& attempt) const;

 private:
  class RecordContent final : public Content {  // of the last record
   public:
    bool context_is_empty() override { return decoder->context_is_empty(); }
    void read_context(Context& out) override { decoder->read_context(out); }
    Reader& data() override { return decoder->data(); }
    Decoder* decoder = nullptr;
  };
  bool take_requester_key(Attempt& attempt) const;

  const ServiceRuntime& runtime_;
  const Plan& plan_;
  PerTopic<Decoder> decoders_;
  RecordContent content_ = {};
};

}  // namespace eventy
