#include "eventy/core/ids.hpp"

#include <pthread.h>
#include <sys/random.h>

#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace eventy {

namespace {

std::uint64_t little_endian(std::uint64_t v) {
  return std::endian::native == std::endian::little ? v : __builtin_bswap64(v);
}

std::uint64_t load64(const char* from) {
  std::uint64_t v;
  std::memcpy(&v, from, 8);
  return little_endian(v);
}

// The last 0 to 8 bytes, padded with zeros.
std::uint64_t load_tail(const char* from, std::size_t bytes) {
  std::uint64_t v = 0;
  std::memcpy(&v, from, bytes);
  return little_endian(v);
}

struct Bits128 {
  std::uint64_t low, high;
};

// MurmurHash3_x64_128 by Austin Appleby (public domain), seeded with 128 bits. Mixing in a block is a
// bijection: different states stay different under the same block, and one state becomes different ones under
// different blocks. Derived uuids depend on every constant here; after a change, a repeated turn would no
// longer repeat its uuids.
class Mixer {
 public:
  explicit Mixer(Bits128 seed) : h_(seed) {}

  void block(std::uint64_t first, std::uint64_t second) {
    h_.low ^= scramble_first(first);
    h_.low = (std::rotl(h_.low, 27) + h_.high) * 5 + 0x52dce729;
    h_.high ^= scramble_second(second);
    h_.high = (std::rotl(h_.high, 31) + h_.low) * 5 + 0x38495ab5;
  }

  void bytes(std::string_view s) {
    const char* at = s.data();
    std::size_t left = s.size();
    for (; left >= 16; left -= 16, at += 16) block(load64(at), load64(at + 8));
    if (left > 8) {
      h_.high ^= scramble_second(load_tail(at + 8, left - 8));
      left = 8;
    }
    if (left > 0) h_.low ^= scramble_first(load_tail(at, left));
  }

  Bits128 finish(std::uint64_t length) const {
    auto [low, high] = h_;
    low ^= length, high ^= length;
    low += high, high += low;
    low = avalanche(low), high = avalanche(high);
    low += high, high += low;
    return {low, high};
  }

 private:
  static constexpr std::uint64_t first_factor = 0x87c37b91114253d5, second_factor = 0x4cf5ad432745937f;

  static std::uint64_t scramble_first(std::uint64_t k) {
    return std::rotl(k * first_factor, 31) * second_factor;
  }
  static std::uint64_t scramble_second(std::uint64_t k) {
    return std::rotl(k * second_factor, 33) * first_factor;
  }
  static std::uint64_t avalanche(std::uint64_t k) {
    k = (k ^ k >> 33) * 0xff51afd7ed558ccd;
    k = (k ^ k >> 33) * 0xc4ceb9fe1a85ec53;
    return k ^ k >> 33;
  }

  Bits128 h_;
};

// Counts calls of fork(). A child has its parent's pools and must not draw the same numbers from them.
std::atomic<std::uint32_t> forks{0};

// Random bytes for one thread: one call of getrandom costs more than the bytes of one uuid.
class Pool {
 public:
  Pool() {
    static const int watching = pthread_atfork(nullptr, nullptr, [] { ++forks; });
    if (watching != 0) throw std::system_error(watching, std::generic_category(), "pthread_atfork");
  }

  std::uint64_t draw() {
    if (next_ == words_.size() || fork_ != forks.load(std::memory_order_relaxed)) fill();
    return words_[next_++];
  }

 private:
  void fill() {
    fork_ = forks.load(std::memory_order_relaxed);
    std::span<std::byte> bytes = std::as_writable_bytes(std::span(words_));
    while (!bytes.empty()) {
      auto n = getrandom(bytes.data(), bytes.size(), 0);
      if (n < 0 && errno != EINTR) throw std::system_error(errno, std::generic_category(), "getrandom");
      if (n > 0) bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
    next_ = 0;
  }

  std::array<std::uint64_t, 512> words_;
  std::size_t next_ = words_.size();
  std::uint32_t fork_ = 0;
};

std::uint64_t random64() {
  thread_local Pool pool;
  return pool.draw();
}

constexpr std::uint64_t in_each_byte(std::uint64_t value) { return value * 0x0101010101010101; }

// The eight hexadecimal digits of 32 bits, computed in parallel; the first digit is in the lowest byte.
std::uint64_t hex_digits(std::uint32_t value) {
  std::uint64_t v = __builtin_bswap32(value);
  v = (v | v << 16) & 0x0000ffff0000ffff;
  v = (v | v << 8) & 0x00ff00ff00ff00ff;
  v = (v >> 4 | v << 8) & in_each_byte(0x0f);                      // one nibble per byte
  auto letters = (v + in_each_byte(6)) >> 4 & in_each_byte(0x01);  // 1 if it is more than 9
  return v + in_each_byte('0') + letters * ('a' - '0' - 10);
}

void put_uuid_v4(Bits128 bits, char* to) {
  auto high = (bits.high & ~0xf000ull) | 0x4000;               // version 4
  auto low = (bits.low & ~(0b11ull << 62)) | (0b10ull << 62);  // the variant of RFC 4122
  const std::uint64_t digits[] = {
      little_endian(hex_digits(static_cast<std::uint32_t>(high >> 32))),
      little_endian(hex_digits(static_cast<std::uint32_t>(high))),
      little_endian(hex_digits(static_cast<std::uint32_t>(low >> 32))),
      little_endian(hex_digits(static_cast<std::uint32_t>(low))),
  };
  const char* from = reinterpret_cast<const char*>(digits);
  std::memcpy(to, from, 8);
  std::memcpy(to + 9, from + 8, 4);
  std::memcpy(to + 14, from + 12, 4);
  std::memcpy(to + 19, from + 16, 4);
  std::memcpy(to + 24, from + 20, 4);
  std::memcpy(to + 28, from + 24, 8);
  to[8] = to[13] = to[18] = to[23] = '-';
}

// Sets the high bit of each byte that is a hexadecimal digit, for all eight at once. Sums stay below 256,
// because the high bit of each byte is masked off and tested separately.
std::uint64_t hex_digits_in(std::uint64_t eight) {
  auto v = eight & in_each_byte(0x7f), lower = v | in_each_byte(0x20);
  auto digit = (v + in_each_byte(0x80 - '0')) & ~(v + in_each_byte(0x7f - '9'));
  auto letter = (lower + in_each_byte(0x80 - 'a')) & ~(lower + in_each_byte(0x7f - 'f'));
  return (digit | letter) & ~eight & in_each_byte(0x80);
}

std::uint64_t load_fours(const char* first, const char* second) {
  std::uint32_t a, b;
  std::memcpy(&a, first, 4);
  std::memcpy(&b, second, 4);
  return std::uint64_t{b} << 32 | a;
}

// Slicing by 8 (Intel): row n holds the checksum of a byte that n zero bytes follow.
constexpr auto crc_rows = [] {
  std::array<std::array<std::uint32_t, 256>, 8> rows{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
    rows[0][i] = crc;
  }
  for (std::size_t n = 1; n < 8; ++n) {
    for (std::size_t i = 0; i < 256; ++i) rows[n][i] = rows[n - 1][i] >> 8 ^ rows[0][rows[n - 1][i] & 0xff];
  }
  return rows;
}();

void append_base64url(std::string& out, std::uint64_t value) {
  constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  for (int shift = 58; shift >= 0; shift -= 6) out += digits[value >> shift & 63];
  out += digits[value << 2 & 63];  // the last four bits, padded with zeros
}

}  // namespace

std::string random_uuid() {
  std::string out(36, '\0');
  auto high = random64();
  put_uuid_v4({.low = random64(), .high = high}, out.data());
  return out;
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-')
    return false;
  const char* at = text.data();
  auto marks = hex_digits_in(load64(at)) & hex_digits_in(load_fours(at + 9, at + 14)) &
               hex_digits_in(load_fours(at + 19, at + 24)) & hex_digits_in(load64(at + 28));
  return marks == in_each_byte(0x80);
}

bool is_uuid_v4(std::string_view text) {
  if (!is_uuid(text) || text[14] != '4') return false;
  char variant = static_cast<char>(text[19] | 0x20);  // lower case; digits are unchanged
  return variant == '8' || variant == '9' || variant == 'a' || variant == 'b';
}

UuidDeriver::UuidDeriver(std::string_view seed) {
  Mixer mixer({.low = 0, .high = 0});
  mixer.bytes(seed);
  auto [low, high] = mixer.finish(seed.size());
  seed_[0] = low, seed_[1] = high;
}

void UuidDeriver::derive(std::string_view input_id, std::uint64_t ordinal, std::span<char, 36> out) const {
  Mixer mixer({.low = seed_[0], .high = seed_[1]});
  // The ordinal is a whole block, so all ordinals of one input give different 128 bits.
  mixer.block(ordinal, input_id.size());
  mixer.bytes(input_id);
  put_uuid_v4(mixer.finish(16 + input_id.size()), out.data());
}

std::string make_correlation_id(std::string_view service, std::string_view name) {
  return make_correlation_id(service, name, random64());
}

std::string make_correlation_id(std::string_view service, std::string_view name, std::uint64_t random) {
  std::string out;
  out.reserve(service.size() + name.size() + 13);
  out.append(service).append(1, ':').append(name).append(1, ':');
  append_base64url(out, random);
  return out;
}

std::uint32_t crc32(std::string_view bytes) {
  std::uint32_t crc = ~std::uint32_t{0};
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) {
    auto eight = load64(at) ^ crc;
    crc = 0;
#pragma GCC unroll 8
    for (std::size_t i = 0; i < 8; ++i) crc ^= crc_rows[7 - i][eight >> (8 * i) & 0xff];
  }
  for (; left > 0; --left, ++at) crc = crc >> 8 ^ crc_rows[0][(crc ^ static_cast<unsigned char>(*at)) & 0xff];
  return ~crc;
}

PartitionId partition_of(std::string_view key, std::uint32_t partitions) {
  if (partitions == 0) throw std::invalid_argument("partition_of: a topic has at least one partition");
  return {crc32(key) % partitions};
}

std::uint64_t hash64(std::string_view bytes, std::uint64_t seed) {
  Mixer mixer({.low = seed, .high = seed});
  mixer.bytes(bytes);
  return mixer.finish(bytes.size()).low;
}

}  // namespace eventy
