// Where the records of a client go: for each kind and namespace the topic, its partitions, format and
// partitioner; with encoders that threads lend each other. Owned by a ClientCore. Any thread.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "eventy/engine/runtime.hpp"

namespace eventy::detail {

// Encoders of a format that threads lend each other.
class EncoderPool {
 public:
  explicit EncoderPool(std::shared_ptr<const Serializer> serializer) : serializer_(std::move(serializer)) {}
  const Serializer& serializer() const { return *serializer_; }

  // An encoder that nobody else uses meanwhile.
  class Lent {
   public:
    explicit Lent(EncoderPool& pool) : pool_(pool), encoder_(pool.take()) {}
    ~Lent() { pool_.put_back(std::move(encoder_)); }
    Lent(const Lent&) = delete;
    Lent& operator=(const Lent&) = delete;
    Encoder& operator*() const { return *encoder_; }

   private:
    EncoderPool& pool_;
    std::unique_ptr<Encoder> encoder_;
  };

 private:
  std::unique_ptr<Encoder> take();
  void put_back(std::unique_ptr<Encoder> encoder);

  const std::shared_ptr<const Serializer> serializer_;
  std::mutex mutex_ = {};
  std::vector<std::unique_ptr<Encoder>> idle_ = {};
};

struct ClientRoute {
  std::string topic = {};
  std::uint32_t partitions = 1;
  Partitioner partitioner = Partitioner::crc32;
  std::shared_ptr<EncoderPool> encoders = {};
};

class ClientRoutes {
 public:
  explicit ClientRoutes(RuntimeOptions formats) : formats_(std::move(formats)) {}

  // The topic of a kind of record of a namespace; lives as long as this object. `store` is asked once for
  // each.
  Result<const ClientRoute*> find(RecordStore& store, Kind kind, std::string_view ns);
  const RuntimeOptions& formats() const { return formats_; }

 private:
  const RuntimeOptions formats_;
  std::mutex mutex_ = {};  // guards what follows
  std::map<Kind, std::map<std::string, std::unique_ptr<const ClientRoute>, std::less<>>> known_ = {};
  std::map<const Serializer*, std::shared_ptr<EncoderPool>> pools_ = {};
};

}  // namespace eventy::detail
