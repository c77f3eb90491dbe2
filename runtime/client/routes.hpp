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

struct ClientRoute {
  std::string topic = {};
  std::uint32_t partitions = 1;
  Partitioner partitioner = Partitioner::crc32;
  std::shared_ptr<const Serializer> serializer = {};
};

class ClientRoutes {
 public:
  explicit ClientRoutes(RuntimeOptions formats) : formats_(std::move(formats)) {}

  // The topic of a kind of record of a namespace. `store` is asked once for each.
  Result<std::shared_ptr<const ClientRoute>> find(RecordStore& store, Kind kind, std::string_view ns);
  const RuntimeOptions& formats() const { return formats_; }
  std::string topic_of(Kind kind, std::string_view ns) const;

  // An encoder that nobody else uses meanwhile.
  class Lent {
   public:
    Lent(ClientRoutes& routes, std::shared_ptr<const Serializer> serializer)
        : routes_(routes), serializer_(std::move(serializer)), encoder_(routes_.take(*serializer_)) {}
    ~Lent() { routes_.put_back(*serializer_, std::move(encoder_)); }
    Lent(const Lent&) = delete;
    Lent& operator=(const Lent&) = delete;
    Encoder& operator*() const { return *encoder_; }

   private:
    ClientRoutes& routes_;
    std::shared_ptr<const Serializer> serializer_;
    std::unique_ptr<Encoder> encoder_;
  };

 private:
  std::unique_ptr<Encoder> take(const Serializer& serializer);
  void put_back(const Serializer& serializer, std::unique_ptr<Encoder> encoder);

  const RuntimeOptions formats_;
  std::mutex mutex_ = {};  // guards what follows
  std::map<Kind, std::map<std::string, std::shared_ptr<const ClientRoute>, std::less<>>> known_ = {};
  std::map<const Serializer*, std::vector<std::unique_ptr<Encoder>>> encoders_ = {};
};

}  // namespace eventy::detail
