#include "translator.hpp"

#include "eventy/engine/outbox.hpp"

namespace eventy {

Translator::Translator(const ServiceRuntime& runtime)
    : runtime_(runtime),
      plan_(runtime.plan()),
      decoders_(runtime, [&](const auto& s) { return s.make_decoder(runtime.options().limits); }) {}

bool Translator::read(const RecordView& record, Attempt& into) {
  into.topic = &runtime_.topic_name(record.topic);
  into.record = record;
  into.meta.topic = *into.topic;
  into.meta.partition = record.partition;
  into.meta.offset = record.offset;
  into.id = {*into.topic, record.offset.value};
  Envelope& envelope = into.meta;
  content_.decoder = &decoders_.of(record.topic);
  try {
    if (record.tombstone) [[unlikely]]
      throw DecodeError("a tombstone: it has no value, not even an empty one");
    envelope = content_.decoder->decode(record.value);
  } catch (const DecodeError&) {
    envelope = {};
    throw;
  }
  into.content = &content_;
  into.context.begin(content_);
  into.failed.clear();
  into.is_paused = false;
  return envelope.kind != Kind::response || envelope.destination == plan_.ns;
}

void Translator::match(Attempt& attempt) const {
  attempt.matched.clear();
  for (const auto& c : runtime_.candidates(attempt.record->topic))
    if (c.plan->handles(attempt.meta)) attempt.matched.push_back(c);
}

bool Translator::find_key(Attempt& attempt) const {
  if (!attempt.record) [[unlikely]]
    return true;
  attempt.key = attempt.meta.partition_key;
  if (attempt.key && attempt.key->empty()) attempt.key.reset();
  return attempt.meta.kind != Kind::response || take_requester_key(attempt);
}

bool Translator::take_requester_key(Attempt& attempt) const {
  if (attempt.context.is_empty()) return false;
  Context& context = attempt.context.edit();
  const auto own = context.find(plan_.ns);
  if (own == context.end()) return false;
  const auto kept = own->second.find(request_entry_name(attempt.meta.request_uuid));
  if (kept == own->second.end()) return false;
  const auto* key = std::get_if<std::string>(&kept->second);
  if (key) attempt.set_key(*key);
  const bool found = key != nullptr;
  own->second.erase(kept);
  if (own->second.empty()) context.erase(own);
  return found;
}

}  // namespace eventy
