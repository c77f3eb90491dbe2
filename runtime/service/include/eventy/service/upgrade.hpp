// Upgrade functions convert records and states of an older program to today's struct. They are checked at
// compile time.
//
//   struct Clicked {  // 2.0.0
//     static Clicked upgrade(const v1::Clicked& old);
//
// Each function is one step: 3.0.0 is upgraded from 2.0.0, which is upgraded from 1.0.0. For a type that you
// cannot change, specialize UpgradeOf.
#pragma once

#include <string_view>

#include "eventy/core/codec.hpp"
#include "eventy/core/record.hpp"
#include "eventy/core/schema.hpp"

namespace eventy {

template <class T>
struct UpgradeOf {};
template <class T>
  requires requires { &T::upgrade; }
struct UpgradeOf<T> {
  static constexpr auto upgrade = &T::upgrade;
};

namespace detail {

template <class T>
concept Upgradable = requires { &UpgradeOf<T>::upgrade; };

template <class F>
struct UpgradeStep;
template <class New, class Old>
struct UpgradeStep<New (*)(const Old&)> {
  using from = Old;
  using to = New;
};
template <class New, class Old>
struct UpgradeStep<New (*)(const Old&) noexcept> : UpgradeStep<New (*)(const Old&)> {};
template <class T>
using StepOf = UpgradeStep<std::decay_t<decltype(UpgradeOf<T>::upgrade)>>;
template <class T>
using UpgradedFrom = typename StepOf<T>::from;

constexpr std::uint64_t major_of(std::string_view version) {  // `version` is MAJOR.MINOR.PATCH
  std::uint64_t major = 0;
  for (char c : version.substr(0, version.find('.')))
    major = major * 10 + static_cast<std::uint64_t>(c - '0');
  return major;
}

// --- Records ---

template <class M>
consteval void check_upgrade() {
  using Old = UpgradedFrom<M>;
  static_assert(std::is_same_v<typename StepOf<M>::to, M>, "upgrade() returns the type that it belongs to");
  static_assert(Message<Old>, "upgrade() takes an older version of the record, which has such a member too");
  if constexpr (Message<Old>) {
    using R = typename RecordOf<M>::type;
    using O = typename RecordOf<Old>::type;
    static_assert(R::kind == O::kind && R::ns == O::ns && R::name == O::name,
                  "upgrade() takes an older version of the same record");
    static_assert(major_of(O::version) < major_of(R::version), "upgrade() takes a lower major version");
  }
}

// Whether upgrade functions can read records of this major version, which is not the type's own.
template <class M>
bool upgrades_from(std::uint64_t major) {
  if constexpr (Upgradable<M>) {
    check_upgrade<M>();
    using Old = UpgradedFrom<M>;
    return major == major_of(RecordOf<Old>::type::version) || upgrades_from<Old>(major);
  } else {
    return false;
  }
}

// Reads the data with the type of its major version, then upgrades step by step. The caller has checked that
// upgrades_from() this major version.
template <class M>
void read_record(Reader& data, std::string_view version, M& out) {
  if constexpr (Upgradable<M>) {
    constexpr auto own = RecordOf<M>::type::version;
    if (version != own && parse_version(version).value_or(Version{}).major != major_of(own)) {
      UpgradedFrom<M> old{};
      read_record(data, version, old);
      out = UpgradeOf<M>::upgrade(old);
      return;
    }
  }
  read(data, out, Absent::is_error);
}

// --- States ---

template <class S>
consteval std::uint16_t state_version() {
  if constexpr (requires { S::state_version; }) {
    return S::state_version;
  } else {
    return 1;
  }
}

// Reads a state that was written with this version or an older one. Between two versions with an upgrade
// function, members were only added or dropped: an absent member takes its default.
template <class S>
void read_state_of(Reader& r, std::uint16_t version, S& out) {
  if constexpr (Upgradable<S>) {
    using Old = UpgradedFrom<S>;
    static_assert(std::is_same_v<typename StepOf<S>::to, S>, "upgrade() returns the type that it belongs to");
    static_assert(state_version<Old>() < state_version<S>(),
                  "upgrade() takes a state of a lower state_version");
    if (version <= state_version<Old>()) {
      Old old{};
      read_state_of(r, version, old);
      out = UpgradeOf<S>::upgrade(old);
      return;
    }
  }
  read(r, out, Absent::takes_default);
}

}  // namespace detail
}  // namespace eventy
