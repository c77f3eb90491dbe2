// A store on Kafka that is judged: on a real broker, under a prefix of its own.
#pragma once

#include "eventy/kafka/kafka_store.hpp"
#include "store_suite.hpp"
#include "support/kafka_broker.hpp"

namespace eventy::conformance {

class Kafka final : public Subject {
 public:
  Kafka() {
    options_.bootstrap = eventy::tests::kafka_bootstrap();
    options_.prefix = eventy::tests::unique_prefix();
    reopen();
  }
  RecordStore& store() override { return *store_; }
  void reopen() override {
    store_.reset();
    store_ = kafka::open(options_).value();
  }

 private:
  kafka::Options options_ = {};
  std::unique_ptr<RecordStore> store_ = {};
};

inline constexpr StoreFeatures kafka_features{
    .durable = true, .multiple_members = true, .unknown_outcomes = true, .arbitrary_names = false};

}  // namespace eventy::conformance
