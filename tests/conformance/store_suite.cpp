#include "store_suite.hpp"

#include "caf/test/unit_test.hpp"

namespace eventy::conformance {
namespace {

class OneCase final : public caf::test::test {
 public:
  OneCase(const Case& which, Factory factory)
      : test(which.name, false), run_(which.run), factory_(std::move(factory)) {}
  void run_test_impl() override {
    auto subject = factory_();
    run_(*subject);
  }

 private:
  void (*run_)(Subject&);
  Factory factory_;
};

class DeclaredFeatures final : public caf::test::test {
 public:
  DeclaredFeatures(const StoreFeatures& features, Factory factory)
      : test("declares_the_features_it_is_judged_by", false),
        features_(features),
        factory_(std::move(factory)) {}
  void run_test_impl() override {
    auto subject = factory_();
    auto declared = subject->store().features();
    CAF_CHECK_EQUAL(declared.durable, features_.durable);
    CAF_CHECK_EQUAL(declared.multiple_members, features_.multiple_members);
    CAF_CHECK_EQUAL(declared.unknown_outcomes, features_.unknown_outcomes);
    CAF_CHECK_EQUAL(declared.arbitrary_names, features_.arbitrary_names);
  }

 private:
  StoreFeatures features_;
  Factory factory_;
};

}  // namespace

bool add_store_suite(const char* suite, const StoreFeatures& features, bool has_commands,
                     const Factory& factory, const std::set<std::string_view>& without) {
  caf::test::engine::add(suite, std::make_unique<DeclaredFeatures>(features, factory));
  for (const auto& cases :
       {cycle_cases(), content_cases(), member_cases(), start_cases(), client_cases(), random_cases()}) {
    for (const Case& c : cases) {
      if (c.needs.durable && !features.durable) continue;
      if (c.needs.multiple_members && !features.multiple_members) continue;
      if (c.needs.unknown_outcomes && !features.unknown_outcomes) continue;
      if (c.needs.commands && !has_commands) continue;
      if (without.contains(c.name)) continue;
      caf::test::engine::add(suite, std::make_unique<OneCase>(c, factory));
    }
  }
  return true;
}

}  // namespace eventy::conformance
