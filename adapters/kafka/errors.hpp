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

}  // namespace eventy::kafka::detail
