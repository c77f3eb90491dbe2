#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "../standard_streams.hpp"
#include "commands.hpp"

namespace eventy::detail {

namespace {

// Prints records as JSON lines.
class Printer {
 public:
  explicit Printer(const Formats& formats)
      : by_lines_(formats.asked->name() == formats.json->name()),
        decoder_(formats.asked->make_decoder()),
        encoder_(formats.json->make_encoder()) {}

  void print(const std::string& file) {
    errno = 0;
    std::ifstream in(file, std::ios::binary);
    if (!in) return fail(file, errno ? std::strerror(errno) : "cannot be opened");
    if (by_lines_) {
      print_lines(file, in);
    } else {
      print_whole(file, in);
    }
    if (in.bad()) fail(file, errno ? std::strerror(errno) : "cannot be read");
  }
  bool all_good() const { return all_good_; }

 private:
  void print_lines(const std::string& file, std::istream& in) {
    std::string line;
    for (std::size_t n = 1; std::getline(in, line); ++n) {
      if (line.find_first_not_of(" \t\r") != line.npos) print(fmt::format("{}:{}", file, n), line);
    }
  }

  void print_whole(const std::string& file, std::istream& in) {
    std::string bytes;
    std::array<char, 65536> some;
    // Bytes beyond the limit need not be read: the decoder rejects the record without them.
    while (in && bytes.size() <= DecodeLimits{}.max_bytes) {
      in.read(some.data(), some.size());
      bytes.append(some.data(), static_cast<std::size_t>(in.gcount()));
    }
    if (!in.bad()) print(file, bytes);
  }

  void print(const std::string& place, std::string_view bytes) {
    try {
      print_line(encode(decode(bytes, *decoder_), *encoder_));
    } catch (const std::exception& e) {
      fail(place, e.what());
    }
  }

  void fail(const std::string& place, const std::string& reason) {
    all_good_ = false;
    complain(place + ": " + reason);
  }

  bool by_lines_, all_good_ = true;
  std::unique_ptr<Decoder> decoder_;
  std::unique_ptr<Encoder> encoder_;
};

}  // namespace

int decode_files(const Formats& formats, const std::vector<std::string>& files) {
  Printer printer(formats);
  for (const auto& file : files) printer.print(file);
  return finish_output() && printer.all_good() ? exit_done : exit_bad_record;
}

}  // namespace eventy::detail
