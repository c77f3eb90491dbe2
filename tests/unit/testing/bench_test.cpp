// A service's behaviour as its author sees it, on Bench: all guarantees, requests, failures, queries,
// sources.
#define CAF_SUITE bench

#include "eventy/testing/bench.hpp"

#include <caf/test/unit_test.hpp>

#include "eventy/json/json.hpp"
#include "eventy/msgpack/msgpack.hpp"
#include "eventy/service.hpp"

namespace {

struct Clicked {
  std::string page;
  std::int64_t n = 0;
  EVENTY_FIELDS(page, n);
  using record = eventy::Event<"urn:web", "Clicked", "1.0.0">;
};
struct Counted {
  std::string who;
  std::int64_t n = 0;
  EVENTY_FIELDS(who, n);
  using record = eventy::Event<"urn:counter", "Counted", "1.0.0">;
};
struct Price {
  std::int64_t cents = 0;
  EVENTY_FIELDS(cents);
  using record = eventy::Response<"urn:catalog", "Price", "1.0.0">;
};
struct GetPrice {
  std::string sku;
  EVENTY_FIELDS(sku);
  using record = eventy::Request<"urn:catalog", "GetPrice", "1.0.0", Price>;
};
struct Tally {
  std::int64_t n = 0, spent = 0, failed = 0;
  EVENTY_FIELDS(n, spent, failed);
};
struct GetTally {
  EVENTY_FIELDS();
  using record = eventy::Query<"GetTally", Tally>;
};
struct Busy : std::runtime_error {
  using runtime_error::runtime_error;
};

using Turn = eventy::Turn<Tally>;

void clicked(Turn& turn, const Clicked& c) {
  Tally& tally = turn.edit();
  tally.n += c.n;
  turn.emit(Counted{std::string(turn.key()), tally.n});
  if (c.page == "buy") turn.request(GetPrice{c.page});
  if (c.n < 0) throw std::invalid_argument("n is negative");
}

eventy::Service counter() {
  return eventy::service<Tally>("counter")
      .on(eventy::exactly_once, clicked)
      .on(eventy::exactly_once,
          [](Turn& turn, const eventy::Reply<Price>& p) {
            if (p.ok()) {
              turn.edit().spent += p.value().cents;
            } else {
              ++turn.edit().failed;
            }
          })
      .answer<GetTally>([](const Tally* t, const GetTally&) { return t ? *t : Tally{}; });
}

eventy::Service catalog() {
  return eventy::service<>("catalog").on<GetPrice>(eventy::exactly_once, [](auto& turn, const GetPrice& q) {
    if (q.sku == "tea") {
      turn.respond(Price{450});
    } else {
      turn.refuse(404, "unknown");
    }
  });
}

}  // namespace

using eventy::testing::Bench;

namespace {
Tally tally(const Bench& bench, const std::string& key) { return bench.state<Tally>(key).value(); }
}  // namespace

CAF_TEST(counts_per_key_and_emits_what_it_counted) {
  Bench bench{counter()};
  bench.tell(Clicked{"tea", 2}, "ann");
  bench.tell(Clicked{"tea", 3}, "bob");
  bench.tell(Clicked{"tea", 5}, "ann");
  const auto sent = bench.sent<Counted>();
  CAF_REQUIRE_EQUAL(sent.size(), 3u);
  CAF_CHECK_EQUAL(sent[2].n, 7);
  CAF_CHECK_EQUAL(tally(bench, "ann").n, 7);
  CAF_CHECK_EQUAL(tally(bench, "bob").n, 3);
  CAF_CHECK_EQUAL(bench.ask("ann", GetTally{}).n, 7);
  CAF_CHECK_EQUAL(bench.ask("nobody", GetTally{}).n, 0);
}

CAF_TEST(outputs_inherit_chain_and_context_and_have_derived_uuids) {
  std::string first;
  for (int run = 0; run < 2; ++run) {
    Bench bench{counter()};
    const eventy::Context context{{"urn:web", {{"user", std::string("u7")}}}};
    bench.tell(Clicked{"tea", 1}, "ann",
               {.uuid = "0a8d4d3e-2f3a-4c5b-8d6e-7f8091a2b3c4",
                .correlation_id = "web:Clicked:x",
                .context = context});
    const auto& record = bench.sent_records().at(0).record;
    CAF_CHECK_EQUAL(record.correlation_id(), "web:Clicked:x");
    CAF_CHECK(record.context == context);
    CAF_CHECK_EQUAL(record.source(), "urn:counter");
    CAF_CHECK(record.partition_key() == std::optional<std::string>("ann"));
    CAF_CHECK(eventy::is_uuid_v4(record.uuid()));
    if (run == 0) first = record.uuid();
    CAF_CHECK_EQUAL(record.uuid(), first);
  }
}

CAF_TEST(a_throw_undoes_the_turn_and_dead_letters_the_record) {
  Bench bench{counter()};
  bench.tell(Clicked{"tea", 2}, "ann");
  bench.tell(Clicked{"tea", -5}, "ann");
  bench.tell(Clicked{"tea", -5}, "new");
  CAF_CHECK_EQUAL(tally(bench, "ann").n, 2);
  CAF_CHECK(!bench.state<Tally>("new"));
  CAF_CHECK_EQUAL(bench.sent<Counted>().size(), 1u);
  CAF_REQUIRE_EQUAL(bench.dead_letters().size(), 2u);
  const auto& headers = bench.dead_letters()[0].headers;
  CAF_CHECK_EQUAL(headers.at("eventy-reason"), "n is negative");
  CAF_CHECK_EQUAL(headers.at("eventy-error-class"), "std::invalid_argument");
  CAF_CHECK_EQUAL(headers.at("eventy-handler"), "Clicked");
  CAF_CHECK_EQUAL(headers.at("eventy-topic"), "web-events");
  CAF_CHECK_EQUAL(headers.at("eventy-offset"), "1");
}

CAF_TEST(a_request_is_answered_and_its_response_comes_back_to_the_requesters_key) {
  Bench desk{catalog()};
  Bench bench{counter()};
  bench.tell(Clicked{"buy", 1}, "ann");
  const auto asked = bench.sent_records().at(1).record;
  CAF_CHECK_EQUAL(asked.name(), "GetPrice");
  CAF_CHECK_EQUAL(bench.sent_records().at(1).topic, "catalog-requests");
  desk.tell(GetPrice{"tea"}, "ann",
            {.uuid = asked.uuid(),
             .source = asked.source(),
             .correlation_id = asked.correlation_id(),
             .context = asked.context});
  const auto answer = desk.sent_records().at(0).record;
  CAF_CHECK_EQUAL(answer.destination(), "urn:counter");
  CAF_CHECK_EQUAL(answer.request_uuid(), asked.uuid());
  CAF_CHECK_EQUAL(answer.correlation_id(), asked.correlation_id());
  bench.tell(Price{450}, "another key", {.context = answer.context, .request_uuid = answer.request_uuid()});
  CAF_CHECK_EQUAL(tally(bench, "ann").spent, 450);
  CAF_CHECK(!bench.state<Tally>("another key"));
}

// Each tells in an event which key and which requests it saw.
CAF_TEST(a_response_handler_of_any_guarantee_sees_the_requesters_key_and_no_entry_of_the_request) {
  const auto tell_what_is_seen = [](eventy::StatelessTurn& turn, const eventy::Reply<Price>&) {
    const auto own = turn.context().find("urn:counter");
    turn.emit(Counted{std::string(turn.key()),
                      own == turn.context().end() ? 0 : static_cast<std::int64_t>(own->second.size())});
  };
  for (const bool with_state : {true, false}) {
    const auto all = [&](auto builder) {
      return eventy::Service(std::move(builder)
                                 .on(eventy::at_least_once, tell_what_is_seen)
                                 .on(eventy::exactly_once, tell_what_is_seen)
                                 .on(eventy::at_most_once, tell_what_is_seen));
    };
    Bench bench{with_state ? all(eventy::service<Tally>("counter")) : all(eventy::service<>("counter"))};
    const std::string asked = eventy::random_uuid();
    bench.tell(Price{450}, "another key",
               {.context = {{"urn:counter", {{"request:" + asked, std::string("ann")}, {"mine", true}}}},
                .request_uuid = asked});
    const auto sent = bench.sent<Counted>();
    CAF_REQUIRE_EQUAL(sent.size(), 3u);
    for (std::size_t i = 0; i < sent.size(); ++i) {
      CAF_CHECK_EQUAL(sent[i].who, "ann");
      CAF_CHECK_EQUAL(sent[i].n, 1);
      const auto& record = bench.sent_records()[i].record;
      CAF_CHECK(record.partition_key() == std::optional<std::string>("ann"));
      CAF_CHECK_EQUAL(record.context.at("urn:counter").size(), 1u);
    }
  }
}

CAF_TEST(a_refusal_carries_code_and_no_data) {
  Bench desk{catalog()};
  desk.tell(GetPrice{"coal"}, "ann", {.source = "urn:counter"});
  const auto& answer = desk.sent_records().at(0).record;
  CAF_CHECK(!answer.ok());
  CAF_CHECK(answer.error_code() == std::optional<std::int64_t>(404));
  CAF_CHECK(answer.data.empty());
}

CAF_TEST(a_response_for_somebody_else_is_dropped) {
  Bench bench{counter()};
  bench.tell(Price{1}, "ann", {.destination = "urn:other"});
  CAF_CHECK_EQUAL(bench.stats().dropped, 1u);
  CAF_CHECK_EQUAL(bench.dead_letters().size(), 0u);
}

CAF_TEST(a_response_without_a_way_home_never_touches_state) {
  Bench bench{counter()};
  bench.tell(Price{1}, "ann");
  CAF_CHECK(!bench.state<Tally>("ann"));
  CAF_REQUIRE_EQUAL(bench.dead_letters().size(), 1u);
  CAF_CHECK_EQUAL(bench.dead_letters()[0].headers.at("eventy-error-class"), "NoRequesterKey");
}

CAF_TEST(a_record_without_a_key_reaches_stateless_services_only) {
  Bench bench{counter()};
  bench.tell(Clicked{"tea", 1}, std::nullopt);
  CAF_REQUIRE_EQUAL(bench.dead_letters().size(), 1u);
  CAF_CHECK_EQUAL(bench.dead_letters()[0].headers.at("eventy-error-class"), "NoKey");
  Bench desk{catalog()};
  desk.tell(GetPrice{"tea"}, std::nullopt, {.source = "urn:counter"});
  CAF_CHECK_EQUAL(desk.sent<Price>().size(), 1u);
}

CAF_TEST(no_key_and_an_empty_one_are_told_apart) {
  Bench bench{counter()};
  bench.tell(Clicked{"tea", 1}, std::nullopt);
  bench.tell(Clicked{"tea", 1}, "");
  CAF_REQUIRE_EQUAL(bench.dead_letters().size(), 2u);
  const auto &none = bench.dead_letters()[0], &empty = bench.dead_letters()[1];
  CAF_CHECK_EQUAL(none.headers.at("eventy-reason"),
                  "a record without a partition_key cannot reach a service with state");
  CAF_CHECK_EQUAL(empty.headers.at("eventy-reason"),
                  "a record with an empty partition_key cannot reach a service with state");
  CAF_CHECK(!none.key);
  CAF_CHECK_EQUAL(empty.key.value_or("null"), "");
}

CAF_TEST(a_tombstone_and_an_empty_value_are_told_apart) {
  for (const auto& format : {eventy::json::serializer(), eventy::msgpack::serializer()}) {
    Bench bench{counter(), {.serializer = format}};
    bench.tell_bytes("web-events", std::nullopt, "ann");
    bench.tell_bytes("web-events", "", "ann");
    CAF_REQUIRE_EQUAL(bench.dead_letters().size(), 2u);
    const auto &tombstone = bench.dead_letters()[0], &empty = bench.dead_letters()[1];
    CAF_CHECK_EQUAL(tombstone.headers.at("eventy-reason"),
                    "a tombstone: it has no value, not even an empty one");
    CAF_CHECK(tombstone.tombstone);
    CAF_CHECK(empty.headers.at("eventy-reason").ends_with("there are no bytes"));
    CAF_CHECK(!empty.tombstone);
  }
}

CAF_TEST(bytes_that_do_not_decode_are_kept_whole) {
  Bench bench{counter()};
  bench.tell_bytes("web-events", "no record at all", "ann");
  CAF_REQUIRE_EQUAL(bench.dead_letters().size(), 1u);
  CAF_CHECK_EQUAL(bench.dead_letters()[0].bytes, "no record at all");
  CAF_CHECK_EQUAL(bench.dead_letters()[0].headers.at("eventy-error-class"), "DecodeError");
}

CAF_TEST(a_response_whose_context_does_not_decode_is_kept_whole) {
  const std::string bytes =
      R"({"type":"RESPONSE","namespace":"urn:catalog","name":"Price","version":"1.0.0","source":"urn:catalog",)"
      R"("uuid":"10000000-0000-4000-8000-000000000001","correlation_id":"c","date_timestamp":0,)"
      R"("destination":"urn:counter","request_uuid":"20000000-0000-4000-8000-000000000002",)"
      R"("context":{"urn:catalog":{"list":[1]}},"data":{"cents":1}})";
  Bench bench{counter(), {.serializer = eventy::json::serializer()}};
  bench.tell_bytes("catalog-responses", bytes, "ann");
  CAF_REQUIRE_EQUAL(bench.dead_letters().size(), 1u);
  CAF_CHECK_EQUAL(bench.dead_letters()[0].bytes, bytes);
  CAF_CHECK_EQUAL(bench.dead_letters()[0].headers.at("eventy-error-class"), "DecodeError");
  CAF_CHECK(bench.dead_letters()[0].headers.at("eventy-reason").starts_with("context.urn:catalog.list: "));
}

CAF_TEST(each_topic_is_told_and_read_in_its_own_format) {
  Bench bench{counter(),
              {.serializers = {{"web-events", eventy::json::serializer()},
                               {"counter", eventy::msgpack::serializer()}}}};
  bench.tell(Clicked{"tea", 2}, "ann");
  bench.tell_bytes("web-events", "{", "ann");
  CAF_CHECK_EQUAL(tally(bench, "ann").n, 2);
  CAF_CHECK(bench.dead_letters().at(0).headers.at("eventy-reason").find("JSON") != std::string::npos);
  const auto sent = bench.sent<Counted>();
  CAF_CHECK_EQUAL(sent.at(0).n, 2);
  const auto& bytes = bench.sent_records().at(0).bytes;
  const eventy::Record record = decode(bytes, *eventy::msgpack::serializer()->make_decoder());
  CAF_CHECK_EQUAL(record.name(), "Counted");
}

CAF_TEST(another_major_version_is_dead_lettered_a_minor_one_is_read) {
  Bench bench{counter()};
  bench.tell(Clicked{"tea", 1}, "ann", {.version = "1.7.3"});
  bench.tell(Clicked{"tea", 1}, "ann", {.version = "2.0.0"});
  CAF_CHECK_EQUAL(tally(bench, "ann").n, 1);
  CAF_CHECK_EQUAL(bench.dead_letters().size(), 1u);
}

CAF_TEST(a_failing_turn_is_tried_again_with_growing_waits_and_others_of_its_key_wait) {
  const auto failures = std::make_shared<int>(3);
  Bench bench{
      eventy::Service(eventy::service<Tally>("counter")
                          .on(eventy::exactly_once,
                              [failures](Turn& turn, const Clicked& c) {
                                turn.edit().n = turn.edit().n * 10 + c.n;
                                if ((*failures)-- > 0) throw Busy("busy");
                              })
                          .on_failure<Busy>({.retry = {.times = 8, .first = eventy::Duration(100)}}))};
  bench.tell(Clicked{"tea", 1}, "ann");
  bench.tell(Clicked{"tea", 2}, "ann");
  CAF_CHECK(!bench.state<Tally>("ann"));
  bench.advance(eventy::Duration(99));
  CAF_CHECK_EQUAL(bench.stats().failed_turns, 1u);
  bench.advance(eventy::Duration(27));
  CAF_CHECK_EQUAL(bench.stats().failed_turns, 2u);
  bench.advance(eventy::Duration(199));
  CAF_CHECK_EQUAL(bench.stats().failed_turns, 2u);
  bench.advance(eventy::Duration(52));
  CAF_CHECK_EQUAL(bench.stats().failed_turns, 3u);
  bench.advance(eventy::Duration(501));
  CAF_REQUIRE(bench.state<Tally>("ann"));
  CAF_CHECK_EQUAL(tally(bench, "ann").n, 12);
  CAF_CHECK_EQUAL(bench.dead_letters().size(), 0u);
}

CAF_TEST(retries_that_run_out_end_in_a_dead_letter_that_counts_them) {
  Bench bench{
      eventy::Service(eventy::service<Tally>("counter")
                          .on(eventy::exactly_once, [](Turn&, const Clicked&) { throw Busy("still busy"); })
                          .on_failure<Busy>({.retry = {.times = 2, .first = eventy::Duration(10)}}))};
  bench.tell(Clicked{"tea", 1}, "ann");
  bench.advance(eventy::Duration(1000));
  bench.advance(eventy::Duration(1000));
  CAF_REQUIRE_EQUAL(bench.dead_letters().size(), 1u);
  CAF_CHECK_EQUAL(bench.dead_letters()[0].headers.at("eventy-attempts"), "3");
}

CAF_TEST(handlers_of_all_guarantees_see_a_record_and_one_that_fails_does_not_hold_the_others) {
  Bench bench{eventy::Service(eventy::service<Tally>("counter")
                                  .on(eventy::at_least_once,
                                      [](Turn& turn, const Clicked&) {
                                        turn.emit(Counted{"at least", 1});
                                      })
                                  .on(eventy::exactly_once,
                                      [](Turn& turn, const Clicked& c) {
                                        ++turn.edit().n;
                                        turn.emit(Counted{"exactly", 1});
                                        if (c.n < 0) throw std::runtime_error("no");
                                      })
                                  .on(eventy::at_most_once, [](eventy::StatelessTurn& turn, const Clicked&) {
                                    turn.emit(Counted{"at most", 1});
                                  }))};
  bench.tell(Clicked{"tea", 1}, "ann");
  CAF_REQUIRE_EQUAL(bench.sent_records().size(), 3u);
  const auto sent = bench.sent<Counted>();
  CAF_CHECK_EQUAL(sent[0].who, "at least");
  CAF_CHECK(bench.sent_records()[0].immediate);
  CAF_CHECK_EQUAL(sent[1].who, "exactly");
  CAF_CHECK(!bench.sent_records()[1].immediate);
  CAF_CHECK_EQUAL(sent[2].who, "at most");
  CAF_CHECK(bench.sent_records()[2].immediate);
  bench.tell(Clicked{"tea", -1}, "ann");
  CAF_CHECK_EQUAL(bench.sent<Counted>().size(), 5u);
  CAF_CHECK_EQUAL(tally(bench, "ann").n, 1);
  CAF_CHECK_EQUAL(bench.dead_letters().size(), 1u);
}

CAF_TEST(an_at_least_once_turn_that_changes_state_writes_in_the_transaction) {
  Bench bench{eventy::Service(
      eventy::service<Tally>("counter").on(eventy::at_least_once, [](Turn& turn, const Clicked&) {
        turn.emit(Counted{"x", ++turn.edit().n});
      }))};
  bench.tell(Clicked{"tea", 1}, "ann");
  CAF_CHECK(!bench.sent_records().at(0).immediate);
}

CAF_TEST(an_event_can_have_a_date_no_key_and_a_chain_of_its_own) {
  const auto happened =
      std::chrono::floor<std::chrono::milliseconds>(std::chrono::sys_days{std::chrono::year{1999} / 12 / 31});
  Bench bench{eventy::Service(eventy::service<Tally>("counter").on([=](Turn& turn, const Clicked&) {
    turn.set_context("seen", true);
    turn.emit(Counted{"plain", 1});
    turn.emit(Counted{"dated", 2}, {.date = happened});
    turn.emit(Counted{"keyless", 3}, {.key = eventy::no_key});
    turn.emit(Counted{"elsewhere", 4}, {.key = "bob"});
    turn.emit(Counted{"begins", 5}, {.new_chain = true});
    turn.emit(Counted{"inherits", 6});
  }))};
  bench.tell(Clicked{"tea", 1}, "ann", {.correlation_id = "chain-1"});
  const auto& sent = bench.sent_records();
  CAF_REQUIRE_EQUAL(sent.size(), 6u);
  CAF_CHECK(sent[0].record.date() == bench.now());
  CAF_CHECK(sent[1].record.date() == happened);
  CAF_CHECK_EQUAL(sent[0].record.partition_key().value(), "ann");
  CAF_CHECK(!sent[2].record.partition_key());
  CAF_CHECK_EQUAL(sent[3].record.partition_key().value(), "bob");
  for (const std::size_t i : {0, 1, 2, 3, 5}) {
    CAF_CHECK_EQUAL(sent[i].record.correlation_id(), "chain-1");
    CAF_CHECK_EQUAL(sent[i].record.context.size(), 1u);
  }
  CAF_CHECK_EQUAL(sent[4].record.correlation_id(), "counter:Counted:" + sent[4].record.uuid());
  CAF_CHECK(sent[4].record.context.empty());
}

CAF_TEST(a_chain_that_begins_has_the_same_id_when_its_turn_is_repeated) {
  int tries = 0;
  Bench bench{eventy::Service(eventy::service<Tally>("counter")
                                  .on(eventy::at_least_once,
                                      [](Turn& turn, const Clicked&) {
                                        turn.emit(Counted{"begins", 1}, {.new_chain = true});
                                      })
                                  .on(eventy::exactly_once,
                                      [&tries](Turn&, const Clicked&) {
                                        if (++tries == 1) throw std::runtime_error("once more");
                                      })
                                  .on_failure({.retry = {.times = 1, .first = eventy::Duration(10)}}))};
  bench.tell(Clicked{"tea", 1}, "ann");
  bench.advance(eventy::Duration(1000));
  CAF_CHECK_EQUAL(tries, 2);
  CAF_REQUIRE_EQUAL(bench.sent_records().size(), 1u);
  const auto& record = bench.sent_records()[0].record;
  CAF_CHECK_EQUAL(record.correlation_id(), "counter:Counted:" + record.uuid());
}

CAF_TEST(a_forgotten_state_is_gone) {
  Bench bench{eventy::Service(eventy::service<Tally>("counter").on([](Turn& turn, const Clicked& c) {
    turn.edit().n = c.n;
    if (c.n == 0) turn.delete_state();
  }))};
  bench.tell(Clicked{"tea", 4}, "ann");
  CAF_CHECK(bench.state<Tally>("ann"));
  bench.tell(Clicked{"tea", 0}, "ann");
  CAF_CHECK(!bench.state<Tally>("ann"));
  bench.tell(Clicked{"tea", 1}, "ann");
  CAF_CHECK_EQUAL(tally(bench, "ann").n, 1);
}

CAF_TEST(writing_records_of_another_namespace_is_refused) {
  Bench bench{eventy::Service(eventy::service<>("other").on<Clicked>(
      eventy::exactly_once, [](auto& turn, const Clicked&) { turn.emit(Counted{}); }))};
  bench.tell(Clicked{"tea", 4}, "ann");
  CAF_REQUIRE_EQUAL(bench.dead_letters().size(), 1u);
  CAF_CHECK_EQUAL(bench.dead_letters()[0].headers.at("eventy-error-class"), "std::logic_error");
}

CAF_TEST(a_kept_reply_to_answers_later_with_the_requests_chain_and_context) {
  struct Waiting {
    eventy::ReplyTo to = {};
    EVENTY_FIELDS(to);
  };
  Bench desk{
      eventy::Service(eventy::service<Waiting>("catalog")
                          .on(eventy::exactly_once, [](eventy::RequestTurn<Waiting, GetPrice>& turn,
                                                       const GetPrice&) { turn.edit().to = turn.reply_to(); })
                          .on(eventy::exactly_once, [](eventy::Turn<Waiting>& turn, const Clicked&) {
                            turn.respond(turn.state()->to, Price{9});
                          }))};
  const std::string uuid = eventy::random_uuid();
  desk.tell(GetPrice{"tea"}, "shelf",
            {.uuid = uuid,
             .source = "urn:counter",
             .correlation_id = "a:b:c",
             .context = {{"urn:counter", {{"request:" + uuid, std::string("ann")}}}}});
  desk.tell(Clicked{"tea", 1}, "shelf", {.correlation_id = "another"});
  CAF_REQUIRE_EQUAL(desk.sent_records().size(), 1u);
  const auto& answer = desk.sent_records()[0].record;
  CAF_CHECK_EQUAL(answer.correlation_id(), "a:b:c");
  CAF_CHECK_EQUAL(answer.request_uuid(), uuid);
  CAF_CHECK(answer.partition_key() == std::optional<std::string>("ann"));
  CAF_CHECK(answer.context.contains("urn:counter"));
}

CAF_TEST(a_record_that_cannot_be_written_leaves_nothing_behind_where_the_handler_catches_it) {
  const auto service = eventy::Service(eventy::service<Tally>("counter").on([](Turn& turn, const Clicked& c) {
    turn.emit(Counted{"before", 1});
    try {
      turn.emit(Counted{c.page, 2});
      CAF_FAIL("it was written");
    } catch (const std::exception&) {
    }
    turn.emit(Counted{"after", 3});
  }));
  for (const auto& serializer : {eventy::json::serializer(), eventy::msgpack::serializer()}) {
    Bench bench{service, {.serializer = serializer}};
    bench.tell(Clicked{std::string(2u << 20, 'x'), 1}, "ann");  // over max_record_bytes when it is written
    const auto sent = bench.sent<Counted>();
    CAF_REQUIRE_EQUAL(sent.size(), 2u);
    CAF_CHECK_EQUAL(bench.sent_records().size(), 2u);
    CAF_CHECK_EQUAL(sent[0].who, "before");
    CAF_CHECK_EQUAL(sent[1].who, "after");
  }
}

CAF_TEST(a_source_that_catches_what_it_cannot_write_goes_on_without_it) {
  struct Line {
    std::uint64_t at = 0;
    EVENTY_FIELDS(at);
  };
  Bench bench{eventy::Service(eventy::service<>("counter").source<Line>(
                  "file",
                  [](eventy::Poll<Line>& poll) {
                    poll.emit(Counted{"before", 1}, "k");
                    try {
                      poll.emit(Counted{"\xff", 2}, "k");
                      CAF_FAIL("it was written");
                    } catch (const std::exception& e) {
                      poll.dead_letter("line 2", e.what(), "\xff");
                    }
                    poll.process("line 3", "three", [&] {
                      poll.emit(Counted{"half of it", 3}, "k");
                      throw std::runtime_error("the other half is missing");
                    });
                    poll.emit(Counted{"after", 4}, "k");
                    poll.advance({4});
                  })),
              {.serializer = eventy::json::serializer()}};
  bench.poll("file");
  CAF_CHECK_EQUAL(bench.sent_records().size(), 2u);
  const auto sent = bench.sent<Counted>();
  CAF_REQUIRE_EQUAL(sent.size(), 2u);
  CAF_CHECK_EQUAL(sent[1].who, "after");
  CAF_REQUIRE_EQUAL(bench.dead_letters().size(), 2u);
  CAF_CHECK_EQUAL(bench.dead_letters()[1].headers.at("eventy-place"), "line 3");
  CAF_CHECK_EQUAL(bench.dead_letters()[1].headers.at("eventy-reason"), "the other half is missing");
  CAF_CHECK_EQUAL(bench.dead_letters()[1].headers.at("eventy-error-class"), "std::runtime_error");
}

CAF_TEST(a_source_goes_on_where_its_committed_position_is) {
  struct Line {
    std::uint64_t at = 0;
    EVENTY_FIELDS(at);
  };
  const auto lines =
      eventy::Service(eventy::service<>("counter").source<Line>("file", [](eventy::Poll<Line>& poll) {
        auto at = poll.position().at;
        if (at == 5) return poll.poll_again_after(eventy::Duration(1000));
        for (std::size_t i = 0; i < poll.max_records() && at < 5; ++i, ++at) {
          if (at == 3) {
            poll.dead_letter("line 3", "not a number", "x,y");
          } else {
            poll.emit(Counted{"line", static_cast<std::int64_t>(at)}, "k");
          }
        }
        poll.advance({at});
      }));
  Bench bench{lines};
  for (int i = 0; i < 4; ++i) bench.poll("file", 2);
  const auto sent = bench.sent<Counted>();
  CAF_REQUIRE_EQUAL(sent.size(), 4u);
  CAF_CHECK_EQUAL(sent[3].n, 4);
  CAF_CHECK_NOT_EQUAL(bench.sent_records()[0].record.uuid(), bench.sent_records()[1].record.uuid());
  CAF_REQUIRE_EQUAL(bench.dead_letters().size(), 1u);
  CAF_CHECK_EQUAL(bench.dead_letters()[0].headers.at("eventy-place"), "line 3");
}
