#include "eventy/lines/line_source.hpp"

#include <mutex>
#include <stdexcept>

#include "eventy/core/one_line.hpp"
#include "eventy/core/utf8.hpp"
#include "line_reader.hpp"
#include "rotation.hpp"

namespace eventy {

using lines::FileFacts;
using lines::FileId;
using lines::LineReader;
using lines::TextFile;

namespace {

constexpr std::uint64_t max_bytes_per_poll = 1 << 20;  // of lines per poll, about; they become one slice
constexpr std::uint64_t max_passed_over = 64 << 20;    // bytes of a too long line that one poll skips

FileId id_of(const LinePosition& at) { return {at.device, at.inode}; }

void begin_file(LinePosition& at, const TextFile& file) {
  at = {.device = file.id().device, .inode = file.id().inode, .total = at.total};
}

}  // namespace

// The file between polls. Everything it knows beyond the position may be lost at any time, as in a restart.
class LineSource::Follower {
 public:
  Follower(std::filesystem::path path, Handler handler, LineSourceOptions options)
      : path_(std::move(path)),
        name_(one_line(path_.native())),
        handler_(std::move(handler)),
        options_(std::move(options)),
        reader_(options_.max_line_bytes) {}

  void poll(Poll<LinePosition>& poll) {
    // After a restart of the source, the previous poll may still run.
    const std::scoped_lock lock(mutex_);
    const LinePosition before = poll.position();
    LinePosition at = before;
    try {
      const bool goes_on = go_to(poll, at);
      if (goes_on && !take_lines(poll, *file_, at)) finish_if_rotated(poll, at);
    } catch (...) {
      file_.reset();  // the next poll starts from the position alone
      throw;
    }
    const bool is_begun = before.inode != 0 || at.offset > 0;
    if (at == before || !is_begun) return poll.poll_again_after(options_.poll);
    poll.advance(at);
  }

 private:
  // Opens the file of the position. False: it does not exist yet, or no longer.
  bool go_to(Poll<LinePosition>& poll, LinePosition& at) {
    const bool is_open = file_ && file_->id() == id_of(at);
    if (is_open && file_->continues(at.offset, at.fingerprint)) {
      seen_size_ = std::max(seen_size_, file_->facts().size);
      return true;
    }
    const std::uint64_t seen = is_open ? seen_size_ : 0;
    forget_file();
    if (at.inode != 0) file_ = lines::find(path_, at);
    if (!file_) {
      file_ = TextFile::open(path_);
      if (!file_) return say_absence(poll), false;
      if (at.inode != 0) say_loss(poll, at, seen);
      begin_file(at, *file_);
    }
    at.device = file_->id().device, at.inode = file_->id().inode;  // the content may be in another file now
    seen_size_ = file_->facts().size;
    absence_is_said_ = false;
    return true;
  }

  // False: there was no complete line.
  bool take_lines(Poll<LinePosition>& poll, const TextFile& file, LinePosition& at) {
    reader_.start(file, at.offset);
    const std::uint64_t start = at.offset;
    for (std::size_t n = 0; n < poll.max_records() && at.offset - start < max_bytes_per_poll; ++n)
      if (!(at.in_long_line ? pass_over(at) : take_line(poll, at))) break;
    if (at.offset == start) return false;
    at.fingerprint = file.fingerprint(at.offset);
    return true;
  }

  bool take_line(Poll<LinePosition>& poll, LinePosition& at) {
    const LineReader::Piece piece = reader_.next();
    if (piece.kind == LineReader::Piece::Kind::incomplete) return false;
    hand_on(poll, at, piece);
    return true;
  }

  bool pass_over(LinePosition& at) {
    std::uint64_t bytes = 0;
    at.in_long_line = !reader_.pass_over(max_passed_over, bytes);
    at.offset += bytes;
    return !at.in_long_line;
  }

  void hand_on(Poll<LinePosition>& poll, LinePosition& at, const LineReader::Piece& piece) {
    at.offset += piece.bytes;
    const Line line{piece.text, ++at.lines, ++at.total};
    if (piece.kind == LineReader::Piece::Kind::beginning) {
      at.in_long_line = true;
      return poll.dead_letter(
          place_of(at.lines),
          "the line is longer than " + std::to_string(options_.max_line_bytes) + " bytes; it is cut there",
          piece.text);
    }
    if (piece.text.find('\0') != std::string_view::npos)
      return poll.dead_letter(place_of(at.lines), "the line has a NUL byte", piece.text);
    if (!is_utf8(piece.text))
      return poll.dead_letter(place_of(at.lines), "the line is not UTF-8", piece.text);
    poll.process(place_of(at.lines), piece.text, [&] { handler_(poll, line); });
  }

  // Moves on to the next file once this one has lost its name and has stopped growing. Waits until the new
  // file has a complete line: before that, nothing tells it from a file that is truncated again.
  void finish_if_rotated(Poll<LinePosition>& poll, LinePosition& at) {
    const FileFacts facts = file_->facts();
    const auto there = lines::facts_of(path_);
    if (!there || there->id == facts.id) return quiet_.reset();
    if (!is_quiet(facts.size) || !take_rest(poll, at) || there == looked_at_) return;
    LinePosition begun = at;
    auto next = next_file(begun, facts);
    if (!next) return;
    if (next->id() == there->id && begun.offset == 0 && !take_lines(poll, *next, begun)) {
      looked_at_ = there;
      return;
    }
    at = begun;
    forget_file();
    file_ = std::move(next);
  }

  bool is_quiet(std::uint64_t size) {
    const MonotonicTime now = clock().now();
    if (!quiet_ || quiet_->size != size) quiet_ = {size, now};
    return now - quiet_->since >= options_.linger;
  }

  // The file after the finished one. If the finished one was deleted and a file with the same content has
  // taken its place, as when an editor saves, continues in that file.
  std::optional<TextFile> next_file(LinePosition& at, const FileFacts& finished) const {
    if (finished.is_deleted && at.offset > 0) {
      auto same = TextFile::open(path_);
      if (same && same->continues(at.offset, at.fingerprint)) {
        at.device = same->id().device, at.inode = same->id().inode;
        return same;
      }
    }
    auto next = lines::next_after(path_, *file_);
    if (next) begin_file(at, *next);
    return next;
  }

  // Takes the last line of a file that no longer grows, if it has no line ending. False: the file has grown.
  bool take_rest(Poll<LinePosition>& poll, LinePosition& at) {
    reader_.start(*file_, at.offset);
    LineReader::Piece rest = reader_.next();
    if (at.offset + rest.bytes != quiet_->size) return false;
    if (rest.bytes == 0) return true;
    if (rest.text.ends_with('\r')) rest.text.remove_suffix(1);
    hand_on(poll, at, rest);
    at.fingerprint = file_->fingerprint(at.offset);
    return true;
  }

  void say_absence(Poll<LinePosition>& poll) {
    if (std::exchange(absence_is_said_, true)) return;
    poll.log(LogLevel::warning, "the file \"" + name_ + "\" does not exist; waiting for it");
  }

  // Lost bytes that are known become a dead letter; otherwise a log line warns that lines may be missing.
  void say_loss(Poll<LinePosition>& poll, const LinePosition& at, std::uint64_t seen) {
    const std::string what =
        "the file was cut short, replaced or moved away after line " + std::to_string(at.lines) + ", byte " +
        std::to_string(at.offset) +
        ", and its old content is in no rotated file; continues at line 1 of the new one";
    if (seen <= at.offset)
      return poll.log(LogLevel::warning, '"' + name_ + "\": " + what + "; lines in between may be missing");
    poll.dead_letter(place_of(at.lines + 1),
                     what + "; " + std::to_string(seen - at.offset) + " bytes in between are lost", {});
  }

  void forget_file() {
    file_.reset();
    quiet_.reset();
    looked_at_.reset();
    seen_size_ = 0;
  }

  std::string_view place_of(std::uint64_t line) {  // valid until the next call
    place_.assign(name_).append(" line ").append(std::to_string(line));
    return place_;
  }
  const Clock& clock() const { return options_.clock ? *options_.clock : system_clock_; }

  struct Quiet {  // a renamed file: its size, and since when it has that size
    std::uint64_t size;
    MonotonicTime since;
  };

  std::mutex mutex_;
  std::filesystem::path path_;
  std::string name_;   // of the file, for messages
  std::string place_;  // the result of place_of()
  Handler handler_;
  LineSourceOptions options_;
  SystemClock system_clock_;
  LineReader reader_;
  std::optional<TextFile> file_;
  std::uint64_t seen_size_ = 0;  // the largest size of file_ so far
  std::optional<Quiet> quiet_;
  std::optional<FileFacts> looked_at_;  // the file after a finished one, seen without a complete line
  bool absence_is_said_ = false;
};

LineSource::LineSource(std::filesystem::path file, Handler handler, LineSourceOptions options) {
  if (file.empty()) throw std::invalid_argument("a LineSource needs a file");
  if (!handler) throw std::invalid_argument("a LineSource needs a function that takes its lines");
  if (options.max_line_bytes == 0) throw std::invalid_argument("a LineSource needs max_line_bytes above 0");
  follower_ = std::make_shared<Follower>(std::move(file), std::move(handler), std::move(options));
}

void LineSource::operator()(Poll<LinePosition>& poll) const { follower_->poll(poll); }

}  // namespace eventy
