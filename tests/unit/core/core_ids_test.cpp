// Identifiers and hashes: their form, their known answers, and how seldom they meet.
#define CAF_SUITE core_ids

#include "eventy/core/ids.hpp"

#include "caf/test/unit_test.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace eventy;

namespace {

constexpr std::string_view input = "0b7c1f4e-3a52-4d86-9f10-2c6d8e4a7b35";

std::string derived(const UuidDeriver& deriver, std::string_view id, std::uint64_t ordinal) {
  std::array<char, 36> out;
  deriver.derive(id, ordinal, out);
  return {out.data(), out.size()};
}

std::size_t repeats(std::vector<std::string> ids) {
  std::sort(ids.begin(), ids.end());
  return ids.size() - static_cast<std::size_t>(std::unique(ids.begin(), ids.end()) - ids.begin());
}

}  // namespace

CAF_TEST(a_random_uuid_is_of_version_4_in_lower_case) {
  for (int i = 0; i < 2000; ++i) {  // several fillings of the pool
    auto id = random_uuid();
    CAF_REQUIRE(is_uuid_v4(id));
    CAF_REQUIRE(std::none_of(id.begin(), id.end(), [](unsigned char c) { return std::isupper(c); }));
  }
}

CAF_TEST(random_uuids_do_not_repeat_in_any_thread) {
  std::vector<std::vector<std::string>> drawn(4);
  std::vector<std::thread> threads;
  for (auto& mine : drawn) {
    threads.emplace_back([&mine] {
      for (int i = 0; i < 50'000; ++i) mine.push_back(random_uuid());
    });
  }
  for (auto& thread : threads) thread.join();
  std::vector<std::string> all;
  for (auto& mine : drawn) all.insert(all.end(), mine.begin(), mine.end());
  CAF_CHECK_EQUAL(repeats(all), 0u);
}

CAF_TEST(a_forked_child_does_not_repeat_its_parents_uuids) {
  random_uuid();  // the pool is filled
  int ends[2];
  CAF_REQUIRE_EQUAL(pipe(ends), 0);
  auto child = fork();
  if (child == 0) {
    auto id = random_uuid();
    _exit(write(ends[1], id.data(), id.size()) == 36 ? 0 : 1);
  }
  std::string theirs(36, '\0');
  CAF_CHECK_EQUAL(::read(ends[0], theirs.data(), theirs.size()), 36);
  int status = 0;
  waitpid(child, &status, 0);
  close(ends[0]), close(ends[1]);
  CAF_CHECK(is_uuid_v4(theirs));
  CAF_CHECK_NOT_EQUAL(random_uuid(), theirs);
}

CAF_TEST(a_uuid_is_36_characters_in_five_groups_of_either_case) {
  CAF_CHECK(is_uuid("0B7C1F4E-3a52-1d86-0f10-2c6d8e4a7B35"));
  for (auto text : {"", "0b7c1f4e3a524d869f102c6d8e4a7b35", "0b7c1f4e-3a52-4d86-9f10-2c6d8e4a7b3",
                    "0b7c1f4e-3a52-4d86-9f10-2c6d8e4a7b355", "0b7c1f4e-3a52-4d86-9f1-02c6d8e4a7b35",
                    "{b7c1f4e-3a52-4d86-9f10-2c6d8e4a7b3}", "0b7c1f4e_3a52_4d86_9f10_2c6d8e4a7b35"}) {
    CAF_CHECK(!is_uuid(text));
  }
}

CAF_TEST(every_digit_of_a_uuid_is_hexadecimal) {
  std::size_t wrong = 0;
  for (std::size_t at = 0; at < input.size(); ++at) {
    for (int c = 0; c < 256; ++c) {
      std::string text(input);
      text[at] = static_cast<char>(c);
      wrong += is_uuid(text) != (input[at] == '-' ? c == '-' : c < 128 && std::isxdigit(c) != 0);
    }
  }
  CAF_CHECK_EQUAL(wrong, 0u);
}

CAF_TEST(version_and_variant_tell_a_uuid_v4) {
  std::string versions, variants;
  for (char c : std::string("0123456789abcdefABCDEF")) {
    std::string text(input);
    text[14] = c;
    if (is_uuid_v4(text)) versions += c;
    text = input;
    text[19] = c;
    if (is_uuid_v4(text)) variants += c;
  }
  CAF_CHECK_EQUAL(versions, "4");
  CAF_CHECK_EQUAL(variants, "89abAB");
}

// These must never change: after an upgrade, a redone turn has to repeat the uuids of its first run.
CAF_TEST(a_derived_uuid_is_the_same_in_every_release) {
  UuidDeriver deriver("urn:counter\nclicked");
  CAF_CHECK_EQUAL(derived(deriver, input, 0), "38873181-014f-4672-8478-3d0154ea830c");
  CAF_CHECK_EQUAL(derived(deriver, input, 1), "be6af8dd-aef0-4ca2-8b8a-414b3928eb13");
  CAF_CHECK_EQUAL(derived(deriver, input, 0xffff'ffff'ffff'ffff), "a61c5353-29ce-4576-9d41-89abe8796c50");
  CAF_CHECK_EQUAL(derived(deriver, "", 0), "61aa23c7-182a-471a-93c5-2f5cb5433e26");
  CAF_CHECK_EQUAL(derived(deriver, "position 42", 7), "182605e3-8c12-4dc3-91a5-ed0e2fbae247");
  CAF_CHECK_EQUAL(derived(UuidDeriver(""), input, 0), "43254500-fed7-4ae0-98a8-550cb60a8188");
}

CAF_TEST(a_derived_uuid_depends_on_each_of_its_inputs) {
  std::vector<std::string> ids;
  for (auto seed : {"urn:a", "urn:b", "urn:a\nh", ""}) {
    for (auto id :
         {"", "0", "00", "0b7c1f4e-3a52-4d86-9f10-2c6d8e4a7b35", "0b7c1f4e-3a52-4d86-9f10-2c6d8e4a7b36"}) {
      for (std::uint64_t ordinal : {0, 1, 256}) ids.push_back(derived(UuidDeriver(seed), id, ordinal));
    }
  }
  // What only moves between the ends of an input, or is a zero byte, counts too.
  for (auto id : {std::string_view("\0", 1), std::string_view("\0\0", 2), std::string_view("0\0", 2)}) {
    ids.push_back(derived(UuidDeriver(""), id, 0));
  }
  CAF_CHECK_EQUAL(repeats(ids), 0u);
}

CAF_TEST(a_million_ordinals_give_a_million_uuids_of_version_4) {
  UuidDeriver deriver("urn:counter\nclicked");
  std::vector<std::string> ids;
  std::array<std::array<std::uint32_t, 256>, 36> counts{};
  std::size_t malformed = 0;
  for (std::uint64_t i = 0; i < 1'000'000; ++i) {
    auto& id = ids.emplace_back(derived(deriver, input, i));
    malformed += !is_uuid_v4(id);
    for (std::size_t at = 0; at < 36; ++at) ++counts[at][static_cast<unsigned char>(id[at])];
  }
  CAF_CHECK_EQUAL(malformed, 0u);
  CAF_CHECK_EQUAL(repeats(ids), 0u);
  // Each digit comes equally often, within six standard deviations of 1/16 of a million.
  std::uint32_t furthest = 0;
  for (std::size_t at = 0; at < 36; ++at) {
    if (input[at] == '-' || at == 14 || at == 19) continue;
    for (char c : std::string("0123456789abcdef")) {
      auto count = counts[at][static_cast<unsigned char>(c)];
      furthest = std::max(furthest, count > 62'500 ? count - 62'500 : 62'500 - count);
    }
  }
  CAF_CHECK_LESS(furthest, 1'453u);
}

CAF_TEST(many_inputs_give_as_many_uuids) {
  UuidDeriver deriver("urn:counter\nclicked");
  std::vector<std::string> ids;
  for (std::uint64_t i = 0; i < 300'000; ++i)
    ids.push_back(derived(deriver, "topic/3/" + std::to_string(i), 0));
  CAF_CHECK_EQUAL(repeats(ids), 0u);
}

CAF_TEST(a_correlation_id_names_where_the_chain_began) {
  CAF_CHECK_EQUAL(make_correlation_id("web", "Clicked", 0), "web:Clicked:AAAAAAAAAAA");
  CAF_CHECK_EQUAL(make_correlation_id("web", "Clicked", 0xffff'ffff'ffff'ffff), "web:Clicked:__________8");
  CAF_CHECK_EQUAL(make_correlation_id("", "", 0x0123'4567'89ab'cdef), "::ASNFZ4mrze8");
  CAF_CHECK_EQUAL(make_correlation_id("", "", 0xfbff'0000'0000'0001), "::-_8AAAAAAAE");
}

CAF_TEST(random_correlation_ids_differ_in_11_url_safe_characters) {
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) {
    auto id = make_correlation_id("web", "Clicked");
    CAF_REQUIRE_EQUAL(id.size(), sizeof("web:Clicked:") - 1 + 11);
    CAF_REQUIRE(id.starts_with("web:Clicked:"));
    ids.insert(id);
  }
  CAF_CHECK_EQUAL(ids.size(), 1000u);
}

CAF_TEST(crc32_gives_the_known_answers) {
  CAF_CHECK_EQUAL(crc32("123456789"), 0xcbf43926u);
  CAF_CHECK_EQUAL(crc32(""), 0u);
  CAF_CHECK_EQUAL(crc32("a"), 0xe8b7be43u);
  CAF_CHECK_EQUAL(crc32("The quick brown fox jumps over the lazy dog"), 0x414fa339u);
  CAF_CHECK_EQUAL(crc32(std::string(32, '\0')), 0x190a55adu);
  CAF_CHECK_EQUAL(crc32(std::string(32, '\xff')), 0xff6cab0bu);
}

CAF_TEST(crc32_is_the_same_bit_by_bit_at_every_length) {
  std::string bytes;
  for (int length = 0; length < 100; ++length) {
    std::uint32_t crc = 0xffff'ffff;
    for (char c : bytes) {
      crc ^= static_cast<unsigned char>(c);
      for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
    }
    CAF_CHECK_EQUAL(crc32(bytes), ~crc);
    bytes += static_cast<char>(length * 37 + 129);
  }
}

CAF_TEST(the_partition_of_a_key_is_its_crc32_modulo_the_count) {
  CAF_CHECK_EQUAL(partition_of("123456789", 1).value, 0u);
  CAF_CHECK_EQUAL(partition_of("123456789", 12).value, 0xcbf43926u % 12);
  CAF_CHECK_EQUAL(partition_of("", 12).value, 0u);
  bool refused = false;
  try {
    partition_of("k", 0);
  } catch (const std::invalid_argument&) {
    refused = true;
  }
  CAF_CHECK(refused);
}

CAF_TEST(hash64_depends_on_bytes_and_seed) {
  CAF_CHECK_EQUAL(hash64(""), 0u);
  CAF_CHECK_EQUAL(hash64("hello"), 0xcbd8a7b341bd9b02u);  // MurmurHash3_x64_128, its first half
  std::set<std::uint64_t> seen;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    for (std::size_t length = 0; length < 100; ++length) seen.insert(hash64(std::string(length, 'x'), seed));
  }
  CAF_CHECK_EQUAL(seen.size(), 10'000u);
}
