#include <algorithm>
#include <fstream>
#include <iterator>
#include <system_error>

#include "avro_decoder.hpp"
#include "avro_encoder.hpp"
#include "eventy/avro/avro.hpp"
#include "schema_book.hpp"

namespace eventy::avro {

namespace {

namespace fs = std::filesystem;
using detail::SchemaBook;

constexpr std::string_view extension = ".evsc.yaml";
constexpr int most_folders_deep = 32;  // a link may lead back into its own folder

void find_files(const fs::path& folder, int depth, std::vector<fs::path>& files) {
  if (depth == most_folders_deep)
    throw Failure({ErrorCode::configuration,
                   folder.string() + ": folders are nested too deep; a link that leads back?"});
  for (const auto& entry : fs::directory_iterator(folder)) {
    const auto name = entry.path().filename().string();
    if (entry.is_directory()) {
      find_files(entry.path(), depth + 1, files);
    } else if (entry.is_regular_file() && name.ends_with(extension) && !name.starts_with('.')) {
      files.push_back(entry.path());
    }
  }
}

std::string read_file(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in.is_open() || in.bad()) throw Failure({ErrorCode::io, file.string() + ": cannot be read"});
  return text;
}

void add(SchemaBook& book, const std::string& yaml, const std::string& where) {
  try {
    book.add(detail::parse_evsc(yaml));
  } catch (const DecodeError& e) {
    throw Failure({ErrorCode::configuration, where + ": " + e.what()});
  }
}

Result<std::shared_ptr<const AvroSerializer>> make(std::shared_ptr<SchemaBook> book) {
  return std::make_shared<const AvroSerializer>(std::move(book));
}

}  // namespace

Result<std::shared_ptr<const AvroSerializer>> AvroSerializer::from_folder(const fs::path& folder) {
  try {
    std::vector<fs::path> files;
    find_files(folder, 0, files);
    std::sort(files.begin(), files.end());
    auto book = std::make_shared<SchemaBook>();
    for (const auto& file : files) add(*book, read_file(file), file.string());
    return make(std::move(book));
  } catch (const Failure& e) {
    return e.error();
  } catch (const fs::filesystem_error& e) {
    const auto code = e.code() == std::errc::no_such_file_or_directory ? ErrorCode::not_found
                      : e.code() == std::errc::permission_denied       ? ErrorCode::permission_denied
                                                                       : ErrorCode::io;
    return Error{code, e.path1().string() + ": " + e.code().message()};
  }
}

Result<std::shared_ptr<const AvroSerializer>> AvroSerializer::from_texts(
    const std::vector<std::string>& evsc_yaml) {
  try {
    auto book = std::make_shared<SchemaBook>();
    for (std::size_t i = 0; i < evsc_yaml.size(); ++i)
      add(*book, evsc_yaml[i], "schema " + std::to_string(i + 1));
    return make(std::move(book));
  } catch (const Failure& e) {
    return e.error();
  }
}

AvroSerializer::AvroSerializer(std::shared_ptr<const SchemaBook> book) : book_(std::move(book)) {}

std::unique_ptr<Decoder> AvroSerializer::make_decoder(const DecodeLimits& limits) const {
  return std::make_unique<detail::AvroDecoder>(book_, limits);
}

std::unique_ptr<Encoder> AvroSerializer::make_encoder() const {
  return std::make_unique<detail::AvroEncoder>(book_);
}

std::vector<std::string> AvroSerializer::qualified_names() const { return book_->qualified_names(); }

std::string_view AvroSerializer::schema_of(std::string_view ns, std::string_view name) const {
  const auto* schema = book_->find(ns, name);
  return schema ? std::string_view(schema->text) : std::string_view();
}

}  // namespace eventy::avro
