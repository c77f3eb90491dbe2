// Ways to read and write the same records, timed in turn. Before anything is timed each way must read what
// ours writes and write what ours reads, to the same record; a way that does not ends the program with exit
// code 1.
#pragma once

#include <concepts>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "eventy/core/serializer.hpp"
#include "tests/bench/serializers/peer.hpp"
#include "tests/bench/serializers/subjects.hpp"

namespace google::protobuf {
class Message;
}

namespace eventy::benchmark {

// Bytes come with value_padding behind them. A way may keep what its result points to until its next call.
template <class Data>
struct Way {
  std::string name;
  std::function<void(std::string_view bytes, Whole<Data>& out)> decode;
  std::function<void(const Whole<Data>& record, std::string& out)> encode;  // appends
  double goal = 0;  // ours takes at most so many times its time; 0: no goal
};

struct Options {
  int rounds = 31;
  double slot = 0.003;      // CPU seconds a way gets in a round
  bool judge = true;        // whether a goal that is missed counts
  std::string python = {};  // an interpreter with the protocol's other implementation; empty: it is left out
};

// Times `once(way)` for each, which goes over all samples, and returns the medians in ns a sample.
std::vector<double> time_in_turn(std::size_t ways, const std::function<void(std::size_t)>& once,
                                 const Options& options);
// Prints a table; the first way is ours. Whether all goals are met.
struct Row {
  std::string name;
  double decode = 0, encode = 0, goal = 0;
  std::size_t bytes = 0;
};
bool print_table(std::string_view title, const std::vector<Row>& rows);

[[noreturn]] inline void wrong(std::string_view contest, std::string_view way, const std::string& what) {
  std::fprintf(stderr, "%s: %s: WRONG: %s\n", std::string(contest).c_str(), std::string(way).c_str(),
               what.c_str());
  std::exit(1);
}

bool same_message(const google::protobuf::Message& a, const google::protobuf::Message& b);
template <class Data>
bool same_data(const Data& a, const Data& b) {
  if constexpr (std::equality_comparable<Data>) {
    return a == b;
  } else {
    return same_message(a, b);
  }
}

// Calls that the compiler cannot see through: nothing of a result is left out.
inline void use(const void* result) { asm volatile("" : : "g"(result) : "memory"); }

template <class Data>
class Contest {
 public:
  Contest(std::string format, const Samples<Data>& samples, std::vector<Way<Data>> ways)
      : title_(std::move(format) + ", " + std::string(samples.name)),
        samples_(samples),
        ways_(std::move(ways)) {}

  // Whether all goals are met. `format`: the peer's name for it, if the peer has it.
  bool run(const Options& options, const std::string& format = {}) {
    write_samples();
    for (auto& way : ways_) check(way);
    const auto decode = time_in_turn(
        ways_.size(), [&](std::size_t way) { read_all(ways_[way]); }, options);
    const auto encode = time_in_turn(
        ways_.size(), [&](std::size_t way) { write_all(ways_[way]); }, options);
    std::vector<Row> rows;
    for (std::size_t i = 0; i < ways_.size(); ++i)
      rows.push_back({ways_[i].name, decode[i], encode[i], ways_[i].goal, sizes_[i]});
    if (!format.empty() && !options.python.empty()) rows.push_back(ask_peer(options, format));
    return print_table(title_, rows) || !options.judge;
  }

 private:
  std::string_view bytes_of(std::size_t i) const {
    return std::string_view(padded_[i]).substr(0, padded_[i].size() - value_padding);
  }

  void write_samples() {
    for (const auto& whole : samples_.wholes) {
      std::string& bytes = padded_.emplace_back();
      ways_[0].encode(whole, bytes);
      bytes.append(value_padding, '\0');
    }
  }

  void check(Way<Data>& way) {
    for (std::size_t i = 0; i < padded_.size(); ++i) {
      must_read(way, bytes_of(i), i, "reads another record than was written");
      std::string written;
      way.encode(samples_.wholes[i], written);
      if (i == 0) sizes_.push_back(written.size());
      must_be_read(std::move(written), i, way.name);
    }
  }

  void must_be_read(std::string written, std::size_t i, const std::string& by) {
    const std::size_t size = written.size();
    written.append(value_padding, '\0');
    must_read(ways_[0], std::string_view(written).substr(0, size), i,
              "what " + by + " wrote is read as another record");
  }

  Row ask_peer(const Options& options, const std::string& format) {
    const std::string name = "Python peer";
    std::vector<std::string> records;
    for (std::size_t i = 0; i < padded_.size(); ++i) records.emplace_back(bytes_of(i));
    try {
      const auto times = run_peer(options.python, format, records, options.rounds);
      for (std::size_t i = 0; i < records.size(); ++i) must_be_read(times.written[i], i, name);
      return {.name = name, .decode = times.decode, .encode = times.encode, .bytes = times.written[0].size()};
    } catch (const std::runtime_error& e) {
      wrong(title_, name, e.what());
    }
  }

  void must_read(Way<Data>& way, std::string_view bytes, std::size_t i, const std::string& otherwise) {
    Whole<Data> whole;
    const Whole<Data>& wanted = samples_.wholes[i];
    try {
      way.decode(bytes, whole);
    } catch (const std::exception& e) {
      wrong(title_, way.name, otherwise + ": " + e.what());
    }
    const std::string envelope = difference(*whole.envelope, *wanted.envelope);
    if (!envelope.empty()) wrong(title_, way.name, otherwise + ": " + envelope);
    if (whole.context != wanted.context) wrong(title_, way.name, otherwise + ": context");
    if (!same_data(whole.data, wanted.data)) wrong(title_, way.name, otherwise + ": data");
  }

  void read_all(Way<Data>& way) {
    for (std::size_t i = 0; i < padded_.size(); ++i) {
      Whole<Data> whole;
      way.decode(bytes_of(i), whole);
      use(&whole);
    }
  }
  void write_all(Way<Data>& way) {
    for (const auto& whole : samples_.wholes) {
      out_.clear();
      way.encode(whole, out_);
      use(out_.data());
    }
  }

  std::string title_;
  const Samples<Data>& samples_;
  std::vector<Way<Data>> ways_;
  std::vector<std::string> padded_ = {};
  std::vector<std::size_t> sizes_ = {};
  std::string out_ = {};
};

// Ours, by any serializer.
template <class Data>
Way<Data> ours(const Serializer& serializer) {
  const std::shared_ptr<Decoder> decoder = serializer.make_decoder();
  const std::shared_ptr<Encoder> encoder = serializer.make_encoder();
  auto decode = [decoder](std::string_view bytes, Whole<Data>& out) {
    out.envelope = &decoder->decode(bytes);
    if (!decoder->context_is_empty()) decoder->read_context(out.context);
    read(decoder->data(), out.data, Absent::is_error);
  };
  // Each record has a context of its own, as the outputs of turns have.
  auto encode = [encoder, version = std::uint64_t{0}](const Whole<Data>& record, std::string& out) mutable {
    const OutgoingContext context{.common = record.context.empty() ? nullptr : &record.context,
                                  .version = ++version};
    write(encoder->begin(*record.envelope, context, out), record.data);
    encoder->end();
  };
  return {"eventy", decode, encode};
}

}  // namespace eventy::benchmark
