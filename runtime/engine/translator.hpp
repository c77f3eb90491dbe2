// Turns bytes of records into attempts: envelope, handlers, key. Owned by one PartitionEngine; one thread.
#pragma once

#include "attempt.hpp"
#include "eventy/engine/formats.hpp"

namespace eventy {

class Translator {
 public:
  explicit Translator(const ServiceRuntime& runtime);

  // Begins an attempt at a record. False: it is a response to another service, and its data is never read.
  // Throws DecodeError; then the attempt has the record and its place, and no envelope. It lasts until the
  // next read().
  bool read(const RecordView& record, Attempt& into);
  // The handlers that take this record.
  void match(Attempt& attempt) const;
  // The key as handlers see it; that of a response is its requester's, which leaves the context. False: a
  // response whose context lacks it. An input that is no record keeps the key that it has. Throws
  // DecodeError.
  bool find_key(Attempt& attempt) const;

 private:
  class RecordContent final : public Content {  // of the record read last
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
