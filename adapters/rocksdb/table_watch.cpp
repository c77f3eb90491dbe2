#include "table_watch.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <vector>

namespace eventy::rocksdb::detail {

TableWatch::TableWatch(const std::filesystem::path& database)
    : file_(::open(file_in(database).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {
  std::array<std::uint64_t, 2> words{};
  if (file_ >= 0 && ::pread(file_, words.data(), sizeof words, 0) == sizeof words && words[0] == ~words[1])
    last_ = words[0];
}

TableWatch::~TableWatch() {
  if (file_ >= 0) ::close(file_);
}

bool TableWatch::all_there(::rocksdb::DB& db) {
  std::vector<::rocksdb::LiveFileMetaData> tables;
  db.GetLiveFilesMetaData(&tables);
  std::uint64_t last = 0, last_before = 0;
  for (const auto& table : tables) {
    last = std::max(last, table.file_number);
    if (!new_.contains(std::filesystem::path(table.relative_filename).filename()))
      last_before = std::max(last_before, table.file_number);
  }
  if (last_before < last_) return false;
  note(last);
  return true;
}

void TableWatch::OnTableFileCreated(const ::rocksdb::TableFileCreationInfo& info) {
  if (info.reason == ::rocksdb::TableFileCreationReason::kRecovery)
    new_.insert(std::filesystem::path(info.file_path).filename());
}

// The list with the table is synced by now; this is not: a number that stays behind only checks less.
void TableWatch::OnFlushCompleted(::rocksdb::DB*, const ::rocksdb::FlushJobInfo& info) {
  note(info.file_number);
}

void TableWatch::note(std::uint64_t number) {
  const std::array<std::uint64_t, 2> words{number, ~number};
  if (file_ >= 0) (void)!::pwrite(file_, words.data(), sizeof words, 0);
}

}  // namespace eventy::rocksdb::detail
