// The table of a record's members is complete: each member fills a field, and each field is filled.
#define CAF_SUITE core_members

#include "eventy/core/members.hpp"

#include "caf/test/unit_test.hpp"

#include <set>
#include <string>

using namespace eventy;

namespace {

constexpr auto answer = Member::destination, rest = Member::context;

// Answers each member with another value.
struct Distinct {
  void operator()(Kind& kind) const { kind = Kind::response; }
  void operator()(std::string_view& text) const { text = name; }
  void operator()(std::optional<std::string_view>& text) const { text = name; }
  void operator()(Instant& date) const { date = Instant(Duration(1)); }
  void operator()(bool& yes) const { yes = false; }
  void operator()(std::optional<std::int64_t>& integer) const { integer = 1; }

  std::string_view name;
};

Envelope all_read() {
  Envelope e;
  for (std::size_t member = 0; member < Member::unknown; ++member)
    read_member(member, e, Distinct{member_names[member]});
  return e;
}

std::string missing(Kind kind, std::uint32_t seen) {
  try {
    require_members(kind, seen);
  } catch (const DecodeError& e) {
    return e.path();
  }
  return "";
}

}  // namespace

CAF_TEST(each_member_has_the_name_of_the_protocol) {
  CAF_CHECK_EQUAL(member_names[Member::type], "type");
  CAF_CHECK_EQUAL(member_names[Member::ns], "namespace");
  CAF_CHECK_EQUAL(member_names[Member::name], "name");
  CAF_CHECK_EQUAL(member_names[Member::protocol], "protocol_version");
  CAF_CHECK_EQUAL(member_names[Member::version], "version");
  CAF_CHECK_EQUAL(member_names[Member::source], "source");
  CAF_CHECK_EQUAL(member_names[Member::uuid], "uuid");
  CAF_CHECK_EQUAL(member_names[Member::correlation_id], "correlation_id");
  CAF_CHECK_EQUAL(member_names[Member::partition_key], "partition_key");
  CAF_CHECK_EQUAL(member_names[Member::date_timestamp], "date_timestamp");
  CAF_CHECK_EQUAL(member_names[Member::date_iso8601], "date_iso8601");
  CAF_CHECK_EQUAL(member_names[Member::destination], "destination");
  CAF_CHECK_EQUAL(member_names[Member::request_uuid], "request_uuid");
  CAF_CHECK_EQUAL(member_names[Member::ok], "ok");
  CAF_CHECK_EQUAL(member_names[Member::error_code], "error_code");
  CAF_CHECK_EQUAL(member_names[Member::error_message], "error_message");
  CAF_CHECK_EQUAL(member_names[Member::context], "context");
  CAF_CHECK_EQUAL(member_names[Member::data], "data");
  for (std::size_t member = 0; member < Member::unknown; ++member)
    CAF_CHECK_EQUAL(member_of(member_names[member]), member);
  CAF_CHECK_EQUAL(member_of("more"), std::size_t{Member::unknown});
}

CAF_TEST(each_member_fills_the_field_that_it_names) {
  const auto e = all_read();
  // A field more does not compile here: it needs a member that fills it.
  const auto& [kind, ns, name, protocol_version, version, source, uuid, correlation_id, partition_key, date,
               destination, request_uuid, ok, error_code, error_message] = e;
  CAF_CHECK_EQUAL(to_string(kind), "RESPONSE");
  CAF_CHECK_EQUAL(ns, "namespace");
  CAF_CHECK_EQUAL(name, "name");
  CAF_CHECK_EQUAL(protocol_version, "protocol_version");
  CAF_CHECK_EQUAL(version, "version");
  CAF_CHECK_EQUAL(source, "source");
  CAF_CHECK_EQUAL(uuid, "uuid");
  CAF_CHECK_EQUAL(correlation_id, "correlation_id");
  CAF_CHECK_EQUAL(partition_key.value_or(""), "partition_key");
  CAF_CHECK_EQUAL(date.time_since_epoch().count(), 1);
  CAF_CHECK_EQUAL(destination, "destination");
  CAF_CHECK_EQUAL(request_uuid, "request_uuid");
  CAF_CHECK(!ok);
  CAF_CHECK_EQUAL(error_code.value_or(0), 1);
  CAF_CHECK_EQUAL(error_message.value_or(""), "error_message");
}

CAF_TEST(a_member_fills_no_other_field) {
  for (std::size_t member = 0; member < rest; ++member) {
    Envelope e;
    read_member(member, e, Distinct{"other"});
    std::set<std::size_t> filled;
    for_members<0, rest>([&](auto at) {
      constexpr auto field = std::get<at>(envelope_members).field;
      const bool is_same_date = std::max<std::size_t>(at, member) == Member::date_iso8601 &&
                                std::min<std::size_t>(at, member) == Member::date_timestamp;
      if (e.*field != Envelope{}.*field && !is_same_date) filled.insert(at);
    });
    CAF_CHECK_EQUAL(filled, std::set{member});
  }
}

CAF_TEST(the_members_of_a_response_are_written_and_required_only_in_one) {
  for (const auto kind : {Kind::event, Kind::request, Kind::response}) {
    const bool is_answer = kind == Kind::response;
    std::size_t next = 0;
    write_members(Envelope{.kind = kind}, [&](auto member, const auto&) { CAF_CHECK(member == next++); });
    CAF_CHECK_EQUAL(next, std::size_t{is_answer ? rest : answer});
    CAF_CHECK_EQUAL(missing(kind, ~(member_bit(Member::uuid) | member_bit(Member::source))), "source");
    CAF_CHECK_EQUAL(missing(kind, ~member_bit(Member::destination)), is_answer ? "destination" : "");
    CAF_CHECK_EQUAL(missing(kind, ~member_bit(Member::request_uuid)), is_answer ? "request_uuid" : "");
    CAF_CHECK_EQUAL(missing(kind, required_members(kind)), "");
  }
}

CAF_TEST(dropping_the_answer_leaves_what_every_record_has) {
  auto e = all_read();
  clear_response_members(e);
  for_members<0, rest>([&](auto member) {
    constexpr auto field = std::get<member>(envelope_members).field;
    CAF_CHECK((e.*field == Envelope{}.*field) == (member >= answer));
  });
}
