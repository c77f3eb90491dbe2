// What librdkafka says of its own accord, of all handles of a client: its log lines go to the log, and what
// keeps it from the brokers is remembered, so that a timeout can be told with its reason. No secret of the
// configuration leaves through here. Any thread.
#pragma once

#include <librdkafka/rdkafka.h>

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "eventy/core/result.hpp"

namespace spdlog {
class logger;
}

namespace eventy::kafka::detail {

class Reports {
 public:
  // `properties` are librdkafka's, to know the secrets among them; log may be null: silent.
  Reports(std::shared_ptr<spdlog::logger> log, const std::map<std::string, std::string>& properties);

  // Handles of this configuration call back here, once they are added.
  static void prepare(rd_kafka_conf_t& conf);
  static void add(const rd_kafka_t& handle, std::shared_ptr<Reports> reports);
  // The callback for errors of those handles; one that sets another calls it.
  static void on_error(rd_kafka_t* handle, int code, const char* reason, void*);

  // What was last heard of connections, since a broker answered.
  struct Trouble {
    bool refused = false;  // by a broker, or the broker by us: trying again is no use
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    std::string text = {};
  };
  std::optional<Trouble> trouble() const;
  // The last line that told which topic a transaction may not write to: the error itself does not.
  std::string forbidden() const;
  void answered();

  std::string without_secrets(std::string text) const;
  spdlog::logger* log() const { return log_.get(); }

 private:
  static void on_log(const rd_kafka_t* handle, int level, const char* facility, const char* text);
  void take_log(int level, std::string_view facility, std::string text);
  void take_error(rd_kafka_resp_err_t code, std::string reason);

  std::shared_ptr<spdlog::logger> log_;
  std::vector<std::string> secrets_ = {};
  mutable std::mutex mutex_ = {};
  std::optional<Trouble> trouble_ = {};  // these two are guarded by mutex_
  std::string forbidden_ = {};
};

// Of a property of librdkafka whose value must not be shown.
bool is_secret(std::string_view property);

}  // namespace eventy::kafka::detail
