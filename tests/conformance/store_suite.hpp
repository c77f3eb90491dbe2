// One suite that judges every store by the features it declares. A store adds itself with one file: a Subject
// and add_store_suite().
#pragma once

#include "eventy/store/memory_store.hpp"
#include "eventy/store/record_store.hpp"

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace eventy::conformance {

// A store that is judged: fresh when it is made, everything of it is gone with the object.
class Subject {
 public:
  virtual ~Subject() = default;
  virtual RecordStore& store() = 0;
  virtual void reopen() = 0;  // only of durable stores: as the end of the process and a new start
  // Whether RecordStore::position() waits for a cycle that touches it and is open.
  virtual bool waits_for_open_cycles() const { return false; }
  virtual MemoryStore* commands() { return nullptr; }  // to provoke what a store does not do by itself
};
using Factory = std::function<std::unique_ptr<Subject>()>;

struct Needs {
  bool durable = false, multiple_members = false, unknown_outcomes = false, commands = false;
};
struct Case {
  const char* name;
  void (*run)(Subject&);
  Needs needs = {};
};

std::vector<Case> cycle_cases();    // order, atomicity, undoing, fencing, restart
std::vector<Case> content_cases();  // what records, names and states may hold; limits; mistakes
std::vector<Case> member_cases();  // partitions that move, outcomes that are unknown, restores that take time
std::vector<Case> client_cases();  // what writes and follows topics outside of sessions
std::vector<Case> start_cases();   // where a service begins
std::vector<Case> random_cases();  // against a model

// Registers the cases that these features ask for, except those named by `without`; the suite also checks
// that the store declares the same features.
bool add_store_suite(const char* suite, const StoreFeatures& features, bool has_commands,
                     const Factory& factory, const std::set<std::string_view>& without = {});

}  // namespace eventy::conformance
