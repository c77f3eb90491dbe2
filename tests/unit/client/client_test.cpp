// A client on a store in memory: where its records go, what comes back, and that every outcome comes once.
#define CAF_SUITE client
#include "eventy/client.hpp"

#include <caf/test/unit_test.hpp>

#include <atomic>
#include <future>
#include <set>
#include <thread>

#include "eventy/json/json.hpp"
#include "eventy/store/memory_store.hpp"
#include "eventy/trace.hpp"

namespace eventy {
namespace {

using namespace std::chrono_literals;

struct Placed {
  std::int64_t n = 0;
  std::string text = {};
  EVENTY_FIELDS(n, text);
  using record = Event<"urn:shop", "Placed", "1.2.0">;
};
struct Quote {
  std::int64_t cents = 0;
  EVENTY_FIELDS(cents);
  using record = Response<"urn:prices", "Quote", "1.0.0">;
};
struct GetQuote {
  std::string sku = {};
  EVENTY_FIELDS(sku);
  using record = Request<"urn:prices", "GetQuote", "1.0.0", Quote>;
};

// Holds back what is appended until it is let go, and can refuse it.
class HeldStore final : public RecordStore {
 public:
  StoreFeatures features() const override { return inner_.features(); }
  Result<void> ensure_topics(const std::vector<TopicSpec>& t) override { return inner_.ensure_topics(t); }
  Result<std::vector<TopicSpec>> topics() const override { return inner_.topics(); }
  Result<std::unique_ptr<StoreSession>> open_session(const SessionOptions& o) override {
    return inner_.open_session(o);
  }
  Result<std::vector<Offset>> append(const std::string& topic,
                                     const std::vector<NewRecord>& records) override {
    std::unique_lock lock(mutex_);
    ++appends;
    changed_.wait(lock, [this] { return !held_; });
    if (error_) return *error_;
    return inner_.append(topic, records);
  }
  Result<std::unique_ptr<RecordReader>> read(const std::string& t, PartitionId p, Offset from) override {
    return inner_.read(t, p, from);
  }
  Result<Offset> end_of(const std::string& t, PartitionId p) const override { return inner_.end_of(t, p); }
  Result<Offset> position(const std::string& s, const std::string& t, PartitionId p) const override {
    return inner_.position(s, t, p);
  }
  Result<void> scan(const std::string& s, const std::string& k, const StateVisitor& v) const override {
    return inner_.scan(s, k, v);
  }

  void hold() { set(true, std::nullopt); }
  void let_go() { set(false, std::nullopt); }
  void fail_with(Error error) { set(false, std::move(error)); }
  std::atomic<int> appends = 0;

 private:
  void set(bool held, std::optional<Error> error) {
    const std::lock_guard lock(mutex_);
    held_ = held, error_ = std::move(error);
    changed_.notify_all();
  }
  MemoryStore inner_ = {};
  std::mutex mutex_ = {};
  std::condition_variable changed_ = {};
  bool held_ = false;
  std::optional<Error> error_ = {};
};

struct Fixture {
  HeldStore store = {};
  std::shared_ptr<const Serializer> json = json::serializer();
  std::optional<Client> made = {};

  Fixture() {
    store
        .ensure_topics(
            {{"shop-events", 4}, {"prices-requests", 4}, {"prices-responses", 2}, {"small-events", 1}})
        .value();
  }
  ~Fixture() { store.let_go(); }
  Client& client(ClientOptions options = {}) {
    if (!made) made = Client::on(store, {.serializer = json, .max_record_bytes = 10'000}, options);
    return *made;
  }
  struct Found {
    Record record;
    PartitionId partition;
    Offset offset;
    std::optional<std::string> key;
  };
  std::vector<Found> records(const std::string& topic, std::uint32_t partitions) {
    std::vector<Found> found;
    const auto decoder = json->make_decoder();
    for (std::uint32_t p = 0; p < partitions; ++p) {
      const auto reader = store.read(topic, {p}, {}).value();
      for (;;) {
        const auto batch = reader->next({}).value();
        if (batch->records.empty()) break;
        for (const auto& r : batch->records)
          found.push_back({decode(r.value, *decoder),
                           {p},
                           r.offset,
                           r.key ? std::optional(std::string(*r.key)) : std::nullopt});
      }
    }
    return found;
  }
  // The request that came last, once one is there.
  Record next_request() {
    for (int i = 0; i < 2000; ++i) {
      const auto all = records("prices-requests", 4);
      if (all.size() > answered_) return all[answered_++].record;
      std::this_thread::sleep_for(1ms);
    }
    throw std::runtime_error("no request came");
  }
  void respond(const Record& request, Record response) {
    response.set_destination(request.source()).set_request_uuid(request.uuid());
    append_response(response);
  }
  void append_response(const Record& response) {
    const auto encoder = json->make_encoder();
    store.append("prices-responses", {{.key = "tea", .value = encode(response, *encoder)}}).value();
  }
  static Record quote(std::int64_t cents) {
    Record r(Kind::response, "urn:prices", "Quote", "urn:prices");
    r.set_destination("urn:client").set_request_uuid(random_uuid());
    r.data = {{"cents", {cents}}};
    return r;
  }
  std::size_t answered_ = 0;
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(client_tests, Fixture)

CAF_TEST(an_event_is_stored_in_its_topic_in_the_partition_of_its_key) {
  const Stored at = client().emit(Placed{7, "tea"}, {.key = "ann"}).get(5s).value();
  CAF_CHECK_EQUAL(at.topic, "shop-events");
  CAF_CHECK_EQUAL(at.partition.value, partition_of("ann", 4).value);
  CAF_CHECK_EQUAL(at.offset.value, 0);
  const auto all = records("shop-events", 4);
  CAF_REQUIRE_EQUAL(all.size(), 1u);
  const Record& r = all[0].record;
  CAF_CHECK_EQUAL(*all[0].key, "ann");
  CAF_CHECK_EQUAL(r.name(), "Placed");
  CAF_CHECK_EQUAL(r.version(), "1.2.0");
  CAF_CHECK_EQUAL(r.source(), "urn:client");
  CAF_CHECK(r.correlation_id().starts_with("client:Placed:"));
  CAF_CHECK_EQUAL(client().emit(Placed{8}, {.key = "ann"}).get(5s).value().offset.value, 1);
  CAF_CHECK_EQUAL(client().figures().stored, 2u);
  CAF_CHECK_EQUAL(client().figures().pending_bytes, 0u);
}

CAF_TEST(options_say_the_date_the_chain_and_the_context) {
  const Instant date = Instant(Duration(1'600'000'000'123));
  client()
      .emit(Placed{1}, {.date = date, .correlation_id = "a:b:c", .context = {{"urn:web", {{"user", "u1"}}}}})
      .get(5s)
      .value();
  const Record r = records("shop-events", 4).at(0).record;
  CAF_CHECK(r.date() == date);
  CAF_CHECK_EQUAL(r.correlation_id(), "a:b:c");
  CAF_CHECK(r.context == Context({{"urn:web", {{"user", "u1"}}}}));
}

CAF_TEST(a_record_has_the_trace_of_its_thread_and_its_callback_has_it_too) {
  const std::string parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  std::promise<OwnedTraceIds> seen;
  {
    const Trace trace({.correlation_id = "web:Order:1", .user_id = "u1", .traceparent = parent});
    client().emit(Placed{1}, {.key = "k"}, [&](const Result<Stored>&) { seen.set_value(Trace::current()); });
    client().emit(Placed{2}, {.key = "k", .correlation_id = "own:Chain:2", .user_id = "u2"}).get(5s).value();
  }
  client().emit(Placed{3}, {.key = "k"}).get(5s).value();
  const OwnedTraceIds in_callback = seen.get_future().get();
  CAF_CHECK_EQUAL(in_callback.correlation_id, "web:Order:1");
  CAF_CHECK_EQUAL(in_callback.user_id, "u1");
  const auto all = records("shop-events", 4);
  CAF_REQUIRE_EQUAL(all.size(), 3u);
  CAF_CHECK_EQUAL(all[0].record.correlation_id(), "web:Order:1");
  CAF_CHECK(trace_ids_in(all[0].record.context).user_id == "u1");
  CAF_CHECK(trace_ids_in(all[0].record.context).traceparent == parent);
  CAF_CHECK_EQUAL(all[1].record.correlation_id(), "own:Chain:2");
  CAF_CHECK(trace_ids_in(all[1].record.context).user_id == "u2");
  CAF_CHECK(all[2].record.correlation_id().starts_with("client:Placed:"));
  CAF_CHECK(all[2].record.context.empty());
}

CAF_TEST(events_without_a_key_are_spread_over_the_partitions) {
  std::set<std::uint32_t> partitions;
  for (int i = 0; i < 60; ++i) partitions.insert(client().emit(Placed{i}).get(5s).value().partition.value);
  CAF_CHECK_EQUAL(partitions.size(), 4u);
  for (const auto& found : records("shop-events", 4)) CAF_CHECK(!found.key);
}

CAF_TEST(an_idempotency_key_decides_the_uuid) {
  const auto emit = [&](const Client& from, std::string_view key, std::string_view idempotency) {
    from.emit(Placed{1}, {.key = key, .idempotency_key = idempotency}).get(5s).value();
  };
  emit(client(), "ann", "order-1");
  emit(client(), "ann", "order-1");
  const std::size_t repeated = 2;
  emit(client(), "ann", "order-2");
  emit(client(), "bob", "order-1");
  emit(client().named("other"), "ann", "order-1");
  emit(client(), "annorder", "-1");
  std::multiset<std::string> uuids;
  for (const auto& found : records("shop-events", 4)) {
    CAF_CHECK(is_uuid_v4(found.record.uuid()));
    uuids.insert(found.record.uuid());
  }
  CAF_CHECK_EQUAL(uuids.size(), 6u);
  CAF_CHECK_EQUAL(std::set(uuids.begin(), uuids.end()).size(), uuids.size() - repeated + 1);
}

CAF_TEST(what_is_wrong_with_a_record_is_said_and_nothing_is_stored) {
  struct Unknown {
    EVENTY_FIELDS();
    using record = Event<"urn:nowhere", "Unknown", "1.0.0">;
  };
  const auto missing = client().emit(Unknown{}).get(5s);
  CAF_REQUIRE(!missing);
  CAF_CHECK(missing.error().code == ErrorCode::not_found);
  CAF_CHECK(missing.error().message.find("nowhere-events") != std::string::npos);
  const auto large = client().emit(Placed{1, std::string(20'000, 'x')}).get(5s);
  CAF_CHECK(large.error().code == ErrorCode::too_large);
  const auto bad = client().emit(Placed{1, "\xff\xfe"}).get(5s);
  CAF_CHECK(bad.error().code == ErrorCode::invalid_argument);
  CAF_CHECK(records("shop-events", 4).empty());
  CAF_CHECK_EQUAL(client().figures().pending_bytes, 0u);
}

CAF_TEST(more_than_the_bound_is_refused_until_there_is_room) {
  client({.max_pending_bytes = 3'000});
  store.hold();
  std::vector<Future<Stored>> taken;
  std::optional<Result<Stored>> refused;
  for (int i = 0; i < 100 && !refused; ++i) {
    auto future = client().emit(Placed{i, std::string(200, 'x')}, {.key = "ann"});
    if (future.ready()) {
      refused = future.get(0ms);
    } else {
      taken.push_back(std::move(future));
    }
  }
  CAF_REQUIRE(refused && !*refused);
  CAF_CHECK(refused->error().code == ErrorCode::full);
  CAF_CHECK(taken.size() >= 3 && taken.size() <= 10);
  store.let_go();
  for (std::size_t i = 0; i < taken.size(); ++i)
    CAF_CHECK_EQUAL(taken[i].get(5s).value().offset.value, static_cast<std::int64_t>(i));
  CAF_CHECK(client().emit(Placed{1}, {.key = "ann"}).get(5s).ok());
}

CAF_TEST(what_waits_while_the_store_writes_is_written_together) {
  client().emit(Placed{0}, {.key = "a"}).get(5s).value();
  store.hold();
  const int before = store.appends;
  std::vector<Future<Stored>> futures;
  for (int i = 0; i < 100; ++i) futures.push_back(client().emit(Placed{i}, {.key = "a"}));
  store.let_go();
  for (std::size_t i = 0; i < futures.size(); ++i)
    CAF_CHECK_EQUAL(futures[i].get(5s).value().offset.value, static_cast<std::int64_t>(i + 1));
  CAF_CHECK(store.appends - before <= 2);
}

CAF_TEST(a_store_that_fails_fails_what_it_was_given) {
  store.fail_with({ErrorCode::no_space, "the disk is full"});
  const auto failed = client().emit(Placed{1}).get(5s);
  CAF_CHECK(failed.error().code == ErrorCode::no_space);
  CAF_CHECK_EQUAL(client().figures().failed, 1u);
  store.let_go();
  CAF_CHECK(client().emit(Placed{1}).get(5s).ok());
}

CAF_TEST(a_callback_must_not_wait_for_its_own_thread) {
  std::promise<std::pair<Result<Stored>, Result<void>>> said;
  client().emit(Placed{1}, {}, [&, c = client()](const Result<Stored>&) {
    said.set_value({c.emit(Placed{2}).get(5s), c.close(1s)});
  });
  auto [waited, closed] = said.get_future().get();
  CAF_CHECK(!waited && waited.error().code == ErrorCode::invalid_argument);
  CAF_CHECK(!closed && closed.error().code == ErrorCode::invalid_argument);
  CAF_CHECK(client().emit(Placed{3}).get(5s).ok());
}

CAF_TEST(the_last_copy_may_end_in_a_callback) {
  std::promise<void> ended;
  {
    auto own = std::make_shared<Client>(Client::on(store, {.serializer = json}));
    Client& c = *own;
    c.emit(Placed{1}, {}, [own = std::move(own), &ended](const Result<Stored>&) mutable {
      own.reset();
      ended.set_value();
    });
  }
  CAF_CHECK(ended.get_future().wait_for(5s) == std::future_status::ready);
}

CAF_TEST(everything_has_an_outcome_when_the_client_closes) {
  client();
  client().emit(Placed{0}).get(5s).value();
  store.hold();
  std::vector<Future<Stored>> emitted;
  for (int i = 0; i < 5; ++i) emitted.push_back(client().emit(Placed{i}));
  const auto asked = client().request(GetQuote{"tea"}, {.timeout = 60s});
  std::thread releasing([&] {
    std::this_thread::sleep_for(200ms);
    store.let_go();
  });
  client().close(10ms).value();
  releasing.join();
  std::size_t stored = 0;
  for (const auto& future : emitted) {
    CAF_CHECK(future.ready());
    const auto result = future.get(0ms);
    CAF_CHECK(result || result.error().code == ErrorCode::closed);
    stored += result.ok();
  }
  CAF_CHECK(asked.ready());
  CAF_CHECK(asked.get(0ms).error().code == ErrorCode::closed);
  CAF_CHECK_EQUAL(records("shop-events", 4).size(), stored + 1);
  CAF_CHECK(client().emit(Placed{1}).get(0ms).error().code == ErrorCode::closed);
  CAF_CHECK(client().request(GetQuote{"tea"}).get(0ms).error().code == ErrorCode::closed);
  client().close(1s).value();
}

CAF_TEST(a_request_gets_its_response) {
  const auto asked =
      client().named("shop").request(GetQuote{"tea"}, {.key = "tea", .correlation_id = "x:y:z"});
  const Record request = next_request();
  CAF_CHECK_EQUAL(request.source(), "urn:shop");
  CAF_CHECK_EQUAL(request.correlation_id(), "x:y:z");
  respond(request, quote(250));
  const auto reply = asked.get(5s).value();
  CAF_CHECK(reply.ok());
  CAF_CHECK_EQUAL(reply.value().cents, 250);
  CAF_CHECK_EQUAL(client().figures().responses, 1u);
  CAF_CHECK_EQUAL(client().figures().open_requests, 0u);
}

CAF_TEST(a_refusal_is_a_reply_and_no_error) {
  const auto asked = client().request(GetQuote{"tea"}, {.key = "tea"});
  Record refusal = quote(0);
  refusal.set_refusal(404, "no tea");
  refusal.data.clear();
  respond(next_request(), refusal);
  const auto reply = asked.get(5s).value();
  CAF_CHECK(!reply.ok());
  CAF_CHECK(reply.error_code() == 404);
  CAF_CHECK_EQUAL(reply.error_message(), "no tea");
}

CAF_TEST(a_request_without_a_response_times_out_and_a_late_response_is_counted) {
  std::atomic<int> outcomes = 0;
  std::promise<Result<Reply<Quote>>> outcome;
  client().request(GetQuote{"tea"}, {.key = "tea", .timeout = 50ms}, [&](Result<Reply<Quote>> reply) {
    if (++outcomes == 1) outcome.set_value(std::move(reply));
  });
  const auto reply = outcome.get_future().get();
  CAF_CHECK(reply.error().code == ErrorCode::timed_out);
  CAF_CHECK_EQUAL(client().figures().timed_out, 1u);
  respond(next_request(), quote(1));
  const auto other = client().request(GetQuote{"tea"}, {.key = "tea"});
  respond(next_request(), quote(2));
  CAF_CHECK_EQUAL(other.get(5s).value().value().cents, 2);
  CAF_CHECK_EQUAL(client().figures().unexpected_responses, 1u);
  CAF_CHECK_EQUAL(outcomes.load(), 1);
}

CAF_TEST(responses_to_others_and_strange_records_are_passed_over) {
  const auto asked = client().request(GetQuote{"tea"}, {.key = "tea"});
  const Record request = next_request();
  Record to_another = quote(1);
  to_another.set_destination("urn:another").set_request_uuid(request.uuid());
  append_response(to_another);
  store.append("prices-responses", {{.key = "tea", .value = "no json"}, {.key = "tea", .tombstone = true}})
      .value();
  append_response(quote(3));  // to this name, of an earlier life
  respond(request, quote(4));
  respond(request, quote(5));
  CAF_CHECK_EQUAL(asked.get(5s).value().value().cents, 4);
  const auto later = client().request(GetQuote{"tea"}, {.key = "tea"});
  respond(next_request(), quote(6));
  CAF_CHECK_EQUAL(later.get(5s).value().value().cents, 6);
  CAF_CHECK_EQUAL(client().figures().unexpected_responses, 2u);  // the earlier life's, and the repeated one
}

CAF_TEST(another_record_than_the_response_is_an_error) {
  const auto asked = client().request(GetQuote{"tea"}, {.key = "tea"});
  Record other(Kind::response, "urn:prices", "Weather", "urn:prices");
  respond(next_request(), other);
  const auto reply = asked.get(5s);
  CAF_CHECK(!reply && reply.error().code == ErrorCode::decode);
  CAF_CHECK(reply.error().message.find("Weather") != std::string::npos);
}

CAF_TEST(a_request_that_is_not_stored_fails_at_once) {
  client().request(GetQuote{"tea"}, {.timeout = 1ms});
  store.fail_with({ErrorCode::no_space, "the disk is full"});
  const auto failed = client().request(GetQuote{"tea"}, {.timeout = 60s}).get(5s);
  CAF_CHECK(failed.error().code == ErrorCode::no_space);
  store.fail_with({ErrorCode::unknown_outcome, "no answer"});
  const auto unknown = client().request(GetQuote{"tea"}, {.timeout = 100ms}).get(5s);
  CAF_CHECK(unknown.error().code == ErrorCode::timed_out);
}

CAF_TEST(open_requests_have_a_bound) {
  client({.max_requests = 2});
  const auto first = client().request(GetQuote{"a"}), second = client().request(GetQuote{"b"});
  CAF_CHECK(client().request(GetQuote{"c"}).get(1s).error().code == ErrorCode::full);
  respond(next_request(), quote(1));
  CAF_CHECK(first.get(5s).ok() || second.ready());
  CAF_CHECK(!client().request(GetQuote{"d"}, {.timeout = 1ms}).ready());
}

CAF_TEST(many_threads_share_a_client) {
  constexpr int threads = 16, each = 200;
  std::atomic<int> stored = 0;
  std::vector<std::thread> all;
  for (int t = 0; t < threads; ++t)
    all.emplace_back([&, t, c = client()] {
      for (int i = 0; i < each; ++i)
        stored += c.emit(Placed{i}, {.key = "k" + std::to_string(t)}).get(10s).ok();
    });
  for (auto& thread : all) thread.join();
  CAF_CHECK_EQUAL(stored.load(), threads * each);
  std::map<std::string, std::int64_t> next;
  for (const auto& found : records("shop-events", 4))
    CAF_CHECK_EQUAL(std::get<std::int64_t>(found.record.data.at(0).second.is), next[*found.key]++);
}

CAF_TEST_FIXTURE_SCOPE_END()

}  // namespace eventy
