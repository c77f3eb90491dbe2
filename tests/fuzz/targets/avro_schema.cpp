// Hostile schemas: texts of .evsc.yaml files. One that is taken can be embedded in a record and read there.
#include "eventy/avro/avro.hpp"
#include "tests/fuzz/judge.hpp"

using namespace eventy;

namespace {

void write_and_read(const avro::AvroSerializer& format, const std::string& qualified) {
  const auto colon = qualified.rfind(':');
  const auto ns = qualified.substr(0, colon), name = qualified.substr(colon + 1);
  for (const auto kind : {Kind::event, Kind::request, Kind::response}) {
    std::string bytes;
    try {
      Record record(kind, ns, name, ns);
      if (kind == Kind::response) record.set_destination("urn:d").set_request_uuid(record.uuid());
      bytes = encode(record, *format.make_encoder());
    } catch (const std::invalid_argument&) {  // fields without defaults, a name that records cannot have
      continue;
    }
    fuzz::outcome_of(*format.make_decoder(), bytes);
  }
}

}  // namespace

// The Avro C library loses some of what it has read of a schema that it refuses.
extern "C" const char* __lsan_default_suppressions() { return "leak:libavro.so"; }

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string text(fuzz::text_of(data, size));
  const fuzz::MemoryWatch watch;
  const auto format = avro::AvroSerializer::from_texts({text});
  fuzz::require(watch.peak() <= 8 * fuzz::max_memory(size), "reading a schema took more memory than it may");
  if (!format) return 0;
  for (const auto& name : (*format)->qualified_names()) write_and_read(**format, name);
  return 0;
}
