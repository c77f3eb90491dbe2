#include "eventy/store/crc32c.hpp"

#include <array>
#include <cstddef>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace eventy {
namespace {

constexpr std::uint32_t polynomial = 0x82f63b78;  // reflected

constexpr auto make_byte_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? polynomial : 0u);
    table[i] = crc;
  }
  return table;
}
constexpr auto byte_table = make_byte_table();

std::uint32_t by_table(std::uint32_t crc, const char* p, std::size_t size) {
  for (; size != 0; --size, ++p) crc = (crc >> 8) ^ byte_table[(crc ^ static_cast<unsigned char>(*p)) & 0xff];
  return crc;
}

#if defined(__x86_64__)

// The instruction takes three cycles, and one can start every cycle: three stretches of equal length in
// parallel keep it busy. Their checksums are combined with an operator that appends a stretch of zero bytes,
// tabulated by bytes. (The method of zlib's crc32_combine.)
using Operator = std::array<std::uint32_t, 32>;  // over GF(2), by columns
using Shift = std::array<std::array<std::uint32_t, 256>, 4>;

constexpr std::uint32_t times(const Operator& op, std::uint32_t vector) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; vector != 0; ++i, vector >>= 1) sum ^= vector & 1 ? op[i] : 0u;
  return sum;
}

constexpr Shift shift_by(std::size_t zero_bytes) {  // a power of two
  Operator op{polynomial};
  for (std::size_t i = 1; i < op.size(); ++i) op[i] = 1u << (i - 1);
  for (std::size_t bits = 1; bits < zero_bytes * 8; bits *= 2) {
    Operator squared{};
    for (std::size_t i = 0; i < op.size(); ++i) squared[i] = times(op, op[i]);
    op = squared;
  }
  Shift shift{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    for (std::uint32_t place = 0; place < 4; ++place) shift[place][byte] = times(op, byte << (8 * place));
  }
  return shift;
}

constexpr std::size_t long_stretch = 2048, short_stretch = 128;
constexpr Shift long_shift = shift_by(long_stretch), short_shift = shift_by(short_stretch);

std::uint32_t shifted(const Shift& by, std::uint64_t crc) {
  return by[0][crc & 0xff] ^ by[1][crc >> 8 & 0xff] ^ by[2][crc >> 16 & 0xff] ^ by[3][crc >> 24 & 0xff];
}

std::uint64_t load(const char* at) {
  std::uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

template <std::size_t Stretch>
__attribute__((target("sse4.2"))) std::uint64_t three_stretches(std::uint64_t a, const char*& p,
                                                                std::size_t& size, const Shift& shift) {
  for (; size >= 3 * Stretch; p += 3 * Stretch, size -= 3 * Stretch) {
    std::uint64_t b = 0, c = 0;
    for (std::size_t i = 0; i < Stretch; i += 8) {
      a = _mm_crc32_u64(a, load(p + i));
      b = _mm_crc32_u64(b, load(p + Stretch + i));
      c = _mm_crc32_u64(c, load(p + 2 * Stretch + i));
    }
    a = shifted(shift, a) ^ b;
    a = shifted(shift, a) ^ c;
  }
  return a;
}

__attribute__((target("sse4.2"))) std::uint32_t by_instruction(std::uint32_t crc, const char* p,
                                                               std::size_t size) {
  std::uint64_t sum = crc;
  sum = three_stretches<long_stretch>(sum, p, size, long_shift);
  sum = three_stretches<short_stretch>(sum, p, size, short_shift);
  for (; size >= 8; p += 8, size -= 8) sum = _mm_crc32_u64(sum, load(p));
  for (; size != 0; ++p, --size)
    sum = _mm_crc32_u8(static_cast<std::uint32_t>(sum), static_cast<unsigned char>(*p));
  return static_cast<std::uint32_t>(sum);
}

#endif

}  // namespace

std::uint32_t crc32c(std::string_view bytes, std::uint32_t before) {
#if defined(__x86_64__)
  static const bool has_instruction = __builtin_cpu_supports("sse4.2") != 0;
  if (has_instruction) return ~by_instruction(~before, bytes.data(), bytes.size());
#endif
  return ~by_table(~before, bytes.data(), bytes.size());
}

}  // namespace eventy
