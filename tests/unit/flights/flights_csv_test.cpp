// The reader of the flights example's input: what it reads, where it goes on, and what it refuses.
#define CAF_SUITE flights_csv

#include "examples/flights/csv.hpp"
#include "support/temporary_folder.hpp"

#include "caf/test/unit_test.hpp"

#include <zip.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

using namespace flights;

namespace {

const std::string header = "year,month,day,dep_time,arr_delay,carrier,flight,tailnum,origin,dest";
const std::string first_row = "2013,7,8,517,-11,UA,1545,N14228,EWR,IAH";

/// A folder of its own for each test.
struct fixture {
  eventy::tests::TemporaryFolder temporary;
  std::filesystem::path folder = temporary.path();

  [[nodiscard]] std::filesystem::path written(const std::string& name, const std::string& bytes) const {
    std::ofstream(folder / name, std::ios::binary) << bytes;
    return folder / name;
  }

  /// A zip whose entries have these names and all the same text.
  [[nodiscard]] std::filesystem::path zipped(const std::vector<std::string>& entries,
                                             const std::string& text) const {
    const auto path = folder / "flights.csv.zip";
    zip_t* const archive = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, nullptr);
    for (const auto& entry : entries)
      zip_file_add(archive, entry.c_str(), zip_source_buffer(archive, text.data(), text.size(), 0), 0);
    if (zip_close(archive) != 0) throw std::runtime_error("no zip written");
    return path;
  }
};

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A text that fills the reader's buffer several times, and that a zip cannot make tiny.
std::string many_rows(int n) {
  std::string text = header + "\n";
  unsigned random = 1;
  for (int i = 0; i < n; ++i) {
    random = random * 1664525U + 1013904223U;
    text += "2013,7,8,517," + std::to_string(random % 1000) + ",UA," + std::to_string(i) + ",N" +
            std::to_string(random) + ",EWR,IAH\n";
  }
  return text;
}

std::vector<std::string> lines_from(RowReader& reader) {
  std::vector<std::string> lines;
  while (const auto line = reader.next())
    lines.push_back(std::to_string(line->number) + ":" + std::string(line->text));
  return lines;
}

std::vector<std::string> lines_of(const std::filesystem::path& path) {
  RowReader reader(path);
  return lines_from(reader);
}

Row parsed(const std::string& line) { return parse_row({line, 7}, Columns(header)); }

/// What the error says, or that there was none.
template <class Error>
std::string refusal(const std::function<void()>& attempt) {
  try {
    attempt();
  } catch (const Error& e) {
    return e.what();
  }
  return "accepted";
}

std::string refused_row(const std::string& line) {
  return refusal<RowError>([&] { parsed(line); });
}

std::string refused_file(const std::filesystem::path& path) {
  return refusal<FileError>([&] { count_rows(path); });
}

bool says(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return true;
  CAF_MESSAGE("expected '" << part << "' in: " << text);
  return false;
}

}  // namespace

CAF_TEST_FIXTURE_SCOPE(flights_csv_tests, fixture)

CAF_TEST(a_row_has_its_columns_by_name_wherever_they_stand) {
  const Columns columns("dest,origin,extra,tailnum,flight,carrier,arr_delay,dep_time,day,month,year");
  const Row row = parse_row({"IAH,EWR,x,N14228,1545,UA,-11,517,8,7,2013", 7}, columns);
  CAF_CHECK_EQUAL(row.line, 7u);
  CAF_CHECK_EQUAL(row.date(), "2013-07-08");
  CAF_CHECK_EQUAL(row.dep_time.value(), 517);
  CAF_CHECK_EQUAL(row.arr_delay.value(), -11);
  CAF_CHECK_EQUAL(row.carrier, "UA");
  CAF_CHECK_EQUAL(row.flight, 1545);
  CAF_CHECK_EQUAL(row.tailnum.value(), "N14228");
  CAF_CHECK_EQUAL(row.origin, "EWR");
  CAF_CHECK_EQUAL(row.dest, "IAH");
}

CAF_TEST(na_and_an_empty_field_are_missing) {
  for (const std::string none : {"NA", "", "\"\""}) {
    const Row row = parsed("2013,7,8," + none + "," + none + ",UA,1545," + none + ",EWR,IAH");
    CAF_CHECK(!row.dep_time.has_value());
    CAF_CHECK(!row.arr_delay.has_value());
    CAF_CHECK(!row.tailnum.has_value());
  }
}

CAF_TEST(the_key_is_the_aircraft_or_else_carrier_and_flight) {
  CAF_CHECK_EQUAL(parsed(first_row).key(), "N14228");
  CAF_CHECK_EQUAL(parsed("2013,7,8,NA,NA,UA,1545,NA,EWR,IAH").key(), "UA 1545");
}

CAF_TEST(quotes_are_taken_off_fields) {
  const Row row = parsed(R"("2013",7,8,"517",-11,"U,A",1545,"N""1",EWR,"IAH")");
  CAF_CHECK_EQUAL(row.year, 2013);
  CAF_CHECK_EQUAL(row.dep_time.value(), 517);
  CAF_CHECK_EQUAL(row.carrier, "U,A");
  CAF_CHECK_EQUAL(row.tailnum.value(), "N\"1");
  CAF_CHECK_EQUAL(row.dest, "IAH");
}

CAF_TEST(an_open_quote_spoils_its_own_line_only) {
  const auto path = written("a.csv", header + "\n2013,7,8,\"517\n" + first_row + "\n");
  RowReader reader(path);
  const auto bad = reader.next();
  CAF_CHECK(says(refusal<RowError>([&] { parse_row(*bad, reader.columns()); }),
                 "line 2: a quoted field is not closed"));
  const auto good = reader.next();
  CAF_CHECK_EQUAL(parse_row(*good, reader.columns()).key(), "N14228");
  CAF_CHECK(says(refused_row("\"2013\"x,7"), "text follows a quoted field"));
}

CAF_TEST(a_row_of_another_length_is_refused_with_both_lengths) {
  CAF_CHECK(says(refused_row("2013,7,8,517"), "line 7: too short: 4 fields, the header names 10"));
  CAF_CHECK(says(refused_row(first_row + ",x"), "line 7: too long: 11 fields, the header names 10"));
  CAF_CHECK(says(refused_row(std::string(100, ',')), "line 7: more than 64 fields"));
}

CAF_TEST(a_number_that_is_none_is_refused_with_its_column) {
  const std::string rest = ",UA,1545,N14228,EWR,IAH";
  CAF_CHECK(
      says(refused_row("2013,7,8,5:17,0" + rest), "line 7: column dep_time is not a whole number: '5:17'"));
  CAF_CHECK(says(refused_row("2013,7,8,517,1.5" + rest), "column arr_delay is not a whole number: '1.5'"));
  CAF_CHECK(says(refused_row("2013,7,8,517, 1" + rest), "column arr_delay is not a whole number: ' 1'"));
  CAF_CHECK(says(refused_row("2013,13,8,517,0" + rest), "column month is not from 1 to 12: '13'"));
  CAF_CHECK(says(refused_row("2013,7,8,517,99999999999999" + rest), "column arr_delay is not from"));
  CAF_CHECK(says(refused_row("NA,7,8,517,0" + rest), "column year is missing"));
}

CAF_TEST(a_code_that_could_not_be_a_key_is_refused) {
  const std::string start = "2013,7,8,517,0,";
  CAF_CHECK(says(refused_row(start + ",1545,N14228,EWR,IAH"), "column carrier is missing"));
  CAF_CHECK(says(refused_row(start + "UA,1545,N14228,EWR,\x01\xff"),
                 "column dest is not 1 to 16 printable characters: '?\?'"));
  CAF_CHECK(says(refused_row(start + "UA,1545," + std::string(17, 'N') + ",EWR,IAH"),
                 "column tailnum is not 1 to 16"));
}

CAF_TEST(line_numbers_count_the_header_and_empty_lines) {
  const auto path = written("a.csv", "\xEF\xBB\xBF" + header + "\r\n\r\na\r\n\nb");
  CAF_CHECK_EQUAL(lines_of(path), (std::vector<std::string>{"3:a", "5:b"}));
  CAF_CHECK_EQUAL(count_rows(path), 2u);
}

CAF_TEST(a_file_without_its_columns_is_refused_with_their_names) {
  CAF_CHECK(
      says(refused_file(written("a.csv", "year,month,day,day,dep_time,carrier,flight,tailnum,origin\n")),
           "a.csv: wrong columns in the header: day is there twice, arr_delay is missing, dest is missing"));
  CAF_CHECK(says(refused_file(written("b.csv", "")), "is empty: there is no header"));
}

CAF_TEST(a_file_that_cannot_be_read_is_named_with_the_reason) {
  CAF_CHECK(says(refused_file(folder / "none.csv"), "none.csv: No such file or directory"));
  CAF_CHECK(says(refused_file(folder / "none.zip"), "none.zip: No such file or directory"));
  CAF_CHECK(says(refused_file(folder), "Is a directory"));
  CAF_CHECK(says(refused_file("/dev/null"), "not a regular file"));
  const std::string endless(RowReader::max_line_bytes + 1, 'x');
  CAF_CHECK(says(refused_file(written("a.csv", header + endless)), "the header is longer than 65536 bytes"));
}

CAF_TEST(a_line_that_is_too_long_is_one_row_that_cannot_be_understood) {
  for (const std::size_t length : {RowReader::max_line_bytes + 1, std::size_t{1} << 20}) {
    const std::string endless(length, 'x');
    const std::string text = header + "\na\n" + endless + "\nb\n" + endless;
    for (const auto& path : {written("a.csv", text), zipped({"a.csv"}, text)}) {
      RowReader reader(path);
      const Line first = reader.next().value();
      CAF_CHECK_EQUAL(first.text, "a");
      const Line line = reader.next().value();
      CAF_CHECK(line.is_cut);
      CAF_CHECK_EQUAL(line.text.size(), RowReader::max_line_bytes);
      CAF_CHECK(says(refusal<RowError>([&] { parse_row(line, reader.columns()); }),
                     "line 3: longer than 65536 bytes"));
      const Line next = reader.next().value();
      CAF_CHECK(!next.is_cut);
      CAF_CHECK_EQUAL(next.text, "b");
      const Line last = reader.next().value();
      CAF_CHECK_EQUAL(last.number, 5u);
      CAF_CHECK_EQUAL(reader.position().offset, text.size());
      CAF_CHECK(!reader.next().has_value());
    }
  }
}

CAF_TEST(a_line_of_the_greatest_length_is_read_across_the_buffer) {
  const std::string longest(RowReader::max_line_bytes, 'x');
  std::string text = header;
  for (int i = 0; i < 9; ++i) text += "\n" + longest;
  const auto lines = lines_of(written("a.csv", text));
  CAF_REQUIRE_EQUAL(lines.size(), 9u);
  for (std::size_t i = 0; i < lines.size(); ++i) CAF_CHECK(lines[i] == std::to_string(i + 2) + ":" + longest);
}

CAF_TEST(a_zip_and_its_csv_give_the_same_rows_and_positions) {
  const std::string text = many_rows(20'000);
  const auto plain = written("flights.csv", text);
  const auto zip = zipped({"README", "flights.csv"}, text);
  const auto lines = lines_of(plain);
  CAF_CHECK_EQUAL(lines.size(), 20'000u);
  CAF_CHECK(lines == lines_of(zip));
  RowReader a(plain), b(zip);
  CAF_CHECK_EQUAL(a.size(), text.size());
  CAF_CHECK_EQUAL(b.size(), text.size());
  bool same = true;
  while (a.next() && b.next()) same = same && a.position() == b.position();
  CAF_CHECK(same);
  CAF_CHECK_EQUAL(a.position().offset, text.size());
}

CAF_TEST(a_reader_goes_on_at_any_position_of_another_one) {
  const std::string text = many_rows(20'000);
  for (const auto& path : {written("flights.csv", text), zipped({"flights.csv"}, text)}) {
    RowReader whole(path);
    std::vector<Position> places{whole.position()};
    while (whole.next()) places.push_back(whole.position());
    const auto lines = lines_of(path);
    RowReader reader(path);
    for (const std::size_t row : {0, 1, 9'999, 3, 19'999, 20'000}) {
      reader.seek(places[row]);
      CAF_CHECK(reader.position() == places[row]);
      CAF_CHECK(lines_from(reader) ==
                std::vector<std::string>(lines.begin() + static_cast<std::ptrdiff_t>(row), lines.end()));
    }
  }
}

CAF_TEST(a_position_of_another_file_is_refused) {
  const std::string text = many_rows(100);
  for (const auto& path : {written("flights.csv", text), zipped({"flights.csv"}, text)}) {
    RowReader reader(path);
    const auto seeks = [&](Position to) { return refusal<FileError>([&] { reader.seek(to); }); };
    const Position first = reader.position();
    CAF_CHECK(says(seeks({2, first.offset + 1}), "is not the file that was begun: no line begins at byte"));
    CAF_CHECK(says(seeks({0, 0}), "is not the file that was begun"));
    CAF_CHECK(says(seeks({50, text.size() + 1}), "is not the file that was begun"));
    CAF_CHECK_EQUAL(seeks(first), "accepted");
  }
}

CAF_TEST(a_zip_that_is_cut_off_is_refused_at_every_length) {
  const auto whole = bytes_of(zipped({"flights.csv"}, many_rows(100)));
  for (std::size_t length = 4; length < whole.size(); length += 37)
    CAF_CHECK(says(refused_file(written("cut.zip", whole.substr(0, length))), "cut.zip: damaged zip"));
  CAF_CHECK(says(refused_file(written("text.zip", header)), "text.zip: damaged zip"));
}

CAF_TEST(a_flipped_byte_in_a_zip_is_never_a_shorter_or_another_file) {
  const auto whole = bytes_of(zipped({"flights.csv"}, many_rows(2'000)));
  const std::size_t first_data_byte = 30 + std::string("flights.csv").size();
  for (std::size_t at = first_data_byte; at < whole.size() / 2; at += 499) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
    // The header or a line's length may be hit too; whatever is, the file is refused.
    CAF_CHECK(says(refused_file(written("flipped.zip", bytes)), "input file"));
  }
}

CAF_TEST(a_wrong_checksum_is_found_at_the_end) {
  auto bytes = bytes_of(zipped({"flights.csv"}, many_rows(2'000)));
  const std::size_t central = bytes.rfind("PK\x01\x02");
  for (const std::size_t crc : {std::size_t{14}, central + 16})
    bytes[crc] = static_cast<char>(bytes[crc] ^ 1);
  const auto path = written("sum.zip", bytes);
  RowReader reader(path);
  CAF_CHECK(reader.next().has_value());
  CAF_CHECK(says(refusal<FileError>([&] { lines_from(reader); }), "damaged zip: CRC error"));
}

CAF_TEST(a_zip_must_hold_exactly_one_csv) {
  CAF_CHECK(says(refused_file(zipped({"README"}, header)), "the zip holds no .csv"));
  CAF_CHECK(says(refused_file(zipped({"a.csv", "b.csv"}, header)), "the zip holds more than one .csv"));
}

CAF_TEST_FIXTURE_SCOPE_END()
