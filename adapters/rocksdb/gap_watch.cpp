#include "gap_watch.hpp"

#include <fcntl.h>
#include <rocksdb/write_batch.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "eventy/store/crc32c.hpp"

namespace eventy::rocksdb::detail {
namespace {

std::string name_of_manifest(const std::filesystem::path& database) {
  std::ifstream current(database / "CURRENT");
  std::string name;
  std::getline(current, name);
  return name;
}

std::uint64_t number_in(std::string_view name) {
  std::uint64_t number = 0;
  name.remove_prefix(std::min(name.size(), name.find_first_of("0123456789")));
  std::from_chars(name.data(), name.data() + name.size(), number);
  return number;
}

std::string bytes_from(const std::filesystem::path& file, std::uint64_t begin) {
  std::ifstream in(file, std::ios::binary);
  in.seekg(static_cast<std::streamoff>(begin));
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

std::uint32_t GapWatch::Note::checked() const {
  const std::uint64_t words[] = {manifest, size, checksum, sequence};
  return crc32c({reinterpret_cast<const char*>(words), sizeof words});
}

GapWatch::GapWatch(const std::filesystem::path& database)
    : database_(database), file_(::open(file_in(database).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {
  Note note;
  if (file_ < 0 || ::pread(file_, &note, sizeof note, 0) != sizeof note || note.check != note.checked())
    return;
  noted_ = note;
  list_is_whole_ = list_is_whole(note);
}

GapWatch::~GapWatch() {
  if (file_ >= 0) ::close(file_);
}

const char* GapWatch::gap(::rocksdb::DB& db) {
  std::vector<::rocksdb::LiveFileMetaData> tables;
  db.GetLiveFilesMetaData(&tables);
  std::lock_guard lock(mutex_);
  if (!list_is_whole_) return "its list of tables is not what it was";
  // A table that was made after the note says more than that; tables lose such numbers when they are made of
  // others.
  std::uint64_t in_tables = noted_.sequence;
  for (const auto& table : tables)
    if (!new_.contains(table.file_number)) in_tables = std::max(in_tables, table.largest_seqno);
  if (first_ && *first_ > in_tables + 1) return "its log begins behind its tables";
  note(db.GetLatestSequenceNumber());  // opening moved all of the log to tables
  return nullptr;
}

void GapWatch::OnTableFileCreated(const ::rocksdb::TableFileCreationInfo& info) {
  std::lock_guard lock(mutex_);
  if (info.reason == ::rocksdb::TableFileCreationReason::kRecovery)
    new_.insert(number_in(std::filesystem::path(info.file_path).filename().string()));
}

// The list with the table is synced by now; the note is not, and may stay behind: see above for what that
// costs.
void GapWatch::OnFlushCompleted(::rocksdb::DB*, const ::rocksdb::FlushJobInfo& info) {
  std::lock_guard lock(mutex_);
  note(std::max(info.largest_seqno, noted_.sequence));
}

// A batch begins with its sequence number (8 bytes) and takes as many as it has changes.
::rocksdb::WalFilter::WalProcessingOption GapWatch::LogRecordFound(unsigned long long, const std::string&,
                                                                   const ::rocksdb::WriteBatch& batch,
                                                                   ::rocksdb::WriteBatch*, bool*) {
  std::uint64_t sequence = 0;
  std::memcpy(&sequence, batch.Data().data(), sizeof sequence);
  if (!first_) first_ = sequence;
  if (next_ && sequence != *next_) return WalProcessingOption::kStopReplay;
  next_ = sequence + static_cast<std::uint64_t>(batch.Count());
  return WalProcessingOption::kContinueProcessing;
}

GapWatch::Note GapWatch::now(Note note) const {
  const std::string name = name_of_manifest(database_);
  if (number_in(name) != note.manifest) note = {.manifest = number_in(name)};
  const std::string more = bytes_from(database_ / name, note.size);
  note.size += more.size();
  note.checksum = crc32c(more, note.checksum);
  return note;
}

// Another list, which RocksDB makes at each opening, is written as a whole before it is taken.
bool GapWatch::list_is_whole(const Note& noted) const {
  const std::string name = name_of_manifest(database_);
  if (number_in(name) != noted.manifest) return true;
  const std::string bytes = bytes_from(database_ / name, 0);
  return bytes.size() >= noted.size &&
         crc32c(std::string_view(bytes).substr(0, noted.size)) == noted.checksum;
}

void GapWatch::note(std::uint64_t sequence) {
  noted_ = now(noted_);
  noted_.sequence = sequence;
  noted_.check = noted_.checked();
  if (file_ >= 0) (void)!::pwrite(file_, &noted_, sizeof noted_, 0);
}

}  // namespace eventy::rocksdb::detail
