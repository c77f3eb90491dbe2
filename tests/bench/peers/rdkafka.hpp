// Bare librdkafka for what measures and for the raw loop; nothing of our store.
#pragma once

#include <librdkafka/rdkafka.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>

namespace eventy::benchmark {

[[noreturn]] inline void fail(const std::string& what) {
  std::fprintf(stderr, "bench: %s\n", what.c_str());
  std::exit(1);
}
inline void must(rd_kafka_resp_err_t code, const char* what) {
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) fail(std::string(what) + ": " + rd_kafka_err2str(code));
}
inline void must(rd_kafka_error_t* error, const char* what) {
  if (error) fail(std::string(what) + ": " + rd_kafka_error_string(error));
}

template <auto Destroy>
struct Destroyer {
  template <class T>
  void operator()(T* object) const {
    Destroy(object);
  }
};
template <class T, auto Destroy>
using Owner = std::unique_ptr<T, Destroyer<Destroy>>;
using Handle = Owner<rd_kafka_t, rd_kafka_destroy>;
using Queue = Owner<rd_kafka_queue_t, rd_kafka_queue_destroy>;
using TopicHandle = Owner<rd_kafka_topic_t, rd_kafka_topic_destroy>;
using List = Owner<rd_kafka_topic_partition_list_t, rd_kafka_topic_partition_list_destroy>;

inline List make_list() { return List(rd_kafka_topic_partition_list_new(8)); }

using Properties = std::initializer_list<std::pair<const char*, std::string>>;
using OnDelivery = void (*)(rd_kafka_t*, const rd_kafka_message_t*, void*);

inline Handle make_handle(rd_kafka_type_t type, const std::string& bootstrap, Properties properties,
                          OnDelivery on_delivery = nullptr) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  char text[512];
  const auto set = [&](const char* name, const std::string& value) {
    if (rd_kafka_conf_set(conf, name, value.c_str(), text, sizeof text) != RD_KAFKA_CONF_OK) fail(text);
  };
  set("bootstrap.servers", bootstrap);
  set("socket.nagle.disable", "true");
  for (const auto& [name, value] : properties) set(name, value);
  if (on_delivery) rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
  Handle handle(rd_kafka_new(type, conf, text, sizeof text));
  if (!handle) fail(text);
  return handle;
}

inline void stop_on_failed_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void*) {
  must(message->err, "a record was not delivered");
}

inline std::int64_t now_us() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

inline std::int64_t steady_us() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

}  // namespace eventy::benchmark
