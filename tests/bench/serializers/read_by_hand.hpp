// From a library's document, of any format that names its members, to the struct, as one would write it by
// hand for these two records. It checks types, enums, the date, and that no member is absent. Of what ours
// does it leaves out the protocol's rules for the envelope, members that are there twice, unsigned integers,
// paths in errors, and limits of depth and elements.
//
// A Dom has: Value; parse(bytes) -> Value; members(Value, f(name, Value)) and items(Value, f(Value)); text,
// integer, real, boolean, is_null, instant and scalar (a ContextValue) of a Value, all of which throw for
// another type; date_name and date(Value), the member of the envelope that holds its date.
#pragma once

#include <algorithm>
#include <memory>
#include <stdexcept>

#include "tests/bench/serializers/subjects.hpp"

namespace eventy::benchmark {

inline void need(bool good) {
  if (!good) throw std::runtime_error("malformed");
}

// A range over another one's iterators, each entry made by `entry`. (Calls of lambdas would not all be
// inlined.)
template <class Iterator, auto entry>
struct Entries {
  struct At {
    Iterator at;
    auto operator*() const { return entry(*at); }
    At& operator++() { return ++at, *this; }
    bool operator!=(const At& other) const { return at != other.at; }
  };
  Iterator first, last;
  At begin() const { return {first}; }
  At end() const { return {last}; }
};
template <class Value>
struct Member {
  std::string_view name;
  Value value;
};

inline Channel channel_in(std::string_view name) {
  const auto at = std::find(channels.begin(), channels.end(), name);
  need(at != channels.end());
  return static_cast<Channel>(at - channels.begin());
}

// Context and data from whatever `Dom::members` takes.
template <class Dom>
struct StructsByHand {
  static void read(const auto& from, Context& out) {
    for (const auto& [service, entry] : Dom::members(from)) {
      ContextEntry& to = out[std::string(service)];
      for (const auto& [name, value] : Dom::members(entry)) {
        to.emplace(std::string(name), Dom::scalar(value));
      }
    }
  }

  static void read(const auto& from, Clicked& out) {
    bool n = false;
    for (const auto& [name, value] : Dom::members(from)) {
      if (name == "n") {
        out.n = Dom::integer(value), n = true;
      } else if (name == "page" && !Dom::is_null(value)) {
        out.page = Dom::text(value);
      }
    }
    need(n);
  }

  static void read(const auto& from, Address& out) {
    unsigned found = 0;
    for (const auto& [name, value] : Dom::members(from)) {
      if (name == "street") {
        out.street = Dom::text(value), ++found;
      } else if (name == "city") {
        out.city = Dom::text(value), ++found;
      } else if (name == "country") {
        out.country = Dom::text(value), ++found;
      }
    }
    need(found == 3);
  }

  static void read(const auto& from, Line& out) {
    unsigned found = 0;
    for (const auto& [name, value] : Dom::members(from)) {
      if (name == "sku") {
        out.sku = Dom::text(value), ++found;
      } else if (name == "title") {
        out.title = Dom::text(value), ++found;
      } else if (name == "quantity") {
        out.quantity = Dom::integer(value), ++found;
      } else if (name == "price") {
        out.price = Dom::real(value), ++found;
      } else if (name == "discount" && !Dom::is_null(value)) {
        out.discount = Dom::real(value);
      }
    }
    need(found == 4);
  }

  static void read(const auto& from, Placed& out) {
    unsigned found = 0;
    for (const auto& [name, value] : Dom::members(from)) {
      ++found;
      if (name == "number") {
        out.number = Dom::text(value);
      } else if (name == "channel") {
        out.channel = channel_in(Dom::text(value));
      } else if (name == "paid") {
        out.paid = Dom::boolean(value);
      } else if (name == "placed") {
        out.placed = Dom::instant(value);
      } else if (name == "ship_to") {
        read(value, out.ship_to);
      } else if (name == "lines") {
        for (const auto& item : Dom::items(value)) read(item, out.lines.emplace_back());
      } else if (name == "tags") {
        for (const auto& item : Dom::items(value)) out.tags.emplace_back(Dom::text(item));
      } else if (name == "totals") {
        for (const auto& [key, total] : Dom::members(value)) {
          out.totals.emplace(std::string(key), Dom::integer(total));
        }
      } else {
        --found;
        if (name == "note" && !Dom::is_null(value)) out.note = Dom::text(value);
      }
    }
    need(found == 8);
  }
};

template <class Dom>
class ReadByHand : StructsByHand<Dom> {
 public:
  template <class Data>
  void operator()(std::string_view bytes, Whole<Data>& out) {
    envelope_ = {};
    out.envelope = &envelope_;
    unsigned found = 0;
    for (const auto& [name, value] : Dom::members(dom_.parse(bytes))) {
      if (name == "data") {
        this->read(value, out.data), ++found;
      } else if (name == "context") {
        this->read(value, out.context);
      } else {
        found += read_envelope(name, value);
      }
    }
    need(found == 10);
  }

 private:
  using Value = typename Dom::Value;

  // Whether it is one of those that must be there.
  bool read_envelope(std::string_view name, Value value) {
    if (name == "type") {
      const auto kind = kind_of(Dom::text(value));
      need(kind.has_value());
      envelope_.kind = *kind;
    } else if (name == "namespace") {
      envelope_.ns = Dom::text(value);
    } else if (name == "name") {
      envelope_.name = Dom::text(value);
    } else if (name == "protocol_version") {
      envelope_.protocol_version = Dom::text(value);
    } else if (name == "version") {
      envelope_.version = Dom::text(value);
    } else if (name == "source") {
      envelope_.source = Dom::text(value);
    } else if (name == "uuid") {
      envelope_.uuid = Dom::text(value);
    } else if (name == "correlation_id") {
      envelope_.correlation_id = Dom::text(value);
    } else if (name == "partition_key") {
      if (!Dom::is_null(value)) envelope_.partition_key = Dom::text(value);
      return false;
    } else if (name == Dom::date_name) {
      envelope_.date = Dom::date(value);
    } else {
      return false;
    }
    return true;
  }

  Dom dom_;
  Envelope envelope_;
};

// As a Way has it.
template <class Data, class Dom>
auto reading() {
  return [reader = std::make_shared<ReadByHand<Dom>>()](std::string_view bytes, Whole<Data>& out) {
    (*reader)(bytes, out);
  };
}

}  // namespace eventy::benchmark
