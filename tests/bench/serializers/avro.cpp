#include "eventy/avro/avro.hpp"

#include <cstdio>

#include "tests/bench/serializers/avro_by_hand.hpp"
#include "tests/bench/serializers/formats.hpp"

namespace eventy::benchmark {

namespace {

constexpr std::size_t sync_size = 16, max_bytes = 1u << 16;

void append_number(std::string& out, std::size_t number) {
  auto rest = number << 1;
  for (; rest >= 0x80; rest >>= 7) out.push_back(static_cast<char>(rest | 0x80));
  out.push_back(static_cast<char>(rest));
}
void append_text(std::string& out, std::string_view text) {
  append_number(out, text.size());
  out.append(text);
}
std::size_t take_number(std::string_view& rest) {
  std::size_t number = 0;
  for (unsigned shift = 0; !rest.empty(); shift += 7) {
    const auto group = static_cast<unsigned char>(rest.front());
    rest.remove_prefix(1);
    number |= std::size_t{group & 0x7fu} << shift;
    if (group < 0x80) break;
  }
  return number >> 1;
}

// The library reads and writes the datum; the container around it, which is the same for all, is by hand.
template <class Data>
class OneSchema {
 public:
  explicit OneSchema(std::string_view schema) : schema_(schema), buffer_(max_bytes, '\0') {
    header_ = "Obj\x01";
    append_number(header_, 2);
    append_text(header_, "avro.codec"), append_text(header_, "null");
    append_text(header_, "avro.schema"), append_text(header_, schema);
    append_number(header_, 0);
    reader_ = avro_reader_memory(buffer_.data(), 0);
    writer_ = avro_writer_memory(buffer_.data(), max_bytes);
  }
  OneSchema(const OneSchema&) = delete;
  OneSchema& operator=(const OneSchema&) = delete;
  ~OneSchema() {
    avro_reader_free(reader_);
    avro_writer_free(writer_);
  }

  void decode(std::string_view bytes, Whole<Data>& out) {
    if (!bytes.starts_with(header_)) throw std::runtime_error("another schema");
    auto rest = bytes.substr(header_.size() + sync_size);
    const std::size_t count = take_number(rest), size = take_number(rest);
    if (count != 1 || rest.size() != size + sync_size) throw std::runtime_error("malformed");
    avro_reader_memory_set_source(reader_, rest.data(), static_cast<std::int64_t>(size));
    must(avro_value_read(reader_, schema_.value()));
    read_(*schema_.value(), out);
  }
  void encode(const Whole<Data>& record, std::string& out) {
    fill_(record, *schema_.value());
    avro_writer_reset(writer_);
    must(avro_value_write(writer_, schema_.value()));
    constexpr std::string_view sync = "0123456789abcdef";
    out.append(header_).append(sync);
    append_number(out, 1);
    append_text(out, {buffer_.data(), static_cast<std::size_t>(avro_writer_tell(writer_))});
    out.append(sync);
  }

 private:
  AvroSchema schema_;
  std::string header_, buffer_;
  avro_reader_t reader_;
  avro_writer_t writer_;
  ReadAvroValue read_;
  FillAvroValue fill_;
};

// All of it by the library, which knows containers as files only, and parses the schema of each record.
template <class Data>
class AsFile {
 public:
  explicit AsFile(std::string_view schema) : schema_(schema), buffer_(max_bytes, '\0') {}

  void decode(std::string_view bytes, Whole<Data>& out) {
    avro_file_reader_t reader = nullptr;
    std::FILE* file = fmemopen(const_cast<char*>(bytes.data()), bytes.size(), "rb");
    must(avro_file_reader_fp(file, "record", 1, &reader));
    must(avro_file_reader_read_value(reader, schema_.value()));
    must(avro_file_reader_close(reader));
    read_(*schema_.value(), out);
  }
  void encode(const Whole<Data>& record, std::string& out) {
    fill_(record, *schema_.value());
    avro_file_writer_t writer = nullptr;
    std::FILE* file = fmemopen(buffer_.data(), buffer_.size(), "wb");
    must(avro_file_writer_create_fp(file, "record", 0, schema_.schema(), &writer));
    must(avro_file_writer_append_value(writer, schema_.value()));
    must(avro_file_writer_close(writer));
    out.append(buffer_.data(), static_cast<std::size_t>(std::ftell(file)));
    std::fclose(file);
  }

 private:
  AvroSchema schema_;
  std::string buffer_;
  ReadAvroValue read_;
  FillAvroValue fill_;
};

template <class Data, class By>
Way<Data> way(const char* name, std::string_view schema, double goal) {
  const auto by = std::make_shared<By>(schema);
  return {name, [by](std::string_view bytes, Whole<Data>& out) { by->decode(bytes, out); },
          [by](const Whole<Data>& record, std::string& out) { by->encode(record, out); }, goal};
}

template <class Data>
bool run(const avro::AvroSerializer& serializer, const Samples<Data>& samples, const Options& options) {
  const Record& first = samples.records.front();
  const auto schema = serializer.schema_of(first.ns(), first.name());
  return Contest<Data>(
             "Avro", samples,
             {ours<Data>(serializer), way<Data, OneSchema<Data>>("avro-c, schema parsed once", schema, 1.3),
              way<Data, AsFile<Data>>("avro-c, with its container", schema, 0)})
      .run(options, "avro");
}

}  // namespace

bool run_avro(const Options& options) {
  const auto serializer =
      avro::AvroSerializer::from_folder(EVENTY_SOURCE_DIR "/tests/bench/serializers").value();
  const bool small = run(*serializer, small_samples(), options);
  return run(*serializer, large_samples(), options) && small;
}

}  // namespace eventy::benchmark
