#include "eventy/engine/queries.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <condition_variable>
#include <list>
#include <system_error>
#include <thread>

#include "eventy/core/future.hpp"
#include "eventy/engine/failure_class.hpp"
#include "eventy/store/rules.hpp"
#include "failure_rows.hpp"

namespace eventy {

namespace {

struct Asked {
  Question question;
  Queries::Answered done;  // taken by whoever ends it
  std::shared_ptr<const ServiceRuntime> runtime;
  std::shared_ptr<CommittedViews> views;
  const Plan::Query* query = nullptr;
  MonotonicTime deadline = {};
  std::optional<MonotonicTime> began = {};  // it runs since
};
using AskedPtr = std::shared_ptr<Asked>;

const char* reason(CommittedViews::Status status) {
  return status == CommittedViews::Status::restoring
             ? "its states are being restored on this node"
             : "this node does not own it: it is on another node, or is moving";
}

std::string name_of(const Asked& a, PartitionId partition) {
  return "query \"" + std::string(a.query->name) + "\" of service \"" + a.question.service + "\", key \"" +
         printable(a.question.key) + "\", partition " + std::to_string(partition.value);
}

// Whether the key's records are parked.
bool is_parked(const Asked& a, const StateReader& state) {
  return state.get(a.runtime->failures_keyspace(), head_key(a.question.key)).value().has_value();
}

std::string run(const Asked& a, PartitionId partition, const StateReader& reader) {
  const Plan& plan = a.runtime->plan();
  const auto& format = *a.runtime->options().state_format;
  const auto decoder = format.make_decoder();
  std::unique_ptr<void, void (*)(void*)> state(
      nullptr, plan.state ? plan.state->drop : [](void*) {});
  if (plan.state) {
    if (const auto bytes = reader.get(ServiceRuntime::state_keyspace, a.question.key).value()) try {
        state.reset(plan.state->make());
        read_state(*plan.state, *bytes, *decoder, state.get());
      } catch (...) {
        detail::throw_for_state(
            detail::name_of_state(plan.name, partition, "the state", a.question.key, reader.place()));
      }
  }
  std::string body;
  a.query->run(a.query->code.get(), state.get(), decoder->start(a.question.body),
               format.make_encoder()->start(body));
  return body;
}

}  // namespace

struct Queries::Impl : std::enable_shared_from_this<Queries::Impl> {
  Impl(QueryOptions chosen, std::shared_ptr<spdlog::logger> logger)
      : options(chosen), log(std::move(logger)) {}

  struct Service {
    std::shared_ptr<const ServiceRuntime> runtime;
    std::shared_ptr<CommittedViews> views;
    std::uint32_t partitions = 0;  // unknown until one is assigned
  };

  // --- a question ---
  Result<AskedPtr> check(Question question, Answered done);
  Result<PartitionId> partition_of_key(const Asked& a) const;
  std::optional<Error> wrong_place(const Asked& a, PartitionId partition) const;
  // nullopt: it can be answered now. Else why it waits.
  std::optional<std::string> waits(const Asked& a) const;
  std::optional<Error> enqueue(const AskedPtr& a);  // why it is refused
  void answer(const AskedPtr& a);
  // Ends it, if nobody has.
  void end(const AskedPtr& a, Result<RawAnswer> result);

  // --- threads ---
  void start();  // the lock is held
  void work();
  void keep_time();
  void check_all(std::vector<std::pair<AskedPtr, Error>>& over);  // the lock is held
  MonotonicTime next_check() const;                               // the lock is held
  std::size_t count() const { return waiting.size() + ready.size() + running.size(); }

  const QueryOptions options;
  const std::shared_ptr<spdlog::logger> log;
  const SystemClock clock = {};
  std::map<std::string, Service, std::less<>> services = {};

  mutable std::mutex mutex = {};  // guards what follows
  std::condition_variable work_comes = {}, time_changes = {}, worker_ends = {};
  std::list<AskedPtr> waiting = {}, ready = {}, running = {};
  bool views_changed = false, is_closed = false;
  std::size_t workers = 0;  // threads that have not ended
  std::thread timekeeper = {};
};

// --- a question ---

Result<AskedPtr> Queries::Impl::check(Question question, Answered done) {
  const auto service = services.find(question.service);
  if (service == services.end())
    return Error{ErrorCode::not_found, "this node has no service \"" + printable(question.service) + "\""};
  auto a = std::make_shared<Asked>();
  a->runtime = service->second.runtime;
  a->views = service->second.views;
  const auto& queries = a->runtime->plan().queries;
  const auto query =
      std::find_if(queries.begin(), queries.end(), [&](auto& q) { return q.name == question.query; });
  if (query == queries.end())
    return Error{ErrorCode::not_found, "service \"" + question.service + "\" answers no query \"" +
                                           printable(question.query) + "\""};
  a->query = &*query;
  a->deadline = clock.now() + question.timeout;
  a->question = std::move(question);
  a->done = std::move(done);
  if (const auto counts = a->views->partitions(); counts > 0)
    if (auto wrong = wrong_place(*a, partition_of(a->question.key, counts, a->runtime->partitioner())))
      return *std::move(wrong);
  return a;
}

// A position that this answer can never pass.
std::optional<Error> Queries::Impl::wrong_place(const Asked& a, PartitionId partition) const {
  const auto inputs = a.runtime->input_topics();
  for (const auto& at : a.question.at_least) {
    const auto topic = a.runtime->topic_named(at.topic);
    if (!topic || std::find(inputs.begin(), inputs.end(), *topic) == inputs.end())
      return Error{ErrorCode::invalid_argument, "service \"" + a.question.service +
                                                    "\" does not read topic \"" + printable(at.topic) +
                                                    "\", which at_least names"};
    if (at.partition != partition)
      return Error{ErrorCode::invalid_argument,
                   "at_least names partition " + std::to_string(at.partition.value) + " of topic \"" +
                       at.topic + "\", and key \"" + printable(a.question.key) + "\" belongs to partition " +
                       std::to_string(partition.value)};
  }
  return std::nullopt;
}

std::optional<std::string> Queries::Impl::waits(const Asked& a) const {
  const auto partitions = a.views->partitions();
  if (partitions == 0) return "the service is not started yet";
  const PartitionId partition = partition_of(a.question.key, partitions, a.runtime->partitioner());
  const auto view = a.views->view(partition);
  if (view.status != CommittedViews::Status::ready)
    return "partition " + std::to_string(partition.value) + ": " + reason(view.status);
  for (const auto& at : a.question.at_least) {
    const auto topic = a.runtime->topic_named(at.topic);
    const auto known = std::find_if(view.positions.begin(), view.positions.end(),
                                    [&](const auto& p) { return topic && p.topic == *topic; });
    const Offset next = known == view.positions.end() ? Offset{} : known->next;
    if (next < at.next)
      return "topic \"" + at.topic + "\" partition " + std::to_string(partition.value) +
             " is committed up to offset " + std::to_string(next.value) + ", and " +
             std::to_string(at.next.value) + " is asked for";
  }
  return std::nullopt;
}

void Queries::Impl::end(const AskedPtr& a, Result<RawAnswer> result) {
  Answered done;
  {
    const std::lock_guard lock(mutex);
    done.swap(a->done);
  }
  if (done) done(std::move(result));
}

void Queries::Impl::answer(const AskedPtr& a) {
  const PartitionId partition =
      partition_of(a->question.key, a->views->partitions(), a->runtime->partitioner());
  if (auto wrong = wrong_place(*a, partition)) return end(a, *std::move(wrong));
  // The positions first: the state is read later, and contains at least what is before them.
  const auto view = a->views->view(partition);
  RawAnswer answer;
  for (const auto& [topic, next] : view.positions)
    answer.positions.push_back({a->runtime->topic_name(topic), partition, next});
  try {
    if (!view.state) throw Failure({ErrorCode::fenced, reason(view.status)});
    answer.parked = is_parked(*a, *view.state);
    answer.body = run(*a, partition, *view.state);
  } catch (const Failure& e) {
    if (e.error().code == ErrorCode::fenced) {  // it moved meanwhile: wait for it again
      const std::lock_guard lock(mutex);
      a->began.reset();
      waiting.push_back(a);
      return;
    }
    return end(a, Error{e.error().code, name_of(*a, partition) + ": " + e.error().message});
  } catch (...) {
    return end(a, Error{ErrorCode::invalid_argument,
                        name_of(*a, partition) + ": " + describe(std::current_exception()).reason});
  }
  end(a, std::move(answer));
}

// --- threads ---

void Queries::Impl::start() {
  if (timekeeper.joinable()) return;
  timekeeper = std::thread([self = shared_from_this()] { self->keep_time(); });
  for (; workers < options.threads; ++workers)
    std::thread([self = shared_from_this()] { self->work(); }).detach();
}

void Queries::Impl::work() {
  const CallbackThread marked;
  std::unique_lock lock(mutex);
  for (;;) {
    work_comes.wait(lock, [this] { return !ready.empty() || is_closed; });
    if (is_closed) break;
    const AskedPtr a = ready.front();
    running.splice(running.end(), ready, ready.begin());
    a->began = clock.now();
    time_changes.notify_all();
    lock.unlock();
    answer(a);
    lock.lock();
    running.remove(a);
  }
  --workers;
  worker_ends.notify_all();
}

MonotonicTime Queries::Impl::next_check() const {
  MonotonicTime next = clock.now() + std::chrono::hours(1);
  for (const auto* list : {&waiting, &ready, &running})
    for (const auto& a : *list) {
      if (!a->done) continue;  // it still runs, and its asker has an outcome
      next = std::min(next, a->deadline);
      if (a->began) next = std::min(next, MonotonicTime(*a->began + options.limit));
    }
  return next;
}

// Moves what can be answered now, and finds what is over its time.
void Queries::Impl::check_all(std::vector<std::pair<AskedPtr, Error>>& over) {
  const MonotonicTime now = clock.now();
  for (auto it = waiting.begin(); it != waiting.end();) {
    const auto at = it++;
    const auto why = waits(**at);
    if (!why) {
      ready.splice(ready.end(), waiting, at);
      work_comes.notify_one();
    } else if ((*at)->deadline <= now) {
      over.emplace_back(*at, Error{ErrorCode::timed_out,
                                   "no answer of service \"" + (*at)->question.service + "\" within " +
                                       std::to_string((*at)->question.timeout.count()) + " ms: " + *why});
      waiting.erase(at);
    }
  }
  for (auto it = ready.begin(); it != ready.end();) {
    const auto at = it++;
    if ((*at)->deadline > now) continue;
    over.emplace_back(*at, Error{ErrorCode::timed_out, "no answer within " +
                                                           std::to_string((*at)->question.timeout.count()) +
                                                           " ms: all threads for queries are taken"});
    ready.erase(at);
  }
  for (const auto& a : running) {
    const bool is_long = *a->began + options.limit <= now;
    if (!a->done || (!is_long && a->deadline > now)) continue;
    const auto ran = std::chrono::duration_cast<Duration>(now - *a->began).count();
    const std::string text = "query \"" + std::string(a->query->name) + "\" of service \"" +
                             a->question.service + "\", key \"" + printable(a->question.key) +
                             "\", has not returned for " + std::to_string(ran) + " ms";
    if (log && is_long) log->warn("{}: its asker waits no longer", text);
    over.emplace_back(a, Error{ErrorCode::timed_out, text});
  }
}

void Queries::Impl::keep_time() {
  const CallbackThread marked;
  std::unique_lock lock(mutex);
  while (!is_closed) {
    views_changed = false;
    std::vector<std::pair<AskedPtr, Error>> over;
    check_all(over);
    if (!over.empty()) {
      lock.unlock();
      for (const auto& [a, error] : over) end(a, error);
      lock.lock();
      continue;
    }
    time_changes.wait_until(lock, next_check());
  }
}

// --- the object ---

Queries::Queries(QueryOptions options, std::shared_ptr<spdlog::logger> log)
    : impl_(std::make_shared<Impl>(options, std::move(log))) {}
Queries::~Queries() { (void)close(Duration(0)); }

void Queries::add(std::shared_ptr<const ServiceRuntime> runtime, std::shared_ptr<CommittedViews> views) {
  views->on_change([weak = std::weak_ptr(impl_)] {
    const auto impl = weak.lock();
    if (!impl) return;
    const std::lock_guard lock(impl->mutex);
    if (!impl->waiting.empty()) impl->time_changes.notify_all();
  });
  const std::string& name = runtime->plan().name;
  impl_->services[name] = {std::move(runtime), std::move(views)};
}

std::optional<Error> Queries::Impl::enqueue(const AskedPtr& a) {
  const bool is_ready = !waits(*a);
  const std::lock_guard lock(mutex);
  if (is_closed) return Error{ErrorCode::closed, "the node has ended"};
  if (count() >= options.max_questions)
    return Error{ErrorCode::full, std::to_string(count()) + " questions wait for their answers: at most " +
                                      std::to_string(options.max_questions) + " may"};
  try {
    start();
  } catch (const std::system_error& e) {
    return Error{ErrorCode::io, std::string("no thread for queries: ") + e.what()};
  }
  (is_ready ? ready : waiting).push_back(a);
  work_comes.notify_one();
  time_changes.notify_all();
  return std::nullopt;
}

void Queries::ask(Question question, Answered done) {
  const auto asked = impl_->check(std::move(question), done);
  if (!asked) return done(asked.error());
  if (const auto refused = impl_->enqueue(*asked)) done(*refused);
}

bool Queries::close(Duration within) {
  Impl& impl = *impl_;
  std::list<AskedPtr> left;
  std::thread timekeeper;
  {
    const std::lock_guard lock(impl.mutex);
    impl.is_closed = true;
    for (auto* list : {&impl.waiting, &impl.ready}) left.splice(left.end(), *list);
    left.insert(left.end(), impl.running.begin(), impl.running.end());
    timekeeper.swap(impl.timekeeper);
    impl.work_comes.notify_all();
    impl.time_changes.notify_all();
  }
  if (timekeeper.joinable()) timekeeper.join();
  for (const auto& a : left) impl.end(a, Error{ErrorCode::closed, "the node has ended"});
  std::unique_lock lock(impl.mutex);
  return impl.worker_ends.wait_for(lock, within, [&] { return impl.workers == 0; });
}

std::vector<std::string> Queries::running() const {
  const std::lock_guard lock(impl_->mutex);
  std::vector<std::string> names;
  for (const auto& a : impl_->running)
    names.push_back("service " + a->question.service + ": query " + std::string(a->query->name) + ", key \"" +
                    printable(a->question.key) + "\"");
  return names;
}

}  // namespace eventy
