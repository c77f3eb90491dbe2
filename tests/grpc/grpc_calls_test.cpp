// A gRPC server and a node in one process: what the server is called with becomes a record, and a handler of
// the node takes the generated message as it is.
#define CAF_SUITE grpc_calls

#include <caf/test/unit_test.hpp>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <thread>

#include "../support/temporary_folder.hpp"
#include "desk.grpc.pb.h"
#include "eventy/actors/node_system.hpp"
#include "eventy/msgpack/msgpack.hpp"
#include "eventy/protobuf/message.hpp"
#include "eventy/protobuf/protobuf.hpp"
#include "eventy/rocksdb/rocksdb_store.hpp"
#include "eventy/service.hpp"

template <>
struct eventy::RecordOf<shop::Placed> {
  using type = eventy::Event<"urn:shop", "Placed", "1.0.0">;
};
template <>
struct eventy::RecordOf<shop::Item> {
  using type = eventy::Event<"urn:desk", "Reserved", "1.0.0">;
};

namespace {

using namespace eventy;

constexpr std::uint32_t partitions = 4;
constexpr int callers = 4, calls = 25;  // of each

struct Reserved {
  std::int64_t n = 0, placed = 0;
  EVENTY_FIELDS(n, placed);
};
Service desk_service() {
  return service<Reserved>("desk")
      .on([](Turn<Reserved>& turn, const shop::Placed& placed) {
        turn.edit().n += placed.n(), ++turn.edit().placed;
        for (const auto& item : placed.items()) turn.emit(item);
      })
      .emits<shop::Item>();
}

// The record of a message that somebody outside of a turn emits.
template <Message M>
NewRecord event_of(const M& message, const std::string& key) {
  using R = typename RecordOf<M>::type;
  Record record(R::kind, std::string(R::ns), std::string(R::name), std::string(R::ns));
  record.set_version(std::string(R::version)).set_partition_key(key);
  NewRecord out{.key = key};
  const auto encoder = protobuf::serializer()->make_encoder();
  write(encoder->begin(record.envelope(), {}, out.value), message);
  encoder->end();
  return out;
}

class Server final : public desk::Desk::Service {
 public:
  explicit Server(RecordStore& store) : store_(store) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    if (!server_) throw std::runtime_error("the gRPC server does not start");
  }
  ~Server() override { server_->Shutdown(), server_->Wait(); }

  std::unique_ptr<desk::Desk::Stub> stub() const {
    return desk::Desk::NewStub(
        grpc::CreateChannel("127.0.0.1:" + std::to_string(port_), grpc::InsecureChannelCredentials()));
  }

 private:
  grpc::Status Place(grpc::ServerContext*, const shop::Placed* placed, desk::Stored* stored) override {
    return append(event_of(*placed, placed->note()), *stored);
  }
  grpc::Status Put(grpc::ServerContext*, const protobuf::Record* record, desk::Stored* stored) override {
    NewRecord bytes{.key = record->partition_key(), .value = record->SerializeAsString()};
    try {
      decode(bytes.value, *protobuf::serializer()->make_decoder());  // the rules of records
    } catch (const DecodeError& e) {
      return {grpc::StatusCode::INVALID_ARGUMENT, e.what()};
    }
    return append(std::move(bytes), *stored);
  }
  grpc::Status append(NewRecord record, desk::Stored& stored) {
    const auto done = store_.append("shop-events", {std::move(record)});
    if (!done) return {grpc::StatusCode::UNAVAILABLE, done.error().message};
    stored.set_offset(done.value().at(0).value);
    return grpc::Status::OK;
  }

  RecordStore& store_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_ = {};
};

// A store, a node of the service on it, and the server.
struct World {
  tests::TemporaryFolder folder = {};
  std::unique_ptr<RecordStore> store = rocksdb::open({.path = folder.path(), .sync = false}).value();
  std::shared_ptr<const ServiceRuntime> runtime = std::make_shared<const ServiceRuntime>(
      desk_service(),
      RuntimeOptions{.serializer = protobuf::serializer(), .state_format = msgpack::state_format()});
  SystemClock clock = {};
  actors::NodeSystem node{{.threads = 2}, clock};
  Server server{*store};

  World() {
    store->ensure_topics({{"shop-events", partitions}}).value();
    store->ensure_topics(runtime->topic_specs(partitions)).value();
    node.start({{.runtime = runtime,
                 .open_session = [this] { return store->open_session(runtime->session_options("node")); }}})
        .value();
  }

  bool everything_is_read() const {
    for (std::uint32_t p = 0; p < partitions; ++p)
      if (store->position("desk", "shop-events", {p}).value() != store->end_of("shop-events", {p}).value())
        return false;
    return true;
  }
  void wait_until_read() {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!everything_is_read() && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    CAF_REQUIRE(everything_is_read());
  }
  std::map<std::string, std::pair<std::int64_t, std::int64_t>> states() const {
    std::map<std::string, std::pair<std::int64_t, std::int64_t>> all;
    for_each_state<Reserved>(*store, *msgpack::state_format(), "desk",
                             [&](PartitionId, std::string_view key, const Reserved& r) {
                               all[std::string(key)] = {r.n, r.placed};
                             })
        .value();
    return all;
  }
  // The service's outputs, read by what protoc makes of record.proto.
  std::vector<shop::Item> outputs() const {
    std::vector<shop::Item> all;
    for (std::uint32_t p = 0; p < partitions; ++p) {
      const auto reader = store->read("desk-events", {p}, Offset{0}).value();
      for (auto batch = reader->next({}).value(); !batch->records.empty(); batch = reader->next({}).value()) {
        for (const auto& stored : batch->records) {
          protobuf::Record record;
          CAF_REQUIRE(record.ParseFromArray(stored.value.data(), static_cast<int>(stored.value.size())));
          CAF_CHECK_EQUAL(record.name(), "Reserved");
          CAF_REQUIRE(record.message().UnpackTo(&all.emplace_back()));
        }
      }
    }
    return all;
  }
};

shop::Placed placed(int caller, int n) {
  shop::Placed message;
  message.set_n(n);
  message.set_note("caller-" + std::to_string(caller));
  auto* item = message.add_items();
  item->set_sku(message.note() + "/" + std::to_string(n));
  item->set_count(3);
  return message;
}

}  // namespace

CAF_TEST(what_a_server_is_called_with_reaches_a_handler_of_the_node_as_the_message_that_it_was) {
  World world;
  std::atomic<int> stored = 0;
  std::vector<std::thread> threads;
  for (int caller = 0; caller < callers; ++caller)
    threads.emplace_back([&, caller] {
      const auto stub = world.server.stub();
      for (int n = 1; n <= calls; ++n) {
        grpc::ClientContext call;
        desk::Stored answer;
        stored += stub->Place(&call, placed(caller, n), &answer).ok();
      }
    });
  for (auto& thread : threads) thread.join();
  CAF_REQUIRE_EQUAL(stored.load(), callers * calls);
  world.wait_until_read();
  const auto states = world.states();
  CAF_REQUIRE_EQUAL(states.size(), std::size_t{callers});
  for (const auto& [key, sums] : states)
    CAF_CHECK(sums == (std::pair<std::int64_t, std::int64_t>{calls * (calls + 1) / 2, calls}));
  std::set<std::string> skus;
  for (const auto& item : world.outputs()) {
    CAF_CHECK_EQUAL(item.count(), 3u);
    skus.insert(item.sku());
  }
  CAF_CHECK_EQUAL(skus.size(), std::size_t{callers * calls});
  CAF_CHECK(skus.contains("caller-3/25"));
}

CAF_TEST(a_server_may_take_records_themselves_and_refuses_what_breaks_a_rule) {
  World world;
  const auto stub = world.server.stub();
  protobuf::Record record;
  CAF_REQUIRE(record.ParseFromString(event_of(placed(0, 7), "ann").value));
  const auto put = [&] {
    grpc::ClientContext call;
    desk::Stored answer;
    return stub->Put(&call, record, &answer);
  };
  CAF_CHECK(put().ok());
  record.set_namespace_("shop");
  const auto refused = put();
  CAF_CHECK(refused.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  CAF_CHECK_EQUAL(refused.error_message().substr(0, 10), "namespace:");
  world.wait_until_read();
  CAF_CHECK(world.states() ==
            (std::map<std::string, std::pair<std::int64_t, std::int64_t>>{{"ann", {7, 1}}}));
}
