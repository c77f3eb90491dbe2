// Several formats in one topic, told apart by the first byte of a record.
#define CAF_SUITE core_mixed

#include <caf/test/unit_test.hpp>

#include "eventy/core/record_serializer.hpp"

using namespace eventy;

namespace {

// Its records are its letter.
class Letter final : public RecordSerializer {
 public:
  Letter(std::string name, FirstBytes first) : name_(std::move(name)), first_(first) {}
  std::string_view name() const override { return name_; }
  FirstBytes first_bytes() const override { return first_; }
  void encode(const Record&, std::string& out) const override { out += name_; }
  Record decode(std::string_view) const override { return {Kind::event, "urn:a", name_, "urn:a"}; }

 private:
  std::string name_;
  FirstBytes first_;
};

class Silent final : public RecordSerializer {  // says nothing of its first bytes
 public:
  std::string_view name() const override { return "silent"; }
  void encode(const Record&, std::string&) const override {}
  Record decode(std::string_view) const override { return {Kind::event, "urn:a", "silent", "urn:a"}; }
};

std::shared_ptr<const Serializer> letter(char c) {
  return std::make_shared<const Letter>(std::string(1, c), FirstBytes().set(static_cast<unsigned char>(c)));
}

std::string refusal(std::vector<std::shared_ptr<const Serializer>> formats) {
  try {
    by_first_byte(std::move(formats));
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "";
}

std::string error_of(const Serializer& format, std::string_view bytes) {
  try {
    decode(bytes, *format.make_decoder());
  } catch (const DecodeError& e) {
    return e.what();
  }
  return "";
}

}  // namespace

CAF_TEST(a_record_is_read_by_the_format_of_its_first_byte_and_the_first_format_is_written) {
  const auto mixed = by_first_byte({letter('a'), letter('b'), letter('\xff')});
  const auto decoder = mixed->make_decoder();
  for (const std::string bytes : {"a", "bzz", "a", "\xff"}) {
    const Record record = decode(bytes, *decoder);
    CAF_CHECK_EQUAL(record.name(), bytes.substr(0, 1));
  }
  const Record record(Kind::event, "urn:a", "x", "urn:a");
  CAF_CHECK_EQUAL(encode(record, *mixed->make_encoder()), "a");
  CAF_CHECK_EQUAL(mixed->name(), "a, b, \xff");
  CAF_CHECK_EQUAL(mixed->first_bytes().count(), 3u);
}

CAF_TEST(a_first_byte_of_none_of_them_is_an_error_that_lists_them) {
  const auto mixed = by_first_byte({letter('a'), letter('b')});
  CAF_CHECK_EQUAL(error_of(*mixed, "\xc3"), "it begins with 0xc3, which no record of a, b does");
  CAF_CHECK_EQUAL(error_of(*mixed, ""), "the record is empty; known formats: a, b");
}

CAF_TEST(what_cannot_be_told_apart_is_refused) {
  const auto wide = std::make_shared<const Letter>("wide", FirstBytes().set('b').set('c'));
  CAF_CHECK_EQUAL(refusal({letter('a'), letter('b'), wide}),
                  "records of b and of wide may both begin with 0x62, so one topic cannot hold both");
  CAF_CHECK(refusal({letter('a'), std::make_shared<const Silent>()}).find("a and of silent") !=
            std::string::npos);
  CAF_CHECK(refusal({}) != "");
}

CAF_TEST(a_format_that_is_there_twice_counts_once) {
  const auto once = by_first_byte({letter('a'), letter('a')});  // its name lasts as long as it does
  CAF_CHECK_EQUAL(once->name(), "a");
  const auto mixed = by_first_byte({letter('a'), letter('b')});
  const auto three = by_first_byte({mixed, letter('b'), letter('c')});
  CAF_CHECK_EQUAL(three->name(), "a, b, c");
}
