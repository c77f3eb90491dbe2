// Bombs in files that a node or an example reads once: schemas, a configuration, a zip. Each is refused
// within memory that does not grow with what it means.
#define CAF_SUITE bombs_files

#include <caf/test/unit_test.hpp>

#include <filesystem>
#include <fstream>

#include "actors/node/document.hpp"
#include "eventy/avro/avro.hpp"
#include "examples/flights/csv.hpp"
#include "support/temporary_folder.hpp"
#include "tests/fuzz/bombs.hpp"
#include "tests/unit/avro/support.hpp"

using namespace eventy;
using namespace eventy::fuzz;

namespace {

constexpr Caps most{.time = std::chrono::nanoseconds(0), .memory = 16u << 20};

std::string repeat(std::string_view text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

Bomb schema(std::string name, const std::string& data_fields) {
  const auto text = tests::evsc("event", "Placed", data_fields);
  return {std::move(name), text.size(), [=] { avro::AvroSerializer::from_texts({text}).value(); }};
}

Bomb configuration(std::string name, const std::filesystem::path& folder, const std::string& text) {
  const auto path = (folder / "node.toml").string();
  std::ofstream(path) << text;
  return {std::move(name), text.size(), [=] { Document(Config::file(path)).finish(); }};
}

}  // namespace

CAF_TEST(schemas_of_avro) {
  std::string laughs = "\n- &a0 [x]\n";
  for (int i = 1; i < 12; ++i)
    laughs += "- &a" + std::to_string(i) + " [" + repeat("*a" + std::to_string(i - 1) + " , ", 9) + "x]\n";
  for (const auto& bomb : {schema("aliases of aliases", laughs), schema("an alias of itself", "&a [*a]"),
                           schema("lists in lists", repeat("[", 2'000) + repeat("]", 2'000)),
                           schema("a long text many times",
                                  "\n- &t \"" + std::string(10'000, 'x') + "\"\n" + repeat("- *t\n", 1'000))})
    CAF_CHECK_EQUAL(complaint(bomb, most), "");
}

CAF_TEST(configurations) {
  const tests::TemporaryFolder folder;
  CAF_CHECK_EQUAL(
      complaint(configuration("lists in lists", folder.path(), "a = " + repeat("[", 10'000)), most), "");
  CAF_CHECK_EQUAL(
      complaint(configuration("tables in tables", folder.path(), "[a" + repeat(".a", 10'000) + "]"), most),
      "");
}

// Three megabytes of one line in three kilobytes: one row at most, which cannot be understood.
CAF_TEST(a_zip_of_flights) {
  const auto path = std::filesystem::path(EVENTY_SOURCE_DIR) / "tests/fuzz/corpus/flights/bomb.zip";
  const Bomb bomb{"a line without end", std::filesystem::file_size(path), [=] {
                    if (flights::count_rows(path) <= 1) throw DecodeError("a row that is too long");
                  }};
  CAF_CHECK_EQUAL(complaint(bomb, {.time = most.time, .memory = 1u << 20}), "");
}

// A seeded bug: what grows with what a file means is found.
CAF_TEST(a_reader_that_unpacks_everything_is_found) {
  const Bomb bomb{"all of it", 3'000, [] { throw DecodeError(std::string(20u << 20, 'x')); }};
  CAF_CHECK(complaint(bomb, most).find("bytes of memory, and may take") != std::string::npos);
}
