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
Result<void> check_each(const rd_kafka_topic_partition_list_t& list, const std::string& what);

}  // namespace eventy::kafka::detail
