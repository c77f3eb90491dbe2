// The store on Kafka, judged by the suite for every store, on a real broker.
// ctest: TIMEOUT 900 KAFKA
#include "eventy/kafka/kafka_store.hpp"
#include "store_suite.hpp"
#include "support/kafka_broker.hpp"

#define CAF_SUITE conformance_kafka
#include "caf/test/unit_test.hpp"

namespace {

class Kafka final : public eventy::conformance::Subject {
 public:
  Kafka() {
    options_.bootstrap = eventy::tests::kafka_bootstrap();
    options_.prefix = eventy::tests::unique_prefix();
    reopen();
  }
  eventy::RecordStore& store() override { return *store_; }
  void reopen() override {
    store_.reset();
    store_ = eventy::kafka::open(options_).value();
  }

 private:
  eventy::kafka::Options options_ = {};
  std::unique_ptr<eventy::RecordStore> store_ = {};
};

const bool added = eventy::conformance::add_store_suite(
    CAF_XSTR(CAF_SUITE), {.durable = true, .many_members = true, .unknown_outcomes = true, .any_name = false},
    false, [] { return std::make_unique<Kafka>(); });

}  // namespace
