#include "eventy/core/record_schema.hpp"

#include <algorithm>
#include <map>

#include "eventy/core/record.hpp"

namespace eventy {

namespace {

bool holds(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Whether `wide` holds every integer of `narrow`.
bool holds_all(const TypeSchema& wide, const TypeSchema& narrow) {
  if (wide.is_signed == narrow.is_signed) return wide.bits >= narrow.bits;
  return wide.is_signed && wide.bits > narrow.bits;
}

bool may_be_absent(const MemberSchema& member) {
  const auto& type = member.type;
  const auto is_null = [](const TypeSchema& t) { return t.shape == Shape::null; };
  return member.has_default || type.shape == Shape::null || type.shape == Shape::any ||
         (type.shape == Shape::one_of && std::any_of(type.items.begin(), type.items.end(), is_null));
}

const MemberSchema* find(const std::vector<MemberSchema>& members, const std::string& name) {
  const auto at =
      std::find_if(members.begin(), members.end(), [&](const auto& member) { return member.name == name; });
  return at == members.end() ? nullptr : &*at;
}

// Compares the data of one record with its older version.
class Comparison {
 public:
  explicit Comparison(std::string record) : record_(std::move(record)) {}

  void types(const TypeSchema& older, const TypeSchema& newer, const std::string& path) {
    if (older.shape == Shape::any || newer.shape == Shape::any) return;
    if (older.shape == Shape::one_of || newer.shape == Shape::one_of) return unions(older, newer, path);
    if (older.shape != newer.shape) return differ(older, newer, path);
    switch (newer.shape) {
      case Shape::integer:
        return widened(older, newer, holds_all(newer, older), holds_all(older, newer), path);
      case Shape::real:
        return widened(older, newer, newer.bits >= older.bits, newer.bits <= older.bits, path);
      case Shape::symbols:
        return symbols(older, newer, path);
      case Shape::list:
        return types(older.items[0], newer.items[0], path + "[]");
      case Shape::map:
        return types(older.items[0], newer.items[0], path + ".*");
      case Shape::members:
        return members(older.members, newer.members, path);
      default:
        if (older.size != newer.size || older.meaning != newer.meaning) differ(older, newer, path);
    }
  }
  std::vector<SchemaChange> take() { return std::move(findings_); }

 private:
  void error(const std::string& path, std::string what) {
    findings_.push_back({true, record_, path, std::move(what)});
  }
  void ok(const std::string& path, std::string what) {
    findings_.push_back({false, record_, path, std::move(what)});
  }

  void differ(const TypeSchema& older, const TypeSchema& newer, const std::string& path) {
    error(path, "was " + to_string(older) + " and is " + to_string(newer) + ": neither is read as the other");
  }

  void widened(const TypeSchema& older, const TypeSchema& newer, bool reads_old, bool reads_new,
               const std::string& path) {
    if (reads_old && reads_new) return;
    const auto change = "was " + to_string(older) + " and is " + to_string(newer);
    if (!reads_old) return error(path, change + ": not every older value fits");
    ok(path, change + ": older programs read the values that fit");
  }

  void symbols(const TypeSchema& older, const TypeSchema& newer, const std::string& path) {
    for (const auto& name : older.names) {
      if (holds(newer.names, name)) continue;
      if (newer.default_value) {
        ok(path, "symbol " + name + " is gone: it is read as " + *newer.default_value);
      } else {
        error(path, "symbol " + name + " is gone: older records may hold it");
      }
    }
    for (const auto& name : newer.names) {
      if (holds(older.names, name)) continue;
      if (older.default_value) {
        ok(path, "symbol " + name + " is new: older programs read it as " + *older.default_value);
      } else {
        error(path, "symbol " + name + " is new: older programs do not know it");
      }
    }
  }

  void members(const std::vector<MemberSchema>& older, const std::vector<MemberSchema>& newer,
               const std::string& path) {
    for (const auto& member : older) {
      const auto place = path + "." + member.name;
      if (const auto* now = find(newer, member.name)) {
        types(member.type, now->type, place);
      } else if (may_be_absent(member)) {
        ok(place, "is gone: older programs read it as absent, newer ones ignore it");
      } else {
        error(place, "is gone: older programs require it");
      }
    }
    for (const auto& member : newer) {
      if (find(older, member.name)) continue;
      const auto place = path + "." + member.name;
      if (may_be_absent(member)) {
        ok(place, "is new: it may be absent, and older programs ignore it");
      } else {
        error(place, "is new and required: older records lack it");
      }
    }
  }

  // Every alternative must be readable as an alternative of the other side. Details are reported only if
  // there is a single alternative beside null; otherwise it is a guess which ones correspond.
  void unions(const TypeSchema& older, const TypeSchema& newer, const std::string& path) {
    const auto before = alternatives(older), now = alternatives(newer);
    const auto *only_before = only_one(before), *only_now = only_one(now);
    for (const auto* type : before) {
      if (fits_one_of(*type, now, false) || (only_now && type == only_before)) continue;
      error(path, "can no longer be " + to_string(*type) + ": older records may hold it");
    }
    for (const auto* type : now) {
      if (fits_one_of(*type, before, true) || (only_before && type == only_now)) continue;
      error(path, "can now be " + to_string(*type) + ": older programs do not know it");
    }
    if (only_before && only_now) types(*only_before, *only_now, path);
  }

  using Alternatives = std::vector<const TypeSchema*>;
  static Alternatives alternatives(const TypeSchema& type) {
    if (type.shape != Shape::one_of) return {&type};
    Alternatives all;
    for (const auto& item : type.items) all.push_back(&item);
    return all;
  }
  static const TypeSchema* only_one(const Alternatives& all) {  // beside null
    const TypeSchema* found = nullptr;
    for (const auto* type : all) {
      if (type->shape == Shape::null) continue;
      if (found) return nullptr;
      found = type;
    }
    return found;
  }
  static bool fits_one_of(const TypeSchema& type, const Alternatives& others, bool is_newer) {
    return std::any_of(others.begin(), others.end(), [&](const TypeSchema* other) {
      Comparison trial("");
      is_newer ? trial.types(*other, type, "") : trial.types(type, *other, "");
      return std::none_of(trial.findings_.begin(), trial.findings_.end(),
                          [](const SchemaChange& f) { return f.is_error; });
    });
  }

  std::string record_;
  std::vector<SchemaChange> findings_ = {};
};

std::string key_of(const RecordSchema& record) {
  return std::string(to_string(record.kind)) + " " + record.ns + ":" + record.name;
}

// Compares the versions if both have one. True: the data need not be compared.
bool compare_versions(const RecordSchema& older, const RecordSchema& newer,
                      std::vector<SchemaChange>& findings) {
  const auto before = parse_version(older.version), now = parse_version(newer.version);
  if (!before || !now) return false;
  const auto change = "version " + older.version + " became " + newer.version;
  if (*now < *before) findings.push_back({true, key_of(newer), "", change + ": versions only grow"});
  if (now->major == before->major) return false;
  if (now->major > before->major)
    findings.push_back({false, key_of(newer), "", change + ": older records need an upgrade function"});
  return true;
}

void compare_record(const RecordSchema& older, const RecordSchema& newer,
                    std::vector<SchemaChange>& findings) {
  if (compare_versions(older, newer, findings)) return;
  Comparison comparison(key_of(newer));
  comparison.types(older.data, newer.data, "data");
  auto found = comparison.take();
  const bool same_version = !older.version.empty() && older.version == newer.version;
  if (same_version && !found.empty())
    findings.push_back({true, key_of(newer), "", "changed, but still has version " + newer.version});
  findings.insert(findings.end(), found.begin(), found.end());
}

std::string list_of(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

}  // namespace

std::vector<SchemaChange> compare_schemas(const std::vector<RecordSchema>& older,
                                          const std::vector<RecordSchema>& newer) {
  std::map<std::string, std::pair<const RecordSchema*, const RecordSchema*>> pairs;
  for (const auto& record : older) pairs[key_of(record)].first = &record;
  for (const auto& record : newer) pairs[key_of(record)].second = &record;
  std::vector<SchemaChange> findings;
  for (const auto& [record, both] : pairs) {
    if (!both.first) {
      findings.push_back({false, record, "", "is new"});
    } else if (!both.second) {
      findings.push_back({true, record, "", "is gone: older programs may wait for it, and its records stay"});
    } else {
      compare_record(*both.first, *both.second, findings);
    }
  }
  return findings;
}

std::string to_string(const SchemaChange& finding) {
  std::string text = finding.is_error ? "ERROR " : "ok ";
  text += finding.record + ": ";
  if (!finding.path.empty()) text += finding.path + ": ";
  return text + finding.what;
}

std::string to_string(const TypeSchema& type) {
  const auto bits = " of " + std::to_string(type.bits) + " bits";
  switch (type.shape) {
    case Shape::null:
      return "null";
    case Shape::boolean:
      return "a boolean";
    case Shape::integer:
      return (type.is_signed ? "an integer" : "an unsigned integer") + bits;
    case Shape::real:
      return "a real" + bits;
    case Shape::text:
      return "text";
    case Shape::bytes:
      return "bytes";
    case Shape::fixed:
      return std::to_string(type.size) + " bytes";
    case Shape::instant:
      return "an instant";
    case Shape::other:
      return "a " + type.meaning;
    case Shape::symbols:
      return "one of the symbols " + list_of(type.names);
    case Shape::list:
      return "a list of " + to_string(type.items[0]);
    case Shape::map:
      return "a map to " + to_string(type.items[0]);
    case Shape::members:
      return "a map with members of its own";
    case Shape::enclosing:
      return "the type " + std::to_string(type.size + 1) + " levels around it";
    case Shape::one_of: {
      std::string out;
      for (const auto& item : type.items) out += (out.empty() ? "" : " or ") + to_string(item);
      return out;
    }
    case Shape::any:
      return "anything";
  }
  return "something else";
}

}  // namespace eventy
