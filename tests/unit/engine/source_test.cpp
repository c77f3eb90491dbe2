// What a source may do in a poll: events with options, requests, and to hear of the commit.
#define CAF_SUITE engine_source
#include "eventy/engine/source_engine.hpp"

#include <caf/test/unit_test.hpp>

#include "eventy/service.hpp"
#include "eventy/testing/bench.hpp"
#include "eventy/testing/plain_format.hpp"

namespace eventy {
namespace {

struct At {
  std::int64_t line = 0;
  EVENTY_FIELDS(line);
};
struct Seen {
  std::int64_t n = 0;
  EVENTY_FIELDS(n);
  using record = Event<"urn:taps", "Seen", "1.0.0">;
};
struct Price {
  std::int64_t cents = 0;
  EVENTY_FIELDS(cents);
  using record = Response<"urn:prices", "Price", "1.0.0">;
};
struct GetPrice {
  std::string sku = {};
  EVENTY_FIELDS(sku);
  using record = Request<"urn:prices", "GetPrice", "1.0.0", Price>;
};
const Instant date = Instant(Duration(1'600'000'000'123));

Service taps(std::function<void(Poll<At>&)> poll) {
  return service<At>("taps")
      .on([](Turn<At>&, const Reply<Price>&) {})
      .source<At>("tap", [poll = std::move(poll)](Poll<At>& p) { poll(p); });
}

// A source engine without a node: each poll is a line.
struct Engine {
  int acknowledged = 0;
  bool empty = false;
  testing::VirtualClock clock = {};
  std::shared_ptr<const ServiceRuntime> runtime = std::make_shared<const ServiceRuntime>(
      taps([this](Poll<At>& poll) {
        const std::int64_t line = poll.position().line + 1;
        poll.on_commit([this, line] { acknowledged += static_cast<int>(line); });
        if (empty) return;
        poll.emit(Seen{line}, "k");
        poll.advance({line});
      }),
      RuntimeOptions{.serializer = testing::plain_serializer(),
                     .state_format = testing::plain_state_format()});
  struct NoState final : StateReader {
    Result<std::optional<std::string>> get(KeyspaceIndex, std::string_view) const override {
      return std::optional<std::string>{};
    }
  };
  SourceEngine source{
      std::make_shared<const Routes>(Routes{runtime, std::vector<std::uint32_t>(runtime->topic_count(), 1)}),
      TaskId{{0}, 0}, Epoch{1}, std::make_shared<NoState>(), clock};
};

}  // namespace

CAF_TEST(a_source_sets_date_key_and_chain) {
  testing::Bench bench{taps([](Poll<At>& poll) {
    poll.emit(Seen{1}, {.key = "k", .date = date, .correlation_id = "shop:Order:1"});
    poll.emit(Seen{2}, PollEmitOptions{});
    poll.advance({1});
  })};
  bench.poll("tap");
  const auto& sent = bench.sent_records();
  CAF_REQUIRE_EQUAL(sent.size(), 2u);
  CAF_CHECK(sent[0].record.date() == date);
  CAF_CHECK_EQUAL(sent[0].record.correlation_id(), "shop:Order:1");
  CAF_CHECK(sent[0].record.partition_key() == "k");
  CAF_CHECK(sent[1].record.date() == bench.now());
  CAF_CHECK(sent[1].record.correlation_id().starts_with("taps:Seen:"));
  CAF_CHECK(!sent[1].record.partition_key());
}

CAF_TEST(a_source_sends_requests_whose_responses_find_home) {
  testing::Bench bench{taps([](Poll<At>& poll) {
    poll.request(GetPrice{"tea"}, {.key = "k"});
    poll.advance({1});
  })};
  bench.poll("tap");
  CAF_REQUIRE_EQUAL(bench.sent_records().size(), 1u);
  const auto& sent = bench.sent_records()[0];
  CAF_CHECK_EQUAL(sent.topic, "prices-requests");
  CAF_CHECK_EQUAL(sent.record.source(), "urn:taps");
  // Its requester's key, in the requester's own entry.
  const auto& own = sent.record.context.at("urn:taps");
  CAF_CHECK(own.at("request:" + sent.record.uuid()) == ContextValue("k"));
}

CAF_TEST(a_poll_hears_of_its_commit_and_of_no_other) {
  Engine engine;
  const auto first = engine.source.poll(), second = engine.source.poll(), third = engine.source.poll();
  CAF_CHECK_EQUAL(engine.acknowledged, 0);
  engine.source.committed(second.slice->number);
  CAF_CHECK_EQUAL(engine.acknowledged, 1 + 2);
  engine.source.committed(second.slice->number);
  CAF_CHECK_EQUAL(engine.acknowledged, 1 + 2);
  engine.source.committed(third.slice->number);
  CAF_CHECK_EQUAL(engine.acknowledged, 1 + 2 + 3);
}

CAF_TEST(what_is_undone_is_not_acknowledged) {
  Engine engine;
  (void)engine.source.poll();
  engine.source.rewind(Epoch{2});
  engine.source.committed({1});
  CAF_CHECK_EQUAL(engine.acknowledged, 0);
  const auto again = engine.source.poll();
  engine.source.committed(again.slice->number);
  CAF_CHECK_EQUAL(engine.acknowledged, 1);
}

CAF_TEST(a_poll_that_writes_nothing_is_acknowledged_at_once) {
  Engine engine;
  engine.empty = true;
  CAF_CHECK(!engine.source.poll().slice);
  CAF_CHECK_EQUAL(engine.acknowledged, 1);
}

}  // namespace eventy
