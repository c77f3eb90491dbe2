// What can be said of a configuration without a broker: librdkafka's properties, and that secrets stay
// secret.
#define CAF_SUITE kafka_properties
#include <caf/test/unit_test.hpp>
#include <librdkafka/rdkafka.h>

#include "adapters/kafka/client.hpp"

namespace eventy::kafka {
namespace {

// Name and default of each property that librdkafka has, and that a text can set.
std::map<std::string, std::string> all_properties() {
  std::map<std::string, std::string> all;
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  rd_kafka_topic_conf_t* topic = rd_kafka_topic_conf_new();
  std::size_t count = 0;
  for (const bool of_topic : {true, false}) {  // the global ones count where a name is in both
    const char** dump = of_topic ? rd_kafka_topic_conf_dump(topic, &count) : rd_kafka_conf_dump(conf, &count);
    for (std::size_t i = 0; i < count; i += 2) all[dump[i]] = dump[i + 1];
    rd_kafka_conf_dump_free(dump, count);
  }
  rd_kafka_topic_conf_destroy(topic);
  rd_kafka_conf_destroy(conf);
  std::erase_if(all, [](const auto& property) {
    const auto& [name, value] = property;
    return value.empty() || value.starts_with("0x") || name.ends_with("_cb") || name == "opaque" ||
           name == "default_topic_conf" || name == "interceptors";
  });
  return all;
}

std::optional<Error> refused(const std::map<std::string, std::string>& properties) {
  Options options;
  options.properties = properties;
  auto store = open(options);
  return store ? std::nullopt : std::optional(store.error());
}

}  // namespace

CAF_TEST(every_property_can_be_set_but_those_of_the_guarantees) {
  const auto all = all_properties();
  CAF_CHECK(all.size() > 100);
  std::set<std::string> not_ours;
  for (const auto& [name, value] : all)
    if (const auto error = refused({{name, value}}); error) {
      CAF_CHECK(error->code == ErrorCode::configuration);
      if (error->message.find("not supported in this build") != std::string::npos) continue;
      if (error->message.find("is set by the store") == std::string::npos)
        CAF_FAIL(name + "=" + value + ": " + error->message);
      not_ours.insert(name);
    }
  const std::set<std::string> expected = {"acks",
                                          "allow.auto.create.topics",
                                          "batch.size",
                                          "delivery.report.only.error",
                                          "delivery.timeout.ms",
                                          "enabled_events",
                                          "group.protocol",
                                          "message.max.bytes",
                                          "message.timeout.ms",
                                          "offset.store.method",
                                          "queue.buffering.max.kbytes",
                                          "queue.buffering.max.messages",
                                          "queuing.strategy",
                                          "retry.backoff.max.ms",
                                          "auto.offset.reset",
                                          "check.crcs",
                                          "enable.auto.commit",
                                          "enable.auto.offset.store",
                                          "enable.idempotence",
                                          "enable.partition.eof",
                                          "isolation.level",
                                          "message.copy.max.bytes",
                                          "partition.assignment.strategy",
                                          "request.required.acks",
                                          "retry.backoff.max.ms",
                                          "retry.backoff.ms",
                                          "session.timeout.ms",
                                          "transaction.timeout.ms",
                                          "auto.commit.enable"};
  for (const auto& name : not_ours) CAF_CHECK_EQUAL(expected.count(name), 1u);
}

CAF_TEST(what the guarantees rest on is refused under each of its names) {
  for (const auto* name : {"group.id",
                           "group.instance.id",
                           "transactional.id",
                           "enable.auto.commit",
                           "auto.commit.enable",
                           "isolation.level",
                           "message.copy.max.bytes",
                           "acks",
                           "retry.backoff.ms",
                           "request.required.acks",
                           "bootstrap.servers",
                           "metadata.broker.list",
                           "group.protocol",
                           "group.remote.assignor",
                           "offset.store.method",
                           "queuing.strategy",
                           "allow.auto.create.topics",
                           "delivery.report.only.error",
                           "enabled_events",
                           "delivery.timeout.ms",
                           "message.timeout.ms",
                           "batch.size",
                           "message.max.bytes",
                           "queue.buffering.max.messages",
                           "queue.buffering.max.kbytes",
                           "retry.backoff.max.ms"}) {
    const auto error = refused({{name, "1"}});
    CAF_REQUIRE(error.has_value());
    CAF_CHECK(error->message.find(name) != std::string::npos);
    CAF_CHECK(error->message.find("is set by the store") != std::string::npos);
  }
}

// librdkafka's own defaults lose or repeat records; later versions may have others.
CAF_TEST(consumers_commit_nothing_by_themselves_and_read_committed_records_from_places_that_are_named) {
  Options options;
  options.properties = {{"client.id", "mine"}};
  auto client = detail::Client::make(options);
  CAF_REQUIRE(client.ok());
  auto conf = (*client)->reading_conf({});
  CAF_REQUIRE(conf.ok());
  const auto value_of = [&](const char* name) {
    char text[512] = "";
    std::size_t size = sizeof text;
    (void)rd_kafka_conf_get(conf->get(), name, text, &size);
    return std::string(text);
  };
  CAF_CHECK_EQUAL(value_of("enable.auto.commit"), "false");
  CAF_CHECK_EQUAL(value_of("enable.auto.offset.store"), "false");
  CAF_CHECK_EQUAL(value_of("auto.offset.reset"), "error");
  CAF_CHECK_EQUAL(value_of("check.crcs"), "true");
  CAF_CHECK_EQUAL(value_of("isolation.level"), "read_committed");
  CAF_CHECK_EQUAL(value_of("client.id"), "mine");
}

CAF_TEST(a_file_that_is_not_there_is_an_error_before_anything_is_asked) {
  const auto error = refused({{"security.protocol", "ssl"}, {"ssl.ca.location", "/no/such/file.pem"}});
  CAF_REQUIRE(error.has_value());
  CAF_CHECK(error->code == ErrorCode::configuration);
  CAF_CHECK(error->message.find("ssl.ca.location") != std::string::npos);
}

CAF_TEST(secrets_are_no_part_of_a_text) {
  const detail::Reports reports(nullptr, {{"sasl.password", "hush"},
                                          {"ssl.key.password", "hush-hush"},
                                          {"sasl.oauthbearer.client.secret", "token"},
                                          {"ssl.key.pem", "-----BEGIN"},
                                          {"sasl.username", "ann"}});
  CAF_CHECK_EQUAL(reports.without_secrets("ann said hush-hush, hush and token: -----BEGIN"),
                  "ann said [secret], [secret] and [secret]: [secret]");
}

CAF_TEST(a_producer_fills_batches_up_to_what_the_smallest_topic_takes) {
  using Limits = detail::Client::Limits;
  CAF_CHECK_EQUAL(detail::Client::batch_size_for({}), "1000000");
  CAF_CHECK_EQUAL(
      detail::Client::batch_size_for({Limits{}, Limits{.batch_bytes = 2000}, Limits{.batch_bytes = 9000}}),
      "2000");
  CAF_CHECK_EQUAL(detail::Client::batch_size_for({Limits{.batch_bytes = 16u << 20}}), "1000000");
}

}  // namespace eventy::kafka
