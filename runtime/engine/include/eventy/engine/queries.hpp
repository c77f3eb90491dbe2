// Answers questions about keys from the committed state of the services of a node. The queries run on threads
// of their own, so a slow one holds up other questions, but no record. Any thread may ask; each question has
// exactly one outcome.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "eventy/engine/committed_views.hpp"
#include "eventy/engine/runtime.hpp"

namespace eventy {

// How far a topic partition is committed: the next offset. Everything before it is processed: handled, or
// dead-lettered, or parked.
struct TopicPosition {
  std::string topic = {};
  PartitionId partition = {};
  Offset next = {};
  friend bool operator==(const TopicPosition&, const TopicPosition&) = default;
};

struct QueryOptions {
  std::size_t threads = 2;
  std::size_t max_questions = 1'000;  // that wait or run; more are refused with `full`
  Duration limit{1'000};              // of one run of a query; its asker then gets timed_out

  friend bool operator==(const QueryOptions&, const QueryOptions&) = default;
};

struct Question {
  std::string service = {}, query = {}, key = {};
  std::string body = {};  // in the service's state format
  Duration timeout{1'000};
  std::vector<TopicPosition> at_least = {};  // the answer waits until all of these are passed
};

class Queries {
 public:
  struct RawAnswer {
    std::string body = {};                      // in the service's state format
    std::vector<TopicPosition> positions = {};  // the state contains at least what is before these
    bool parked = false;                        // the key's records wait since one has failed
  };
  // Called once, on a thread of this object, or by the caller of ask() or close(). Must not throw.
  using Answered = std::function<void(Result<RawAnswer>)>;

  Queries(QueryOptions options, std::shared_ptr<spdlog::logger> log);
  ~Queries();
  Queries(const Queries&) = delete;
  Queries& operator=(const Queries&) = delete;

  // Before the first question.
  void add(std::shared_ptr<const ServiceRuntime> runtime, std::shared_ptr<CommittedViews> views);
  void ask(Question question, Answered done);
  // Ends all questions with `closed` and waits at most so long for queries that run. False: some still run,
  // and their threads end when they return.
  bool close(Duration within);
  std::vector<std::string> running() const;  // the queries that run now, for a person

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace eventy
