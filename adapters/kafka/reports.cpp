#include "reports.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <future>
#include <thread>

#include "handles.hpp"

namespace eventy::kafka::detail {
namespace {

constexpr std::size_t least_secret = 3;  // bytes; to remove a shorter one would damage every line
constexpr std::chrono::seconds max_to_destroy{5};

// Whose a handle is: librdkafka's callbacks get nothing else. Never destroyed, for librdkafka's threads may
// outlive everything else.
struct Directory {
  std::mutex mutex = {};
  std::map<const rd_kafka_t*, std::shared_ptr<Reports>> reports = {};

  static Directory& instance() {
    static auto* const directory = new Directory;
    return *directory;
  }
  std::shared_ptr<Reports> of(const rd_kafka_t* handle) {
    const std::lock_guard lock(mutex);
    const auto it = reports.find(handle);
    return it == reports.end() ? nullptr : it->second;
  }
};

spdlog::level::level_enum level_of(int syslog) {
  constexpr std::array levels = {spdlog::level::critical, spdlog::level::critical, spdlog::level::critical,
                                 spdlog::level::err,      spdlog::level::warn,     spdlog::level::info,
                                 spdlog::level::info,     spdlog::level::debug};
  return levels[static_cast<std::size_t>(std::clamp(syslog, 0, 7))];
}

// A connection that breaks during its setup is no refusal: the broker may be restarting.
bool is_refusal(rd_kafka_resp_err_t code, std::string_view text) {
  const auto says = [&](std::string_view words) { return text.find(words) != text.npos; };
  if (code == RD_KAFKA_RESP_ERR__AUTHENTICATION) return !says("Local: ") && !says("Disconnected");
  if (code != RD_KAFKA_RESP_ERR__SSL && code != RD_KAFKA_RESP_ERR__TRANSPORT) return false;
  return says("certificate") || says("SSL alert") || says("wrong version number");
}

}  // namespace

bool is_secret(std::string_view property) {
  return property.ends_with("password") || property.ends_with("secret") || property.ends_with("key.pem") ||
         property == "sasl.oauthbearer.config";
}

Reports::Reports(std::shared_ptr<spdlog::logger> log, const std::map<std::string, std::string>& properties)
    : log_(std::move(log)) {
  for (const auto& [name, value] : properties)
    if (is_secret(name) && value.size() >= least_secret) secrets_.push_back(value);
  // Longest first, for one may be part of another.
  std::sort(secrets_.begin(), secrets_.end(),
            [](const auto& a, const auto& b) { return a.size() > b.size(); });
}

void Reports::prepare(rd_kafka_conf_t& conf) {
  rd_kafka_conf_set_log_cb(&conf, on_log);
  rd_kafka_conf_set_error_cb(&conf, on_error);
}

void Reports::add(const rd_kafka_t& handle, std::shared_ptr<Reports> reports) {
  Directory& directory = Directory::instance();
  const std::lock_guard lock(directory.mutex);
  directory.reports[&handle] = std::move(reports);
}

void destroy_handle(rd_kafka_t* handle) { destroy_handle_with(handle, 0, nullptr); }

// librdkafka (at least up to 2.0.2) can wait there for ever: once a topic was deleted, an entry in a
// partition's own queue may keep the partition. Such a handle is abandoned with its idle threads, so that the
// session can end.
void destroy_handle_with(rd_kafka_t* handle, int flags, std::shared_ptr<const void> bytes) {
  auto destroyed = std::make_shared<std::promise<void>>();
  const auto reports = Directory::instance().of(handle);
  std::thread thread([handle, destroyed, bytes = std::move(bytes), flags] {
    rd_kafka_destroy_flags(handle, flags);
    {
      Directory& directory = Directory::instance();
      const std::lock_guard lock(directory.mutex);
      directory.reports.erase(handle);
    }
    destroyed->set_value();
  });
  if (destroyed->get_future().wait_for(max_to_destroy) == std::future_status::ready) return thread.join();
  thread.detach();
  if (reports && reports->log())
    reports->log()->warn("librdkafka: a handle did not end within {} s and is abandoned",
                         max_to_destroy.count());
}

void Reports::on_log(const rd_kafka_t* handle, int level, const char* facility, const char* text) {
  if (const auto reports = Directory::instance().of(handle)) reports->take_log(level, facility, text);
}

void Reports::on_error(rd_kafka_t* handle, int code, const char* reason, void*) {
  if (const auto reports = Directory::instance().of(handle))
    reports->take_error(static_cast<rd_kafka_resp_err_t>(code), reason);
}

void Reports::take_log(int level, std::string_view facility, std::string text) {
  if (facility == "ADDPARTS" && text.ends_with("authorization failed")) {
    const std::lock_guard lock(mutex_);
    forbidden_ = text.substr(text.find("]: ") == text.npos ? 0 : text.find("]: ") + 3);
  }
  if (!log_) return;
  auto as = level_of(level);
  // Producers and consumers get the same properties, and each ignores those of the other.
  if (facility == "CONFWARN") as = spdlog::level::debug;
  // Repeated at each retry while a clock is wrong; the writer logs it once.
  if (facility == "TXNERR" && text.find("Invalid timestamp") != text.npos) as = spdlog::level::debug;
  if (log_->should_log(as)) log_->log(as, "librdkafka: {}: {}", facility, without_secrets(std::move(text)));
}

void Reports::take_error(rd_kafka_resp_err_t code, std::string reason) {
  if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) return;  // the errors of the brokers say more
  const std::lock_guard lock(mutex_);
  const bool refused = is_refusal(code, reason);
  // A broker that refuses our certificate only closes the connection.
  if (refused && code == RD_KAFKA_RESP_ERR__TRANSPORT) code = RD_KAFKA_RESP_ERR__SSL;
  trouble_ = Trouble{refused, code, without_secrets(std::move(reason))};
}

std::optional<Reports::Trouble> Reports::trouble() const {
  const std::lock_guard lock(mutex_);
  return trouble_;
}

std::string Reports::forbidden() const {
  const std::lock_guard lock(mutex_);
  return forbidden_;
}

void Reports::answered() {
  const std::lock_guard lock(mutex_);
  trouble_.reset();
  has_answered_ = true;
}

bool Reports::has_answered() const {
  const std::lock_guard lock(mutex_);
  return has_answered_;
}

std::string Reports::without_secrets(std::string text) const {
  constexpr std::string_view instead = "[secret]";
  for (const auto& secret : secrets_) {
    for (auto at = text.find(secret); at != text.npos; at = text.find(secret, at + instead.size()))
      text.replace(at, secret.size(), instead);
  }
  return text;
}

}  // namespace eventy::kafka::detail
