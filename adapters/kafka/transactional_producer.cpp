#include "transactional_producer.hpp"

#include <algorithm>
#include <thread>

#include "eventy/store/rules.hpp"
#include "producer.hpp"

namespace eventy::kafka::detail {
namespace {

constexpr std::chrono::milliseconds first_patience{100};

// Would fail again on retry.
bool fails_again(ErrorCode code) {
  return code == ErrorCode::permission_denied || code == ErrorCode::too_large ||
         code == ErrorCode::not_found || code == ErrorCode::invalid_argument;
}

// A broker has just started, or a coordinator has just moved: retry.
bool is_transient(const rd_kafka_error_t& error) {
  return rd_kafka_error_is_retriable(&error) ||
         rd_kafka_error_code(&error) == RD_KAFKA_RESP_ERR_NOT_COORDINATOR ||
         rd_kafka_error_code(&error) == RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE;
}

}  // namespace

Result<std::unique_ptr<TransactionalProducer>> TransactionalProducer::make(Client& client,
                                                                           const std::string& id,
                                                                           const ProducerOptions& options) {
  std::map<std::string, std::string> properties = {
      {"transactional.id", id},
      {"transaction.timeout.ms", std::to_string(client.options().transaction_timeout.count())},
      {"message.max.bytes", "1000000000"},
      {"queue.buffering.max.messages", "10000000"},
      {"queue.buffering.max.kbytes", "2097151"},
      {"linger.ms", std::to_string(options.linger.count())},
      {"retry.backoff.ms", std::to_string(options.retry.count())}};
  if (!options.batch_size.empty()) properties["batch.size"] = options.batch_size;
  auto conf = client.conf(properties);
  if (!conf) return conf.error();
  std::unique_ptr<TransactionalProducer> made(new TransactionalProducer(client, id));
  rd_kafka_conf_set_opaque(conf->get(), made.get());
  // Without a delivery callback every flush takes about 10 ms longer.
  rd_kafka_conf_set_dr_msg_cb(conf->get(), on_delivery);
  auto handle = Client::make_handle(RD_KAFKA_PRODUCER, *std::move(conf));
  if (!handle) return handle.error();
  made->handle_ = *std::move(handle);
  return made;
}

// librdkafka (2.0.2, and still 2.8) frees its error before its broker threads end: a refusal that one of them
// gets later frees it again. After a purge no answer is awaited.
TransactionalProducer::~TransactionalProducer() {
  if (handle_) {
    (void)rd_kafka_purge(handle_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_poll(handle_.get(), 0);  // serves the reports of the purge
  }
  topics_.clear();  // before their producer
  if (!kept_.empty())
    destroy_handle_with(handle_.release(), 0, std::make_shared<decltype(kept_)>(std::move(kept_)));
}

Error TransactionalProducer::cannot_open(const rd_kafka_error_t& error) const {
  return client_.failed(error, "cannot open a producer with transactional id " + printable(id_));
}

// While the cluster aborts what an earlier producer left open, it rejects the new one as retriable.
// librdkafka retries after half a second; a new producer does so at once.
Result<std::unique_ptr<TransactionalProducer>> TransactionalProducer::open(Client& client,
                                                                           const std::string& id,
                                                                           const ProducerOptions& options) {
  using std::chrono::steady_clock;
  const auto deadline = steady_clock::now() + client.options().request_timeout;
  for (Duration patience = first_patience;;
       patience = std::min(patience * 2, client.options().request_timeout)) {
    auto made = make(client, id, options);
    if (!made) return made;
    TransactionalProducer& producer = **made;
    const KafkaError error(
        rd_kafka_init_transactions(producer.handle_.get(), static_cast<int>(patience.count())));
    if (!error) {
      producer.on_step_ = options.on_step;
      return made;
    }
    if (!is_transient(*error) || steady_clock::now() > deadline) return producer.cannot_open(*error);
    if (rd_kafka_error_code(error.get()) != RD_KAFKA_RESP_ERR__TIMED_OUT)
      std::this_thread::sleep_for(first_patience);
  }
}

void TransactionalProducer::on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  auto* self = static_cast<TransactionalProducer*>(opaque);
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    const auto code = delivery_error(*message);
    const bool is_cause = code != RD_KAFKA_RESP_ERR__PURGE_QUEUE && code != RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
    if (is_cause && (!self->undelivered_ || is_a_better_reason(code, self->undelivered_->code)))
      self->undelivered_ = {code, rd_kafka_topic_name(message->rkt)};
  } else if (auto* next = static_cast<Offset*>(message->_private)) {
    *next = std::max(*next, Offset{message->offset + 1});
  }
}

template <class Call>
KafkaError TransactionalProducer::retry(Call call) const {
  const auto deadline = std::chrono::steady_clock::now() + client_.options().request_timeout;
  for (;;) {
    KafkaError error(call());
    if (!error || !rd_kafka_error_is_retriable(error.get()) || std::chrono::steady_clock::now() > deadline)
      return error;
  }
}

Result<void> TransactionalProducer::begin() {
  undelivered_.reset();
  const KafkaError error(rd_kafka_begin_transaction(handle_.get()));
  if (error) return client_.failed(*error, "cannot begin a transaction");
  begun_ = true;
  begun_at_ = std::chrono::steady_clock::now();
  reached(Step::before_produce);
  return {};
}

Result<void> TransactionalProducer::add(const Client::Outgoing& record) {
  auto queued = produce(*handle_, topic_of(record.to.topic), record, nullptr);
  if (!queued) return reason_of(record.to, queued.error());
  return queued;
}

Result<void> TransactionalProducer::add(const TopicPartition& to, Messages& records, Values values) {
  const int count = static_cast<int>(records.size());
  const int flags = values == Values::copied ? RD_KAFKA_MSG_F_COPY : 0;
  const int taken = rd_kafka_produce_batch(&topic_of(to.topic), to.partition, flags, records.data(), count);
  rd_kafka_poll(handle_.get(), 0);  // serves delivery reports, which would pile up
  if (taken == count) return {};
  const auto refused = std::find_if(records.begin(), records.end(), [](const auto& r) { return r.err; });
  return reason_of(to, error_of(refused->err, "cannot write a record of " + std::to_string(refused->len) +
                                                  " bytes to " + printable(to.topic)));
}

// A transaction that has failed refuses records without a reason; only calls on the whole transaction return
// it.
Result<void> TransactionalProducer::reason_of(const TopicPartition& to, Error refusal) const {
  const KafkaError why(rd_kafka_begin_transaction(handle_.get()));
  if (why && rd_kafka_error_code(why.get()) != RD_KAFKA_RESP_ERR__STATE)
    return client_.failed(*why, "cannot write to " + printable(to.topic));
  return refusal;
}

// Most records have the topic of the record before them.
rd_kafka_topic_t& TransactionalProducer::topic_of(const std::string& name) {
  const auto is_it = [&](const Topic& topic) { return rd_kafka_topic_name(topic.get()) == name; };
  if (last_topic_ < topics_.size() && is_it(topics_[last_topic_])) return *topics_[last_topic_];
  const auto known = std::find_if(topics_.begin(), topics_.end(), is_it);
  last_topic_ = static_cast<std::size_t>(known - topics_.begin());
  if (known == topics_.end()) topics_.emplace_back(rd_kafka_topic_new(handle_.get(), name.c_str(), nullptr));
  return *topics_[last_topic_];
}

StepResult TransactionalProducer::send_positions(const rd_kafka_topic_partition_list_t& positions,
                                                 const rd_kafka_consumer_group_metadata_t* group) {
  const auto error = retry([&] {
    return rd_kafka_send_offsets_to_transaction(handle_.get(), &positions, group, client_.timeout_ms());
  });
  if (error) return end_with(*error, "cannot send positions");
  return {};
}

CommitOutcome TransactionalProducer::commit() {
  const auto error = send_commit();
  if (!error) {
    end_transaction();
    return CommitOutcome::committed();
  }
  if (rd_kafka_error_is_retriable(error.get()) ||
      rd_kafka_error_code(error.get()) == RD_KAFKA_RESP_ERR__TIMED_OUT)
    return CommitOutcome::unknown(client_.failed(*error, "no answer to a commit"));
  return end_with(*error, "cannot commit");
}

// One call with the whole timeout: where a call has timed out, librdkafka 2.0.2 takes the late answer to the
// commit for that of an abort.
KafkaError TransactionalProducer::send_commit() {
  std::thread aside;  // marks the time between the request and its answer, for tests
  if (on_step_)
    aside = std::thread([this] {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      reached(Step::commit_sent);
    });
  auto error = retry([&] { return rd_kafka_commit_transaction(handle_.get(), client_.timeout_ms()); });
  if (aside.joinable()) aside.join();
  return error;
}

CommitOutcome TransactionalProducer::end_with(const rd_kafka_error_t& error, const char* what) {
  if (rd_kafka_error_txn_requires_abort(&error)) return abort(client_.failed(error, what));
  return failed(client_.failed(error, what));
}

// The cluster also fences a producer whose transaction was open for too long. That is a timeout: nobody else
// uses its id.
CommitOutcome TransactionalProducer::failed(Error error) const {
  const auto age = std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - begun_at_);
  if (error.code == ErrorCode::fenced && begun_ && age >= client_.options().transaction_timeout)
    error = {ErrorCode::timed_out, "a transaction was open for " + std::to_string(age.count()) +
                                       " ms, and the cluster has aborted it: " + error.message};
  return CommitOutcome::failed(std::move(error));
}

Error TransactionalProducer::not_delivered(const Undelivered& record) const {
  if (record.code == RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP) return client_.wrong_clock(record.topic);
  return error_of(record.code, "cannot deliver a record to topic " + record.topic);
}

void TransactionalProducer::flush() {
  constexpr int max_ms = 1000;
  (void)rd_kafka_flush(handle_.get(), max_ms);
}

CommitOutcome TransactionalProducer::abort(Error reason) {
  const auto error = retry([&] { return rd_kafka_abort_transaction(handle_.get(), client_.timeout_ms()); });
  if (undelivered_) reason = not_delivered(*undelivered_);
  if (error && fails_again(reason.code)) return CommitOutcome::failed(std::move(reason));
  if (error) {
    Error why = client_.failed(*error, "cannot abort a transaction");
    why.message += "; it has to be aborted because of: " + reason.message;
    return failed(std::move(why));
  }
  end_transaction();
  if (fails_again(reason.code)) return CommitOutcome::failed(std::move(reason));
  return CommitOutcome::aborted(std::move(reason));
}

void TransactionalProducer::end_transaction() {
  begun_ = false;
  kept_.clear();
}

void TransactionalProducer::try_abort() {
  constexpr int max_ms = 1000;
  const KafkaError ignored(rd_kafka_abort_transaction(handle_.get(), max_ms));
  begun_ = false;
}

}  // namespace eventy::kafka::detail
