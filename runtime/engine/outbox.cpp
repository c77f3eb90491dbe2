#include "eventy/engine/outbox.hpp"

#include <algorithm>
#include <stdexcept>

#include "eventy/core/one_line.hpp"
#include "eventy/store/chunk.hpp"

namespace eventy {

namespace {

constexpr std::size_t dead_letter_headers_size = 4096;  // of all our headers together, at most
constexpr std::size_t header_overhead = 32;             // of a header in a store

[[noreturn]] void refuse(const Plan& plan, const detail::OutputSpec& spec, const char* why) {
  throw std::logic_error("service " + plan.name + " cannot write " + std::string(spec.name) + " of " +
                         std::string(spec.ns) + ": " + why);
}

// As Record makes one, but the same at every repeat of the turn.
std::string new_chain(const Envelope& e) {
  const std::string_view service = e.source.starts_with("urn:") ? e.source.substr(4) : e.source;
  std::string chain(service);
  ((chain += ':') += e.name) += ':';
  return chain += e.uuid;
}

}  // namespace

std::string request_entry_name(std::string_view request_uuid) {
  return "request:" + std::string(request_uuid);
}

Outbox::Outbox(std::shared_ptr<const Routes> routes)
    : routes_(std::move(routes)),
      encoders_(*routes_->runtime, [](const auto& s) { return s.make_encoder(); }) {}

TopicIndex Outbox::topic_for(const detail::OutputSpec& spec) const {
  const ServiceRuntime& runtime = *routes_->runtime;
  if (spec.kind != Kind::request && spec.ns != runtime.plan().ns)
    refuse(runtime.plan(), spec, "a service writes events and responses of its own namespace only");
  if (const auto topic = runtime.output_topic(spec.kind, spec.ns)) return *topic;
  refuse(runtime.plan(), spec, "declare the namespace with .sends_requests_to(…), or handle its response");
}

std::optional<std::string_view> Outbox::key_of_response(const ReplyTo& to) const {
  const auto entry = to.context.value.find(to.destination);
  if (entry != to.context.value.end()) {
    const auto kept = entry->second.find(request_entry_name(to.request_uuid));
    if (kept != entry->second.end())
      if (const auto* key = std::get_if<std::string>(&kept->second)) return *key;
  }
  if (to.key) return *to.key;
  return std::nullopt;
}

void Outbox::open_entry(TopicIndex topic, PartitionId partition, std::optional<std::string_view> key,
                        OutputBuffer& into) {
  OutputBuffer::Entry entry{.topic = topic, .partition = partition, .key_at = into.bytes.size()};
  if (key) {
    entry.has_key = true;
    entry.key_size = static_cast<std::uint32_t>(key->size());
    into.bytes.append(*key);
  }
  entry.value_at = into.bytes.size();
  entry.first_header = static_cast<std::uint32_t>(into.headers.size());
  into.entries.push_back(entry);
}

Writer& Outbox::begin(const detail::OutputSpec& spec, const Origin& origin, std::uint64_t& ordinal,
                      OutputBuffer& into) {
  const ServiceRuntime& runtime = *routes_->runtime;
  const TopicIndex topic = topic_for(spec);
  origin.deriver->derive(origin.input_id, ordinal++, uuid_);
  Envelope e{.kind = spec.kind,
             .ns = spec.ns,
             .name = spec.name,
             .version = spec.version,
             .source = runtime.plan().ns,
             .uuid = {uuid_, sizeof uuid_},
             .correlation_id = origin.correlation_id,
             .partition_key = spec.key,
             .date = spec.date.value_or(origin.date)};
  OutgoingContext context = origin.context;
  if (spec.new_chain) {
    e.correlation_id = chain_ = new_chain(e);
    context = {};
  }
  context.own_namespace = runtime.plan().ns;
  if (const ReplyTo* to = spec.reply_to) {
    e.destination = to->destination, e.request_uuid = to->request_uuid, e.correlation_id = to->correlation_id;
    e.ok = spec.ok, e.error_code = spec.error_code, e.error_message = spec.error_message;
    e.partition_key = key_of_response(*to);
    context.common = to->context.value.empty() ? nullptr : &to->context.value;
    context.version = next_version_++;
  } else if (spec.kind == Kind::request && origin.key) {
    extra_name_ = request_entry_name(e.uuid);
    context.extra_name = extra_name_;
    context.extra_value = *origin.key;
  }
  // A record without a key needs no order. Its uuid chooses the partition, the same one at every repeat.
  const Partitioner by = runtime.partitioner(topic);
  const bool has_place = e.partition_key && !(e.partition_key->empty() && spreads_empty_keys(by));
  const PartitionId partition =
      partition_of(has_place ? *e.partition_key : e.uuid, routes_->partitions[topic.value], by);
  open_ = &into;
  begun_ = savepoint(into);
  unfinished_ = true;
  open_entry(topic, partition, e.partition_key, into);
  encoder_ = &encoders_.of(topic);
  return encoder_->begin(e, context, into.bytes);
}

void Outbox::end() {
  encoder_->end();
  auto& entry = open_->entries.back();
  const std::size_t size = open_->bytes.size() - entry.value_at;
  if (size > routes_->runtime->options().max_record_bytes)
    throw std::length_error("an output of " + std::to_string(size) + " bytes is over the limit of " +
                            std::to_string(routes_->runtime->options().max_record_bytes));
  check_topic_takes(entry, size);
  entry.value_size = static_cast<std::uint32_t>(size);
  unfinished_ = false;
}

void Outbox::abandon() {
  if (std::exchange(unfinished_, false)) roll_back(*open_, begun_);
}

void Outbox::check_topic_takes(const OutputBuffer::Entry& entry, std::size_t size) const {
  if (!entry.has_key && needs_key(entry.topic))
    throw std::length_error("an output without a key, and its topic is compacted: it takes none");
  const auto& max_sizes = routes_->max_sizes;
  if (entry.topic.value >= max_sizes.size() || size + entry.key_size <= max_sizes[entry.topic.value]) return;
  throw std::length_error("an output of " + std::to_string(size) + " bytes is over what its topic takes, " +
                          std::to_string(max_sizes[entry.topic.value]) + " with its key");
}

namespace {

void add_header(OutputBuffer& into, std::string_view name, std::string_view value) {
  OutputBuffer::HeaderEntry h{.name_at = into.bytes.size(),
                              .name_size = static_cast<std::uint32_t>(name.size())};
  into.bytes.append(name);
  h.value_at = into.bytes.size();
  h.value_size = static_cast<std::uint32_t>(value.size());
  into.bytes.append(value);
  into.headers.push_back(h);
  ++into.entries.back().headers;
}

}  // namespace

bool Outbox::needs_key(TopicIndex topic) const {
  return topic.value < routes_->needs_keys.size() && routes_->needs_keys[topic.value];
}

void Outbox::dead_letter(const DeadLetter& letter, PartitionId target, OutputBuffer& into) {
  const std::size_t dead = ServiceRuntime::dead_letters.value;
  const std::size_t most = dead < routes_->max_sizes.size() ? routes_->max_sizes[dead] : max_record_bytes;
  const std::size_t own = std::min(most, dead_letter_headers_size);  // for our headers
  std::size_t size = letter.bytes.size() + (letter.key ? letter.key->size() : 0);
  for (const auto& h : letter.headers) size += h.name.size() + h.value.size() + header_overhead;
  DeadLetter fits = letter;
  std::string_view left_out;
  if (size > most - own) {
    fits.bytes = {}, fits.headers = {}, left_out = "value";
    if (letter.key && letter.key->size() > most - own) fits.key.reset(), left_out = "key and value";
  }
  dead_letter(fits, left_out, target, into);
}

void Outbox::dead_letter(const DeadLetter& letter, std::string_view left_out, PartitionId target,
                         OutputBuffer& into) {
  // A compacted topic refuses a record without a key; an empty key will do.
  auto key = letter.key;
  if (!key && needs_key(ServiceRuntime::dead_letters)) key = "";
  open_entry(ServiceRuntime::dead_letters, target, key, into);
  into.bytes.append(letter.bytes);
  into.entries.back().value_size = static_cast<std::uint32_t>(letter.bytes.size());
  into.entries.back().tombstone = letter.tombstone;
  for (const auto& h : letter.headers) add_header(into, h.name, h.value);
  const auto header = [&](std::string_view name, std::string_view value) { add_header(into, name, value); };
  header(dead_letter::reason, one_line(letter.reason, 1000));
  header(dead_letter::error_class, one_line(letter.error_class, 500));
  header(dead_letter::handler, letter.handler);
  header(dead_letter::attempts, std::to_string(letter.attempts));
  if (!letter.place.empty()) header(dead_letter::place, one_line(letter.place, 1000));
  if (!letter.topic.empty()) {
    header(dead_letter::topic, letter.topic);
    header(dead_letter::partition, std::to_string(letter.partition.value));
    header(dead_letter::offset, std::to_string(letter.offset.value));
  }
  header(dead_letter::time, std::to_string(letter.time.time_since_epoch().count()));
  if (!left_out.empty()) header(dead_letter::left_out, left_out);
}

void Outbox::forward(TopicIndex topic, PartitionId target, std::string_view key, std::string_view bytes,
                     OutputBuffer& into) {
  open_entry(topic, target, key, into);
  check_topic_takes(into.entries.back(), bytes.size());
  into.bytes.append(bytes);
  into.entries.back().value_size = static_cast<std::uint32_t>(bytes.size());
}

void Outbox::move_tail(OutputBuffer& from, const Savepoint& start, OutputBuffer& to) {
  to.append(from, start);
  roll_back(from, start);
}

}  // namespace eventy
