#include "resolve.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace eventy::avro::detail {

namespace {

bool is_number(Type type) { return type >= Type::int32 && type <= Type::float64; }

bool names(const std::vector<std::string>& aliases, std::string_view name) {
  return std::any_of(aliases.begin(), aliases.end(),
                     [&](const auto& alias) { return same_name(alias, name); });
}

Promotion promotion_between(const Node& written, const Node& wanted) {
  const bool whole = written.type == Type::int32 || written.type == Type::int64;
  if (whole && written.logical == Logical::none &&
      (wanted.type == Type::float32 || wanted.type == Type::float64))
    return Promotion::to_real;
  if (written.type == Type::text && wanted.type == Type::bytes) return Promotion::to_bytes;
  if (written.type == Type::bytes && written.logical == Logical::none && wanted.type == Type::text)
    return Promotion::to_text;
  return Promotion::none;
}

bool match(const Node& written, const Node& wanted) {
  if (written.type == wanted.type)
    return written.type < Type::fixed || written.name.empty() || same_name(written.name, wanted.name) ||
           names(wanted.aliases, written.name);
  return (is_number(written.type) && is_number(wanted.type) && written.type < wanted.type) ||
         promotion_between(written, wanted) != Promotion::none;
}

// Prefers a branch of the same type to one that the type can be promoted to. Null: there is none.
const Node* branch_for(const Node& written, const Node& wanted) {
  const auto& all = wanted.branches;
  const auto matching = [&](const Node* branch) { return match(written, *branch); };
  const auto same = [&](const Node* branch) { return branch->type == written.type && matching(branch); };
  auto found = std::find_if(all.begin(), all.end(), same);
  if (found == all.end()) found = std::find_if(all.begin(), all.end(), matching);
  return found == all.end() ? nullptr : *found;
}

class Resolver {
 public:
  explicit Resolver(Schema& into) : into_(into) {}

  const Node& resolve(const Node& written, const Node& wanted) {
    if (depth_ == max_schema_depth) return written;
    ++depth_;
    const Node& node = resolve_any(written, wanted);
    --depth_;
    return node;
  }

 private:
  const Node& resolve_any(const Node& written, const Node& wanted) {
    if (written.type != Type::one_of && wanted.type == Type::one_of) {
      const auto* branch = branch_for(written, wanted);
      return branch ? resolve(written, *branch) : written;
    }
    if (written.type == Type::one_of) return resolve_branches(written, wanted);
    if (const auto promotion = promotion_between(written, wanted); promotion != Promotion::none) {
      Node& node = into_.add(written);
      node.promotion = promotion;
      return node;
    }
    if (written.type != wanted.type || written.type < Type::enumeration) return written;
    return resolve_same(written, wanted);
  }

  Node* begin(const Node& written, const Node& wanted, const Node*& known) {
    auto [at, fresh] = known_.try_emplace({&written, &wanted}, nullptr);
    if (!fresh) {
      known = at->second;
      return nullptr;
    }
    Node& node = into_.add(written);
    at->second = &node;
    return &node;
  }

  const Node& resolve_branches(const Node& written, const Node& wanted) {
    const Node* known = nullptr;
    Node* node = begin(written, wanted, known);
    if (!node) return *known;
    for (auto& branch : node->branches) branch = &resolve(*branch, wanted);
    return *node;
  }

  const Node& resolve_same(const Node& written, const Node& wanted) {
    const Node* known = nullptr;
    Node* node = begin(written, wanted, known);
    if (!node) return *known;
    if (node->items) node->items = &resolve(*written.items, *wanted.items);
    if (node->type == Type::enumeration) take_default_symbol(*node, wanted);
    if (node->type == Type::record) resolve_fields(*node, wanted);
    return *node;
  }

  static void take_default_symbol(Node& node, const Node& wanted) {
    if (!wanted.default_value) return;
    for (auto& symbol : node.symbols) {
      if (std::find(wanted.symbols.begin(), wanted.symbols.end(), symbol) == wanted.symbols.end())
        symbol = *wanted.default_value;
    }
  }

  void resolve_fields(Node& node, const Node& wanted) {
    std::map<std::string_view, const Field*> by_name, by_alias;
    for (const auto& field : wanted.fields) {
      by_name.emplace(field.name, &field);
      for (const auto& alias : field.aliases) by_alias.emplace(alias, &field);
    }
    std::set<const Field*> found;
    // Names before aliases, so that two fields never match the same one.
    for (const auto* wanted_by : {&by_name, &by_alias}) {
      for (auto& field : node.fields) {
        const auto at = wanted_by->find(field.name);
        if (at == wanted_by->end() || !found.insert(at->second).second) continue;
        field.type = &resolve(*field.type, *at->second->type);
        field.name = at->second->name;
      }
    }
    std::vector<Field> absent;
    for (const auto& field : wanted.fields) {
      if (field.default_value && !found.contains(&field)) absent.push_back(field);
    }
    if (!absent.empty()) node.absent = &into_.keep(std::move(absent));
  }

  Schema& into_;
  std::size_t depth_ = 0;
  std::map<std::pair<const Node*, const Node*>, const Node*> known_ = {};
};

}  // namespace

const Node& resolve(const Node& written, const Node& wanted, Schema& into) {
  return Resolver(into).resolve(written, wanted);
}

}  // namespace eventy::avro::detail
