// librdkafka's errors as ours: what failed, why, and what to do, in one line. Pure functions; any thread.
#pragma once

#include <librdkafka/rdkafka.h>

#include <string>

#include "eventy/core/result.hpp"

namespace eventy::kafka::detail {

ErrorCode code_of(rd_kafka_resp_err_t code);
// `what` says what could not be done and where; `text` is librdkafka's own, where it knows more than the
// code.
Error error_of(rd_kafka_resp_err_t code, const std::string& what, const std::string& text = {});
Error error_of(const rd_kafka_error_t& error, const std::string& what);

// Bytes of the log that nobody can read: a damaged batch, a codec that is missing. librdkafka tells of them
// and goes on behind them, so that a reader who ignores it skips records.
bool is_damage(const rd_kafka_message_t& message);
// Of a message that is an error: where it happened, if it happened somewhere.
Error error_of(const rd_kafka_message_t& message, const std::string& what);
// The first error in a list whose partitions have errors of their own, after a call that succeeded as a
// whole.
Result<void> check_each(const rd_kafka_topic_partition_list_t& list, const std::string& what);

}  // namespace eventy::kafka::detail
