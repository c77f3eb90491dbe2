#include "errors.hpp"

#include "eventy/store/rules.hpp"

namespace eventy::kafka::detail {
namespace {

// Before 2.6.1 librdkafka sends a nonce that newer brokers refuse (its pull request 4895).
bool scram_is_refused() { return rd_kafka_version() < 0x020601ff; }

// What an operator can do; empty if the text says all.
std::string advice(rd_kafka_resp_err_t code, const std::string& text) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
    case RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE:
      return "check sasl.mechanism, sasl.username and sasl.password in [kafka.librdkafka]" +
             (scram_is_refused() && text.find("SCRAM") != text.npos
                  ? " (Kafka 4 refuses SCRAM from librdkafka " + std::string(rd_kafka_version_str()) +
                        " with any password: use librdkafka 2.6.1 or another mechanism)"
                  : "");
    case RD_KAFKA_RESP_ERR__SSL:
      return "check ssl.ca.location, ssl.certificate.location and ssl.key.location in [kafka.librdkafka]";
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      return "grant the node's user READ on topics that it reads, WRITE on topics that it writes, and CREATE "
             "for topics that do not exist yet";
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
      return "grant the node's user READ on the group, which is the service's name";
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
      return "grant the node's user WRITE and DESCRIBE on transactional ids that begin with the service's "
             "name";
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
      return "grant the node's user IDEMPOTENT_WRITE on the cluster, and CREATE if topics do not exist "
             "yet";
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
      return "write less at once, or raise max.message.bytes of the topic";
    case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
      return "set [kafka] transaction_timeout_ms to at most the brokers' transaction.max.timeout.ms";
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
      return "set [kafka] replication to at most the number of brokers";
    case RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT:
      return "set [kafka] session_timeout_ms between the brokers' group.min.session.timeout.ms and "
             "group.max.session.timeout.ms";
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
      return "another process runs with the same [node] id";
    case RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL:
      return "another program is a member of the service's group: stop it, or give it a group of its own";
    case RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT:
      return "a transaction on them is still open; if that lasts, a broker has lost its transaction markers "
             "(Kafka 4.3, KAFKA-20734), and an operator must abort it: see adapters/kafka/README.md";
    case RD_KAFKA_RESP_ERR__BAD_MSG:
      return "the batch is damaged in the broker's log: restore the partition from another replica or a "
             "backup, or set the offset of the group after it to continue without it";
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
    case RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED:
      return "if the batch is not damaged, use a librdkafka that supports its codec or format";
    default:
      return {};
  }
}

std::string place_of(const rd_kafka_message_t& message) {
  if (!message.rkt) return {};
  std::string place = ": topic " + printable(rd_kafka_topic_name(message.rkt)) + " partition " +
                      std::to_string(message.partition);
  if (message.offset >= 0) place += " at offset " + std::to_string(message.offset);
  return place;
}

}  // namespace

ErrorCode code_of(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
    case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
      return ErrorCode::fenced;
    case RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL:
      return ErrorCode::busy;
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
      return ErrorCode::not_found;
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
      return ErrorCode::permission_denied;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
      return ErrorCode::too_large;
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
      return ErrorCode::clock;
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
      return ErrorCode::timed_out;
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
    case RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE:
    case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
    case RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT:
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
    case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
      return ErrorCode::configuration;
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:  // a name that the broker refuses
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
      return ErrorCode::invalid_argument;
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
      return ErrorCode::unsupported;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
      return ErrorCode::corrupt;
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
    case RD_KAFKA_RESP_ERR__STATE:
      return ErrorCode::internal;
    default:
      return ErrorCode::io;
  }
}

Error error_of(rd_kafka_resp_err_t code, const std::string& what, const std::string& text) {
  const std::string todo = advice(code, text);
  return {code_of(code), "Kafka: " + what + ": " + (text.empty() ? rd_kafka_err2str(code) : text) + " (" +
                             rd_kafka_err2name(code) + ")" + (todo.empty() ? "" : "; " + todo)};
}
Error error_of(const rd_kafka_error_t& error, const std::string& what) {
  return error_of(rd_kafka_error_code(&error), what, rd_kafka_error_string(&error));
}

bool is_damage(const rd_kafka_message_t& message) {
  if (!message.rkt) return false;
  return message.err == RD_KAFKA_RESP_ERR__BAD_MSG || message.err == RD_KAFKA_RESP_ERR__BAD_COMPRESSION ||
         message.err == RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED;
}
Error error_of(const rd_kafka_message_t& message, const std::string& what) {
  auto error = error_of(message.err, what + place_of(message), rd_kafka_message_errstr(&message));
  if (is_damage(message)) error.code = ErrorCode::corrupt;
  return error;
}
rd_kafka_resp_err_t delivery_error(const rd_kafka_message_t& message) {
#if RD_KAFKA_VERSION >= 0x02080000
  // Brokers tell the kind of the error in this text only.
  constexpr std::string_view of_a_date = "Timestamp ";
  const char* text = rd_kafka_message_produce_errstr(&message);
  if (message.err == RD_KAFKA_RESP_ERR_INVALID_RECORD && text &&
      std::string_view(text).starts_with(of_a_date))
    return RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP;
#endif
  return message.err;
}
bool is_a_better_reason(rd_kafka_resp_err_t code, rd_kafka_resp_err_t known) {
#if RD_KAFKA_VERSION >= 0x02080000
  if (known == RD_KAFKA_RESP_ERR__INVALID_DIFFERENT_RECORD) return true;
#endif
  return known == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP;
}
Result<void> check_each(const rd_kafka_topic_partition_list_t& list, const std::string& what) {
  for (int i = 0; i < list.cnt; ++i) {
    const auto& at = list.elems[i];
    if (at.err != RD_KAFKA_RESP_ERR_NO_ERROR)
      return error_of(at.err,
                      what + ": topic " + printable(at.topic) + " partition " + std::to_string(at.partition));
  }
  return {};
}

}  // namespace eventy::kafka::detail
