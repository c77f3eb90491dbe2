// The records and states of the flights example.
#pragma once

#include <map>
#include <string>

#include "eventy/service.hpp"

namespace flights {

// --- records of `flights`, keyed by aircraft: the rows of the file ---
struct FlightDeparted {
  std::string carrier, origin, dest, date;
  std::int64_t flight = 0;
  EVENTY_FIELDS(carrier, origin, dest, date, flight);
  using record = eventy::Event<"urn:flights", "FlightDeparted", "1.0.0">;
};
struct FlightCancelled {
  std::string carrier, origin, dest, date;
  std::int64_t flight = 0;
  EVENTY_FIELDS(carrier, origin, dest, date, flight);
  using record = eventy::Event<"urn:flights", "FlightCancelled", "1.0.0">;
};
struct FlightArrived {
  std::string carrier, origin, dest, date;
  std::int64_t flight = 0, delay_minutes = 0;
  EVENTY_FIELDS(carrier, origin, dest, date, flight, delay_minutes);
  using record = eventy::Event<"urn:flights", "FlightArrived", "1.0.0">;
};

// --- records of `aircraft`, keyed by carrier ---
struct CarrierDeparted {
  EVENTY_FIELDS();
  using record = eventy::Event<"urn:aircraft", "CarrierDeparted", "1.0.0">;
};
struct CarrierCancelled {
  EVENTY_FIELDS();
  using record = eventy::Event<"urn:aircraft", "CarrierCancelled", "1.0.0">;
};
struct CarrierArrived {
  std::int64_t delay_minutes = 0;
  EVENTY_FIELDS(delay_minutes);
  using record = eventy::Event<"urn:aircraft", "CarrierArrived", "1.0.0">;
};

// --- records of `desk`, keyed by airport: passengers of a late flight request another one ---
struct Rebooked {
  std::int64_t number = 0;  // of the day at this airport, from 1
  EVENTY_FIELDS(number);
  using record = eventy::Response<"urn:desk", "Rebooked", "1.0.0">;
};
struct Rebook {
  std::string date;
  std::int64_t delay_minutes = 0;
  EVENTY_FIELDS(date, delay_minutes);
  using record = eventy::Request<"urn:desk", "Rebook", "1.0.0", Rebooked>;
};

// --- states ---
struct Aircraft {
  std::int64_t legs = 0, arrived = 0, minutes_late = 0;
  std::string last_airport;
  std::int64_t asked = 0, confirmed = 0, refused = 0;
  std::string last_refused;  // the flight, taken from the context of the refusal
  EVENTY_FIELDS(legs, arrived, minutes_late, last_airport, asked, confirmed, refused, last_refused);
};
struct Airport {
  std::map<std::string, std::int64_t> confirmed;  // by date; the dates in the file are not in order
  EVENTY_FIELDS(confirmed);
};
struct Carrier {
  std::int64_t departed = 0, cancelled = 0, arrived = 0, delay_minutes = 0;
  EVENTY_FIELDS(departed, cancelled, arrived, delay_minutes);
};
// The position of the source; rows are counted for the progress bar.
struct FilePosition {
  std::uint64_t lines = 0, offset = 0, rows = 0;
  bool at_end = false;
  EVENTY_FIELDS(lines, offset, rows, at_end);
};

}  // namespace flights
