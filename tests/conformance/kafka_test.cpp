// The store on Kafka, judged by the suite for every store, on a real broker.
// ctest: TIMEOUT 900 KAFKA
#include "kafka_subject.hpp"

#define CAF_SUITE conformance_kafka
#include "caf/test/unit_test.hpp"

namespace {

using namespace eventy::conformance;

const bool added =
    add_store_suite(CAF_XSTR(CAF_SUITE), kafka_features, false, [] { return std::make_unique<Kafka>(); });

}  // namespace
