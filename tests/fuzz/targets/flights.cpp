// A hostile input of the example flights: a CSV file, or a zip.
#include "examples/flights/csv.hpp"

#include "tests/fuzz/judge.hpp"

namespace {

// Everything that can be told of the rows from here on.
std::string rows_of(flights::RowReader& reader) {
  std::string told;
  while (const auto line = reader.next()) {
    try {
      const auto row = parse_row(*line, reader.columns());
      told += row.key() + row.date() + row.origin + row.dest + "\n";
    } catch (const flights::RowError& e) {
      told += e.what() + std::string("\n");
    }
  }
  return told;
}

void read(const std::string& path) {
  flights::RowReader reader(path);
  const auto begin = reader.position();
  const auto all = rows_of(reader);
  eventy::fuzz::require(reader.position().offset <= reader.size(), "a file is not longer than it is");
  reader.seek(begin);
  eventy::fuzz::require(rows_of(reader) == all, "a file that is read again is the same");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const eventy::fuzz::MemoryFile file(eventy::fuzz::text_of(data, size));
  try {
    read(file.path());
  } catch (const flights::FileError&) {
  }
  return 0;
}
