// Trace ids of a thread: scopes that restore what was before, and the rules of a traceparent.
#define CAF_SUITE core_trace
#include "eventy/trace.hpp"

#include <caf/test/unit_test.hpp>

#include <thread>

namespace eventy {

namespace {

constexpr std::string_view parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

}  // namespace

CAF_TEST(a_scope_sets_the_ids_and_restores_what_was_before) {
  CAF_CHECK(Trace::current().empty());
  {
    const Trace outer({.correlation_id = "c1", .request_id = "r1", .user_id = "ann"});
    {
      const Trace inner({.correlation_id = "c2", .traceparent = parent});
      CAF_CHECK(Trace::current() == (TraceIds{"c2", "r1", "ann", parent}));
    }
    CAF_CHECK(Trace::current() == (TraceIds{.correlation_id = "c1", .request_id = "r1", .user_id = "ann"}));
  }
  CAF_CHECK(Trace::current().empty());
}

CAF_TEST(a_scope_keeps_its_own_copies) {
  std::string text = "c1-and-more-than-a-short-string-holds";
  const Trace trace({.correlation_id = text});
  text.assign(text.size(), 'x');
  CAF_CHECK_EQUAL(Trace::current().correlation_id, "c1-and-more-than-a-short-string-holds");
  const OwnedTraceIds kept = Trace::current();
  CAF_CHECK(kept.correlation_id.data() != Trace::current().correlation_id.data());
}

CAF_TEST(a_scope_ends_with_an_exception_too) {
  try {
    const Trace trace({.correlation_id = "c1"});
    throw 1;
  } catch (int) {
  }
  CAF_CHECK(Trace::current().empty());
}

CAF_TEST(each_thread_has_ids_of_its_own) {
  const Trace trace({.correlation_id = "c1"});
  std::string there = "unset";
  std::thread([&] { there = std::string(Trace::current().correlation_id); }).join();
  CAF_CHECK_EQUAL(there, "");
}

CAF_TEST(a_traceparent_is_as_W3C_says) {
  CAF_CHECK(is_traceparent(parent));
  CAF_CHECK_EQUAL(trace_id_of(parent), "4bf92f3577b34da6a3ce929d0e0e4736");
  for (const std::string_view wrong : {
           "",
           "00",
           "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
           "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
           "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
           "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
           "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x",
           "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7_01",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
           " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
       }) {
    CAF_CHECK(!is_traceparent(wrong));
    CAF_CHECK_EQUAL(trace_id_of(wrong), "");
    const Trace trace({.traceparent = wrong});
    CAF_CHECK(Trace::current().empty());
  }
}

CAF_TEST(user_and_traceparent_travel_in_an_entry_of_the_context) {
  Context context = {{"urn:shop", {{"user_id", "another"}}}};
  put_trace_ids(context, {.correlation_id = "c1", .request_id = "r1"});
  CAF_CHECK_EQUAL(context.size(), 1u);
  put_trace_ids(context, {.user_id = "ann", .traceparent = parent});
  CAF_CHECK_EQUAL(context.at("urn:eventy:trace").size(), 2u);
  CAF_CHECK(trace_ids_in(context) == (TraceIds{.user_id = "ann", .traceparent = parent}));
}

CAF_TEST(what_is_no_text_or_no_traceparent_in_a_context_is_absent) {
  CAF_CHECK(trace_ids_in({}).empty());
  CAF_CHECK(
      trace_ids_in({{"urn:eventy:trace", {{"user_id", std::int64_t{7}}, {"traceparent", "00-1"}}}}).empty());
}

}  // namespace eventy
