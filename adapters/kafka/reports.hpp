// What librdkafka reports by itself, of all handles of a client: its lines go to the node's log, and the last
// error of its connections is kept, so that a timeout can name its reason. Secrets of the configuration are
// removed from all texts. Shared by a client and its handles; any thread.
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
  // `properties`: librdkafka's, for the secrets among them. `log` may be null: silent.
  Reports(std::shared_ptr<spdlog::logger> log, const std::map<std::string, std::string>& properties);

  // Handles of this configuration report here, once they are added.
  static void prepare(rd_kafka_conf_t& conf);
  static void add(const rd_kafka_t& handle, std::shared_ptr<Reports> reports);
  // The error callback of those handles; a handle with another error callback must call it.
  static void on_error(rd_kafka_t* handle, int code, const char* reason, void*);

  // The last error of the connections since a broker answered.
  struct Trouble {
    bool refused = false;  // by a broker, or the broker by us: a retry would fail again
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    std::string text = {};
  };
  std::optional<Trouble> trouble() const;
  // The last line that names a topic that a transaction may not write to: the error itself does not.
  std::string forbidden() const;
  void answered();            // by a broker
  bool has_answered() const;  // a broker, ever

  std::string without_secrets(std::string text) const;
  spdlog::logger* log() const { return log_.get(); }

 private:
  static void on_log(const rd_kafka_t* handle, int level, const char* facility, const char* text);
  void take_log(int level, std::string_view facility, std::string text);
  void take_error(rd_kafka_resp_err_t code, std::string reason);

  std::shared_ptr<spdlog::logger> log_;
  std::vector<std::string> secrets_ = {};
  mutable std::mutex mutex_ = {};
  std::optional<Trouble> trouble_ = {};  // guarded by mutex_, as is what follows
  std::string forbidden_ = {};
  bool has_answered_ = false;
};

// The value of this librdkafka property must not be shown.
bool is_secret(std::string_view property);

}  // namespace eventy::kafka::detail
