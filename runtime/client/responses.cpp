#include "responses.hpp"

#include <algorithm>

namespace eventy::detail {

namespace {
constexpr Duration max_poll{20};    // a new topic waits for the end of a poll, and so does a deadline
constexpr Duration idle_poll{200};  // while nobody waits for a response
constexpr Duration after_error{500};
constexpr PollLimits limits_of_poll{};
}  // namespace

Result<void> Responses::follow(const std::string& topic, const Serializer& serializer) {
  {
    const std::lock_guard lock(mutex_);
    if (is_closed_) return Error{ErrorCode::closed, "the client is closed"};
    ++followers_;
  }
  const std::lock_guard reading(reading_);
  const std::lock_guard counted(mutex_);
  --followers_;
  changed_.notify_all();
  if (indexes_.contains(topic)) return {};
  if (!reader_) {
    auto made = store_.open_topic_reader();
    if (!made) return made.error();
    reader_ = *std::move(made);
  }
  const auto index = reader_->add(topic);
  if (!index) return index.error();
  indexes_.emplace(topic, *index);
  if (followed_.size() <= index->value) followed_.resize(index->value + 1);
  followed_[index->value] = {&serializer, serializer.make_decoder(limits_)};
  if (!thread_.joinable()) thread_ = std::thread([this] { work(); });
  return {};
}

Result<void> Responses::expect(const std::string& request_uuid, std::string destination,
                               const ExpectedResponse& what, OnResponse done, std::size_t most) {
  const std::lock_guard lock(mutex_);
  if (is_closed_) return Error{ErrorCode::closed, "the client is closed"};
  if (requests_.size() >= most)
    return Error{ErrorCode::full,
                 std::to_string(most) + " requests wait for their responses: at most so many may"};
  if (requests_.contains(request_uuid))
    return Error{ErrorCode::busy, "a request with the same idempotency key waits for its response"};
  const MonotonicTime deadline = clock_.now() + what.timeout;
  destinations_.insert(destination);
  requests_.emplace(request_uuid, Request{std::move(destination), std::string(what.ns),
                                          std::string(what.name), deadline, what.timeout, std::move(done)});
  deadlines_.emplace(deadline, request_uuid);
  changed_.notify_all();
  return {};
}

std::optional<Responses::Request> Responses::remove(std::string_view request_uuid) {
  const auto it = requests_.find(request_uuid);
  if (it == requests_.end()) return std::nullopt;
  std::optional<Request> found(std::move(it->second));
  requests_.erase(it);
  const auto [begin, end] = deadlines_.equal_range(found->deadline);
  deadlines_.erase(std::find_if(begin, end, [&](const auto& entry) { return entry.second == request_uuid; }));
  return found;
}

void Responses::cancel(const std::string& request_uuid, const Error& error) {
  std::unique_lock lock(mutex_);
  const auto request = remove(request_uuid);
  lock.unlock();
  if (request) request->done(&error, nullptr, nullptr);
}

void Responses::close() {
  std::map<std::string, Request, std::less<>> left;
  std::thread thread;
  {
    const std::lock_guard lock(mutex_);
    is_closed_ = true;
    left.swap(requests_);
    deadlines_.clear();
    thread.swap(thread_);
    changed_.notify_all();
  }
  if (thread.joinable()) thread.join();
  const CallbackThread marked;
  for (const auto& [uuid, request] : left) {
    const Error error{ErrorCode::closed, "the client was closed before the response " + request.name +
                                             " came; the request may be handled"};
    request.done(&error, nullptr, nullptr);
  }
  const std::lock_guard reading(reading_);
  reader_.reset();  // the store may end before this object
}

Responses::Counts Responses::counts() const {
  const std::lock_guard lock(mutex_);
  Counts counts = counts_;
  counts.open = requests_.size();
  return counts;
}

// --- the thread ---

Duration Responses::until_next() const {
  if (deadlines_.empty()) return max_poll;
  const auto left = std::chrono::ceil<Duration>(deadlines_.begin()->first - clock_.now());
  return std::clamp(left, Duration(0), max_poll);
}

void Responses::work() {
  const CallbackThread marked;
  std::unique_lock lock(mutex_);
  while (!is_closed_) {
    // Reads on while nobody waits, so that a later request finds no backlog before its response.
    if (requests_.empty())
      changed_.wait_for(lock, idle_poll, [this] { return is_closed_ || !requests_.empty(); });
    changed_.wait(lock, [this] { return is_closed_ || followers_ == 0; });
    if (is_closed_) return;
    const Duration wait = requests_.empty() ? Duration(0) : until_next();
    lock.unlock();
    poll(wait);
    expire();
    lock.lock();
  }
}

void Responses::poll(Duration wait) {
  const std::lock_guard reading(reading_);
  const auto batches = reader_->poll(limits_of_poll, wait);
  {
    std::unique_lock lock(mutex_);
    trouble_ = batches ? std::nullopt : std::optional(batches.error());
    if (trouble_) {  // deadlines still count; the next poll may do better
      changed_.wait_for(lock, std::min(after_error, until_next()), [this] { return is_closed_; });
      return;
    }
  }
  for (const auto& batch : *batches) read(*batch);
}

void Responses::read(const Batch& batch) {
  Decoder& decoder = *followed_[batch.topic.value].decoder;
  for (const auto& record : batch.records) {
    if (record.tombstone) continue;
    try {
      const Envelope& e = decoder.decode(record.value);
      if (e.kind == Kind::response) take(e, decoder);
    } catch (const DecodeError&) {  // no response to us: its envelope cannot be read
    }
  }
}

void Responses::take(const Envelope& e, Decoder& decoder) {
  std::unique_lock lock(mutex_);
  if (!destinations_.contains(e.destination)) return;
  const auto found = requests_.find(e.request_uuid);
  if (found == requests_.end() || found->second.destination != e.destination) {
    ++counts_.unexpected;
    return;
  }
  const auto request = remove(e.request_uuid);
  ++counts_.responses;
  lock.unlock();
  if (e.ok && (request->ns != e.ns || request->name != e.name)) {
    const Error error{ErrorCode::decode, "the response is " + std::string(e.name) + " of " +
                                             std::string(e.ns) + ", and " + request->name + " of " +
                                             request->ns + " was expected"};
    return request->done(&error, nullptr, nullptr);
  }
  Meta meta;
  static_cast<Envelope&>(meta) = e;
  request->done(nullptr, &meta, &decoder.data());
}

void Responses::expire() {
  const MonotonicTime now = clock_.now();
  std::vector<Request> late;
  std::string trouble;
  {
    const std::lock_guard lock(mutex_);
    if (trouble_) trouble = "; responses cannot be read: " + trouble_->message;
    while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
      const std::string uuid = deadlines_.begin()->second;
      late.push_back(*remove(uuid));
      ++counts_.timed_out;
    }
  }
  for (const auto& request : late) {
    const Error error{ErrorCode::timed_out, "no response " + request.name + " within " +
                                                std::to_string(request.timeout.count()) +
                                                " ms; the request may be handled later" + trouble};
    request.done(&error, nullptr, nullptr);
  }
}

}  // namespace eventy::detail
