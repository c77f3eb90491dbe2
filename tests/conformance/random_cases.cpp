// Cases: a random walk of appends, cycles, undoings, new sessions and restarts beside a model in plain maps.
#include "driver.hpp"

#include "caf/test/unit_test.hpp"

#include <cstdlib>
#include <random>

namespace eventy::conformance {
namespace {

constexpr std::uint32_t partitions = 3;
constexpr int steps = 400;

struct Model {
  std::vector<std::string> in[partitions], out[partitions];
  std::int64_t position[partitions] = {};
  States state;
};

class Walk {
 public:
  Walk(Subject& subject, std::uint64_t seed) : subject_(subject), random_(seed) {
    subject_.store().ensure_topics({{"in", partitions}, {"out", partitions}}).value();
    open();
  }

  void step() {
    switch (below(10)) {
      case 0:
      case 1:
        return feed();
      case 2:
      case 3:
      case 4:
      case 5:
        return slice();
      case 6:
      case 7:
        return commit();
      case 8:
        driver_->session().abort().value();
        staged_ = committed_;
        return;
      default:
        return restart();
    }
  }

  void check() {
    auto& store = subject_.store();
    if (subject_.waits_for_open_cycles()) commit();
    for (std::uint32_t p = 0; p < partitions; ++p) {
      CAF_REQUIRE(values_in(store, "in", p) == committed_.in[p]);
      CAF_REQUIRE(values_in(store, "out", p) == committed_.out[p]);
      CAF_REQUIRE_EQUAL(position_of(store, "counter", "in", p), committed_.position[p]);
    }
    CAF_REQUIRE(states_of(store, "counter", "state") == committed_.state);
  }

 private:
  std::uint64_t below(std::uint64_t n) { return random_() % n; }
  std::uint32_t any_partition() { return static_cast<std::uint32_t>(below(partitions)); }
  std::string text() {
    return std::to_string(++written_) + std::string(below(below(20) == 0 ? 5000 : 40), '.');
  }

  void open() {
    driver_ = std::make_unique<Driver>(subject_.store());
    driver_->ready(partitions);
    staged_ = committed_;
  }
  void feed() {
    std::vector<NewRecord> records;
    for (auto n = below(20); n > 0; --n) {
      const auto p = any_partition();
      records.push_back(record(text(), "k", p));
      committed_.in[p].push_back(records.back().value);
      staged_.in[p].push_back(records.back().value);
    }
    subject_.store().append("in", records).value();
  }
  void slice() {
    const auto p = any_partition();
    Slice slice(p);
    for (auto n = below(5); n > 0; --n) {
      const auto to = any_partition();
      staged_.out[to].push_back(text());
      slice.emit(staged_.out[to].back(), to);
    }
    for (auto n = below(5); n > 0; --n) {
      const std::string key = std::to_string(below(12));
      if (below(3) == 0) {
        slice.set(key, std::nullopt);
        staged_.state.erase({p, key});
      } else {
        slice.set(key, staged_.state[{p, key}] = text());
      }
    }
    const auto left =
        static_cast<std::uint64_t>(static_cast<std::int64_t>(staged_.in[p].size()) - staged_.position[p]);
    slice.next(staged_.position[p] += static_cast<std::int64_t>(below(left + 1)));
    driver_->append(slice);
  }
  void commit() {
    driver_->commit(++cycle_);
    if (!driver_->aborted.empty()) CAF_MESSAGE(driver_->aborted.back().reason.message);
    CAF_REQUIRE_EQUAL(driver_->committed.back(), cycle_);
    committed_ = staged_;
  }
  void restart() {
    driver_.reset();
    if (subject_.store().features().durable) subject_.reopen();
    open();
    // The session reads on from the committed positions to the end.
    for (std::uint32_t p = 0; p < partitions; ++p) {
      const auto from = static_cast<std::size_t>(committed_.position[p]);
      driver_->read_until(committed_.in[p].size() - from, 0, p);
      auto read = driver_->read(0, p);
      for (std::size_t i = 0; i < read.size(); ++i)
        CAF_REQUIRE_EQUAL(read[i].value, committed_.in[p][from + i]);
    }
  }

  Subject& subject_;
  std::mt19937_64 random_;
  std::unique_ptr<Driver> driver_ = {};
  Model committed_ = {}, staged_ = {};
  std::uint64_t cycle_ = 0, written_ = 0;
};

void a_random_walk_agrees_with_a_model(Subject& subject) {
  const char* given = std::getenv("EVENTY_TEST_SEED");
  const std::uint64_t seed = given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  CAF_MESSAGE("EVENTY_TEST_SEED=" << seed);
  try {
    Walk walk(subject, seed);
    for (int i = 0; i < steps; ++i) {
      walk.step();
      if (i % 20 == 0) walk.check();
    }
    walk.check();
  } catch (...) {
    CAF_TEST_PRINT_ERROR("failed with EVENTY_TEST_SEED=" << seed);
    throw;
  }
}

}  // namespace

std::vector<Case> random_cases() {
  return {{"a_random_walk_agrees_with_a_model", a_random_walk_agrees_with_a_model}};
}

}  // namespace eventy::conformance
