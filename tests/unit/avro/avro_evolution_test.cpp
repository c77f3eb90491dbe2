// Avro and versions: records of older ones, schemas compared, and the runtime's own records.
#define CAF_SUITE avro_evolution

#include <caf/test/unit_test.hpp>

#include "../../support/versions.hpp"
#include "eventy/testing/bench.hpp"
#include "support.hpp"

namespace {

using namespace eventy;
using namespace eventy::tests;

std::shared_ptr<const avro::AvroSerializer> shop(const std::string& data_fields) {
  return serializer(
      {"protocol_version: 3.0.0\nnamespace: urn:shop\nname: Placed\ntype: event\ndata_fields: " +
       data_fields + "\n"});
}

std::string placed(const Serializer& format, const std::string& version, ValueMap data) {
  Record record(Kind::event, "urn:shop", "Placed", "urn:shop");
  record.set_version(version).set_partition_key("ann");
  record.data = std::move(data);
  return encode(record, *format.make_encoder());
}

}  // namespace

CAF_TEST(records_of_older_major_versions_are_upgraded_though_the_schema_is_a_newer_one) {
  const auto first = shop("[{name: cents, type: long}]"), second = shop("[{name: price, type: string}]"),
             third = shop("[{name: amount, type: string}, {name: currency, type: string, default: USD}]");
  testing::Bench bench{desk(), {.serializer = third}};
  bench.tell_bytes("shop-events", placed(*first, "1.0.0", {{"cents", {std::int64_t{450}}}}), "ann");
  bench.tell_bytes("shop-events", placed(*second, "2.0.0", {{"price", {std::string("1.00")}}}), "ann");
  bench.tell(Placed{"9.00", "GBP"}, "ann");
  CAF_CHECK(bench.dead_letters().empty());
  CAF_CHECK(bench.state<Account>("ann").value().spent ==
            (std::vector<std::string>{"4.50 EUR", "1.00 EUR", "9.00 GBP"}));
}

CAF_TEST(the_runtimes_own_requests_need_no_schema) {
  const auto none = serializer({});
  Record record(Kind::request, "urn:my-shop:orders", "eventy.release", "urn:my-shop:orders");
  record.set_partition_key("ann");
  const auto again = decode(encode(record, *none->make_encoder()), *none->make_decoder());
  CAF_CHECK_EQUAL(again.name(), "eventy.release");
  CAF_CHECK_EQUAL(again.ns(), "urn:my-shop:orders");
  CAF_CHECK(again.partition_key() == std::optional<std::string>("ann"));
  CAF_CHECK(again.data.empty());
  record.data = {{"n", {std::int64_t{1}}}};
  CAF_CHECK(!error_of<std::invalid_argument>([&] { encode(record, *none->make_encoder()); }).empty());
}

CAF_TEST(what_cannot_be_written_is_known_beforehand) {
  const auto format = serializer({evsc("event", "Placed", "[]")});
  const auto ns = "urn:my-shop:orders";
  CAF_CHECK(!format->cannot_write(Kind::event, ns, "Placed"));
  CAF_CHECK(!format->cannot_write(Kind::request, ns, "eventy.release"));
  const auto unknown = format->cannot_write(Kind::event, ns, "Paid"),
             other = format->cannot_write(Kind::request, ns, "Placed");
  CAF_CHECK_EQUAL(unknown.value_or(""), "there is no Avro schema for urn:my-shop:orders:Paid");
  CAF_CHECK_EQUAL(other.value_or(""),
                  "type: the Avro schema of urn:my-shop:orders:Placed is of type EVENT, not REQUEST");
}
