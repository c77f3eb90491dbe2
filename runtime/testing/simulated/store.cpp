#include "eventy/testing/simulated_store.hpp"

#include <algorithm>
#include <stdexcept>

#include "store_impl.hpp"

namespace eventy::testing {
namespace detail {

void SimulatedLog::push(SimulatedRecord record) {
  record.offset = end;
  ++end.value;
  records.push_back(std::move(record));
}

// Copies everything into one slab, with the padding that decoders need after each value.
std::shared_ptr<const Batch> SimulatedLog::read(TopicIndex topic, PartitionId partition, Offset from,
                                                const PollLimits& limits) const {
  auto batch = std::make_shared<Batch>();
  batch->topic = topic, batch->partition = partition, batch->next = from;
  const auto first = std::lower_bound(records.begin(), records.end(), from,
                                      [](const auto& r, Offset offset) { return r.offset < offset; });
  auto last = first;
  std::size_t bytes = 0, slab = 0;
  for (; last != records.end(); ++last) {
    const auto count = static_cast<std::size_t>(last - first);
    if (count > 0 &&
        (count >= limits.max_records_per_batch || bytes + last->value.size() > limits.max_bytes_per_batch))
      break;
    bytes += last->value.size();
    slab += last->value.size() + value_padding + (last->key ? last->key->size() : 0);
    for (const auto& [name, value] : last->headers) slab += name.size() + value.size();
  }
  batch->slab.reserve(slab);
  const auto keep = [&](std::string_view text) {
    const std::size_t at = batch->slab.size();
    batch->slab.append(text);
    return std::string_view(batch->slab).substr(at, text.size());
  };
  for (auto it = first; it != last; ++it) {
    StoredRecord record{.offset = it->offset};
    if (it->key) record.key = keep(*it->key);
    record.first_header = static_cast<std::uint32_t>(batch->headers.size());
    record.headers = static_cast<std::uint32_t>(it->headers.size());
    for (const auto& [name, value] : it->headers) {
      const Header header{keep(name), keep(value)};
      batch->headers.push_back(header);
    }
    record.value = keep(it->value);
    record.tombstone = it->tombstone;
    batch->slab.append(value_padding, '\0');
    batch->records.push_back(record);
    batch->next = {it->offset.value + 1};
  }
  return batch;
}

Offset SimulatedService::position(const std::string& topic, PartitionId partition) const {
  const auto it = positions.find({topic, partition});
  return it == positions.end() ? Offset{} : it->second;
}

CountOf SimulatedImpl::count_of() const {
  return [this](const std::string& topic) -> std::optional<std::uint32_t> {
    const auto it = topics.find(topic);
    if (it == topics.end()) return std::nullopt;
    return static_cast<std::uint32_t>(it->second.size());
  };
}

bool SimulatedImpl::strikes(double probability, std::string_view kind) {
  if (!chance.happens(probability)) return false;
  trace.fired(kind);
  return true;
}

void SimulatedImpl::note(const Member& member, const std::string& what) {
  trace.note("store: " + printable(member.name()) + ": " + what);
}

namespace {

class LogReader final : public RecordReader {
 public:
  LogReader(std::shared_ptr<SimulatedImpl> store, std::string topic, PartitionId partition, Offset from)
      : store_(std::move(store)), topic_(std::move(topic)), partition_(partition), next_(from) {}
  Result<std::shared_ptr<const Batch>> next(const PollLimits& limits) override {
    auto batch = store_->topics.at(topic_)[partition_.value].read(TopicIndex{}, partition_, next_, limits);
    next_ = batch->next;
    return batch;
  }

 private:
  std::shared_ptr<SimulatedImpl> store_;
  std::string topic_;
  PartitionId partition_;
  Offset next_;
};

Result<const SimulatedLog*> log_of(const SimulatedImpl& store, const std::string& topic,
                                   PartitionId partition) {
  const auto it = store.topics.find(topic);
  if (it == store.topics.end()) return no_topic(topic);
  if (partition.value >= it->second.size()) return no_partition(topic, partition);
  return &it->second[partition.value];
}

Member& member_of(SimulatedImpl& store, const std::string& service, const std::string& node) {
  Member* member = store.services[service].of_node(node);
  if (!member) throw std::invalid_argument("node " + node + " has no session of service " + service);
  return *member;
}

}  // namespace
}  // namespace detail

SimulatedStore::SimulatedStore(const Clock& clock, Random& chance, Trace& trace)
    : impl_(std::make_shared<detail::SimulatedImpl>(clock, chance, trace)) {}
SimulatedStore::~SimulatedStore() = default;

StoreFeatures SimulatedStore::features() const {
  return {.durable = false, .multiple_members = true, .unknown_outcomes = true};
}

Result<void> SimulatedStore::ensure_topics(const std::vector<TopicSpec>& topics) {
  for (const auto& topic : topics) {
    if (auto checked = check_topic(topic); !checked) return checked;
    const auto has = impl_->count_of()(topic.name);
    if (has && *has != topic.partitions) return wrong_partition_count(topic.name, *has, topic.partitions);
  }
  for (const auto& topic : topics) impl_->topics[topic.name].resize(topic.partitions);
  return {};
}

Result<std::vector<TopicSpec>> SimulatedStore::topics() const {
  std::vector<TopicSpec> result;
  for (const auto& [name, logs] : impl_->topics)
    result.push_back({name, static_cast<std::uint32_t>(logs.size())});
  return result;
}

Result<std::unique_ptr<StoreSession>> SimulatedStore::open_session(const SessionOptions& options) {
  auto shape = check_session(options, impl_->count_of());
  if (!shape) return shape.error();
  auto member = std::make_shared<detail::Member>();
  member->options = options;
  member->shape = *std::move(shape);
  if (auto started = impl_->start(*member); !started) return started.error();
  impl_->note(*member, "joins");
  impl_->join(member);
  return detail::make_simulated_session(impl_, member);
}

Result<std::vector<Offset>> SimulatedStore::append(const std::string& topic,
                                                   const std::vector<NewRecord>& records) {
  const auto it = impl_->topics.find(topic);
  if (it == impl_->topics.end()) return no_topic(topic);
  std::vector<PartitionId> places;
  for (const auto& record : records) {
    auto partition = place(record, topic, static_cast<std::uint32_t>(it->second.size()));
    if (!partition) return partition.error();
    places.push_back(*partition);
  }
  std::vector<Offset> offsets;
  for (std::size_t i = 0; i < records.size(); ++i) {
    auto& log = it->second[places[i].value];
    offsets.push_back(log.end);
    log.push({.key = records[i].key,
              .value = std::string(records[i].value_or_null().value_or("")),
              .headers = records[i].headers,
              .tombstone = records[i].tombstone});
  }
  impl_->wake_readers({topic});
  return offsets;
}

Result<std::unique_ptr<RecordReader>> SimulatedStore::read(const std::string& topic, PartitionId partition,
                                                           Offset from) {
  if (auto log = detail::log_of(*impl_, topic, partition); !log) return log.error();
  if (from.value < 0) return Error{ErrorCode::invalid_argument, "a negative offset"};
  return std::unique_ptr<RecordReader>(std::make_unique<detail::LogReader>(impl_, topic, partition, from));
}

Result<Offset> SimulatedStore::end_of(const std::string& topic, PartitionId partition) const {
  auto log = detail::log_of(*impl_, topic, partition);
  if (!log) return log.error();
  return (*log)->end;
}

Result<Offset> SimulatedStore::position(const std::string& service, const std::string& topic,
                                        PartitionId partition) const {
  if (auto log = detail::log_of(*impl_, topic, partition); !log) return log.error();
  const auto it = impl_->services.find(service);
  return it == impl_->services.end() ? Offset{} : it->second.position(topic, partition);
}

Result<void> SimulatedStore::scan(const std::string& service, const std::string& keyspace,
                                  const StateVisitor& visit) const {
  const auto it = impl_->services.find(service);
  if (it == impl_->services.end()) return {};
  const auto view = it->second.state;  // a copy: the visitor may call the store
  for (const auto& [where, keys] : view) {
    if (where.first != keyspace) continue;
    for (const auto& [key, value] : keys)
      if (!visit(where.second, key, value)) return {};
  }
  return {};
}

// --- commands ---

void SimulatedStore::set_faults(const StoreFaults& faults) { impl_->faults = faults; }
void SimulatedStore::on_change(Changed changed) { impl_->changed = std::move(changed); }
void SimulatedStore::on_call(std::function<void(const std::string&)> call) { impl_->call = std::move(call); }

void SimulatedStore::move(const std::string& service, PartitionId partition, const std::string& node) {
  auto& entry = impl_->services[service];
  detail::Member* owner = entry.owner(partition);
  if (!owner || owner->dead || owner->owned.at(partition).hold == detail::Member::Hold::revoked) return;
  for (const auto& member : entry.members)
    if (member->options.node == node && member.get() != owner) entry.heirs[partition] = member;
  impl_->revoke(*owner, partition);
}

void SimulatedStore::expire(const std::string& service, const std::string& node) {
  auto& member = detail::member_of(*impl_, service, node);
  auto& entry = impl_->services[service];
  if (member.dead) {
    const auto it = std::find_if(entry.members.begin(), entry.members.end(),
                                 [&](const auto& m) { return m.get() == &member; });
    return impl_->leave(std::shared_ptr(*it));
  }
  for (auto& [partition, owned] : member.owned)
    if (owned.hold != detail::Member::Hold::lost) impl_->lose(member, partition);
  impl_->place_orphans(entry);
}

void SimulatedStore::crash(const std::string& service, const std::string& node) {
  detail::Member* member = impl_->services[service].of_node(node);
  if (!member) return;
  member->dead = true;
  impl_->trace.fired(member->flight && !member->flight->outcome ? "node died, a commit in flight"
                     : member->open                             ? "node died, a cycle open"
                                                                : "node died between cycles");
  member->open.reset();
}

// --- virtual time ---

std::optional<MonotonicTime> SimulatedStore::next_due() const {
  std::optional<MonotonicTime> next;
  const auto also = [&](MonotonicTime at) { next = next ? std::min(*next, at) : at; };
  for (const auto& [name, service] : impl_->services) {
    for (const auto& member : service.members) {
      if (member->wake_at) also(*member->wake_at);
      if (member->flight && !member->flight->outcome) also(member->flight->due);
      for (const auto& [partition, owned] : member->owned)
        if (owned.restored_at) also(*owned.restored_at);
    }
  }
  return next;
}

void SimulatedStore::run_due() {
  const MonotonicTime now = impl_->clock.now();
  for (auto& [name, service] : impl_->services) {
    for (const auto& member : std::vector(service.members)) {
      if (member->flight && !member->flight->outcome && member->flight->due <= now) impl_->settle(*member);
      for (auto& [partition, owned] : member->owned)
        if (owned.restored_at && *owned.restored_at <= now) impl_->restored(*member, partition, owned);
      if (!member->wake_at || *member->wake_at > now) continue;
      member->wake_at.reset();
      member->notify();
    }
  }
}

bool SimulatedStore::has_cycle(const std::string& service, const std::string& node) const {
  const detail::Member* member = impl_->services[service].of_node(node);
  return member && !member->ended && (member->open || member->flight);
}

std::size_t SimulatedStore::partitions(const std::string& service, const std::string& node) const {
  const detail::Member* member = impl_->services[service].of_node(node);
  return member ? member->owned.size() : 0;
}

bool SimulatedStore::at_rest(const std::string& name) const {
  const auto it = impl_->services.find(name);
  if (it == impl_->services.end()) return false;
  const auto& service = it->second;
  for (const auto& member : service.members) {
    if (member->open || member->flight || !member->events.empty()) return false;
    for (const auto& [partition, owned] : member->owned)
      if (owned.hold != detail::Member::Hold::active) return false;
  }
  for (std::uint32_t p = 0; p < service.partitions; ++p)
    if (!service.owner(PartitionId{p})) return false;
  return true;
}

}  // namespace eventy::testing
