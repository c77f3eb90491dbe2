#include "services.hpp"

#include <algorithm>
#include <memory>
#include <mutex>

#include "csv.hpp"

namespace flights {

namespace {

// The file, kept open between polls. The mutex covers restarts: the polls of an old and a new source overlap
// only briefly.
class Input {
 public:
  explicit Input(std::filesystem::path path) : path_(std::move(path)) {}

  void poll(eventy::Poll<FilePosition>& poll, std::size_t rows) {
    const std::scoped_lock lock(mutex_);
    FilePosition at = poll.position();
    if (at.at_end) return poll.poll_again_after(eventy::Duration(1000));
    open(at);
    const std::size_t most = std::min(rows, poll.max_records());
    for (std::size_t n = 0; n < most; ++n) {
      const auto line = reader_->next();
      if (!line) {
        at.at_end = true;
        break;
      }
      poll.process("line " + std::to_string(line->number), line->text,
                   [&] { emit(poll, parse_row(*line, reader_->columns())); });
      ++at.rows;
    }
    at.lines = reader_->position().lines, at.offset = reader_->position().offset;
    poll.advance(at);
  }

 private:
  void open(const FilePosition& at) {
    const Position wanted{at.lines, at.offset};
    if (reader_ && (wanted == reader_->position())) return;
    if (!checked_)
      count_rows(path_);  // a damaged zip shows only at its end: find it before the first row is used
    checked_ = true;
    reader_.emplace(path_);
    if (at.rows > 0) reader_->seek(wanted);
  }

  static void emit(eventy::Poll<FilePosition>& poll, const Row& row) {
    const std::string key = row.key(), date = row.date();
    if (row.dep_time) {
      poll.emit(FlightDeparted{row.carrier, row.origin, row.dest, date, row.flight}, key);
    } else {
      poll.emit(FlightCancelled{row.carrier, row.origin, row.dest, date, row.flight}, key);
    }
    if (row.arr_delay)
      poll.emit(FlightArrived{row.carrier, row.origin, row.dest, date, row.flight, *row.arr_delay}, key);
  }

  std::filesystem::path path_;
  std::mutex mutex_;
  std::optional<RowReader> reader_;
  bool checked_ = false;
};

using AircraftTurn = eventy::Turn<Aircraft>;

void departed(AircraftTurn& turn, const FlightDeparted& f) {
  ++turn.edit().legs;
  turn.emit(CarrierDeparted{}, {.key = f.carrier});
}

void cancelled(AircraftTurn& turn, const FlightCancelled& f) {
  turn.emit(CarrierCancelled{}, {.key = f.carrier});
}

void arrived(AircraftTurn& turn, const FlightArrived& f) {
  Aircraft& aircraft = turn.edit();
  ++aircraft.arrived;
  aircraft.minutes_late += std::max<std::int64_t>(f.delay_minutes, 0);
  aircraft.last_airport = f.dest;
  turn.emit(CarrierArrived{f.delay_minutes}, {.key = f.carrier});
  if (f.delay_minutes < late_minutes) return;
  ++aircraft.asked;
  // The subject of the response travels in the context and comes back with it: no state is kept for it.
  turn.set_context("flight", f.carrier + ' ' + std::to_string(f.flight) + " of " + f.date);
  turn.request(Rebook{f.date, f.delay_minutes}, {.key = f.dest});
}

void answered(AircraftTurn& turn, const eventy::Reply<Rebooked>& reply) {
  const auto& flight = std::get<std::string>(turn.context().at("urn:aircraft").at("flight"));
  Aircraft& aircraft = turn.edit();
  if (reply.ok()) {
    ++aircraft.confirmed;
  } else {
    ++aircraft.refused;
    aircraft.last_refused = flight;
  }
}

}  // namespace

eventy::Service flights_service(std::filesystem::path input, std::size_t rows_per_poll) {
  const auto file = std::make_shared<Input>(std::move(input));
  return eventy::service<>("flights").source<FilePosition>(
      "file", [file, rows_per_poll](eventy::Poll<FilePosition>& poll) { file->poll(poll, rows_per_poll); });
}

eventy::Service aircraft_service() {
  return eventy::service<Aircraft>("aircraft").on(departed).on(cancelled).on(arrived).on(answered);
}

eventy::Service desk_service() {
  return eventy::service<Airport>("desk").on([](eventy::RequestTurn<Airport, Rebook>& turn,
                                                const Rebook& request) {
    const Airport* airport = turn.state();
    const auto today = airport ? airport->confirmed.find(request.date) : decltype(airport->confirmed.end()){};
    const std::int64_t before = airport && today != airport->confirmed.end() ? today->second : 0;
    if (before >= rebookings_a_day)
      return turn.refuse(409, "no seats left at this airport on " + request.date);
    turn.edit().confirmed[request.date] = before + 1;
    turn.respond(Rebooked{before + 1});
  });
}

eventy::Service carriers_service() {
  return eventy::service<Carrier>("carriers")
      .on([](eventy::Turn<Carrier>& turn, const CarrierDeparted&) { ++turn.edit().departed; })
      .on([](eventy::Turn<Carrier>& turn, const CarrierCancelled&) { ++turn.edit().cancelled; })
      .on([](eventy::Turn<Carrier>& turn, const CarrierArrived& a) {
        Carrier& carrier = turn.edit();
        ++carrier.arrived;
        carrier.delay_minutes += a.delay_minutes;
      });
}

}  // namespace flights
