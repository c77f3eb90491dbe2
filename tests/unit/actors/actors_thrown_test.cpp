// What is thrown where nobody expects it, by the formats, the state, a source, the session: each is a crash
// of that part alone, which is told of, counted and started again, and nothing is lost or doubled.
#define CAF_SUITE actors_thrown
#include "node_fixture.hpp"

#include <new>

#include "actors/failure.hpp"

namespace eventy::actors {
namespace {

// Throws at the named places, as often as told.
struct Thrower {
  enum class What : std::uint8_t { no_memory, no_exception } what = What::no_memory;
  std::map<std::string, int> left = {}, thrown = {};
  void at(const std::string& place) {
    if (left[place]-- <= 0) return;
    ++thrown[place];
    if (what == What::no_memory) throw std::bad_alloc();
    throw 42;
  }
  std::string error_class() const { return what == What::no_memory ? "bad_alloc" : "int"; }
};
using Shared = std::shared_ptr<Thrower>;

class ThrowingDecoder final : public Decoder {
 public:
  ThrowingDecoder(std::unique_ptr<Decoder> inner, Shared thrower)
      : inner_(std::move(inner)), thrower_(std::move(thrower)) {}
  const Envelope& decode(std::string_view bytes) override {
    thrower_->at("record decoder");
    return inner_->decode(bytes);
  }
  bool context_is_empty() override { return inner_->context_is_empty(); }
  void read_context(Context& out) override { inner_->read_context(out); }
  Reader& data() override { return inner_->data(); }

 private:
  std::unique_ptr<Decoder> inner_;
  Shared thrower_;
};
class ThrowingSerializer final : public Serializer {
 public:
  explicit ThrowingSerializer(Shared thrower) : thrower_(std::move(thrower)) {}
  std::string_view name() const override { return "throwing"; }
  std::unique_ptr<Decoder> make_decoder(const DecodeLimits& limits) const override {
    thrower_->at("making a decoder");
    return std::make_unique<ThrowingDecoder>(testing::plain_serializer()->make_decoder(limits), thrower_);
  }
  std::unique_ptr<Encoder> make_encoder() const override {
    return testing::plain_serializer()->make_encoder();
  }

 private:
  Shared thrower_;
};
class ThrowingStateEncoder final : public ValueEncoder {
 public:
  explicit ThrowingStateEncoder(Shared thrower) : thrower_(std::move(thrower)) {}
  Writer& start(std::string& out) override {
    thrower_->at("state encoder");
    return inner_->start(out);
  }

 private:
  std::unique_ptr<ValueEncoder> inner_ = testing::plain_state_format()->make_encoder();
  Shared thrower_;
};
class ThrowingFormat final : public StateFormat {
 public:
  explicit ThrowingFormat(Shared thrower) : thrower_(std::move(thrower)) {}
  std::string_view name() const override { return "throwing"; }
  std::unique_ptr<ValueDecoder> make_decoder(const DecodeLimits& limits) const override {
    return testing::plain_state_format()->make_decoder(limits);
  }
  std::unique_ptr<ValueEncoder> make_encoder() const override {
    return std::make_unique<ThrowingStateEncoder>(thrower_);
  }

 private:
  Shared thrower_;
};
class ThrowingReader final : public StateReader {
 public:
  ThrowingReader(std::shared_ptr<const StateReader> inner, Shared thrower)
      : inner_(std::move(inner)), thrower_(std::move(thrower)) {}
  Result<std::optional<std::string>> get(KeyspaceIndex keyspace, std::string_view key) const override {
    if (keyspace == ServiceRuntime::state_keyspace) thrower_->at("state reader");
    return inner_->get(keyspace, key);
  }

 private:
  std::shared_ptr<const StateReader> inner_;
  Shared thrower_;
};
class ThrowingSession final : public support::ShellSession {
 public:
  ThrowingSession(std::unique_ptr<StoreSession> inner, Shared thrower)
      : ShellSession(std::move(inner)), thrower_(std::move(thrower)) {}
  Result<void> append(std::shared_ptr<const SliceEffects> slice) override {
    thrower_->at("append");
    return ShellSession::append(std::move(slice));
  }
  Result<void> commit(CycleId cycle) override {
    thrower_->at("commit");
    return ShellSession::commit(cycle);
  }
  Result<void> abort() override {
    thrower_->at("abort");
    return ShellSession::abort();
  }
  void close() override {
    ShellSession::close();
    thrower_->at("close");
  }

 private:
  Result<void> change(StoreEvent& event) override {
    if (auto* restored = std::get_if<Restored>(&event))
      restored->state = std::make_shared<ThrowingReader>(restored->state, thrower_);
    if (std::holds_alternative<Records>(event)) thrower_->at("poll");
    return {};
  }
  Shared thrower_;
};

struct Line {
  std::int64_t at = 0;
  EVENTY_FIELDS(at);
};
struct LineRead {
  std::int64_t number = 0;
  EVENTY_FIELDS(number);
  using record = Event<"urn:lines", "LineRead", "1.0.0">;
};
Service lines(Shared thrower) {
  return service<>("lines").source<Line>("file", [thrower](Poll<Line>& poll) {
    const auto at = poll.position().at;
    if (at == 3) return poll.poll_again_after(std::chrono::hours(1));
    poll.emit(LineRead{at}, "key");
    if (at == 1) thrower->at("source");
    poll.advance({at + 1});
  });
}

struct Thrown : NodeFixture {
  Shared thrower = std::make_shared<Thrower>();

  void prepare(const Service& service) {
    NodeFixture::prepare(service);
    setup.runtime = std::make_shared<const ServiceRuntime>(
        service, RuntimeOptions{.serializer = std::make_shared<ThrowingSerializer>(thrower),
                                .state_format = std::make_shared<ThrowingFormat>(thrower)});
    setup.open_session = [this, open = setup.open_session]() -> Result<std::unique_ptr<StoreSession>> {
      thrower->at("open");
      auto session = open();
      if (!session.ok()) return session;
      return std::unique_ptr<StoreSession>(std::make_unique<ThrowingSession>(std::move(*session), thrower));
    };
  }
  ServiceCounts counts() const { return board->counts().at(0); }

  // Throws twice at that place, and checks that it was contained, counted and recovered.
  void survives(const std::string& place, std::uint64_t ServiceCounts::*restarted) {
    thrower->left[place] = 2;
    click(30, 5);
    start();
    run();
    click(30, 5);
    run();
    CAF_MESSAGE(place << ", " << thrower->error_class());
    CAF_CHECK_EQUAL(thrower->thrown[place], 2);
    const ServiceCounts all = counts();
    CAF_CHECK_EQUAL(all.*restarted, 2u);
    CAF_CHECK_EQUAL(all.failures.at(thrower->error_class()), 2u);
    CAF_CHECK_EQUAL(all.escalations, 0u);
    CAF_CHECK(state() == NodeState::running);
    CAF_CHECK(counted_exactly(5, 12));
  }
};

const auto each_kind = {Thrower::What::no_memory, Thrower::What::no_exception};

void survive_at(const std::string& place, std::uint64_t ServiceCounts::*restarted) {
  for (const auto what : each_kind) {
    Thrown world;
    world.thrower->what = what;
    world.prepare(counter::service());
    world.survives(place, restarted);
  }
}

}  // namespace

CAF_TEST(a_record_decoder_that_throws_is_a_crash_of_its_partition) {
  survive_at("record decoder", &ServiceCounts::partition_restarts);
}
CAF_TEST(a_decoder_that_cannot_be_made_is_a_crash_of_its_partition) {
  survive_at("making a decoder", &ServiceCounts::partition_restarts);
}
CAF_TEST(a_state_encoder_that_throws_is_a_crash_of_its_partition) {
  survive_at("state encoder", &ServiceCounts::partition_restarts);
}
CAF_TEST(a_session_that_throws_in_poll_is_a_crash_of_the_bridge) {
  survive_at("poll", &ServiceCounts::bridge_restarts);
}
CAF_TEST(a_session_that_throws_in_append_is_a_crash_of_the_bridge) {
  survive_at("append", &ServiceCounts::bridge_restarts);
}
CAF_TEST(a_session_that_throws_in_commit_is_a_crash_of_the_bridge) {
  survive_at("commit", &ServiceCounts::bridge_restarts);
}
CAF_TEST(a_session_that_cannot_be_opened_for_a_throw_is_a_crash_of_the_bridge) {
  survive_at("open", &ServiceCounts::bridge_restarts);
}

CAF_TEST(a_state_reader_without_memory_is_a_crash_of_its_partition) {
  Thrown world;
  world.prepare(counter::service());
  world.survives("state reader", &ServiceCounts::partition_restarts);
}

CAF_TEST(a_session_that_throws_while_it_goes_back_is_a_crash_of_the_bridge) {
  for (const auto what : each_kind) {
    Thrown world;
    world.thrower->what = what;
    world.prepare(counter::service());
    world.faults->loads_to_fail = 1;  // a partition crashes, so the session has to go back
    world.thrower->left["abort"] = 1;
    world.click(30, 5);
    world.start();
    world.run();
    CAF_CHECK_EQUAL(world.thrower->thrown["abort"], 1);
    CAF_CHECK_EQUAL(world.counts().bridge_restarts, 1u);
    CAF_CHECK(world.counted_exactly(5, 6));
  }
}

CAF_TEST(a_session_that_throws_when_it_is_closed_ends_all_the_same) {
  for (const auto what : each_kind) {
    Thrown world;
    world.thrower->what = what;
    world.prepare(counter::service());
    world.thrower->left = {{"poll", 1}, {"close", 1}};
    world.click(30, 5);
    world.start();
    world.run();
    CAF_CHECK_EQUAL(world.thrower->thrown["close"], 1);
    CAF_CHECK_EQUAL(world.counts().bridge_restarts, 1u);
    CAF_CHECK(world.counted_exactly(5, 6));
  }
}

CAF_TEST(a_source_that_throws_goes_on_at_its_committed_position) {
  for (const auto what : each_kind) {
    Thrown world;
    world.thrower->what = what;
    world.prepare(lines(world.thrower));
    world.thrower->left["source"] = 2;
    world.start();
    world.run_until([&] { return world.data_in("lines-events").size() >= 3; });
    CAF_CHECK_EQUAL(world.data_in("lines-events").size(), 3u);
    const ServiceCounts all = world.counts();
    CAF_CHECK_EQUAL(all.source_restarts, 2u);
    CAF_CHECK_EQUAL(all.failures.at(world.thrower->error_class()), 2u);
  }
}

CAF_TEST(what_is_thrown_keeps_its_class_and_its_text_on_the_way_to_the_supervisor) {
  const auto number = failure_of(std::make_exception_ptr(42));
  CAF_CHECK(reason_of(number).text == "an exception of type int, which is no std::exception");
  const auto memory = failure_of(std::make_exception_ptr(std::bad_alloc()));
  CAF_CHECK(reason_of(memory).error_class == "bad_alloc" && !reason_of(memory).code);
  const auto failure = failure_of(std::make_exception_ptr(Failure({ErrorCode::busy, "held by another one"})));
  CAF_CHECK(reason_of(failure).error_class == "busy" && reason_of(failure).code == ErrorCode::busy);
}

}  // namespace eventy::actors
