// The requests of clients that wait for a response, and the thread that reads the responses and knows their
// deadlines. Each request ends once: by its response, its deadline, cancel() or close(). Owned by a
// ClientCore. Any thread.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "eventy/client.hpp"
#include "eventy/store/topic_reader.hpp"

namespace eventy::detail {

class Responses {
 public:
  explicit Responses(RecordStore& store, DecodeLimits limits) : store_(store), limits_(limits) {}
  ~Responses() { close(); }
  Responses(const Responses&) = delete;
  Responses& operator=(const Responses&) = delete;

  // Reads the topic from its present end on, if it is not read yet. The first call starts the thread.
  Result<void> follow(const std::string& topic, const Serializer& serializer);
  // Waits for the response to a request; `destination` is the namespace that it must come back to. full:
  // `most` requests are open.
  Result<void> expect(const std::string& request_uuid, std::string destination, const ExpectedResponse& what,
                      OnResponse done, std::size_t most);
  // The request was not stored: it ends with this error.
  void cancel(const std::string& request_uuid, const Error& error);
  // Ends all requests with `closed`, and the thread.
  void close();

  struct Counts {
    std::uint64_t responses = 0, timed_out = 0, unexpected = 0, open = 0;
  };
  Counts counts() const;

 private:
  struct Request {
    std::string destination, ns, name;
    MonotonicTime deadline;
    Duration timeout;
    OnResponse done;
  };
  struct Followed {
    const Serializer* serializer;
    std::unique_ptr<Decoder> decoder;
  };

  void work();
  void poll(Duration wait);
  void read(const Batch& batch);
  void take(const Envelope& e, Decoder& decoder);
  void expire();
  Duration until_next() const;  // the lock is held
  std::optional<Request> remove(std::string_view request_uuid);

  RecordStore& store_;
  const DecodeLimits limits_;
  SystemClock clock_ = {};

  std::mutex reading_ = {};  // held while the reader is used; guards reader_ and followed_
  std::unique_ptr<TopicReader> reader_ = {};
  std::map<std::string, TopicIndex> indexes_ = {};
  std::vector<Followed> followed_ = {};  // by TopicIndex

  mutable std::mutex mutex_ = {};  // guards what follows
  std::condition_variable changed_ = {};
  std::map<std::string, Request, std::less<>> requests_ = {};  // by uuid
  std::multimap<MonotonicTime, std::string> deadlines_ = {};
  std::set<std::string, std::less<>> destinations_ = {};
  Counts counts_ = {};
  std::optional<Error> trouble_ = {};  // why nothing can be read now
  int followers_ = 0;                  // threads that wait for the reader
  bool is_closed_ = false;
  std::thread thread_ = {};
};

}  // namespace eventy::detail
