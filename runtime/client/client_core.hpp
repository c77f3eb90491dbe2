// What the copies of a client share: the writer of records, their bound, and the responses. Owned by the
// copies together. Any thread.
#pragma once

#include <atomic>

#include "eventy/store/record_writer.hpp"
#include "responses.hpp"
#include "routes.hpp"

namespace eventy::detail {

class ClientCore {
 public:
  ClientCore(std::shared_ptr<RecordStore> store, RuntimeOptions formats, ClientOptions options);
  ~ClientCore();
  ClientCore(const ClientCore&) = delete;
  ClientCore& operator=(const ClientCore&) = delete;

  // `from` is the client's namespace.
  void emit(const std::string& from, const ClientRecord& record, const WriteData& data, OnStored done);
  void request(const std::string& from, const ClientRecord& record, const WriteData& data,
               const ExpectedResponse& expected, OnResponse done);
  ClientFigures figures() const;
  Result<void> close(Duration within);
  const ClientOptions& options() const { return options_; }

 private:
  // A call in progress: close() waits for it, since the store may end afterwards.
  class Entered;
  struct Pending {
    std::atomic<std::size_t> bytes = 0;
    std::atomic<std::uint64_t> stored = 0, failed = 0;
  };
  struct Encoded {
    std::string uuid = {};
    PartitionId partition = {};
    NewRecord record = {};
  };
  Result<Encoded> encode(const std::string& from, const ClientRecord& record, const WriteData& data,
                         const ClientRoute& route);
  std::string uuid_of(const std::string& from, const ClientRecord& record) const;
  void write(const ClientRoute& route, Encoded encoded, OnStored done);
  Result<void> expect(const std::string& uuid, const std::string& from, const ClientRecord& record,
                      const ExpectedResponse& expected, const OnResponse& done);
  Result<void> reserve(std::size_t bytes);
  Result<RecordWriter*> writer();

  const std::shared_ptr<RecordStore> owned_;  // or borrowed
  RecordStore& store_;
  const ClientOptions options_;
  ClientRoutes routes_;
  Responses responses_;
  SystemClock clock_ = {};
  Pending pending_ = {};
  std::atomic<std::uint64_t> next_version_ = 1;  // of contexts; see OutgoingContext
  std::mutex mutex_ = {};                        // guards what follows
  // Made by the first record. Its end completes what it holds, so it ends before what callbacks use.
  std::unique_ptr<RecordWriter> writer_ = {};
  std::atomic<RecordWriter*> made_writer_ = nullptr;  // the same, for those who only use it
  std::atomic<bool> is_closed_ = false;
  std::atomic<int> calls_ = 0;  // in progress
};

}  // namespace eventy::detail
