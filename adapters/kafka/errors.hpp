// Turns librdkafka's errors into ours: what failed, why, and what to do, in one line. Pure functions; any
// thread.
#pragma once

#include <librdkafka/rdkafka.h>

#include <string>

#include "eventy/core/result.hpp"

namespace eventy::kafka::detail {

ErrorCode code_of(rd_kafka_resp_err_t code);
// `what` says what could not be done, and where. `text` is librdkafka's own text, if it says more than the
// code.
Error error_of(rd_kafka_resp_err_t code, const std::string& what, const std::string& text = {});
Error error_of(const rd_kafka_error_t& error, const std::string& what);

// A part of the log that cannot be read: a damaged batch, or a missing codec. librdkafka reports it and reads
// on after it, so a reader that ignores the report skips records.
bool is_damage(const rd_kafka_message_t& message);
// Of a message that is an error; names its topic partition and offset, if it has them.
Error error_of(const rd_kafka_message_t& message, const std::string& what);
// The first error of a single partition in the list, after a call that succeeded as a whole.
// Why a record was not delivered. From 2.8 on librdkafka tells what is wrong with each record of a batch, all
// under INVALID_RECORD; of a date that is out of range this still returns INVALID_TIMESTAMP.
rd_kafka_resp_err_t delivery_error(const rd_kafka_message_t& message);
// True if `code` says more about a batch that was refused than what is known so far.
bool is_a_better_reason(rd_kafka_resp_err_t code, rd_kafka_resp_err_t known);
Result<void> check_each(const rd_kafka_topic_partition_list_t& list, const std::string& what);

}  // namespace eventy::kafka::detail
