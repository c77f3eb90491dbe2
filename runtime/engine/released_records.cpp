#include "released_records.hpp"

#include <algorithm>

namespace eventy {

struct ReleasedRecords::Source {
  explicit Source(ParkedRecord parked)
      : row(std::move(parked)), value(std::string(view(row.value)).append(value_padding, '\0')) {
    for (const auto& h : row.headers) headers.push_back({view(h.name), view(h.value)});
  }
  RecordView record(TopicIndex topic) const {
    RecordView r{.topic = topic,
                 .partition = {row.partition},
                 .offset = {row.offset},
                 .value = std::string_view(value).substr(0, row.value.size()),
                 .headers = headers};
    if (row.key) r.key = view(*row.key);
    return r;
  }
  ParkedRecord row;
  std::string value;  // with value_padding
  std::vector<Header> headers = {};
};

void ReleasedRecords::work(SliceDraft& slice) {
  FailureBook& book = failures_.book();
  while (!slice.is_full()) {
    const auto key = book.releasing();
    if (!key) return;
    const auto source = std::make_shared<Source>(book.first(*key).value());
    environment_.metrics->released.add();
    if (handle(source, *key, slice) == Outcome::done) {
      book.drop_first(*key, source->row);
    } else {
      book.keep_first(*key, source->row);
    }
    slice.handled();
  }
}

ReleasedRecords::Outcome ReleasedRecords::handle(const std::shared_ptr<Source>& source,
                                                 const std::string& key, SliceDraft& slice) {
  if (!begin(*source, key)) return Outcome::done;
  runs_.run(attempt_);
  after_commit_.add(attempt_, source, slice);
  return failures_.settle_released(attempt_, source->row) ? Outcome::done : Outcome::stays;
}

bool ReleasedRecords::begin(Source& source, const std::string& key) {
  const ParkedRecord& row = source.row;
  attempt_.is_released = true;
  attempt_.earlier_attempts = row.attempts;
  if (!read(source, key)) return false;
  std::erase_if(attempt_.matched, [&](const auto& c) {
    return std::find(row.handlers.begin(), row.handlers.end(), environment_.runtime.handler_id(c.handler)) ==
           row.handlers.end();
  });
  if (attempt_.matched.empty()) return has_no_handler(row), false;
  const auto way = placement_.find(attempt_);
  if (way == Placement::Way::misplaced) placement_.dead_letter_misplaced(attempt_);
  return way == Placement::Way::here;
}

bool ReleasedRecords::read(Source& source, const std::string& key) {
  const auto topic = environment_.runtime.topic_named(source.row.topic);
  if (!topic) return read_no_record(source, key);
  if (!runs_.read(source.record(*topic), attempt_)) return false;
  translator_.match(attempt_);
  return true;
}

bool ReleasedRecords::read_no_record(Source& source, const std::string& key) try {
  const ParkedRecord& row = source.row;
  const RecordView bytes = source.record({});
  for (InputReader* reader : readers_)
    if (reader->begin({row.topic, row.offset}, bytes.value, attempt_)) return attempt_.set_key(key), true;
  attempt_.record = bytes;  // a record of a topic that the service no longer reads
  attempt_.meta = {};
  attempt_.meta.topic = row.topic, attempt_.meta.partition = {row.partition};
  attempt_.meta.offset = {row.offset};
  has_no_handler(row);
  return false;
} catch (const DecodeError& e) {
  failures_.dead_letter(attempt_, {"", "DecodeError", e.what(), source.row.attempts});
  return false;
}

void ReleasedRecords::has_no_handler(const ParkedRecord& row) {
  failures_.dead_letter(
      attempt_, {"", "NoHandler", "it was parked for handlers that the service no longer has", row.attempts});
}

}  // namespace eventy
