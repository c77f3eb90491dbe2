// The transactional producer of a session. One thread at a time.
#pragma once

#include <map>

#include "client.hpp"

namespace eventy::kafka::detail {

// How a transaction ended.
struct Landing {
  enum class How : std::uint8_t {
    committed,
    aborted,  // nothing of it is visible; the producer goes on
    unknown,  // the commit was sent, its answer did not come
    failed    // the producer cannot go on
  };
  How how = How::committed;
  Error error = {};
};

class Transaction {
 public:
  // Ends what an earlier producer of this id left open, and fences it.
  static Result<std::unique_ptr<Transaction>> open(const Client& client, const std::string& id);
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  Result<void> begin();
  // `next`: set to the offset behind the record if that is larger, once the transaction is committed.
  Result<void> add(const Client::Outgoing& record, Offset* next = nullptr);
  // Sends the positions with everything else, and commits.
  Landing commit(const rd_kafka_topic_partition_list_t* positions,
                 const rd_kafka_consumer_group_metadata_t* group);
  // Undoes the transaction that was begun, after `reason`.
  Landing abort(Error reason);

 private:
  explicit Transaction(const Client& client) : client_(client) {}
  static void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* self);
  // Repeats a call as long as it is worth it.
  template <class Call>
  KafkaError insist(Call call) const;
  Landing land(const rd_kafka_error_t& error, const char* what);

  const Client& client_;
  Handle handle_ = {};
  std::optional<Error> undelivered_ = {};  // the first one
};

}  // namespace eventy::kafka::detail
